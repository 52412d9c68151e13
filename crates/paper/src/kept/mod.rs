//! What figures need of finished runs, in few and small files: runs can be thrown away, and figures be drawn and judged again
//! by anybody who has no time to train.
//!
//! A file `PROBLEM-TUNER.json.gz` holds an array of [`KeptRun`]. A run is known there by the settings it was asked for with
//! and by what its data held, not by its digest, which changes with every setting that a later version adds.

mod columns;
mod compact;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use onedge_record::write_whole;
use onedge_run::Finished;

use crate::Error;
use crate::comparison::Wanted;

pub use compact::KeptRun;

const ENDING: &str = ".json.gz";
/// More than any such file unpacks to.
const LARGEST: u64 = 1 << 28;

/// The runs that a folder keeps.
#[derive(Debug)]
pub struct Kept {
    folder: PathBuf,
    /// The runs of every file, by the file's name, in the order of what they were asked for.
    files: BTreeMap<String, BTreeMap<(String, Option<String>), KeptRun>>,
    /// The files that have runs which are not written yet.
    changed: Vec<String>,
}

impl Kept {
    /// What lies in a folder; nothing where there is none.
    ///
    /// # Errors
    /// A file that cannot be read, or holds no runs.
    pub fn read(folder: &Path) -> Result<Self, Error> {
        let mut kept = Self { folder: folder.to_owned(), files: BTreeMap::new(), changed: Vec::new() };
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(kept),
            Err(error) => return Err(Error::read(folder)(error)),
        };
        for entry in entries {
            let path = entry.map_err(Error::read(folder))?.path();
            let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
            if name.ends_with(ENDING) {
                let runs = read(&path)?.into_iter().map(|run| ((run.asks.clone(), run.content.clone()), run));
                kept.files.insert(name.to_owned(), runs.collect());
            }
        }
        Ok(kept)
    }

    /// How many runs there are.
    pub fn len(&self) -> usize {
        self.files.values().map(BTreeMap::len).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The run that is wanted. Where it is not known what the data hold, as they are not there, it is that on any data, if there is one
    /// alone.
    pub fn find(&self, wanted: &Wanted) -> Option<&KeptRun> {
        let runs = self.files.get(&file_name(wanted))?;
        let content = &wanted.spec.content;
        if content.is_some() || !wanted.spec.reads_files() {
            return runs.get(&(wanted.asks.clone(), content.clone()));
        }
        let mut found = runs.values().filter(|run| run.asks == wanted.asks);
        found.next().filter(|_| found.next().is_none())
    }

    /// Adds a run, or has it take the place of the same one.
    pub fn add(&mut self, wanted: &Wanted, finished: &Finished) {
        let run = KeptRun::of(&wanted.asks, wanted.spec.content.as_deref(), finished);
        let (name, key) = (file_name(wanted), (run.asks.clone(), run.content.clone()));
        let runs = self.files.entry(name.clone()).or_default();
        if runs.insert(key, run.clone()).as_ref() != Some(&run) && !self.changed.contains(&name) {
            self.changed.push(name);
        }
    }

    /// Writes what was added; the same runs make the same bytes.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn write(&mut self) -> Result<(), Error> {
        for name in std::mem::take(&mut self.changed) {
            let path = self.folder.join(&name);
            fs::create_dir_all(&self.folder).map_err(Error::write(&self.folder))?;
            let runs: Vec<&KeptRun> = self.files[&name].values().collect();
            let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
            // A run a line.
            for (place, run) in runs.iter().enumerate() {
                let lead = if place == 0 { "[" } else { ",\n" };
                let text = serde_json::to_string(run).map_err(|error| Error::write(&path)(error.into()))?;
                encoder.write_all(format!("{lead}{text}").as_bytes()).map_err(Error::write(&path))?;
            }
            encoder.write_all(b"]\n").map_err(Error::write(&path))?;
            write_whole(&path, &encoder.finish().map_err(Error::write(&path))?)?;
        }
        Ok(())
    }
}

/// The file that a run belongs in: that of its problem and tuner, with which its name begins.
fn file_name(wanted: &Wanted) -> String {
    let mut words = wanted.spec.name.split(' ');
    let (problem, tuner) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    format!("{}{ENDING}", onedge_run::file_name(&format!("{problem}-{tuner}")))
}

fn read(path: &Path) -> Result<Vec<KeptRun>, Error> {
    let bytes = fs::read(path).map_err(Error::read(path))?;
    let mut text = Vec::new();
    GzDecoder::new(&bytes[..]).take(LARGEST).read_to_end(&mut text).map_err(Error::read(path))?;
    let runs: Vec<KeptRun> =
        serde_json::from_slice(&text).map_err(|source| Error::KeptRuns { path: path.to_owned(), source })?;
    match runs.iter().find(|run| !run.is_whole()) {
        Some(run) => Err(Error::KeptRun { path: path.to_owned(), run: run.run.clone() }),
        None => Ok(runs),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::samples::falling;
    use onedge_spec::{Document, Spec};

    fn wanted(seed: u64) -> Wanted {
        let mut document = Document::empty("test");
        document.set("name=net-gd cdat sigma=2").unwrap();
        document.set(&format!("seed={seed}")).unwrap();
        Wanted { spec: Spec::resolve(&document).unwrap(), asks: format!("seed={seed}") }
    }

    #[test]
    fn what_is_kept_can_be_found_again() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("small");
        let mut kept = Kept::read(&folder).unwrap();
        assert!(kept.is_empty() && kept.find(&wanted(1)).is_none());
        kept.add(&wanted(2), &falling(0.25));
        kept.add(&wanted(1), &falling(0.5));
        kept.write().unwrap();
        let path = folder.join("net-gd-cdat.json.gz");
        let bytes = fs::read(&path).unwrap();
        let mut again = Kept::read(&folder).unwrap();
        assert_eq!((again.len(), again.find(&wanted(3))), (2, None));
        assert_eq!(again.find(&wanted(1)).unwrap().summary.final_loss, Some(0.5));
        // The same in another order, and added once more.
        again.add(&wanted(1), &falling(0.5));
        assert!(again.changed.is_empty());
        fs::remove_file(&path).unwrap();
        let mut other = Kept::read(&folder).unwrap();
        other.add(&wanted(1), &falling(0.5));
        other.add(&wanted(2), &falling(0.25));
        other.write().unwrap();
        assert_eq!(fs::read(&path).unwrap(), bytes);
    }

    #[test]
    fn what_holds_no_runs_is_named() {
        let place = tempfile::tempdir().unwrap();
        fs::write(place.path().join("a.json.gz"), b"nonsense").unwrap();
        assert!(Kept::read(place.path()).unwrap_err().to_string().contains("a.json.gz: "));
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(b"{}").unwrap();
        fs::write(place.path().join("a.json.gz"), encoder.finish().unwrap()).unwrap();
        let error = Kept::read(place.path()).unwrap_err();
        assert!(error.is_misuse() && error.to_string().contains("no runs of figures"), "{error}");
    }
}
