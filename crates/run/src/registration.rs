use std::path::{Path, PathBuf};
use std::process;
use std::time::{SystemTime, UNIX_EPOCH};

use onedge_record::{Register, RunDirectory, RunLock};
use onedge_registry::Value;
use onedge_text::hex;
use sha2::{Digest, Sha256};

use crate::Error;
use crate::stop_request::StopRequest;

/// A run that goes on: it holds the lock of its folder, and whoever keeps an index of runs was told of it. The index follows
/// from the folders, so nothing that goes wrong with it ends a run.
pub(crate) struct Registration<'a> {
    register: Option<&'a dyn Register>,
    folder: PathBuf,
    lock: Option<RunLock>,
    stop: StopRequest,
}

impl<'a> Registration<'a> {
    /// Takes the lock of the new run in `folder`, of which `register` is told.
    ///
    /// # Errors
    /// [`Running`](onedge_record::Error::Running) if another process has it. A file system without locks is no error, but told to `warn`.
    pub(crate) fn begin(register: Option<&'a dyn Register>, folder: &Path, warn: &dyn Fn(&str)) -> Result<Self, Error> {
        let lock = RunDirectory::at(folder).lock(&mut |sentence| warn(sentence))?;
        Ok(Self::of(register, folder, lock))
    }

    /// Of a run in `folder` that is locked already, where the file system knows locks.
    pub(crate) fn of(register: Option<&'a dyn Register>, folder: &Path, lock: Option<RunLock>) -> Self {
        let stop = StopRequest::heed(RunDirectory::at(folder));
        Self { register, folder: folder.to_owned(), lock, stop }
    }

    /// Whether the run is to end, as somebody asked for by a file in its folder.
    pub(crate) fn is_to_stop(&mut self) -> bool {
        self.stop.is_made()
    }

    /// What the spec of the run says beside its settings: `id` and `started`.
    pub(crate) fn provenance(&self) -> [(String, Value); 2] {
        let now = SystemTime::now();
        let nanos = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        let host = gethostname::gethostname();
        let unique = hex(Sha256::digest(format!("{host:?} {} {nanos} {}", process::id(), self.folder.display())));
        let started = humantime::format_rfc3339_seconds(now).to_string();
        [("id", unique[..8].to_owned()), ("started", started)].map(|(key, text)| (key.to_owned(), Value::Text(text)))
    }

    /// Tells the index of the run, once its spec is written.
    pub(crate) fn enter(&self, warn: &dyn Fn(&str)) {
        let Some(register) = self.register else { return };
        if let Err(error) = register.note(&self.folder) {
            warn(&format!("{error}; the run goes on, and is found by its folder"));
        }
    }

    /// Lets go of the lock and tells the index how the run ended, once its summary is written.
    pub(crate) fn end(mut self, warn: &dyn Fn(&str)) {
        drop(self.lock.take());
        // Asked for when there was nothing left to end; whoever asks later sees that nobody has the lock.
        RunDirectory::at(&self.folder).forget_stop_request();
        self.enter(warn);
    }
}
