/// What is wrong with a table. `origin` is a path or the name of a data set.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// A row of a table has too few or too many cells.
    #[error("{origin}:{line}: ragged row, expected {expected} cells, got {got}; try checking the delimiter and quotes")]
    Ragged {
        /// The file.
        origin: String,
        /// The line, from 1.
        line: u64,
        /// The cells of the first row.
        expected: usize,
        /// The cells of this row.
        got: usize,
    },
    /// A table without inputs, most often one with another delimiter.
    #[error("{origin}:{line}: only one column, expected a target and one input or more, got `{row}`; try {advice}")]
    OneColumn {
        /// The file.
        origin: String,
        /// The line of the first row, from 1.
        line: u64,
        /// The only cell of that row.
        row: String,
        /// What to do about it.
        advice: String,
    },
    /// A quoted cell that does not end where a cell may end.
    #[error(
        "{origin}:{line}: a double quote opens a cell, expected one that closes it, got {got}; try closing it, or \
         removing it"
    )]
    Quote {
        /// The file.
        origin: String,
        /// The line, from 1, on which the quote opens.
        line: u64,
        /// What there is instead.
        got: String,
    },
    /// A cell of a table that does not hold what its column asks for.
    #[error("{origin}:{line}: column {column} (`{name}`): expected {expected}, got `{cell}`; try {advice}")]
    Cell {
        /// The file.
        origin: String,
        /// The line, from 1.
        line: u64,
        /// The column, from 0.
        column: usize,
        /// The name of the column.
        name: String,
        /// What it must hold.
        expected: &'static str,
        /// What it holds.
        cell: String,
        /// What to do about it.
        advice: Box<str>,
    },
    /// A column that cannot be used as it is.
    #[error("{origin}: column {column} (`{name}`): expected {expected}, got {got}; try {advice}")]
    Unusable {
        /// The file.
        origin: String,
        /// The column, from 0.
        column: usize,
        /// The name of the column.
        name: String,
        /// What it must be.
        expected: Box<str>,
        /// What it is.
        got: Box<str>,
        /// What to do about it.
        advice: Box<str>,
    },
    /// A column that the table does not have.
    #[error("{origin}: no column `{column}`, expected one of {known}; try {nearest}")]
    Column {
        /// The file.
        origin: String,
        /// The column asked for.
        column: String,
        /// The columns there are.
        known: String,
        /// The nearest of them.
        nearest: String,
    },
}
