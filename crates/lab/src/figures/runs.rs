//! The runs of figures: each done once, wherever it is shown.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use sha2::{Digest, Sha256};

use crate::Error;
use crate::records::{Record, RunDirectory, StopReason, Summary};
use crate::run::{Library, Place, Request, execute, file_name};
use crate::spec::Spec;

/// What there is to see. Runs are counted as their specs are, jobs from 0.
pub enum Event<'a> {
    /// A run begins.
    Started {
        /// The run.
        run: usize,
        /// The job that does it.
        job: usize,
    },
    /// A step was taken.
    Step {
        /// The run.
        run: usize,
        /// The job that does it.
        job: usize,
        /// What was recorded.
        record: &'a Record,
    },
    /// A run came to an end.
    Ended {
        /// The run.
        run: usize,
        /// The job that did it.
        job: usize,
        /// How it went.
        summary: &'a Summary,
    },
}

/// The folder of a run under `root`: its name, and twelve digits of what identifies it. It is there once the run has come
/// to its end.
pub fn folder(root: &Path, spec: &Spec) -> PathBuf {
    root.join(format!("{}-{}", file_name(&spec.name), &digest(spec)[..12]))
}

/// Whether a run has come to its end.
pub fn is_done(root: &Path, spec: &Spec) -> bool {
    RunDirectory::open(&folder(root, spec)).is_ok_and(|directory| directory.summary().is_file())
}

/// The specs whose runs are still to be done, each once.
pub fn open<'a>(specs: impl IntoIterator<Item = &'a Spec>, root: &Path) -> Vec<Spec> {
    let mut found: Vec<(PathBuf, Spec)> = Vec::new();
    for spec in specs {
        let path = folder(root, spec);
        if !is_done(root, spec) && found.iter().all(|(known, _)| *known != path) {
            found.push((path, spec.clone()));
        }
    }
    found.into_iter().map(|(_, spec)| spec).collect()
}

/// Does the runs of `specs`, so many at a time, each in a folder that is renamed at the end: so a run is never half there.
/// `library` makes the data sets of a job. An interruption ends the runs in progress; they are begun anew the next time.
///
/// # Errors
/// The first that a run met, after the other jobs have brought theirs to an end.
pub fn run(
    specs: &[Spec],
    root: &Path,
    jobs: usize,
    library: &(dyn Fn() -> Library + Sync),
    observe: &(dyn Fn(Event<'_>) + Sync),
    interrupt: &AtomicBool,
) -> Result<(), Error> {
    fs::create_dir_all(root).map_err(Error::write(root))?;
    let (next, failed) = (AtomicUsize::new(0), Mutex::new(None));
    std::thread::scope(|scope| {
        for job in 0..jobs.clamp(1, specs.len().max(1)) {
            let (next, failed) = (&next, &failed);
            scope.spawn(move || {
                let mut library = library();
                loop {
                    let run = next.fetch_add(1, Ordering::Relaxed);
                    let stopped = interrupt.load(Ordering::Relaxed) || lock(failed).is_some();
                    let Some(spec) = specs.get(run).filter(|_| !stopped) else { return };
                    if let Err(error) = one(spec, root, (run, job), &mut library, observe, interrupt) {
                        lock(failed).get_or_insert(error);
                    }
                }
            });
        }
    });
    failed.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
}

fn lock<V>(mutex: &Mutex<V>) -> std::sync::MutexGuard<'_, V> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn one(
    spec: &Spec,
    root: &Path,
    (run, job): (usize, usize),
    library: &mut Library,
    observe: &(dyn Fn(Event<'_>) + Sync),
    interrupt: &AtomicBool,
) -> Result<(), Error> {
    let done = folder(root, spec);
    // Not `with_extension`: names have dots of their own.
    let mut part = done.clone().into_os_string();
    part.push(format!(".unfinished-{}-{job}", std::process::id()));
    let part = PathBuf::from(part);
    if part.exists() {
        fs::remove_dir_all(&part).map_err(Error::write(&part))?;
    }
    observe(Event::Started { run, job });
    let request = Request { spec, place: Place::At(&part), start: None, save: None };
    let mut see = |record: &Record| observe(Event::Step { run, job, record });
    let summary = execute(&request, library, &mut see, interrupt)?.summary;
    observe(Event::Ended { run, job, summary: &summary });
    match summary.stop {
        StopReason::Interrupted { .. } => fs::remove_dir_all(&part).map_err(Error::write(&part)),
        StopReason::Failed { .. } => Err(Error::FigureRun { name: spec.name.clone(), stop: summary.stop.to_string() }),
        _ => fs::rename(&part, &done).map_err(Error::write(&done)),
    }
}

/// The SHA-256 of a spec as TOML without its name and without where it was made.
fn digest(spec: &Spec) -> String {
    let text = Spec { name: String::new(), ..spec.clone() }.to_toml();
    let content = text.split_once("\n# Where this was run").map_or(text.as_str(), |(content, _)| content);
    Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::Document;

    fn spec(settings: &[&str]) -> Spec {
        let mut document = Document::empty("test");
        let base =
            ["data=mixture", "data.examples=30", "data.features=3", "data.classes=2", "model.hidden=[4]", "steps=4"];
        base.iter().chain(settings).for_each(|setting| document.set(setting).unwrap());
        Spec::resolve(&document).unwrap()
    }

    fn count(root: &Path) -> usize {
        fs::read_dir(root).unwrap().count()
    }

    #[test]
    fn runs_are_done_once_by_any_number_of_jobs() {
        let root = tempfile::tempdir().unwrap();
        // With a dot in their name.
        let specs = ["tuner.sigma=1", "tuner.sigma=2", "tuner.sigma=3"].map(|sigma| spec(&[sigma, "name=delta=0.5"]));
        let begun = AtomicUsize::new(0);
        let observe = |event: Event<'_>| {
            if let Event::Started { .. } = event {
                begun.fetch_add(1, Ordering::Relaxed);
            }
        };
        let go = || AtomicBool::new(false);
        let twice = [&specs[..], &specs[..1]].concat();
        let todo = open(&twice, root.path());
        assert_eq!(todo.len(), 3);
        run(&todo, root.path(), 2, &|| Library::new(None), &observe, &go()).unwrap();
        assert_eq!((begun.load(Ordering::Relaxed), count(root.path())), (3, 3));
        assert!(specs.iter().all(|spec| is_done(root.path(), spec)) && open(&twice, root.path()).is_empty());
        let name = folder(root.path(), &specs[0]).file_name().unwrap().to_string_lossy().into_owned();
        assert!(name.starts_with("delta=0.5-") && name.len() == 22, "{name}");
    }

    #[test]
    fn an_interrupted_run_is_not_there() {
        let root = tempfile::tempdir().unwrap();
        let (specs, stop) = ([spec(&["steps=9"]), spec(&["steps=8"])], AtomicBool::new(false));
        let observe = |event: Event<'_>| {
            if let Event::Step { record, .. } = event {
                stop.store(record.step == 3, Ordering::Relaxed);
            }
        };
        run(&specs, root.path(), 1, &|| Library::new(None), &observe, &stop).unwrap();
        assert_eq!((count(root.path()), open(&specs, root.path()).len()), (0, 2));
    }

    #[test]
    fn the_digest_is_of_everything_but_the_name() {
        assert_eq!(digest(&spec(&[])), digest(&spec(&["name=other"])));
        let others = ["seed=1", "tuner=greedy", "model.activation=tanh", "loss.l2=1e-5"]
            .map(|setting| digest(&spec(&[setting])));
        assert!(others.iter().all(|other| *other != digest(&spec(&[]))));
    }
}
