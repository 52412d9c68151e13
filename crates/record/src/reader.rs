use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use crate::lines::Lines;
use crate::{Error, Record, Survey};

/// The records of a run, as far as they were written.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Steps {
    /// One for each step, in the order of steps.
    pub records: Vec<Record>,
    /// Whether the last line was cut off, by a kill or a full disk, and left out.
    pub torn: bool,
}

/// Reads step records: one JSON object per line. Unknown keys are skipped, so that newer files can be read.
///
/// Which lines count is what [`Survey`] says: of one step the last record.
///
/// # Errors
/// [`Error::Record`] for a damaged line.
pub fn read_steps(path: &Path, text: &str) -> Result<Steps, Error> {
    let (mut records, survey) = (Vec::new(), Survey::of(text.as_bytes(), path, None)?);
    let torn = each(&survey, text.as_bytes(), path, &mut |record| records.push(record))?;
    Ok(Steps { records, torn })
}

/// The same of a file, record by record: memory for one, however many there are. Returns whether the last line was torn.
///
/// # Errors
/// [`Error::Read`], [`Error::Record`].
pub(crate) fn each_of_file(path: &Path, see: &mut dyn FnMut(Record)) -> Result<bool, Error> {
    let survey = Survey::of_file(path)?;
    let file = File::open(path).map_err(Error::read(path))?;
    each(&survey, BufReader::with_capacity(1 << 17, file), path, see)
}

fn each(survey: &Survey, input: impl BufRead, path: &Path, see: &mut dyn FnMut(Record)) -> Result<bool, Error> {
    let mut lines = Lines::of(input);
    // What was appended since the survey is left for the next reader.
    while lines.number() < survey.lines() && lines.advance().map_err(Error::read(path))? {
        let line = lines.number();
        if !survey.shows(line, lines.line()) || survey.torn() && line == survey.lines() {
            continue;
        }
        let record = serde_json::from_slice(lines.line());
        see(record.map_err(|source| Error::Record { path: path.to_owned(), line, source })?);
    }
    Ok(survey.torn())
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
        assert!(
            message.starts_with("runs/a/steps.jsonl:1: expected what a run records, got something else ("),
            "{message}"
        );
    }

    #[test]
    fn the_last_record_of_a_step_counts() {
        let again = TWO.replace("0.2,", "0.3,");
        let steps = read(&format!("{TWO}{}", again.lines().nth(1).unwrap())).unwrap();
        assert_eq!(steps.records.iter().map(|r| (r.step, r.seconds)).collect::<Vec<_>>(), [(0, 0.1), (1, 0.3)]);
        // From the beginning again, over a torn line and another.
        let steps = read(&format!("{TWO}{{\"step\":2,\"lo\n{{\"st\n{again}")).unwrap();
        assert_eq!(steps, Steps { records: read(&again).unwrap().records, torn: false });
        let lost = format!("{TWO}{{\"step\":2,\"lo\n{}", TWO.lines().nth(1).unwrap().replace(":1,", ":3,"));
        assert!(
            read(&lost)
                .unwrap_err()
                .to_string()
                .starts_with("runs/a/steps.jsonl:3: expected what a run records, got something else (")
        );
    }
}
