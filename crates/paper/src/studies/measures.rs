use onedge_plot::Abscissa;
use onedge_registry::Entry;
use onedge_run::Finished;
use onedge_sweep::compare::Point;
use onedge_text::table::number;

use super::at_cost;
use crate::claim::{Claim, Seen};
use crate::draw::{LOSS, PRODUCT, SHARPNESS, Style, csv, curves};
use crate::judge::{Judge, ends, graded, limits, over_seeds, unknown};
use crate::problems::first_four;
use crate::results::{Grids, middle};
use crate::rules::{self, Rule, sigma};
use crate::{Comparison, Error, Exhibit, Kind, Picture, Results, Scope};

/// The measures, the one that the others are compared with first.
const NAMES: [&str; 6] = ["u.Hu", "u.Gu", "λ_max", "trace", "Frobenius", "batches"];
const SIGMAS: [f64; 3] = [1.0, 2.0, 3.0];
/// The mini-batches of the last measure are so many parts of the full batch.
const PARTS: i64 = 8;

pub(super) static ENTRY: Entry<Exhibit> = Entry {
    name: "measures",
    summary: "six measures of sharpness as tuners: the edge, the loss, the cost",
    doc: "sigma over u.Hu / -g.u, over u.Gu / -g.u with the Gauss-Newton matrix G, over lambda_max, over trace and Frobenius norm in their ratio to lambda_max at \
          the first step, and over the curvature of eighths of the batch along their own gradients. Each with sigma 1, 2 and 3, in full batch. \
          At sigma 2 the product of rate and sharpness says whether a measure keeps the edge; losses are compared at the best sigma of each, at equal steps \
          and at equal cost.",
    settings: &[],
    build: Exhibit {
        kind: Kind::Study {
            question: "Which measure of sharpness, taken as the tuner, keeps the edge, and at what cost?",
        },
        comparison,
        judge,
        draw,
    },
};

fn rule(name: &str, sigma: f64) -> Rule {
    match name {
        "u.Hu" => rules::cdat(sigma, 0.0),
        "u.Gu" => rules::by_measure("gauss-newton", sigma),
        "λ_max" => rules::sharpness(sigma),
        "trace" => rules::by_measure("trace", sigma),
        "Frobenius" => rules::by_measure("frobenius", sigma),
        _ => rules::batch_sharpness(sigma, PARTS),
    }
}

fn comparison(scope: &Scope) -> Result<Comparison, Error> {
    let mut comparison = Comparison { grids: Grids::Whole, ..Comparison::none() };
    // With NanoLM the small size would take three times as long.
    for problem in first_four(scope).iter().take(scope.choose(2, 3, 3)) {
        for name in NAMES {
            comparison.add(problem, name, &SIGMAS.map(|sigma| rule(name, sigma)))?;
        }
    }
    Ok(comparison)
}

/// The point of a measure at sigma 2.
fn on_edge<'a>(results: &'a Results, problem: &str, name: &str) -> Option<&'a Point> {
    results.group(problem, name)?.points.iter().find(|point| sigma(point) == Some(2.0))
}

fn cost_of_a_step(run: &Finished) -> Option<f64> {
    (run.summary.steps > 0).then(|| run.summary.cost / run.summary.steps as f64)
}

fn judge(results: &Results) -> Vec<Claim> {
    let mut judge = Judge::default();
    let within = |ratio: f64, [most, partly]: [f64; 2]| graded(ratio <= most, ratio <= partly);
    for problem in results.problems() {
        for name in NAMES {
            let what = format!("{problem}: {name}");
            let says = "on edge (sigma: two) the median product of rate and sharpness over the second half is from 1.6 to 2.6 (partly: 1 to 4)";
            let [low, high, lower, higher] = limits(says);
            let product = |run: &Finished| middle(run, PRODUCT.quantity, (0.5, 1.0));
            let seen = on_edge(results, problem, name).and_then(|point| over_seeds(point, product)).map(|product| {
                let inside = |low, high| (low..=high).contains(&product);
                Seen::of(graded(inside(low, high), inside(lower, higher)), number(Some(product)), product)
            });
            judge.claim(&what, says, seen.unwrap_or_else(|| unknown("no run came so far that it was measured")));
        }
        let reference = NAMES[0];
        for name in &NAMES[1..] {
            let what = format!("{problem}: {name}");
            let failed = || unknown("no run came to its end");
            let says = "at its best sigma it ends at 1.1 times the loss that u.Hu ends at, or less (partly: 2 times)";
            let found = ends(results, problem, name, reference);
            judge.claim(&what, says, found.map_or_else(failed, |ends| ends.seen(within(ends.ratio, limits(says)))));
            let pair = results.best(problem, name).zip(results.best(problem, reference));
            let says = "at the cost of u.Hu's whole run it is at 1.1 times its final loss or less (partly: 2 times)";
            let seen = pair.and_then(|(own, other)| {
                let (then, end) = (at_cost(own, other)?, other.final_loss()?);
                let text =
                    format!("{} against {}, {} times", number(Some(then)), number(Some(end)), number(Some(then / end)));
                Some(Seen::of(within(then / end, limits(says)), text, then / end))
            });
            judge.claim(
                &what,
                says,
                seen.unwrap_or_else(|| unknown("no run came to its end, or its first step alone costs more")),
            );
            let says = "a step costs 1.25 times one by u.Hu or less (partly: 2 times)";
            let seen = pair.and_then(|(own, other)| {
                let (own, other) = (over_seeds(own, cost_of_a_step)?, over_seeds(other, cost_of_a_step)?);
                let text = format!("{} against {} evaluations of the loss", number(Some(own)), number(Some(other)));
                Some(Seen::of(within(own / other, limits(says)), text, own / other))
            });
            judge.claim(&what, says, seen.unwrap_or_else(failed));
        }
    }
    judge.claims()
}

fn draw(results: &Results, x: Abscissa) -> Result<Picture, Error> {
    let (columns, style) = ([LOSS, SHARPNESS, PRODUCT], Style { x, groups: Some(40) });
    let title = "Tuners by six measures of sharpness, each at its best σ";
    Ok(Picture { drawing: curves(title, results, &NAMES, &columns, style), csv: csv(results, &NAMES, &columns) })
}

#[cfg(test)]
mod tests {
    use onedge_record::Record;
    use onedge_theory::presets::Verdict::{self, NotShown, Shown};

    use super::*;
    use crate::results::samples::{grid, run};

    /// Runs at each sigma, with a sharpness of 8 and so many evaluations of the loss a step; those at sigma 2 end lower.
    fn results(rate: f64, cost: f64, end: f64) -> Results {
        let of = |name: &&str| {
            let (rate, cost, end) = if *name == NAMES[0] { (rate, 6.0, 0.1) } else { (rate, cost, end) };
            let made = |sigma: f64| {
                let end = if sigma == 2.0 { end } else { 3.0 * end };
                let mut run = run(20, |step| Record {
                    loss: 1.0 + (end - 1.0) * (step as f64 / 10.0).min(1.0),
                    learning_rate: rate,
                    sharpness: Some(8.0),
                    cost: cost * (step + 1) as f64,
                    ..Record::default()
                });
                run.summary.cost = 20.0 * cost;
                run
            };
            let labels = SIGMAS.map(|sigma| (sigma, rule(name, sigma).label));
            let points = labels.iter().map(|(sigma, label)| (label.as_str(), vec![made(*sigma)])).collect();
            grid("net", name, points)
        };
        Results { series: NAMES.iter().map(of).collect() }
    }

    #[test]
    fn both_outcomes() {
        let verdicts =
            |results: &Results| judge(results).into_iter().map(|claim| claim.verdict).collect::<Vec<Verdict>>();
        assert_eq!(verdicts(&results(0.25, 6.5, 0.1)), [Shown; 21]);
        assert_eq!(verdicts(&results(1.0, 60.0, 0.3)), [NotShown; 21]);
    }

    #[test]
    fn every_measure_has_its_tuner() {
        let tuners = NAMES.map(|name| rule(name, 2.0).tuner().to_owned());
        assert_eq!(tuners, ["cdat", "gauss-newton", "sharpness", "trace", "frobenius", "batch-sharpness"]);
        assert_eq!(comparison(&Scope::small()).unwrap().runs().count(), 2 * 6 * 3 * 3);
        assert_eq!(comparison(&Scope::medium()).unwrap().runs().count(), 3 * 6 * 3 * 3);
    }
}
