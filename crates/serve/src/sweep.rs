//! How far a sweep is: its plan, what the table of runs says of its folders, and the signs of life of its workers.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;

use onedge_sweep::{PLAN, Plan, Planned, SWEEP_FOLDER, Worker, workers};
use serde::Serialize;
use serde_json::Value;

use crate::app::{App, is_plain};
use crate::error::Refusal;
use crate::listing::{Query, Table};

/// A plan of more bytes is not read.
const LONGEST: u64 = 64 << 20;
/// Sweeps are looked for in so many folders.
const FOLDERS: usize = 500;
/// A worker whose run records nothing for so many seconds, and for the time of so many steps, may be stuck.
const QUIET: f64 = 120.0;
const STEPS: f64 = 20.0;

/// What the table says of each run, in this order; then come the value and the metric.
const COLUMNS: [&str; 7] = ["status", "steps", "seconds", "spectrum_seconds", "stop", "problem", "findings"];

/// A run of a sweep as it is now.
#[derive(Debug, Clone, Serialize)]
pub struct Now {
    /// What it is to be.
    #[serde(flatten)]
    pub planned: Planned,
    /// `open` before anybody began it; else as the table of runs has it.
    pub status: String,
    /// Whether it is at its end, so that nobody will go on with it.
    pub ended: bool,
    /// Its folder below the root of the server.
    pub folder: Option<String>,
    /// Steps taken.
    pub taken: f64,
    /// Seconds of training and diagnostics.
    pub seconds: f64,
    /// Why it ended, or what is wrong.
    pub why: Option<String>,
    /// What was asked for.
    pub value: Option<f64>,
    /// By which the best is chosen.
    #[serde(skip)]
    pub metric: Option<f64>,
    /// Who has it.
    pub worker: Option<OfRun>,
}

/// The worker of a run.
#[derive(Debug, Clone, Serialize)]
pub struct OfRun {
    /// Its machine.
    pub machine: String,
    /// Its process.
    pub pid: Option<u32>,
    /// Seconds for which it is known to have given no sign of life.
    pub silent: f64,
    /// Seconds since the last record of the run.
    pub quiet: Option<f64>,
    /// `working`, `stuck` or `gone`.
    pub state: &'static str,
}

impl App {
    /// The sweeps below the root, by their folders.
    ///
    /// # Errors
    /// Those of a table.
    pub fn sweeps(&self) -> Result<Vec<String>, Refusal> {
        let table = self.table(&Query { filter: String::new(), columns: vec!["status".to_owned()] })?;
        let mut parents: Vec<&str> = table.rows.iter().map(|(folder, _)| parent(folder)).chain([""]).collect();
        parents.sort_unstable();
        parents.dedup();
        let mut found = Vec::new();
        for parent in parents.into_iter().take(FOLDERS) {
            for child in fs::read_dir(self.root.join(parent)).into_iter().flatten().flatten() {
                let name = child.file_name().to_string_lossy().into_owned();
                let name = if parent.is_empty() { name } else { format!("{parent}/{name}") };
                if name.ends_with(SWEEP_FOLDER) && self.plan_file(&name).is_some() {
                    found.push(name);
                }
            }
        }
        found.sort();
        Ok(found)
    }

    fn plan_file(&self, name: &str) -> Option<std::path::PathBuf> {
        let path = self.inside(&self.root.join(name).join(PLAN)).filter(|_| is_plain(name))?;
        fs::metadata(&path).is_ok_and(|file| file.is_file() && file.len() < LONGEST).then_some(path)
    }

    /// The plan of a sweep.
    ///
    /// # Errors
    /// A sentence where there is none, or it cannot be read.
    pub fn plan(&self, name: &str) -> Result<Plan, Refusal> {
        let none = || Refusal::missing(format!("sweep `{name}`: expected one that `onedge sweep` began, got none"));
        let path = self.plan_file(name).filter(|_| name.ends_with(SWEEP_FOLDER)).ok_or_else(none)?;
        let text = fs::read(&path).map_err(|error| Refusal::failed(&error))?;
        serde_json::from_slice(&text)
            .map_err(|error| Refusal::missing(format!("sweep `{name}`: its {PLAN} cannot be read: {error}")))
    }

    /// All runs of a sweep as they are now, with the number called `value`, and all numbers that could be asked for.
    ///
    /// # Errors
    /// Those of a table.
    pub fn runs_of(&self, name: &str, plan: &Plan, value: &str) -> Result<(Vec<Now>, Vec<String>), Refusal> {
        let columns = |more: &[&str]| COLUMNS.iter().chain(more).map(|key| (*key).to_owned()).collect();
        let known = self.table(&Query { filter: String::new(), columns: columns(&[]) })?;
        let metric = if plan.metric.starts_with("best.") { "best.value" } else { &plan.metric[..] };
        let numbers: Vec<String> = known.keys.iter().filter(|key| is_number_of_summary(key)).cloned().collect();
        let more: Vec<&str> = [value, metric]
            .into_iter()
            .map(|key| if known.keys.iter().any(|one| one == key) { key } else { "steps" })
            .collect();
        let there = [value, metric].map(|key| known.keys.iter().any(|one| one == key));
        let table = self.table(&Query { filter: String::new(), columns: columns(&more) })?;
        let root = parent(name);
        let rows = by_digest(&table, root);
        let workers = workers(&self.root.join(root), &self.watch).map_err(|error| Refusal::failed(&error))?;
        let now = |planned: &Planned| {
            let row = rows.get(&planned.digest[..]).copied();
            let worker = workers.get(&planned.digest);
            self.now(planned, row, worker, plan.gives_up, there)
        };
        Ok((plan.runs.iter().map(now).collect(), numbers))
    }

    fn now(
        &self,
        planned: &Planned,
        row: Option<Row<'_>>,
        worker: Option<&Worker>,
        gives_up: bool,
        [has_value, has_metric]: [bool; 2],
    ) -> Now {
        let value = |place: usize| row.and_then(|row| row.values.get(place));
        let number = |place: usize| value(place).and_then(Value::as_f64);
        let text = |place: usize| value(place).and_then(Value::as_str).map(str::to_owned);
        let status = text(0).unwrap_or_else(|| "open".to_owned());
        let whole = matches!(&status[..], "done" | "no-progress" | "diverged") || gives_up && status == "given-up";
        let ended = whole && row.is_some_and(|row| row.ended);
        let (taken, seconds) = (number(1).unwrap_or(0.0), number(2).unwrap_or(0.0) + number(3).unwrap_or(0.0));
        let is_alive = worker.is_some_and(|worker| !worker.is_gone);
        // Where files cannot be locked, the claim alone says that somebody is at it.
        let status = if is_alive && !ended { "running".to_owned() } else { status };
        let quiet = row.filter(|_| !ended).and_then(|row| since(&self.root.join(row.folder).join("steps.jsonl")));
        let usual = QUIET.max(STEPS * seconds / taken.max(1.0));
        let worker = worker.filter(|_| !ended).map(|worker| OfRun {
            machine: worker.owner.as_ref().map_or("unknown", |owner| owner.machine()).to_owned(),
            pid: worker.owner.as_ref().map(|owner| owner.pid),
            silent: worker.silent,
            quiet,
            state: match quiet {
                _ if worker.is_gone => "gone",
                Some(quiet) if quiet > usual => "stuck",
                _ => "working",
            },
        });
        let succeeded = ended && matches!(&status[..], "done" | "no-progress");
        Now {
            planned: planned.clone(),
            folder: row.map(|row| row.folder.to_owned()),
            why: text(5).or_else(|| text(6).filter(|_| status == "no-progress")).or_else(|| text(4)),
            value: number(7).filter(|_| has_value && ended),
            metric: number(8).filter(|_| has_metric && succeeded),
            status,
            ended,
            taken,
            seconds,
            worker,
        }
    }
}

/// A folder of a run.
#[derive(Debug, Clone, Copy)]
struct Row<'a> {
    folder: &'a str,
    values: &'a [Value],
    /// Whether its name is that of a run at its end.
    ended: bool,
}

/// The folder of each run in `root`, by digest: the one at its end, or else the one that somebody is at, or the farthest.
fn by_digest<'a>(table: &'a Table, root: &str) -> HashMap<&'a str, Row<'a>> {
    let rank = |row: &Row<'_>| {
        let steps = row.values[1].as_f64().unwrap_or(0.0);
        (row.ended, row.values[0] == "running", steps as u64)
    };
    let mut rows: HashMap<&str, Row<'_>> = HashMap::new();
    for (folder, values) in table.rows.iter().filter(|(folder, _)| parent(folder) == root) {
        let name = folder.rsplit('/').next().unwrap_or(folder);
        let Some((digest, ended)) = Plan::place(name) else { continue };
        let row = Row { folder, values, ended };
        let best = rows.entry(digest).or_insert(row);
        if rank(&row) > rank(best) {
            *best = row;
        }
    }
    rows
}

fn parent(folder: &str) -> &str {
    folder.rsplit_once('/').map_or("", |(parent, _)| parent)
}

/// Whether runs are compared by it.
fn is_number_of_summary(key: &str) -> bool {
    let known = ["final_loss", "best_loss", "first_loss", "cost", "seconds", "steps", "best.value", "best.step"];
    known.contains(&key) || ["train.", "test.", "events."].iter().any(|part| key.starts_with(part))
}

/// Seconds since a file was written to last.
fn since(path: &Path) -> Option<f64> {
    let file = path.symlink_metadata().ok().filter(|file| file.is_file())?;
    Some(file.modified().ok()?.elapsed().unwrap_or_default().as_secs_f64())
}

/// A point of a sweep: the runs that differ in their seeds alone.
#[derive(Debug, Clone, Serialize)]
pub struct Point {
    /// The runs of which one is the best.
    pub group: String,
    /// Where in its group.
    pub label: String,
    /// Settings that vary.
    pub coordinates: BTreeMap<String, Value>,
    /// The mean of the value over the seeds that did what they were asked to.
    pub mean: Option<f64>,
    /// Its standard error.
    pub error: Option<f64>,
    /// The mean of the metric; none if some seed failed or lacks it.
    pub score: Option<f64>,
    /// Runs, those at their end, those that diverged and those that were given up.
    pub counts: [usize; 4],
    /// Whether no point of its group is better.
    pub is_best: bool,
}

/// Points in the order of the plan.
pub fn points(runs: &[Now], smaller_is_better: bool) -> Vec<Point> {
    let mut places: HashMap<(&str, &str), usize> = HashMap::new();
    let mut of: Vec<Vec<&Now>> = Vec::new();
    for run in runs {
        let place = *places.entry((&run.planned.group, &run.planned.label)).or_insert(of.len());
        if place == of.len() {
            of.push(Vec::new());
        }
        of[place].push(run);
    }
    let mut points: Vec<Point> = of.iter().map(|runs| point(runs)).collect();
    let mut best: HashMap<String, (f64, usize)> = HashMap::new();
    for (place, point) in points.iter().enumerate() {
        let Some(score) = point.score.map(|score| if smaller_is_better { score } else { -score }) else { continue };
        let known = best.entry(point.group.clone()).or_insert((score, place));
        if score < known.0 {
            *known = (score, place);
        }
    }
    best.into_values().for_each(|(_, place)| points[place].is_best = true);
    points
}

fn point(runs: &[&Now]) -> Point {
    let ended: Vec<&&Now> = runs.iter().filter(|run| run.ended).collect();
    let with = |status: &str| ended.iter().filter(|run| run.status == status).count();
    let succeeded = |run: &&&Now| matches!(&run.status[..], "done" | "no-progress");
    let values: Vec<f64> = ended.iter().copied().filter(|run| succeeded(run)).filter_map(|run| run.value).collect();
    let metrics: Option<Vec<f64>> = ended.iter().map(|run| run.metric).collect();
    let metrics = metrics.filter(|metrics| !metrics.is_empty());
    let (mean, error) = crate::api::mean(&values).map_or((None, None), |(mean, error)| (Some(mean), error));
    let Planned { group, label, coordinates, .. } = runs[0].planned.clone();
    Point {
        group,
        label,
        coordinates,
        mean,
        error,
        score: metrics.map(|metrics| metrics.iter().sum::<f64>() / metrics.len() as f64),
        counts: [runs.len(), ended.len(), with("diverged"), with("given-up")],
        is_best: false,
    }
}

/// How many seconds the rest will take, by the time that a step took so far, while as many workers go on as do now. `None` while nothing is known, or nobody works.
pub fn seconds_left(runs: &[Now]) -> Option<f64> {
    let (seconds, taken) = runs.iter().fold((0.0, 0.0), |(s, t), run| (s + run.seconds, t + run.taken));
    let at_work = runs.iter().filter(|run| run.worker.as_ref().is_some_and(|worker| worker.state == "working")).count();
    let left = |run: &Now| match (run.ended, &run.worker) {
        (true, _) => 0.0,
        (false, Some(worker)) if worker.state == "working" => (run.planned.steps as f64 - run.taken).max(0.0),
        _ => run.planned.steps as f64,
    };
    let steps: f64 = runs.iter().map(left).sum();
    (taken > 0.0 && at_work > 0).then(|| steps * seconds / taken / at_work as f64)
}
