use serde::{Deserialize, Serialize};

use crate::transforms::Scale;
use crate::{Precision, Task};

/// A column of a table.
#[derive(Debug, Clone, PartialEq)]
pub enum Column {
    /// The last one.
    Last,
    /// By place, from 0.
    Index(usize),
    /// By its name in the header.
    Name(String),
}

/// What is asked of an encoding before it is learned.
#[derive(Debug, Clone, PartialEq)]
pub struct Rules {
    /// The column to predict; all others are inputs.
    pub target: Column,
    /// What the target holds: labels or numbers. Each distinct label is a class; classes are numbered in ascending order of their
    /// labels, as numbers if all are whole numbers, else as text.
    pub task: Task,
    /// Whether any text is a label: also numbers with fractions, one number in several spellings, marks of a missing value, labels that
    /// hardly any two rows share.
    pub any_label: bool,
    /// Columns to leave out.
    pub drop: Vec<String>,
    /// Columns of numbers that stand for categories, as postal codes do.
    pub categorical: Vec<String>,
    /// What is done where a value is missing.
    pub missing: Missing,
    /// What a missing value is written as, beside nothing at all.
    pub missing_marks: Vec<String>,
    /// Whether a column of numbers that lacks some gets a second one, 1 where the number is missing and 0 elsewhere.
    pub missing_indicator: bool,
    /// What is done with a category that no training row has.
    pub unknown: Unknown,
    /// The most categories of a column.
    pub categories: usize,
    /// How numbers are scaled; categories and indicators are 0 and 1.
    pub scale: Scale,
    /// The number that [`Scale::Unit`] maps to 1.
    pub full_scale: Option<f32>,
    /// In which precision inputs and targets are wanted.
    pub precision: Precision,
}

/// What is done where a value is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Missing {
    /// It is an error.
    Error,
    /// A number becomes the mean of its column over the training rows, a text a category of its own.
    Mean,
    /// A number becomes the median of its column over the training rows, a text a category of its own.
    Median,
    /// The row is left out.
    DropRow,
}

/// What is done with a category that no training row has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unknown {
    /// It is an error.
    Error,
    /// It is none of the known ones: all their columns are 0.
    Zeros,
}

/// What a missing value is commonly written as, beside nothing at all: those of pandas' `read_csv` that no one writes for
/// anything else, and the `?` of the UCI repository.
pub const MARKS: [&str; 8] = ["NA", "N/A", "NaN", "nan", "NULL", "null", "#N/A", "?"];

/// The most categories of a column unless told otherwise. Ours: a column of more texts is most often a name or an id.
pub const CATEGORIES: usize = 100;

impl Rules {
    /// Every column an input as it is, a missing value an error.
    pub fn plain(target: Column, task: Task) -> Self {
        Self {
            target,
            task,
            any_label: false,
            drop: Vec::new(),
            categorical: Vec::new(),
            missing: Missing::Error,
            missing_marks: MARKS.map(str::to_owned).to_vec(),
            missing_indicator: false,
            unknown: Unknown::Error,
            categories: CATEGORIES,
            scale: Scale::None,
            full_scale: None,
            precision: Precision::Single,
        }
    }
}
