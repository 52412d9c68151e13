use std::collections::HashMap;

use super::apply::{With, finite};
use super::kinds::holds_categories;
use super::numbers::{Spread, Told, beyond_double, is_coarse, median, moments};
use super::{
    Column, ColumnEncoding, ColumnSummary, Counted, Learned, Missing, Role, Rules, Table, TableEncoding, doubts, labels,
};
use crate::excerpt::excerpt;
use crate::transforms::Scale;
use crate::{Error, ExamplesError, Precision, Targets, Task};

/// A table whose column to predict is known, and nothing else yet.
pub(crate) struct Draft<'a> {
    table: &'a Table,
    rules: &'a Rules,
    encoding: TableEncoding,
    /// The rows that are left where rows with a missing value are left out.
    pub rows: Vec<usize>,
    /// The targets of these rows.
    pub targets: Targets,
    /// What columns are taken as, and what is to be said of that.
    columns: Vec<ColumnSummary>,
    remarks: Vec<String>,
}

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
        Ok(draft.learn(&usable)?.encoding)
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
            Task::Values => Role::Values { single: rules.precision == Precision::Single },
            // Whether a mark is a label is known before which labels there are.
            Task::Classes if rules.any_label => Role::Classes { classes: rules.missing_marks.clone() },
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
        let mut remarks = doubts::of_names(table, target);
        if rules.task == Task::Classes {
            let classes = classes_of(table, target, &rows, &encoding)?;
            if doubts::header_is_data(table, target, &classes) {
                return Err(table.header_is_data());
            }
            if !rules.any_label {
                if let Some(labels::Doubt { expected, got, advice }) = labels::doubt(&classes, rows.len()) {
                    return Err(table.bad_column(target, expected, got, advice));
                }
                let found = labels::remarks(&classes, rows.len());
                remarks.extend(found.iter().map(|remark| table.about_column(target, remark)));
            }
            encoding.columns[target].role = Role::Classes { classes };
        }
        let targets = encoding.targets(table, target, &rows)?;
        if let Role::Values { .. } = encoding.columns[target].role {
            let values = rows.iter().filter_map(|&row| finite(table.cell(row, target).trim()));
            let advice = "`precision = \"f64\"`, or subtracting the mean in the file";
            let spread = Spread::of(values);
            remarks.extend(apart(table, rules.precision, target, &rows, &spread, advice, |x| x)?);
        }
        let mut columns = vec![ColumnSummary::default(); encoding.columns.len()];
        columns[target] = ColumnSummary::of_targets(&targets);
        Ok(Self { table, rules, encoding, rows, targets, columns, remarks })
    }

    /// Learns all inputs from `rows`.
    pub fn learn(mut self, rows: &[usize]) -> Result<Learned, Error> {
        if rows.is_empty() {
            return Err(self.table.no_examples());
        }
        for column in 0..self.encoding.columns.len() {
            let encoding = &self.encoding.columns[column];
            if encoding.role.is_target() || encoding.role == Role::Dropped {
                continue;
            }
            let has_categories = holds_categories(self.table, self.rules, &self.encoding, column, rows)?;
            self.encoding.columns[column].role =
                if has_categories { self.categories(column, rows)? } else { self.number(column, rows)? };
        }
        Ok(Learned { encoding: self.encoding, columns: self.columns, remarks: self.remarks })
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

    fn categories(&mut self, column: usize, rows: &[usize]) -> Result<Role, Error> {
        let mut cells = Vec::new();
        let mut missing = 0;
        for &row in rows {
            let cell = self.table.text(row, column, "a category in UTF-8")?;
            if self.encoding.is_missing(cell) {
                missing += 1;
            } else {
                cells.push(cell);
            }
        }
        let categories = distinct(cells.clone());
        if let Some((one, other)) = labels::spelled_twice(&categories) {
            let remark = format!("`{}` and `{}` are taken as two categories", excerpt(one), excerpt(other));
            self.remarks.push(self.table.about_column(column, &remark));
        }
        if categories.len() > self.rules.categories {
            let name = &self.table.names()[column];
            let expected = format!("at most {} categories", self.rules.categories);
            let got = format!("{} in {} training rows", categories.len(), rows.len());
            let advice = format!("`drop = [{name:?}]`, or a larger `categories`");
            return Err(self.table.bad_column(column, expected, got, advice));
        }
        let mut counts: HashMap<&str, usize> = HashMap::new();
        cells.iter().for_each(|cell| *counts.entry(cell).or_default() += 1);
        let counted = |name: &String| Counted { label: name.clone(), rows: counts[name.as_str()] };
        let counts = categories.iter().map(counted).collect();
        self.columns[column] = ColumnSummary::of_labels("categories", counts, missing);
        Ok(Role::Categories { categories, missing: missing > 0 })
    }

    fn number(&mut self, column: usize, rows: &[usize]) -> Result<Role, Error> {
        let (table, rules) = (self.table, self.rules);
        let standard = rules.scale == Scale::Standard;
        let (spread, coarse) = self.look_at(column, rows)?;
        let single = rules.precision == Precision::Single && !(standard && coarse);
        let numbers = self.read(column, rows, single)?;
        let known: Vec<f64> = numbers.iter().copied().flatten().collect();
        let fill = match rules.missing {
            Missing::Error | Missing::DropRow => None,
            Missing::Mean => Some(moments(&known).0),
            Missing::Median => Some(median(&known)),
        };
        let lacks_some = known.len() < numbers.len();
        let indicator = rules.missing_indicator && lacks_some;
        let (mean, scale) = match rules.scale {
            Scale::None => (0.0, 1.0),
            Scale::Unit => (0.0, f64::from(self.full_scale()?)),
            Scale::Standard if lacks_some => {
                moments(&numbers.iter().copied().filter_map(|x| x.or(fill)).collect::<Vec<_>>())
            }
            Scale::Standard => moments(&known),
        };
        let advice = if standard {
            "`precision = \"f64\"`, or a logarithm of it in the file"
        } else {
            "`scale = \"standard\"`, `precision = \"f64\"`, or subtracting the mean in the file"
        };
        let change = |x| (x - mean) / scale;
        self.remarks.extend(apart(table, rules.precision, column, rows, &spread, advice, change)?);
        Ok(Role::Number { mean, scale, single, fill, indicator })
    }

    /// The numbers of a column, none where one is missing.
    fn read(&self, column: usize, rows: &[usize], single: bool) -> Result<Vec<Option<f64>>, Error> {
        rows.iter().map(|&row| self.encoding.number(self.table, row, column, single)).collect()
    }

    /// Looks at the numbers of a column with all their digits: how they are spread, and whether they are coarse in single precision. Nothing
    /// of what that takes is kept, as a column may be long.
    fn look_at(&mut self, column: usize, rows: &[usize]) -> Result<(Spread, bool), Error> {
        let exact = self.read(column, rows, false)?;
        let present: Vec<f64> = exact.iter().copied().flatten().collect();
        let spread = Spread::of(present.iter().copied());
        self.columns[column] = ColumnSummary::of_numbers(&present, exact.len() - present.len(), &spread);
        self.remarks.extend(doubts::of_numbers(self.table, column, rows, &exact, &spread));
        Ok((spread, is_coarse(&present)))
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

/// The distinct labels of `rows`, in their order.
fn classes_of(table: &Table, target: usize, rows: &[usize], encoding: &TableEncoding) -> Result<Vec<String>, Error> {
    let Role::Classes { classes: marks } = &encoding.columns[target].role else { return Ok(Vec::new()) };
    let mut labels = Vec::with_capacity(rows.len());
    for &row in rows {
        let label = table.text(row, target, "a label in UTF-8")?;
        match encoding.lacks_label(label, marks) {
            // That one is told of with its row where targets are read.
            _ if label.is_empty() => {}
            false => labels.push(label),
            true => {
                let advice = "removing the row, `missing = \"drop-row\"`, or `any_label = true` if it is a class";
                return Err(table.bad_cell(row, target, "a label", advice));
            }
        }
    }
    Ok(distinct(labels))
}

/// Each column of the table that is learned from is where it is.
fn all_places(encoding: &TableEncoding) -> Vec<Option<usize>> {
    (0..encoding.columns.len()).map(Some).collect()
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

/// What is to be said of numbers of which few are told apart, once changed, in the precision that is asked for.
///
/// # Errors
/// None at all are.
fn apart(
    table: &Table,
    precision: Precision,
    column: usize,
    rows: &[usize],
    spread: &Spread,
    advice: &str,
    change: impl Fn(f64) -> f64,
) -> Result<Option<String>, Error> {
    let words = match precision {
        Precision::Single => "single precision",
        Precision::Double => "double precision",
    };
    match (spread.told(precision, change), spread.range()) {
        (Told::Few { left: 1, .. }, Some((low, high))) => {
            let expected = format!("numbers that {words} tells apart");
            Err(table.bad_column(column, expected, format!("{low} to {high}"), advice))
        }
        (Told::Few { of, left }, _) => {
            let remark = format!("of {of} different numbers {words} tells {left} apart; try {advice}");
            Ok(Some(table.about_column(column, &remark)))
        }
        (Told::Apart, _) if spread.count() == 1 => Ok(beyond_double(table, rows, column).map(|[one, other]| {
            let remark =
                format!("{one} and {other} are one number in double precision; try subtracting the mean in the file");
            table.about_column(column, &remark)
        })),
        (Told::Apart, _) => Ok(None),
    }
}

#[cfg(test)]
#[path = "learn_tests.rs"]
mod tests;
