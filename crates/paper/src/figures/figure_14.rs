use onedge_registry::Entry;

use super::figure_1::NAMES;
use crate::Error;
use crate::claim::Claim;
use crate::draw::{LOSS, RATE, Style, csv, curves};
use crate::judge::{Judge, ends, graded, limits, unknown};
use crate::problems::{batches, mini_batch};
use crate::{Comparison, Exhibit, Kind, Picture, Results, Scope};
use onedge_plot::Abscissa;

pub(super) static ENTRY: Entry<Exhibit> = Entry {
    name: "figure-14",
    summary: "linesearch and greedy rule in mini-batches",
    doc: "As figure 1, by stochastic gradient descent at three batch sizes. The linesearch gives up after 30 tries; n and d of \
          the greedy rule may be averaged. Losses are means over the last tenth of a run.",
    settings: &[],
    build: Exhibit {
        kind: Kind::Figure { number: 14, must_show: "in mini-batches the tuners work well at medium batch sizes" },
        comparison,
        judge,
        draw,
    },
};

fn comparison(scope: &Scope) -> Result<Comparison, Error> {
    let mut comparison = Comparison::none();
    for batch in batches(scope) {
        let problem = mini_batch(scope, "gd", batch).betas(&[0.0, 0.9, 0.99]);
        comparison.add(&problem, "constant", &problem.constants())?;
        comparison.add(&problem, "linesearch", &problem.linesearches(scope))?;
        comparison.add(&problem, "greedy", &problem.cdat(1.0))?;
    }
    Ok(comparison)
}

fn judge(results: &Results) -> Vec<Claim> {
    let mut judge = Judge::default();
    // Of three sizes, the one between.
    let Some(problem) = results.problems().get(1).map(|problem| (*problem).to_owned()) else { return Vec::new() };
    for (name, says) in [
        ("greedy", "at the medium size greedy ends at 1.25 times the tuned constant's loss or less (partly: 2 times)"),
        (
            "linesearch",
            "at the medium size the linesearch ends at 1.25 times the tuned constant's loss or less (partly: 2 times)",
        ),
    ] {
        let found = ends(results, &problem, name, "constant");
        let [most, partly] = limits(says);
        let verdict = found.map_or(unknown("no run came to its end"), |ends| {
            ends.seen(graded(ends.ratio <= most, ends.ratio <= partly))
        });
        judge.claim(&problem, says, verdict);
    }
    judge.claims()
}

fn draw(results: &Results, x: Abscissa) -> Result<Picture, Error> {
    let (columns, style) = ([LOSS, RATE], Style { x, groups: Some(100) });
    let title = "Linesearch and greedy rule in mini-batches";
    Ok(Picture { drawing: curves(title, results, &NAMES, &columns, style), csv: csv(results, &NAMES, &columns) })
}

#[cfg(test)]
mod tests {
    use onedge_theory::presets::Verdict::{NotShown, Partly, Shown};

    use super::*;
    use crate::results::samples::{falling, series};

    #[test]
    fn only_the_medium_size_is_judged() {
        for (end, expected) in [(0.12, Shown), (0.18, Partly), (0.5, NotShown)] {
            let of = |problem: &str, end: f64| {
                NAMES
                    .map(|name| series(problem, name, vec![falling(if name == "constant" { 0.1 } else { end })]))
                    .to_vec()
            };
            let all = [of("small", 9.0), of("medium", end), of("large", 9.0)].concat();
            let claims = judge(&Results { series: all });
            assert!(
                claims.len() == 2 && claims.iter().all(|claim| claim.verdict == expected && claim.curve == "medium")
            );
        }
    }
}
