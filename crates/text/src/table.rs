//! Aligned text tables for the terminal.

use std::fmt;

use crate::{fitted, printable_line, shortened};

/// The rows under their headings in aligned columns, two spaces apart: numbers to the right, text to the left.
/// A column counts as numbers if each of its cells starts with a digit or a minus sign, or is `-` or empty.
pub fn table(headings: &[&str], rows: &[Vec<String>]) -> String {
    Table::new(headings, rows).to_string()
}

/// The same, where it is known which columns are numbers.
pub fn aligned(headings: &[&str], numeric: &[bool], rows: &[Vec<String>]) -> String {
    Table::aligned(headings, numeric, rows).to_string()
}

/// A table that can be made to fit a width: columns that matter less are left out, then long text is cut.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    columns: Vec<Column>,
}

#[derive(Debug, Clone, PartialEq)]
struct Column {
    /// Its heading and its cells, in one line each.
    cells: Vec<String>,
    is_numeric: bool,
    /// 0 for one that is always shown; the larger, the earlier it is left out.
    rank: u8,
}

/// Text is cut no shorter than this.
const LEAST: usize = 8;

impl Table {
    /// The rows under their headings. A column counts as numbers as in [`table`].
    pub fn new(headings: &[&str], rows: &[Vec<String>]) -> Self {
        let is_numeric = |c: usize| !rows.is_empty() && rows.iter().all(|row| row.get(c).is_none_or(|x| is_number(x)));
        let numeric: Vec<bool> = (0..headings.len()).map(is_numeric).collect();
        Self::aligned(headings, &numeric, rows)
    }

    /// The same, where it is known which columns are numbers.
    pub fn aligned(headings: &[&str], numeric: &[bool], rows: &[Vec<String>]) -> Self {
        let cells = |(c, heading): (usize, &&str)| {
            let own = rows.iter().map(|row| row.get(c).map_or("", String::as_str));
            std::iter::once(*heading).chain(own).map(|cell| printable_line(cell).into_owned()).collect()
        };
        let column = |(c, heading)| Column { cells: cells((c, heading)), is_numeric: numeric[c], rank: 0 };
        Self { columns: headings.iter().enumerate().map(column).collect() }
    }

    /// With how soon each column is left out where there is no room: 0 never, and the largest first.
    pub fn ranked(mut self, ranks: &[u8]) -> Self {
        self.columns.iter_mut().zip(ranks).for_each(|(column, rank)| column.rank = *rank);
        self
    }

    /// How many rows there are under the headings.
    pub fn len(&self) -> usize {
        self.columns.first().map_or(0, |column| column.cells.len() - 1)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The table in lines of so many characters at most, as far as it can be had, and the headings of what it leaves out.
    pub fn within(&self, width: usize) -> (String, Vec<String>) {
        let mut table = self.clone();
        let mut left_out = Vec::new();
        while table.width() > width {
            let last = table.columns.iter().enumerate().filter(|(_, column)| column.rank > 0);
            let Some((place, _)) = last.max_by_key(|(place, column)| (column.rank, *place)) else { break };
            left_out.push(place);
            // Its place stays, so that places mean the same.
            table.columns[place] = Column { cells: Vec::new(), is_numeric: false, rank: 0 };
        }
        left_out.sort_unstable();
        let names = left_out.into_iter().map(|place| self.columns[place].cells[0].clone()).collect();
        table.columns.retain(|column| !column.cells.is_empty());
        while table.width() > width {
            // Text may be cut, of numbers only their heading.
            let least = |column: &Column| if column.is_numeric { column.below().max(LEAST) } else { LEAST };
            let long = table.columns.iter_mut().filter(|column| column.width() > least(column));
            let Some(widest) = long.max_by_key(|column| column.width()) else { break };
            let to = widest.width() - 1;
            widest.cells.iter_mut().for_each(|cell| *cell = shortened(cell, to));
        }
        (table.to_string(), names)
    }

    /// The same as one text, with a line about what is left out.
    pub fn fitted(&self, width: usize) -> String {
        let (text, left_out) = self.within(width);
        if left_out.is_empty() {
            return text;
        }
        let columns = if left_out.len() == 1 { "column" } else { "columns" };
        let line = format!("(no room for the {columns} {})", left_out.join(", "));
        format!("{text}{}\n", fitted(&line, width))
    }

    fn width(&self) -> usize {
        let shown: Vec<usize> = self.columns.iter().filter(|c| !c.cells.is_empty()).map(Column::width).collect();
        shown.iter().sum::<usize>() + 2 * shown.len().saturating_sub(1)
    }
}

impl Column {
    /// The width of what stands below the heading.
    fn below(&self) -> usize {
        self.cells.iter().skip(1).map(|cell| cell.chars().count()).max().unwrap_or(0)
    }

    fn width(&self) -> usize {
        self.cells.iter().map(|cell| cell.chars().count()).max().unwrap_or(0)
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths: Vec<usize> = self.columns.iter().map(Column::width).collect();
        for row in 0..self.columns.first().map_or(0, |column| column.cells.len()) {
            let mut line = String::new();
            for (c, (column, width)) in self.columns.iter().zip(&widths).enumerate() {
                let cell = &column.cells[row];
                line += if c > 0 { "  " } else { "" };
                line += &if column.is_numeric { format!("{cell:>width$}") } else { format!("{cell:<width$}") };
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// Four significant digits, in scientific form outside of 1e-3 .. 1e5; `-` for nothing.
pub fn number(value: Option<f64>) -> String {
    match value {
        None => "-".to_owned(),
        Some(value) if !value.is_finite() => value.to_string(),
        Some(0.0) => "0".to_owned(),
        Some(value) => {
            // Rounding first, so that 0.99999 counts as 1.
            let rounded: f64 = format!("{value:.3e}").parse().unwrap_or(value);
            let exponent = rounded.abs().log10().floor() as i32;
            if (-3..5).contains(&exponent) {
                format!("{rounded:.*}", usize::try_from(3 - exponent).unwrap_or(0))
            } else {
                format!("{rounded:.3e}")
            }
        }
    }
}

/// Seconds as `12.3 s`, `4 min 05 s` or `2 h 07 min`.
pub fn duration(secs: f64) -> String {
    let whole = secs.round() as u64;
    if secs < 59.95 {
        format!("{secs:.1} s")
    } else if whole < 3600 {
        format!("{} min {:02} s", whole / 60, whole % 60)
    } else {
        format!("{} h {:02} min", whole / 3600, whole % 3600 / 60)
    }
}

fn is_number(cell: &str) -> bool {
    cell.is_empty() || cell == "-" || cell.trim_start_matches('-').starts_with(|c: char| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aligns_numbers_right_and_text_left() {
        let rows = [["cdat 2", "0.21", "", "x"], ["σ", "-1.5", "12", "y"]].map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(
            table(&["run", "loss", "steps", "note"], &rows),
            "run     loss  steps  note\ncdat 2  0.21         x\nσ       -1.5     12  y\n"
        );
        assert_eq!(table(&["run"], &[]), "run\n");
    }

    #[test]
    fn a_narrow_table_leaves_out_what_matters_less() {
        let rows = [["cdat, the default", "0.21", "12 s", "done"], ["greedy", "0.5", "9 s", "diverged"]];
        let rows = rows.map(|row| row.map(str::to_owned).to_vec());
        let table = Table::new(&["run", "loss", "time", "ended"], &rows).ranked(&[0, 0, 2, 1]);
        assert_eq!(table.fitted(80), table.to_string());
        assert_eq!(
            table.fitted(33),
            "run                loss  ended\n\
             cdat, the default  0.21  done\n\
             greedy              0.5  diverged\n\
             (no room for the column time)\n"
        );
        let (narrow, left_out) = table.within(14);
        assert_eq!(narrow, "run       loss\ncd...ult  0.21\ngreedy     0.5\n");
        assert_eq!(left_out, ["time", "ended"]);
        let errors = Table::new(&["run", "loss ± standard error"], &[vec!["a".to_owned(), "0.5 ± 0.125".to_owned()]]);
        assert_eq!(errors.fitted(17), "run  loss...error\na     0.5 ± 0.125\n");
        assert!(table.fitted(40).lines().all(|line| line.chars().count() <= 40));
    }

    #[test]
    fn a_cell_is_one_line_and_harms_no_terminal() {
        let rows = [vec!["a\u{1b}[31m\nb".to_owned(), "1".to_owned()]];
        assert_eq!(table(&["run", "n"], &rows), "run             n\na\\u{1b}[31m\\nb  1\n");
    }

    #[test]
    fn numbers_have_four_digits() {
        let shown: Vec<String> =
            [0.0, 0.123_456, 1.0, 0.999_99, -2.065, 191.37, 12_345.6, 1.5e-7, 123_456.0, f64::INFINITY]
                .into_iter()
                .map(|value| number(Some(value)))
                .collect();
        let expected = ["0", "0.1235", "1.000", "1.000", "-2.065", "191.4", "12350", "1.500e-7", "1.235e5", "inf"];
        assert_eq!(shown, expected);
        assert_eq!(number(None), "-");
    }

    #[test]
    fn durations_use_the_fitting_units() {
        assert_eq!(duration(3.24), "3.2 s");
        assert_eq!(duration(59.97), "1 min 00 s");
        assert_eq!(duration(245.0), "4 min 05 s");
        assert_eq!(duration(7620.0), "2 h 07 min");
    }
}
