use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use crate::Error;

/// The file in a run's folder with its tags, one a line.
pub(super) const FILE: &str = "tags";

/// The tags of the run in a folder.
pub(super) fn read(folder: &Path) -> Result<BTreeSet<String>, Error> {
    let path = folder.join(FILE);
    match fs::read_to_string(&path) {
        Ok(text) => Ok(text.split_whitespace().map(str::to_owned).collect()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(BTreeSet::new()),
        Err(error) => Err(Error::read(&path)(error)),
    }
}
