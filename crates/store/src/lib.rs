//! All runs of a project: which there are, how they were set and how they went.
//!
//! Run folders are the truth. They lie anywhere below one folder, the root, and are found there however they came to be.
//! `index.sqlite` beside them holds what they say in a form that can be asked; it follows from them, and is made again
//! whenever it is missing, broken or of another version.
//!
//! Knows nothing of how runs are done.
#![forbid(unsafe_code)]

#[cfg(test)]
mod damage_tests;
mod delete;
mod entry;
mod error;
pub mod export;
mod field;
mod index;
mod keys;
mod listing;
mod note;
mod own_file;
mod progress;
mod query;
mod register;
mod resolve;
mod scan;
mod schema;
mod status;
mod sums;
mod tag_file;
mod tags;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

pub use entry::Entry;
pub use error::{Error, ExportError};
pub use field::FieldValue;
pub use keys::{OF_A_RUN, canonical};
pub use listing::{Selection, Sort};
pub use query::Filter;
pub use register::IndexedRoot;
pub use resolve::{Found, path_of};
pub use status::Status;

use index::Index;
use onedge_spec::Catalogue;
use scan::{Depth, Skipped};

/// The runs below a folder, with their index open. Other processes wait for it, so it is not to be held for long.
///
/// # Example
/// ```
/// use onedge_spec::Catalogue;
/// use onedge_store::{Filter, Selection, Store};
///
/// # let root = tempfile::tempdir()?;
/// # let root = root.path();
/// let mut store = Store::open(root, &Catalogue::standard())?;
/// let filter = Filter::parse("tuner=cdat and final_loss<0.3")?;
/// let good = store.list(&Selection { filter: Some(&filter), ..Selection::default() })?;
/// assert!(good.is_empty(), "no run was made below this folder");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Store {
    root: PathBuf,
    catalogue: Catalogue,
    index: Index,
    notes: Vec<String>,
    /// Whether it was said that there are no locks.
    unlocked: bool,
}

impl Store {
    /// Opens the store of `root` and brings its index up to date: new folders are read, and those that may have changed
    /// (all but the finished ones) if they did. Where the index cannot be had, all folders are read instead.
    ///
    /// # Errors
    /// [`Error::NoStore`] if there is no such folder, [`Read`](onedge_record::Error::Read).
    pub fn open(root: &Path, catalogue: &Catalogue) -> Result<Self, Error> {
        let mut store = Self::unread(root, catalogue)?;
        store.sync(Depth::Changes)?;
        Ok(store)
    }

    /// The same with every folder read again, whatever the index says. Remains of deletions that were cut short go.
    /// Returns how many runs there are, too.
    ///
    /// # Errors
    /// Those of [`open`](Self::open).
    pub fn rebuild(root: &Path, catalogue: &Catalogue) -> Result<(Self, usize), Error> {
        let mut store = Self::unread(root, catalogue)?;
        delete::clear_remains(root);
        store.sync(Depth::Everything)?;
        let runs = store.attempt(|index| index.len())?;
        Ok((store, runs))
    }

    fn unread(root: &Path, catalogue: &Catalogue) -> Result<Self, Error> {
        if !root.is_dir() {
            return Err(Error::NoStore(root.to_owned()));
        }
        let mut notes = Vec::new();
        let index = match Index::open(root) {
            Ok(index) => index,
            Err(error) => {
                notes.push(without_index(&error));
                Index::in_memory(root)?
            }
        };
        Ok(Self { root: root.to_owned(), catalogue: catalogue.clone(), index, notes, unlocked: false })
    }

    /// What the specs of its runs can name.
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// The folder below which the runs lie.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Whether there is an index that outlives this process.
    pub fn has_index(&self) -> bool {
        !self.index.is_in_memory()
    }

    /// Adds to the notes what need not be said of every run.
    fn note_once(&mut self, notes: Vec<String>) {
        if !self.unlocked {
            self.unlocked = !notes.is_empty();
            self.notes.extend(notes);
        }
    }

    /// What went wrong without harm, in sentences.
    pub fn notes(&self) -> Vec<String> {
        let again = "the index was damaged or of another version, and was made again from the folders";
        let made_again = self.index.made_again.then(|| format!("{}: {again}", self.root.display()));
        self.notes.iter().cloned().chain(made_again).collect()
    }

    fn sync(&mut self, depth: Depth) -> Result<(), Error> {
        let (root, catalogue) = (self.root.clone(), self.catalogue.clone());
        let skipped = self.attempt(|index| scan::sync(index, &root, &catalogue, depth))?;
        self.notes.extend(skipped.iter().map(Skipped::to_string));
        Ok(())
    }

    /// Does something with the index. A broken one is made again; where that cannot be done either, one in memory serves.
    fn attempt<V>(&mut self, act: impl Fn(&mut Index) -> Result<V, Error>) -> Result<V, Error> {
        match act(&mut self.index) {
            Err(error @ Error::Index { .. }) if !self.index.is_in_memory() => {
                let again = self.index.replace_broken(&error).and_then(|replaced| {
                    if replaced {
                        scan::sync(&mut self.index, &self.root, &self.catalogue, Depth::Everything)?;
                        act(&mut self.index)
                    } else {
                        Err(error)
                    }
                });
                match again {
                    Err(error @ Error::Index { .. }) => {
                        self.notes.push(without_index(&error));
                        self.index = Index::in_memory(&self.root)?;
                        scan::sync(&mut self.index, &self.root, &self.catalogue, Depth::Everything)?;
                        act(&mut self.index)
                    }
                    other => other,
                }
            }
            other => other,
        }
    }
}

fn without_index(error: &Error) -> String {
    format!("{error}; all run folders were read instead")
}
