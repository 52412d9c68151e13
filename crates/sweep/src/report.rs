use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use super::status::{Done, Status};
use super::trials::Trial;
use crate::Error;
use crate::Metric;
use crate::compare::{Group, Point, comparison_table_by, heading, with_error};
use onedge_record::{Record, RunDirectory, StopReason, Summary};
use onedge_run::Finished;
use onedge_text::table::Table;

/// What a sweep tells, as far as it has come.
#[derive(Debug, Clone)]
pub struct Report<'a> {
    pub(crate) trials: &'a [Trial],
    pub(crate) statuses: &'a [Status],
    /// The runs at their end, by group and point. Of their records they have the last one with a sharpness.
    pub(crate) groups: Vec<Group>,
    /// By which the best is chosen.
    pub(crate) metric: Metric,
}

/// How many runs there are of each kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// All.
    pub runs: usize,
    /// Those that did what they were asked to.
    pub done: usize,
    /// Those that took all steps and learned nothing.
    pub no_progress: usize,
    /// Those whose loss grew beyond its limit, or was no number.
    pub diverged: usize,
    /// Those that a rule gave up.
    pub given_up: usize,
    /// Those that are not at their end.
    pub open: usize,
}

impl<'a> Report<'a> {
    /// Of as many statuses as trials, in the same order.
    ///
    /// # Errors
    /// [`Error::Record`] for records that are gone; an unknown optimizer.
    pub fn new(trials: &'a [Trial], statuses: &'a [Status]) -> Result<Self, Error> {
        let mut groups: Vec<Group> = Vec::new();
        for (trial, status) in trials.iter().zip(statuses) {
            let Status::Done(done) = status else { continue };
            let finished = finished(trial, done)?;
            let place = groups.iter().position(|group| group.name == trial.group).unwrap_or_else(|| {
                groups.push(Group { name: trial.group.clone(), points: Vec::new() });
                groups.len() - 1
            });
            let group = &mut groups[place];
            match group.points.iter_mut().find(|point| point.label == trial.label) {
                Some(point) => point.runs.push(finished),
                None => group.points.push(Point { label: trial.label.clone(), runs: vec![finished] }),
            }
        }
        Ok(Self { trials, statuses, groups, metric: Metric::final_loss() })
    }

    /// The same with the best of each group chosen by `metric`.
    pub fn chosen_by(self, metric: Metric) -> Self {
        Self { metric, ..self }
    }

    /// Whether each group has a run that is its best and lowered its loss.
    pub fn has_all_bests(&self) -> bool {
        let found = |trial: &Trial| {
            self.groups.iter().any(|group| group.name == trial.group && group.got_somewhere(&self.metric))
        };
        self.trials.iter().all(found)
    }

    /// Over all runs.
    pub fn counts(&self) -> Counts {
        count(self.statuses.iter())
    }

    /// A row for each group: the best point (of smallest final loss, the mean of the last five losses over the seeds, unless
    /// another metric was asked for), its numbers, and how many runs of the group ended how.
    pub fn best_table(&self) -> Table {
        let mut names: Vec<&str> = Vec::new();
        for trial in self.trials {
            if !names.contains(&trial.group.as_str()) {
                names.push(&trial.group);
            }
        }
        let rows: Vec<Vec<String>> = names.into_iter().map(|name| self.row(name)).collect();
        let own = heading(&self.metric, true);
        let headings = ["group", "best", &own, "test acc", "seeds", "runs", "diverged", "given up", "open"];
        Table::new(&headings, &rows).ranked(&[0, 0, 0, 2, 6, 5, 3, 4, 1])
    }

    /// A row for each point, see [`comparison_table_by`].
    pub fn point_table(&self) -> Table {
        comparison_table_by(&self.groups, &self.metric)
    }

    /// A row for each run: what varies, and its summary.
    pub fn csv(&self) -> String {
        let keys: BTreeSet<&str> =
            self.trials.iter().flat_map(|trial| &trial.coordinates).map(|(key, _)| key.as_str()).collect();
        let done = |status: &'a Status| match status {
            Status::Done(done) => Some(done),
            _ => None,
        };
        let means = |part: &'static str, of: fn(&Summary) -> &BTreeMap<String, f64>| {
            let names = self.statuses.iter().filter_map(done).flat_map(move |done| of(&done.summary).keys());
            names.map(|name| format!("{part}.{name}")).collect::<BTreeSet<_>>()
        };
        let means: Vec<String> = means("train", |s| &s.train).into_iter().chain(means("test", |s| &s.test)).collect();
        let mut columns: Vec<String> = ["group", "seed", "folder", "ended"].map(str::to_owned).to_vec();
        columns.extend(keys.iter().map(|key| (*key).to_owned()));
        let numbers = ["steps", "first_loss", "final_loss", "best_loss", "cost", "seconds"];
        columns.extend(numbers.iter().map(|name| (*name).to_owned()).chain(means.iter().cloned()));
        let mut out = line(columns);
        for (trial, status) in self.trials.iter().zip(self.statuses) {
            let (folder, ended) = match status {
                Status::Done(done) => (done.folder.display().to_string(), done.summary.stop.to_string()),
                Status::Broken(stop) => (String::new(), stop.to_string()),
                Status::Damaged(damaged) => (String::new(), damaged.to_string()),
                Status::Open => Default::default(),
            };
            let value = |key: &&str| {
                let value = trial.coordinates.iter().find(|(known, _)| known == key).map(|(_, value)| value.clone());
                value.or_else(|| trial.spec.get(key)).map_or(String::new(), |value| value.to_string())
            };
            let read = |name: &str| {
                let read = done(status).and_then(|done| summary_number(&done.summary, name));
                read.map_or(String::new(), |value| value.to_string())
            };
            let cells = [trial.group.clone(), trial.spec.seed.to_string(), folder, ended].into_iter();
            let cells = cells.chain(keys.iter().map(value)).chain(numbers.iter().map(|name| read(name)));
            out += &line(cells.chain(means.iter().map(|name| read(name))));
        }
        out
    }

    fn row(&self, name: &str) -> Vec<String> {
        let group = self.groups.iter().find(|group| group.name == name);
        let metric = &self.metric;
        let best = group.and_then(|group| Some(&group.points[group.best_by(metric)?]));
        let accuracies: Vec<f64> = best
            .into_iter()
            .flat_map(|p| &p.runs)
            .filter_map(|run| run.summary.test.get("accuracy").copied())
            .collect();
        let accuracy = accuracies.iter().sum::<f64>() / accuracies.len() as f64;
        let of_group = self.trials.iter().zip(self.statuses).filter(|(trial, _)| trial.group == name);
        let counts = count(of_group.map(|(_, status)| status));
        vec![
            name.to_owned(),
            best.map_or("-".to_owned(), |point| point.label.clone()),
            with_error(
                best.and_then(|point| point.score(metric)),
                best.and_then(|point| point.standard_error_of(metric)),
            ),
            if accuracies.is_empty() { "-".to_owned() } else { format!("{:.1} %", 100.0 * accuracy) },
            best.map_or("-".to_owned(), |point| point.runs.len().to_string()),
            counts.runs.to_string(),
            counts.diverged.to_string(),
            counts.given_up.to_string(),
            counts.open.to_string(),
        ]
    }
}

/// The number under a dotted name in a summary: `final_loss`, `test.accuracy`, `events.negative_curvature`.
pub(crate) fn summary_number(summary: &Summary, name: &str) -> Option<f64> {
    let value = serde_json::to_value(summary).ok()?;
    name.split('.').try_fold(&value, |value, key| value.get(key))?.as_f64()
}

fn count<'a>(statuses: impl Iterator<Item = &'a Status>) -> Counts {
    let mut counts = Counts::default();
    for status in statuses {
        counts.runs += 1;
        match status {
            Status::Done(done) => match done.summary.stop {
                StopReason::Diverged { .. } | StopReason::NonFinite { .. } => counts.diverged += 1,
                StopReason::Hopeless { .. } => counts.given_up += 1,
                _ if done.summary.no_progress().is_some() => counts.no_progress += 1,
                _ => counts.done += 1,
            },
            Status::Broken(_) | Status::Damaged(_) | Status::Open => counts.open += 1,
        }
    }
    counts
}

fn finished(trial: &Trial, done: &Done) -> Result<Finished, Error> {
    let optimizer = trial.spec.build_optimizer::<f32>().map_err(Error::spec(&trial.spec.origin))?;
    let records = last_with_edge(&RunDirectory::at(&done.folder).steps())?.into_iter().collect();
    let (folder, summary) = (done.folder.clone(), done.summary.clone());
    Ok(Finished { folder, summary, records, edge: optimizer.edge() })
}

/// The last record with a sharpness, if there is one in the last MiB of the file: many runs may have long records.
fn last_with_edge(path: &Path) -> Result<Option<Record>, Error> {
    const TAIL: u64 = 1 << 20;
    let read = || {
        let mut file = File::open(path)?;
        let skipped = file.metadata()?.len().saturating_sub(TAIL);
        file.seek(SeekFrom::Start(skipped))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = read().map_err(Error::read(path))?;
    let text = String::from_utf8_lossy(&bytes);
    // The first and the last line may be torn, and are no records then.
    let mut records = text.lines().rev().filter_map(|line| serde_json::from_str::<Record>(line).ok());
    Ok(records.find(|record| record.edge().is_some_and(f64::is_finite)))
}

/// One line of a CSV file.
pub(crate) fn line(cells: impl IntoIterator<Item = String>) -> String {
    let quoted = cells.into_iter().map(|cell| match cell.contains([',', '"', '\n']) {
        true => format!("\"{}\"", cell.replace('"', "\"\"")),
        false => cell,
    });
    quoted.collect::<Vec<_>>().join(",") + "\n"
}
