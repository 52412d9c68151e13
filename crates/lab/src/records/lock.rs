use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use crate::Error;

/// Held by the process that does a run, for as long as it does; the system lets go of it when the process ends, however it
/// ends. So a run that is neither locked nor summarised was killed.
///
/// It is advice that other programs may ignore. Where the file system knows no locks, a run goes without.
#[derive(Debug)]
pub struct RunLock {
    _file: File,
}

/// Whoever looks whether a run is locked holds the lock for a moment: so often, and with such pauses, it is tried.
const TRIES: u32 = 20;
const PAUSE: Duration = Duration::from_millis(10);

impl RunLock {
    /// Takes the lock at `path`, in the folder of a run.
    ///
    /// # Errors
    /// [`Error::Running`] if another process holds it; [`Error::Write`].
    pub(super) fn take(path: &Path) -> Result<Self, Error> {
        let file =
            OpenOptions::new().write(true).create(true).truncate(false).open(path).map_err(Error::write(path))?;
        for _ in 0..TRIES {
            match file.try_lock() {
                Err(TryLockError::WouldBlock) => sleep(PAUSE),
                Ok(()) | Err(TryLockError::Error(_)) => return Ok(Self { _file: file }),
            }
        }
        Err(Error::Running(path.parent().unwrap_or(path).to_owned()))
    }

    /// Whether a process holds the lock at `path`.
    pub(super) fn is_taken(path: &Path) -> bool {
        File::open(path).is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        assert!(!RunLock::is_taken(&path));
        let first = RunLock::take(&path).unwrap();
        assert!(RunLock::is_taken(&path));
        let message = RunLock::take(&path).unwrap_err().to_string();
        assert!(message.ends_with(": another process is at this run; try again when it has ended"), "{message}");
        drop(first);
        assert!(!RunLock::is_taken(&path));
        let looking = File::open(&path).unwrap();
        looking.try_lock_shared().unwrap();
        assert!(!RunLock::is_taken(&path), "looking is not running");
        drop(looking);
        RunLock::take(&path).unwrap();
    }
}
