use super::figure_1::{NAMES, comparison};
use crate::Error;
use crate::claim::Seen;
use crate::draw::{GRADIENT, PRODUCT, RATE, SHARPNESS, Style, csv, curves};
use crate::judge::{Judge, graded, limits, over_seeds, unknown, whether};
use crate::results::{between, median, middle};
use crate::{Exhibit, Kind, Picture, Results};
use onedge_plot::Abscissa;
use onedge_record::Record;
use onedge_registry::Entry;
use onedge_run::Finished;
use onedge_sweep::compare::Point;
use onedge_text::table::number;

pub(super) static ENTRY: Entry<Exhibit> = Entry {
    name: "figure-3",
    summary: "rate, sharpness, their product and the gradient norm of figure 1's runs",
    doc: "Sharpness is that of the preconditioned Hessian where the optimizer has a preconditioner.",
    settings: &[],
    build: Exhibit {
        kind: Kind::Figure {
            number: 3,
            must_show: "tuners: the rate falls by orders of magnitude, the sharpness keeps rising, their product is steady just \
                    under 2; constant: the product reaches about 2; the gradient norm grows by less than ten times",
        },
        comparison,
        judge: |results| {
            let mut judge = Judge::default();
            for problem in results.problems() {
                dynamics(&mut judge, results, problem);
                gradients(&mut judge, results, problem);
            }
            judge.claims()
        },
        draw,
    },
};

const TUNERS: [&str; 2] = ["greedy", "linesearch"];

/// What figures 3 and 12 say of rate, sharpness and product.
pub(super) fn dynamics(judge: &mut Judge, results: &Results, problem: &str) {
    for name in TUNERS {
        let of = format!("{problem}: {name}");
        let point = results.best(problem, name);
        for (says, of_point) in [
            (RATE_FALLS, rate_falls as fn(&Point) -> Option<Seen>),
            (SHARPNESS_RISES, sharpness_rises),
            (JUST_UNDER, just_under),
        ] {
            judge.claim(&of, says, point.and_then(of_point).unwrap_or_else(nothing));
        }
    }
    let reached = results.best(problem, "constant").and_then(|point| over_seeds(point, largest_product));
    let says = "the product's median reaches 1.8 in some tenth of the run after the first";
    let [least] = limits(says);
    judge.claim(
        &format!("{problem}: constant"),
        says,
        reached.map_or_else(nothing, |most| {
            Seen::of(whether(most >= least), format!("at most {}", number(Some(most))), most)
        }),
    );
}

fn nothing() -> Seen {
    unknown("not measured, or no run came to its end")
}

const RATE_FALLS: &str =
    "the rate's median over the first twentieth is 10 times that over the last tenth, or more (partly: 3 times)";

fn rate_falls(point: &Point) -> Option<Seen> {
    let at = |shares| over_seeds(point, |run| middle(run, |record| Some(record.learning_rate), shares));
    let (early, late) = (at((0.0, 0.05))?, at((0.9, 1.0))?);
    let [most, partly] = limits(RATE_FALLS);
    let fall = early / late;
    let measured = format!("{} to {}, {} times", number(Some(early)), number(Some(late)), number(Some(fall)));
    Some(Seen::of(graded(fall >= most, fall >= partly), measured, fall))
}

const SHARPNESS_RISES: &str = "the sharpness rises: its median over the last tenth is above that before the middle by 5 %, and 1.5 times \
                               that of the second tenth (partly: one of both)";

fn sharpness_rises(point: &Point) -> Option<Seen> {
    let at = |shares| over_seeds(point, |run| middle(run, SHARPNESS.quantity, shares));
    let (early, middle, late) = (at((0.1, 0.2))?, at((0.4, 0.5))?, at((0.9, 1.0))?);
    let [percent, times] = limits(SHARPNESS_RISES);
    let (grows, grown) = (late > (1.0 + percent / 100.0) * middle, late > times * early);
    let rise = late / early;
    let [early, middle, late] = [early, middle, late].map(|value| number(Some(value)));
    let measured = format!("{early}, {middle} before the middle, {late}: {} times", number(Some(rise)));
    Some(Seen::of(graded(grows && grown, grows || grown), measured, rise))
}

const JUST_UNDER: &str = "the median product over the second half, with the harmonic mean of a step's rate and the next one's, is from 1.5 to 2 \
                          (partly: 1 to 2.2)";

fn just_under(point: &Point) -> Option<Seen> {
    let own = over_seeds(point, |run| middle(run, PRODUCT.quantity, (0.5, 1.0)))?;
    let product = over_seeds(point, alternating)?;
    let inside = |low: f64, high: f64| (low..=high).contains(&product);
    let [low, high, lower, higher] = limits(JUST_UNDER);
    let verdict = graded(inside(low, high), inside(lower, higher));
    let [text, own] = [product, own].map(|value| number(Some(value)));
    Some(Seen::of(verdict, format!("{text}; with the step's own rate {own}"), product))
}

/// The median product over the second half with the harmonic mean of two rates, a and b: greedy rates alternate, and two steps along
/// an eigenvector, `(1 - a lambda)(1 - b lambda)`, neither grow nor shrink where `1 / (a lambda) + 1 / (b lambda) = 1`: where
/// that product is 2. The sharpness is only known at every so many steps, often at even ones alone.
fn alternating(run: &Finished) -> Option<f64> {
    let records = &run.records[run.records.len() / 2..];
    let product = |pair: &[Record]| {
        let [first, second] = [&pair[0], &pair[1]].map(|record| record.learning_rate);
        let mean = 2.0 / (1.0 / first + 1.0 / second);
        (PRODUCT.quantity)(&pair[0]).map(|product| product / first * mean).filter(|product| product.is_finite())
    };
    median(&records.windows(2).filter_map(product).collect::<Vec<_>>())
}

/// The largest of the product's medians over the tenths of a run but the first.
fn largest_product(run: &Finished) -> Option<f64> {
    let tenth = |i: u32| middle(run, PRODUCT.quantity, (f64::from(i) / 10.0, f64::from(i + 1) / 10.0));
    (1..10).filter_map(tenth).reduce(f64::max)
}

fn gradients(judge: &mut Judge, results: &Results, problem: &str) {
    for name in TUNERS {
        let growth = results.best(problem, name).and_then(|point| over_seeds(point, growth));
        let says = "the gradient norm never exceeds 10 times its first";
        let [most] = limits(says);
        judge.claim(
            &format!("{problem}: {name}"),
            says,
            growth.map_or_else(nothing, |growth| {
                Seen::of(whether(growth < most), format!("at most {} times", number(Some(growth))), growth)
            }),
        );
    }
}

fn growth(run: &Finished) -> Option<f64> {
    let norms = between(run, GRADIENT.quantity, (0.0, 1.0));
    let first = norms.first()?;
    norms.iter().copied().reduce(f64::max).map(|most| most / first)
}

fn draw(results: &Results, x: Abscissa) -> Result<Picture, Error> {
    let (columns, style) = ([RATE, SHARPNESS, PRODUCT, GRADIENT], Style { x, groups: None });
    let title = "Classical tuners: rate, sharpness, their product, gradient norm";
    Ok(Picture { drawing: curves(title, results, &NAMES, &columns, style), csv: csv(results, &NAMES, &columns) })
}

#[cfg(test)]
mod tests {
    use onedge_theory::presets::Verdict::{self, NotShown, Shown};

    use super::*;
    use crate::results::samples::{run, series};

    /// A run whose rate falls as its sharpness rises, by `factor` in all.
    fn moving(factor: f64, product: f64) -> Finished {
        run(200, |step| {
            let moved = factor.powf(step as f64 / 199.0);
            let (learning_rate, sharpness) = (1.0 / moved, Some(product * moved));
            Record { loss: 1.0, learning_rate, sharpness, gradient_norm: Some(1.0), ..Record::default() }
        })
    }

    fn verdicts(factor: f64, product: f64) -> Vec<Verdict> {
        let all = NAMES.map(|name| series("a", name, vec![moving(factor, product)]));
        (ENTRY.build.judge)(&Results { series: all.to_vec() }).into_iter().map(|claim| claim.verdict).collect()
    }

    #[test]
    fn two_alternating_rates_have_one_product() {
        // Along an eigenvector with sharpness 1: rates of 1.2 and 6 take a step back and forth.
        let run = run(100, |step| {
            let learning_rate = if step.is_multiple_of(2) { 1.2 } else { 6.0 };
            Record { learning_rate, sharpness: step.is_multiple_of(10).then_some(1.0), ..Record::default() }
        });
        assert!((alternating(&run).unwrap() - 2.0).abs() < 1e-12);
        assert!(((1.0_f64 - 1.2) * (1.0 - 6.0) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn both_outcomes() {
        assert_eq!(verdicts(100.0, 1.9), [Shown; 9]);
        let still = verdicts(1.0, 0.3);
        assert_eq!(still[..7], [NotShown; 7]);
        assert_eq!(still[7..], [Shown; 2], "a gradient that stays does not grow");
    }
}
