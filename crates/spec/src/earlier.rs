//! What runs of earlier versions meant by a section that they wrote down.

use std::collections::BTreeMap;

use onedge_registry::{Default, PRESET, Setting, Value};

use crate::Document;
use crate::sections::PROVENANCE;

/// The entries that were the paper's alone in an earlier version.
const LATER_PRESETS: [(&str, &str); 11] = [
    ("tuner", "cdat"),
    ("tuner", "dog"),
    ("tuner", "dowg"),
    ("tuner", "pal"),
    ("tuner", "sls"),
    ("optimizer", "adamw"),
    ("optimizer", "d-adapt-sgd"),
    ("optimizer", "mechanic"),
    ("optimizer", "prodigy"),
    ("optimizer", "schedule-free-adamw"),
    ("optimizer", "schedule-free-sgd"),
];

/// Puts into `given` what a run did not write down, as its version knew one way alone.
pub(crate) fn complete(document: &Document, section: &str, name: &str, given: &mut BTreeMap<String, Value>) {
    // Runs write down all settings of an entry; one that was chosen afterwards has none but those that were set with it.
    let set = |key: &str| document.is_overridden(&format!("{section}.{key}"));
    let is_of_run = document.sections.contains_key(PROVENANCE) && given.keys().any(|key| !set(key));
    let paper = Value::Text("paper".to_owned());
    if is_of_run && (section, name) == ("model", "nanolm") && given.get(PRESET) == Some(&paper) {
        given.entry("embed_init".to_owned()).or_insert_with(|| Value::Text("gpt".to_owned()));
    }
    if is_of_run && !set(PRESET) && LATER_PRESETS.contains(&(section, name)) {
        given.entry(PRESET.to_owned()).or_insert(paper);
    }
}

/// Takes from `given` what a run wrote down of its preset, where another one is set over it, or it is removed: the numbers are then those of that preset.
/// What is set itself stays.
pub(crate) fn drop_numbers(document: &Document, section: &str, known: &[Setting], given: &mut BTreeMap<String, Value>) {
    let set = |key: &str| document.is_overridden(&format!("{section}.{key}"));
    if document.sections.contains_key(PROVENANCE) && set(PRESET) {
        let of_preset = |key: &str| known.iter().any(|s| s.key == key && matches!(s.default, Default::Presets(_)));
        given.retain(|key, _| set(key) || !of_preset(key));
    }
}
