//! What runs of earlier versions meant by a section that they wrote down.

use std::collections::BTreeMap;

use onedge_registry::{PRESET, Value};

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
    // Runs write down all settings of an entry; one that was chosen afterwards begins with none.
    let is_of_run = document.sections.contains_key(PROVENANCE)
        && !given.is_empty()
        && !document.is_overridden(&format!("{section}.name"));
    let paper = Value::Text("paper".to_owned());
    if is_of_run && (section, name) == ("model", "nanolm") && given.get(PRESET) == Some(&paper) {
        given.entry("embed_init".to_owned()).or_insert_with(|| Value::Text("gpt".to_owned()));
    }
    if is_of_run && LATER_PRESETS.contains(&(section, name)) {
        given.entry(PRESET.to_owned()).or_insert(paper);
    }
}
