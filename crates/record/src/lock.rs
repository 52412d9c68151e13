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

/// What came of asking for a lock.
#[derive(Debug)]
#[must_use]
pub enum Taken {
    /// It is ours.
    Held(RunLock),
    /// Another process has it.
    Elsewhere,
    /// The file system gives no locks (NFS without its lock daemon, some of those that machines share), or not this one: nobody can be told to have it.
    Without(io::Error),
}

impl RunLock {
    /// Takes the lock of the run in `folder`.
    ///
    /// # Errors
    /// Those of making its file.
    pub fn take(folder: &Path) -> io::Result<Taken> {
        Self::take_by(folder, |file| lock_within(file, PATIENCE))
    }

    fn take_by(folder: &Path, lock: impl FnOnce(&File) -> io::Result<bool>) -> io::Result<Taken> {
        let file = lock_file(&folder.join(RUN_LOCK))?;
        Ok(match lock(&file) {
            Ok(true) => Taken::Held(Self { _file: file }),
            Ok(false) => Taken::Elsewhere,
            Err(error) => Taken::Without(error),
        })
    }

    /// Whether a process holds the lock of the run in `folder`. Without the file nobody does.
    pub fn is_held(folder: &Path) -> bool {
        let path = folder.join(RUN_LOCK);
        // To open a pipe would wait for whoever writes to it.
        if !path.symlink_metadata().is_ok_and(|file| file.is_file()) {
            return false;
        }
        let Ok(file) = File::open(path) else { return false };
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
        let held = RunLock::take(folder.path()).unwrap();
        assert!(matches!(held, Taken::Held(_)) && RunLock::is_held(folder.path()));
        assert!(matches!(RunLock::take(folder.path()).unwrap(), Taken::Elsewhere));
        drop(held);
        assert!(!RunLock::is_held(folder.path()));
        assert!(matches!(RunLock::take(folder.path()).unwrap(), Taken::Held(_)));
    }

    #[test]
    fn a_file_system_without_locks_is_none_of_its_callers_errors() {
        let folder = tempfile::tempdir().unwrap();
        // Of Linux: ENOLCK, ENOSYS, EOPNOTSUPP.
        for code in [37, 38, 95] {
            let taken = RunLock::take_by(folder.path(), |_| Err(io::Error::from_raw_os_error(code))).unwrap();
            assert!(matches!(taken, Taken::Without(error) if error.raw_os_error() == Some(code)));
        }
        // Where its file cannot be made nothing else can be written.
        assert!(RunLock::take(&folder.path().join("missing")).is_err());
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
