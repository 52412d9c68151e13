use std::path::Path;

use onedge_registry::nearest;

use super::{Source, columns, quotes};
use crate::excerpt::{excerpt, list};
use crate::{Dataset, Error, ExamplesError, Split, TableError, Targets, Task};

/// How a table is to be read.
#[derive(Debug, Clone, PartialEq)]
pub struct Csv {
    /// The column to predict; all others are inputs.
    pub target: Column,
    /// What the target holds: labels, which may be any text, or numbers. Each distinct label is a class; classes are
    /// numbered in ascending order of their labels, as numbers if all are whole numbers, else as text.
    pub task: Task,
    /// Whether the first line names the columns.
    pub header: bool,
    /// What separates cells, a comma or another single byte.
    pub delimiter: u8,
}

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

/// The table in a text file, plain or gzip'd, with double quotes round cells that need them. Empty lines are skipped.
///
/// # Errors
/// A missing or empty file, an [`TableError::Quote`] that is not closed, [`TableError::Ragged`] rows, a [`TableError::Cell`] that is no
/// finite number, an unknown [`TableError::Column`]; each with its line.
pub fn csv(path: &Path, how: &Csv) -> Result<Dataset, Error> {
    read(open(path)?, how)
}

/// The table to train on and, if given, the one to test on, as one split.
///
/// The test table must have the columns of the training table. If both have headers, columns are matched by name, so
/// their order may differ; without headers they are matched by place. The target is the column that `how` names in the
/// training table, and classes are those of the training table.
///
/// # Errors
/// As [`csv()`]; [`ExamplesError::Mismatch`] if the columns differ; an [`TableError::Cell`] whose label is no class of the training
/// table.
pub fn csv_split(train: &Path, test: Option<&Path>, how: &Csv) -> Result<Split, Error> {
    let (train, columns) = table(open(train)?, how, None)?;
    let like = Like { set: &train, columns: &columns };
    let test = test.map(|path| Ok::<_, Error>(table(open(path)?, how, Some(like))?.0)).transpose()?;
    Split::new(train, test)
}

/// The table in `source`.
pub(crate) fn read(source: Source, how: &Csv) -> Result<Dataset, Error> {
    Ok(table(source, how, None)?.0)
}

/// What a second table must be like.
#[derive(Clone, Copy)]
struct Like<'a> {
    set: &'a Dataset,
    columns: &'a [String],
}

/// The table in `source` with the names of its columns, in the order and with the classes of `like` if given.
fn table(mut source: Source, how: &Csv, like: Option<Like<'_>>) -> Result<(Dataset, Vec<String>), Error> {
    let (origin, text) = (source.origin().to_owned(), source.text()?);
    quotes::check(&origin, &text, how.delimiter)?;
    let mut table = Table { origin, text: &text, names: Vec::new(), first_line: true, header: how.header };
    let (mut inputs, mut values, mut labels) = (Vec::new(), Vec::new(), Vec::new());
    // The places of the columns in this file, in the order in which they are wanted, and which of them is the target.
    let (mut places, mut target) = (Vec::new(), 0);
    let mut reader = ::csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(how.delimiter)
        .trim(::csv::Trim::All)
        .from_reader(&text[..]);
    let mut row = ::csv::ByteRecord::new();
    // Rows of any length and any bytes are records, and memory can always be read: there is no other error.
    while reader.read_byte_record(&mut row).unwrap_or(false) {
        let at = row.position().map_or(0, |position| position.byte() as usize);
        let cells: Vec<_> = row.iter().map(String::from_utf8_lossy).collect();
        if table.names.is_empty() {
            table.start(&cells, at)?;
            columns::require_two(&table.origin, table.line(at), &table.names, &cells, how.delimiter)?;
            (places, target) = match like {
                Some(like) => {
                    let places = columns::arrange(&table.origin, &table.names, like.set.origin(), like.columns)?;
                    (places, table.find(&how.target, like.columns)?)
                }
                None => ((0..cells.len()).collect(), table.find(&how.target, &table.names)?),
            };
            if how.header {
                continue;
            }
        }
        if cells.len() != table.names.len() {
            let (line, expected) = (table.line(at), table.names.len());
            return Err(Error::Table(TableError::Ragged { origin: table.origin, line, expected, got: cells.len() }));
        }
        for (wanted, &column) in places.iter().enumerate() {
            let cell = &cells[column];
            match how.task {
                _ if wanted != target => inputs.push(table.number(cell, column, at)?),
                Task::Values => values.push(table.number(cell, column, at)?),
                Task::Classes if cell.is_empty() => return Err(table.bad_label(cell, column, at, "removing the row")),
                Task::Classes if std::str::from_utf8(&row[column]).is_err() => {
                    // Two labels could come out as the same text.
                    let (expected, advice) = ("a label in UTF-8", "saving the table as UTF-8");
                    return Err(table.bad_cell(cell, column, at, expected, advice));
                }
                Task::Classes => labels.push((cell.to_string(), at)),
            }
        }
        table.first_line = false;
    }
    if table.first_line {
        return Err(Error::Examples(ExamplesError::NoExamples { origin: table.origin }));
    }
    let targets = match how.task {
        Task::Values => Targets::Values { values, width: 1 },
        Task::Classes => {
            let known = like.and_then(|like| match like.set.targets() {
                Targets::Classes { names, .. } => Some(&names[..]),
                Targets::Tokens { .. } | Targets::Values { .. } => None,
            });
            table.classes(&labels, places[target], known)?
        }
    };
    let features = table.names.len() - 1;
    Ok((Dataset::new(table.origin, inputs, vec![features], targets)?, table.names))
}

/// What is known of a table while it is read.
struct Table<'a> {
    origin: String,
    text: &'a [u8],
    names: Vec<String>,
    first_line: bool,
    header: bool,
}

impl Table<'_> {
    /// Takes the names from the first line, or the places if it is no header.
    fn start(&mut self, cells: &[std::borrow::Cow<'_, str>], at: usize) -> Result<(), Error> {
        self.names = (0..cells.len()).map(|column| column.to_string()).collect();
        if !self.header {
            return Ok(());
        }
        // Places as names ("0,1,2,...") are a header that some tools write; any other row of numbers is an example.
        let numbers = cells.iter().all(|cell| cell.parse::<f64>().is_ok());
        if numbers && cells != self.names {
            let (expected, advice) = ("the name of a column", "`header = false`");
            return Err(self.bad_cell(&cells[0], 0, at, expected, advice));
        }
        self.names = cells.iter().map(ToString::to_string).collect();
        Ok(())
    }

    /// Where `column` is among `names`.
    fn find(&self, column: &Column, names: &[String]) -> Result<usize, Error> {
        let place = match column {
            Column::Last => names.len().checked_sub(1),
            Column::Index(index) => (*index < names.len()).then_some(*index),
            Column::Name(name) => names.iter().position(|other| other == name),
        };
        place.ok_or_else(|| {
            let known: Vec<&str> = names.iter().map(String::as_str).collect();
            let quoted = |names: &[&str]| list(names.iter().copied());
            let (column, try_these) = match column {
                Column::Name(name) => (name.clone(), nearest(name, &known)),
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

    fn number(&self, cell: &str, column: usize, at: usize) -> Result<f32, Error> {
        match cell.parse::<f32>() {
            Ok(number) if number.is_finite() => Ok(number),
            _ => {
                let text_on_top = self.first_line && !self.header;
                let advice = if text_on_top { "`header = true`" } else { "correcting the cell or removing the row" };
                Err(self.bad_cell(cell, column, at, "a finite number", advice))
            }
        }
    }

    /// Numbers the distinct labels, or finds them among `known`.
    fn classes(&self, labels: &[(String, usize)], target: usize, known: Option<&[String]>) -> Result<Targets, Error> {
        let names = known.map_or_else(|| distinct(labels), <[String]>::to_vec);
        let place: std::collections::HashMap<&str, u32> =
            names.iter().enumerate().map(|(class, name)| (name.as_str(), class as u32)).collect();
        let class = |(label, at): &(String, usize)| {
            let advice = "a training set that has this class";
            place.get(label.as_str()).copied().ok_or_else(|| self.bad_label(label, target, *at, advice))
        };
        let labels = labels.iter().map(class).collect::<Result<_, _>>()?;
        Ok(Targets::Classes { labels, classes: names.len(), names })
    }

    /// The line, from 1, of the row that was found `at` this byte, or after empty lines there.
    fn line(&self, at: usize) -> u64 {
        let empty = self.text[at..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        quotes::line(self.text, at + empty)
    }

    fn bad_label(&self, cell: &str, column: usize, at: usize, advice: &'static str) -> Error {
        self.bad_cell(cell, column, at, "the label of a known class", advice)
    }

    fn bad_cell(&self, cell: &str, column: usize, at: usize, expected: &'static str, advice: &'static str) -> Error {
        let (origin, line) = (self.origin.clone(), self.line(at));
        let (name, cell) = (excerpt(&self.names[column]), excerpt(cell));
        Error::Table(TableError::Cell { origin, line, column, name, expected, cell, advice })
    }
}

fn open(path: &Path) -> Result<Source, Error> {
    Source::open(path, "a table of comma-separated values", "another path")
}

fn distinct(labels: &[(String, usize)]) -> Vec<String> {
    let mut names: Vec<String> = labels.iter().map(|(label, _)| label.clone()).collect();
    names.sort_unstable();
    names.dedup();
    if names.iter().all(|name| name.parse::<i64>().is_ok()) {
        names.sort_by_key(|name| name.parse::<i64>().unwrap_or_default());
    }
    names
}

#[cfg(test)]
#[path = "csv_tests.rs"]
mod tests;
