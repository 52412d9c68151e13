use std::fmt::Write;

use onedge_plot::{Abscissa, Chart, ChartPanel, Drawing, Look, Scale, Trace};
use onedge_registry::Entry;
use onedge_sweep::compare::Point;
use onedge_text::table::number;

use super::at_cost;
use crate::claim::{Claim, Seen};
use crate::draw::quoted;
use crate::judge::{Judge, ends, graded, limits, unknown};
use crate::problems::{METHODS, networks};
use crate::results::mean;
use crate::rules::sigma;
use crate::{Comparison, Error, Exhibit, Kind, Picture, Results, Scope};

const SIGMAS: [f64; 4] = [1.0, 1.5, 2.0, 2.25];

pub(super) static ENTRY: Entry<Exhibit> = Entry {
    name: "optimizers",
    summary: "CDAT around eight optimizers on four networks",
    doc: "The best of sigma 1 to 2.25, with and without averages (beta 0.9), against the best constant rate and the best cosine \
          schedule of nine rates each, in full batch. For Lion and Muon, whose updates are no gradients under a fixed preconditioner, the sharpness is what CDAT itself \
          reads, u.Hu / |u|^2 along their own update; no edge of theirs is known.",
    settings: &[],
    build: Exhibit {
        kind: Kind::Study {
            question: "With which optimizers does CDAT do as well as a tuned constant rate and a tuned schedule, at equal steps and at \
                       equal cost, and at which sigma?",
        },
        comparison,
        judge,
        draw: |results, _: Abscissa| Ok(draw(results)),
    },
};

fn comparison(scope: &Scope) -> Result<Comparison, Error> {
    let mut comparison = Comparison::none();
    for problem in METHODS.iter().flat_map(|&method| networks(scope, method)) {
        comparison.add(&problem, "constant", &problem.constants())?;
        comparison.add(&problem, "schedule", &problem.schedules(scope))?;
        let grid: Vec<_> = SIGMAS.iter().flat_map(|&sigma| problem.cdat(sigma)).collect();
        comparison.add(&problem, "CDAT", &grid)?;
    }
    Ok(comparison)
}

/// The optimizer of a problem, from its name: "ViT, Adam".
fn method(problem: &str) -> &str {
    problem.rsplit(", ").next().unwrap_or_default()
}

fn judge(results: &Results) -> Vec<Claim> {
    let mut judge = Judge::default();
    let failed = || unknown("no run came to its end");
    let within = |ratio: f64, [most, partly]: [f64; 2]| graded(ratio <= most, ratio <= partly);
    for problem in results.problems() {
        for (name, says) in [
            ("constant", "CDAT ends at 1.1 times the tuned constant's loss or less (partly: 2 times)"),
            ("schedule", "CDAT ends at 1.1 times the tuned schedule's loss or less (partly: 2 times)"),
        ] {
            let found = ends(results, problem, "CDAT", name);
            judge.claim(problem, says, found.map_or_else(failed, |ends| ends.seen(within(ends.ratio, limits(says)))));
        }
        let says = "at the cost of the constant's run CDAT is at 1.1 times its final loss or less (partly: 2 times)";
        let seen = results.best(problem, "constant").zip(results.best(problem, "CDAT")).and_then(|(constant, cdat)| {
            let (then, end) = (at_cost(cdat, constant)?, constant.final_loss()?);
            let text =
                format!("{} against {}, {} times", number(Some(then)), number(Some(end)), number(Some(then / end)));
            Some(Seen::of(within(then / end, limits(says)), text, then / end))
        });
        judge.claim(problem, says, seen.unwrap_or_else(failed));
    }
    for (_, name, _) in METHODS {
        let of = |problem: &&str| method(problem) == name;
        let best = |problem: &str| results.best(problem, "CDAT").and_then(sigma);
        let found: Vec<f64> = results.problems().into_iter().filter(of).filter_map(best).collect();
        let says = "the best sigma is from 1.5 to 2.25 on every network (partly: on all but one)";
        let [low, high] = limits(says);
        let inside = found.iter().filter(|sigma| (low..=high).contains(*sigma)).count();
        let text: Vec<String> = found.iter().map(f64::to_string).collect();
        let verdict = graded(!found.is_empty() && inside == found.len(), inside + 1 >= found.len().max(2));
        judge.claim(name, says, if found.is_empty() { failed() } else { Seen::bare(verdict, text.join(", ")) });
    }
    judge.claims()
}

/// The least loss at a sigma over the tuned constant's, of all averages.
fn relative(results: &Results, problem: &str, at: f64) -> Option<f64> {
    let constant = results.best(problem, "constant")?.final_loss()?;
    let points = results.group(problem, "CDAT")?.points.iter().filter(|point| sigma(point) == Some(at));
    points.filter_map(Point::final_loss).reduce(f64::min).map(|loss| loss / constant)
}

fn draw(results: &Results) -> Picture {
    let mut networks: Vec<&str> = results.problems().iter().filter_map(|p| Some(p.split_once(", ")?.0)).collect();
    networks.dedup();
    networks.sort_unstable();
    networks.dedup();
    let trace = |network: &str, name: &str| {
        let problem = format!("{network}, {name}");
        let points = SIGMAS.iter().map(|&at| (at, relative(results, &problem, at).unwrap_or(f64::NAN)));
        Trace { points: points.collect(), ..Trace::default() }
    };
    let panel = |network: &&str| ChartPanel {
        title: (*network).to_owned(),
        scale: Scale::Log,
        curves: METHODS.iter().map(|(_, name, _)| trace(network, name)).collect(),
        across: Some((1.0, "tuned constant")),
        legend: Vec::new(),
    };
    let chart = Chart {
        title: "CDAT's final loss over the tuned constant's, by sigma".to_owned(),
        x_label: "σ".to_owned(),
        curves: METHODS.iter().enumerate().map(|(i, (_, name, _))| ((*name).to_owned(), Look::solid(i))).collect(),
        panels: networks.iter().map(panel).collect(),
        rows: Vec::new(),
        note: format!("means of {} seeds; the better of β 0 and 0.9", results.seeds()),
    };
    Picture { drawing: Drawing::Curves(chart), csv: csv(results) }
}

fn csv(results: &Results) -> String {
    let mut text = String::from("problem,rule,setting,final_loss,standard_error,cost\n");
    for measured in &results.series {
        for point in &measured.group.points {
            let head = [&measured.problem, &measured.group.name, &point.label].map(|text| quoted(text)).join(",");
            let show = |value: Option<f64>| value.map_or(String::new(), |value| format!("{value:.5e}"));
            let cost = mean(&point.runs.iter().map(|run| run.summary.cost).collect::<Vec<_>>());
            let _ =
                writeln!(text, "{head},{},{},{}", show(point.final_loss()), show(point.standard_error()), show(cost));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use onedge_theory::presets::Verdict::{self, NotShown, Shown};

    use super::*;
    use crate::results::samples::{falling, grid, series};
    use crate::rules;

    fn results(end: f64, best: usize) -> Results {
        let of = |(_, name, _): (&str, &str, f64)| {
            let problem = format!("ViT, {name}");
            let labels = SIGMAS.map(|sigma| rules::cdat(sigma, 0.0).label);
            let ends = labels
                .iter()
                .enumerate()
                .map(|(i, label)| (label.as_str(), vec![falling(if i == best { end } else { 3.0 * end })]));
            let others = ["constant", "schedule"].map(|name| series(&problem, name, vec![falling(0.1)]));
            [others.to_vec(), vec![grid(&problem, "CDAT", ends.collect())]].concat()
        };
        Results { series: METHODS.into_iter().flat_map(of).collect() }
    }

    #[test]
    fn both_outcomes() {
        let verdicts =
            |results: &Results| judge(results).into_iter().map(|claim| claim.verdict).collect::<Vec<Verdict>>();
        assert_eq!(verdicts(&results(0.1, 2)), [Shown; 32]);
        assert_eq!(verdicts(&results(0.3, 0)), [NotShown; 32]);
    }

    #[test]
    fn the_picture_has_a_curve_for_each_optimizer() {
        let Picture { drawing: Drawing::Curves(chart), csv } = draw(&results(0.2, 1)) else {
            panic!("expected curves")
        };
        assert_eq!((chart.panels.len(), chart.panels[0].curves.len(), chart.curves[6].0.as_str()), (1, 8, "Lion"));
        assert!((chart.panels[0].curves[0].points[1].1 - 2.0).abs() < 1e-9);
        assert_eq!(csv.lines().count(), 1 + 8 * 6);
    }
}
