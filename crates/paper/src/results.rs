use super::comparison::{Candidate, Comparison, Series};
use super::runs::Source;
use crate::Error;
use onedge_plot::Quantity;
use onedge_record::Record;
use onedge_run::Finished;
use onedge_sweep::compare::{Group, Point};

/// What the runs of a comparison recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct Results {
    /// In the order of the comparison.
    pub series: Vec<Measured>,
}

/// What of a grid a seed is judged by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Grids {
    /// The point that is best over all seeds.
    #[default]
    Chosen,
    /// All points: what is said is said of where the best lies.
    Whole,
}

/// What a series recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// What was trained.
    pub problem: String,
    /// The rule, with the points of its grid.
    pub group: Group,
}

impl Results {
    /// Reads the runs of a comparison.
    ///
    /// # Errors
    /// [`Error::FigureRuns`] if some are missing; a file that cannot be read.
    pub fn load(comparison: &Comparison, source: &Source) -> Result<Self, Error> {
        let missing = source.open(comparison.runs()).len();
        if missing > 0 {
            return Err(Error::FigureRuns { root: source.root.clone(), missing });
        }
        let series = comparison.series.iter().map(|series| measured(series, source)).collect::<Result<_, _>>()?;
        Ok(Self { series })
    }

    /// The problems, in their order.
    pub fn problems(&self) -> Vec<&str> {
        let mut problems: Vec<&str> = Vec::new();
        for series in &self.series {
            if !problems.contains(&series.problem.as_str()) {
                problems.push(&series.problem);
            }
        }
        problems
    }

    /// The names of the series, in their order.
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for series in &self.series {
            if !names.contains(&series.group.name.as_str()) {
                names.push(&series.group.name);
            }
        }
        names
    }

    /// The grid of a rule on a problem.
    pub fn group(&self, problem: &str, name: &str) -> Option<&Group> {
        let found = self.series.iter().find(|series| series.problem == problem && series.group.name == name)?;
        Some(&found.group)
    }

    /// The point of the grid with the smallest final loss, the mean over seeds; `None` if all failed or there is none.
    pub fn best(&self, problem: &str, name: &str) -> Option<&Point> {
        let group = self.group(problem, name)?;
        group.best().map(|index| &group.points[index])
    }

    /// The point that stands for a series: the best, or the one that came furthest if all failed.
    pub fn shown(&self, problem: &str, name: &str) -> Option<&Point> {
        let group = self.group(problem, name)?;
        let furthest = || group.points.iter().max_by_key(|point| point.runs.iter().map(|run| run.summary.steps).max());
        self.best(problem, name).or_else(furthest)
    }

    /// How many seeds there are at most.
    pub fn seeds(&self) -> usize {
        let points = self.series.iter().flat_map(|series| &series.group.points);
        points.map(|point| point.runs.len()).max().unwrap_or(0)
    }

    /// What one seed alone says at the settings that were chosen over all of them: of each grid the best point, or the
    /// whole grid where all of it failed or `grids` are judged themselves.
    pub fn of_seed(&self, seed: usize, grids: Grids) -> Self {
        let of_point = |point: &Point| Point {
            label: point.label.clone(),
            runs: point.runs.get(seed).cloned().into_iter().collect(),
        };
        let of_series = |Measured { problem, group }: &Measured| {
            let chosen = match grids {
                Grids::Chosen => group.best().map(|best| vec![of_point(&group.points[best])]),
                Grids::Whole => None,
            };
            let points = chosen.unwrap_or_else(|| group.points.iter().map(of_point).collect());
            Measured { problem: problem.clone(), group: Group { name: group.name.clone(), points } }
        };
        Self { series: self.series.iter().map(of_series).collect() }
    }

    /// Seconds of all runs, diagnostics included.
    pub fn seconds(&self) -> f64 {
        self.runs().map(|run| run.summary.seconds + run.summary.spectrum_seconds).sum()
    }

    /// Forward-equivalents of all runs.
    pub fn cost(&self) -> f64 {
        self.runs().map(|run| run.summary.cost).sum()
    }

    /// Every run.
    pub fn runs(&self) -> impl Iterator<Item = &Finished> {
        self.series.iter().flat_map(|series| &series.group.points).flat_map(|point| &point.runs)
    }
}

fn measured(series: &Series, source: &Source) -> Result<Measured, Error> {
    let point = |candidate: &Candidate| {
        let runs = candidate.runs.iter().map(|run| source.read(run)).collect::<Result<_, _>>()?;
        Ok(Point { label: candidate.label.clone(), runs })
    };
    let points = series.candidates.iter().map(point).collect::<Result<_, Error>>()?;
    Ok(Measured { problem: series.problem.clone(), group: Group { name: series.name.clone(), points } })
}

/// The mean; `None` of nothing.
pub(super) fn mean(values: &[f64]) -> Option<f64> {
    if values.is_empty() { None } else { Some(values.iter().sum::<f64>() / values.len() as f64) }
}

/// The middle value; `None` of nothing.
pub(super) fn median(values: &[f64]) -> Option<f64> {
    let mut values: Vec<f64> = values.iter().copied().filter(|value| !value.is_nan()).collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len().checked_sub(1)? / 2).copied()
}

/// What a quantity reads between two shares of a run's steps: 0.5 and 1 for its second half.
pub(super) fn between(run: &Finished, quantity: Quantity, (from, to): (f64, f64)) -> Vec<f64> {
    let steps = run.summary.steps.max(1) as f64;
    let inside = |record: &&Record| (from * steps..to * steps).contains(&(record.step as f64));
    run.records.iter().filter(inside).filter_map(quantity).filter(|value| value.is_finite()).collect()
}

/// The median of that, `None` if nothing was measured there.
pub(super) fn middle(run: &Finished, quantity: Quantity, shares: (f64, f64)) -> Option<f64> {
    median(&between(run, quantity, shares))
}

#[cfg(test)]
pub(super) mod samples {
    //! MadeFigure-up runs, for the tests of what is said of them.

    use std::collections::BTreeMap;
    use std::path::PathBuf;

    use super::*;
    use onedge_record::{StopReason, Summary};

    /// A run of so many steps with one record each.
    pub fn run(steps: u64, record: impl Fn(u64) -> Record) -> Finished {
        let records: Vec<Record> = (0..steps).map(|step| Record { step, ..record(step) }).collect();
        let losses: Vec<f64> = records.iter().map(|record| record.loss).collect();
        let summary = Summary {
            name: "made up".to_owned(),
            version: String::new(),
            stop: StopReason::StepsDone,
            ended: None,
            steps,
            parameters: 1,
            seconds: 1.0,
            spectrum_seconds: 0.0,
            checkpoint_seconds: 0.0,
            checkpoints_failed: 0,
            cost: 3.0 * steps as f64,
            first_loss: losses.first().copied(),
            final_loss: onedge_record::final_loss(&losses),
            best_loss: losses.iter().copied().reduce(f64::min),
            best: None,
            events: BTreeMap::new(),
            findings: Vec::new(),
            train: BTreeMap::new(),
            test: BTreeMap::new(),
        };
        Finished { folder: PathBuf::new(), summary, records, edge: Some(2.0) }
    }

    /// A run whose loss falls to `end`.
    pub fn falling(end: f64) -> Finished {
        run(100, |step| Record { loss: if step < 90 { 2.0 } else { end }, learning_rate: 0.1, ..Record::default() })
    }

    /// The same, ended by divergence.
    pub fn diverged() -> Finished {
        let mut run = falling(1e9);
        run.summary.stop = StopReason::Diverged { step: 99, loss: 1e9, limit: 1e3 };
        run
    }

    /// A series of one point.
    pub fn series(problem: &str, name: &str, runs: Vec<Finished>) -> Measured {
        grid(problem, name, vec![("", runs)])
    }

    /// A series of several points.
    pub fn grid(problem: &str, name: &str, points: Vec<(&str, Vec<Finished>)>) -> Measured {
        let points = points.into_iter().map(|(label, runs)| Point { label: label.to_owned(), runs }).collect();
        Measured { problem: problem.to_owned(), group: Group { name: name.to_owned(), points } }
    }
}

#[cfg(test)]
mod tests {
    use super::samples::{diverged, falling, grid, run};
    use super::*;

    #[test]
    fn the_best_of_a_grid_stands_for_it() {
        let points = vec![
            ("rate=1", vec![diverged(), falling(0.1)]),
            ("rate=2", vec![falling(0.5), falling(0.7)]),
            ("rate=3", vec![falling(0.8), falling(0.9)]),
        ];
        let results = Results { series: vec![grid("a", "constant", points)] };
        assert_eq!(results.best("a", "constant").unwrap().label, "rate=2");
        assert_eq!(results.shown("a", "constant").unwrap().label, "rate=2");
        let second = results.of_seed(1, Grids::Chosen);
        let left: Vec<_> = second.series[0].group.points.iter().map(|p| (p.label.as_str(), p.runs.len())).collect();
        assert_eq!((left, second.best("a", "constant").unwrap().final_loss()), (vec![("rate=2", 1)], Some(0.7)));
        let whole = results.of_seed(1, Grids::Whole);
        assert_eq!((whole.best("a", "constant").unwrap().final_loss(), results.seeds()), (Some(0.1), 2));
        assert_eq!(
            (results.best("b", "constant"), results.problems(), results.names()),
            (None, vec!["a"], vec!["constant"])
        );
        let failed = Results { series: vec![grid("a", "constant", vec![("rate=1", vec![diverged()])])] };
        assert!(failed.best("a", "constant").is_none() && failed.shown("a", "constant").is_some());
    }

    #[test]
    fn parts_of_a_run_have_their_medians() {
        let rates = run(10, |step| Record { learning_rate: step as f64, ..Record::default() });
        let rate: Quantity = |record| Some(record.learning_rate);
        assert_eq!(between(&rates, rate, (0.0, 0.3)), [0.0, 1.0, 2.0]);
        assert_eq!(middle(&rates, rate, (0.5, 1.0)), Some(7.0));
        assert_eq!(middle(&rates, |record| record.sharpness, (0.0, 1.0)), None);
        assert_eq!(median(&[3.0, f64::NAN, 1.0]), Some(1.0));
    }
}
