use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use super::{cache, crop, decode};
use crate::{Context, Error, ImageError, Progress, Unit, dataset};

/// The images in `files`, `[n, 3, size, size]` in levels from 0 to 255, called `origin` in errors and progress: of each
/// the shorter side is brought to `size * 256 / 224` pixels, and the middle taken, upright.
///
/// With a cache folder in the context what was decoded is kept in it, and read from there as long as no file has changed
/// its size or time. A damaged cache is written anew; one that cannot be written is a warning.
///
/// # Errors
/// The first of `files` that cannot be used, whatever the number of threads; sizes that do not fit memory;
/// [`ImageError::Stopped`].
pub fn load(origin: &str, files: &[&Path], size: usize, context: &Context<'_>) -> Result<Vec<f32>, Error> {
    let features = dataset::product(origin, &[3, size, size])?;
    let mut inputs = dataset::allocate(origin, &[files.len(), features])?;
    inputs.resize(files.len() * features, 0.0);
    let kept =
        context.cache_dir.map(|folder| cache::Cache::new(&folder.join("image-folder"), files, size)).transpose()?;
    if kept.as_ref().is_some_and(|kept| kept.read(&mut inputs)) {
        return Ok(inputs);
    }
    decode_all(origin, files, size, &mut inputs, context)?;
    if let Some(kept) = kept
        && let Err(error) = kept.write(&inputs)
        && let Some(warn) = context.warn
    {
        warn(&format!("{error}; the images are used all the same, and decoded again next time"));
    }
    Ok(inputs)
}

fn decode_all(
    origin: &str,
    files: &[&Path],
    size: usize,
    inputs: &mut [f32],
    context: &Context<'_>,
) -> Result<(), Error> {
    let threads = match context.threads {
        0 => thread::available_parallelism().map_or(1, usize::from),
        threads => threads,
    };
    let queue = Mutex::new(files.iter().zip(inputs.chunks_exact_mut(3 * size * size)).enumerate());
    let stop = AtomicBool::new(false);
    let (done, heard) = channel();
    // Files are taken in order, and whoever has taken one finishes it: so the first that fails is always found.
    let work = |done: std::sync::mpsc::Sender<_>| {
        while !stop.load(Ordering::Relaxed) {
            let next = queue.lock().unwrap_or_else(std::sync::PoisonError::into_inner).next();
            let Some((place, (file, out))) = next else { break };
            let result = decode::decode(file).map(|image| crop::crop(&image, size, out));
            if result.is_err() {
                stop.store(true, Ordering::Relaxed);
            }
            // Whoever listened has gone only if it panicked.
            let _ = done.send((place, result));
        }
    };
    let (mut failed, mut got, mut interrupted): (Option<(usize, Error)>, usize, bool) = (None, 0, false);
    thread::scope(|scope| {
        for _ in 0..threads.min(files.len()) {
            let done = done.clone();
            scope.spawn(|| work(done));
        }
        drop(done);
        loop {
            match heard.recv_timeout(Duration::from_millis(50)) {
                Ok((_, Ok(()))) => {
                    got += 1;
                    if let Some(progress) = context.watch.progress {
                        let (received, total) = (got as u64, files.len() as u64);
                        progress(Progress { file: origin, unit: Unit::Images, received, total });
                    }
                }
                Ok((place, Err(error))) => {
                    if failed.as_ref().is_none_or(|(first, _)| place < *first) {
                        failed = Some((place, error));
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if context.watch.interrupt.is_some_and(|flag| flag.load(Ordering::Relaxed)) {
                interrupted = true;
                stop.store(true, Ordering::Relaxed);
            }
        }
    });
    match failed {
        Some((_, error)) => Err(error),
        None if interrupted && got < files.len() => {
            Err(Error::Image(ImageError::Stopped { origin: origin.to_owned(), expected: files.len(), got }))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::fs;
    use std::path::PathBuf;

    use super::*;
    use crate::Watch;
    use crate::readers::images::samples::{Jpeg, jpeg, png};

    fn files(folder: &Path, count: usize) -> Vec<PathBuf> {
        let write = |i: usize| {
            let path = folder.join(format!("{i}.png"));
            let level = (10 * i % 256) as u8;
            fs::write(&path, png(3, 2, &[level; 18])).unwrap();
            path
        };
        (0..count).map(write).collect()
    }

    fn borrowed(files: &[PathBuf]) -> Vec<&Path> {
        files.iter().map(PathBuf::as_path).collect()
    }

    #[test]
    fn any_number_of_threads_gives_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let mut files = files(folder.path(), 9);
        files.push(folder.path().join("photo.jpg"));
        fs::write(&files[9], jpeg(40, 30, |x, y| [(6 * x) as u8, (8 * y) as u8, 70], Jpeg::default())).unwrap();
        let with = |threads| load("set", &borrowed(&files), 5, &Context { threads, ..Context::default() }).unwrap();
        let one = with(1);
        assert_eq!((one.len(), &one[75 * 3..75 * 4]), (750, &[30.0; 75][..]));
        assert_eq!((&with(3), &with(0), &with(64)), (&one, &one, &one));
    }

    #[test]
    fn the_first_file_that_fails_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let files = files(folder.path(), 40);
        for bad in [31, 7, 8, 22] {
            fs::write(&files[bad], "GIF89a").unwrap();
        }
        for threads in [1, 2, 8] {
            let context = Context { threads, ..Context::default() };
            let message = load("set", &borrowed(&files), 5, &context).unwrap_err().to_string();
            assert!(
                message.ends_with(
                    "7.png: a GIF image by its first bytes, expected PNG or JPEG; try converting it, or fetching it again"
                ),
                "{message}"
            );
        }
    }

    #[test]
    fn progress_is_told_and_may_end_it() {
        let folder = tempfile::tempdir().unwrap();
        let files = files(folder.path(), 5);
        let seen = RefCell::new(Vec::new());
        let look = |p: Progress<'_>| seen.borrow_mut().push((p.unit, p.received, p.total));
        let context = |flag| {
            let watch = Watch { progress: Some(&look), interrupt: flag, ..Watch::default() };
            Context { watch, threads: 1, ..Context::default() }
        };
        load("set", &borrowed(&files), 2, &context(None)).unwrap();
        assert_eq!(*seen.borrow(), [1, 2, 3, 4, 5].map(|n| (Unit::Images, n, 5)));
        let many: Vec<&Path> = (0..100_000).map(|i| files[i % 5].as_path()).collect();
        let message = load("set", &many, 2, &context(Some(&AtomicBool::new(true)))).unwrap_err().to_string();
        assert!(message.starts_with("set: interrupted, expected 100000 images, got "), "{message}");
    }

    #[test]
    fn what_no_machine_holds_is_refused() {
        let files = vec![Path::new("none.png"); 1000];
        let message = load("set", &files, 1 << 25, &Context::default()).unwrap_err().to_string();
        assert!(message.starts_with("set: sizes 1000 x 3377699720527872 are too large"), "{message}");
    }
}
