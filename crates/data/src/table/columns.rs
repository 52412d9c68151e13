use std::collections::{HashMap, HashSet};

use crate::excerpt::excerpt;
use crate::{Error, ExamplesError, TableError};

/// A column that a table should have.
pub struct Wanted<'a> {
    /// What it is called.
    pub name: &'a str,
    /// Whether the table is of no use without it.
    pub needed: bool,
}

/// For each of the columns `wanted`, which are those of the table called `like`, its place in the table called `origin`.
///
/// # Errors
/// [`ExamplesError::Mismatch`] if a column that is needed is missing or one is there that is not wanted; if columns are in another
/// order with a name that is there twice.
pub fn arrange(origin: &str, names: &[String], like: &str, wanted: &[Wanted<'_>]) -> Result<Vec<Option<usize>>, Error> {
    if names.iter().eq(wanted.iter().map(|wanted| wanted.name)) {
        return Ok((0..names.len()).map(Some).collect());
    }
    let here: HashMap<&str, usize> = names.iter().enumerate().map(|(place, name)| (name.as_str(), place)).collect();
    let there: HashSet<&str> = wanted.iter().map(|wanted| wanted.name).collect();
    let missing = wanted.iter().find(|wanted| wanted.needed && !here.contains_key(wanted.name));
    let missing = missing.map(|wanted| excerpt(wanted.name));
    let extra = names.iter().find(|name| !there.contains(name.as_str())).map(|name| excerpt(name));
    let (expected, got) = match (missing, extra) {
        (Some(missing), Some(extra)) => (format!("a column `{missing}`"), format!("`{extra}` instead")),
        (Some(missing), None) => (format!("a column `{missing}`"), "none of that name".to_owned()),
        (None, Some(extra)) => (format!("no column `{extra}`"), "one".to_owned()),
        // Names that are there twice do not say which column is which.
        (None, None) if here.len() < names.len() || there.len() < wanted.len() => {
            ("the same order, as a name is there twice".to_owned(), "another".to_owned())
        }
        (None, None) => return Ok(wanted.iter().map(|wanted| here.get(wanted.name).copied()).collect()),
    };
    let what = format!("columns differ from those of {like}");
    Err(Error::Examples(ExamplesError::Mismatch { origin: origin.to_owned(), what, expected, got }))
}

/// Checks that there is a column to predict and one to predict it from.
///
/// # Errors
/// [`TableError::OneColumn`], which names the delimiter that the first row seems to have.
pub fn require_two(origin: &str, line: u64, columns: usize, row: &str, delimiter: u8) -> Result<(), Error> {
    if columns > 1 {
        return Ok(());
    }
    let count = |c: char| row.chars().filter(|&other| other == c).count();
    let likely = [',', ';', '\t', '|'].into_iter().filter(|&c| c != char::from(delimiter) && count(c) > 0);
    let advice = match likely.max_by_key(|&c| count(c)) {
        Some('\t') => "`delimiter = \"tab\"`".to_owned(),
        Some(c) => format!("`delimiter = \"{c}\"`"),
        None => "another `delimiter` or a table with inputs".to_owned(),
    };
    Err(Error::Table(TableError::OneColumn { origin: origin.to_owned(), line, row: excerpt(row), advice }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arranged(names: &str, wanted: &str) -> Result<Vec<usize>, String> {
        let list = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        // `y` is not needed.
        let wanted: Vec<Wanted<'_>> = wanted.split(' ').map(|name| Wanted { name, needed: name != "y" }).collect();
        let arranged = arrange("test.csv", &list(names), "train.csv", &wanted).map_err(|e| e.to_string())?;
        Ok(arranged.into_iter().map(|place| place.unwrap_or(usize::MAX)).collect())
    }

    #[test]
    fn columns_are_matched_by_name() {
        assert_eq!(arranged("a b y", "a b y").unwrap(), [0, 1, 2]);
        assert_eq!(arranged("b y a", "a b y").unwrap(), [2, 0, 1]);
        assert_eq!(arranged("b a", "a b y").unwrap(), [1, 0, usize::MAX]);
        // Twice the same name is no trouble in the same order.
        assert_eq!(arranged("a a y", "a a y").unwrap(), [0, 1, 2]);
    }

    #[test]
    fn other_columns_are_named() {
        for (names, wanted, expected, got) in [
            ("a c y", "a b y", "a column `b`", "`c` instead"),
            ("a y", "a b y", "a column `b`", "none of that name"),
            ("a b y z", "a b y", "no column `z`", "one"),
            ("a y a", "a a y", "the same order, as a name is there twice", "another"),
        ] {
            assert_eq!(
                arranged(names, wanted).unwrap_err(),
                format!(
                    "test.csv: columns differ from those of train.csv, expected {expected}, got {got}; try files that \
                     belong together"
                )
            );
        }
    }
}
