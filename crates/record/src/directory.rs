use std::ffi::OsStr;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::checkpoint::Checkpoints;
use crate::cut_back::{copy_below, cut_back};
use crate::reader::each_of_file;
use crate::write_whole;
use crate::{Error, Expected, PART, RUN_LOCK, Record, Resumption, RunLock, Steps, Summary, Survey, Taken, Thinned};

/// What the name of a folder has in it before a token, where a worker does a run that it has not brought to its end.
pub const UNFINISHED: &str = ".unfinished-";

/// What runs write under one name each.
const OWN: [&str; 16] = [
    "spec.toml",
    "encoding.json",
    "meaning.json",
    "data.json",
    "steps.jsonl",
    "superseded.jsonl",
    "summary.json",
    "params.safetensors",
    "best.safetensors",
    "state.safetensors",
    "checkpoints",
    "resumed.jsonl",
    RUN_LOCK,
    "tags",
    "note",
    "stop",
];

/// The folder that a run leaves:
///
/// | file | content |
/// |---|---|
/// | `spec.toml` | the resolved spec; running it again gives the same run, from the same file of parameters if `start` in its section `provenance` names one |
/// | `encoding.json` | how the cells of a table became inputs, if the data are one: an `onedge_data::table::TableEncoding` |
/// | `meaning.json` | what the numbers of the data mean (scaling, classes, vocabulary): an `onedge_data::Meaning` |
/// | `data.json` | what the data were taken as, for people: an `onedge_data::Summary` |
/// | `steps.jsonl` | one [`Record`] per line, as a JSON object, appended as the run goes: one for each step, or for those that `record_every` keeps |
/// | `superseded.jsonl` | lines that were in `steps.jsonl` until the run went on from an earlier step, if there were any |
/// | `summary.json` | the [`Summary`]; absent if the run was killed |
/// | `summary.before-STEP.json` | the summary of an earlier end, from which the run went on at that step |
/// | `params.safetensors` | the parameters at the end; absent if the run was killed |
/// | `best.safetensors` | the parameters of the best evaluation; only of a run with `evaluation.every` |
/// | `state.safetensors` | the [`Checkpoint`](crate::checkpoint::Checkpoint) at the end, where the optimizer keeps anything from step to step and the last checkpoint is of an earlier step |
/// | `checkpoints/STEP.safetensors` | all that the run needs to go on at that step; see [`Checkpoint`](crate::checkpoint::Checkpoint) |
/// | `resumed.jsonl` | one [`Resumption`] per line, if the run was continued: how many steps it is to take since then |
/// | `lock` | empty; locked while a process does the run, see [`RunLock`] |
/// | `tags` | one a line; absent if there are none |
///
/// Nothing that was recorded is ever lost: `steps.jsonl` and `resumed.jsonl` grow at their ends, what has to leave the former goes
/// to the end of `superseded.jsonl`, and the other files are replaced as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunDirectory {
    path: PathBuf,
}

impl RunDirectory {
    /// Whether a worker of a sweep began the run here and did not bring it to its end.
    pub fn is_attempt(&self) -> bool {
        self.path.file_name().is_some_and(|name| name.to_string_lossy().contains(UNFINISHED))
    }

    /// Whether a file or folder of this name in the folder of a run is the run's own: one that runs write, whether this one did or not.
    pub fn owns(name: &OsStr) -> bool {
        let name = name.to_string_lossy();
        OWN.contains(&&*name)
            || name.ends_with(PART)
            || (name.starts_with("summary.before-") && name.ends_with(".json"))
    }

    /// Whether [`create`](Self::create) takes the folder `path`.
    ///
    /// # Errors
    /// [`Error::RunExists`].
    pub fn require_free(path: &Path) -> Result<(), Error> {
        let counts = |name: &OsStr| name != RUN_LOCK && !name.to_string_lossy().ends_with(PART);
        let empty = |entries: fs::ReadDir| !entries.flatten().any(|entry| counts(&entry.file_name()));
        let free = !path.exists() || fs::read_dir(path).is_ok_and(empty);
        if free { Ok(()) } else { Err(Error::RunExists(path.to_owned())) }
    }

    /// Makes the folder `path`, which must not exist, or hold nothing but what a run leaves that was killed before it began.
    ///
    /// # Errors
    /// [`Error::RunExists`], [`Error::Write`].
    pub fn create(path: &Path) -> Result<Self, Error> {
        if path.exists() {
            Self::require_free(path)?;
            return Ok(Self { path: path.to_owned() });
        }
        fs::create_dir_all(path).map_err(Error::write(path))?;
        Ok(Self { path: path.to_owned() })
    }

    /// Makes the folder `root/name`, or the first of `root/name-2`, `root/name-3`, ... that is free.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn create_numbered(root: &Path, name: &str) -> Result<Self, Error> {
        fs::create_dir_all(root).map_err(Error::write(root))?;
        let mut number = 1;
        loop {
            let path = root.join(if number == 1 { name.to_owned() } else { format!("{name}-{number}") });
            match fs::create_dir(&path) {
                Ok(()) => return Ok(Self { path }),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => number += 1,
                Err(error) => return Err(Error::write(&path)(error)),
            }
        }
    }

    /// Whether a folder is that of a run: it holds step records, a spec or checkpoints.
    pub fn is_run(path: &Path) -> bool {
        let directory = Self::at(path);
        let checkpoints = || Checkpoints::in_folder(&directory.checkpoints()).steps();
        directory.steps().is_file() || directory.spec().is_file() || checkpoints().is_ok_and(|steps| !steps.is_empty())
    }

    /// An existing folder.
    ///
    /// # Errors
    /// [`Error::NoRun`] if it is not that of a run.
    pub fn open(path: &Path) -> Result<Self, Error> {
        if Self::is_run(path) { Ok(Self::at(path)) } else { Err(Error::NoRun(path.to_owned())) }
    }

    /// A folder that may or may not hold a run.
    pub fn at(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// `spec.toml`
    pub fn spec(&self) -> PathBuf {
        self.path.join("spec.toml")
    }

    /// `encoding.json`
    pub fn encoding(&self) -> PathBuf {
        self.path.join("encoding.json")
    }

    /// Leaves how a table was encoded, so that another one can be encoded alike when the first is gone.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn leave_encoding(&self, encoding: &impl Serialize) -> Result<(), Error> {
        let path = self.encoding();
        let text = serde_json::to_string_pretty(encoding).map_err(|error| Error::write(&path)(error.into()))?;
        write_whole(&path, text.as_bytes())
    }

    /// How the table of the run was encoded; none if its data are no table.
    ///
    /// # Errors
    /// [`Error::Read`]; [`Error::Record`] if the file holds something else.
    pub fn read_encoding<E: DeserializeOwned>(&self) -> Result<Option<E>, Error> {
        read_json(self.encoding())
    }

    /// `meaning.json`
    pub fn meaning(&self) -> PathBuf {
        self.path.join("meaning.json")
    }

    /// Leaves what the numbers of the data mean: scaling, classes, vocabulary.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn leave_meaning(&self, meaning: &impl Serialize) -> Result<(), Error> {
        let path = self.meaning();
        // In one line: there may be a mean and a deviation for each of many pixels.
        let text = serde_json::to_string(meaning).map_err(|error| Error::write(&path)(error.into()))?;
        write_whole(&path, (text + "\n").as_bytes())
    }

    /// What the numbers of the data mean; none for a run of a version that did not say.
    ///
    /// # Errors
    /// Those of [`read_encoding`](Self::read_encoding).
    pub fn read_meaning<M: DeserializeOwned>(&self) -> Result<Option<M>, Error> {
        read_json(self.meaning())
    }

    /// `data.json`
    pub fn data(&self) -> PathBuf {
        self.path.join("data.json")
    }

    /// Leaves for people what the data were taken as, unless it is there already: a run that goes on has told it as it began.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn leave_data(&self, summary: &impl Serialize) -> Result<(), Error> {
        let path = self.data();
        if path.exists() {
            return Ok(());
        }
        let text = serde_json::to_string_pretty(summary).map_err(|error| Error::write(&path)(error.into()))?;
        write_whole(&path, (text + "\n").as_bytes())
    }

    /// `steps.jsonl`
    pub fn steps(&self) -> PathBuf {
        self.path.join("steps.jsonl")
    }

    /// `superseded.jsonl`
    pub fn superseded(&self) -> PathBuf {
        self.path.join("superseded.jsonl")
    }

    /// `summary.json`
    pub fn summary(&self) -> PathBuf {
        self.path.join("summary.json")
    }

    /// `params.safetensors`
    pub fn params(&self) -> PathBuf {
        self.path.join("params.safetensors")
    }

    /// `best.safetensors`
    pub fn best(&self) -> PathBuf {
        self.path.join("best.safetensors")
    }

    /// `state.safetensors`
    pub fn state(&self) -> PathBuf {
        self.path.join("state.safetensors")
    }

    /// `checkpoints`
    pub fn checkpoints(&self) -> PathBuf {
        self.path.join("checkpoints")
    }

    /// Takes the lock of the run, see [`RunLock`]. `None` where locks are not to be had: then `warn` is told, and the work goes
    /// on without.
    ///
    /// # Errors
    /// [`Error::Running`], [`Error::Write`].
    pub fn lock(&self, warn: &mut dyn FnMut(&str)) -> Result<Option<RunLock>, Error> {
        match RunLock::take(&self.path).map_err(Error::write(&self.path.join(RUN_LOCK)))? {
            Taken::Held(lock) => Ok(Some(lock)),
            Taken::Elsewhere => Err(Error::Running(self.path.clone())),
            Taken::Without(error) => {
                let path = self.path.display();
                warn(&format!("{path}: cannot lock: {error}; whether a process is at the run cannot be told here"));
                Ok(None)
            }
        }
    }

    /// Whether a process does the run right now.
    pub fn is_running(&self) -> bool {
        RunLock::is_held(&self.path)
    }

    /// How often the run was continued, first to last.
    ///
    /// # Errors
    /// [`Error::Read`].
    pub fn resumptions(&self) -> Result<Vec<Resumption>, Error> {
        Resumption::read(&self.path.join("resumed.jsonl"))
    }

    /// Records that the run is continued.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn add_resumption(&self, resumption: &Resumption) -> Result<(), Error> {
        resumption.append(&self.path.join("resumed.jsonl"))
    }

    /// Gives the summary of an earlier end another name, as the run goes on from `step`: if it is killed it has none.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn set_summary_aside(&self, step: u64) -> Result<(), Error> {
        let summary = self.summary();
        match fs::rename(&summary, self.path.join(format!("summary.before-{step}.json"))) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::write(&summary)(error)),
            _ => Ok(()),
        }
    }

    /// `stop`: asks whoever is at the run to end it after its step, as Ctrl-C does, for as long as it is there.
    pub fn stop_request(&self) -> PathBuf {
        self.path.join("stop")
    }

    /// Asks the process that is at the run, on whatever machine, to end it. One that looks between two steps does.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn ask_to_stop(&self) -> Result<(), Error> {
        write_whole(&self.stop_request(), b"asked to end after its step\n")
    }

    /// Takes back what was asked. Whether nothing is asked any more.
    pub fn forget_stop_request(&self) -> bool {
        match fs::remove_file(self.stop_request()) {
            Ok(()) => true,
            Err(error) => error.kind() == ErrorKind::NotFound,
        }
    }

    /// Removes what a kill left of files that were being written. Whoever calls it holds the lock.
    pub fn remove_parts(&self) {
        for folder in [&self.path, &self.checkpoints()] {
            let Ok(entries) = fs::read_dir(folder) else { continue };
            let parts = entries.flatten().filter(|entry| entry.file_name().to_string_lossy().ends_with(PART));
            // One that cannot be removed does no harm.
            parts.for_each(|part| drop(fs::remove_file(part.path())));
        }
    }

    /// Reads the step records.
    ///
    /// # Errors
    /// [`Error::Read`], [`Error::Record`].
    pub fn read_steps(&self) -> Result<Steps, Error> {
        let mut records = Vec::new();
        let torn = self.each_step(&mut |record| records.push(record))?;
        Ok(Steps { records, torn })
    }

    /// The same as far as a picture needs them, see [`Thinned`]: memory does not grow with the steps.
    ///
    /// # Errors
    /// Those of [`read_steps`](Self::read_steps).
    pub fn read_thinned(&self) -> Result<Steps, Error> {
        let mut thinned = Thinned::default();
        let torn = self.each_step(&mut |record| thinned.push(record))?;
        Ok(Steps { records: thinned.into_records(), torn })
    }

    /// Shows the step records one by one. Returns whether the last one was cut off and left out.
    ///
    /// # Errors
    /// Those of [`read_steps`](Self::read_steps).
    pub fn each_step(&self, see: &mut dyn FnMut(Record)) -> Result<bool, Error> {
        each_of_file(&self.steps(), see)
    }

    /// What the step records are, line by line, with what is missing of those that are expected; of a run without the file, none.
    ///
    /// # Errors
    /// [`Error::Read`].
    pub fn survey(&self, expected: Expected) -> Result<Survey, Error> {
        Survey::of_file_with(&self.steps(), Some(expected))
    }

    /// Leaves of the step records those below `step` that count, as the run goes on from there. Every other line is appended to
    /// `superseded.jsonl` first, and that is on the disk before anything else changes. Returns how many records stay.
    ///
    /// # Errors
    /// [`Error::Read`], [`Error::Write`].
    pub fn cut_back(&self, step: u64) -> Result<u64, Error> {
        cut_back(&self.steps(), &self.superseded(), step)
    }

    /// Appends to the records of another run, which must not be there yet, those of this one below `step`. Returns how many these are.
    ///
    /// # Errors
    /// [`Error::Read`], [`Error::Write`].
    pub fn copy_steps(&self, to: &Self, step: u64) -> Result<u64, Error> {
        copy_below(&self.steps(), &to.steps(), step)
    }

    /// Reads the summary, if the run came to its end.
    ///
    /// # Errors
    /// [`Error::Read`], [`Error::Record`].
    pub fn read_summary(&self) -> Result<Option<Summary>, Error> {
        let path = self.summary();
        match fs::read_to_string(&path) {
            Ok(text) => serde_json::from_str(&text).map(Some).map_err(|source| Error::Record { path, line: 1, source }),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::read(&path)(error)),
        }
    }

    /// Writes the summary.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn write_summary(&self, summary: &Summary) -> Result<(), Error> {
        let path = self.summary();
        let mut text = serde_json::to_vec_pretty(summary).map_err(|error| Error::write(&path)(error.into()))?;
        text.push(b'\n');
        write_whole(&path, &text)
    }
}

/// What a file holds; none if there is no such file.
fn read_json<E: DeserializeOwned>(path: PathBuf) -> Result<Option<E>, Error> {
    match fs::read_to_string(&path) {
        Ok(text) => match serde_json::from_str(&text) {
            Ok(value) => Ok(Some(value)),
            Err(source) => Err(Error::Record { path, line: source.line(), source }),
        },
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::read(&path)(error)),
    }
}

#[cfg(test)]
#[path = "directory_tests.rs"]
mod tests;
