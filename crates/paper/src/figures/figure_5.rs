use onedge_registry::Entry;
use onedge_theory::presets::Verdict;

use crate::Error;
use crate::claim::{Claim, Seen};
use crate::draw::{LOSS, RATE, Style, csv, curves};
use crate::judge::{Judge, ends, graded, limits, over_seeds, unknown, whether};
use crate::problems::{Problem, five};
use crate::results::middle;
use crate::{Comparison, Exhibit, Kind, Picture, Results, Scope};
use onedge_plot::Abscissa;
use onedge_text::table::number;

pub(super) const EDGE: &str = "on edge, σ 2";
pub(super) const GREEDY: &str = "greedy, σ 1";
const NAMES: [&str; 6] = ["constant", GREEDY, "σ 1.9375", EDGE, "σ 2.0625", "σ 2.5"];
const SIGMAS: [f64; 5] = [1.0, 1.9375, 2.0, 2.0625, 2.5];

pub(super) static ENTRY: Entry<Exhibit> = Entry {
    name: "figure-5",
    summary: "CDAT round the edge against the tuned constant rate, full batch",
    doc: "Training loss and rate of CDAT at sigma 1 (greedy), 1.9375, 2 (on edge), 2.0625 and 2.5, and of the best constant \
          rate of a grid, with gradient descent, momentum, RMSProp and Adam. With Adam n and d are averaged, \
          with RMSProp, and at the small size with momentum, they may be.",
    settings: &[],
    build: Exhibit {
        kind: Kind::Figure {
            number: 5,
            must_show: "on edge as good as the tuned constant or better, always better than greedy; 2.0625 often best; 2.5 mostly \
                    diverges; the rate rises like a warm-up (except with RMSProp on the language model)",
        },
        comparison,
        judge,
        draw,
    },
};

/// Figures 5, 6, 17 and 19 share these runs.
pub(super) fn comparison(scope: &Scope) -> Result<Comparison, Error> {
    let mut comparison = Comparison::none();
    for problem in five(scope) {
        comparison.add(&problem, "constant", &problem.constants())?;
        sigmas(&mut comparison, &problem)?;
    }
    Ok(comparison)
}

fn sigmas(comparison: &mut Comparison, problem: &Problem) -> Result<(), Error> {
    let named = NAMES[1..].iter().zip(SIGMAS);
    named.into_iter().try_for_each(|(name, sigma)| comparison.add(problem, name, &problem.cdat(sigma)))
}

fn judge(results: &Results) -> Vec<Claim> {
    let mut judge = Judge::default();
    for problem in results.problems() {
        let compare = |first, second, of: fn(&crate::judge::Ends) -> Verdict| {
            let found = ends(results, problem, first, second);
            found.map_or(unknown("no run came to its end"), |ends| ends.seen(of(&ends)))
        };
        judge.claim(
            problem,
            NEAR_CONSTANT,
            compare(EDGE, "constant", |ends| {
                let [most, partly] = limits(NEAR_CONSTANT);
                graded(ends.ratio <= most, ends.ratio <= partly)
            }),
        );
        judge.claim(
            problem,
            "on edge ends under greedy, every seed (partly: on the mean)",
            compare(EDGE, GREEDY, |ends| graded(ends.all_below(1.0), ends.ratio < 1.0)),
        );
        if !problem.starts_with("NanoLM") {
            judge.claim(problem, WARM_UP, warm_up(results, problem));
        }
    }
    judge.claim("all problems", OFTEN, count(results, (0.5, true), over_edge));
    judge.claim("all problems", MOSTLY, count(results, (0.5, false), too_far));
    judge.claims()
}

const NEAR_CONSTANT: &str = "on edge ends at 1.1 times the tuned constant's loss or less (partly: 2 times)";
const WARM_UP: &str = "on edge the rate warms up: its median over the second tenth is above 1.5 times that of the first 2 % (partly: \
                       1.1 times)";
const OFTEN: &str =
    "often: 2.0625 ends within 1.1 times the best of all sigmas on half of the problems or more (partly: on one)";
const MOSTLY: &str =
    "mostly: 2.5 diverges or ends above 1.5 times the loss on edge, on more than half of the problems (partly: on one)";

/// On how many problems something is so: shown on more than the share, or on just that if `enough` says so.
fn count(results: &Results, (share, enough): (f64, bool), of: fn(&Results, &str) -> Seen) -> Seen {
    let found: Vec<_> = results.problems().into_iter().map(|problem| (problem, of(results, problem))).collect();
    let holds = found.iter().filter(|(_, seen)| seen.verdict == Verdict::Shown).count();
    let least = share * found.len() as f64;
    let is_shown = holds as f64 > least || (enough && holds as f64 >= least);
    let text: Vec<String> =
        found.iter().map(|(problem, seen)| format!("{problem}: {}, {}", seen.verdict, seen.measured)).collect();
    let measured = format!("{holds} of {}: {}", found.len(), text.join("; "));
    Seen::of(graded(is_shown && holds > 0, holds > 0), measured, holds as f64)
}

fn too_far(results: &Results, problem: &str) -> Seen {
    let found = ends(results, problem, "σ 2.5", EDGE);
    let [_, least] = limits(MOSTLY);
    found.map_or(unknown("no run came to its end"), |ends| ends.seen(whether(ends.ratio > least)))
}

fn over_edge(results: &Results, problem: &str) -> Seen {
    let loss = |name: &str| results.best(problem, name)?.final_loss();
    let losses: Vec<(&str, f64)> = NAMES[1..].iter().filter_map(|name| Some((*name, loss(name)?))).collect();
    let [_, most] = limits(OFTEN);
    let Some(&(name, best)) = losses.iter().min_by(|a, b| a.1.total_cmp(&b.1)) else {
        return unknown("no run came to its end");
    };
    match loss("σ 2.0625") {
        Some(over) => Seen::of(
            whether(over <= most * best),
            format!("{}; the best is {name} with {}", number(Some(over)), number(Some(best))),
            over / best,
        ),
        None => unknown("2.0625 diverged"),
    }
}

fn warm_up(results: &Results, problem: &str) -> Seen {
    let [most, percent, partly] = limits(WARM_UP);
    let point = results.best(problem, EDGE);
    let at = |shares| over_seeds(point?, |run| middle(run, RATE.quantity, shares));
    let (Some(first), Some(second)) = (at((0.0, percent / 100.0)), at((0.1, 0.2))) else {
        return unknown("no run came to its end");
    };
    let rise = second / first;
    let measured = format!("{} to {}, {} times", number(Some(first)), number(Some(second)), number(Some(rise)));
    Seen::of(graded(rise > most, rise > partly), measured, rise)
}

fn draw(results: &Results, x: Abscissa) -> Result<Picture, Error> {
    let (columns, style) = ([LOSS, RATE], Style { x, groups: None });
    let title = "CDAT round the edge, and the tuned constant rate, in full batch";
    Ok(Picture { drawing: curves(title, results, &NAMES, &columns, style), csv: csv(results, &NAMES, &columns) })
}

#[cfg(test)]
mod tests {
    use onedge_theory::presets::Verdict::{NotShown, Partly, Shown};

    use super::*;
    use crate::results::samples::{diverged, run, series};
    use onedge_record::Record;
    use onedge_run::Finished;

    /// Ends at `end`; the rate doubles after the first twentieth.
    fn rising(end: f64) -> Finished {
        run(100, |step| Record {
            loss: if step < 90 { 2.0 } else { end },
            learning_rate: if step < 5 { 0.1 } else { 0.2 },
            ..Record::default()
        })
    }

    fn verdicts(problem: &str, edge: f64, over: f64, far: Finished) -> Vec<Verdict> {
        let series = [
            series(problem, "constant", vec![rising(0.1)]),
            series(problem, GREEDY, vec![rising(0.5)]),
            series(problem, EDGE, vec![rising(edge)]),
            series(problem, "σ 2.0625", vec![rising(over)]),
            series(problem, "σ 2.5", vec![far]),
        ];
        judge(&Results { series: series.to_vec() }).into_iter().map(|claim| claim.verdict).collect()
    }

    #[test]
    fn often_and_mostly_are_counted() {
        let of = |holds: usize, all: usize, enough| {
            let names: Vec<String> = (0..all).map(|i| if i < holds { "yes" } else { "no" }.repeat(i + 1)).collect();
            let series = names.iter().map(|name| series(name, EDGE, vec![rising(0.1)])).collect();
            let is_so = |_: &Results, problem: &str| Seen::bare(whether(problem.starts_with("yes")), "seen".to_owned());
            count(&Results { series }, (0.5, enough), is_so)
        };
        assert_eq!([of(3, 5, false).verdict, of(2, 4, true).verdict], [Shown; 2]);
        assert_eq!([of(2, 5, true).verdict, of(2, 4, false).verdict], [Partly; 2]);
        let text = "0 of 2: no: not shown, seen; nono: not shown, seen".to_owned();
        assert_eq!(of(0, 2, true), Seen::of(NotShown, text, 0.0));
    }

    #[test]
    fn both_outcomes() {
        assert_eq!(verdicts("ConvNet", 0.1, 0.09, diverged()), [Shown; 5]);
        assert_eq!(verdicts("ConvNet", 0.19, 0.3, rising(0.2)), [Partly, Shown, Shown, NotShown, NotShown]);
        assert_eq!(verdicts("NanoLM", 0.9, 0.9, rising(0.2)), [NotShown; 4]);
    }
}
