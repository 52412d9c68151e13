use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use std::{fmt, io};

use super::Status;
use super::entry::{Entry, has_summary_of, is_run, modified, stamp};
use super::index::{Index, IndexedRun};
use onedge_spec::Catalogue;

use crate::Error;

/// How much is read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Depth {
    /// New runs, and those that did change: of a finished run the summary alone is looked at.
    Changes,
    /// All of them.
    Everything,
}

/// Runs may lie so many folders below the root.
const LEVELS: usize = 8;

/// A folder that was changed so short a time before it was read may be changed again without getting a later time.
const TIME_STEP: Duration = Duration::from_secs(2);

/// Makes the index say what the folders say. Hidden folders and links are passed over; so are folders within a run.
/// Returns what was left out.
pub(super) fn sync(index: &mut Index, root: &Path, catalogue: &Catalogue, depth: Depth) -> Result<Vec<Skipped>, Error> {
    let known = index.runs()?;
    let mut walk = Walk::new(root, &known, index.groups()?, depth, |folder| fs::read_dir(folder));
    walk.group("", 0)?;
    let Walk { mut found, groups, skipped, .. } = walk;
    // Folders come in any order; new runs get their numbers by name.
    found.sort();
    let there: HashSet<&str> = found.iter().map(String::as_str).collect();
    let gone: Vec<&str> = known.iter().map(|run| &run.folder[..]).filter(|folder| !there.contains(folder)).collect();
    let before: HashMap<&str, &IndexedRun> = known.iter().map(|run| (&run.folder[..], run)).collect();
    let changed = |folder: &&String| match before.get(folder.as_str()) {
        None => true,
        Some(_) if depth == Depth::Everything => true,
        Some(run) if run.status == Status::Done.name() => !has_summary_of(&root.join(&run.folder), &run.stamp),
        Some(run) => run.stamp != stamp(&root.join(&run.folder)),
    };
    index.change(|change| {
        gone.iter().try_for_each(|folder| change.remove(folder))?;
        found.iter().filter(changed).try_for_each(|folder| change.put(&Entry::read(root, folder, catalogue)))?;
        change.set_groups(&groups)
    })?;
    Ok(skipped)
}

/// A folder whose runs are left out.
#[derive(Debug)]
pub(super) enum Skipped {
    /// It cannot be named in the index.
    NoUnicode(PathBuf),
    /// It cannot be read: another user's, or one of the file system's own.
    Unreadable(PathBuf, io::Error),
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoUnicode(path) => {
                let path = path.display();
                write!(f, "{path}: the name of this folder is not Unicode, so the runs in it are left out")
            }
            Self::Unreadable(path, error) => {
                write!(f, "{}: cannot read: {error}; runs that may be in it are left out", path.display())
            }
        }
    }
}

/// How a folder is read.
type ReadFolder = fn(&Path) -> io::Result<fs::ReadDir>;

/// A walk over the folders below the root, which does not read again a group that did not change.
struct Walk<'a> {
    root: &'a Path,
    /// Known runs, and groups, by the group that they lie in.
    runs_in: HashMap<&'a str, Vec<&'a str>>,
    groups_in: HashMap<String, Vec<String>>,
    known: HashSet<&'a str>,
    before: BTreeMap<String, i64>,
    depth: Depth,
    now: Duration,
    found: Vec<String>,
    groups: BTreeMap<String, i64>,
    skipped: Vec<Skipped>,
    read: ReadFolder,
}

impl<'a> Walk<'a> {
    fn new(
        root: &'a Path,
        known: &'a [IndexedRun],
        before: BTreeMap<String, i64>,
        depth: Depth,
        read: ReadFolder,
    ) -> Self {
        let (mut runs_in, mut groups_in) = (HashMap::<_, Vec<_>>::new(), HashMap::<_, Vec<_>>::new());
        for run in known {
            runs_in.entry(parent(&run.folder)).or_default().push(&run.folder[..]);
        }
        for group in before.keys().filter(|group| !group.is_empty()) {
            groups_in.entry(parent(group).to_owned()).or_default().push(group.clone());
        }
        let known = known.iter().map(|run| &run.folder[..]).collect();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let (found, groups, skipped) = Default::default();
        Self { root, runs_in, groups_in, known, before, depth, now, found, groups, skipped, read }
    }

    /// Looks through the group `folder`, which lies so many levels below the root.
    fn group(&mut self, folder: &str, level: usize) -> Result<(), Error> {
        let path = self.root.join(folder);
        let Ok(metadata) = fs::metadata(&path) else { return Ok(()) };
        let changed = modified(&metadata);
        let stable = self.now.saturating_sub(changed) > TIME_STEP;
        let time = if stable { changed.as_nanos() as i64 } else { 0 };
        let as_before = stable && self.depth == Depth::Changes && self.before.get(folder) == Some(&time);
        if as_before {
            self.found.extend(self.runs_in.get(folder).into_iter().flatten().map(|&run| run.to_owned()));
            let groups = self.groups_in.get(folder).cloned().unwrap_or_default();
            groups.iter().try_for_each(|group| self.group(group, level + 1))?;
        } else {
            let children = match (self.read)(&path).and_then(Iterator::collect::<io::Result<Vec<_>>>) {
                Ok(children) => children,
                Err(error) if level == 0 => return Err(Error::read(&path)(error)),
                Err(error) => {
                    self.skipped.push(Skipped::Unreadable(path, error));
                    // Looked at again the next time, whether its parent has changed or not.
                    self.groups.insert(folder.to_owned(), 0);
                    return Ok(());
                }
            };
            for child in children {
                // Links may lead round in circles.
                if child.file_type().is_ok_and(|kind| kind.is_dir()) {
                    self.child(folder, &child.path(), level)?;
                }
            }
        }
        self.groups.insert(folder.to_owned(), time);
        Ok(())
    }

    fn child(&mut self, folder: &str, path: &Path, level: usize) -> Result<(), Error> {
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            self.skipped.push(Skipped::NoUnicode(path.to_owned()));
            return Ok(());
        };
        if name.starts_with('.') {
            return Ok(());
        }
        let child = if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
        let known = self.depth == Depth::Changes && self.known.contains(&child[..]);
        if known || is_run(path) {
            self.found.push(child);
        } else if level < LEVELS {
            self.group(&child, level + 1)?;
        }
        Ok(())
    }
}

fn parent(folder: &str) -> &str {
    folder.rsplit_once('/').map_or("", |(parent, _)| parent)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder that only its owner may read; whoever runs the tests may be allowed everything.
    fn read(folder: &Path) -> io::Result<fs::ReadDir> {
        match folder.file_name().is_some_and(|name| name == "lost+found") {
            true => Err(io::ErrorKind::PermissionDenied.into()),
            false => fs::read_dir(folder),
        }
    }

    #[test]
    fn what_cannot_be_read_hides_nothing_else() {
        let root = tempfile::tempdir().unwrap();
        for folder in ["a", "lost+found/b", "group/lost+found/c", "group/d", "z"] {
            fs::create_dir_all(root.path().join(folder)).unwrap();
            fs::write(root.path().join(folder).join("steps.jsonl"), "").unwrap();
        }
        let mut walk = Walk::new(root.path(), &[], BTreeMap::new(), Depth::Changes, read);
        walk.group("", 0).unwrap();
        walk.found.sort();
        assert_eq!(walk.found, ["a", "group/d", "z"]);
        let mut said: Vec<String> = walk.skipped.iter().map(Skipped::to_string).collect();
        said.sort();
        assert_eq!(said.len(), 2);
        let of = |folder: &str| root.path().join(folder).display().to_string();
        let why = ": cannot read: permission denied; runs that may be in it are left out";
        assert_eq!(said, [of("group/lost+found") + why, of("lost+found") + why]);
        // The root itself must be readable.
        let own = root.path().join("lost+found");
        assert!(Walk::new(&own, &[], BTreeMap::new(), Depth::Changes, read).group("", 0).is_err());
    }
}
