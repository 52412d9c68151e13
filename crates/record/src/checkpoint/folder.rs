use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use onedge_objective::Real;

use crate::Error;
use crate::checkpoint::{About, Checkpoint, CheckpointError};
use onedge_train::Layout;

/// The checkpoints of a run: `STEP.safetensors` in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoints {
    folder: PathBuf,
}

const EXTENSION: &str = "safetensors";

impl Checkpoints {
    /// Those in `folder`, which need not exist.
    pub fn in_folder(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The file of the checkpoint at `step`.
    pub fn path(&self, step: u64) -> PathBuf {
        self.folder.join(format!("{step}.{EXTENSION}"))
    }

    /// The steps of which there are checkpoints, the last one first, whether they can be used or not.
    ///
    /// # Errors
    /// [`Error::Read`].
    pub fn steps(&self) -> Result<Vec<u64>, Error> {
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(Error::read(&self.folder))?,
        };
        let step = |path: PathBuf| {
            let step = path.file_stem()?.to_str()?.parse().ok()?;
            (path == self.path(step)).then_some(step)
        };
        let files = entries.flatten().map(|entry| entry.path()).filter(|path| path.is_file());
        let mut steps: Vec<u64> = files.filter_map(step).collect();
        steps.sort_unstable_by(|a, b| b.cmp(a));
        Ok(steps)
    }

    /// The last checkpoint up to `most` that can be used; `None` if there is no file of any. `tell` gets a sentence for
    /// each that is damaged, and `again` says in an error what begins the run again.
    ///
    /// # Errors
    /// [`CheckpointError::NoCheckpoint`] if there are some and none can be used; [`CheckpointError::OtherParameters`], as the others would not
    /// fit either.
    pub fn last<T: Real>(
        &self,
        most: u64,
        layouts: &[Layout],
        again: &str,
        tell: &mut dyn FnMut(&str),
    ) -> Result<Option<Checkpoint<T>>, Error> {
        let steps: Vec<u64> = self.steps()?.into_iter().filter(|&step| step <= most).collect();
        self.first_whole(&steps, layouts, again, tell, &mut |_| Ok(true))
    }

    /// The checkpoint from which a run goes on: the last one of which `has_records` says that all records of the steps before it are there,
    /// so that none is left out, or else the last one of all.
    ///
    /// # Errors
    /// Those of [`last`](Self::last) and of `has_records`.
    pub fn last_for<T: Real>(
        &self,
        layouts: &[Layout],
        again: &str,
        tell: &mut dyn FnMut(&str),
        has_records: &mut dyn FnMut(&Checkpoint<T>) -> Result<bool, Error>,
    ) -> Result<Option<Checkpoint<T>>, Error> {
        self.first_whole(&self.steps()?, layouts, again, tell, has_records)
    }

    /// The first of these that can be used and `fits`, or else the first that can be used.
    fn first_whole<T: Real>(
        &self,
        steps: &[u64],
        layouts: &[Layout],
        again: &str,
        tell: &mut dyn FnMut(&str),
        fits: &mut dyn FnMut(&Checkpoint<T>) -> Result<bool, Error>,
    ) -> Result<Option<Checkpoint<T>>, Error> {
        let (mut first, mut usable) = (None, None);
        let mut steps = steps.iter().copied().peekable();
        while let Some(step) = steps.next() {
            match Checkpoint::read(&self.path(step), layouts) {
                Ok(checkpoint) if fits(&checkpoint)? => return Ok(Some(checkpoint)),
                Ok(_) => {
                    usable.get_or_insert(step);
                }
                Err(Error::Checkpoint(fault @ CheckpointError::Damaged { .. })) => {
                    let next = match (steps.peek(), usable) {
                        (Some(_), _) => "the one before is tried".to_owned(),
                        (None, Some(other)) => format!("the one of step {other} is tried"),
                        (None, None) => "there is none before".to_owned(),
                    };
                    tell(&format!("{fault}; {next}"));
                    first.get_or_insert(fault);
                }
                Err(error) => return Err(error),
            }
        }
        if let Some(step) = usable {
            return Checkpoint::read(&self.path(step), layouts).map(Some);
        }
        match first {
            None => Ok(None),
            Some(source) => {
                let (folder, again) = (self.folder.clone(), again.to_owned());
                Err(CheckpointError::NoCheckpoint { folder, source: Box::new(source), again }.into())
            }
        }
    }

    /// What the last checkpoint that can be used is of, with its file; `None` if there is none.
    ///
    /// # Errors
    /// [`Error::Read`] for the folder.
    pub fn last_about(&self) -> Result<Option<(PathBuf, About)>, Error> {
        let read = |step| Some((self.path(step), About::read(&self.path(step)).ok()?));
        Ok(self.steps()?.into_iter().find_map(read))
    }

    /// Removes all but the last `keep` up to `step`. Later ones are from before the run went on from an earlier one, as they
    /// could not be used. One that cannot be removed does no harm, and is tried again the next time.
    pub fn remove_all_but(&self, keep: usize, step: u64) {
        let (later, own): (Vec<u64>, Vec<u64>) =
            self.steps().unwrap_or_default().into_iter().partition(|other| *other > step);
        later.into_iter().chain(own.into_iter().skip(keep)).for_each(|step| drop(fs::remove_file(self.path(step))));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_ones_stay_and_those_of_a_way_not_gone_go() {
        let folder = tempfile::tempdir().unwrap();
        let checkpoints = Checkpoints::in_folder(folder.path());
        let there = |steps: &[u64]| {
            let mut found = checkpoints.steps().unwrap();
            found.sort_unstable();
            assert_eq!(found, steps);
        };
        for step in [10, 20, 30, 40, 50] {
            fs::write(checkpoints.path(step), "").unwrap();
        }
        // The run went on from 20, as 30 to 50 could not be used, and is at 30 again.
        checkpoints.remove_all_but(2, 30);
        there(&[20, 30]);
        fs::write(checkpoints.path(40), "").unwrap();
        checkpoints.remove_all_but(1, 40);
        there(&[40]);
    }
}
