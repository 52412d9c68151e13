use std::path::Path;

use super::Source;
use crate::table::{Draft, Encoded, Format, Learned, Missing, Rules, Table, TableEncoding, TableSummary};
use crate::transforms::Scale;
use crate::{Dataset, Error, ExamplesError, Precision, Reals, Split, Targets};

/// The table in a text file, plain or gzip'd, as examples: the encoding is learned from all of its rows.
///
/// # Errors
/// As [`Table::read`] and [`TableEncoding::learn`](crate::table::TableEncoding::learn).
pub fn csv(path: &Path, format: Format, rules: &Rules) -> Result<Dataset, Error> {
    Ok(csv_split(path, None, format, rules)?.train)
}

/// The table to train on and, if given, the one to test on, as one split.
///
/// The test table must have the columns of the training table. If both have headers, columns are matched by name, so
/// their order may differ; without headers they are matched by place. The target is the column that `rules` name in the
/// training table, and the encoding is that of the training table.
///
/// # Errors
/// As [`csv()`]; [`ExamplesError::Mismatch`](crate::ExamplesError::Mismatch) if the columns differ; a [`TableError::Cell`](crate::TableError::Cell) whose label or category is none of the
/// training table.
pub fn csv_split(train: &Path, test: Option<&Path>, format: Format, rules: &Rules) -> Result<Split, Error> {
    let train = Table::read(train, format)?;
    let test = test.map(|path| Table::read(path, format)).transpose()?;
    split(&train, test.as_ref(), rules, Listeners::default(), Ok)
}

/// The table in `source`.
pub(crate) fn read(source: Source, format: Format, rules: &Rules) -> Result<Dataset, Error> {
    Ok(split(&Table::of(source, format)?, None, rules, Listeners::default(), Ok)?.train)
}

/// Who is told of what.
#[derive(Clone, Copy, Default)]
pub(crate) struct Listeners<'a> {
    /// Of what may be wrong, a sentence each.
    pub(crate) warn: Option<&'a dyn Fn(&str)>,
    /// How a table was taken, where that may be doubted.
    pub(crate) tell: Option<&'a dyn Fn(&str)>,
}

/// The tables as one split. `choose` says what is trained and tested on, while inputs are but the places of rows: the
/// encoding is learned from what is then to train on.
pub(crate) fn split(
    train: &Table,
    test: Option<&Table>,
    rules: &Rules,
    Listeners { warn, tell }: Listeners<'_>,
    choose: impl FnOnce(Split) -> Result<Split, Error>,
) -> Result<Split, Error> {
    let draft = Draft::new(train, rules)?;
    tell_of_dropped(train, draft.rows.len(), rules, warn);
    let test_targets = test.map(|table| draft.of_test(table)).transpose()?;
    let tested = match (test, test_targets) {
        (Some(table), Some((rows, targets))) => {
            tell_of_dropped(table, rows.len(), rules, warn);
            Some(places_of(table, &rows)?.with_targets(targets)?)
        }
        _ => None,
    };
    let trained = places_of(train, &draft.rows)?.with_targets(draft.targets.clone())?;
    let chosen = choose(Split::new(trained, tested)?)?;
    // What is set aside for testing is of the first table, too, unless there is a second.
    let test_table = test.unwrap_or(train);
    let left_out = train.rows() - draft.rows.len();
    let Learned { encoding, columns, remarks } = draft.learn(&rows_of(&chosen.train))?;
    let summary = TableSummary::new(train, left_out, &encoding, columns);
    if !remarks.is_empty() {
        remarks.iter().for_each(|remark| warn.into_iter().for_each(|warn| warn(remark)));
        tell.into_iter().for_each(|tell| tell(&summary.to_line()));
    }
    let full_scale = match rules.scale {
        Scale::None => rules.full_scale,
        Scale::Unit => Some(1.0),
        Scale::Standard => None,
    };
    let encoded = |table: &Table, set: Dataset| {
        let inputs = encoding.inputs_of(table, &rows_of(&set))?;
        let inputs = held_in(rules.precision, inputs);
        set.with_inputs(inputs, vec![encoding.width()], full_scale)
    };
    let test = chosen.test.map(|set| encoded(test_table, set)).transpose()?;
    let mut split = Split::new(encoded(train, chosen.train)?, test)?;
    split.encoding = Some(encoding);
    (split.table, split.remarks) = (Some(summary), remarks);
    Ok(split)
}

/// The same with an encoding that was learned before, of other rows: classes, categories, fill values and scales are its own.
///
/// # Errors
/// As [`TableEncoding::apply`]; a table without the column to predict.
pub(crate) fn split_by(
    train: &Table,
    test: Option<&Table>,
    encoding: &TableEncoding,
    precision: Precision,
    choose: impl FnOnce(Split) -> Result<Split, Error>,
) -> Result<Split, Error> {
    // Where it was learned in single precision digits beyond that are none that it knows.
    let precision = if encoding.is_single() { Precision::Single } else { precision };
    let places = |table: &Table| {
        let Encoded { rows, targets, .. } = encoding.apply(table)?;
        let targets = targets.ok_or_else(|| {
            let target = encoding.target().map_or_else(String::new, |column| column.name.clone());
            let (origin, what) = (table.origin().to_owned(), "answers are missing".to_owned());
            let expected = format!("a column `{target}` to train on");
            Error::Examples(ExamplesError::Mismatch { origin, what, expected, got: "none of that name".to_owned() })
        })?;
        places_of(table, &rows)?.with_targets(targets)
    };
    let chosen = choose(Split::new(places(train)?, test.map(places).transpose()?)?)?;
    let encoded = |table: &Table, set: Dataset| {
        let inputs = held_in(precision, encoding.inputs_of(table, &rows_of(&set))?);
        set.with_inputs(inputs, vec![encoding.width()], None)
    };
    let tested = chosen.test.map(|set| encoded(test.unwrap_or(train), set)).transpose()?;
    let mut split = Split::new(encoded(train, chosen.train)?, tested)?;
    split.encoding = Some(encoding.clone());
    Ok(split)
}

fn held_in(precision: Precision, inputs: Vec<f64>) -> Reals {
    match precision {
        Precision::Single => inputs.into_iter().map(|x| x as f32).collect::<Vec<_>>().into(),
        Precision::Double => inputs.into(),
    }
}

/// A set whose inputs are the places of rows. Two numbers for each, as single precision counts to 2^24.
fn places_of(table: &Table, rows: &[usize]) -> Result<Dataset, Error> {
    let inputs = rows.iter().flat_map(|row| [(row >> 16) as f32, (row & 0xffff) as f32]).collect();
    let targets = Targets::Values { values: vec![0.0; rows.len()], width: 1 };
    Dataset::new(table.origin(), inputs, vec![2], targets)
}

fn rows_of(places: &Dataset) -> Vec<usize> {
    places.inputs().single().chunks_exact(2).map(|place| ((place[0] as usize) << 16) | place[1] as usize).collect()
}

fn tell_of_dropped(table: &Table, left: usize, rules: &Rules, warn: Option<&dyn Fn(&str)>) {
    if let (Missing::DropRow, Some(warn), true) = (rules.missing, warn, left < table.rows()) {
        let (dropped, rows) = (table.rows() - left, table.rows());
        warn(&format!("{}: {dropped} of {rows} rows left out, as they lack a value", table.origin()));
    }
}

#[cfg(test)]
#[path = "csv_tests.rs"]
mod tests;
