use std::path::Path;

use crate::Error;
use crate::records::Record;

/// The records of a run, as far as they were written.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Steps {
    /// In the order of the file.
    pub records: Vec<Record>,
    /// Whether the last line was cut off, by a kill or a full disk, and left out.
    pub torn: bool,
}

/// Reads step records: one JSON object per line. Unknown keys are skipped, so that newer files can be read.
///
/// # Errors
/// [`Error::Record`] for a line that is no record, unless it is the last one: that one was torn.
pub fn read_steps(path: &Path, text: &str) -> Result<Steps, Error> {
    let mut steps = Steps::default();
    let mut lines = text.lines().enumerate().peekable();
    while let Some((index, line)) = lines.next() {
        match serde_json::from_str(line) {
            Ok(record) => steps.records.push(record),
            Err(_) if lines.peek().is_none() => steps.torn = true,
            Err(source) => return Err(Error::Record { path: path.to_owned(), line: index + 1, source }),
        }
    }
    Ok(steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &str = "{\"step\":0,\"loss\":2.5,\"learning_rate\":0.5,\"cost\":3.0,\"seconds\":0.1}\n\
                       {\"step\":1,\"loss\":1.5,\"learning_rate\":0.5,\"cost\":6.0,\"seconds\":0.2,\"new\":1}\n";

    fn read(text: &str) -> Result<Steps, Error> {
        read_steps(Path::new("runs/a/steps.jsonl"), text)
    }

    #[test]
    fn any_cut_loses_at_most_the_torn_line() {
        let first = TWO.find('\n').unwrap();
        for cut in 0..=TWO.len() {
            let steps = read(&TWO[..cut]).unwrap();
            let whole = usize::from(cut >= first) + usize::from(cut >= TWO.len() - 1);
            assert_eq!(steps.records.len(), whole, "cut at {cut}");
            let at_an_end = [0, first, first + 1, TWO.len() - 1, TWO.len()].contains(&cut);
            assert_eq!(steps.torn, !at_an_end, "cut at {cut}");
        }
    }

    #[test]
    fn a_broken_line_in_the_middle_is_an_error() {
        let message = read(&TWO.replacen("2.5", "x", 1)).unwrap_err().to_string();
        assert!(message.starts_with("runs/a/steps.jsonl:1: no step record: "), "{message}");
    }
}
