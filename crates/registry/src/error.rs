use crate::value::Kind;

/// What can be wrong with a name or a setting.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// No entry of that name.
    #[error("unknown {what} `{name}`, expected one of the known names; try {}", or_list(nearest))]
    UnknownName {
        /// What was looked up.
        what: &'static str,
        /// The name given.
        name: String,
        /// Known names, nearest first.
        nearest: Vec<String>,
    },
    /// A key that the entry does not take.
    #[error("{owner}: unknown key `{key}`, expected one of its settings; try {}", or_list(nearest))]
    UnknownKey {
        /// The entry or section.
        owner: String,
        /// The key given.
        key: String,
        /// Known keys, nearest first.
        nearest: Vec<String>,
    },
    /// A required key is missing.
    #[error("{owner}: `{key}` is not set, expected {expected}; try `{key} = ...`")]
    MissingKey {
        /// The entry or section.
        owner: String,
        /// The key that is missing.
        key: String,
        /// The type it must have.
        expected: Kind,
    },
    /// A value of the wrong type.
    #[error("{owner}.{key}: expected {expected}, got {got}{}", in_quotes(*expected, got))]
    WrongType {
        /// The entry or section.
        owner: String,
        /// The key.
        key: String,
        /// The type it must have.
        expected: Kind,
        /// The value given, as text.
        got: String,
    },
    /// A value of the right type outside its range.
    #[error("{owner}.{key}: expected {expected}, got {got}")]
    OutOfRange {
        /// The entry or section.
        owner: String,
        /// The key.
        key: String,
        /// The range, in words.
        expected: String,
        /// The value given, as text.
        got: String,
    },
}

/// What looks like a number or a flag is text in quotes.
fn in_quotes(expected: Kind, got: &str) -> &'static str {
    let is_plain = !got.starts_with(['"', '[']);
    if matches!(expected, Kind::Text | Kind::Path) && is_plain { "; try it in quotes" } else { "" }
}

fn or_list(names: &[String]) -> String {
    if names.is_empty() {
        return "removing it (there are no settings)".to_owned();
    }
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(" or ")
}
