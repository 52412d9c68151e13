//! Runs side by side: the best of a grid, one table, one picture.

use onedge_plot::{Abscissa, Curve, Picture};
use onedge_record::StopReason;
use onedge_run::Finished;
use onedge_text::table::{duration, number, table};

/// All runs of one spec: a grid, or a single point.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// What the spec calls itself.
    pub name: String,
    /// The points of the grid.
    pub points: Vec<Point>,
}

/// One point of a grid: the same run for every seed.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// Where in the grid: `rate=0.1`; empty without a grid.
    pub label: String,
    /// One run per seed.
    pub runs: Vec<Finished>,
}

impl Point {
    /// The mean over the seeds of the final loss, itself the mean of the last five. `None` if any run failed.
    pub fn final_loss(&self) -> Option<f64> {
        let losses: Option<Vec<f64>> = self.runs.iter().map(loss_of_a_success).collect();
        losses.and_then(|losses| mean(&losses))
    }

    /// The standard error of the mean final loss over the n seeds that finished, their standard deviation over sqrt(n),
    /// if there are two or more.
    pub fn standard_error(&self) -> Option<f64> {
        let losses: Vec<f64> = self.runs.iter().filter_map(loss_of_a_success).collect();
        let (mean, n) = (mean(&losses)?, losses.len() as f64);
        let square: f64 = losses.iter().map(|loss| (loss - mean).powi(2)).sum();
        (losses.len() > 1).then(|| (square / (n - 1.0) / n).sqrt())
    }

    /// What means are taken over: the seeds that finished. A single run stands for itself, however it ended.
    fn counted(&self) -> Vec<&Finished> {
        let finished = |run: &&Finished| self.runs.len() == 1 || run.summary.stop.is_success();
        self.runs.iter().filter(finished).collect()
    }
}

impl Group {
    /// The point with the smallest final loss; `None` if every point failed.
    pub fn best(&self) -> Option<usize> {
        let scored = self.points.iter().enumerate().filter_map(|(i, point)| Some((i, point.final_loss()?)));
        scored.min_by(|a, b| a.1.total_cmp(&b.1)).map(|(index, _)| index)
    }

    fn label(&self, point: &Point) -> String {
        if point.label.is_empty() { self.name.clone() } else { format!("{} {}", self.name, point.label) }
    }
}

/// One row per point, with means over the seeds that finished; the best of a grid is marked with a star.
pub fn comparison_table(groups: &[Group]) -> String {
    let mut rows = Vec::new();
    for group in groups {
        let best = group.best();
        for (index, point) in group.points.iter().enumerate() {
            let counted = point.counted();
            let over = |value: fn(&Finished) -> Option<f64>| {
                mean(&counted.iter().copied().filter_map(value).collect::<Vec<_>>())
            };
            let star = if group.points.len() > 1 && best == Some(index) { " *" } else { "" };
            let spread = point.standard_error().map_or(String::new(), |error| format!(" ± {}", number(Some(error))));
            rows.push(vec![
                format!("{}{star}", group.label(point)),
                format!("{}{spread}", number(over(|run| run.summary.final_loss))),
                number(over(|run| run.summary.best_loss)),
                percent(over(|run| run.summary.train.get("accuracy").copied())),
                percent(over(|run| run.summary.test.get("accuracy").copied())),
                number(over(|run| run.records.iter().rev().find_map(|record| record.edge()))),
                over(|run| Some(run.summary.cost)).map_or("-".to_owned(), |cost| format!("{cost:.0}")),
                over(|run| Some(run.summary.seconds)).map_or("-".to_owned(), duration),
                ending(point),
            ]);
        }
    }
    let several = groups.iter().flat_map(|group| &group.points).any(|point| point.runs.len() > 1);
    let loss = if several { "final loss ± standard error" } else { "final loss" };
    let headings = ["run", loss, "best", "train acc", "test acc", "rate x sharpness", "cost", "time", "ended"];
    table(&headings, &rows)
}

/// The best point of each group (its first seed), in the four usual panels.
pub fn picture(title: &str, groups: &[Group]) -> Picture {
    let shown = groups.iter().filter_map(|group| {
        let point = &group.points[group.best().unwrap_or(0)];
        let run = point.runs.first()?;
        Some(Curve { label: group.label(point), records: run.records.clone(), edge: run.edge })
    });
    Picture { title: title.to_owned(), x: Abscissa::Step, panels: Vec::new(), curves: shown.collect() }
}

fn loss_of_a_success(run: &Finished) -> Option<f64> {
    run.summary.final_loss.filter(|loss| run.summary.stop.is_success() && loss.is_finite())
}

/// How the runs of a point ended; if one failed, the first failure and how many finished.
fn ending(point: &Point) -> String {
    let failed: Vec<&StopReason> = point.runs.iter().map(|run| &run.summary.stop).filter(|s| !s.is_success()).collect();
    let Some(first) = failed.first() else {
        return point.runs.first().map_or(String::new(), |run| short(&run.summary.stop));
    };
    match point.runs.len() {
        1 => short(first),
        runs => format!("{} ({} of {runs} finished)", short(first), runs - failed.len()),
    }
}

fn short(stop: &StopReason) -> String {
    let text = stop.to_string();
    text.split([':', ';']).next().unwrap_or_default().to_owned()
}

fn percent(share: Option<f64>) -> String {
    share.map_or("-".to_owned(), |share| format!("{:.1} %", 100.0 * share))
}

fn mean(values: &[f64]) -> Option<f64> {
    if values.is_empty() { None } else { Some(values.iter().sum::<f64>() / values.len() as f64) }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use onedge_record::Summary;

    fn run(stop: StopReason, loss: f64) -> Finished {
        let summary = Summary {
            name: "a".to_owned(),
            version: String::new(),
            stop,
            ended: None,
            steps: 5,
            parameters: 1,
            seconds: 1.0,
            spectrum_seconds: 0.0,
            checkpoint_seconds: 0.0,
            checkpoints_failed: 0,
            cost: 10.0,
            first_loss: Some(loss),
            final_loss: Some(loss),
            best_loss: Some(loss),
            best: None,
            events: Default::default(),
            train: Default::default(),
            test: Default::default(),
        };
        Finished { folder: PathBuf::new(), summary, records: Vec::new(), edge: Some(2.0) }
    }

    fn row(runs: Vec<Finished>) -> (String, String) {
        let group = Group { name: "a".to_owned(), points: vec![Point { label: String::new(), runs }] };
        let text = comparison_table(&[group]);
        let mut lines = text.lines().map(str::to_owned);
        (lines.next().unwrap(), lines.next().unwrap())
    }

    #[test]
    fn means_are_over_the_seeds_that_finished() {
        let diverged = || StopReason::Diverged { step: 3, loss: 1e9, limit: 1e3 };
        let done = |loss| run(StopReason::StepsDone, loss);
        // Mean 3, standard deviation 2, over sqrt(3).
        let (head, text) = row(vec![done(1.0), done(3.0), run(diverged(), 1e9), done(5.0)]);
        assert!(head.contains("final loss ± standard error"), "{head}");
        assert!(text.contains("3.000 ± 1.155 ") && text.contains("diverged at step 3 (3 of 4 finished)"), "{text}");
        let (_, text) = row(vec![run(diverged(), 1e9), run(diverged(), 1e9)]);
        assert!(text.contains(" - ") && !text.contains("e9") && text.contains("(0 of 2 finished)"), "{text}");
        let (head, text) = row(vec![run(diverged(), 1e9)]);
        assert!(!head.contains('±') && text.contains("1.000e9") && text.ends_with("diverged at step 3"), "{text}");
    }
}
