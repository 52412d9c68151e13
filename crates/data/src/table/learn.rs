use super::apply::{With, finite, lacks_value};
use super::{Column, ColumnEncoding, Missing, Role, Rules, Table, TableEncoding};
use crate::excerpt::excerpt;
use crate::transforms::Scale;
use crate::{Error, ExamplesError, Targets, Task};

/// A table whose column to predict is known, and nothing else yet.
pub(crate) struct Draft<'a> {
    table: &'a Table,
    rules: &'a Rules,
    encoding: TableEncoding,
    /// The rows that are left where rows with a missing value are left out.
    pub rows: Vec<usize>,
    /// The targets of these rows.
    pub targets: Targets,
}

/// The most that rounding may move a number, in standard deviations of its column, before it is kept in double precision.
/// Ours: far below what a network tells apart, and numbers of up to seven digits are read as they always were.
const COARSE: f64 = 1e-4;

impl TableEncoding {
    /// What `rules` ask for, learned from the given rows of `table`, which are those to train on, but for those left out
    /// for a missing value.
    ///
    /// A column whose cells are all numbers is one of numbers, a column without a number one of categories. Anything between
    /// is an error, as is a column of numbers that are written in another way (`1,5`), unless it is named as categorical.
    ///
    /// # Errors
    /// [`TableError::Column`](crate::TableError::Column) for a name that is no column; [`TableError::Cell`](crate::TableError::Cell) for a cell that its column cannot hold;
    /// [`TableError::Unusable`](crate::TableError::Unusable) for a column of too many categories, without values or of numbers that single precision does not
    /// tell apart; no rows.
    ///
    /// # Example
    /// ```
    /// use onedge_data::Task;
    /// use onedge_data::table::{Column, Format, Rules, Table, TableEncoding};
    ///
    /// let dir = std::env::temp_dir().join("onedge-doc-table");
    /// std::fs::create_dir_all(&dir)?;
    /// std::fs::write(dir.join("a.csv"), "size,colour,price\n1,red,5\n3,blue,7\n")?;
    /// let table = Table::read(&dir.join("a.csv"), Format { header: true, delimiter: b',' })?;
    /// let encoding = TableEncoding::learn(&table, &[0, 1], &Rules::plain(Column::Last, Task::Values))?;
    /// assert_eq!(encoding.input_names(), ["size", "colour = blue", "colour = red"]);
    /// assert_eq!(encoding.apply(&table)?.inputs, [1.0, 0.0, 1.0, 3.0, 1.0, 0.0]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn learn(table: &Table, rows: &[usize], rules: &Rules) -> Result<Self, Error> {
        let draft = Draft::new(table, rules)?;
        let usable: Vec<usize> = rows.iter().copied().filter(|row| draft.rows.binary_search(row).is_ok()).collect();
        draft.learn(&usable)
    }
}

impl<'a> Draft<'a> {
    /// Finds the column to predict, the rows that can be used, and their targets.
    pub fn new(table: &'a Table, rules: &'a Rules) -> Result<Self, Error> {
        table.require_two()?;
        let target = table.find(&rules.target)?;
        let mut roles = vec![None; table.names().len()];
        for name in &rules.drop {
            let place = table.find(&Column::Name(name.clone()))?;
            if place == target {
                return Err(table.bad_column(place, "an input in `drop`", "the target", "a shorter `drop`"));
            }
            let named = table.names().iter().zip(&mut roles).filter(|(other, _)| *other == name);
            named.for_each(|(_, role)| *role = Some(Role::Dropped));
        }
        for name in &rules.categorical {
            let place = table.find(&Column::Name(name.clone()))?;
            if place == target {
                let advice = "`target = \"classes\"` and a shorter `categorical`";
                return Err(table.bad_column(place, "an input in `categorical`", "the target", advice));
            }
            if roles[place].is_some() {
                let advice = "naming it once";
                return Err(table.bad_column(place, "an input in `categorical`", "a column of `drop`", advice));
            }
        }
        if roles.iter().filter(|role| role.is_none()).count() < 2 {
            return Err(table.bad_column(target, "an input beside the target", "none", "a shorter `drop`"));
        }
        // Until they are learned inputs are known only as such.
        let unknown = Role::Categories { categories: Vec::new(), missing: false };
        let mut columns: Vec<ColumnEncoding> = table
            .names()
            .iter()
            .zip(roles)
            .map(|(name, role)| ColumnEncoding { name: name.clone(), role: role.unwrap_or_else(|| unknown.clone()) })
            .collect();
        columns[target].role = match rules.task {
            Task::Values => Role::Values,
            Task::Classes => Role::Classes { classes: Vec::new() },
        };
        let format = table.format();
        let mut encoding = TableEncoding {
            source: table.origin().to_owned(),
            header: format.header,
            delimiter: char::from(format.delimiter),
            missing: rules.missing,
            missing_marks: rules.missing_marks.clone(),
            unknown: rules.unknown,
            columns,
        };
        let rows = encoding.usable(table, &all_places(&encoding), With::Target);
        if rows.is_empty() {
            return Err(table.no_examples());
        }
        if rules.task == Task::Classes {
            let labels = rows.iter().map(|&row| table.text(row, target, "a label in UTF-8"));
            let labels = labels.filter(|label| !matches!(label, Ok("")));
            encoding.columns[target].role = Role::Classes { classes: distinct(labels.collect::<Result<_, _>>()?) };
        }
        let targets = encoding.targets(table, target, &rows)?;
        if rules.task == Task::Values {
            require_distinct(table, &rows, target, "subtracting the mean in the file")?;
        }
        Ok(Self { table, rules, encoding, rows, targets })
    }

    /// Learns all inputs from `rows`.
    pub fn learn(mut self, rows: &[usize]) -> Result<TableEncoding, Error> {
        if rows.is_empty() {
            return Err(self.table.no_examples());
        }
        for column in 0..self.encoding.columns.len() {
            let encoding = &self.encoding.columns[column];
            if encoding.role.is_target() || encoding.role == Role::Dropped {
                continue;
            }
            self.encoding.columns[column].role = if self.holds_categories(column, rows)? {
                self.categories(column, rows)?
            } else {
                self.number(column, rows)?
            };
        }
        Ok(self.encoding)
    }

    /// The rows of a table to test on that can be used, with their targets.
    pub fn of_test(&self, table: &Table) -> Result<(Vec<usize>, Targets), Error> {
        let places = self.encoding.places(table)?;
        let rows = self.encoding.usable(table, &places, With::Target);
        let target = self.encoding.columns.iter().zip(&places).find(|(column, _)| column.role.is_target());
        match target {
            Some((_, Some(place))) => Ok((rows.clone(), self.encoding.targets(table, *place, &rows)?)),
            Some((ColumnEncoding { name, .. }, None)) => Err(Error::Examples(ExamplesError::Mismatch {
                origin: table.origin().to_owned(),
                what: format!("columns differ from those of {}", self.table.origin()),
                expected: format!("a column `{}`", excerpt(name)),
                got: "none of that name".to_owned(),
            })),
            None => unreachable!("a draft has a target"),
        }
    }

    /// Whether a column is one of categories; checks that all its cells are of one kind.
    fn holds_categories(&self, column: usize, rows: &[usize]) -> Result<bool, Error> {
        let (table, rules) = (self.table, self.rules);
        let name = &table.names()[column];
        let forced = rules.categorical.contains(name);
        let (mut number, mut other, mut values, mut written) = (false, None, 0, None);
        for &row in rows {
            let cell = table.cell(row, column);
            if self.encoding.is_missing(&cell) {
                if matches!(rules.missing, Missing::Error | Missing::DropRow) {
                    return Err(lacks_value(table, row, column));
                }
                continue;
            }
            values += 1;
            if cell.trim().parse::<f64>().is_ok() {
                number = true;
            } else {
                other = other.or(Some(row));
                // All of them must, as a code such as 12.3.4 among other texts is a text.
                written = match (looks_like_number(&cell), values) {
                    (false, _) => None,
                    (true, 1) => Some(row),
                    (true, _) => written,
                };
            }
        }
        if values == 0 {
            let advice = format!("`drop = [{name:?}]`");
            return Err(table.bad_column(column, "a value in some training row", "none", advice));
        }
        match (number, other) {
            _ if forced => Ok(true),
            (true, None) => Ok(false),
            (true, Some(row)) => {
                let advice = if !table.format().header && row == 0 {
                    "`header = true`".to_owned()
                } else {
                    format!(
                        "correcting the cell or removing the row, `missing_marks` if it stands for no value, or \
                         `categorical = [{name:?}]`"
                    )
                };
                Err(table.bad_cell(row, column, "a finite number", advice))
            }
            (false, _) => match written {
                None => Ok(true),
                Some(row) => {
                    let advice = format!("a decimal point and digits alone, or `categorical = [{name:?}]`");
                    Err(table.bad_cell(row, column, "a finite number", advice))
                }
            },
        }
    }

    fn categories(&self, column: usize, rows: &[usize]) -> Result<Role, Error> {
        let mut cells = Vec::new();
        let mut missing = false;
        for &row in rows {
            let cell = self.table.text(row, column, "a category in UTF-8")?;
            if self.encoding.is_missing(cell) {
                missing = true;
            } else {
                cells.push(cell);
            }
        }
        let categories = distinct(cells);
        if categories.len() > self.rules.categories {
            let name = &self.table.names()[column];
            let expected = format!("at most {} categories", self.rules.categories);
            let got = format!("{} in {} training rows", categories.len(), rows.len());
            let advice = format!("`drop = [{name:?}]`, or a larger `categories`");
            return Err(self.table.bad_column(column, expected, got, advice));
        }
        Ok(Role::Categories { categories, missing })
    }

    fn number(&self, column: usize, rows: &[usize]) -> Result<Role, Error> {
        let single = !self.is_coarse(column, rows)?;
        if self.rules.scale != Scale::Standard {
            require_distinct(self.table, rows, column, "`scale = \"standard\"`, or subtracting the mean in the file")?;
        }
        let numbers = rows.iter().map(|&row| self.encoding.number(self.table, row, column, single));
        let numbers = numbers.collect::<Result<Vec<Option<f64>>, _>>()?;
        let known: Vec<f64> = numbers.iter().copied().flatten().collect();
        let fill = match self.rules.missing {
            Missing::Error | Missing::DropRow => None,
            Missing::Mean => Some(known.iter().sum::<f64>() / known.len() as f64),
            Missing::Median => Some(median(&known)),
        };
        let indicator = self.rules.missing_indicator && known.len() < numbers.len();
        let (mean, scale) = match self.rules.scale {
            Scale::None => (0.0, 1.0),
            Scale::Unit => (0.0, f64::from(self.full_scale()?)),
            Scale::Standard => moments(numbers.iter().copied().filter_map(|number| number.or(fill))),
        };
        Ok(Role::Number { mean, scale, single, fill, indicator })
    }

    /// Whether single precision is too coarse for the numbers of a column, which are to be standardised.
    fn is_coarse(&self, column: usize, rows: &[usize]) -> Result<bool, Error> {
        if self.rules.scale != Scale::Standard {
            return Ok(false);
        }
        let numbers = rows.iter().filter_map(|&row| self.encoding.number(self.table, row, column, false).transpose());
        let numbers = numbers.collect::<Result<Vec<f64>, _>>()?;
        let largest = numbers.iter().fold(0.0f64, |largest, x| largest.max(x.abs()));
        let (_, deviation) = moments(numbers.iter().copied());
        // A number is rounded by half a unit of its last place at most, 2^-24 of it.
        let rounding = largest * f64::from(f32::EPSILON) / 2.0;
        Ok(numbers.iter().any(|&x| x != numbers[0]) && rounding > COARSE * deviation)
    }

    fn full_scale(&self) -> Result<f32, Error> {
        self.rules.full_scale.ok_or_else(|| {
            Error::Examples(ExamplesError::Inapplicable {
                origin: self.table.origin().to_owned(),
                what: "`scale = unit`".to_owned(),
                expected: "inputs of a known range, such as bytes".to_owned(),
                got: "real numbers".to_owned(),
                advice: "`scale = standard`",
            })
        })
    }
}

/// Each column of the table that is learned from is where it is.
fn all_places(encoding: &TableEncoding) -> Vec<Option<usize>> {
    (0..encoding.columns.len()).map(Some).collect()
}

/// Mean and population deviation, in two passes for accuracy; a deviation of zero is given as one.
fn moments(numbers: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let (mut count, mut mean) = (0.0, 0.0);
    for x in numbers.clone() {
        count += 1.0;
        mean += x;
    }
    mean /= count;
    let square = numbers.fold(0.0, |square, x| square + (x - mean).powi(2));
    (mean, if square == 0.0 { 1.0 } else { (square / count).sqrt() })
}

/// The middle number, or the mean of the two in the middle.
fn median(numbers: &[f64]) -> f64 {
    let mut sorted = numbers.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let half = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[half] } else { sorted[half - 1] / 2.0 + sorted[half] / 2.0 }
}

/// The distinct texts in ascending order, as numbers if all are whole numbers.
fn distinct(mut texts: Vec<&str>) -> Vec<String> {
    texts.sort_unstable();
    texts.dedup();
    if texts.iter().all(|text| text.parse::<i64>().is_ok()) {
        texts.sort_by_key(|text| text.parse::<i64>().unwrap_or_default());
    }
    texts.into_iter().map(str::to_owned).collect()
}

/// Checks that numbers which differ do so in single precision, too.
fn require_distinct(table: &Table, rows: &[usize], column: usize, advice: &'static str) -> Result<(), Error> {
    let numbers = rows.iter().filter_map(|&row| {
        let cell = table.cell(row, column);
        finite(cell.trim()).and(cell.trim().parse::<f64>().ok())
    });
    let (low, high) = numbers.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)));
    if low < high && low as f32 == high as f32 {
        let got = format!("{low} to {high}");
        return Err(table.bad_column(column, "numbers that single precision tells apart", got, advice));
    }
    Ok(())
}

/// Whether a cell that is no number is one in another notation: digits with a decimal comma, groups, a percent sign or a currency.
fn looks_like_number(cell: &str) -> bool {
    let signs = |c: char| matches!(c, '+' | '-' | '$' | '€' | '£' | '¥' | '%') || c.is_whitespace();
    let core = cell.trim_matches(signs);
    let digits = core.chars().filter(char::is_ascii_digit).count();
    digits > 0 && core.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | ',' | '\'' | '_') || c.is_whitespace())
}

#[cfg(test)]
#[path = "learn_tests.rs"]
mod tests;
