use std::fmt::Write;

use onedge_plot::{Abscissa, Chart, ChartPanel, Drawing, Look, Scale, Trace};
use onedge_registry::Entry;
use onedge_run::Finished;
use onedge_sweep::compare::Point;
use onedge_text::numbers::plus_minus;
use onedge_text::table::number;

use super::ranks::correlation;
use crate::claim::{Claim, Seen};
use crate::draw::{LOSS, SHARPNESS, Style, curves, quoted};
use crate::judge::{Judge, graded, limits, over_seeds, unknown};
use crate::problems::to_a_loss;
use crate::results::{Grids, mean};
use crate::{Comparison, Error, Exhibit, Kind, Picture, Results, Scope, rules};

const GREEDY: &str = "greedy, σ 1";
const EDGE: &str = "on edge, σ 2";
const NAMES: [&str; 4] = ["constant", "schedule", GREEDY, EDGE];

pub(super) static ENTRY: Entry<Exhibit> = Entry {
    name: "generalisation",
    summary: "test accuracy at equal training loss: constants, schedules, greedily and on edge",
    doc: "Every run ends as soon as its training loss is at the same low value. Then the share of test images that are classified rightly is \
          compared, and the sharpness of the point reached. Of constants and schedules the one counts that gets there in the fewest steps; all of them \
          are in the correlation.",
    settings: &[],
    build: Exhibit {
        kind: Kind::Study {
            question: "At equal training loss, does the flatter end that the edge leads to classify test images better?",
        },
        comparison,
        judge,
        draw: |results, _: Abscissa| Ok(draw(results)),
    },
};

fn comparison(scope: &Scope) -> Result<Comparison, Error> {
    let mut comparison = Comparison { grids: Grids::Whole, ..Comparison::none() };
    for problem in to_a_loss(scope) {
        comparison.add(&problem, NAMES[0], &problem.constants())?;
        comparison.add(&problem, NAMES[1], &problem.schedules(scope))?;
        comparison.add(&problem, GREEDY, &[rules::cdat(1.0, 0.0)])?;
        comparison.add(&problem, EDGE, &[rules::cdat(2.0, 0.0)])?;
    }
    Ok(comparison)
}

fn accuracy(run: &Finished) -> Option<f64> {
    run.summary.test.get("accuracy").map(|share| 100.0 * share)
}

/// The sharpness where it was measured last.
fn sharpness(run: &Finished) -> Option<f64> {
    run.records.iter().rev().find_map(SHARPNESS.quantity)
}

fn arrived(point: &Point) -> bool {
    use onedge_record::StopReason::TargetReached;
    !point.runs.is_empty() && point.runs.iter().all(|run| matches!(run.summary.stop, TargetReached { .. }))
}

/// Of a grid the point that gets to the loss in the fewest steps, of all seeds together.
fn fastest<'a>(results: &'a Results, problem: &str, name: &str) -> Option<&'a Point> {
    let steps = |point: &&Point| point.runs.iter().map(|run| run.summary.steps).sum::<u64>();
    results.group(problem, name)?.points.iter().filter(|point| arrived(point)).min_by_key(steps)
}

fn judge(results: &Results) -> Vec<Claim> {
    let mut judge = Judge::default();
    for problem in results.problems() {
        let edge = fastest(results, problem, EDGE);
        for (other, flatter, better) in [
            (
                GREEDY,
                "on edge ends at 0.8 times the sharpness of greedy or less (partly: at less)",
                "on edge classifies 1 % of the test images more rightly than greedy, or more (partly: more)",
            ),
            (
                "constant",
                "on edge ends at 0.8 times the sharpness of the fastest constant or less (partly: at less)",
                "on edge classifies 1 % of the test images more rightly than the fastest constant, or more (partly: more)",
            ),
            (
                "schedule",
                "on edge ends at 0.8 times the sharpness of the fastest schedule or less (partly: at less)",
                "on edge classifies 1 % of the test images more rightly than the fastest schedule, or more (partly: more)",
            ),
        ] {
            let pair = edge.zip(fastest(results, problem, other));
            let failed = || unknown("one of both did not get to the loss");
            let read = |of: fn(&Finished) -> Option<f64>| {
                pair.and_then(|(edge, other)| over_seeds(edge, of).zip(over_seeds(other, of)))
            };
            let [most] = limits(flatter);
            let seen = read(sharpness).map_or_else(failed, |(own, other)| {
                let text = format!("{} against {}", number(Some(own)), number(Some(other)));
                Seen::of(graded(own <= most * other, own < other), text, own / other)
            });
            judge.claim(problem, flatter, seen);
            let [least] = limits(better);
            let seen = read(accuracy).map_or_else(failed, |(own, other)| {
                let error = |point: Option<&Point>| spread(&point.map_or(Vec::new(), |p| values(p, accuracy)));
                let (a, b) = (plus_minus(own, error(edge)), plus_minus(other, error(pair.map(|(_, other)| other))));
                Seen::of(graded(own - other >= least, own > other), format!("{a} % against {b} %"), own - other)
            });
            judge.claim(problem, better, seen);
        }
        let says = "of all runs that got there, sharpness and test accuracy are ranked oppositely: their rank correlation is -0.5 or less \
                    (partly: -0.2)";
        let [most, partly] = limits(says);
        let found: Vec<(f64, f64)> =
            ends(results, problem).into_iter().map(|(sharpness, accuracy, _)| (sharpness, accuracy)).collect();
        let seen = correlation(&found, 5).map_or_else(
            || unknown("fewer than five runs got there"),
            |rho| {
                let text = format!("{rho:.2}, of {} runs", found.len());
                Seen::of(graded(rho <= most, rho <= partly), text, rho)
            },
        );
        judge.claim(problem, says, seen);
    }
    judge.claims()
}

fn values(point: &Point, of: fn(&Finished) -> Option<f64>) -> Vec<f64> {
    point.runs.iter().filter_map(of).collect()
}

/// The standard error of the mean; `None` of fewer than two.
fn spread(values: &[f64]) -> Option<f64> {
    let (middle, n) = (mean(values)?, values.len() as f64);
    let square: f64 = values.iter().map(|value| (value - middle).powi(2)).sum();
    (values.len() > 1).then(|| (square / (n - 1.0) / n).sqrt())
}

/// Sharpness, test accuracy and rule of every run that got to the loss.
fn ends<'a>(results: &'a Results, problem: &str) -> Vec<(f64, f64, &'a str)> {
    let of_problem = results.series.iter().filter(|series| series.problem == problem);
    let points = of_problem.flat_map(|series| series.group.points.iter().map(move |point| (&series.group.name, point)));
    let runs =
        points.filter(|(_, point)| arrived(point)).flat_map(|(name, p)| p.runs.iter().map(move |run| (name, run)));
    runs.filter_map(|(name, run)| Some((sharpness(run)?, accuracy(run)?, name.as_str()))).collect()
}

fn draw(results: &Results) -> Picture {
    let problems = results.problems();
    if problems.iter().all(|problem| ends(results, problem).is_empty()) {
        let style = Style { x: Abscissa::Step, groups: None };
        let drawing =
            curves("No run got to the training loss at which they are compared", results, &NAMES, &[LOSS], style);
        return Picture { drawing, csv: crate::draw::csv(results, &NAMES, &[LOSS]) };
    }
    let panel = |problem: &&str| {
        let found = ends(results, problem);
        let trace = |name: &&str| {
            let own = found.iter().filter(|(_, _, rule)| rule == name);
            Trace {
                dots: own.map(|&(sharpness, accuracy, _)| (sharpness.log10(), accuracy)).collect(),
                ..Trace::default()
            }
        };
        ChartPanel {
            title: format!("{problem}: test accuracy in %"),
            scale: Scale::Linear,
            curves: NAMES.iter().map(trace).collect(),
            across: None,
            legend: Vec::new(),
        }
    };
    let colors = [6, 2, 1, 0];
    let chart = Chart {
        title: "Test accuracy by final sharpness, at equal training loss".to_owned(),
        x_label: "log10 of the sharpness".to_owned(),
        curves: NAMES.iter().zip(colors).map(|(name, color)| ((*name).to_owned(), Look::solid(color))).collect(),
        panels: problems.iter().map(panel).collect(),
        rows: Vec::new(),
        note: format!("a dot is a run; {} seeds", results.seeds()),
    };
    let mut csv = String::from("problem,rule,sharpness,test_accuracy\n");
    for problem in &problems {
        for (sharpness, accuracy, name) in ends(results, problem) {
            let _ = writeln!(csv, "{},{},{sharpness:.5e},{accuracy:.3}", quoted(problem), quoted(name));
        }
    }
    Picture { drawing: Drawing::Curves(chart), csv }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use onedge_record::{Record, StopReason};
    use onedge_theory::presets::Verdict::{self, NotShown, Shown};

    use super::*;
    use crate::results::samples::{grid, run, series};

    fn ended(sharpness: f64, accuracy: f64) -> Finished {
        let mut run = run(50, |_| Record { loss: 0.1, sharpness: Some(sharpness), ..Record::default() });
        run.summary.stop = StopReason::TargetReached { step: 49 };
        run.summary.test = BTreeMap::from([("accuracy".to_owned(), accuracy)]);
        run
    }

    fn results(edge: Finished) -> Results {
        let constants = vec![("rate=1", vec![ended(40.0, 0.5)]), ("rate=2", vec![ended(50.0, 0.48)])];
        Results {
            series: vec![
                grid("net", "constant", constants),
                series("net", "schedule", vec![ended(30.0, 0.52)]),
                series("net", GREEDY, vec![ended(90.0, 0.4)]),
                series("net", EDGE, vec![edge]),
            ],
        }
    }

    #[test]
    fn both_outcomes() {
        let verdicts =
            |results: &Results| judge(results).into_iter().map(|claim| claim.verdict).collect::<Vec<Verdict>>();
        assert_eq!(verdicts(&results(ended(10.0, 0.6))), [Shown; 7]);
        assert_eq!(
            verdicts(&results(ended(100.0, 0.7))),
            [NotShown, Shown, NotShown, Shown, NotShown, Shown, NotShown]
        );
        // A rule that does not get there says nothing, and is not in the picture.
        let mut late = ended(10.0, 0.6);
        late.summary.stop = StopReason::StepsDone;
        assert_eq!(judge(&results(late.clone()))[0].measured, "one of both did not get to the loss");
        assert_eq!(draw(&results(late)).csv.lines().count(), 1 + 4);
    }
}
