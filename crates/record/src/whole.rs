//! Files that are there whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

use crate::Error;
use crate::disk::{Disk, SYSTEM};

/// What the name of a file ends with until it is whole.
pub const PART: &str = ".part";

/// Writes a file so that it is there whole or not at all, even if power fails: beside its place first, then moved.
/// What is there but is no file, a device or a pipe, is written to directly.
///
/// # Errors
/// [`Error::Write`].
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    write_whole_by(path, |file| file.write_all(bytes))
}

/// The same for a file that `write` fills.
///
/// # Errors
/// [`Error::Write`], with what `write` reports.
pub fn write_whole_by(path: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> Result<(), Error> {
    write_whole_on(&SYSTEM, path, write)
}

fn write_whole_on(disk: &dyn Disk, path: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> Result<(), Error> {
    fill(disk, path, |file| write(file).map_err(Error::write(path)), |disk, file| disk.sync_file(file))?;
    // A device or a pipe has no name to make last.
    if is_other(path) { Ok(()) } else { disk.sync_folder_of(path).map_err(Error::write(path)) }
}

/// The same for what is too large to be held, written piece by piece, and can be made again: it does not wait for the disk, so
/// it is there whole or not at all unless power fails.
///
/// # Errors
/// [`Error::Write`], and those of `write`.
pub fn write_through<V, E: From<Error>>(
    path: &Path,
    write: impl FnOnce(&mut (dyn Write + Send)) -> Result<V, E>,
) -> Result<V, E> {
    let through = |file: &mut File| {
        let mut out = BufWriter::with_capacity(1 << 17, file);
        let value = write(&mut out)?;
        out.flush().map_err(Error::write(path))?;
        Ok(value)
    };
    fill(&SYSTEM, path, through, |_, _| Ok(()))
}

/// Whether something is there that is no file.
fn is_other(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|there| !there.is_file())
}

/// Fills a file beside its place, lets it settle and moves it.
fn fill<V, E: From<Error>>(
    disk: &dyn Disk,
    path: &Path,
    fill: impl FnOnce(&mut File) -> Result<V, E>,
    settle: fn(&dyn Disk, &File) -> io::Result<()>,
) -> Result<V, E> {
    if is_other(path) {
        let mut there = OpenOptions::new().write(true).open(path).map_err(Error::write(path))?;
        return fill(&mut there);
    }
    let beside = beside(path);
    let written = File::create(&beside).map_err(|error| E::from(Error::write(path)(error))).and_then(|mut file| {
        let value = fill(&mut file)?;
        settle(disk, &file).and_then(|()| disk.rename(&beside, path)).map_err(Error::write(path))?;
        Ok(value)
    });
    // The first error is the one to report.
    written.inspect_err(|_| drop(fs::remove_file(&beside)))
}

/// Makes the new name of a file or folder last.
pub fn sync_folder_of(path: &Path) -> io::Result<()> {
    SYSTEM.sync_folder_of(path)
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
    use crate::disk::doubles::PowerCut;

    /// Wherever the power is cut, the file is the old one or the new one, whole.
    #[test]
    fn a_cut_of_power_leaves_the_old_file_or_the_new_one() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("summary.json");
        for after in 0..=3 {
            fs::write(&path, b"old").unwrap();
            let disk = PowerCut::after(after);
            let written = write_whole_on(disk, &path, |file| file.write_all(b"the new one"));
            assert_eq!(written.is_ok(), after == 3, "after {after} calls");
            let there = fs::read(&path).unwrap();
            let expected: &[u8] = if after < 2 { b"old" } else { b"the new one" };
            assert_eq!(there, expected, "after {after} calls");
            assert_eq!(*disk.calls.lock().unwrap(), ["sync file", "rename", "sync folder"][..after]);
        }
    }

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
