//! The folder below which runs lie.

use std::path::{Path, PathBuf};

use onedge_record::RunDirectory;
use onedge_spec::Catalogue;
use onedge_store::{Store, path_of};

use crate::program::console;

/// Where runs are left unless something else is said.
pub const ROOT: &str = "runs";

/// Which store.
#[derive(Debug, Default, clap::Args)]
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

    /// The folder of the run that `run` means: its path, or the name, id or folder of a run below the root.
    pub fn folder_of(&self, run: &Path, catalogue: &Catalogue) -> anyhow::Result<PathBuf> {
        let is_path = RunDirectory::is_run(run);
        match run.to_str() {
            // There are no names yet.
            _ if self.is_yet_to_come() && !is_path => Err(onedge_record::Error::NoRun(run.to_owned()).into()),
            Some(run) => Ok(path_of(self.path(), run, catalogue)?),
            // Names of runs are Unicode.
            None => Ok(run.to_owned()),
        }
    }

    /// The same where a spec may be meant, too: a file that is there stays as it is.
    pub fn spec_or_run(&self, path: &Path, catalogue: &Catalogue) -> anyhow::Result<PathBuf> {
        let is_file = path.is_file() || path.extension().is_some_and(|end| end == "toml");
        if is_file || (path.is_dir() && path.join("spec.toml").is_file()) {
            return Ok(path.to_owned());
        }
        self.folder_of(path, catalogue)
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
