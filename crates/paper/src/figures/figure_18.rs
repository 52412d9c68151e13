use std::fmt::Write;

use crate::Error;
use crate::claim::{Claim, Seen};
use crate::draw::quoted;
use crate::judge::{Judge, end, graded, limits, unknown, whether};
use crate::problems::{Shape, mlp};
use crate::results::Grids;
use crate::{Comparison, Exhibit, Kind, Picture, Results, Scope, gain};
use onedge_plot::{Chart, ChartPanel, Drawing, Look, Scale, tick_label};
use onedge_registry::Entry;
use onedge_text::table::number;

pub(super) static ENTRY: Entry<Exhibit> = Entry {
    name: "figure-18",
    summary: "CDAT on MLPs of several widths, depths, weight decays and data sizes, by sigma",
    doc: "The gain of CDAT, the tuned constant's final loss over its own, by gradient descent in full batch. One of the four is \
          varied at a time.",
    settings: &[],
    build: Exhibit {
        kind: Kind::Figure {
            number: 18,
            must_show: "the gain grows with width and with depth (the best sigma is slightly under 2 when deep), fades with weight \
                    decay, and does not shift with the size of the data",
        },
        comparison,
        judge,
        draw: |results, _| Ok(draw(results)),
    },
};

/// What is varied.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Varied {
    Width,
    Depth,
    WeightDecay,
    Examples,
}

const ALL: [(Varied, &str); 4] = [
    (Varied::Width, "width"),
    (Varied::Depth, "depth"),
    (Varied::WeightDecay, "weight decay"),
    (Varied::Examples, "examples"),
];

/// The shapes along which one of them is varied, from the smallest to the largest.
fn shapes(scope: &Scope, varied: Varied) -> Vec<Shape> {
    let base = scope.choose(
        Shape { width: 32, depth: 2, weight_decay: 1e-5, examples: 256 },
        Shape { width: 64, depth: 2, weight_decay: 1e-5, examples: 2048 },
        Shape { width: 256, depth: 2, weight_decay: 1e-5, examples: 8192 },
    );
    match varied {
        Varied::Width => scope
            .choose([16, 32, 64, 128], [32, 64, 128, 256], [64, 128, 256, 512])
            .map(|width| Shape { width, ..base })
            .to_vec(),
        Varied::Depth => [1, 2, 4, 6].map(|depth| Shape { depth, ..base }).to_vec(),
        Varied::WeightDecay => [0.0, 1e-5, 1e-3, 1e-2].map(|weight_decay| Shape { weight_decay, ..base }).to_vec(),
        Varied::Examples => scope
            .choose([64, 128, 256, 512], [512, 1024, 2048, 4096], [1024, 2048, 4096, 8192])
            .map(|examples| Shape { examples, ..base })
            .to_vec(),
    }
}

fn comparison(scope: &Scope) -> Result<Comparison, Error> {
    let mut comparison = Comparison::none();
    let mut added: Vec<Shape> = Vec::new();
    for shape in ALL.into_iter().flat_map(|(varied, _)| shapes(scope, varied)) {
        if added.contains(&shape) {
            continue;
        }
        added.push(shape);
        gain::add(&mut comparison, &mlp(scope, shape))?;
    }
    Ok(comparison)
}

/// A problem as its name has it: "width 32, depth 2, weight decay 0.00001, 256 examples".
fn parsed(problem: &str) -> Option<Shape> {
    let parts: Vec<&str> = problem.split(", ").collect();
    let [width, depth, decay, examples] = parts[..] else { return None };
    Some(Shape {
        width: width.strip_prefix("width ")?.parse().ok()?,
        depth: depth.strip_prefix("depth ")?.parse().ok()?,
        weight_decay: decay.strip_prefix("weight decay ")?.parse().ok()?,
        examples: examples.strip_suffix(" examples")?.parse().ok()?,
    })
}

impl Varied {
    fn of(self, shape: Shape) -> f64 {
        match self {
            Self::Width => shape.width as f64,
            Self::Depth => shape.depth as f64,
            Self::WeightDecay => shape.weight_decay,
            Self::Examples => shape.examples as f64,
        }
    }

    /// Whether two shapes differ in nothing else.
    fn alone(self, a: Shape, b: Shape) -> bool {
        ALL.iter().all(|(other, _)| *other == self || other.of(a) == other.of(b))
    }

    /// The problems along which it is varied, from the smallest to the largest: those that are alike in all else as the most
    /// are.
    fn along(self, results: &Results) -> Vec<(f64, String)> {
        let all: Vec<(Shape, &str)> = results.problems().into_iter().filter_map(|p| Some((parsed(p)?, p))).collect();
        let like = |shape: Shape| all.iter().filter(move |(other, _)| self.alone(shape, *other));
        let Some((base, _)) = all.iter().max_by_key(|(shape, _)| like(*shape).count()) else { return Vec::new() };
        let mut found: Vec<(f64, String)> =
            like(*base).map(|(shape, problem)| (self.of(*shape), (*problem).to_owned())).collect();
        found.sort_by(|a, b| a.0.total_cmp(&b.0));
        found
    }
}

fn judge(results: &Results) -> Vec<Claim> {
    let mut judge = Judge::default();
    for (varied, name) in ALL {
        let along: Vec<(f64, f64, f64)> = varied
            .along(results)
            .into_iter()
            .filter_map(|(value, problem)| gain::best(results, &problem).map(|(sigma, gain)| (value, sigma, gain)))
            .collect();
        let (Some(&first), Some(&last)) = (along.first(), along.last()) else {
            judge.claim(name, "there are runs that came to their end", unknown("none did"));
            continue;
        };
        let text = |read: fn(&(f64, f64, f64)) -> f64| {
            let shown = along.iter().map(|point| format!("{}: {}", point.0, number(Some(read(point)))));
            shown.collect::<Vec<_>>().join(", ")
        };
        let (gains, sigmas) = (text(|point| point.2), text(|point| point.1));
        let growth = last.2 / first.2;
        match varied {
            Varied::Width => {
                let says =
                    "the best gain at the largest width is above 1.25 times that at the smallest (partly: above it)";
                let [most] = limits(says);
                judge.claim(name, says, Seen::of(graded(growth > most, growth > 1.0), gains, growth));
            }
            Varied::Depth => {
                let says =
                    "the best gain at the largest depth is above 1.25 times that at the smallest (partly: above it)";
                let [most] = limits(says);
                judge.claim(name, says, Seen::of(graded(growth > most, growth > 1.0), gains, growth));
                let says = "at the largest depth the best sigma is from 1.7 to 2, below 2";
                let [low, high, _] = limits(says);
                judge.claim(name, says, Seen::of(whether((low..high).contains(&last.1)), sigmas, last.1));
            }
            Varied::WeightDecay => {
                let says = "the best gain at the largest weight decay is under 0.8 times that at the smallest (partly: under it)";
                let [most] = limits(says);
                judge.claim(name, says, Seen::of(graded(growth < most, growth < 1.0), gains, growth));
            }
            Varied::Examples => {
                let says = "the best sigmas of all data sizes are within 0.15 of each other (partly: 0.3)";
                judge.claim(name, says, gain::steady(along.iter().map(|point| point.1), limits(says), sigmas));
            }
        }
    }
    judge.claims()
}

fn draw(results: &Results) -> Picture {
    let seeds: Vec<Results> = (0..results.seeds()).map(|seed| results.of_seed(seed, Grids::Chosen)).collect();
    let panel = |(varied, name): (Varied, &str)| {
        let along = varied.along(results);
        let curve = |(_, problem): &(f64, String)| gain::trace(results, &seeds, problem);
        ChartPanel {
            title: name.to_owned(),
            legend: along.iter().map(|(value, _)| tick_label(*value)).collect(),
            scale: Scale::Log,
            curves: along.iter().map(curve).collect(),
            across: Some((1.0, "no gain")),
        }
    };
    let chart = Chart {
        title: "The gain of CDAT: the tuned constant's final loss over its own".to_owned(),
        x_label: "σ".to_owned(),
        // What each is stands in its panel.
        curves: [4, 2, 1, 6].map(|color| (String::new(), Look::solid(color))).to_vec(),
        panels: ALL.map(panel).to_vec(),
        rows: Vec::new(),
        note: match results.seeds() {
            0 | 1 => String::new(),
            count => format!("lines: gains of mean losses over {count} seeds, bands: lowest to highest gain of a seed"),
        },
    };
    Picture { drawing: Drawing::Curves(chart), csv: csv(results) }
}

fn csv(results: &Results) -> String {
    let mut text = String::from("width,depth,weight_decay,examples,rule,setting,final_loss,gain\n");
    for measured in &results.series {
        let Some(Shape { width, depth, weight_decay, examples }) = parsed(&measured.problem) else { continue };
        let point = results.best(&measured.problem, &measured.group.name);
        let constant = results.best(&measured.problem, "constant").and_then(|point| point.final_loss());
        let gain = point.and_then(|point| Some(constant? / point.final_loss()?));
        let setting = point.map_or("", |point| point.label.as_str());
        let gain = gain.map_or(String::new(), |gain| format!("{gain:e}"));
        let [rule, setting, loss] = [&measured.group.name, setting, &end(point)].map(quoted);
        let _ = writeln!(text, "{width},{depth},{weight_decay},{examples},{rule},{setting},{loss},{gain}");
    }
    text
}

#[cfg(test)]
mod tests {
    use onedge_theory::presets::Verdict::{NotShown, Shown};

    use super::*;
    use crate::results::samples::{diverged, falling, series as measured};

    /// The gain of each shape at its best sigma; at the others CDAT does as the constant does.
    fn results(gain: impl Fn(Shape) -> (f64, f64)) -> Results {
        let mut all = Vec::new();
        let mut known: Vec<Shape> = Vec::new();
        for shape in ALL.into_iter().flat_map(|(varied, _)| shapes(&Scope::small(), varied)) {
            if known.contains(&shape) {
                continue;
            }
            known.push(shape);
            let name = mlp(&Scope::small(), shape).name;
            let (best, gain) = gain(shape);
            all.push(measured(&name, "constant", vec![falling(0.8)]));
            for sigma in gain::SIGMAS {
                let end = if sigma == best {
                    falling(0.8 / gain)
                } else if sigma > 2.2 {
                    diverged()
                } else {
                    falling(0.8)
                };
                all.push(measured(&name, &gain::series(sigma), vec![end]));
            }
        }
        Results { series: all }
    }

    #[test]
    fn both_outcomes() {
        let verdicts = |results: &Results| judge(results).into_iter().map(|claim| claim.verdict).collect::<Vec<_>>();
        let shown = results(|shape| {
            let gain = (shape.width * shape.depth) as f64 / (1.0 + 1000.0 * shape.weight_decay);
            (if shape.depth > 4 { 1.9 } else { 2.0 }, gain)
        });
        assert_eq!(verdicts(&shown), [Shown; 5]);
        let not = results(|shape| {
            let gain = 1e4 / (shape.width * shape.depth) as f64 * (1.0 + shape.weight_decay);
            (if shape.examples > 300 { 1.5 } else { 2.1 }, gain)
        });
        assert_eq!(verdicts(&not), [NotShown; 5]);
    }

    #[test]
    fn problems_are_read_from_their_names() {
        let scope = Scope::paper();
        for shape in ALL.into_iter().flat_map(|(varied, _)| shapes(&scope, varied)) {
            assert_eq!(parsed(&mlp(&scope, shape).name), Some(shape));
        }
        let all = results(|_| (2.0, 2.0));
        let widths: Vec<f64> = Varied::Width.along(&all).into_iter().map(|(value, _)| value).collect();
        assert_eq!(widths, [16.0, 32.0, 64.0, 128.0]);
        let Drawing::Curves(chart) = draw(&all).drawing else { panic!("expected curves") };
        assert_eq!(
            (chart.panels.len(), chart.panels[0].curves.len(), chart.panels[0].curves[3].points[4].1),
            (4, 4, 2.0)
        );
        assert_eq!(csv(&all).lines().count(), 1 + 13 * 8);
    }
}
