use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::mpsc::Receiver;

use super::receive::{Head, Piece, Quit, next, request};
use super::remote::Remote;
use super::watch::{Progress, Unit, Watch};
use crate::{DownloadError, Error};

/// Appends to `file` what it lacks of `remote`, so that it has its full size.
///
/// A server that ignores the range sends everything again, and the file starts over; so it does if what is there is
/// too long or the server does not know that range.
pub fn transfer(remote: &Remote<'_>, file: &mut File, path: &Path, watch: &Watch<'_>) -> Result<(), Error> {
    let size = |file: &File| file.metadata().map(|data| data.len()).map_err(|e| Error::io(path, "read", e));
    let empty = |file: &File| file.set_len(0).map_err(|e| Error::io(path, "write", e));
    if size(file)? > remote.bytes {
        empty(file)?;
    }
    let mut have = size(file)?;
    if have == remote.bytes {
        return Ok(());
    }
    let (mut pieces, mut head) = ask(remote, have, have, watch)?;
    if have > 0 && head.status == 416 {
        (pieces, head) = ask(remote, 0, have, watch)?;
    }
    match head.status {
        206 if head.range.is_some_and(|range| range.starts_with(&format!("bytes {have}-"))) => {}
        200 => {
            empty(file)?;
            have = 0;
        }
        status => return Err(network(remote, format!("status {status}"))),
    }
    // An answer of another length is a page that says the file has moved, or another file.
    if let Some(length) = head.length.filter(|&length| length != remote.bytes - have) {
        return Err(network(remote, format!("{length} bytes where {} are missing", remote.bytes - have)));
    }
    copy(remote, &pieces, file, path, have, watch)
}

/// Asks for the bytes after `from`, `have` of which are on disk, and waits for the head of the answer.
fn ask(remote: &Remote<'_>, from: u64, have: u64, watch: &Watch<'_>) -> Result<(Receiver<Piece>, Head), Error> {
    let pieces = request(remote.url, from, watch.patience);
    // How long an answer may take is limited on the other side.
    match next(&pieces, watch, None) {
        Ok(Piece::Head(head)) => Ok((pieces, head)),
        Ok(Piece::Failed(reason)) => Err(network(remote, reason)),
        Ok(Piece::Bytes(_) | Piece::End) => Err(network(remote, "no answer".to_owned())),
        Err(quit) => Err(stopped(remote, quit, have)),
    }
}

fn copy(
    remote: &Remote<'_>,
    pieces: &Receiver<Piece>,
    file: &mut File,
    path: &Path,
    mut have: u64,
    watch: &Watch<'_>,
) -> Result<(), Error> {
    let report = |received| {
        if let Some(progress) = watch.progress {
            progress(Progress { file: remote.name, unit: Unit::Bytes, received, total: remote.bytes });
        }
    };
    report(have);
    while have < remote.bytes {
        let piece = next(pieces, watch, Some(watch.patience)).map_err(|quit| stopped(remote, quit, have))?;
        // The body ends early or the connection breaks: either way what came is on disk, and a later call goes on.
        let Piece::Bytes(bytes) = piece else {
            return Err(Error::Download(DownloadError::CutOff {
                url: remote.url.to_owned(),
                expected: remote.bytes,
                got: have,
            }));
        };
        let room = usize::try_from(remote.bytes - have).unwrap_or(usize::MAX);
        let bytes = &bytes[..bytes.len().min(room)];
        file.write_all(bytes).map_err(|e| Error::io(path, "write", e))?;
        have += bytes.len() as u64;
        report(have);
    }
    Ok(())
}

fn stopped(remote: &Remote<'_>, quit: Quit, got: u64) -> Error {
    let (url, expected) = (remote.url.to_owned(), remote.bytes);
    match quit {
        Quit::Interrupted => Error::Download(DownloadError::Interrupted { url, expected, got }),
        Quit::Stalled(waited) => Error::Download(DownloadError::Stalled { url, waited, expected, got }),
    }
}

fn network(remote: &Remote<'_>, reason: String) -> Error {
    Error::Download(DownloadError::Network { url: remote.url.to_owned(), reason })
}
