//! The folder below which runs lie.

use std::path::{Path, PathBuf};

use onedge_spec::Catalogue;
use onedge_store::Store;

use crate::program::console;

/// Where runs are left unless something else is said.
pub const ROOT: &str = "runs";

/// Which store.
#[derive(Debug, clap::Args)]
pub struct Root {
    /// The folder below which the runs lie [default: runs]
    #[arg(long, value_name = "DIR", global = true)]
    root: Option<PathBuf>,
}

impl Root {
    /// The folder.
    pub fn path(&self) -> &Path {
        self.root.as_deref().unwrap_or(Path::new(ROOT))
    }

    /// Whether no run was made yet, and nobody said that there are some.
    pub fn is_yet_to_come(&self) -> bool {
        self.root.is_none() && !self.path().exists()
    }

    /// Opens the store, and says what went wrong without harm.
    pub fn open(&self, catalogue: &Catalogue) -> anyhow::Result<Store> {
        let store = Store::open(self.path(), catalogue)?;
        tell(&store);
        Ok(store)
    }
}

/// Says what went wrong without harm.
pub fn tell(store: &Store) {
    store.notes().iter().for_each(|note| console::note(&format!("note: {note}")));
}
