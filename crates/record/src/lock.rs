use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// The file in a run's folder that its process holds locked: the system lets go of it however the process ends.
pub const RUN_LOCK: &str = "lock";

/// Whoever asks whether a run goes on holds its lock for an instant.
const PATIENCE: Duration = Duration::from_millis(200);

/// The right to write to a run's folder, held until it is dropped or the process ends, however it ends. So a run that is
/// neither locked nor summarised was killed. It is advice that other programs may ignore.
#[derive(Debug)]
pub struct RunLock {
    _file: File,
}

impl RunLock {
    /// Takes the lock of the run in `folder`; `None` if another process has it.
    ///
    /// # Errors
    /// Those of the file system, which may know no locks.
    pub fn take(folder: &Path) -> io::Result<Option<Self>> {
        let file = lock_file(&folder.join(RUN_LOCK))?;
        Ok(lock_within(&file, PATIENCE)?.then_some(Self { _file: file }))
    }

    /// Whether a process holds the lock of the run in `folder`. Without the file nobody does.
    pub fn is_held(folder: &Path) -> bool {
        let Ok(file) = File::open(folder.join(RUN_LOCK)) else { return false };
        matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
    }
}

/// A file to be locked; nothing is ever written to it.
pub fn lock_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(false).open(path)
}

/// Waits for the lock of `file`, for so long; `false` if somebody still has it then.
pub fn lock_within(file: &File, patience: Duration) -> io::Result<bool> {
    let started = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(true),
            Err(TryLockError::WouldBlock) if started.elapsed() >= patience => return Ok(false),
            Err(TryLockError::WouldBlock) => sleep(Duration::from_millis(2)),
            Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Interrupted => {}
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holder_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!RunLock::is_held(folder.path()), "no file, no holder");
        let held = RunLock::take(folder.path()).unwrap().unwrap();
        assert!(RunLock::is_held(folder.path()));
        assert!(RunLock::take(folder.path()).unwrap().is_none());
        drop(held);
        assert!(!RunLock::is_held(folder.path()));
        RunLock::take(folder.path()).unwrap().unwrap();
    }

    #[test]
    fn a_lock_is_waited_for_as_long_as_patience_lasts() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("lock");
        let (held, wanted) = (lock_file(&path).unwrap(), lock_file(&path).unwrap());
        assert!(lock_within(&held, Duration::ZERO).unwrap());
        assert!(!lock_within(&wanted, Duration::ZERO).unwrap(), "somebody else has it");
        let holder = std::thread::spawn(move || {
            sleep(Duration::from_millis(20));
            drop(held);
        });
        assert!(lock_within(&wanted, Duration::from_secs(60)).unwrap(), "it is let go of while we wait");
        holder.join().unwrap();
    }
}
