use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::time::Duration;

use super::{Progress, Remote};
use crate::Error;
use crate::excerpt::excerpt;

/// Appends to `file` what it lacks of `remote`, so that it has its full size.
///
/// A server that ignores the range sends everything again, and the file starts over; so it does if what is there is
/// too long or the server does not know that range.
pub fn transfer(
    remote: &Remote<'_>,
    file: &mut File,
    path: &Path,
    progress: Option<&dyn Fn(Progress<'_>)>,
) -> Result<(), Error> {
    let size = |file: &File| file.metadata().map(|data| data.len()).map_err(|e| Error::io(path, "read", e));
    let empty = |file: &File| file.set_len(0).map_err(|e| Error::io(path, "write", e));
    if size(file)? > remote.bytes {
        empty(file)?;
    }
    let mut have = size(file)?;
    if have == remote.bytes {
        return Ok(());
    }
    let mut answer = request(remote, have)?;
    if have > 0 && answer.status().as_u16() == 416 {
        answer = request(remote, 0)?;
    }
    match answer.status().as_u16() {
        206 if resumes_at(&answer, have) => {}
        200 => {
            empty(file)?;
            have = 0;
        }
        status => return Err(network(remote, format!("status {status}"))),
    }
    check_length(remote, &answer, have)?;
    copy(remote, answer.into_body().into_reader(), file, path, have, progress)
}

fn request(remote: &Remote<'_>, from: u64) -> Result<ureq::http::Response<ureq::Body>, Error> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_connect(Some(Duration::from_secs(30)))
        .timeout_recv_response(Some(Duration::from_secs(60)))
        .build()
        .into();
    let mut request = agent.get(remote.url);
    if from > 0 {
        request = request.header("range", format!("bytes={from}-"));
    }
    request.call().map_err(|e| network(remote, excerpt(&e.to_string())))
}

/// Whether a partial answer starts at the byte that is wanted.
fn resumes_at(answer: &ureq::http::Response<ureq::Body>, have: u64) -> bool {
    let range = answer.headers().get("content-range").and_then(|value| value.to_str().ok());
    range.is_some_and(|range| range.starts_with(&format!("bytes {have}-")))
}

/// Refuses an answer of another length than what is missing, such as a page that says the file has moved.
fn check_length(remote: &Remote<'_>, answer: &ureq::http::Response<ureq::Body>, have: u64) -> Result<(), Error> {
    match answer.body().content_length() {
        Some(length) if length != remote.bytes - have => {
            Err(network(remote, format!("{length} bytes where {} are missing", remote.bytes - have)))
        }
        _ => Ok(()),
    }
}

fn copy(
    remote: &Remote<'_>,
    mut body: impl Read,
    file: &mut File,
    path: &Path,
    mut have: u64,
    progress: Option<&dyn Fn(Progress<'_>)>,
) -> Result<(), Error> {
    let report = |received| {
        if let Some(progress) = progress {
            progress(Progress { file: remote.name, received, total: remote.bytes });
        }
    };
    let (mut buffer, mut reported) = (vec![0; 1 << 16], have);
    report(have);
    while have < remote.bytes {
        let room = buffer.len().min(usize::try_from(remote.bytes - have).unwrap_or(usize::MAX));
        // The body ends early or the connection breaks: either way what came is on disk, and a later call goes on.
        let Ok(count @ 1..) = body.read(&mut buffer[..room]) else {
            return Err(Error::CutOff { url: remote.url.to_owned(), expected: remote.bytes, got: have });
        };
        file.write_all(&buffer[..count]).map_err(|e| Error::io(path, "write", e))?;
        have += count as u64;
        if have - reported >= 1 << 20 || have == remote.bytes {
            report(have);
            reported = have;
        }
    }
    Ok(())
}

fn network(remote: &Remote<'_>, reason: String) -> Error {
    Error::Network { url: remote.url.to_owned(), reason }
}
