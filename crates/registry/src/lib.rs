//! Named, documented, configurable things: the table rows behind every optimizer, tuner, model and data set.
//!
//! Knows nothing about what an entry builds. A registry is a constant slice of [`Entry`]; command line help,
//! documentation tables, spec validation and contract tests all iterate over such slices.
#![forbid(unsafe_code)]

mod error;
mod nearest;
mod settings;
mod value;

pub use error::Error;
pub use nearest::{near, nearest};
pub use settings::{Settings, setting};
pub use value::{Kind, Value};

/// One named thing: what it is called, what it does, which settings it takes and how it is made.
#[derive(Debug)]
pub struct Entry<B: 'static> {
    /// The name used in specs and on the command line, in kebab case.
    pub name: &'static str,
    /// One line for listings, without a final dot.
    pub summary: &'static str,
    /// Formula, conventions and source, as plain text.
    pub doc: &'static str,
    /// The settings it accepts, in the order in which they are shown.
    pub settings: &'static [Setting],
    /// How it is built from resolved [`Settings`].
    pub build: B,
}

/// One setting of an [`Entry`].
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// The key, in snake case.
    pub key: &'static str,
    /// The type of its value.
    pub kind: Kind,
    /// What happens when the key is not given.
    pub default: Default,
    /// One line for listings, without a final dot.
    pub help: &'static str,
}

/// What a setting is when its key is not given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Default {
    /// The key must be given.
    Required,
    /// The key may be absent, and then has no value.
    Absent,
    /// The value, written as in a spec: `0.9`, `true`, `relu`, `[256, 256]`.
    Is(&'static str),
    /// One value for each [`PRESET`] of the entry, by name; absent under one that is not among them.
    Presets(&'static [(&'static str, &'static str)]),
}

/// The key of the setting that says which of several sets of defaults an entry takes.
pub const PRESET: &str = "preset";

impl Default {
    /// The value under the preset `preset`; `None` where there is no default, or none under that preset.
    pub fn under(&self, preset: &str) -> Option<&'static str> {
        match self {
            Self::Required | Self::Absent => None,
            Self::Is(text) => Some(text),
            Self::Presets(values) => values.iter().find(|(name, _)| *name == preset).map(|(_, text)| *text),
        }
    }
}

/// The entry called `name`, or an error that lists the nearest known names. `what` says what is looked up ("tuner").
pub fn find<'a, B>(what: &'static str, entries: &[&'a Entry<B>], name: &str) -> Result<&'a Entry<B>, Error> {
    entries.iter().copied().find(|entry| entry.name == name).ok_or_else(|| {
        let known: Vec<&str> = entries.iter().map(|entry| entry.name).collect();
        Error::UnknownName { what, name: name.to_owned(), nearest: nearest(name, &known) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    static ONE: Entry<()> = Entry { name: "momentum", summary: "", doc: "", settings: &[], build: () };
    static TWO: Entry<()> = Entry { name: "rmsprop", summary: "", doc: "", settings: &[], build: () };

    #[test]
    fn finds_by_name_and_suggests_the_nearest() {
        assert_eq!(find("optimizer", &[&ONE, &TWO], "rmsprop").unwrap().name, "rmsprop");
        let error = find("optimizer", &[&ONE, &TWO], "rmspro").unwrap_err();
        assert_eq!(error.to_string(), "unknown optimizer `rmspro`, expected one of the known names; try `rmsprop`");
    }
}
