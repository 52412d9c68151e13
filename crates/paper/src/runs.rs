//! The runs of figures: each done once, wherever it is shown.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use crate::Error;
use crate::comparison::Wanted;
use crate::kept::{Kept, KeptRun};
use crate::results::mean;
use onedge_record::{Record, RunDirectory, StopReason, Summary};
use onedge_run::{DataSets, Finished, Interrupt};
use onedge_spec::Spec;
use onedge_sweep::{self as sweep, Event, Status, Workers, folder, is_at_end};

/// Where finished runs are looked for.
#[derive(Debug)]
pub struct Source {
    /// The folder of their folders.
    pub root: PathBuf,
    /// What is kept of runs that may be gone.
    pub kept: Option<Kept>,
}

impl Source {
    /// The runs that are still to be done, each once.
    pub fn open<'a>(&self, runs: impl IntoIterator<Item = &'a Wanted>) -> Vec<Wanted> {
        let mut known = HashSet::new();
        let is_new = |run: &&Wanted| known.insert(folder(&self.root, &run.spec));
        runs.into_iter().filter(is_new).filter(|run| !self.has(run)).cloned().collect()
    }

    /// Whether a run is done.
    pub fn has(&self, run: &Wanted) -> bool {
        is_at_end(&self.root, &run.spec) || self.kept(run).is_some()
    }

    /// How a run went, if it is done.
    pub(crate) fn summary(&self, run: &Wanted) -> Option<Summary> {
        let there = || RunDirectory::at(&folder(&self.root, &run.spec)).read_summary().ok().flatten();
        self.kept(run).map(|kept| kept.summary.clone()).or_else(|| there().filter(|_| self.has(run)))
    }

    fn kept(&self, run: &Wanted) -> Option<&KeptRun> {
        self.kept.as_ref().and_then(|kept| kept.find(run))
    }

    /// What is needed of a run, as it is kept: the same whether its folder is there or not.
    ///
    /// # Errors
    /// A run that is not there, or cannot be read.
    pub fn read(&self, run: &Wanted) -> Result<Finished, Error> {
        match self.kept(run) {
            Some(kept) => Ok(kept.finished(&self.root)),
            None => {
                let run = KeptRun::of(&run.asks, run.spec.content.as_deref(), &finished(&run.spec, &self.root)?);
                Ok(run.finished(&self.root))
            }
        }
    }

    /// Keeps what is done by now of these runs. Returns how many there are in all that are kept.
    ///
    /// # Errors
    /// A run that cannot be read; a file that cannot be written.
    pub fn keep<'a>(&mut self, runs: impl IntoIterator<Item = &'a Wanted>) -> Result<usize, Error> {
        let Some(kept) = &mut self.kept else { return Ok(0) };
        for run in runs {
            if kept.find(run).is_none() && is_at_end(&self.root, &run.spec) {
                kept.add(run, &finished(&run.spec, &self.root)?);
            }
        }
        kept.write()?;
        Ok(kept.len())
    }
}

/// A run from its folder.
fn finished(spec: &Spec, root: &Path) -> Result<Finished, Error> {
    let folder = folder(root, spec);
    let directory = RunDirectory::open(&folder)?;
    let Some(mut summary) = directory.read_summary()? else { return Err(onedge_record::Error::NoRun(folder).into()) };
    let records = directory.read_steps()?.records;
    if spec.batch.is_some() {
        summary.final_loss = last_tenth(&records, spec.steps);
    }
    let edge = spec.build_optimizer::<f32>().map_err(Error::spec(&spec.origin))?.edge();
    Ok(Finished { folder, summary, records, edge })
}

/// Five losses of mini-batches say little: their mean is taken over the last tenth of a run, over five at least.
fn last_tenth(records: &[Record], steps: u64) -> Option<f64> {
    let count = (steps as usize / 10).max(5);
    let tail: Vec<f64> = records.iter().rev().take(count).map(|record| record.loss).collect();
    mean(&tail)
}

/// Does the runs of `specs` as a sweep, so many at a time, together with other processes that do the same.
///
/// # Errors
/// The first that a run met, after the other jobs have brought theirs to an end.
pub fn run(
    specs: &[Spec],
    root: &Path,
    jobs: usize,
    data_sets: &DataSets,
    observe: &(dyn Fn(Event<'_>) + Sync),
    interrupt: &dyn Interrupt,
) -> Result<(), Error> {
    if specs.is_empty() {
        // Nor a folder for them.
        return Ok(());
    }
    let ended = sweep::run(specs, root, &Workers::new(jobs), data_sets, observe, interrupt)?;
    for (spec, status) in specs.iter().zip(ended) {
        if let Status::Broken(stop @ StopReason::Failed { .. }) = status {
            return Err(Error::FigureRun { name: spec.name.clone(), stop: stop.to_string() });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    use super::*;
    use onedge_spec::Document;

    fn open(specs: &[Spec], root: &Path) -> Vec<Spec> {
        let wanted: Vec<Wanted> = specs.iter().map(|spec| Wanted { spec: spec.clone(), asks: String::new() }).collect();
        Source { root: root.to_owned(), kept: None }.open(&wanted).into_iter().map(|run| run.spec).collect()
    }

    fn spec(settings: &[&str]) -> Spec {
        let mut document = Document::empty("test");
        let base =
            ["data=mixture", "data.examples=30", "data.features=3", "data.classes=2", "model.hidden=[4]", "steps=4"];
        base.iter().chain(settings).for_each(|setting| document.set(setting).unwrap());
        Spec::resolve(&document).unwrap()
    }

    /// Finished runs.
    fn count(root: &Path) -> usize {
        let finished = |name: &str| !name.starts_with('.') && !name.contains(".unfinished-");
        fs::read_dir(root)
            .unwrap()
            .filter(|entry| finished(&entry.as_ref().unwrap().file_name().to_string_lossy()))
            .count()
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
        run(&todo, root.path(), 2, &DataSets::new(None), &observe, &go()).unwrap();
        assert_eq!((begun.load(Ordering::Relaxed), count(root.path())), (3, 3));
        assert!(specs.iter().all(|spec| is_at_end(root.path(), spec)) && open(&twice, root.path()).is_empty());
        let name = folder(root.path(), &specs[0]).file_name().unwrap().to_string_lossy().into_owned();
        assert!(name.starts_with("delta=0.5-") && name.len() == 22, "{name}");
    }

    #[test]
    fn a_damaged_run_is_done_again() {
        let root = tempfile::tempdir().unwrap();
        let specs = [spec(&["steps=3"]), spec(&["steps=2"])];
        let go = || AtomicBool::new(false);
        run(&specs, root.path(), 1, &DataSets::new(None), &|_| {}, &go()).unwrap();
        let summary = folder(root.path(), &specs[0]).join("summary.json");
        let whole = fs::read_to_string(&summary).unwrap();
        fs::write(&summary, &whole[..40]).unwrap();
        let todo = open(&specs, root.path());
        assert_eq!(todo, specs[..1]);
        run(&todo, root.path(), 1, &DataSets::new(None), &|_| {}, &go()).unwrap();
        assert!(open(&specs, root.path()).is_empty());
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
        run(&specs, root.path(), 1, &DataSets::new(None), &observe, &stop).unwrap();
        assert_eq!((count(root.path()), open(&specs, root.path()).len()), (0, 2));
    }

    #[test]
    fn a_run_is_known_from_what_is_kept() {
        let place = tempfile::tempdir().unwrap();
        let (root, folder) = (place.path().join("runs"), place.path().join("kept"));
        let wanted = Wanted { spec: spec(&["batch=8", "steps=40"]), asks: "all".to_owned() };
        run(std::slice::from_ref(&wanted.spec), &root, 1, &DataSets::new(None), &|_| {}, &AtomicBool::new(false))
            .unwrap();
        let source = |root: &Path| Source { root: root.to_owned(), kept: Some(Kept::read(&folder).unwrap()) };
        let mut first = source(&root);
        let before = first.read(&wanted).unwrap();
        assert_eq!((first.keep([&wanted]).unwrap(), before.records.len()), (1, 40));
        // Of mini-batches it is the last tenth that counts, five at least.
        let tail: f64 = before.records[35..].iter().map(|record| record.loss).sum::<f64>() / 5.0;
        assert!((before.summary.final_loss.unwrap() / tail - 1.0).abs() < 1e-4);
        fs::remove_dir_all(&root).unwrap();
        let second = source(&root);
        assert!(second.open([&wanted]).is_empty());
        assert_eq!(second.read(&wanted).unwrap(), before);
        assert_eq!(source(Path::new("elsewhere")).open([&Wanted { asks: "more".to_owned(), ..wanted }]).len(), 1);
    }
}
