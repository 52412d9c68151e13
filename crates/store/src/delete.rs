use std::fs;
use std::path::Path;

use super::entry::Entry;
use super::{Found, Store};
use crate::Error;
use onedge_record::RunDirectory;

/// A run is moved here before its files are removed one by one, so that it is there whole or not at all.
const REMAINS: &str = ".deleted-";

impl Store {
    /// Deletes a run for good, folder and all, and returns how many bytes its files had.
    ///
    /// # Errors
    /// [`Running`](onedge_record::Error::Running) while a process is at it; [`Write`](onedge_record::Error::Write).
    pub fn delete(&mut self, run: &Found) -> Result<u64, Error> {
        // Held so that nobody goes on with the run meanwhile; a file system without locks knows no running ones.
        let mut notes = Vec::new();
        let lock = RunDirectory::at(&run.path).lock(&mut |note| notes.push(note.to_owned()))?;
        self.note_once(notes);
        let entry = Entry::read(self.root(), &run.folder, self.catalogue());
        let bytes = entry.files().iter().map(|(_, bytes)| bytes).sum();
        let id = entry.text("id").unwrap_or_default();
        let remains = self.root().join(format!("{REMAINS}{id}-{}", std::process::id()));
        fs::rename(&run.path, &remains).map_err(Error::write(&run.path))?;
        drop(lock);
        self.attempt(|index| index.change(|change| change.remove(&run.folder)))?;
        fs::remove_dir_all(&remains).map_err(Error::write(&remains))?;
        Ok(bytes)
    }
}

/// Removes what deletions that were cut short left in the root.
pub(super) fn clear_remains(root: &Path) {
    for child in fs::read_dir(root).into_iter().flatten().flatten() {
        if child.file_name().to_string_lossy().starts_with(REMAINS) {
            // Another process may be at it; what stays is hidden.
            let _ = fs::remove_dir_all(child.path());
        }
    }
}
