use super::figure_5::{EDGE, GREEDY};
use crate::Error;
use crate::claim::{Claim, Seen};
use crate::draw::{GRADIENT, PRODUCT, SHARPNESS, Style, csv, curves};
use crate::judge::{Judge, graded, limits, over_seeds, unknown, whether};
use crate::problems::five;
use crate::results::middle;
use crate::{Comparison, Exhibit, Kind, Picture, Results, Scope};
use onedge_plot::Abscissa;
use onedge_registry::Entry;
use onedge_sweep::compare::Point;
use onedge_text::table::number;

pub(super) const NAMES: [&str; 3] = ["constant", GREEDY, EDGE];

pub(super) static ENTRY: Entry<Exhibit> = Entry {
    name: "figure-6",
    summary: "sharpness, product and gradient norm on edge and greedily",
    doc: "Of figure 5's runs on edge and greedily, and of its constant rate. Products are compared with the edge of \
          the optimizer: 2, with momentum 2 + 2 b, with Adam (2 + 2 b1) / (1 - b1).",
    settings: &[],
    build: Exhibit {
        kind: Kind::Figure {
            number: 6,
            must_show: "on edge: the sharpness does not rise, and may fall; the product is slightly above 2; greedy: none of that",
        },
        comparison,
        judge,
        draw,
    },
};

/// Figures 6 and 17 are of the same runs.
pub(super) fn comparison(scope: &Scope) -> Result<Comparison, Error> {
    let mut comparison = Comparison::none();
    for problem in five(scope) {
        comparison.add(&problem, "constant", &problem.constants())?;
        comparison.add(&problem, GREEDY, &problem.cdat(1.0))?;
        comparison.add(&problem, EDGE, &problem.cdat(2.0))?;
    }
    Ok(comparison)
}

fn judge(results: &Results) -> Vec<Claim> {
    let mut judge = Judge::default();
    for problem in results.problems() {
        let nothing = || unknown("not measured, or no run came to its end");
        let mut claim = |name: &str, says, of: &dyn Fn(&Point) -> Option<Seen>| {
            let found = results.best(problem, name).and_then(of);
            judge.claim(&format!("{problem}: {name}"), says, found.unwrap_or_else(nothing));
        };
        let says = "the sharpness does not rise: its median over the last tenth is at most 1.1 times that over the second tenth \
                    (partly: 1.5 times)";
        let [most, partly] = limits(says);
        claim(EDGE, says, &|point| {
            rise(point).map(|(rise, text)| Seen::of(graded(rise <= most, rise <= partly), text, rise))
        });
        let says =
            "the median product over the second half is from 1 to 1.25 times the edge (partly: 0.9 to 1.5 times)";
        let [low, high, lower, higher] = limits(says);
        claim(EDGE, says, &|point| {
            let inside = |p: f64, low: f64, high: f64| (low..=high).contains(&p);
            product(point).map(|(p, text)| Seen::of(graded(inside(p, low, high), inside(p, lower, higher)), text, p))
        });
        let says = "the sharpness rises to more than 1.5 times that of the second tenth";
        let [least] = limits(says);
        claim(GREEDY, says, &|point| rise(point).map(|(rise, text)| Seen::of(whether(rise > least), text, rise)));
        claim(GREEDY, "the median product over the second half is under the edge", &|point| {
            product(point).map(|(product, text)| Seen::of(whether(product < 1.0), text, product))
        });
    }
    judge.claims()
}

/// By how much the sharpness rose from the second tenth to the last.
fn rise(point: &Point) -> Option<(f64, String)> {
    let at = |shares| over_seeds(point, |run| middle(run, SHARPNESS.quantity, shares));
    let (early, late) = (at((0.1, 0.2))?, at((0.9, 1.0))?);
    let rise = late / early;
    Some((rise, format!("{} to {}, {} times", number(Some(early)), number(Some(late)), number(Some(rise)))))
}

/// The product over the edge.
fn product(point: &Point) -> Option<(f64, String)> {
    let edge = point.runs.first()?.edge?;
    let product = over_seeds(point, |run| middle(run, PRODUCT.quantity, (0.5, 1.0)))?;
    let share = product / edge;
    let [text, over, own] = [product, edge, share].map(|value| number(Some(value)));
    Some((share, format!("{text}, {own} times the edge of {over}")))
}

fn draw(results: &Results, x: Abscissa) -> Result<Picture, Error> {
    let (columns, style) = ([SHARPNESS, PRODUCT, GRADIENT], Style { x, groups: None });
    let title = "On edge and greedily: sharpness, product with the rate, gradient norm";
    Ok(Picture { drawing: curves(title, results, &NAMES, &columns, style), csv: csv(results, &NAMES, &columns) })
}

#[cfg(test)]
mod tests {
    use onedge_theory::presets::Verdict::{self, NotShown, Shown};

    use super::*;
    use crate::results::samples::{run, series};
    use onedge_record::Record;
    use onedge_run::Finished;

    fn moving(factor: f64, product: f64) -> Finished {
        run(200, |step| {
            let sharpness = factor.powf(step as f64 / 199.0);
            let learning_rate = product / sharpness;
            Record { loss: 1.0, learning_rate, sharpness: Some(sharpness), ..Record::default() }
        })
    }

    #[test]
    fn both_outcomes() {
        let verdicts = |edge: Finished, greedy: Finished| -> Vec<Verdict> {
            let all = vec![series("a", EDGE, vec![edge]), series("a", GREEDY, vec![greedy])];
            judge(&Results { series: all }).into_iter().map(|claim| claim.verdict).collect()
        };
        assert_eq!(verdicts(moving(0.5, 2.1), moving(10.0, 1.5)), [Shown; 4]);
        assert_eq!(verdicts(moving(9.0, 4.0), moving(1.0, 2.1)), [NotShown; 4]);
    }
}
