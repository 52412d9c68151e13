use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::Error;

/// A file that says something of a run has so many bytes at most; records may be longer.
const LONGEST: u64 = 16 << 20;

/// Whether `folder`, relative to `root`, lies below it, with no link on the way.
pub(super) fn is_straight(root: &Path, folder: &str) -> bool {
    let end = |root: PathBuf| folder.split('/').fold(root, |path, name| path.join(name));
    let (real, found) = (root.canonicalize().map(end), end(root.to_owned()).canonicalize());
    real.is_ok_and(|real| found.is_ok_and(|found| found == real))
}

/// Where the file of this name in the folder of a run is, if it is there. A link may lead to another file of the folder; what it leads to
/// elsewhere is no part of the run, and may be nothing that whoever lists runs is meant to see.
pub(super) fn find(folder: &Path, name: &str) -> Result<Option<PathBuf>, Error> {
    let path = folder.join(name);
    let foreign = |got| Error::Foreign { path: path.clone(), got };
    let kind = match path.symlink_metadata() {
        Ok(metadata) => metadata.file_type(),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::read(&path)(error)),
    };
    if kind.is_file() {
        return Ok(Some(path));
    }
    if !kind.is_symlink() {
        return Err(foreign("something that is no file"));
    }
    let inside = |end: &PathBuf| folder.canonicalize().is_ok_and(|folder| end.starts_with(folder));
    let end = path.canonicalize().ok().filter(inside).ok_or_else(|| foreign("a link that leads elsewhere"))?;
    if end.is_file() { Ok(Some(end)) } else { Err(foreign("a link to something that is no file")) }
}

/// The same file as text; empty if there is none.
pub(super) fn read(folder: &Path, name: &str) -> Result<String, Error> {
    let Some(path) = find(folder, name)? else { return Ok(String::new()) };
    let long = || Error::Foreign { path: path.clone(), got: "one of more than 16 MiB" };
    match fs::metadata(&path) {
        Ok(metadata) if metadata.len() > LONGEST => Err(long()),
        _ => fs::read_to_string(&path).map_err(Error::read(&path)),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn no_link_is_on_the_way_to_a_run() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("runs/group/a")).unwrap();
        let runs = root.path().join("runs");
        symlink(&runs, root.path().join("called")).unwrap();
        symlink("group", runs.join("link")).unwrap();
        symlink("..", runs.join("group/up")).unwrap();
        for root in [&runs, &root.path().join("called")] {
            assert!(is_straight(root, "group/a") && is_straight(root, "group"));
            for folder in ["link", "link/a", "group/up", "group/up/group/a", "missing", "group/../group"] {
                assert!(!is_straight(root, folder), "{folder}");
            }
        }
    }

    #[test]
    fn what_lies_elsewhere_is_not_read() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("run");
        fs::create_dir(&folder).unwrap();
        fs::write(root.path().join("outside"), "secret").unwrap();
        fs::write(folder.join("inside"), "own").unwrap();
        symlink("inside", folder.join("near")).unwrap();
        symlink("../outside", folder.join("far")).unwrap();
        symlink("far", folder.join("twice")).unwrap();
        symlink("round", folder.join("round")).unwrap();
        symlink("nowhere", folder.join("dangling")).unwrap();
        symlink("/dev/zero", folder.join("device")).unwrap();
        symlink(root.path(), folder.join("up")).unwrap();
        fs::create_dir(folder.join("folder")).unwrap();
        let read = |name: &str| read(&folder, name).map_err(|error| error.to_string());
        assert_eq!(read("inside").unwrap(), "own");
        assert_eq!(read("near").unwrap(), "own");
        assert_eq!(read("missing").unwrap(), "");
        for name in ["far", "twice", "round", "dangling", "device", "up", "folder"] {
            let said = read(name).unwrap_err();
            assert!(said.contains(": expected a file that lies in the folder of its run, got "), "{name}: {said}");
            assert!(!said.contains("secret"), "{said}");
        }
        fs::File::create(folder.join("long")).unwrap().set_len(LONGEST + 1).unwrap();
        assert!(read("long").unwrap_err().ends_with("got one of more than 16 MiB"));
    }
}
