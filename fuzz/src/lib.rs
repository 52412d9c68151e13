//! What the fuzz targets share: files with given contents, and data sets made of them.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use onedge_data::{Context, Precision, Split, Summary, datasets};
use onedge_registry::Value;

thread_local! {
    static FOLDER: OnceCell<tempfile::TempDir> = const { OnceCell::new() };
}

/// Calls `look` with a folder of this process that has files with these contents in it.
pub fn with_files(files: &[(&str, &[u8])], look: impl FnOnce(&Path)) {
    FOLDER.with(|folder| {
        let folder = folder.get_or_init(|| tempfile::tempdir().expect("a folder for files")).path();
        for (name, bytes) in files {
            let path = folder.join(name);
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent).expect("a folder for files");
            }
            fs::write(path, bytes).expect("room for a file");
        }
        look(folder);
    });
}

/// Reads a data set; what is wrong with it must be told in a sentence.
pub fn load(name: &str, settings: &[(&str, String)]) -> Option<Split> {
    load_in(Precision::Single, name, settings)
}

/// The same in a precision; what is told of it along the way is one line each.
pub fn load_in(precision: Precision, name: &str, settings: &[(&str, String)]) -> Option<Split> {
    let hear = |sentence: &str| assert!(!sentence.contains(char::is_control), "{sentence:?}");
    let context = Context { precision, warn: Some(&hear), tell: Some(&hear), ..Context::default() };
    let given: BTreeMap<String, Value> =
        settings.iter().map(|(key, value)| ((*key).to_owned(), Value::parse(value))).collect();
    match datasets::load(name, given, &context) {
        Ok(split) => {
            let Summary { train, .. } = Summary::of(name, &split);
            let ranges = std::iter::once(train.inputs).chain(train.values);
            let told = ranges.flat_map(|range| [range.smallest, range.largest, range.mean]);
            assert!(told.into_iter().all(f64::is_finite), "a number that is none");
            Some(split)
        }
        Err(error) => {
            told(&error);
            None
        }
    }
}

/// An error is a sentence of sensible length.
pub fn told(error: &dyn std::error::Error) {
    let text = error.to_string();
    assert!(!text.is_empty() && text.len() < 20_000, "{} bytes of message", text.len());
}

/// The `n`-th of a list of settings, by a byte of the input.
pub fn choose<'a>(byte: u8, from: &[&'a str]) -> &'a str {
    from[usize::from(byte) % from.len()]
}
