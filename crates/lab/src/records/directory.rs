use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use crate::Error;
use crate::records::{Steps, Summary, read_steps};

/// The folder that a run leaves:
///
/// | file | content |
/// |---|---|
/// | `spec.toml` | the resolved spec; running it again gives the same run, from the same file of parameters if `start` in its section `provenance` names one |
/// | `steps.jsonl` | one [`Record`](crate::records::Record) per line, as a JSON object, appended as the run goes |
/// | `summary.json` | the [`Summary`]; absent if the run was killed |
/// | `params.safetensors` | the parameters at the end; absent if the run was killed |
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunDirectory {
    path: PathBuf,
}

impl RunDirectory {
    /// Makes the folder `path`, which must not exist, or be empty.
    ///
    /// # Errors
    /// [`Error::RunExists`], [`Error::Write`].
    pub fn create(path: &Path) -> Result<Self, Error> {
        if path.exists() {
            let empty = fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none());
            return if empty { Ok(Self { path: path.to_owned() }) } else { Err(Error::RunExists(path.to_owned())) };
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

    /// Whatever is at `path`.
    pub(crate) fn at(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// An existing folder.
    ///
    /// # Errors
    /// [`Error::NoRun`] if it holds no step records.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let directory = Self { path: path.to_owned() };
        if directory.steps().is_file() { Ok(directory) } else { Err(Error::NoRun(path.to_owned())) }
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// `spec.toml`
    pub fn spec(&self) -> PathBuf {
        self.path.join("spec.toml")
    }

    /// `steps.jsonl`
    pub fn steps(&self) -> PathBuf {
        self.path.join("steps.jsonl")
    }

    /// `summary.json`
    pub fn summary(&self) -> PathBuf {
        self.path.join("summary.json")
    }

    /// `params.safetensors`
    pub fn params(&self) -> PathBuf {
        self.path.join("params.safetensors")
    }

    /// Reads the step records.
    ///
    /// # Errors
    /// [`Error::Read`], [`Error::Record`].
    pub fn read_steps(&self) -> Result<Steps, Error> {
        let path = self.steps();
        let bytes = fs::read(&path).map_err(Error::read(&path))?;
        // A torn line may end inside a character.
        read_steps(&path, &String::from_utf8_lossy(&bytes))
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

/// Writes a file so that it is there whole or not at all: beside its place first, then moved.
/// What is there but is no file, a device or a pipe, is written to directly.
///
/// # Errors
/// [`Error::Write`].
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    if fs::metadata(path).is_ok_and(|there| !there.is_file()) {
        return fs::write(path, bytes).map_err(Error::write(path));
    }
    let beside = beside(path);
    let written = fs::File::create(&beside).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&beside, path)
    });
    written.map_err(|error| {
        // The first error is the one to report.
        let _ = fs::remove_file(&beside);
        Error::write(path)(error)
    })
}

/// Whether [`write_whole`] could begin to write `path`, found out before the work whose result goes there.
///
/// # Errors
/// [`Error::Write`].
pub fn check_writable(path: &Path) -> Result<(), Error> {
    let tried = match fs::metadata(path) {
        Ok(there) if there.is_dir() => Err(ErrorKind::IsADirectory.into()),
        Ok(there) if !there.is_file() => Ok(()),
        _ => fs::File::create(beside(path)).and_then(|_| fs::remove_file(beside(path))),
    };
    tried.map_err(Error::write(path))
}

/// Where a file lies until it is whole.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.part", std::process::id()));
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_the_runs_of_one_name() {
        let root = tempfile::tempdir().unwrap();
        let names: Vec<_> = (0..3)
            .map(|_| RunDirectory::create_numbered(&root.path().join("runs"), "cdat").unwrap())
            .map(|run| run.path().file_name().unwrap().to_owned())
            .collect();
        assert_eq!(names, ["cdat", "cdat-2", "cdat-3"]);
    }

    #[test]
    fn a_folder_with_something_in_it_is_left_alone() {
        let root = tempfile::tempdir().unwrap();
        RunDirectory::create(&root.path().join("new/one")).unwrap();
        RunDirectory::create(root.path().join("new/one").as_path()).unwrap();
        let message = RunDirectory::create(root.path()).unwrap_err().to_string();
        assert!(message.ends_with("try another `--out`"), "{message}");
        let message = RunDirectory::open(root.path()).unwrap_err().to_string();
        assert!(message.contains("steps.jsonl"), "{message}");
    }

    #[test]
    fn writing_fails_without_leaving_a_part() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("summary.json");
        write_whole(&path, b"one").unwrap();
        write_whole(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
        assert!(write_whole(&root.path().join("missing/summary.json"), b"three").is_err());
        assert!(write_whole(root.path(), b"three").is_err());
        check_writable(&path).unwrap();
        check_writable(&root.path().join("params.safetensors")).unwrap();
        assert!(check_writable(&root.path().join("missing/summary.json")).is_err());
        assert!(check_writable(root.path()).is_err());
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
    }
}
