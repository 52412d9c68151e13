use onedge_registry::Entry;

use crate::Error;
use crate::claim::Claim;
use crate::draw::{LOSS, RATE, Style, csv, curves};
use crate::judge::{Judge, ends, graded, limits, unknown};
use crate::problems::first_four;
use crate::{Comparison, Exhibit, Kind, Picture, Results, Scope, rules};
use onedge_plot::Abscissa;

pub(super) const NAMES: [&str; 3] = ["constant", "linesearch", "greedy"];

pub(super) static ENTRY: Entry<Exhibit> = Entry {
    name: "figure-1",
    summary: "classical tuners against the tuned constant rate, full batch",
    doc: "Training loss of the best constant rate of a grid, the best Armijo linesearch of a grid and the quadratically \
          greedy rule (CDAT at sigma 1) on four networks in full batch.",
    settings: &[],
    build: Exhibit {
        kind: Kind::Figure {
            number: 1,
            must_show: "both tuners end well above the tuned constant; the linesearch may lead early, then stalls",
        },
        comparison,
        judge,
        draw,
    },
};

/// Figures 1, 3 and 12 are of the same runs.
pub(super) fn comparison(scope: &Scope) -> Result<Comparison, Error> {
    let mut comparison = Comparison::none();
    for problem in first_four(scope) {
        comparison.add(&problem, "constant", &problem.constants())?;
        comparison.add(&problem, "linesearch", &problem.linesearches(scope))?;
        comparison.add(&problem, "greedy", &[rules::cdat(1.0, 0.0)])?;
    }
    Ok(comparison)
}

fn judge(results: &Results) -> Vec<Claim> {
    let mut judge = Judge::default();
    for problem in results.problems() {
        for (name, says) in [
            ("greedy", "greedy ends above 1.5 times the tuned constant's loss, every seed (partly: on the mean)"),
            (
                "linesearch",
                "the linesearch ends above 1.5 times the tuned constant's loss, every seed (partly: on the mean)",
            ),
        ] {
            let found = ends(results, problem, name, "constant");
            let [most] = limits(says);
            let verdict = found.map_or(unknown("no run came to its end"), |ends| {
                ends.seen(graded(ends.all_above(most), ends.ratio > most))
            });
            judge.claim(problem, says, verdict);
        }
    }
    judge.claims()
}

fn draw(results: &Results, x: Abscissa) -> Result<Picture, Error> {
    let (columns, style) = ([LOSS, RATE], Style { x, groups: None });
    let title = "Tuned constant rate, linesearch and greedy rule in full batch";
    Ok(Picture { drawing: curves(title, results, &NAMES, &columns, style), csv: csv(results, &NAMES, &columns) })
}

#[cfg(test)]
mod tests {
    use onedge_theory::presets::Verdict::{self, NotShown, Partly, Shown};

    use super::*;
    use crate::results::samples::{diverged, falling, series};

    #[test]
    fn both_outcomes() {
        let verdicts = |greedy: &[f64]| -> Vec<Verdict> {
            let runs = |ends: &[f64]| ends.iter().map(|end| falling(*end)).collect();
            let all = vec![
                series("a", "constant", runs(&[0.1, 0.2])),
                series("a", "greedy", runs(greedy)),
                series("a", "linesearch", vec![diverged()]),
            ];
            judge(&Results { series: all }).into_iter().map(|claim| claim.verdict).collect()
        };
        assert_eq!(verdicts(&[0.3, 0.4]), [Shown, Shown]);
        assert_eq!(verdicts(&[0.5, 0.2]), [Partly, Shown]);
        assert_eq!(verdicts(&[0.1, 0.2]), [NotShown, Shown]);
    }
}
