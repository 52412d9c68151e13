use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use super::entry::Entry;
use super::{Found, Store, own_file};
use crate::Error;
use onedge_record::write_whole;

/// The file in a run's folder with what somebody noted of it, on one line.
pub(super) const FILE: &str = "note";
/// A note has so many characters at most.
const LONGEST: usize = 2000;

/// What was noted of the run in a folder, if anything was.
pub(super) fn read(folder: &Path) -> Result<Option<String>, Error> {
    let text = on_one_line(&own_file::read(folder, FILE)?);
    Ok(Some(text).filter(|text| !text.is_empty()))
}

fn on_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl Store {
    /// Notes something of a run, in the place of an earlier note, in its folder and in the index; nothing but spaces takes the note away.
    /// Lines become one. Returns the note that the run then has.
    ///
    /// # Errors
    /// [`Error::Note`], [`Write`](onedge_record::Error::Write).
    pub fn note(&mut self, run: &Found, text: &str) -> Result<String, Error> {
        let text = on_one_line(text);
        if text.chars().count() > LONGEST || text.chars().any(char::is_control) {
            return Err(Error::Note { most: LONGEST, got: text.chars().count() });
        }
        let path = run.path.join(FILE);
        // What lies elsewhere is not written either.
        own_file::find(&run.path, FILE)?;
        if text.is_empty() {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(Error::write(&path)(error)),
                _ => {}
            }
        } else {
            write_whole(&path, format!("{text}\n").as_bytes())?;
        }
        let entry = Entry::read(self.root(), &run.folder, self.catalogue());
        self.attempt(|index| index.change(|change| change.put(&entry)))?;
        Ok(text)
    }
}
