//! What data hold, remembered for as long as none of their files changes, so that a sweep that is done need not read them.

use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use onedge_registry::Value;
use onedge_spec::{Part, Spec};
use onedge_text::hex;
use sha2::{Digest, Sha256};

use crate::data_sets::precision;

/// Folders with more files are read anew.
const MOST_FILES: usize = 1_000_000;
/// A file that was changed so recently may change again without its times telling.
const SETTLED: Duration = Duration::from_secs(2);

/// The place in `cache` of what the data of `spec`, with paths as in `part`, hold.
pub(crate) struct Place(PathBuf);

impl Place {
    /// `None` where that is not to be told by looking at files alone: for data sets of other programs, files that are not there or
    /// were changed just now, and systems that do not say when a file was changed.
    pub(crate) fn of(spec: &Spec, part: &Part, cache: Option<&Path>) -> Option<Self> {
        let cache = cache?;
        onedge_data::datasets::ALL.iter().find(|entry| entry.name == part.name)?;
        let mut hash = Sha256::new();
        let mut add = |text: &str| {
            hash.update((text.len() as u64).to_le_bytes());
            hash.update(text);
        };
        add(env!("CARGO_PKG_VERSION"));
        add(&part.name);
        // Digits that only double precision has are content.
        add(&format!("{:?}", precision(spec)));
        let mut roots = Vec::new();
        for (key, value) in part.settings.iter() {
            add(key);
            match value {
                Value::Text(path) if spec.files.iter().any(|file| file.key == key) => roots.push(PathBuf::from(path)),
                value => add(&value.to_string()),
            }
        }
        if roots.is_empty() {
            // A download.
            roots.push(cache.join(&part.name));
        }
        let (mut files, mut left) = (Vec::new(), MOST_FILES);
        for root in &roots {
            list(root, root, &mut files, &mut left)?;
        }
        let settled = SystemTime::now().checked_sub(SETTLED)?;
        for (name, file) in &files {
            let (changed, stamp) = stamp(file)?;
            if changed > settled {
                return None;
            }
            add(&format!("{} {stamp}", name.display()));
        }
        Some(Self(cache.join("contents").join(hex(hash.finalize()))))
    }

    /// What was remembered, if it is whole.
    pub(crate) fn read(&self) -> Option<String> {
        let text = fs::read_to_string(&self.0).ok()?;
        (text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(text)
    }

    /// Remembers. What cannot be written is read again the next time.
    pub(crate) fn write(&self, content: &str) {
        let Some(folder) = self.0.parent() else { return };
        if fs::create_dir_all(folder).is_ok() {
            drop(onedge_record::write_whole(&self.0, content.as_bytes()));
        }
    }
}

/// All files at `path`, in the order of their names, each as seen from `root`. `None` if one cannot be looked at, or they are too many.
fn list(root: &Path, path: &Path, files: &mut Vec<(PathBuf, Metadata)>, left: &mut usize) -> Option<()> {
    *left = left.checked_sub(1)?;
    let metadata = fs::metadata(path).ok()?;
    let is_folder = metadata.is_dir();
    files.push((path.strip_prefix(root).ok()?.to_owned(), metadata));
    if is_folder {
        let mut inside: Vec<PathBuf> =
            fs::read_dir(path).ok()?.map(|entry| Some(entry.ok()?.path())).collect::<Option<_>>()?;
        inside.sort();
        inside.iter().try_for_each(|path| list(root, path, files, left))?;
    }
    Some(())
}

/// When a file was last changed, and all that changes with it.
#[cfg(unix)]
fn stamp(file: &Metadata) -> Option<(SystemTime, String)> {
    use std::os::unix::fs::MetadataExt;
    let since = Duration::new(u64::try_from(file.ctime()).ok()?, u32::try_from(file.ctime_nsec()).ok()?);
    let stamp = [file.size() as i64, file.mtime(), file.mtime_nsec(), file.ctime(), file.ctime_nsec()];
    Some((SystemTime::UNIX_EPOCH.checked_add(since)?, format!("{stamp:?} {} {}", file.dev(), file.ino())))
}

#[cfg(not(unix))]
fn stamp(_: &Metadata) -> Option<(SystemTime, String)> {
    None
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use onedge_spec::Document;

    fn place(cache: &Path, table: &Path, text: &str) -> Option<Place> {
        let text = format!("[data]\nname = \"csv\"\npath = {:?}\n{text}", table.display().to_string());
        let spec = Spec::resolve(&Document::parse("a.toml", &text).unwrap()).unwrap();
        Place::of(&spec, &spec.data, Some(cache))
    }

    #[test]
    fn what_was_changed_just_now_is_not_remembered() {
        let folder = tempfile::tempdir().unwrap();
        let table = folder.path().join("t.csv");
        assert!(place(folder.path(), &table, "").is_none(), "nor what is not there");
        fs::write(&table, "1,2\n").unwrap();
        assert!(place(folder.path(), &table, "").is_none());
    }

    #[test]
    fn settings_and_files_have_places_of_their_own() {
        let cache = tempfile::tempdir().unwrap();
        // No tables, but files that nobody changes while tests run.
        let of = |file: &str, text: &str| {
            place(cache.path(), &Path::new(env!("CARGO_MANIFEST_DIR")).join(file), text).unwrap()
        };
        let kept = of("Cargo.toml", "");
        assert_eq!(of("Cargo.toml", "").0, kept.0);
        for other in [of("Cargo.toml", "header = false\n"), of("src/lib.rs", ""), of("src", "")] {
            assert_ne!(other.0, kept.0);
        }
        assert_eq!(kept.read(), None);
        kept.write(&"0a".repeat(32));
        assert_eq!(kept.read().unwrap(), "0a".repeat(32));
        fs::write(&kept.0, "cut off").unwrap();
        assert_eq!(kept.read(), None);
    }
}
