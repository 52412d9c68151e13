use std::fmt::Write;

use onedge_plot::{Abscissa, Chart, ChartPanel, Drawing, Look, Scale, tick_label};
use onedge_registry::Entry;
use onedge_text::table::number;

use super::ranks::correlation;
use crate::claim::{Claim, Seen};
use crate::draw::quoted;
use crate::gain::{self, SIGMAS, gain};
use crate::judge::{Judge, graded, limits, unknown, whether};
use crate::problems::{Scaled, scaled};
use crate::results::Grids;
use crate::{Comparison, Error, Exhibit, Kind, Picture, Results, Scope};

pub(super) static ENTRY: Entry<Exhibit> = Entry {
    name: "scale",
    summary: "the gain of CDAT and its best sigma by width, depth and data, all at the same cost",
    doc: "MLPs on photographs by gradient descent in full batch. One of the three is varied at a time, and a run has so many steps that steps x \
          parameters x examples are the same for all. The gain is the tuned constant's final loss (of eight rates) over CDAT's. With equal steps, as \
          in figure 18, larger networks simply get further.",
    settings: &[],
    build: Exhibit {
        kind: Kind::Study {
            question: "At equal cost, does CDAT gain more on wider and deeper networks and more data, and does its best sigma stay where it is?",
        },
        comparison,
        judge,
        draw: |results, _: Abscissa| Ok(draw(results)),
    },
};

/// What is varied, and how a shape has it.
type Axis = (&'static str, fn(&Scaled) -> usize);
const AXES: [Axis; 3] = [("width", |s| s.width), ("depth", |s| s.depth), ("examples", |s| s.examples)];

fn base(scope: &Scope) -> Scaled {
    scope.choose(
        Scaled { width: 64, depth: 2, examples: 256 },
        Scaled { width: 64, depth: 2, examples: 2048 },
        Scaled { width: 256, depth: 2, examples: 8192 },
    )
}

/// The shapes along which one of them is varied, from the smallest to the largest.
fn shapes(scope: &Scope, axis: &str) -> Vec<Scaled> {
    let base = base(scope);
    // Cost grows with each of them: 4 times as many steps at one end, a quarter at the other, or about so.
    let around = |value: usize| [value / 4, value / 2, value, 2 * value, 4 * value];
    match axis {
        "width" => around(base.width).map(|width| Scaled { width, ..base }).to_vec(),
        "depth" => [1, 2, 4, 6].map(|depth| Scaled { depth, ..base }).to_vec(),
        _ => around(base.examples).map(|examples| Scaled { examples, ..base }).to_vec(),
    }
}

fn comparison(scope: &Scope) -> Result<Comparison, Error> {
    let mut comparison = Comparison::none();
    let mut added: Vec<Scaled> = Vec::new();
    for shape in AXES.iter().flat_map(|(axis, _)| shapes(scope, axis)) {
        if !added.contains(&shape) {
            added.push(shape);
            gain::add(&mut comparison, &scaled(scope, shape, base(scope)))?;
        }
    }
    Ok(comparison)
}

/// A problem as its name has it: "width 64, depth 2, 256 examples, 1000 steps".
fn parsed(problem: &str) -> Option<Scaled> {
    let parts: Vec<&str> = problem.split(", ").collect();
    let [width, depth, examples, _] = parts[..] else { return None };
    Some(Scaled {
        width: width.strip_prefix("width ")?.parse().ok()?,
        depth: depth.strip_prefix("depth ")?.parse().ok()?,
        examples: examples.strip_suffix(" examples")?.parse().ok()?,
    })
}

/// The problems along an axis, from the smallest to the largest: those that are alike in all else as the most are.
fn along(results: &Results, (axis, _): Axis) -> Vec<(usize, &str)> {
    let all: Vec<(Scaled, &str)> = results.problems().into_iter().filter_map(|p| Some((parsed(p)?, p))).collect();
    let alike = |a: &Scaled, b: &Scaled| AXES.iter().all(|(other, of)| *other == axis || of(a) == of(b));
    let like = |shape: Scaled| all.iter().filter(move |(other, _)| alike(&shape, other));
    let Some((base, _)) = all.iter().max_by_key(|(shape, _)| like(*shape).count()) else { return Vec::new() };
    let of = AXES.iter().find(|(name, _)| *name == axis).map_or(AXES[0].1, |(_, of)| *of);
    let mut found: Vec<(usize, &str)> = like(*base).map(|(shape, problem)| (of(shape), *problem)).collect();
    found.sort_unstable();
    found
}

fn judge(results: &Results) -> Vec<Claim> {
    let mut judge = Judge::default();
    for axis in AXES {
        let (name, _) = axis;
        let found: Vec<(usize, f64, f64)> = along(results, axis)
            .into_iter()
            .filter_map(|(value, problem)| gain::best(results, problem).map(|(sigma, gain)| (value, sigma, gain)))
            .collect();
        let (Some(&first), Some(&last)) = (found.first(), found.last()) else {
            judge.claim(name, "there are runs that came to their end", unknown("none did"));
            continue;
        };
        let text = |read: fn(&(usize, f64, f64)) -> f64| {
            let shown = found.iter().map(|point| format!("{}: {}", point.0, number(Some(read(point)))));
            shown.collect::<Vec<_>>().join(", ")
        };
        let (gains, sigmas) = (text(|point| point.2), text(|point| point.1));
        let says = "the best gain at the largest is above 1.25 times that at the smallest (partly: above it)";
        let [most] = limits(says);
        let growth = last.2 / first.2;
        judge.claim(name, says, Seen::of(graded(growth > most, growth > 1.0), gains.clone(), growth));
        let says = "the best gain rises along it: its rank correlation is 0.9 or more (partly: 0.5)";
        let [most, partly] = limits(says);
        let pairs: Vec<(f64, f64)> = found.iter().map(|point| (point.0 as f64, point.2)).collect();
        let seen = correlation(&pairs, 4).map_or_else(
            || unknown("too few came to their end"),
            |rho| Seen::of(graded(rho >= most, rho >= partly), format!("{rho:.2}: {gains}"), rho),
        );
        judge.claim(name, says, seen);
        let says = "the best sigmas along it are within 0.15 of each other (partly: 0.3)";
        judge.claim(name, says, gain::steady(found.iter().map(|point| point.1), limits(says), sigmas));
    }
    for problem in results.problems() {
        let says = "sigma 2 ends at 1.2 times the loss of the best sigma or less (partly: 2 times)";
        let [_, most, partly] = limits(says);
        let seen = gain(results, problem, 2.0).zip(gain::best(results, problem)).map(|(own, (sigma, best))| {
            let ratio = best / own;
            Seen::of(
                graded(ratio <= most, ratio <= partly),
                format!("{} times, best {sigma}", number(Some(ratio))),
                ratio,
            )
        });
        judge.claim(problem, says, seen.unwrap_or_else(|| unknown("sigma 2 did not come to its end")));
        let says = "CDAT at its best sigma ends no higher than the tuned constant: the gain is 1 or more";
        let [least] = limits(says);
        let seen = gain::best(results, problem).map(|(sigma, gain)| {
            Seen::of(whether(gain >= least), format!("{} at sigma {sigma}", number(Some(gain))), gain)
        });
        judge.claim(problem, says, seen.unwrap_or_else(|| unknown("no run came to its end")));
    }
    judge.claims()
}

fn draw(results: &Results) -> Picture {
    let seeds: Vec<Results> = (0..results.seeds()).map(|seed| results.of_seed(seed, Grids::Chosen)).collect();
    let panel = |axis: &Axis| {
        let along = along(results, *axis);
        ChartPanel {
            title: axis.0.to_owned(),
            legend: along.iter().map(|(value, _)| tick_label(*value as f64)).collect(),
            scale: Scale::Log,
            curves: along.iter().map(|(_, problem)| gain::trace(results, &seeds, problem)).collect(),
            across: Some((1.0, "no gain")),
        }
    };
    let chart = Chart {
        title: "The gain of CDAT at equal cost: the tuned constant's final loss over its own".to_owned(),
        x_label: "σ".to_owned(),
        // What each is stands in its panel.
        curves: [4, 2, 1, 6, 0].map(|color| (String::new(), Look::solid(color))).to_vec(),
        panels: AXES.iter().map(panel).collect(),
        rows: Vec::new(),
        note: format!(
            "lines: gains of mean losses over {} seeds, bands: lowest to highest gain of a seed",
            results.seeds()
        ),
    };
    let mut csv = String::from("problem,sigma,gain\n");
    for problem in results.problems() {
        for sigma in SIGMAS {
            let gain = gain(results, problem, sigma).map_or(String::new(), |gain| format!("{gain:.5e}"));
            let _ = writeln!(csv, "{},{sigma},{gain}", quoted(problem));
        }
    }
    Picture { drawing: Drawing::Curves(chart), csv }
}

#[cfg(test)]
mod tests {
    use onedge_theory::presets::Verdict::{self, NotShown, Shown};

    use super::*;
    use crate::results::samples::{diverged, falling, series};

    /// Of each shape the best sigma and its gain; at the others CDAT does as the constant does.
    fn results(of: impl Fn(Scaled) -> (f64, f64)) -> Results {
        let scope = Scope::small();
        let mut all = Vec::new();
        let mut known: Vec<Scaled> = Vec::new();
        for shape in AXES.iter().flat_map(|(axis, _)| shapes(&scope, axis)) {
            if known.contains(&shape) {
                continue;
            }
            known.push(shape);
            let name = scaled(&scope, shape, base(&scope)).name;
            let (best, gain) = of(shape);
            all.push(series(&name, "constant", vec![falling(0.8)]));
            for sigma in SIGMAS {
                let end = if sigma == best {
                    falling(0.8 / gain)
                } else if sigma > 2.2 {
                    diverged()
                } else {
                    falling(8.0)
                };
                all.push(series(&name, &gain::series(sigma), vec![end]));
            }
        }
        Results { series: all }
    }

    #[test]
    fn both_outcomes() {
        let verdicts =
            |results: &Results| judge(results).into_iter().map(|claim| claim.verdict).collect::<Vec<Verdict>>();
        let grows = results(|shape| (2.0, (shape.width * shape.depth * shape.examples) as f64));
        assert_eq!(verdicts(&grows), [Shown; 3 * 3 + 2 * 12]);
        let fades = results(|shape| {
            let small = 1e5 / (1.5e5 + (shape.width * shape.depth * shape.examples) as f64);
            let odd = (shape.width.ilog2() + shape.depth as u32 + shape.examples.ilog2()).is_multiple_of(2);
            (if odd { 1.0 } else { 1.9 }, small)
        });
        assert_eq!(verdicts(&fades), [NotShown; 3 * 3 + 2 * 12]);
    }

    #[test]
    fn all_shapes_cost_the_same() {
        let scope = Scope { data: Some("data".into()), ..Scope::small() };
        for shape in AXES.iter().flat_map(|(axis, _)| shapes(&scope, axis)) {
            let problem = scaled(&scope, shape, base(&scope));
            assert_eq!(parsed(&problem.name), Some(shape));
            let Scaled { width, depth, examples } = shape;
            let work = problem.steps as usize * examples * (192 * width + (depth - 1) * width * width + 10 * width);
            let expected = 1000_usize * 256 * (192 * 64 + 64 * 64 + 640);
            assert!((work as f64 / expected as f64 - 1.0).abs() < 0.01, "{}: {work} {expected}", problem.name);
        }
        let widths: Vec<usize> = along(&results(|_| (2.0, 1.0)), AXES[0]).into_iter().map(|(width, _)| width).collect();
        assert_eq!(widths, [16, 32, 64, 128, 256]);
    }
}
