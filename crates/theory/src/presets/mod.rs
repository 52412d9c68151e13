//! What can be asked for by name: the paper's figures with their printed settings, a run, and the phase map.

mod batches;
mod conditions;
mod curves;
mod figure_10;
mod figure_11;
mod figure_4;
mod figure_9;
mod phase_map;
mod single;
mod verdict;

use std::collections::BTreeMap;

use onedge_registry::{Entry, Error, Settings, Value, find};

pub use batches::CHOSEN;
pub use curves::{Convention, Curve, Curves, Quantity};
pub use verdict::{Claim, Verdict};

use crate::batches::Batches;
use crate::phase::Grid;

/// What comes of an entry.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// Runs side by side.
    Curves(Curves),
    /// A run for each cell of a grid, still to be made by [`map`](crate::phase::map): it may take long.
    Grid(Grid),
    /// Runs for each cell of sigma and batch size, still to be made by [`Batches::map`].
    Batches(Batches),
}

/// How an entry is worked out.
pub type Make = fn(&Settings) -> Result<Outcome, Error>;

/// Every entry.
pub const ALL: &[&Entry<Make>] = &[
    &figure_4::ENTRY,
    &figure_10::ENTRY,
    &figure_9::ENTRY,
    &figure_11::ENTRY,
    &phase_map::ENTRY,
    &batches::ENTRY,
    &single::ENTRY,
];

/// Works out the entry called `name` with the settings `given`; also says them all.
///
/// # Errors
/// An unknown name or key, or a value of the wrong type or out of range.
pub fn build(name: &str, given: BTreeMap<String, Value>) -> Result<(Outcome, Settings), Error> {
    let entry = find("theory", ALL, name)?;
    let settings = Settings::resolve(entry, given)?;
    Ok(((entry.build)(&settings)?, settings))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_is_documented_and_refuses_nonsense() {
        for entry in ALL {
            assert!(entry.doc.contains("Cost:") && !entry.summary.ends_with('.'), "{}", entry.name);
            for setting in entry.settings {
                assert!(!setting.help.is_empty(), "{}.{}", entry.name, setting.key);
                for bad in ["nonsense", "-7", "nan", "inf", "[nan]", "[]", "1e300"] {
                    let given = BTreeMap::from([(setting.key.to_owned(), Value::parse(bad))]);
                    // Either refused in one sentence, or worked out: never a panic.
                    if let Err(error) = build(entry.name, given) {
                        let message = error.to_string();
                        assert!(message.contains(setting.key) && message.lines().count() == 1, "{message}");
                    }
                }
            }
        }
        let error = build("figure-5", BTreeMap::new()).unwrap_err().to_string();
        assert!(
            error.starts_with("unknown theory `figure-5`, expected one of the known names; try `figure-"),
            "{error}"
        );
    }
}
