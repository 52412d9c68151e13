use std::error::Error as StdError;
use std::path::{Path, PathBuf};

use onedge_record::Register;
use onedge_spec::Catalogue;

use crate::Error;
use crate::entry::Entry;
use crate::index::Index;
use crate::resolve::relative;

/// The index of the runs below a folder, told of those that lie there and of no others.
#[derive(Debug, Clone, PartialEq)]
pub struct IndexedRoot {
    root: PathBuf,
    catalogue: Catalogue,
}

impl IndexedRoot {
    /// Of the runs below `root`, whose specs may name what is in `catalogue`.
    pub fn new(root: &Path, catalogue: &Catalogue) -> Self {
        Self { root: root.to_owned(), catalogue: catalogue.clone() }
    }

    /// Puts what the folder of a run says into the index, if it lies below the root.
    fn put(&self, folder: &Path) -> Result<(), Error> {
        let Self { root, catalogue } = self;
        let Some(relative) = relative(root, folder) else { return Ok(()) };
        let mut index = Index::open(root)?;
        let entry = Entry::read(root, &relative, catalogue);
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
