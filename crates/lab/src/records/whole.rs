//! Files that are there whole or not at all.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use crate::Error;

/// What the name of a file ends with until it is whole.
pub(crate) const PART: &str = ".part";

/// Writes a file so that it is there whole or not at all, even if power fails: beside its place first, then moved.
/// What is there but is no file, a device or a pipe, is written to directly.
///
/// # Errors
/// [`Error::Write`].
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    if fs::metadata(path).is_ok_and(|there| !there.is_file()) {
        return fs::write(path, bytes).map_err(Error::write(path));
    }
    write_whole_by(path, |file| file.write_all(bytes))
}

/// The same for a file that `write` fills piece by piece.
///
/// # Errors
/// [`Error::Write`], with what `write` reports.
pub(crate) fn write_whole_by(path: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> Result<(), Error> {
    let beside = beside(path);
    let written = File::create(&beside).and_then(|mut file| {
        write(&mut file)?;
        file.sync_all()?;
        fs::rename(&beside, path)
    });
    match written {
        Ok(()) => sync_folder_of(path).map_err(Error::write(path)),
        Err(error) => {
            // The first error is the one to report.
            let _ = fs::remove_file(&beside);
            Err(Error::write(path)(error))
        }
    }
}

/// Makes the new name of a file or folder last; only Unix has folders that can be synced.
pub(crate) fn sync_folder_of(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

/// Whether [`write_whole`] could begin to write `path`, found out before the work whose result goes there.
///
/// # Errors
/// [`Error::Write`].
pub fn check_writable(path: &Path) -> Result<(), Error> {
    let tried = match fs::metadata(path) {
        Ok(there) if there.is_dir() => Err(ErrorKind::IsADirectory.into()),
        Ok(there) if !there.is_file() => Ok(()),
        _ => File::create(beside(path)).and_then(|_| fs::remove_file(beside(path))),
    };
    tried.map_err(Error::write(path))
}

/// Where a file lies until it is whole.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}{PART}", std::process::id()));
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writing_fails_without_leaving_a_part() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("summary.json");
        write_whole(&path, b"one").unwrap();
        write_whole(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert!(write_whole_by(&path, |_| Err(ErrorKind::StorageFull.into())).is_err());
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
        assert!(write_whole(&root.path().join("missing/summary.json"), b"three").is_err());
        assert!(write_whole(root.path(), b"three").is_err());
        check_writable(&path).unwrap();
        check_writable(&root.path().join("params.safetensors")).unwrap();
        assert!(check_writable(&root.path().join("missing/summary.json")).is_err());
        assert!(check_writable(root.path()).is_err());
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
    }
}
