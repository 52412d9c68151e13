//! Whether a column holds numbers or categories.

use super::apply::lacks_value;
use super::{Missing, Rules, Table, TableEncoding};
use crate::Error;

/// Whether a column is one of categories; checks that all its cells are of one kind.
pub fn holds_categories(
    table: &Table,
    rules: &Rules,
    encoding: &TableEncoding,
    column: usize,
    rows: &[usize],
) -> Result<bool, Error> {
    let name = &table.names()[column];
    let forced = rules.categorical.contains(name);
    let (mut number, mut other, mut values, mut written) = (false, None, 0, None);
    for &row in rows {
        let cell = table.cell(row, column);
        if encoding.is_missing(&cell) {
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

/// Whether a cell that is no number is one in another notation: digits with a decimal comma, groups, a percent sign or a currency.
fn looks_like_number(cell: &str) -> bool {
    let signs = |c: char| matches!(c, '+' | '-' | '$' | '€' | '£' | '¥' | '%') || c.is_whitespace();
    let core = cell.trim_matches(signs);
    let digits = core.chars().filter(char::is_ascii_digit).count();
    digits > 0 && core.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | ',' | '\'' | '_') || c.is_whitespace())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_notations_of_numbers_are_told_from_texts() {
        for cell in ["1,5", "1.234,56", "12 %", "$5,000", "- 3", "1'000", "1_000"] {
            assert!(looks_like_number(cell), "{cell}");
        }
        for cell in ["", "-", "a1", "1a", "2024-01-05", "12:30", "red", "5 to 6", "x,y"] {
            assert!(!looks_like_number(cell), "{cell}");
        }
    }
}
