use std::fmt::Write;

use crate::Error;
use crate::claim::{Claim, Seen};
use crate::draw::quoted;
use crate::judge::{Judge, graded, limits, unknown, whether};
use crate::problems::{map_batches, map_sigmas, mini_batch};
use crate::results::{Grids, mean};
use crate::{
    Comparison, Exhibit, Kind, Picture, Results, Scope,
    rules::{self, sigma},
};
use onedge_plot::{Colors, Drawing, HeatCell, HeatMap, HeatPanel, Mark, Scale};
use onedge_registry::Entry;
use onedge_sweep::compare::Point;

pub(super) static ENTRY: Entry<Exhibit> = Entry {
    name: "figure-7",
    summary: "CDAT in mini-batches: sigma by batch size, with averages of three lengths",
    doc: "The mean loss over the last tenth of a run over its first loss, by momentum, for each sigma, batch size and decay \
          beta of the averages of n and d.",
    settings: &[],
    build: Exhibit {
        kind: Kind::Figure { number: 7, must_show: "the best sigma falls with the batch size; averages smooth" },
        comparison,
        judge,
        draw: |results, _| Ok(draw(results)),
    },
};

const BETAS: [f64; 3] = [0.0, 0.9, 0.99];

fn comparison(scope: &Scope) -> Result<Comparison, Error> {
    let mut comparison = Comparison { grids: Grids::Whole, ..Comparison::none() };
    for batch in map_batches(scope).0 {
        let problem = mini_batch(scope, "momentum", batch);
        for beta in BETAS {
            let rules: Vec<_> = map_sigmas(scope).into_iter().map(|sigma| rules::cdat(sigma, beta)).collect();
            comparison.add(&problem, &series(beta), &rules)?;
        }
    }
    Ok(comparison)
}

fn series(beta: f64) -> String {
    format!("β = {beta}")
}

/// The batch size of a problem, from its name, which ends with it.
fn batch(problem: &str) -> Option<f64> {
    problem.rsplit(' ').next()?.parse().ok()
}

/// The mean over seeds of final over first loss; `None` if one failed, or did not end under where it began.
fn value(point: &Point) -> Option<f64> {
    let of = |run: &onedge_run::Finished| Some(run.summary.final_loss? / run.summary.first_loss?);
    let ratios: Option<Vec<f64>> = point.final_loss().and_then(|_| point.runs.iter().map(of).collect());
    mean(&ratios?).filter(|ratio| *ratio < 1.0)
}

/// The point with the least value on a problem.
fn best<'a>(results: &'a Results, problem: &str, beta: f64) -> Option<(&'a Point, f64)> {
    let points = &results.group(problem, &series(beta))?.points;
    let valued = points.iter().filter_map(|point| Some((point, value(point)?)));
    valued.min_by(|a, b| a.1.total_cmp(&b.1))
}

fn judge(results: &Results) -> Vec<Claim> {
    let mut judge = Judge::default();
    let problems = results.problems();
    for beta in BETAS {
        let found: Vec<(f64, f64)> = problems
            .iter()
            .filter_map(|problem| Some((batch(problem)?, sigma(best(results, problem, beta)?.0)?)))
            .collect();
        judge.claim(
            &series(beta),
            "the best sigma at the smallest batch is under that at the largest, and it never falls from a size to the next \
             larger by more than a cell (partly: the first)",
            falls(&found),
        );
    }
    let good: Vec<(f64, usize)> = BETAS.iter().map(|&beta| (beta, good_cells(results, beta))).collect();
    let text: Vec<String> = good.iter().map(|(beta, count)| format!("β {beta}: {count}")).collect();
    let [none, short, long] = [good[0].1, good[1].1, good[2].1];
    judge.claim(
        "all batch sizes",
        GOOD_CELLS,
        Seen::bare(graded(short > none && long > none, short > none || long > none), text.join(", ")),
    );
    judge.claims()
}

fn falls(found: &[(f64, f64)]) -> Seen {
    let (Some(first), Some(last)) = (found.first(), found.last()) else { return unknown("no run came to its end") };
    let text: Vec<String> = found.iter().map(|(batch, sigma)| format!("{batch}: {sigma}")).collect();
    let text = format!("by batch size {}", text.join(", "));
    if found.len() < 2 {
        return Seen::bare(whether(false), text);
    }
    // The cells are 0.4 apart in the coarser grid.
    let steady = found.windows(2).all(|pair| pair[1].1 >= pair[0].1 - 0.41);
    let smaller = first.1 < last.1;
    Seen::of(graded(smaller && steady, smaller), text, last.1 - first.1)
}

/// What is said of the cells that end well.
const GOOD_CELLS: &str =
    "more cells end under 0.5 times their first loss with either average than without (partly: with one)";

fn good_cells(results: &Results, beta: f64) -> usize {
    let [most] = limits(GOOD_CELLS);
    let points = results.series.iter().filter(|measured| measured.group.name == series(beta));
    points.flat_map(|measured| &measured.group.points).filter_map(value).filter(|value| *value < most).count()
}

fn draw(results: &Results) -> Picture {
    let problems = results.problems();
    let columns: Vec<f64> =
        results.series.first().map_or(Vec::new(), |first| first.group.points.iter().filter_map(sigma).collect());
    let panel = |beta: f64| {
        let cell = |problem: &&str, point: &Point| {
            let best = best(results, problem, beta).is_some_and(|(best, _)| best.label == point.label);
            let value = value(point);
            let at_an_end = |sigma: f64| columns.first() == Some(&sigma) || columns.last() == Some(&sigma);
            let mark = match value {
                None => Mark::Cross,
                Some(_) if best && sigma(point).is_some_and(at_an_end) => Mark::Ring,
                Some(_) if best => Mark::Dot,
                Some(_) => Mark::Nothing,
            };
            HeatCell { value, mark }
        };
        let of = |problem| {
            let points = results.group(problem, &series(beta)).map_or(&[][..], |group| &group.points);
            points.iter().map(move |point| cell(&problem, point)).collect::<Vec<_>>()
        };
        HeatPanel {
            title: format!("averages with {}", series(beta)),
            scale: Scale::Log,
            cells: problems.iter().flat_map(|&problem| of(problem)).collect(),
        }
    };
    let heading = match results.seeds() {
        0 | 1 => "CDAT in mini-batches: last over first loss".to_owned(),
        seeds => format!("CDAT in mini-batches: last over first loss, mean of {seeds} seeds"),
    };
    let map = HeatMap {
        title: heading,
        x_label: "σ".to_owned(),
        columns: columns.clone(),
        y_label: "batch size".to_owned(),
        rows: problems.iter().filter_map(|problem| batch(problem)).collect(),
        panels: BETAS.map(panel).to_vec(),
        colors: Colors::Shared,
        marks: [
            (Mark::Dot, "best of its row"),
            (Mark::Ring, "best, where the grid ends"),
            (Mark::Cross, "diverged, or no lower"),
        ]
        .map(|(mark, what)| (mark, what.to_owned()))
        .to_vec(),
    };
    Picture { drawing: Drawing::Map(map), csv: csv(results) }
}

fn csv(results: &Results) -> String {
    let mut text = String::from("problem,averages,setting,last_over_first_loss,final_loss\n");
    for measured in &results.series {
        for point in &measured.group.points {
            let head = [&measured.problem, &measured.group.name, &point.label].map(|text| quoted(text)).join(",");
            let number = |value: Option<f64>| value.map_or(String::new(), |value| format!("{value:e}"));
            let _ = writeln!(text, "{head},{},{}", number(value(point)), number(point.final_loss()));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use onedge_theory::presets::Verdict::{NotShown, Shown};

    use super::*;
    use crate::results::Measured;
    use crate::results::samples::{diverged, falling, grid};

    /// Two batch sizes, for each average a grid of two sigmas; the best of each by its number.
    fn results(best: [usize; 2], smooth: bool) -> Results {
        let mut series_of = Vec::new();
        for (problem, best) in ["net, batch 32", "net, batch 64"].into_iter().zip(best) {
            for beta in BETAS {
                let end = |i: usize| {
                    falling(if i == best {
                        0.2
                    } else if smooth && beta > 0.0 {
                        0.5
                    } else {
                        1.8
                    })
                };
                let labels = [1.2, 1.6].map(|sigma| rules::cdat(sigma, beta).label);
                let points = labels.iter().enumerate().map(|(i, label)| (label.as_str(), vec![end(i)]));
                series_of.push(grid(problem, &series(beta), points.collect()));
            }
        }
        Results { series: series_of }
    }

    #[test]
    fn both_outcomes() {
        let verdicts = |results: &Results| judge(results).into_iter().map(|claim| claim.verdict).collect::<Vec<_>>();
        assert_eq!(verdicts(&results([0, 1], true)), [Shown; 4]);
        assert_eq!(verdicts(&results([1, 0], false)), [NotShown; 4]);
    }

    #[test]
    fn the_map_marks_the_best_and_what_failed() {
        let mut all = results([0, 1], true);
        let Measured { group, .. } = &mut all.series[0];
        group.points[1].runs = vec![diverged()];
        let Drawing::Map(map) = draw(&all).drawing else { panic!("expected a map") };
        assert_eq!((map.columns.as_slice(), map.rows.as_slice()), (&[1.2, 1.6][..], &[32.0, 64.0][..]));
        let marks: Vec<Mark> = map.panels[0].cells.iter().map(|cell| cell.mark).collect();
        assert_eq!(marks, [Mark::Ring, Mark::Cross, Mark::Nothing, Mark::Ring]);
        let last = csv(&all).lines().last().unwrap().to_owned();
        assert_eq!(last, "\"net, batch 64\",\"β = 0.99\",\"sigma=1.6 beta=0.99\",1e-1,2e-1");
        assert!(csv(&all).lines().nth(2).unwrap().ends_with(",,"));
    }

    #[test]
    fn the_paper_has_thirteen_sigmas() {
        assert_eq!(map_sigmas(&Scope::paper()).len(), 13);
        assert_eq!(map_sigmas(&Scope::small()), [0.4, 0.8, 1.2, 1.6, 2.0, 2.4, 2.8]);
    }
}
