//! What requests share.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use onedge_record::RunDirectory;
use onedge_spec::Catalogue;
use onedge_store::Entry;
use serde::Serialize;
use tokio::sync::Semaphore;

use crate::error::Refusal;
use crate::guard::Guard;
use crate::listing::Listings;
use crate::records::Records;

/// A word that pages explain.
#[derive(Debug, Clone, Serialize)]
pub struct Explained {
    /// The word, as it is written in specs and records.
    pub name: String,
    /// What it is in one line.
    pub summary: String,
    /// All that is known of it.
    pub text: String,
}

/// What a server shows, and to whom.
pub struct App {
    /// The folder below which the runs lie, without links.
    pub root: PathBuf,
    /// As it was called.
    pub called: PathBuf,
    /// What specs of runs can name.
    pub catalogue: Catalogue,
    /// Every word that can be explained.
    pub words: Vec<Explained>,
    /// Who may ask.
    pub guard: Guard,
    /// Tables of runs.
    pub listings: Mutex<Listings>,
    /// What runs say of themselves, by name, as it was last read: of one that was killed, all of its records were read for it.
    pub entries: Mutex<HashMap<String, Arc<Entry>>>,
    /// Records of runs.
    pub records: Arc<Records>,
    /// Signs of life of the workers of sweeps.
    pub watch: onedge_sweep::Watch,
    /// One for each page that may follow runs at the same time.
    pub streams: Arc<Semaphore>,
    /// Of this process: a page that knows another one loads itself again.
    pub instance: String,
}

/// As handlers have it.
pub type Shared = Arc<App>;

/// A lock whose holder panicked holds what it held.
pub fn locked<V>(mutex: &Mutex<V>) -> MutexGuard<'_, V> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl App {
    /// The folder of the run that is called by its place below the root. No name leads out of the root: not upwards, not
    /// from the root of the file system, not by a link.
    ///
    /// # Errors
    /// A sentence where there is no such run.
    pub fn run(&self, name: &str) -> Result<PathBuf, Refusal> {
        let none = || Refusal::missing(format!("run `{name}`: expected one below {}, got none", self.called.display()));
        if !self.root.is_dir() {
            return Err(self.vanished());
        }
        if !is_plain(name) {
            return Err(none());
        }
        let path = self.inside(&self.root.join(name)).ok_or_else(none)?;
        if RunDirectory::is_run(&path) { Ok(path) } else { Err(none()) }
    }

    /// What the run of this name, which is there, says of itself.
    pub fn entry(&self, name: &str) -> Arc<Entry> {
        /// So many are remembered.
        const MOST: usize = 256;
        let known = locked(&self.entries).get(name).cloned();
        if let Some(known) = known.filter(|entry| entry.is_current()) {
            return known;
        }
        let entry = Arc::new(Entry::read(&self.root, name, &self.catalogue));
        let mut entries = locked(&self.entries);
        if entries.len() >= MOST {
            entries.clear();
        }
        entries.insert(name.to_owned(), Arc::clone(&entry));
        entry
    }

    /// Where a file or folder is, if it is there, and below the root.
    pub fn inside(&self, path: &Path) -> Option<PathBuf> {
        path.canonicalize().ok().filter(|path| path.starts_with(&self.root) && *path != self.root)
    }

    /// That the folder served is gone.
    pub fn vanished(&self) -> Refusal {
        Refusal::missing(format!(
            "{}: expected the folder that is served, got none; it was moved or deleted",
            self.called.display()
        ))
    }
}

/// Names of folders one below the other, none of them hidden.
pub fn is_plain(name: &str) -> bool {
    let plain = |part: &str| !part.is_empty() && !part.starts_with('.') && !part.contains(['\\', ':', '\0']);
    name.len() < 4096 && name.split('/').all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_downwards() {
        for good in ["a", "sweep/1f2e", "<script>", "run 1", "σ=2"] {
            assert!(is_plain(good), "{good}");
        }
        for bad in ["", "/", "/etc", "..", "a/..", "../a", "a//b", "a/./b", ".hidden", "a\\..\\b", "c:", "a\0b", "a/"] {
            assert!(!is_plain(bad), "{bad}");
        }
        assert!(!is_plain(&"a/".repeat(5000)));
    }
}
