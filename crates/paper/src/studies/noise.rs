use std::fmt::Write;

use onedge_plot::{Abscissa, Chart, ChartPanel, Drawing, Look, Scale, Trace};
use onedge_registry::Entry;
use onedge_run::Finished;
use onedge_sweep::compare::Point;
use onedge_text::table::number;
use onedge_theory::batches::{BatchMap, Batches, Model};
use onedge_theory::presets::CHOSEN;

use super::ranks::correlation;
use crate::claim::{Claim, Seen};
use crate::judge::{Judge, graded, limits, unknown};
use crate::problems::{map_batches, map_sigmas, mini_batch};
use crate::results::{Grids, mean};
use crate::rules::{self, sigma};
use crate::{Comparison, Error, Exhibit, Kind, Picture, Results, Scope};

pub(super) static ENTRY: Entry<Exhibit> = Entry {
    name: "noise",
    summary: "the simplified model with noise against the measured map of sigma by batch size",
    doc: "The runs of figure 7, CDAT with momentum in mini-batches, against the simplified model with gradient noise, a second eigenvalue and batches (`batches` of the \
          simplified model), at the same batch sizes, steps, sigmas and averages. Its settings were chosen once, on digits at the small size, and are the same at all \
          sizes and averages: what is asked is whether the shape carries over.",
    settings: &[],
    build: Exhibit {
        kind: Kind::Study {
            question: "Does the simplified model, with noise, tell which sigma is best at which batch size?",
        },
        comparison,
        judge,
        draw: |results, _: Abscissa| Ok(draw(results)),
    },
};

const BETAS: [f64; 3] = [0.0, 0.9, 0.99];
/// Runs of the model for each cell, while the steps of all sizes are not more than that together.
const SEEDS: (usize, usize) = (8, 200_000);

/// Rows that must be comparable.
const ROWS: usize = 5;

fn series(beta: f64) -> String {
    format!("β = {beta}")
}

fn comparison(scope: &Scope) -> Result<Comparison, Error> {
    let mut comparison = Comparison { grids: Grids::Whole, ..Comparison::none() };
    let (batches, examples) = map_batches(scope);
    for batch in batches {
        let problem = mini_batch(scope, "momentum", batch).headed(&format!("batch {batch} of {examples}"));
        for beta in BETAS {
            let rules: Vec<_> = map_sigmas(scope).into_iter().map(|sigma| rules::cdat(sigma, beta)).collect();
            comparison.add(&problem, &series(beta), &rules)?;
        }
    }
    Ok(comparison)
}

/// A sigma, and the last over the first loss there.
type Cell = (f64, f64);
type Best = Option<Cell>;

/// Measured and modelled cells of one average, row by row.
struct Both {
    /// Of each batch size, of each sigma: the mean over seeds of last over first loss; `None` where a run failed or did not end lower.
    measured: Vec<Vec<Option<f64>>>,
    model: BatchMap,
}

/// The batch size and the number of examples, from the heading of a problem.
fn sizes(problem: &str) -> Option<(usize, usize)> {
    let (batch, examples) = problem.strip_prefix("batch ")?.split_once(" of ")?;
    Some((batch.parse().ok()?, examples.parse().ok()?))
}

fn value(point: &Point) -> Option<f64> {
    let of = |run: &Finished| Some(run.summary.final_loss? / run.summary.first_loss?);
    let ratios: Option<Vec<f64>> = point.final_loss().and_then(|_| point.runs.iter().map(of).collect());
    mean(&ratios?).filter(|ratio| *ratio < 1.0)
}

fn both(results: &Results, beta: f64) -> Option<Both> {
    let name = series(beta);
    let groups = results.problems().into_iter().filter_map(|problem| {
        let (batch, examples) = sizes(problem)?;
        Some((batch, examples, results.group(problem, &name)?))
    });
    let groups: Vec<_> = groups.collect();
    let (_, examples, first) = groups.first()?;
    let sigmas: Vec<f64> = first.points.iter().filter_map(sigma).collect();
    let steps = |points: &[Point]| points.iter().flat_map(|p| &p.runs).map(|run| run.summary.steps).max();
    let batches: Option<Vec<(usize, usize)>> =
        groups.iter().map(|(batch, _, group)| Some((*batch, steps(&group.points)? as usize))).collect();
    let batches = batches?;
    let all: usize = batches.iter().map(|(_, steps)| steps).sum();
    let seeds = (SEEDS.1 / all.max(1)).clamp(1, SEEDS.0) as u64;
    let model = Model { examples: *examples, ..CHOSEN };
    Some(Both {
        measured: groups.iter().map(|(_, _, group)| group.points.iter().map(value).collect()).collect(),
        model: Batches { model, sigmas, batches, beta, seed: 0, seeds }.map(),
    })
}

impl Both {
    /// Of each batch size the best sigma with its value, measured and modelled.
    fn best(&self) -> Vec<(usize, Best, Best)> {
        let of = |cells: &[Option<f64>]| {
            let valued = self.model.of.sigmas.iter().zip(cells).filter_map(|(sigma, cell)| Some((*sigma, (*cell)?)));
            valued.min_by(|a, b| a.1.total_cmp(&b.1))
        };
        let rows = self.model.best().into_iter().zip(&self.measured);
        rows.map(|((batch, model), measured)| (batch, of(measured), model)).collect()
    }

    /// The same where both have one.
    fn pairs(&self) -> Vec<(usize, Cell, Cell)> {
        self.best().into_iter().filter_map(|(batch, measured, model)| Some((batch, measured?, model?))).collect()
    }

    /// Every cell, measured and modelled; what diverged is above all others.
    fn cells(&self) -> Vec<(f64, f64)> {
        let or_above = |cell: &Option<f64>| cell.unwrap_or(f64::INFINITY);
        self.measured.iter().flatten().map(or_above).zip(self.model.cells.iter().map(or_above)).collect()
    }
}

fn judge(results: &Results) -> Vec<Claim> {
    let mut judge = Judge::default();
    for beta in BETAS {
        let Some(both) = both(results, beta) else { continue };
        let (name, pairs, rows) = (series(beta), both.pairs(), both.measured.len());
        let text: Vec<String> =
            pairs.iter().map(|(batch, measured, model)| format!("{batch}: {} and {}", measured.0, model.0)).collect();
        let text = format!("by batch size, measured and modelled, {}", text.join(", "));
        let few = || unknown("at fewer than five batch sizes both have a best sigma, or it is the same at all");

        let says = "measured and modelled best sigmas are ranked alike by batch size: their rank correlation is 0.8 or more (partly: 0.5)";
        let [most, partly] = limits(says);
        let found = correlation(&pairs.iter().map(|(_, a, b)| (a.0, b.0)).collect::<Vec<_>>(), ROWS);
        let seen = found
            .map_or_else(few, |rho| Seen::of(graded(rho >= most, rho >= partly), format!("{rho:.2}; {text}"), rho));
        judge.claim(&name, says, seen);

        let says =
            "the modelled best sigma is within 0.41 of the measured one at every batch size (partly: at all but 1)";
        let [near, but] = limits(says);
        let close = pairs.iter().filter(|(_, a, b)| (a.0 - b.0).abs() <= near).count();
        let verdict = graded(close == rows, close as f64 >= rows as f64 - but);
        judge.claim(&name, says, Seen::of(verdict, format!("at {close} of {rows}; {text}"), close as f64));

        let says = "the modelled best sigma at the smallest batch is under that at the largest, and never falls by more than 0.41 from a \
                    size to the next larger (partly: the first)";
        let [step] = limits(says);
        let modelled: Vec<f64> = both.best().iter().filter_map(|(_, _, model)| Some(model.as_ref()?.0)).collect();
        let seen = match (modelled.first(), modelled.last()) {
            (Some(first), Some(last)) if modelled.len() == rows => {
                let steady = modelled.windows(2).all(|pair| pair[1] >= pair[0] - step);
                let words: Vec<String> = modelled.iter().map(f64::to_string).collect();
                Seen::of(graded(first < last && steady, first < last), words.join(", "), last - first)
            }
            _ => unknown("the model has no best sigma at some size"),
        };
        judge.claim(&name, says, seen);

        let says = "over all cells the model ranks the losses as the runs do: the rank correlation is 0.7 or more (partly: 0.4)";
        let [most, partly] = limits(says);
        let seen = correlation(&both.cells(), ROWS).map_or_else(few, |rho| {
            Seen::of(graded(rho >= most, rho >= partly), format!("{rho:.2}, of {} cells", both.cells().len()), rho)
        });
        judge.claim(&name, says, seen);

        let says = "at the best sigma of each size the model's last over first loss is within 10 times that of the runs, up or down (partly: \
                    1000 times)";
        let [most, partly] = limits(says);
        let worst = pairs.iter().map(|(_, a, b)| (b.1 / a.1).max(a.1 / b.1)).fold(f64::NAN, f64::max);
        let seen = if worst.is_nan() {
            few()
        } else {
            Seen::of(graded(worst <= most, worst <= partly), format!("up to {} times", number(Some(worst))), worst)
        };
        judge.claim(&name, says, seen);
    }
    judge.claims()
}

fn draw(results: &Results) -> Picture {
    let mut text = String::from("averages,batch,sigma,measured,model\n");
    let mut panels = Vec::new();
    for beta in BETAS {
        let Some(both) = both(results, beta) else { continue };
        let at = |of: fn(&(usize, Best, Best)) -> Best| {
            let point =
                |row: &(usize, Best, Best)| ((row.0 as f64).log2(), of(row).map_or(f64::NAN, |(sigma, _)| sigma));
            Trace { points: both.best().iter().map(point).collect(), ..Trace::default() }
        };
        panels.push(ChartPanel {
            title: format!("best σ, averages with {}", series(beta)),
            scale: Scale::Linear,
            curves: vec![at(|row| row.1), at(|row| row.2)],
            across: None,
            legend: Vec::new(),
        });
        let columns = both.model.of.sigmas.len();
        for (i, (measured, model)) in both.measured.iter().flatten().zip(&both.model.cells).enumerate() {
            let (batch, sigma) = (both.model.of.batches[i / columns].0, both.model.of.sigmas[i % columns]);
            let show = |cell: &Option<f64>| cell.map_or(String::new(), |value| format!("{value:.4e}"));
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{},{batch},{sigma},{},{}", series(beta), show(measured), show(model));
        }
    }
    let chart = Chart {
        title: "The best σ by batch size: measured, and in the simplified model with noise".to_owned(),
        x_label: "log₂ of the batch size".to_owned(),
        curves: vec![("measured".to_owned(), Look::solid(0)), ("model".to_owned(), Look::dashed(1))],
        panels,
        rows: Vec::new(),
        note: format!("measured: means of {} seeds", results.seeds()),
    };
    Picture { drawing: Drawing::Curves(chart), csv: text }
}

#[cfg(test)]
mod tests {
    use onedge_theory::presets::Verdict::{self, NotShown, Shown};

    use super::*;
    use crate::results::samples::{falling, grid, run};
    use onedge_record::Record;

    const LABELS: [f64; 4] = [0.4, 0.8, 1.2, 1.6];

    /// Runs that end where the model does, or in the opposite order.
    fn results(mirrored: bool) -> Results {
        let mut all = Vec::new();
        for beta in BETAS {
            for (batch, steps) in [(32, 1920), (64, 960), (128, 480), (256, 240), (512, 120)] {
                let model = CHOSEN;
                let of =
                    Batches { model, sigmas: LABELS.to_vec(), batches: vec![(batch, steps)], beta, seed: 0, seeds: 8 };
                let mut cells = of.map().cells;
                if mirrored {
                    // The lower the model, the higher the runs.
                    let turned = |cell: &Option<f64>| Some(cell.map_or(1e-9, |value| 1e-4 / (value + 1e-4)));
                    cells = cells.iter().map(turned).collect();
                }
                let made = |end: f64| {
                    let loss = |step| if step == 0 { 1.0 } else { end };
                    let mut run = run(steps as u64, |step| Record { loss: loss(step), ..Record::default() });
                    run.summary.final_loss = Some(end);
                    run
                };
                let points: Vec<(String, Vec<Finished>)> = LABELS
                    .iter()
                    .zip(cells)
                    .map(|(sigma, cell)| (rules::cdat(*sigma, beta).label, vec![made(cell.unwrap_or(2.0))]))
                    .collect();
                let points = points.iter().map(|(label, runs)| (label.as_str(), runs.clone())).collect();
                all.push(grid(&format!("batch {batch} of 1024"), &series(beta), points));
            }
        }
        Results { series: all }
    }

    #[test]
    fn runs_as_the_model_has_them_show_it() {
        let claims = judge(&results(false));
        assert_eq!(claims.len(), 15);
        // What is said of the model alone, and ranks that may all be the same, apart.
        for claim in
            claims.iter().filter(|claim| claim.says.contains("within") || claim.says.contains("over all cells"))
        {
            assert_eq!(claim.verdict, Shown, "{claim:?}");
        }
        let mirrored: Vec<Verdict> =
            judge(&results(true)).into_iter().filter(|claim| claim.says.contains("cells")).map(|c| c.verdict).collect();
        assert_eq!(mirrored, [NotShown; 3]);
    }

    #[test]
    fn the_picture_has_both_curves() {
        let Picture { drawing: Drawing::Curves(chart), csv } = draw(&results(false)) else { panic!("expected curves") };
        assert_eq!((chart.panels.len(), chart.curves.len()), (3, 2));
        assert_eq!(chart.panels[1].curves[0].points, chart.panels[1].curves[1].points);
        assert_eq!(csv.lines().count(), 1 + 3 * 5 * 4);
    }

    #[test]
    fn sizes_are_read_from_headings() {
        assert_eq!((sizes("batch 32 of 1024"), sizes("ConvNet, batch 32")), (Some((32, 1024)), None));
        let none = Results { series: vec![grid("net", "β = 0", vec![("sigma=1", vec![falling(0.1)])])] };
        assert!(judge(&none).is_empty());
        assert_eq!(comparison(&Scope::small()).unwrap().runs().count(), 5 * 3 * 7 * 3);
    }
}
