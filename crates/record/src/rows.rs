use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use serde::de::{Deserialize, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::lines::Lines;
use crate::{COLUMNS, Error, RunDirectory, Survey};

mod scan;

const WIDTH: usize = COLUMNS.len();
/// The place of the step among the columns.
const STEP: usize = 0;

/// The step records of a run one after the other, as text: memory for one, however many there are.
///
/// Numbers stay as they were written, so that what passes them on changes no digit. It accepts and leaves out what
/// [`read_steps`](crate::read_steps) does.
pub struct Rows {
    path: PathBuf,
    lines: Lines<BufReader<File>>,
    torn: bool,
    /// Which lines count; all where only the last ones are read.
    survey: Option<Survey>,
}

/// One step record as text.
#[derive(Debug)]
pub struct Row<'a> {
    cells: [Option<&'a str>; WIDTH],
    /// The largest eigenvalues, in descending order.
    pub eigenvalues: Vec<&'a str>,
    /// What other diagnostics read, by name.
    pub measured: BTreeMap<Cow<'a, str>, &'a str>,
}

impl Rows {
    /// From the first record.
    ///
    /// # Errors
    /// [`Error::Read`].
    pub fn open(run: &RunDirectory) -> Result<Self, Error> {
        let survey = Survey::of_file(&run.steps())?;
        Ok(Self { survey: Some(survey), ..Self::all(run)? })
    }

    /// From the first line, with the records of steps that were taken again.
    fn all(run: &RunDirectory) -> Result<Self, Error> {
        let path = run.steps();
        let file = File::open(&path).map_err(Error::read(&path))?;
        let lines = Lines::of(BufReader::with_capacity(1 << 17, file));
        Ok(Self { path, lines, torn: false, survey: None })
    }

    /// From the first record that begins in the last `bytes` of the file.
    ///
    /// # Errors
    /// [`Error::Read`].
    pub fn tail(run: &RunDirectory, bytes: u64) -> Result<Self, Error> {
        let mut rows = Self::all(run)?;
        let skip = |rows: &mut Self| {
            let input = &mut rows.lines.input;
            let length = input.get_ref().metadata()?.len();
            if length > bytes {
                // From one byte before, so that a record that begins just there is not skipped.
                input.seek(SeekFrom::Start(length - bytes - 1))?;
                input.skip_until(b'\n')?;
            }
            Ok(())
        };
        skip(&mut rows).map_err(Error::read(&rows.path.clone()))?;
        Ok(rows)
    }

    /// The next record, if there is one.
    ///
    /// # Errors
    /// [`Error::Read`]; [`Error::Record`] for a line that is no record, unless it is the last one: that one was torn.
    #[allow(clippy::should_implement_trait)] // It lends what it holds, which an iterator cannot.
    pub fn next(&mut self) -> Result<Option<Row<'_>>, Error> {
        if !self.advance()? {
            return Ok(None);
        }
        match Row::read(&self.lines.line) {
            Ok(row) => Ok(Some(row)),
            Err(source) => {
                let line = self.lines.number();
                if self.lines.input.fill_buf().map_err(Error::read(&self.path))?.is_empty() {
                    self.torn = true;
                    return Ok(None);
                }
                Err(Error::Record { path: self.path.clone(), line, source })
            }
        }
    }

    /// Goes to the next line and says whether there is one. [`line`](Self::line) then gives it, unread.
    ///
    /// # Errors
    /// [`Error::Read`].
    pub fn advance(&mut self) -> Result<bool, Error> {
        loop {
            let there = self.lines.advance().map_err(Error::read(&self.path))?;
            if !there || self.shows() {
                return Ok(there);
            }
        }
    }

    fn shows(&self) -> bool {
        self.survey.as_ref().is_none_or(|survey| survey.shows(self.lines.number(), self.lines.line()))
    }

    /// The line of the record that came last, without its end.
    pub fn line(&self) -> &[u8] {
        self.lines.line()
    }

    /// Whether the last line was cut off, by a kill or a full disk, and left out; known once all were read.
    pub fn torn(&self) -> bool {
        self.torn
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl<'a> Row<'a> {
    /// Reads a line.
    ///
    /// # Errors
    /// What is no step record.
    pub fn read(line: &'a [u8]) -> Result<Self, serde_json::Error> {
        match scan::usual(line) {
            Some(row) => Ok(row),
            None => serde_json::from_slice(line),
        }
    }

    /// The step of a line, if it is a step record.
    pub(crate) fn step_of(line: &[u8]) -> Option<u64> {
        Row::read(line).ok()?.cells[STEP]?.parse().ok()
    }

    fn empty() -> Self {
        Self { cells: [None; WIDTH], eigenvalues: Vec::new(), measured: BTreeMap::new() }
    }

    /// The first column that every record has and this one has not.
    fn missing(&self) -> Option<&'static str> {
        let absent =
            |name: &&str| COLUMNS.iter().zip(self.cells).any(|(column, cell)| column.name == *name && cell.is_none());
        REQUIRED.iter().map(|(name, _)| *name).find(absent)
    }

    /// The column called `key`, looked for from the column `likely` on: records are written in the order of the columns.
    fn column(key: &[u8], likely: usize) -> Option<usize> {
        let is = |index: &usize| COLUMNS[*index].name.as_bytes() == key;
        (likely..WIDTH).find(is).or_else(|| (0..likely).find(is))
    }

    /// The number in the column [`COLUMNS`]`[index]` as it was written, if it was measured. A loss or a learning rate that was
    /// none is `NaN`; flags are 1 and 0.
    pub fn cell(&self, index: usize) -> Option<&'a str> {
        self.cells[index]
    }

    /// The value in the column `name`.
    pub fn value(&self, name: &str) -> Option<f64> {
        let index = COLUMNS.iter().position(|column| column.name == name)?;
        self.cells[index]?.parse().ok()
    }
}

/// The columns that every record has, whose `null` is a NaN, which JSON cannot write, where it may be one.
const REQUIRED: [(&str, bool); 5] =
    [("step", false), ("loss", true), ("learning_rate", true), ("cost", false), ("seconds", false)];

impl<'de> Deserialize<'de> for Row<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(RowVisitor)
    }
}

struct RowVisitor;

impl<'de> Visitor<'de> for RowVisitor {
    type Value = Row<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a step record")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Row<'de>, A::Error> {
        let mut row = Row::empty();
        let (mut likely, mut seen) = (0, Seen::default());
        while let Some(Text(key)) = map.next_key()? {
            if let Some(index) = Row::column(key.as_bytes(), likely) {
                seen.add(index).map_err(A::Error::duplicate_field)?;
                row.cells[index] = cell(index, map.next_value::<&RawValue>()?.get())?;
                likely = (index + 1) % WIDTH;
            } else if key == "eigenvalues" {
                seen.add(WIDTH).map_err(|_| A::Error::duplicate_field("eigenvalues"))?;
                let values: Vec<&RawValue> = map.next_value()?;
                row.eigenvalues = values.into_iter().map(|raw| number(raw.get())).collect::<Result<_, _>>()?;
            } else if key == "density" {
                seen.add(WIDTH + 1).map_err(|_| A::Error::duplicate_field("density"))?;
                // It is no part of a row, but must be one of a record.
                map.next_value::<Vec<(f64, f64)>>()?;
            } else if key == "measured" {
                seen.add(WIDTH + 2).map_err(|_| A::Error::duplicate_field("measured"))?;
                let values: BTreeMap<Text<'de>, &RawValue> = map.next_value()?;
                let read = values.into_iter().map(|(name, raw)| Ok((name.0, number(raw.get())?)));
                row.measured = read.collect::<Result<_, A::Error>>()?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        match row.missing() {
            None => Ok(row),
            Some(name) => Err(A::Error::missing_field(name)),
        }
    }
}

/// Which keys there were so far: each may be there once.
#[derive(Default)]
struct Seen(u64);

impl Seen {
    /// Adds a column, or what comes after all of them.
    ///
    /// # Errors
    /// The name of a column that was there before.
    fn add(&mut self, index: usize) -> Result<(), &'static str> {
        let bit = 1 << index;
        if self.0 & bit != 0 {
            return Err(COLUMNS.get(index).map_or("", |column| column.name));
        }
        self.0 |= bit;
        Ok(())
    }
}

/// The columns that count something.
const COUNTS: [&str; 2] = ["step", "products"];

fn cell<E: serde::de::Error>(index: usize, raw: &str) -> Result<Option<&str>, E> {
    let name = COLUMNS[index].name;
    match raw {
        "true" if name == "converged" => Ok(Some("1")),
        "false" if name == "converged" => Ok(Some("0")),
        "null" if REQUIRED.contains(&(name, true)) => Ok(Some("NaN")),
        "null" if !REQUIRED.contains(&(name, false)) => Ok(None),
        _ if name == "converged" => Err(E::custom(format_args!("expected true or false, got {raw}"))),
        _ if COUNTS.contains(&name) && raw.parse::<u64>().is_err() => {
            Err(E::custom(format_args!("expected a whole number, got {raw}")))
        }
        _ => number(raw).map(Some),
    }
}

fn number<E: serde::de::Error>(raw: &str) -> Result<&str, E> {
    // Without an exponent, only one of hundreds of digits could be too large.
    let may_be_infinite = raw.len() > 300 || raw.contains(['e', 'E']);
    if raw.starts_with(|c: char| c == '-' || c.is_ascii_digit())
        && (!may_be_infinite || raw.parse().is_ok_and(f64::is_finite))
    {
        Ok(raw)
    } else {
        Err(E::custom(format_args!("expected a number, got {raw}")))
    }
}

/// A key, borrowed where it has no escapes.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Text<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Borrowing;
        impl<'de> Visitor<'de> for Borrowing {
            type Value = Text<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Borrowing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Record, StepWriter, read_steps};

    fn run(text: &str) -> (tempfile::TempDir, RunDirectory) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("steps.jsonl"), text).unwrap();
        let run = RunDirectory::open(folder.path()).unwrap();
        (folder, run)
    }

    const FULL_REST: &str =
        r#""step":3,"loss":null,"learning_rate":-1.5E+7,"slope":-0,"products":17,"cost":0.5,"seconds":0.1"#;

    const FULL: &str =
        r#"{"step":3,"loss":null,"learning_rate":1e-7,"slope":-6.25,"converged":false,"products":17,"cost":24.0,"#;

    #[test]
    fn numbers_stay_as_they_were_written() {
        let rest =
            r#""seconds":0.1,"eigenvalues":[12.75,4.50],"measured":{"tr\u0061ce":30.250,"a":1e3},"density":[[0,1]]}"#;
        let (_folder, run) = run(&format!("{FULL}{rest}\n"));
        let mut rows = Rows::open(&run).unwrap();
        let row = rows.next().unwrap().unwrap();
        let cell = |name: &str| row.cell(COLUMNS.iter().position(|column| column.name == name).unwrap());
        assert_eq!((cell("step"), cell("loss"), cell("learning_rate")), (Some("3"), Some("NaN"), Some("1e-7")));
        assert_eq!((cell("converged"), cell("products"), cell("sharpness")), (Some("0"), Some("17"), None));
        assert_eq!(row.eigenvalues, ["12.75", "4.50"]);
        assert_eq!((row.measured["trace"], row.measured["a"]), ("30.250", "1e3"));
        assert_eq!(row.value("slope"), Some(-6.25));
        assert!(rows.next().unwrap().is_none() && !rows.torn());
    }

    #[test]
    fn reads_what_the_whole_reader_reads_wherever_it_is_cut() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("steps.jsonl");
        let mut writer = StepWriter::create(&path).unwrap();
        for step in 0..3 {
            let record = Record { step, loss: 0.1 * step as f64, sharpness: Some(2.0), ..Record::default() };
            writer.append(&record).unwrap();
        }
        let text = std::fs::read_to_string(&path).unwrap();
        for cut in 0..=text.len() {
            let (_folder, run) = run(&text[..cut]);
            let (mut rows, mut losses) = (Rows::open(&run).unwrap(), Vec::new());
            while let Some(row) = rows.next().unwrap() {
                losses.push(row.value("loss").unwrap());
            }
            let whole = read_steps(&path, &text[..cut]).unwrap();
            assert_eq!(losses, whole.records.iter().map(|record| record.loss).collect::<Vec<_>>(), "cut at {cut}");
            assert_eq!(rows.torn(), whole.torn, "cut at {cut}");
        }
    }

    #[test]
    fn what_is_no_record_is_named() {
        let good = r#"{"step":0,"loss":1,"learning_rate":1,"cost":1,"seconds":1}"#;
        for (bad, expected) in [
            (r#"{"step":0,"loss":1,"learning_rate":1,"cost":1}"#, "missing field `seconds`"),
            (r#"{"step":0,"loss":"1","learning_rate":1,"cost":1,"seconds":1}"#, "expected a number, got \"1\""),
            (r#"{"step":null,"loss":1,"learning_rate":1,"cost":1,"seconds":1}"#, "expected a whole number, got null"),
            ("[]", "a step record"),
        ] {
            let later = good.replacen("0", "2", 1);
            let (_folder, run) = run(&format!("{good}\n{bad}\n{later}\n"));
            let mut rows = Rows::open(&run).unwrap();
            rows.next().unwrap().unwrap();
            let message = rows.next().unwrap_err().to_string();
            assert!(
                message.contains("steps.jsonl:2: expected what a run records, ") && message.contains(expected),
                "{message}"
            );
        }
    }

    /// What the fast way reads, the other reads alike; and it leaves to the other whatever it is not made for.
    #[test]
    fn both_ways_read_the_same() {
        let required = r#""step":3,"loss":0.5,"learning_rate":1,"cost":24.0,"seconds":1e-3"#;
        for (line, usual) in [
            (format!("{{{required}}}"), true),
            (format!("{{{FULL_REST}}}"), true),
            (format!("{{{required},\"new\":5}}"), true),
            (format!("{{{required},\"slope\":null,\"converged\":true}}"), true),
            (format!("{{ {required} }}"), false),
            (format!("{{{required},\"measured\":{{\"trace\":1}}}}"), false),
            (format!("{{{required},\"eigenvalues\":[1,2]}}"), false),
            (format!("{{{required},\"sl\\u006fpe\":1}}"), false),
            (format!("{{{required},}}"), false),
            (format!("{{{required}"), false),
            (format!("{{{required}}} "), false),
            (format!("{{{required}}}{{"), false),
            (required.replace("24.0", "24."), false),
            (format!("{{{}}}", required.replace("24.0", "24.")), false),
            (format!("{{{}}}", required.replace("24.0", "024")), false),
            (format!("{{{}}}", required.replace("24.0", "2-4")), false),
            (format!("{{{}}}", required.replace("24.0", "1e")), false),
            (format!("{{{}}}", required.replace("24.0", "-")), false),
            (format!("{{{}}}", required.replace("24.0", "true")), false),
            (format!("{{{}}}", required.replace("cost", "const")), false),
            ("{}".to_owned(), false),
        ] {
            let fast = scan::usual(line.as_bytes());
            assert_eq!(fast.is_some(), usual, "{line}");
            let slow: Result<Row<'_>, _> = serde_json::from_str(&line);
            if let Some(fast) = fast {
                assert_eq!(fast.cells, slow.unwrap().cells, "{line}");
            }
        }
    }

    #[test]
    fn the_tail_begins_with_a_whole_record() {
        let line = |step| format!("{{\"step\":{step},\"loss\":1,\"learning_rate\":1,\"cost\":1,\"seconds\":1}}\n");
        let text: String = (0..9).map(line).collect();
        let each = line(0).len() as u64;
        let (_folder, run) = run(&text);
        for (bytes, first) in [(each, 8), (each + 1, 8), (2 * each - 1, 8), (2 * each, 7), (1000, 0)] {
            let mut rows = Rows::tail(&run, bytes).unwrap();
            assert_eq!(rows.next().unwrap().unwrap().value("step"), Some(f64::from(first)), "{bytes} bytes");
        }
    }
}
