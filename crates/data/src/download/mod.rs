//! Fetching published files once, verified, into a cache folder.

mod checksum;
mod receive;
mod remote;
#[cfg(test)]
pub(crate) mod server;
mod transfer;
mod watch;

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use crate::{DownloadError, Error};

pub use remote::Remote;
pub use watch::{Progress, Unit, Watch};

/// The path of `remote` in `folder`, fetched first if it is not there in its full size.
///
/// Bytes go to `NAME.part`, which a later call resumes (HTTP Range) if this one is interrupted; once the SHA-256 sum is
/// right the file gets its name in one step, so that a file of that name is always whole.
///
/// # Errors
/// [`DownloadError::Network`], [`DownloadError::CutOff`], [`DownloadError::Stalled`] and [`DownloadError::Interrupted`], after which what came is kept;
/// [`DownloadError::Checksum`], after which it is removed; [`DownloadError::Busy`] if another process fetches the same file; [`FileError::Io`](crate::FileError::Io).
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
        Err(TryLockError::WouldBlock) => return Err(Error::Download(DownloadError::Busy { path: part })),
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
        return Err(Error::Download(DownloadError::Checksum {
            url: remote.url.to_owned(),
            expected: remote.sha256.to_owned(),
            got,
        }));
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
