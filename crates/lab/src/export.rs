//! Step records in other formats.

use std::collections::BTreeSet;
use std::io::{self, Write};

use crate::records::{COLUMNS, Record};

/// A format to export to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A heading and one line per step; cells that were not measured are empty. The points of a density are left out.
    Csv,
    /// One array of objects; keys that were not measured are absent.
    Json,
}

/// Writes the records to `out`.
///
/// # Errors
/// Those of `out`.
pub fn export(records: &[Record], format: Format, out: &mut dyn Write) -> io::Result<()> {
    match format {
        Format::Csv => csv(records, out),
        Format::Json => {
            serde_json::to_writer_pretty(&mut *out, records)?;
            writeln!(out)
        }
    }
}

/// The records as a run keeps them: one JSON object per line.
pub(crate) fn lines(records: &[Record]) -> io::Result<Vec<u8>> {
    let mut lines = Vec::new();
    for record in records {
        serde_json::to_writer(&mut lines, record)?;
        lines.push(b'\n');
    }
    Ok(lines)
}

fn csv(records: &[Record], out: &mut dyn Write) -> io::Result<()> {
    let eigenvalues = records.iter().map(|record| record.eigenvalues.len()).max().unwrap_or(0);
    let measured: BTreeSet<&String> = records.iter().flat_map(|record| record.measured.keys()).collect();
    let names = COLUMNS.iter().map(|column| column.name.to_owned());
    let names = names.chain((1..=eigenvalues).map(|i| format!("eigenvalue_{i}")));
    let headings: Vec<String> = names.chain(measured.iter().map(|&name| name.clone())).collect();
    writeln!(out, "{}", headings.join(","))?;
    for record in records {
        let values = COLUMNS.iter().map(|column| (column.get)(record));
        let values = values.chain((0..eigenvalues).map(|i| record.eigenvalues.get(i).copied()));
        let others = measured.iter().map(|&name| record.measured.get(name).copied());
        let cells: Vec<String> = values.chain(others).map(cell).collect();
        writeln!(out, "{}", cells.join(","))?;
    }
    Ok(())
}

/// The shortest text that reads back as the same number; nothing for what was not measured.
fn cell(value: Option<f64>) -> String {
    value.map_or(String::new(), |value| {
        if value != 0.0 && (value.abs() < 1e-4 || value.abs() >= 1e16) {
            format!("{value:e}")
        } else {
            value.to_string()
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exported(format: Format) -> String {
        let records = [
            Record {
                step: 0,
                loss: 2.5,
                learning_rate: 1e-7,
                sharpness: Some(3.0),
                eigenvalues: vec![3.0, 0.5],
                measured: [("trace".to_owned(), 7.5)].into(),
                ..Record::default()
            },
            Record { step: 1, loss: 0.1, learning_rate: f64::NAN, ..Record::default() },
        ];
        let mut out = Vec::new();
        export(&records, format, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn csv_has_a_column_for_everything() {
        let text = exported(Format::Csv);
        let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split(',').collect()).collect();
        assert_eq!(lines.len(), 3);
        assert!(lines.iter().all(|line| line.len() == COLUMNS.len() + 3));
        let cell = |line: usize, name: &str| lines[line][lines[0].iter().position(|h| *h == name).unwrap()];
        assert_eq!((cell(1, "learning_rate"), cell(1, "sharpness"), cell(2, "sharpness")), ("1e-7", "3", ""));
        assert_eq!((cell(1, "trace"), cell(2, "trace")), ("7.5", ""));
        assert_eq!((cell(1, "eigenvalue_2"), cell(2, "eigenvalue_2"), cell(2, "learning_rate")), ("0.5", "", "NaN"));
    }

    #[test]
    fn json_reads_back() {
        let records: Vec<Record> = serde_json::from_str(&exported(Format::Json)).unwrap();
        assert_eq!((records.len(), records[0].learning_rate), (2, 1e-7));
        assert!(records[1].learning_rate.is_nan());
    }
}
