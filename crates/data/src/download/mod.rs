//! Fetching published files once, verified, into a cache folder.

mod checksum;
mod receive;
#[cfg(test)]
pub(crate) mod server;
mod transfer;

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crate::Error;

/// A published file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Remote<'a> {
    /// Its name on disk.
    pub name: &'a str,
    /// Where it is published.
    pub url: &'a str,
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256 sum, as 64 lower-case hexadecimal digits.
    pub sha256: &'a str,
}

/// How far a download, or the decoding of images, is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress<'a> {
    /// The name of the file, or of the folder of images.
    pub file: &'a str,
    /// What is counted.
    pub unit: Unit,
    /// Bytes on disk, those of an earlier, interrupted attempt included; or images decoded.
    pub received: u64,
    /// The size of the whole file, or the number of all images.
    pub total: u64,
}

/// What a [`Progress`] counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Those of a file that is fetched.
    Bytes,
    /// Those that are decoded.
    Images,
}

/// Who looks on while a file is fetched or images are decoded, and when it ends early.
#[derive(Clone, Copy)]
pub struct Watch<'a> {
    /// Called at the start and with every piece that came or image that was decoded.
    pub progress: Option<&'a dyn Fn(Progress<'_>)>,
    /// Once this is true it ends within a fraction of a second.
    pub interrupt: Option<&'a AtomicBool>,
    /// How long a server may send nothing in the middle of a file.
    pub patience: Duration,
}

impl Default for Watch<'_> {
    /// Nobody looks on, and a silent server is borne for 30 seconds.
    fn default() -> Self {
        Self { progress: None, interrupt: None, patience: Duration::from_secs(30) }
    }
}

/// The path of `remote` in `folder`, fetched first if it is not there in its full size.
///
/// Bytes go to `NAME.part`, which a later call resumes (HTTP Range) if this one is interrupted; once the SHA-256 sum is
/// right the file gets its name in one step, so that a file of that name is always whole.
///
/// # Errors
/// [`Error::Network`], [`Error::CutOff`], [`Error::Stalled`] and [`Error::Interrupted`], after which what came is kept;
/// [`Error::Checksum`], after which it is removed; [`Error::Busy`] if another process fetches the same file; [`Error::Io`].
pub fn fetch(remote: &Remote<'_>, folder: &Path, watch: &Watch<'_>) -> Result<PathBuf, Error> {
    let path = folder.join(remote.name);
    if is_whole(&path, remote) {
        return Ok(path);
    }
    fs::create_dir_all(folder).map_err(|e| Error::io(folder, "create", e))?;
    let part = folder.join(format!("{}.part", remote.name));
    let mut file =
        File::options().create(true).read(true).append(true).open(&part).map_err(|e| Error::io(&part, "open", e))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(Error::Busy { path: part }),
        Err(TryLockError::Error(e)) => return Err(Error::io(&part, "lock", e)),
    }
    if is_whole(&path, remote) {
        // Another process finished between the two looks; the lock is on its file or on an empty new one.
        return Ok(path);
    }
    transfer::transfer(remote, &mut file, &part, watch)?;
    let got = checksum::sha256(&part)?;
    if got != remote.sha256 {
        fs::remove_file(&part).map_err(|e| Error::io(&part, "remove", e))?;
        return Err(Error::Checksum { url: remote.url.to_owned(), expected: remote.sha256.to_owned(), got });
    }
    file.sync_all().map_err(|e| Error::io(&part, "write", e))?;
    fs::rename(&part, &path).map_err(|e| Error::io(&path, "rename", e))?;
    Ok(path)
}

fn is_whole(path: &Path, remote: &Remote<'_>) -> bool {
    fs::metadata(path).is_ok_and(|data| data.len() == remote.bytes)
}

#[cfg(test)]
mod tests;
