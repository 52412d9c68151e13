use std::collections::HashMap;

use super::{Missing, Role, Table, TableEncoding, Unknown, columns};
use crate::dataset::allocate;
use crate::{Error, ExamplesError, Targets};

/// The rows of a table as numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Encoded {
    /// The inputs, row-major `[rows, width]`.
    pub inputs: Vec<f64>,
    /// The inputs of one row.
    pub width: usize,
    /// Which rows of the table they are, from 0: all but those left out for a missing value.
    pub rows: Vec<usize>,
    /// What is to be predicted, if the table has that column and it was asked for.
    pub targets: Option<Targets>,
}

impl TableEncoding {
    /// The rows of another table as numbers, with the targets if it has that column.
    ///
    /// With headers columns are matched by name, so their order may differ; without, by place. Columns that are left out
    /// may be missing.
    ///
    /// # Errors
    /// [`ExamplesError::Mismatch`] for a column that is missing or too many; [`TableError::Cell`](crate::TableError::Cell) for a category or class that
    /// was not there, a number that is none, a missing value that nothing is to be done about; no row left.
    pub fn apply(&self, table: &Table) -> Result<Encoded, Error> {
        let places = self.places(table)?;
        let rows = self.usable(table, &places, With::Target);
        let targets = match self.columns.iter().position(|column| column.role.is_target()) {
            Some(target) => places[target].map(|place| self.targets(table, place, &rows)).transpose()?,
            None => None,
        };
        let inputs = self.inputs(table, &places, &rows)?;
        Ok(Encoded { inputs, width: self.width(), rows, targets })
    }

    /// The rows of another table as inputs alone, whatever the column to predict holds.
    ///
    /// # Errors
    /// As [`apply`](Self::apply), but for the targets.
    pub fn apply_inputs(&self, table: &Table) -> Result<Encoded, Error> {
        let places = self.places(table)?;
        let rows = self.usable(table, &places, With::Inputs);
        let inputs = self.inputs(table, &places, &rows)?;
        Ok(Encoded { inputs, width: self.width(), rows, targets: None })
    }

    /// The inputs of the given rows of a table, row-major.
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    pub fn inputs_of(&self, table: &Table, rows: &[usize]) -> Result<Vec<f64>, Error> {
        self.inputs(table, &self.places(table)?, rows)
    }

    /// For each column of the encoding its place in `table`; none for a column that is not needed and not there.
    pub(super) fn places(&self, table: &Table) -> Result<Vec<Option<usize>>, Error> {
        let wanted: Vec<columns::Wanted<'_>> = self
            .columns
            .iter()
            .map(|column| columns::Wanted {
                name: &column.name,
                needed: !matches!(column.role, Role::Dropped) && !column.role.is_target(),
            })
            .collect();
        columns::arrange(table.origin(), table.names(), &self.source, &wanted)
    }

    /// The rows that are left where rows with a missing value are left out.
    pub(super) fn usable(&self, table: &Table, places: &[Option<usize>], with: With) -> Vec<usize> {
        if self.missing != Missing::DropRow {
            return (0..table.rows()).collect();
        }
        let lacks = |row: usize| {
            self.columns.iter().zip(places).any(|(column, place)| {
                let Some(place) = *place else { return false };
                let cell = table.cell(row, place);
                match &column.role {
                    Role::Dropped => false,
                    Role::Classes { classes } => with == With::Target && self.lacks_label(&cell, classes),
                    Role::Values { .. } => with == With::Target && self.is_missing(&cell),
                    Role::Number { .. } | Role::Categories { .. } => self.is_missing(&cell),
                }
            })
        };
        (0..table.rows()).filter(|&row| !lacks(row)).collect()
    }

    /// The targets of `rows`, which are in the column at `place`.
    pub(super) fn targets(&self, table: &Table, place: usize, rows: &[usize]) -> Result<Targets, Error> {
        let role = self.target().map(|column| &column.role);
        let Some(Role::Classes { classes }) = role else {
            let single = matches!(role, Some(Role::Values { single: true }));
            let value = |&row: &usize| match self.number(table, row, place, single)? {
                Some(value) => Ok(value),
                None => Err(table.bad_cell(
                    row,
                    place,
                    "a finite number",
                    "`missing = \"drop-row\"`, or correcting the cell",
                )),
            };
            let values = rows.iter().map(value).collect::<Result<Vec<f64>, _>>()?;
            return Ok(Targets::Values { values, width: 1 });
        };
        let numbers = by_name(classes);
        let label = |&row: &usize| {
            let label = table.text(row, place, "a label in UTF-8")?;
            numbers.get(label).map(|&class| class as u32).ok_or_else(|| {
                let advice = if self.is_missing(label) {
                    "removing the row, or `missing = \"drop-row\"`"
                } else {
                    "a training set that has this class"
                };
                table.bad_cell(row, place, "the label of a known class", advice)
            })
        };
        let labels = rows.iter().map(label).collect::<Result<_, _>>()?;
        Ok(Targets::Classes { labels, classes: classes.len(), names: classes.clone() })
    }

    /// The inputs of `rows`, row-major.
    fn inputs(&self, table: &Table, places: &[Option<usize>], rows: &[usize]) -> Result<Vec<f64>, Error> {
        if rows.is_empty() {
            return Err(table.no_examples());
        }
        let width = self.width();
        let mut inputs = allocate(table.origin(), &[rows.len(), width])?;
        let known: Vec<HashMap<&str, usize>> = self
            .columns
            .iter()
            .map(|column| match &column.role {
                Role::Categories { categories, .. } => by_name(categories),
                _ => HashMap::new(),
            })
            .collect();
        for &row in rows {
            for ((column, place), known) in self.columns.iter().zip(places).zip(&known) {
                // A column that has no place gives no inputs.
                let Some(place) = *place else { continue };
                match &column.role {
                    Role::Dropped | Role::Classes { .. } | Role::Values { .. } => {}
                    Role::Number { mean, scale, single, fill, indicator } => {
                        let x = self.number(table, row, place, *single)?;
                        inputs.push(match x.or(*fill) {
                            Some(x) => (x - mean) / scale,
                            None => return Err(lacks_value(table, row, place)),
                        });
                        if *indicator {
                            inputs.push(f64::from(u8::from(x.is_none())));
                        }
                    }
                    Role::Categories { categories, missing } => {
                        let start = inputs.len();
                        inputs.resize(start + column.role.width(), 0.0);
                        let category = table.text(row, place, "a category in UTF-8")?;
                        let found = match known.get(category) {
                            Some(&found) => Some(found),
                            None if !self.is_missing(category) => None,
                            None if *missing => Some(categories.len()),
                            None if matches!(self.missing, Missing::Error | Missing::DropRow) => {
                                return Err(lacks_value(table, row, place));
                            }
                            None => None,
                        };
                        match found {
                            Some(found) => inputs[start + found] = 1.0,
                            None if self.unknown == Unknown::Zeros => {}
                            None => {
                                let advice = "`unknown = \"zeros\"`, or training rows that have it";
                                return Err(table.bad_cell(row, place, "a category of the training rows", advice));
                            }
                        }
                    }
                }
            }
        }
        match inputs.iter().position(|x| !x.is_finite()) {
            None => Ok(inputs),
            Some(at) => Err(Error::Examples(ExamplesError::NonFinite {
                origin: table.origin().to_owned(),
                what: "inputs",
                row: rows[at / width],
                column: at % width,
                value: inputs[at],
            })),
        }
    }

    /// The number in a cell, or none if it is missing.
    pub(super) fn number(&self, table: &Table, row: usize, place: usize, single: bool) -> Result<Option<f64>, Error> {
        let cell = table.cell(row, place);
        if self.is_missing(&cell) {
            return Ok(None);
        }
        let cell = cell.trim();
        let Some(exact) = finite(cell) else {
            return Err(no_number(table, row, place));
        };
        if !single {
            return Ok(Some(exact));
        }
        match cell.parse::<f32>().ok().filter(|rounded| rounded.is_finite()) {
            Some(rounded) => Ok(Some(f64::from(rounded))),
            None => {
                let expected = "a number up to 3.4e38, as single precision has them";
                Err(table.bad_cell(row, place, expected, "`precision = \"f64\"`, or another unit in the file"))
            }
        }
    }
}

/// Whether rows are wanted for their targets, too.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum With {
    Target,
    Inputs,
}

/// The number that a cell holds, if it is finite.
pub(super) fn finite(cell: &str) -> Option<f64> {
    cell.parse().ok().filter(|number: &f64| number.is_finite())
}

/// The error for a cell that should hold a number.
fn no_number(table: &Table, row: usize, place: usize) -> Error {
    let on_top = row == 0 && !table.format().header && table.cell(row, place).parse::<f64>().is_err();
    let advice = if on_top { "`header = true`" } else { "correcting the cell or removing the row" };
    table.bad_cell(row, place, "a finite number", advice)
}

/// The error for a missing value where it is one.
pub(super) fn lacks_value(table: &Table, row: usize, place: usize) -> Error {
    let advice = if table.cell_bytes(row, place).is_empty() {
        "`missing = \"median\"` or `missing = \"drop-row\"`, or correcting the cell"
    } else {
        "`missing = \"median\"` or `missing = \"drop-row\"`, or `missing_marks = []` if this is a value"
    };
    table.bad_cell(row, place, "a value", advice)
}

fn by_name(names: &[String]) -> HashMap<&str, usize> {
    names.iter().enumerate().map(|(place, name)| (name.as_str(), place)).collect()
}
