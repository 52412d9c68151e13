//! What the fuzz targets share: files with given contents, and data sets made of them.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use onedge_data::{Context, datasets};
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
pub fn load(name: &str, settings: &[(&str, String)]) {
    let given: BTreeMap<String, Value> =
        settings.iter().map(|(key, value)| ((*key).to_owned(), Value::parse(value))).collect();
    match datasets::load(name, given, &Context::default()) {
        Ok(split) => assert!(split.train.inputs().iter().all(|x| x.is_finite()), "an input that is no number"),
        Err(error) => told(&error),
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
