use onedge_registry::Entry;

use super::figure_1::NAMES;
use crate::Error;
use crate::claim::Claim;
use crate::draw::{LOSS, RATE, Style, csv, curves};
use crate::judge::{Judge, ends, graded, limits, unknown};
use crate::{Comparison, Exhibit, Kind, Picture, Results, Scope, problems, rules};
use onedge_plot::Abscissa;

pub(super) static ENTRY: Entry<Exhibit> = Entry {
    name: "figure-2",
    summary: "classical tuners against the tuned constant rate on a linear model",
    doc: "As figure 1, on a linear model, whose loss is convex.",
    settings: &[],
    build: Exhibit {
        kind: Kind::Figure {
            number: 2,
            must_show: "on a linear model the tuners work: they end no worse than the tuned constant",
        },
        comparison,
        judge,
        draw,
    },
};

fn comparison(scope: &Scope) -> Result<Comparison, Error> {
    let (mut comparison, problem) = (Comparison::none(), problems::linear(scope));
    comparison.add(&problem, "constant", &problem.constants())?;
    comparison.add(&problem, "linesearch", &problem.linesearches(scope))?;
    comparison.add(&problem, "greedy", &[rules::cdat(1.0, 0.0)])?;
    Ok(comparison)
}

fn judge(results: &Results) -> Vec<Claim> {
    let mut judge = Judge::default();
    for problem in results.problems() {
        for (name, says) in [
            (
                "greedy",
                "greedy ends at 1.1 times the tuned constant's loss or less, every seed (partly: 1.5 times, on the mean)",
            ),
            (
                "linesearch",
                "the linesearch ends at 1.1 times the tuned constant's loss or less, every seed (partly: 1.5 times, on the mean)",
            ),
        ] {
            let found = ends(results, problem, name, "constant");
            let [least, partly] = limits(says);
            let verdict = found.map_or(unknown("no run came to its end"), |ends| {
                ends.seen(graded(ends.all_below(least), ends.ratio < partly))
            });
            judge.claim(problem, says, verdict);
        }
    }
    judge.claims()
}

fn draw(results: &Results, x: Abscissa) -> Result<Picture, Error> {
    let (columns, style) = ([LOSS, RATE], Style { x, groups: None });
    let title = "Tuned constant rate, linesearch and greedy rule on a linear model";
    Ok(Picture { drawing: curves(title, results, &NAMES, &columns, style), csv: csv(results, &NAMES, &columns) })
}

#[cfg(test)]
mod tests {
    use onedge_theory::presets::Verdict::{NotShown, Partly, Shown};

    use super::*;
    use crate::results::samples::{falling, series};

    #[test]
    fn both_outcomes() {
        for (end, expected) in [(0.05, Shown), (0.13, Partly), (0.2, NotShown)] {
            let series = ["constant", "greedy", "linesearch"]
                .map(|name| series("a", name, vec![falling(if name == "constant" { 0.1 } else { end })]));
            let claims = judge(&Results { series: series.to_vec() });
            assert!(claims.len() == 2 && claims.iter().all(|claim| claim.verdict == expected));
        }
    }
}
