use std::path::{Path, PathBuf};
use std::process;
use std::time::{SystemTime, UNIX_EPOCH};

use onedge_registry::Value;

use super::entry::{Entry, sha256};
use super::index::Index;
use super::resolve::relative;
use crate::Error;
use crate::records::RunLock;

/// A run that goes on: it holds the lock of its folder, and the index of its store knows of it. The index follows from the
/// folders, so nothing that goes wrong with it ends a run.
pub struct Registration<'a> {
    root: Option<&'a Path>,
    folder: PathBuf,
    lock: Option<RunLock>,
}

impl<'a> Registration<'a> {
    /// Takes the lock of the new run in `folder`, which belongs to the store of `root`, if to any.
    ///
    /// # Errors
    /// [`Error::Running`] if another process has it. A file system without locks is no error, but told to `warn`.
    pub fn begin(root: Option<&'a Path>, folder: &Path, warn: &dyn Fn(&str)) -> Result<Self, Error> {
        let lock = match RunLock::take(folder) {
            Ok(Some(lock)) => Some(lock),
            Ok(None) => return Err(Error::Running(folder.to_owned())),
            Err(error) => {
                warn(&format!(
                    "{}: cannot lock: {error}; the run will count as killed until it ends",
                    folder.display()
                ));
                None
            }
        };
        Ok(Self::of(root, folder, lock))
    }

    /// Of a run in `folder` that is locked already, where the file system knows locks.
    pub fn of(root: Option<&'a Path>, folder: &Path, lock: Option<RunLock>) -> Self {
        Self { root, folder: folder.to_owned(), lock }
    }

    /// What the spec of the run says beside its settings: `id` and `started`.
    pub fn provenance(&self) -> [(&'static str, Value); 2] {
        let now = SystemTime::now();
        let nanos = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        let host = gethostname::gethostname();
        let unique = sha256(format!("{host:?} {} {nanos} {}", process::id(), self.folder.display()).as_bytes());
        let started = humantime::format_rfc3339_seconds(now).to_string();
        [("id", Value::Text(unique[..8].to_owned())), ("started", Value::Text(started))]
    }

    /// Tells the index of the run, once its spec is written.
    pub fn enter(&self, warn: &dyn Fn(&str)) {
        let Some(root) = self.root else { return };
        if let Err(error) = note(root, &self.folder) {
            warn(&format!("{error}; the run goes on, and `onedge runs` finds it by its folder"));
        }
    }

    /// Lets go of the lock and tells the index how the run ended, once its summary is written.
    pub fn end(mut self, warn: &dyn Fn(&str)) {
        drop(self.lock.take());
        self.enter(warn);
    }
}

/// Puts what the folder of a run says into the index of `root`, if it lies there.
fn note(root: &Path, folder: &Path) -> Result<(), Error> {
    let Some(relative) = relative(root, folder) else { return Ok(()) };
    let mut index = Index::open(root)?;
    let entry = Entry::read(root, &relative);
    match index.change(|change| change.put(&entry)) {
        // The other runs will be read when somebody asks for them.
        Err(error) if index.replace_broken(&error)? => index.change(|change| change.put(&entry)),
        result => result,
    }
}
