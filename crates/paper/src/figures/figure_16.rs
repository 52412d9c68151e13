use super::figure_5::{EDGE, GREEDY};
use crate::Error;
use crate::claim::{Claim, Seen};
use crate::comparison::{Candidate, Series};
use crate::draw::{Across, Column, LOSS, SHARPNESS, Style, csv, curves};
use crate::judge::{Judge, ends, graded, limits, unknown};
use crate::results::between;
use crate::{Comparison, Exhibit, Kind, Picture, Results, Scope, problems, rules};
use onedge_plot::{Abscissa, Quantity, Scale};
use onedge_registry::Entry;

const NAMES: [&str; 2] = [GREEDY, EDGE];
const DIFFERENCE: Column = Column {
    title: "f(w + 2r u) − f(w + r u)",
    key: "edge_against_greedy",
    scale: Scale::Log,
    quantity: difference,
    across: Across::Nothing,
};

pub(super) static ENTRY: Entry<Exhibit> = Entry {
    name: "figure-16",
    summary: "how much worse one step on edge is than the greedy one, along both trajectories",
    doc: "f(w + eta_edge u) - f(w + eta_greedy u) at points of the runs on edge and of the greedy ones, on ten subsets of the \
          data that have no example in common, each with its own seed. Where it is negative in a subset the band reaches the lower border.",
    settings: &[],
    build: Exhibit {
        kind: Kind::Figure {
            number: 16,
            must_show: "the difference is positive throughout, yet greedy loses in the long run",
        },
        comparison,
        judge,
        draw,
    },
};

fn difference(record: &onedge_record::Record) -> Option<f64> {
    record.measured.get("edge_against_greedy").copied()
}

fn comparison(scope: &Scope) -> Result<Comparison, Error> {
    let mut comparison = Comparison::none();
    let subsets = problems::subsets(scope);
    for (name, sigma) in NAMES.iter().zip([1.0, 2.0]) {
        let rule = rules::cdat(sigma, 0.0);
        let runs = subsets.iter().zip(0..).map(|(problem, seed)| problem.wanted(&rule, seed));
        let candidate = Candidate { label: rule.label.clone(), runs: runs.collect::<Result<_, _>>()? };
        let problem = subsets[0].name.clone();
        comparison.series.push(Series { problem, name: (*name).to_owned(), candidates: vec![candidate] });
    }
    Ok(comparison)
}

fn judge(results: &Results) -> Vec<Claim> {
    let mut judge = Judge::default();
    for problem in results.problems() {
        for name in NAMES {
            let says = "the difference is positive throughout: at 100 % of the steps (partly: 95 %)";
            let verdict = positive(results, problem, name, DIFFERENCE.quantity, limits(says));
            judge.claim(&format!("{problem}: {name}"), says, verdict);
        }
        let found = ends(results, problem, GREEDY, EDGE);
        judge.claim(
            problem,
            "greedy ends above the loss on edge, every seed (partly: on the mean)",
            found.map_or(unknown("no run came to its end"), |ends| {
                ends.seen(graded(ends.all_above(1.0), ends.ratio > 1.0))
            }),
        );
    }
    judge.claims()
}

fn positive(results: &Results, problem: &str, name: &str, quantity: Quantity, [shown, partly]: [f64; 2]) -> Seen {
    let runs = results.group(problem, name).into_iter().flat_map(|group| &group.points).flat_map(|point| &point.runs);
    let values: Vec<f64> = runs.flat_map(|run| between(run, quantity, (0.0, 1.0))).collect();
    if values.is_empty() {
        return unknown("not measured");
    }
    let count = values.iter().filter(|value| **value > 0.0).count();
    let share = count as f64 / values.len() as f64;
    Seen::of(
        graded(100.0 * share >= shown, 100.0 * share >= partly),
        format!("{count} of {}, {:.1} %", values.len(), 100.0 * share),
        100.0 * share,
    )
}

fn draw(results: &Results, x: Abscissa) -> Result<Picture, Error> {
    let (columns, style) = ([DIFFERENCE, LOSS, SHARPNESS], Style { x, groups: None });
    let title = "One step on edge against the greedy one";
    Ok(Picture { drawing: curves(title, results, &NAMES, &columns, style), csv: csv(results, &NAMES, &columns) })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use onedge_theory::presets::Verdict::{self, NotShown, Partly, Shown};

    use super::*;
    use crate::results::samples::{run, series};
    use onedge_record::Record;
    use onedge_run::Finished;

    /// The difference is negative in the last so many of a hundred steps.
    fn differing(end: f64, negative: u64) -> Finished {
        run(100, |step| {
            let value = if step + negative >= 100 { -1.0 } else { 1.0 };
            let measured = BTreeMap::from([("edge_against_greedy".to_owned(), value)]);
            Record { loss: end, measured, ..Record::default() }
        })
    }

    #[test]
    fn both_outcomes() {
        let verdicts = |greedy: f64, negative: u64| -> Vec<Verdict> {
            let all =
                [(GREEDY, greedy), (EDGE, 0.1)].map(|(name, end)| series("a", name, vec![differing(end, negative)]));
            judge(&Results { series: all.to_vec() }).into_iter().map(|claim| claim.verdict).collect()
        };
        assert_eq!(verdicts(0.2, 0), [Shown; 3]);
        assert_eq!(verdicts(0.2, 1), [Partly, Partly, Shown]);
        assert_eq!(verdicts(0.2, 5), [Partly, Partly, Shown]);
        assert_eq!(verdicts(0.05, 6), [NotShown; 3]);
    }
}
