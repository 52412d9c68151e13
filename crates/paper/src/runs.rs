//! The runs of figures: each done once, wherever it is shown.

use std::path::{Path, PathBuf};

use crate::Error;
use onedge_record::StopReason;
use onedge_run::{DataSets, Interrupt};
use onedge_spec::Spec;
use onedge_sweep::{self as sweep, Event, Status, Workers, folder, is_at_end};

/// The specs whose runs are still to be done, each once.
pub fn open<'a>(specs: impl IntoIterator<Item = &'a Spec>, root: &Path) -> Vec<Spec> {
    let mut found: Vec<(PathBuf, Spec)> = Vec::new();
    for spec in specs {
        let path = folder(root, spec);
        if !is_at_end(root, spec) && found.iter().all(|(known, _)| *known != path) {
            found.push((path, spec.clone()));
        }
    }
    found.into_iter().map(|(_, spec)| spec).collect()
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
}
