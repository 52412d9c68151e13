use std::collections::BTreeSet;
use std::path::Path;

use super::own_file;
use crate::Error;

/// The file in a run's folder with its tags, one a line.
pub(super) const FILE: &str = "tags";

/// The tags of the run in a folder.
pub(super) fn read(folder: &Path) -> Result<BTreeSet<String>, Error> {
    Ok(own_file::read(folder, FILE)?.split_whitespace().map(str::to_owned).collect())
}
