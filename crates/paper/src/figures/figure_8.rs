use onedge_registry::Entry;

use crate::Error;
use crate::claim::{Claim, Seen};
use crate::draw::{LOSS, RATE, Style, csv, curves};
use crate::judge::{Judge, ends, graded, limits, over_seeds, unknown, whether};
use crate::problems::{batches, mini_batch};
use crate::results::middle;
use crate::{Comparison, Exhibit, Kind, Picture, Results, Scope, rules};
use onedge_plot::Abscissa;
use onedge_text::table::number;

const NAMES: [&str; 3] = ["constant", "schedule", "CDAT"];

pub(super) static ENTRY: Entry<Exhibit> = Entry {
    name: "figure-8",
    summary: "CDAT against tuned constant rates and schedules in mini-batches",
    doc: "Of figures 20 and 21 the medium and the large batch size. CDAT's sigma and averages are chosen of a grid, as the \
          rates are, by the mean loss over the last tenth of a run. Losses drawn are medians of neighbouring steps.",
    settings: &[],
    build: Exhibit {
        kind: Kind::Figure { number: 8, must_show: MUST_SHOW },
        comparison: |scope| {
            let batches = &batches(scope)[1..];
            comparison(
                scope,
                ["momentum", "adam"].iter().flat_map(|name| batches.iter().map(move |&batch| (*name, batch))),
            )
        },
        judge,
        draw: |results, x| Ok(draw(results, x, "CDAT in mini-batches")),
    },
};

pub(super) const MUST_SHOW: &str = "gains are subdued, and larger at large batches; the rate shows a warm-up; on par with \
                                    schedules or under them";

/// Figures 8, 20 and 21 share their runs.
pub(super) fn comparison<'a>(scope: &Scope, of: impl Iterator<Item = (&'a str, usize)>) -> Result<Comparison, Error> {
    let mut comparison = Comparison::none();
    for (optimizer, batch) in of {
        let problem = mini_batch(scope, optimizer, batch);
        comparison.add(&problem, "constant", &problem.constants())?;
        comparison.add(&problem, "schedule", &problem.schedules(scope))?;
        let sigmas =
            scope.choose(&[0.4, 0.8, 1.2, 1.6, 2.0, 2.4][..], &[0.4, 0.8, 1.2, 1.6, 2.0, 2.4][..], &SIGMAS[..]);
        let grid: Vec<_> =
            sigmas.iter().flat_map(|&sigma| problem.betas.iter().map(move |&beta| rules::cdat(sigma, beta))).collect();
        comparison.add(&problem, "CDAT", &grid)?;
    }
    Ok(comparison)
}

const SIGMAS: [f64; 13] = [0.4, 0.6, 0.8, 1.0, 1.2, 1.4, 1.6, 1.8, 2.0, 2.2, 2.4, 2.6, 2.8];

/// What is said of every optimizer among the results; problems are its batch sizes in ascending order.
pub(super) fn judge(results: &Results) -> Vec<Claim> {
    let mut judge = Judge::default();
    let problems = results.problems();
    for problem in &problems {
        let failed = || unknown("no run came to its end");
        let says = "the gain is subdued: CDAT ends above 0.5 times the tuned constant's loss";
        let [least] = limits(says);
        judge.claim(
            problem,
            says,
            ends(results, problem, "CDAT", "constant")
                .map_or_else(failed, |ends| ends.seen(whether(ends.ratio > least))),
        );
        let says = "CDAT ends above 0.9 times the tuned schedule's loss: on par or under";
        let [least] = limits(says);
        judge.claim(
            problem,
            says,
            ends(results, problem, "CDAT", "schedule")
                .map_or_else(failed, |ends| ends.seen(whether(ends.ratio > least))),
        );
        let point = results.best(problem, "CDAT");
        let at = |shares| over_seeds(point?, |run| middle(run, RATE.quantity, shares));
        let says = "CDAT's rate warms up: its median over the second tenth is above 1.5 times that of the first 2 % (partly: 1.1 times)";
        let [most, percent, partly] = limits(says);
        judge.claim(
            problem,
            says,
            at((0.0, percent / 100.0)).zip(at((0.1, 0.2))).map_or_else(failed, |(first, second)| {
                let rise = second / first;
                let text = format!("{} to {}, {} times", number(Some(first)), number(Some(second)), number(Some(rise)));
                Seen::of(graded(rise > most, rise > partly), text, rise)
            }),
        );
    }
    // "net, momentum, batch 32": one optimizer after the other.
    let optimizer = |problem: &str| problem.rsplit_once(", batch").map_or(String::new(), |(head, _)| head.to_owned());
    let mut optimizers: Vec<String> = problems.iter().map(|problem| optimizer(problem)).collect();
    optimizers.dedup();
    for name in optimizers {
        let gain = |problem: &&str| Some(1.0 / ends(results, problem, "CDAT", "constant")?.ratio);
        let gains: Vec<f64> = problems.iter().filter(|problem| optimizer(problem) == name).filter_map(gain).collect();
        let text: Vec<String> = gains.iter().map(|gain| number(Some(*gain))).collect();
        let verdict = match (gains.first(), gains.last()) {
            (Some(first), Some(last)) if gains.len() > 1 => {
                Seen::of(whether(last > first), text.join(", "), last / first)
            }
            _ => unknown("no run came to its end"),
        };
        judge.claim(
            &name,
            "the constant's loss over CDAT's is larger at the largest batch than at the smallest",
            verdict,
        );
    }
    judge.claims()
}

pub(super) fn draw(results: &Results, x: Abscissa, title: &str) -> Picture {
    let (columns, style) = ([LOSS, RATE], Style { x, groups: Some(100) });
    Picture { drawing: curves(title, results, &NAMES, &columns, style), csv: csv(results, &NAMES, &columns) }
}

#[cfg(test)]
mod tests {
    use onedge_theory::presets::Verdict::{self, NotShown, Shown};

    use super::*;
    use crate::results::samples::{run, series};
    use onedge_record::Record;

    fn verdicts(ends: [f64; 2], rise: f64) -> Vec<Verdict> {
        let of = |problem: &str, end: f64| {
            let run = |end: f64| {
                run(200, |step| Record {
                    loss: end,
                    learning_rate: if step < 4 { 1.0 } else { rise },
                    ..Record::default()
                })
            };
            NAMES.map(|name| series(problem, name, vec![run(if name == "CDAT" { end } else { 0.1 })])).to_vec()
        };
        let all = [of("net, Adam, batch 32", ends[0]), of("net, Adam, batch 128", ends[1])].concat();
        judge(&Results { series: all }).into_iter().map(|claim| claim.verdict).collect()
    }

    #[test]
    fn both_outcomes() {
        assert_eq!(verdicts([0.2, 0.095], 2.0), [Shown; 7]);
        assert_eq!(verdicts([0.01, 0.04], 1.0), [NotShown; 7]);
    }
}
