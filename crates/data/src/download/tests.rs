use std::cell::RefCell;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use super::server::{Answer, serve};
use super::*;
use crate::DownloadError;

/// 2.5 MB that no prefix of repeats, and their SHA-256 sum (computed by `sha2` directly, not by the code under test).
fn payload() -> (Vec<u8>, String) {
    use sha2::{Digest, Sha256};
    let bytes: Vec<u8> = (0..2_500_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let sum = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    (bytes, sum)
}

/// Fetches `file.bin` of the payload from a server that gives `answers`, into `folder`.
fn fetch_from(base: &str, folder: &Path, sha256: &str) -> Result<PathBuf, Error> {
    let url = format!("{base}/file.bin");
    fetch(&Remote { name: "file.bin", url: &url, bytes: 2_500_000, sha256 }, folder, &Watch::default())
}

fn message(result: Result<PathBuf, Error>, base: &str) -> String {
    result.unwrap_err().to_string().replace(base, "BASE")
}

#[test]
fn fetches_once_and_reports_progress() {
    let (bytes, sha256) = payload();
    let (base, requests) = serve(vec![Answer::Ranged(bytes.clone())]);
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("new/folder");
    let seen = RefCell::new(Vec::new());
    let look = |p: Progress<'_>| seen.borrow_mut().push((p.received, p.total));
    let url = format!("{base}/file.bin");
    let remote = Remote { name: "file.bin", url: &url, bytes: 2_500_000, sha256: &sha256 };
    let path = fetch(&remote, &folder, &Watch { progress: Some(&look), ..Watch::default() }).unwrap();
    assert_eq!(fs::read(&path).unwrap(), bytes);
    assert!(!folder.join("file.bin.part").exists());
    let seen = seen.borrow();
    assert_eq!((seen[0], *seen.last().unwrap()), ((0, 2_500_000), (2_500_000, 2_500_000)));
    assert!(seen.len() >= 3 && seen.is_sorted(), "{seen:?}");
    // The server has no second answer: the file is not fetched again.
    assert_eq!(fetch(&remote, &folder, &Watch::default()).unwrap(), path);
    assert!(!requests.recv().unwrap().contains("range:"));
}

#[test]
fn resumes_where_a_transfer_was_cut_off() {
    let (bytes, sha256) = payload();
    let (base, requests) = serve(vec![
        Answer::Cut(bytes.clone(), 700_000),
        Answer::Cut(bytes.clone(), 100),
        Answer::Ranged(bytes.clone()),
    ]);
    let dir = tempfile::tempdir().unwrap();
    for got in [700_000, 700_100] {
        assert_eq!(
            message(fetch_from(&base, dir.path(), &sha256), &base),
            format!(
                "BASE/file.bin: transfer cut off, expected 2500000 bytes, got {got}; try again, it resumes where it \
                 stopped"
            )
        );
        assert!(!dir.path().join("file.bin").exists());
    }
    assert_eq!(fs::read(fetch_from(&base, dir.path(), &sha256).unwrap()).unwrap(), bytes);
    let ranges: Vec<bool> = requests.iter().map(|head| head.contains("range: bytes=")).collect();
    assert_eq!(ranges, [false, true, true]);
}

#[test]
fn a_silent_server_is_given_up_and_resumed_from() {
    let (bytes, sha256) = payload();
    let (base, _requests) = serve(vec![Answer::Stall(bytes.clone(), 700_000), Answer::Ranged(bytes.clone())]);
    let dir = tempfile::tempdir().unwrap();
    let url = format!("{base}/file.bin");
    let remote = Remote { name: "file.bin", url: &url, bytes: 2_500_000, sha256: &sha256 };
    let watch = Watch { patience: Duration::from_millis(200), ..Watch::default() };
    assert_eq!(
        message(fetch(&remote, dir.path(), &watch), &base),
        "BASE/file.bin: nothing came for 200ms, expected 2500000 bytes, got 700000; try again, it resumes where it stopped"
    );
    assert_eq!(fs::read(dir.path().join("file.bin.part")).unwrap(), &bytes[..700_000]);
    assert_eq!(fs::read(fetch(&remote, dir.path(), &watch).unwrap()).unwrap(), bytes);
}

#[test]
fn an_interrupt_ends_it_at_once_and_keeps_what_came() {
    let (bytes, sha256) = payload();
    let (base, _requests) = serve(vec![Answer::Stall(bytes.clone(), 700_000), Answer::Ranged(bytes.clone())]);
    let dir = tempfile::tempdir().unwrap();
    let url = format!("{base}/file.bin");
    let remote = Remote { name: "file.bin", url: &url, bytes: 2_500_000, sha256: &sha256 };
    let flag = AtomicBool::new(false);
    let look = |p: Progress<'_>| flag.store(p.received == 700_000, Relaxed);
    let watch = Watch { progress: Some(&look), interrupt: Some(&flag), patience: Duration::MAX };
    assert_eq!(
        message(fetch(&remote, dir.path(), &watch), &base),
        "BASE/file.bin: interrupted, expected 2500000 bytes, got 700000; try again, it resumes where it stopped"
    );
    assert_eq!(fs::read(dir.path().join("file.bin.part")).unwrap(), &bytes[..700_000]);
    // It is seen before an answer comes, too, and the lock is free again.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = format!("http://{}/file.bin", silent.local_addr().unwrap());
    let waiting = fetch(&Remote { url: &nobody, ..remote }, dir.path(), &watch).unwrap_err();
    assert!(matches!(waiting, Error::Download(DownloadError::Interrupted { got: 700_000, .. })), "{waiting}");
    assert_eq!(fs::read(fetch(&remote, dir.path(), &Watch::default()).unwrap()).unwrap(), bytes);
}

#[test]
fn starts_over_when_the_server_ignores_or_refuses_the_range() {
    let (bytes, sha256) = payload();
    for answers in [
        vec![Answer::Whole(bytes.clone())],
        vec![Answer::Status("416 Range Not Satisfiable"), Answer::Ranged(bytes.clone())],
    ] {
        let (base, _requests) = serve(answers);
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("file.bin.part"), &bytes[..1000]).unwrap();
        assert_eq!(fs::read(fetch_from(&base, dir.path(), &sha256).unwrap()).unwrap(), bytes);
    }
}

#[test]
fn a_part_that_is_too_long_or_already_whole_is_dealt_with() {
    let (bytes, sha256) = payload();
    let (base, _requests) = serve(vec![Answer::Ranged(bytes.clone())]);
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("file.bin.part"), [&bytes[..], b"x"].concat()).unwrap();
    assert_eq!(fs::read(fetch_from(&base, dir.path(), &sha256).unwrap()).unwrap(), bytes);
    // Whole, but interrupted before it got its name: no request is needed.
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("file.bin.part"), &bytes).unwrap();
    assert_eq!(fs::read(fetch_from("http://nowhere.invalid", dir.path(), &sha256).unwrap()).unwrap(), bytes);
}

#[test]
fn a_wrong_checksum_removes_what_came() {
    let (bytes, got) = payload();
    let (base, _requests) = serve(vec![Answer::Ranged(bytes)]);
    let dir = tempfile::tempdir().unwrap();
    let expected = "0".repeat(64);
    assert_eq!(
        message(fetch_from(&base, dir.path(), &expected), &base),
        format!("BASE/file.bin: wrong checksum, expected sha-256 {expected}, got {got}; try again or another `mirror`")
    );
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn refusals_are_named_and_keep_what_came() {
    let (bytes, sha256) = payload();
    let dir = tempfile::tempdir().unwrap();
    let part = dir.path().join("file.bin.part");
    fs::write(&part, &bytes[..1000]).unwrap();
    let (base, _requests) = serve(vec![Answer::Status("404 Not Found"), Answer::Whole(b"moved".to_vec())]);
    let failed = |reason: &str| {
        format!(
            "BASE/file.bin: download failed, expected status 200 or 206, got {reason}; try again later or another \
             `mirror`"
        )
    };
    assert_eq!(message(fetch_from(&base, dir.path(), &sha256), &base), failed("status 404"));
    assert_eq!(fs::read(&part).unwrap(), &bytes[..1000]);
    assert_eq!(message(fetch_from(&base, dir.path(), &sha256), &base), failed("5 bytes where 2500000 are missing"));
    // A port that was just closed: nobody listens there.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let base = format!("http://{closed}");
    let refused = message(fetch_from(&base, dir.path(), &sha256), &base);
    assert!(refused.starts_with("BASE/file.bin: download failed, expected status 200 or 206, got "), "{refused}");
}

#[test]
fn two_at_once_are_kept_apart() {
    let dir = tempfile::tempdir().unwrap();
    let part = dir.path().join("file.bin.part");
    let other = File::create(&part).unwrap();
    other.lock().unwrap();
    let error = fetch_from("http://nowhere.invalid", dir.path(), "").unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "{}: another process is fetching this file, expected to be the only one; try again later",
            part.display()
        )
    );
}
