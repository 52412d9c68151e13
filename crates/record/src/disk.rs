//! What makes files last. Everything here that must survive a loss of power goes through a [`Disk`], so that tests can watch the
//! order of these calls and cut the power between them.

use std::fs::{self, File};
use std::io;
use std::path::Path;

/// The calls that decide what is there after a loss of power.
pub(crate) trait Disk: Send + Sync {
    /// Waits until all of a file, its size included, is on the disk.
    fn sync_file(&self, file: &File) -> io::Result<()>;
    /// Waits until what a file holds is on the disk.
    fn sync_data(&self, file: &File) -> io::Result<()>;
    /// Gives a file another name, in one step.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Waits until the names in the folder of `path` are on the disk.
    fn sync_folder_of(&self, path: &Path) -> io::Result<()>;
}

/// The disk of this machine.
pub(crate) static SYSTEM: System = System;

pub(crate) struct System;

impl Disk for System {
    fn sync_file(&self, file: &File) -> io::Result<()> {
        file.sync_all()
    }

    fn sync_data(&self, file: &File) -> io::Result<()> {
        file.sync_data()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    /// Only Unix has folders that can be synced.
    fn sync_folder_of(&self, path: &Path) -> io::Result<()> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
    }
}

#[cfg(test)]
pub(crate) mod doubles {
    use std::io::ErrorKind;
    use std::path::PathBuf;
    use std::sync::Mutex;

    use super::*;

    /// A disk whose power is cut after so many calls. What was not synced by then is empty afterwards, and a name that was given
    /// without its folder being synced may be the old one or the new one: the double keeps the new one, which is the worse case.
    pub(crate) struct PowerCut {
        after: usize,
        pub(crate) calls: Mutex<Vec<&'static str>>,
        synced: Mutex<bool>,
        renamed: Mutex<Option<PathBuf>>,
    }

    impl PowerCut {
        pub(crate) fn after(calls: usize) -> &'static Self {
            Box::leak(Box::new(Self {
                after: calls,
                calls: Mutex::default(),
                synced: Mutex::default(),
                renamed: Mutex::default(),
            }))
        }

        /// Whether the power is still there; if not, what was not synced is lost.
        fn call(&self, name: &'static str) -> io::Result<()> {
            let mut calls = self.calls.lock().unwrap();
            if calls.len() == self.after {
                if let (false, Some(path)) = (*self.synced.lock().unwrap(), &*self.renamed.lock().unwrap()) {
                    File::create(path).unwrap();
                }
                return Err(ErrorKind::Other.into());
            }
            calls.push(name);
            Ok(())
        }
    }

    impl Disk for PowerCut {
        fn sync_file(&self, _: &File) -> io::Result<()> {
            self.call("sync file")?;
            *self.synced.lock().unwrap() = true;
            Ok(())
        }

        fn sync_data(&self, _: &File) -> io::Result<()> {
            self.call("sync data")
        }

        fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
            self.call("rename")?;
            *self.renamed.lock().unwrap() = Some(to.to_owned());
            fs::rename(from, to)
        }

        fn sync_folder_of(&self, _: &Path) -> io::Result<()> {
            self.call("sync folder")
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::os::fd::OwnedFd;

    use super::*;

    /// Whether the system is asked at all: it refuses to sync a pipe, and the folder of a path that leads nowhere.
    #[test]
    fn the_system_is_asked() {
        let (reader, _writer) = io::pipe().unwrap();
        let pipe = File::from(OwnedFd::from(reader));
        assert!(SYSTEM.sync_file(&pipe).is_err() && SYSTEM.sync_data(&pipe).is_err());
        let root = tempfile::tempdir().unwrap();
        assert!(SYSTEM.sync_folder_of(&root.path().join("missing/file")).is_err());
        SYSTEM.sync_folder_of(&root.path().join("file")).unwrap();
        SYSTEM.sync_folder_of(Path::new("file")).unwrap();
    }
}
