use std::collections::BTreeMap;
use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::Error;
use crate::writer::open_at_end;
use onedge_spec::Machine;

/// That a run was continued: a line of `resumed.jsonl`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resumption {
    /// The first step that was taken, from the checkpoint of that step.
    pub step: u64,
    /// How many steps the run is to take in all, from now on.
    pub steps: u64,
    /// The version of this library.
    pub version: String,
    /// Operating system and architecture.
    pub system: String,
    /// The processor.
    pub processor: String,
    /// Threads of the machine.
    pub threads: usize,
    /// Where files of data are from now on, by dotted key; a relative place is seen from the folder of the run.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<String, Vec<PathBuf>>,
}

impl Resumption {
    /// On this machine.
    pub fn here(step: u64, steps: u64) -> Self {
        let Machine { version, system, processor, threads } = Machine::this();
        Self { step, steps, version, system, processor, threads, files: BTreeMap::new() }
    }

    /// Appends it to the file at `path`.
    pub(super) fn append(&self, path: &Path) -> Result<(), Error> {
        let mut line = serde_json::to_vec(self).map_err(|error| Error::write(path)(error.into()))?;
        line.push(b'\n');
        let written = open_at_end(path).and_then(|mut file| {
            file.write_all(&line)?;
            file.sync_all()
        });
        written.map_err(Error::write(path))
    }

    /// All in the file at `path`, in their order. A line that a kill or a full disk cut off is left out: nothing was done
    /// after it.
    pub(super) fn read(path: &Path) -> Result<Vec<Self>, Error> {
        match fs::read(path) {
            Ok(bytes) => {
                let text = String::from_utf8_lossy(&bytes);
                Ok(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(Error::read(path)(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_added_whatever_was_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("resumed.jsonl");
        assert_eq!(Resumption::read(&path).unwrap(), []);
        Resumption::here(10, 50).append(&path).unwrap();
        let text = fs::read(&path).unwrap();
        fs::write(&path, [&text[..], &text[..7]].concat()).unwrap();
        Resumption::here(20, 90).append(&path).unwrap();
        assert_eq!(Resumption::read(&path).unwrap(), [Resumption::here(10, 50), Resumption::here(20, 90)]);
    }
}
