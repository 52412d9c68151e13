use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;

use memchr::memmem::Finder;

use super::{Report, Source};
use crate::Error;
use onedge_record::{COLUMNS, Row, Rows};

/// The columns that some records have beyond [`COLUMNS`].
#[derive(Debug, Default)]
pub struct Extent {
    /// How many eigenvalues at most.
    pub eigenvalues: usize,
    /// What other diagnostics read.
    pub measured: BTreeSet<String>,
}

impl Extent {
    /// Finds them; most records have none, and are not looked at closely.
    pub fn of(sources: &[Source]) -> Result<Self, Error> {
        let mut extent = Self::default();
        let finders = [Finder::new("\"eigenvalues\""), Finder::new("\"measured\"")];
        for source in sources {
            let mut rows = Rows::open(&source.run)?;
            while rows.advance()? {
                if finders.iter().all(|finder| finder.find(rows.line()).is_none()) {
                    continue;
                }
                // What is no record is told when it is written.
                if let Ok(row) = Row::read(rows.line()) {
                    extent.eigenvalues = extent.eigenvalues.max(row.eigenvalues.len());
                    for name in row.measured.into_keys() {
                        if !extent.measured.contains(&name[..]) {
                            extent.measured.insert(name.into_owned());
                        }
                    }
                }
            }
        }
        Ok(extent)
    }

    /// Every column, in order.
    pub fn names(&self) -> impl Iterator<Item = String> {
        let names = COLUMNS.iter().map(|column| column.name.to_owned());
        let names = names.chain((1..=self.eigenvalues).map(|i| format!("eigenvalue_{i}")));
        names.chain(self.measured.iter().cloned())
    }

    /// What a record has in each of them.
    pub fn cells<'a>(&self, row: &Row<'a>) -> impl Iterator<Item = Option<&'a str>> {
        let cells = (0..COLUMNS.len()).map(|index| row.cell(index));
        let cells = cells.chain((0..self.eigenvalues).map(|index| row.eigenvalues.get(index).copied()));
        cells.chain(self.measured.iter().map(|name| row.measured.get(&name[..]).copied()))
    }
}

pub fn write(sources: &[Source], out: &mut dyn Write, place: &Path) -> Result<Report, Error> {
    let extent = Extent::of(sources)?;
    let mut report = Report::default();
    let several = sources.len() > 1;
    let headings: Vec<String> = several.then(|| "run".to_owned()).into_iter().chain(extent.names()).collect();
    let headings: Vec<String> = headings.iter().map(|heading| quoted(heading)).collect();
    writeln!(out, "{}", headings.join(",")).map_err(Error::write(place))?;
    let mut line = Vec::new();
    for source in sources {
        let first = if several { format!("{},", quoted(&source.label)) } else { String::new() };
        let mut rows = Rows::open(&source.run)?;
        while let Some(row) = rows.next()? {
            line.clear();
            line.extend(first.as_bytes());
            for cell in extent.cells(&row) {
                line.extend(cell.unwrap_or_default().as_bytes());
                line.push(b',');
            }
            line.pop();
            line.push(b'\n');
            out.write_all(&line).map_err(Error::write(place))?;
            report.records += 1;
        }
        report.torn.extend(rows.torn().then(|| source.run.path().to_owned()));
    }
    Ok(report)
}

/// Text as RFC 4180 wants it.
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::Format;
    use crate::export::samples::{exported, samples};

    #[test]
    fn there_is_a_column_for_everything() {
        let (_folder, sources) = samples();
        let text = exported(&sources[..1], Format::Csv);
        let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split(',').collect()).collect();
        assert_eq!(lines.len(), 3);
        assert!(lines.iter().all(|line| line.len() == COLUMNS.len() + 3));
        let cell = |line: usize, name: &str| lines[line][lines[0].iter().position(|h| *h == name).unwrap()];
        assert_eq!((cell(1, "learning_rate"), cell(1, "sharpness"), cell(2, "sharpness")), ("1e-7", "3.0", ""));
        assert_eq!((cell(1, "trace"), cell(2, "trace"), cell(1, "converged")), ("7.5", "", "1"));
        assert_eq!((cell(1, "eigenvalue_2"), cell(2, "eigenvalue_2"), cell(2, "learning_rate")), ("0.5", "", "NaN"));
    }

    #[test]
    fn runs_are_told_apart_and_a_torn_record_is_left_out() {
        let (_folder, sources) = samples();
        let mut out = Vec::new();
        let report = write(&sources, &mut out, Path::new("out")).unwrap();
        assert_eq!((report.records, report.torn), (3, vec![sources[1].run.path().to_owned()]));
        let text = String::from_utf8(out).unwrap();
        let runs: Vec<&str> = text.lines().map(|line| &line[..line.find(",").unwrap()]).collect();
        assert_eq!(runs, ["run", "a", "a", "\"b"]);
        assert!(text.lines().last().unwrap().starts_with("\"b, \"\"2\"\"\",0,"), "{text}");
    }
}
