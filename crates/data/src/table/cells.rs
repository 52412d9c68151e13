use std::borrow::Cow;
use std::path::Path;

use onedge_registry::nearest;

use super::places::{Ends, RowLines};
use super::{Column, columns, quotes};
use crate::excerpt::{excerpt, list};
use crate::readers::{Content, Source, Unpacked};
use crate::{Error, ExamplesError, TableError};

/// How the text of a table is cut into cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Format {
    /// Whether the first line names the columns; without it they are called `0`, `1` and so on.
    pub header: bool,
    /// What separates cells, a comma or another single byte.
    pub delimiter: u8,
}

/// What is read here.
const TABLE: &str = "a table of comma-separated values";

/// The cells of a table as text, without white space around them, each row with its line.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    origin: String,
    format: Format,
    names: Vec<String>,
    /// The line of the first row, be it a header or not.
    top: u64,
    /// All cells, one after the other, and where each of them ends.
    bytes: Vec<u8>,
    ends: Ends,
    lines: RowLines,
}

impl Table {
    /// The table in a text file, plain or gzip'd, with double quotes round cells that need them. Empty lines are skipped.
    ///
    /// # Errors
    /// A missing or empty file, [`TableError::Quote`], [`TableError::Ragged`], a header that is an example.
    pub fn read(path: &Path, format: Format) -> Result<Self, Error> {
        Self::read_up_to(path, format, Unpacked::Usual)
    }

    /// The same, with another limit on what a gzip'd file may hold.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_up_to(path: &Path, format: Format, unpacked: Unpacked) -> Result<Self, Error> {
        Self::of(Source::open(path, TABLE, "another path", unpacked)?, format)
    }

    /// The table in `source`.
    pub(crate) fn of(mut source: Source, format: Format) -> Result<Self, Error> {
        source.require(Content::Table, TABLE)?;
        let (origin, text) = (source.origin().to_owned(), source.text()?);
        quotes::check(&origin, &text, format.delimiter)?;
        let (names, top) = (Vec::new(), 1);
        let (ends, lines) = (Ends::up_to(text.len()), RowLines::default());
        let mut table = Self { origin, format, names, top, bytes: Vec::new(), ends, lines };
        let mut reader = ::csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(format.delimiter)
            .trim(::csv::Trim::All)
            .from_reader(&text[..]);
        let mut row = ::csv::ByteRecord::new();
        let mut lines = Lines { text: &text, at: 0, line: 1 };
        // Rows of any length and any bytes are records, and memory can always be read: there is no other error.
        while reader.read_byte_record(&mut row).unwrap_or(false) {
            let line = lines.of(row.position().map_or(0, |position| position.byte() as usize));
            if table.names.is_empty() {
                table.start(&row, line)?;
                if format.header {
                    continue;
                }
            }
            if row.len() != table.names.len() {
                let expected = table.names.len();
                return Err(Error::Table(TableError::Ragged { origin: table.origin, line, expected, got: row.len() }));
            }
            for cell in &row {
                table.bytes.extend_from_slice(cell);
                table.ends.push(table.bytes.len());
            }
            table.lines.push(line);
        }
        if table.rows() == 0 {
            return Err(table.no_examples());
        }
        Ok(table)
    }

    /// What it is called in errors: a path or a name.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The same table by another name: for tests.
    #[cfg(test)]
    pub(super) fn called(self, origin: &str) -> Self {
        Self { origin: origin.to_owned(), ..self }
    }

    /// How it was cut into cells.
    pub fn format(&self) -> Format {
        self.format
    }

    /// The columns, in their order.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The number of rows, the header apart.
    pub fn rows(&self) -> usize {
        self.lines.rows()
    }

    /// The line of a row, from 1.
    ///
    /// # Panics
    /// Here and below: for a row or a column that the table does not have.
    pub fn line(&self, row: usize) -> u64 {
        self.lines.of(row)
    }

    /// A cell; what is no UTF-8 in it is replaced.
    pub fn cell(&self, row: usize, column: usize) -> Cow<'_, str> {
        String::from_utf8_lossy(self.cell_bytes(row, column))
    }

    /// The same, as it is in the file.
    pub fn cell_bytes(&self, row: usize, column: usize) -> &[u8] {
        assert!(column < self.names.len(), "column {column} of {}", self.names.len());
        let place = row * self.names.len() + column;
        &self.bytes[self.ends.range(place)]
    }

    /// A cell as text that must be told from other text: two cells could come out as the same if bytes were replaced.
    pub(super) fn text(&self, row: usize, column: usize, expected: &'static str) -> Result<&str, Error> {
        let utf8 = std::str::from_utf8(self.cell_bytes(row, column));
        utf8.map_err(|_| self.bad_cell(row, column, expected, "saving the table as UTF-8"))
    }

    /// Where `column` is.
    pub(super) fn find(&self, column: &Column) -> Result<usize, Error> {
        let place = match column {
            Column::Last => self.names.len().checked_sub(1),
            Column::Index(index) => (*index < self.names.len()).then_some(*index),
            Column::Name(name) => self.names.iter().position(|other| other == name),
        };
        place.ok_or_else(|| {
            let known: Vec<&str> = self.names.iter().map(String::as_str).collect();
            let quoted = |names: &[&str]| list(names.iter().copied());
            let (column, try_these) = match column {
                Column::Name(name) => (excerpt(name), nearest(name, &known)),
                Column::Index(index) => (index.to_string(), vec![known.len().saturating_sub(1).to_string()]),
                Column::Last => ("last".to_owned(), Vec::new()),
            };
            let near: Vec<&str> = try_these.iter().map(String::as_str).collect();
            Error::Table(TableError::Column {
                origin: self.origin.clone(),
                column,
                known: quoted(&known),
                nearest: quoted(&near),
            })
        })
    }

    pub(super) fn bad_cell(
        &self,
        row: usize,
        column: usize,
        expected: &'static str,
        advice: impl Into<Box<str>>,
    ) -> Error {
        self.bad_text(self.line(row), column, &self.cell(row, column), expected, advice.into())
    }

    /// A sentence about a whole column.
    pub(super) fn about_column(&self, column: usize, remark: &str) -> String {
        format!("{}: column {column} (`{}`): {remark}", self.origin, excerpt(&self.names[column]))
    }

    /// The error about a whole column.
    pub(super) fn bad_column(
        &self,
        column: usize,
        expected: impl Into<Box<str>>,
        got: impl Into<Box<str>>,
        advice: impl Into<Box<str>>,
    ) -> Error {
        Error::Table(TableError::Unusable {
            origin: self.origin.clone(),
            column,
            name: excerpt(&self.names[column]),
            expected: expected.into(),
            got: got.into(),
            advice: advice.into(),
        })
    }

    /// The error for a header that is an example.
    pub(super) fn header_is_data(&self) -> Error {
        let number = self.names.iter().position(|name| name.parse::<f64>().is_ok()).unwrap_or_default();
        let (expected, advice) = ("the name of a column", "`header = false`".into());
        self.bad_text(self.top, number, &self.names[number], expected, advice)
    }

    /// Checks that there is a column to predict and one to predict it from.
    pub(super) fn require_two(&self) -> Result<(), Error> {
        let row = if self.format.header { Cow::Borrowed(self.names[0].as_str()) } else { self.cell(0, 0) };
        columns::require_two(&self.origin, self.top, self.names.len(), &row, self.format.delimiter)
    }

    pub(super) fn no_examples(&self) -> Error {
        Error::Examples(ExamplesError::NoExamples { origin: self.origin.clone() })
    }

    fn bad_text(&self, line: u64, column: usize, cell: &str, expected: &'static str, advice: Box<str>) -> Error {
        let (name, cell) = (excerpt(&self.names[column]), excerpt(cell));
        Error::Table(TableError::Cell { origin: self.origin.clone(), line, column, name, expected, cell, advice })
    }

    /// Takes the names from the first row, or the places if it is no header.
    fn start(&mut self, row: &::csv::ByteRecord, line: u64) -> Result<(), Error> {
        let cells: Vec<Cow<'_, str>> = row.iter().map(String::from_utf8_lossy).collect();
        self.top = line;
        self.names = (0..cells.len()).map(|column| column.to_string()).collect();
        if self.format.header {
            // Places as names ("0,1,2,...") are a header that some tools write; any other row of numbers is an example.
            let numbers = cells.iter().all(|cell| cell.parse::<f64>().is_ok());
            if numbers && cells != self.names {
                let (expected, advice) = ("the name of a column", "`header = false`".into());
                return Err(self.bad_text(line, 0, &cells[0], expected, advice));
            }
            self.names = cells.iter().map(ToString::to_string).collect();
        }
        Ok(())
    }
}

/// Counts lines on the way through a text.
struct Lines<'a> {
    text: &'a [u8],
    at: usize,
    line: u64,
}

impl Lines<'_> {
    /// The line, from 1, of the row that was found `at` this byte, or after empty lines there. Rows come in their order.
    fn of(&mut self, at: usize) -> u64 {
        let empty = self.text[at..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        self.line += quotes::line_ends(self.text, self.at..at + empty);
        self.at = at + empty;
        self.line
    }
}
