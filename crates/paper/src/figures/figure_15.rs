use onedge_registry::Entry;

use crate::Error;
use crate::claim::Claim;
use crate::draw::{LOSS, RATE, SHARPNESS, Style, csv, curves};
use crate::judge::{Judge, ends, graded, limits, unknown, whether};
use crate::{Comparison, Exhibit, Kind, Picture, Results, Scope, problems, rules};
use onedge_plot::Abscissa;

const NAMES: [&str; 6] = ["constant", "1 / λ", "2 / λ", "2.5 / λ", "3 / λ", "3.5 / λ"];
const SIGMAS: [f64; 5] = [1.0, 2.0, 2.5, 3.0, 3.5];

pub(super) static ENTRY: Entry<Exhibit> = Entry {
    name: "figure-15",
    summary: "rates from the exact sharpness, sigma / lambda_max",
    doc: "The largest eigenvalue of the Hessian at every step, by warm-started Lanczos, with several sigma, against the tuned \
          constant rate.",
    settings: &[],
    build: Exhibit {
        kind: Kind::Figure { number: 15, must_show: "with the rate sigma / lambda_max sigma 2 is poor and 3 is good" },
        comparison,
        judge,
        draw,
    },
};

fn comparison(scope: &Scope) -> Result<Comparison, Error> {
    let (mut comparison, problem) = (Comparison::none(), problems::deep_mlp(scope));
    comparison.add(&problem, "constant", &problem.constants())?;
    for (name, sigma) in NAMES[1..].iter().zip(SIGMAS) {
        comparison.add(&problem, name, &[rules::sharpness(sigma)])?;
    }
    Ok(comparison)
}

fn judge(results: &Results) -> Vec<Claim> {
    let mut judge = Judge::default();
    for problem in results.problems() {
        let found = |first, second| ends(results, problem, first, second);
        let failed = || unknown("no run came to its end");
        let says = "sigma 2 ends above 1.5 times the tuned constant's loss";
        let [_, most] = limits(says);
        judge.claim(
            problem,
            says,
            found("2 / λ", "constant").map_or_else(failed, |ends| ends.seen(whether(ends.ratio > most))),
        );
        let says = "sigma 3 ends at 1.1 times the tuned constant's loss or less (partly: 2 times)";
        let [_, most, partly] = limits(says);
        judge.claim(
            problem,
            says,
            found("3 / λ", "constant")
                .map_or_else(failed, |ends| ends.seen(graded(ends.ratio <= most, ends.ratio <= partly))),
        );
        judge.claim(
            problem,
            "sigma 3 ends under sigma 2, every seed (partly: on the mean)",
            found("3 / λ", "2 / λ")
                .map_or_else(failed, |ends| ends.seen(graded(ends.all_below(1.0), ends.ratio < 1.0))),
        );
    }
    judge.claims()
}

fn draw(results: &Results, x: Abscissa) -> Result<Picture, Error> {
    let (columns, style) = ([LOSS, RATE, SHARPNESS], Style { x, groups: None });
    let title = "Rates from the exact sharpness, σ / λ";
    Ok(Picture { drawing: curves(title, results, &NAMES, &columns, style), csv: csv(results, &NAMES, &columns) })
}

#[cfg(test)]
mod tests {
    use onedge_theory::presets::Verdict::{self, NotShown, Shown};

    use super::*;
    use crate::results::samples::{diverged, falling, series};

    #[test]
    fn both_outcomes() {
        let verdicts = |two: f64, three: Option<f64>| -> Vec<Verdict> {
            let all = vec![
                series("a", "constant", vec![falling(0.1)]),
                series("a", "2 / λ", vec![falling(two)]),
                series("a", "3 / λ", vec![three.map_or_else(diverged, falling)]),
            ];
            judge(&Results { series: all }).into_iter().map(|claim| claim.verdict).collect()
        };
        assert_eq!(verdicts(0.5, Some(0.08)), [Shown; 3]);
        assert_eq!(verdicts(0.1, None), [NotShown; 3]);
    }
}
