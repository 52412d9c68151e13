use serde::{Deserialize, Serialize};

use super::{Format, Missing, Unknown};

/// How the cells of a table become numbers, as learned from the training rows alone; but for the classes, which are all
/// labels of the file that the training rows are from.
///
/// It can be written as JSON and read again, and then encodes further tables as that one was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TableEncoding {
    pub(super) source: String,
    pub(super) header: bool,
    pub(super) delimiter: char,
    pub(super) missing: Missing,
    pub(super) missing_marks: Vec<String>,
    pub(super) unknown: Unknown,
    pub(super) columns: Vec<ColumnEncoding>,
}

/// A column of a table and what becomes of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ColumnEncoding {
    /// Its name in the header, or its place.
    pub name: String,
    /// What becomes of it.
    #[serde(flatten)]
    pub role: Role,
}

/// What becomes of a column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "role", rename_all = "kebab-case")]
pub enum Role {
    /// Nothing.
    Dropped,
    /// A number `x` becomes the input `(x - mean) / scale`, computed in double precision and rounded once.
    Number {
        /// What is subtracted.
        mean: f64,
        /// What is divided by.
        scale: f64,
        /// Whether `x` is the number in single precision. It is in double precision for a run in that precision, and where rounding
        /// would move the column's numbers by more than 1e-4 of their standard deviation, as with times in seconds since 1970.
        single: bool,
        /// What stands for a missing number.
        fill: Option<f64>,
        /// Whether an input follows that is 1 where the number is missing and 0 elsewhere.
        indicator: bool,
    },
    /// An input for each category, 1 for that of the row and 0 for all others.
    Categories {
        /// The categories in ascending order, as numbers if all are whole numbers, else as text.
        categories: Vec<String>,
        /// Whether a missing value is a further category, the last one.
        missing: bool,
    },
    /// The class to predict.
    Classes {
        /// The labels in ascending order, as numbers if all are whole numbers, else as text.
        classes: Vec<String>,
    },
    /// The number to predict.
    Values {
        /// Whether it is rounded to single precision when it is read.
        #[serde(default = "always")]
        single: bool,
    },
}

/// What runs of earlier versions did, which did not say so.
fn always() -> bool {
    true
}

impl Role {
    /// How many inputs a column becomes.
    pub fn width(&self) -> usize {
        match self {
            Self::Dropped | Self::Classes { .. } | Self::Values { .. } => 0,
            Self::Number { indicator, .. } => 1 + usize::from(*indicator),
            Self::Categories { categories, missing } => categories.len() + usize::from(*missing),
        }
    }

    /// Whether it is what is to be predicted.
    pub fn is_target(&self) -> bool {
        matches!(self, Self::Classes { .. } | Self::Values { .. })
    }
}

impl TableEncoding {
    /// How the text of a table is cut into cells.
    pub fn format(&self) -> Format {
        Format { header: self.header, delimiter: u8::try_from(self.delimiter).unwrap_or(b',') }
    }

    /// Every column of the table that it was learned from, in its order.
    pub fn columns(&self) -> &[ColumnEncoding] {
        &self.columns
    }

    /// The column to predict.
    pub fn target(&self) -> Option<&ColumnEncoding> {
        self.columns.iter().find(|column| column.role.is_target())
    }

    /// Whether all of its numbers are rounded to single precision when they are read.
    pub(crate) fn is_single(&self) -> bool {
        let is_double =
            |role: &Role| matches!(role, Role::Number { single: false, .. } | Role::Values { single: false });
        !self.columns.iter().any(|column| is_double(&column.role))
    }

    /// The number of inputs of a row.
    pub fn width(&self) -> usize {
        self.columns.iter().map(|column| column.role.width()).sum()
    }

    /// A name for each input: `age`, `age missing`, `colour = red`.
    pub fn input_names(&self) -> Vec<String> {
        let mut names = Vec::with_capacity(self.width());
        for ColumnEncoding { name, role } in &self.columns {
            match role {
                Role::Dropped | Role::Classes { .. } | Role::Values { .. } => {}
                Role::Number { indicator, .. } => {
                    names.push(name.clone());
                    names.extend(indicator.then(|| format!("{name} missing")));
                }
                Role::Categories { categories, missing } => {
                    names.extend(categories.iter().map(|category| format!("{name} = {category}")));
                    names.extend(missing.then(|| format!("{name} missing")));
                }
            }
        }
        names
    }

    /// Whether a cell lacks a value.
    pub(super) fn is_missing(&self, cell: &str) -> bool {
        // -999 and -999.0 are one mark.
        let number = |text: &str| {
            let begins = text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c));
            begins.then(|| text.parse::<f64>().ok()).flatten().filter(|number| number.is_finite())
        };
        let is_number = |mark: &str| number(mark).is_some_and(|mark| number(cell) == Some(mark));
        cell.is_empty() || self.missing_marks.iter().any(|mark| mark == cell || is_number(mark))
    }

    /// Whether a cell of the target lacks a label: `NA` may be a class where there is one of that name.
    pub(super) fn lacks_label(&self, cell: &str, classes: &[String]) -> bool {
        self.is_missing(cell) && !classes.iter().any(|class| class == cell)
    }
}
