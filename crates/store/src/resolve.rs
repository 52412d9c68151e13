use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use onedge_registry::near;
use onedge_spec::Catalogue;

use super::Store;
use super::entry::is_run;
use crate::Error;

/// A run of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Relative to the root, with `/` between names.
    pub folder: String,
    /// Where that is.
    pub path: PathBuf,
}

/// A run as the index knows it, to be called by.
struct Called {
    folder: String,
    id: String,
    name: String,
}

/// The path of a run, which may lie outside of any store: of the folder `run` if it is one of a run, or else of what
/// [`Store::find`] finds below `root`.
///
/// # Errors
/// Those of [`Store::find`]; [`NoRun`](onedge_record::Error::NoRun) for a folder that is no run, by path or otherwise.
pub fn path_of(root: &Path, run: &str, catalogue: &Catalogue) -> Result<PathBuf, Error> {
    let path = Path::new(run);
    if is_run(path) {
        return Ok(path.to_owned());
    }
    match Store::open(root, catalogue).and_then(|mut store| store.find(run)) {
        Ok(found) => Ok(found.path),
        Err(Error::UnknownRun { .. } | Error::NoStore(_)) if path.is_dir() => {
            Err(onedge_record::Error::NoRun(path.to_owned()).into())
        }
        Err(error) => Err(error),
    }
}

impl Store {
    /// The one run that `run` means: the path of its folder, or the folder below the root, or its id, or its name, or the
    /// beginning of one of these.
    ///
    /// # Errors
    /// [`Error::UnknownRun`] if it means none, [`Error::AmbiguousRun`] if it means several, [`Error::NotInStore`] for the
    /// folder of a run that lies elsewhere.
    pub fn find(&mut self, run: &str) -> Result<Found, Error> {
        let path = Path::new(run);
        if is_run(path) {
            let outside = || Error::NotInStore { run: path.to_owned(), root: self.root().to_owned() };
            let folder = relative(self.root(), path).ok_or_else(outside)?;
            return Ok(self.found(folder));
        }
        let runs = self.called()?;
        let run = run.trim_end_matches('/');
        let ways: [fn(&Called, &str) -> bool; 4] = [
            |called, run| called.folder == run || called.id == run,
            |called, run| called.name == run,
            |called, run| called.id.starts_with(run) || called.folder.starts_with(run),
            |called, run| called.name.starts_with(run),
        ];
        for way in ways {
            let meant: Vec<&Called> = runs.iter().filter(|called| !run.is_empty() && way(called, run)).collect();
            match meant[..] {
                [] => {}
                [one] => return Ok(self.found(one.folder.clone())),
                [..] => {
                    let folders = meant.iter().map(|called| called.folder.clone()).collect();
                    return Err(Error::AmbiguousRun { run: run.to_owned(), root: self.root().to_owned(), folders });
                }
            }
        }
        // Folder and name are often the same.
        let names: BTreeSet<&str> = runs.iter().flat_map(|called| [&called.folder[..], &called.name]).collect();
        let nearest = near(run, &names.into_iter().collect::<Vec<_>>());
        Err(Error::UnknownRun { run: run.to_owned(), root: self.root().to_owned(), nearest })
    }

    /// The same where a beginning is not enough, as for what cannot be undone.
    ///
    /// # Errors
    /// Those of [`find`](Self::find); [`Error::UnknownRun`], with the run that would have been meant, for the beginning of one.
    pub fn find_whole(&mut self, run: &str) -> Result<Found, Error> {
        let found = self.find(run)?;
        let whole = run.trim_end_matches('/');
        let is_whole = |called: &Called| {
            called.folder == found.folder
                && [&called.folder, &called.id, &called.name].into_iter().any(|name| name == whole)
        };
        if is_run(Path::new(run)) || self.called()?.iter().any(is_whole) {
            return Ok(found);
        }
        Err(Error::UnknownRun { run: run.to_owned(), root: self.root().to_owned(), nearest: vec![found.folder] })
    }

    /// Everything that a run below the root can be called by, in order: folders, names and ids.
    ///
    /// # Errors
    /// [`Error::Index`].
    pub fn names(&mut self) -> Result<Vec<String>, Error> {
        let runs = self.called()?;
        let names: BTreeSet<String> =
            runs.into_iter().flat_map(|called| [called.folder, called.name, called.id]).collect();
        Ok(names.into_iter().filter(|name| !name.is_empty()).collect())
    }

    fn found(&self, folder: String) -> Found {
        Found { path: self.root().join(&folder), folder }
    }

    fn called(&mut self) -> Result<Vec<Called>, Error> {
        self.attempt(|index| {
            let keys = index.keys()?;
            let texts =
                |key| Ok::<_, Error>(index.column(&keys, key)?.into_iter().map(|(run, fact)| (run, fact.to_string())));
            let (mut ids, mut names) = (texts("id")?.peekable(), texts("name")?.peekable());
            let runs = index.runs()?.into_iter().map(|run| {
                // All three are in the order of their numbers, and every run has both facts.
                let id = ids.next_if(|(of, _)| *of == run.id).map(|(_, id)| id).unwrap_or_default();
                let name = names.next_if(|(of, _)| *of == run.id).map(|(_, name)| name).unwrap_or_default();
                Called { folder: run.folder, id, name }
            });
            Ok(runs.collect())
        })
    }
}

/// The folder of a run relative to the root of its store; `None` if it lies elsewhere, or its name is not Unicode.
pub(super) fn relative(root: &Path, run: &Path) -> Option<String> {
    let (root, run) = (root.canonicalize().ok()?, run.canonicalize().ok()?);
    let names = run.strip_prefix(root).ok()?.components().map(|name| name.as_os_str().to_str());
    let names: Vec<&str> = names.collect::<Option<_>>()?;
    (!names.is_empty()).then(|| names.join("/"))
}
