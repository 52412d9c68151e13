use onedge_registry::Entry;

use super::figure_5::EDGE;
use crate::Error;
use crate::claim::{Claim, Seen};
use crate::draw::{LOSS, PRODUCT, RATE, SHARPNESS, Style, csv, curves};
use crate::judge::{Ends, Judge, ends, graded, limits, over_seeds, unknown};
use crate::problems::{convolutional, mixer_gd};
use crate::results::middle;
use crate::{Comparison, Exhibit, Kind, Picture, Results, Scope, rules};
use onedge_plot::Abscissa;
use onedge_text::table::number;

const OVER: &str = "σ 2.0625";
const NAMES: [&str; 5] = ["constant", EDGE, OVER, "Polyak", "hypergradient"];

pub(super) static ENTRY: Entry<Exhibit> = Entry {
    name: "figure-13",
    summary: "Polyak's rate and hypergradient descent against CDAT and the tuned constant",
    doc: "Polyak's rate (f - 0) / |g|^2 with its cap chosen of 1 and 100, and multiplicative hypergradient descent with first \
          rate and step size chosen of a grid, by gradient descent in full batch.",
    settings: &[],
    build: Exhibit {
        kind: Kind::Figure {
            number: 13,
            must_show: "Polyak beats sigma 2, and is approached at 2.06; hypergradient descent is on par with the constant, with slow \
                    steady sharpening",
        },
        comparison,
        judge,
        draw,
    },
};

fn comparison(scope: &Scope) -> Result<Comparison, Error> {
    let mut comparison = Comparison::none();
    for problem in [convolutional(scope), mixer_gd(scope)] {
        comparison.add(&problem, "constant", &problem.constants())?;
        comparison.add(&problem, EDGE, &problem.cdat(2.0))?;
        comparison.add(&problem, OVER, &problem.cdat(2.0625))?;
        comparison.add(&problem, "Polyak", &[1.0, 100.0].map(rules::polyak))?;
        let (stride, betas) =
            scope.choose((2, &[1e-3, 1e-2, 1e-1][..]), (2, &[1e-3, 1e-2, 1e-1][..]), (1, &[1e-3, 1e-2, 1e-1, 1.0][..]));
        let grid = problem.rates.iter().step_by(stride).flat_map(|&rate| betas.iter().map(move |&beta| (rate, beta)));
        let grid: Vec<_> = grid.map(|(rate, beta)| rules::hypergradient(rate, beta)).collect();
        comparison.add(&problem, "hypergradient", &grid)?;
    }
    Ok(comparison)
}

fn judge(results: &Results) -> Vec<Claim> {
    let mut judge = Judge::default();
    for problem in results.problems() {
        let found = |first, second| ends(results, problem, first, second);
        let failed = || unknown("no run came to its end");
        judge.claim(
            problem,
            "Polyak ends under CDAT at sigma 2, every seed (partly: on the mean)",
            found("Polyak", EDGE).map_or_else(failed, |ends| ends.seen(graded(ends.all_below(1.0), ends.ratio < 1.0))),
        );
        let nearer = |over: &Ends| found(EDGE, "Polyak").is_some_and(|edge| over.ratio < edge.ratio);
        let says = "sigma 2.0625 ends at 2 times Polyak's loss or less (partly: nearer to it than sigma 2)";
        let [_, most, _] = limits(says);
        judge.claim(
            problem,
            says,
            found(OVER, "Polyak").map_or_else(failed, |over| over.seen(graded(over.ratio <= most, nearer(&over)))),
        );
        let within = |ends: &Ends, factor: f64| ends.ratio < factor && ends.ratio > 1.0 / factor;
        let says =
            "hypergradient descent ends within 1.5 times the tuned constant's loss, either way (partly: 3 times)";
        let [most, partly] = limits(says);
        judge.claim(
            problem,
            says,
            found("hypergradient", "constant")
                .map_or_else(failed, |ends| ends.seen(graded(within(&ends, most), within(&ends, partly)))),
        );
        let says =
            "hypergradient descent sharpens: from the second tenth to the last by 1.1 to 10 times (partly: 1 to 30)";
        let [low, high, lower, higher] = limits(says);
        judge.claim(
            problem,
            says,
            sharpening(results, problem).map_or_else(failed, |(early, late)| {
                let inside = |low: f64, high: f64| (low..=high).contains(&(late / early));
                let text = format!("{} to {}", number(Some(early)), number(Some(late)));
                Seen::of(graded(inside(low, high), inside(lower, higher)), text, late / early)
            }),
        );
    }
    judge.claims()
}

fn sharpening(results: &Results, problem: &str) -> Option<(f64, f64)> {
    let point = results.best(problem, "hypergradient")?;
    let at = |shares| over_seeds(point, |run| middle(run, SHARPNESS.quantity, shares));
    Some((at((0.1, 0.2))?, at((0.9, 1.0))?))
}

fn draw(results: &Results, x: Abscissa) -> Result<Picture, Error> {
    let (columns, style) = ([LOSS, RATE, SHARPNESS, PRODUCT], Style { x, groups: None });
    let title = "Polyak's rate and hypergradient descent";
    Ok(Picture { drawing: curves(title, results, &NAMES, &columns, style), csv: csv(results, &NAMES, &columns) })
}

#[cfg(test)]
mod tests {
    use onedge_theory::presets::Verdict::{self, NotShown, Partly, Shown};

    use super::*;
    use crate::results::samples::{run, series};
    use onedge_record::Record;
    use onedge_run::Finished;

    fn sharpening_to(end: f64, factor: f64) -> Finished {
        run(100, |step| Record {
            loss: end,
            learning_rate: 0.1,
            sharpness: Some(factor.powf(step as f64 / 99.0)),
            ..Record::default()
        })
    }

    #[test]
    fn both_outcomes() {
        let verdicts = |polyak: f64, over: f64, hyper: f64, factor: f64| -> Vec<Verdict> {
            let ends = [0.1, 0.1, over, polyak, hyper];
            let all = NAMES.iter().zip(ends).map(|(name, end)| series("a", name, vec![sharpening_to(end, factor)]));
            judge(&Results { series: all.collect() }).into_iter().map(|claim| claim.verdict).collect()
        };
        assert_eq!(verdicts(0.05, 0.08, 0.12, 3.0), [Shown; 4]);
        assert_eq!(verdicts(0.01, 0.05, 0.25, 25.0), [Shown, Partly, Partly, Partly]);
        assert_eq!(verdicts(0.2, 0.9, 0.5, 0.5), [NotShown; 4]);
    }
}
