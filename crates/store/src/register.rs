use std::error::Error as StdError;
use std::path::{Path, PathBuf};

use onedge_record::Register;

use crate::Error;
use crate::entry::Entry;
use crate::index::Index;
use crate::resolve::relative;

/// The index of the runs below a folder, told of those that lie there and of no others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexedRoot(PathBuf);

impl IndexedRoot {
    /// Of the runs below `root`.
    pub fn new(root: &Path) -> Self {
        Self(root.to_owned())
    }

    /// Puts what the folder of a run says into the index, if it lies below the root.
    fn put(&self, folder: &Path) -> Result<(), Error> {
        let root = &self.0;
        let Some(relative) = relative(root, folder) else { return Ok(()) };
        let mut index = Index::open(root)?;
        let entry = Entry::read(root, &relative);
        match index.change(|change| change.put(&entry)) {
            // The other runs will be read when somebody asks for them.
            Err(error) if index.replace_broken(&error)? => index.change(|change| change.put(&entry)),
            result => result,
        }
    }
}

impl Register for IndexedRoot {
    fn note(&self, folder: &Path) -> Result<(), Box<dyn StdError>> {
        Ok(self.put(folder)?)
    }
}
