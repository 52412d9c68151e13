//! Runs side by side: the best of a grid, one table, one picture.

use onedge_plot::{Abscissa, Course, Curve, Picture};
use onedge_record::StopReason;
use onedge_run::Finished;
use onedge_text::numbers::plus_minus;
use onedge_text::table::{Table, duration, number};

use crate::Metric;

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
        self.score(&Metric::final_loss())
    }

    /// The mean of `metric` over the seeds. `None` if any run failed or lacks it.
    pub fn score(&self, metric: &Metric) -> Option<f64> {
        let values: Option<Vec<f64>> = self.runs.iter().map(|run| of_a_success(run, metric)).collect();
        values.and_then(|values| mean(&values))
    }

    /// The standard error of the mean final loss over the n seeds that finished, their standard deviation over sqrt(n),
    /// if there are two or more.
    pub fn standard_error(&self) -> Option<f64> {
        self.standard_error_of(&Metric::final_loss())
    }

    /// The same of another metric.
    pub fn standard_error_of(&self, metric: &Metric) -> Option<f64> {
        let losses: Vec<f64> = self.runs.iter().filter_map(|run| of_a_success(run, metric)).collect();
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
        self.best_by(&Metric::final_loss())
    }

    /// The point with the best `metric`; `None` if every point failed.
    pub fn best_by(&self, metric: &Metric) -> Option<usize> {
        let scored = self.points.iter().enumerate();
        let scored = scored.filter_map(|(i, point)| Some((i, metric.rank(point.score(metric)?))));
        scored.min_by(|a, b| a.1.total_cmp(&b.1)).map(|(index, _)| index)
    }

    /// Whether the best point by `metric` has a run that lowered its loss.
    pub fn got_somewhere(&self, metric: &Metric) -> bool {
        let best = self.best_by(metric).map(|best| &self.points[best]);
        best.is_some_and(|best| best.runs.iter().any(|run| run.summary.no_progress().is_none()))
    }

    fn label(&self, point: &Point) -> String {
        if point.label.is_empty() { self.name.clone() } else { format!("{} {}", self.name, point.label) }
    }
}

/// One row per point, with means over the seeds that finished; the best of a grid is marked with a star.
pub fn comparison_table(groups: &[Group]) -> Table {
    comparison_table_by(groups, &Metric::final_loss())
}

/// The same with the best by `metric`, which has a column of its own.
pub fn comparison_table_by(groups: &[Group], metric: &Metric) -> Table {
    let mut rows = Vec::new();
    for group in groups {
        let best = group.best_by(metric);
        for (index, point) in group.points.iter().enumerate() {
            let counted = point.counted();
            let over = |value: fn(&Finished) -> Option<f64>| {
                mean(&counted.iter().copied().filter_map(value).collect::<Vec<_>>())
            };
            let star = if group.points.len() > 1 && best == Some(index) { " *" } else { "" };
            let mut row = vec![format!("{}{star}", group.label(point))];
            if !metric.is_usual() {
                let values: Vec<f64> = counted.iter().filter_map(|run| metric.of(&run.summary)).collect();
                row.push(with_error(mean(&values), point.standard_error_of(metric)));
            }
            row.extend([
                with_error(over(|run| run.summary.final_loss), point.standard_error()),
                number(over(|run| run.summary.best_loss)),
                percent(over(|run| run.summary.train.get("accuracy").copied())),
                percent(over(|run| run.summary.test.get("accuracy").copied())),
                number(over(|run| run.records.iter().rev().find_map(|record| record.edge()))),
                over(|run| Some(run.summary.cost)).map_or("-".to_owned(), |cost| format!("{cost:.0}")),
                over(|run| Some(run.summary.seconds)).map_or("-".to_owned(), duration),
                ending(point),
            ]);
            rows.push(row);
        }
    }
    let several = groups.iter().flat_map(|group| &group.points).any(|point| point.runs.len() > 1);
    let loss = if several { "final loss ± standard error" } else { "final loss" };
    let mut headings = vec!["run", loss, "best", "train acc", "test acc", "rate x sharpness", "cost", "time", "ended"];
    // The final loss, how it ended and the accuracies are worth more room than what it took.
    let mut ranks = vec![0, 0, 6, 4, 3, 5, 8, 7, 2];
    let own = heading(metric, several);
    if !metric.is_usual() {
        headings.insert(1, &own);
        ranks.insert(1, 0);
        ranks[2] = 4;
    }
    Table::new(&headings, &rows).ranked(&ranks)
}

/// The heading of a column of `metric`, with what its numbers have beside them.
pub(crate) fn heading(metric: &Metric, with_errors: bool) -> String {
    if with_errors { format!("{metric} ± standard error") } else { metric.to_string() }
}

/// A number with its standard error, if there is one.
pub(crate) fn with_error(value: Option<f64>, error: Option<f64>) -> String {
    value.map_or_else(|| number(None), |value| plus_minus(value, error))
}

/// The best point of each group, in the four usual panels: of several seeds the mean, with their range as a band.
pub fn picture(title: &str, groups: &[Group]) -> Picture {
    picture_by(title, groups, &Metric::final_loss())
}

/// The same with the best by `metric`.
pub fn picture_by(title: &str, groups: &[Group], metric: &Metric) -> Picture {
    let shown = groups.iter().filter_map(|group| {
        let point = &group.points[group.best_by(metric).unwrap_or(0)];
        let edge = point.runs.first()?.edge;
        Some(Curve { label: group.label(point), runs: point.runs.iter().map(course).collect(), edge })
    });
    Picture { title: title.to_owned(), x: Abscissa::Step, panels: Vec::new(), curves: shown.collect(), smoothing: None }
}

/// A run as a picture shows it.
pub fn course(run: &Finished) -> Course {
    Course { records: run.records.clone(), diverged: has_diverged(&run.summary.stop) }
}

/// Whether a run ended for its loss, which grew beyond its limit or was no number.
pub fn has_diverged(stop: &StopReason) -> bool {
    matches!(stop, StopReason::Diverged { .. } | StopReason::NonFinite { .. })
}

fn of_a_success(run: &Finished, metric: &Metric) -> Option<f64> {
    metric.of(&run.summary).filter(|_| run.summary.stop.is_success())
}

/// How the runs of a point ended; if one failed, the first failure and how many finished.
fn ending(point: &Point) -> String {
    let failed: Vec<&StopReason> = point.runs.iter().map(|run| &run.summary.stop).filter(|s| !s.is_success()).collect();
    let Some(first) = failed.first() else {
        let none = point.runs.iter().filter(|run| run.summary.no_progress().is_some()).count();
        let shown = point.runs.iter().max_by_key(|run| run.summary.no_progress().is_some());
        let ending = shown.map_or(String::new(), |run| run.summary.ending());
        return match point.runs.len() {
            runs if runs > 1 && none > 0 => format!("{ending} ({none} of {runs})"),
            _ => ending,
        };
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
            findings: Vec::new(),
            train: Default::default(),
            test: Default::default(),
        };
        Finished { folder: PathBuf::new(), summary, records: Vec::new(), edge: Some(2.0) }
    }

    fn row(runs: Vec<Finished>) -> (String, String) {
        let group = Group { name: "a".to_owned(), points: vec![Point { label: String::new(), runs }] };
        let text = comparison_table(&[group]).to_string();
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
        assert!(text.contains("3.0 ± 1.2 ") && text.contains("diverged at step 3 (3 of 4 finished)"), "{text}");
        let (_, text) = row(vec![run(diverged(), 1e9), run(diverged(), 1e9)]);
        assert!(text.contains(" - ") && !text.contains("e9") && text.contains("(0 of 2 finished)"), "{text}");
        let (head, text) = row(vec![run(diverged(), 1e9)]);
        assert!(!head.contains('±') && text.contains("1.000e9") && text.ends_with("diverged at step 3"), "{text}");
    }

    #[test]
    fn the_picture_has_every_seed_of_the_best_and_marks_what_diverged() {
        let diverged = StopReason::Diverged { step: 3, loss: 1e9, limit: 1e3 };
        let runs = vec![run(StopReason::StepsDone, 1.0), run(diverged, 1e9)];
        let point = |label: &str, runs| Point { label: label.to_owned(), runs };
        let best = point("rate=0.2", vec![run(StopReason::StepsDone, 0.5), run(StopReason::StepsDone, 0.7)]);
        let grid = Group { name: "a".to_owned(), points: vec![point("rate=0.1", runs.clone()), best] };
        let failed = Group { name: "b".to_owned(), points: vec![point("", runs)] };
        let drawn = picture("best", &[grid, failed]);
        let seen: Vec<_> = drawn.curves.iter().map(|curve| (curve.label.as_str(), curve.runs.len())).collect();
        assert_eq!(seen, [("a rate=0.2", 2), ("b", 2)]);
        assert_eq!(drawn.curves[1].runs.iter().map(|run| run.diverged).collect::<Vec<_>>(), [false, true]);
    }

    /// The smaller final loss has the worse accuracy, whose means over the seeds are 0.75 and 0.875.
    #[test]
    fn the_best_may_be_chosen_by_another_metric() {
        let with = |loss, accuracy| {
            let mut run = run(StopReason::StepsDone, loss);
            run.summary.test.insert("accuracy".to_owned(), accuracy);
            run
        };
        let point = |label: &str, runs| Point { label: label.to_owned(), runs };
        let points = vec![
            point("rate=0.1", vec![with(1.0, 0.5), with(1.0, 1.0)]),
            point("rate=0.2", vec![with(2.0, 0.75), with(2.0, 1.0)]),
            point("rate=0.3", vec![run(StopReason::StepsDone, 0.5)]),
        ];
        let group = Group { name: "a".to_owned(), points };
        let accuracy = Metric::named("test.accuracy").unwrap();
        assert_eq!((group.best(), group.best_by(&accuracy)), (Some(2), Some(1)));
        assert_eq!(group.points[1].score(&accuracy), Some(0.875));
        assert_eq!(group.points[2].score(&accuracy), None, "one without test examples");
        let text = comparison_table_by(&[group], &accuracy).to_string();
        let (head, rows) = text.split_once('\n').unwrap();
        assert!(
            head.starts_with("run ")
                && head.contains("  test accuracy ± standard error  final loss ± standard error  "),
            "{head}"
        );
        // Standard deviation of 3/4 and 1 is sqrt(1/32), over sqrt(2).
        assert!(rows.contains("a rate=0.2 *") && rows.contains("0.88 ± 0.12"), "{text}");
    }
}
