use std::collections::BTreeMap;
use std::path::Path;

use crate::Error;
use crate::Record;

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
/// A run that was continued goes on from the step of its checkpoint, at the end of the file: steps that it had taken
/// before come again. Of one step the last record counts; all have the same bits but for the seconds. A line that was cut
/// off and then followed by a step that is no later than its own is left out.
///
/// # Errors
/// [`Error::Record`] for any other line that is no record.
pub fn read_steps(path: &Path, text: &str) -> Result<Steps, Error> {
    let mut records = BTreeMap::new();
    let mut torn = None;
    // The step that a torn line was of.
    let mut next = 0;
    for (index, line) in text.lines().enumerate() {
        match serde_json::from_str::<Record>(line) {
            Ok(record) => {
                if let Some((line, source)) = torn.take().filter(|_| record.step > next) {
                    return Err(Error::Record { path: path.to_owned(), line, source });
                }
                next = record.step + 1;
                records.insert(record.step, record);
            }
            Err(source) => drop(torn.get_or_insert((index + 1, source))),
        }
    }
    Ok(Steps { records: records.into_values().collect(), torn: torn.is_some() })
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
