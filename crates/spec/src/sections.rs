use onedge_registry::{Error, Setting};

use crate::Catalogue;
use crate::settings::{DIAGNOSTICS, ENGINE, EVALUATION, L2};

/// One section of a spec.
#[derive(Debug)]
pub struct Section {
    /// `[key]` in the file.
    pub key: &'static str,
    /// What it chooses, and which entry if the file does not say; `None` for a section of plain settings.
    pub choice: Option<Choice>,
    /// The settings it takes whatever it chooses.
    pub own: &'static [Setting],
    /// The settings it takes with the entry of that name.
    pub settings: fn(&Catalogue, &str) -> Result<Vec<Setting>, Error>,
}

/// What a section chooses by its `name`.
#[derive(Debug)]
pub struct Choice {
    /// For errors: "tuner".
    pub what: &'static str,
    /// The entry if the file does not say.
    pub default: &'static str,
}

/// Every section, in the order in which specs are printed.
pub const ALL: &[Section] = &[
    Section {
        key: "data",
        choice: Some(Choice { what: "data set", default: "digits" }),
        own: &[],
        settings: |catalogue, name| Ok(catalogue.settings("data", name)?.to_vec()),
    },
    Section {
        key: "model",
        choice: Some(Choice { what: "model", default: "mlp" }),
        own: &[],
        settings: |catalogue, name| Ok(catalogue.settings("model", name)?.to_vec()),
    },
    Section {
        key: "loss",
        choice: Some(Choice { what: "loss", default: "cross-entropy" }),
        own: &[L2],
        settings: |catalogue, name| Ok([catalogue.settings("loss", name)?, &[L2]].concat()),
    },
    Section {
        key: "optimizer",
        choice: Some(Choice { what: "optimizer", default: "gd" }),
        own: &[],
        settings: |catalogue, name| Ok(catalogue.settings("optimizer", name)?.to_vec()),
    },
    Section {
        key: "tuner",
        choice: Some(Choice { what: "tuner", default: "cdat" }),
        own: &[],
        settings: |catalogue, name| Ok(catalogue.settings("tuner", name)?.to_vec()),
    },
    Section {
        key: "diagnostics",
        choice: None,
        own: DIAGNOSTICS,
        settings: |catalogue, _| Ok(catalogue.diagnostics_settings()),
    },
    Section { key: "evaluation", choice: None, own: EVALUATION, settings: |_, _| Ok(EVALUATION.to_vec()) },
    Section { key: "engine", choice: None, own: ENGINE, settings: |_, _| Ok(ENGINE.to_vec()) },
];

/// The section `[provenance]` says where a resolved spec came from; it is read back and changes nothing.
pub const PROVENANCE: &str = "provenance";

/// Whether `[key]` chooses an entry by name.
pub fn is_choice(key: &str) -> bool {
    default_name(key).is_some()
}

/// The entry that `[key]` chooses if nothing is said.
pub fn default_name(key: &str) -> Option<&'static str> {
    let section = ALL.iter().find(|section| section.key == key)?;
    section.choice.as_ref().map(|choice| choice.default)
}
