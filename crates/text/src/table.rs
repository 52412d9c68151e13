//! Aligned text tables for the terminal.

/// The rows under their headings in aligned columns, two spaces apart: numbers to the right, text to the left.
/// A column counts as numbers if each of its cells starts with a digit or a minus sign, or is `-` or empty.
pub fn table(headings: &[&str], rows: &[Vec<String>]) -> String {
    let numeric: Vec<bool> = (0..headings.len())
        .map(|c| !rows.is_empty() && rows.iter().all(|row| row.get(c).is_none_or(|x| is_number(x))))
        .collect();
    aligned(headings, &numeric, rows)
}

/// The same, where it is known which columns are numbers.
pub fn aligned(headings: &[&str], numeric: &[bool], rows: &[Vec<String>]) -> String {
    let columns = headings.len();
    let width = |text: &str| text.chars().count();
    let widths: Vec<usize> = (0..columns)
        .map(|c| rows.iter().filter_map(|row| row.get(c)).map(|cell| width(cell)).fold(width(headings[c]), usize::max))
        .collect();
    let mut out = String::new();
    let head: Vec<String> = headings.iter().map(|heading| (*heading).to_owned()).collect();
    for row in std::iter::once(&head).chain(rows) {
        let mut line = String::new();
        for (c, cell) in row.iter().enumerate().take(columns) {
            let gap = " ".repeat(widths[c] - width(cell));
            line += if c > 0 { "  " } else { "" };
            line += &if numeric[c] { format!("{gap}{cell}") } else { format!("{cell}{gap}") };
        }
        out += line.trim_end();
        out.push('\n');
    }
    out
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
