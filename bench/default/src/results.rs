//! The file of results: one line for each run.

use std::collections::BTreeSet;
use std::error::Error;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::Path;

use crate::trial::Trial;

const HEADER: &str = "cell,method,seed,ending,steps,cost,first,loss,score,events,seconds";

/// One run of the results, as far as the report needs it.
#[derive(Debug, Clone)]
pub struct Row {
    /// The cell's name.
    pub cell: String,
    /// The method's.
    pub method: String,
    /// `budget`, `diverged` or `failed`.
    pub ending: String,
    /// The loss over all training examples before the first step.
    pub first: f64,
    /// The same at the end.
    pub loss: f64,
    /// Accuracy on the test examples, or minus the loss there.
    pub score: f64,
}

/// All runs of the file at `path`.
///
/// # Errors
/// A file that cannot be read, a line that is none of ours.
pub fn rows(path: &Path) -> Result<Vec<Row>, Box<dyn Error>> {
    let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let row = |(number, line): (usize, &str)| {
        let fields: Vec<&str> = line.split(',').collect();
        let [cell, method, _, ending, _, _, first, loss, score, _, _] = fields[..] else {
            return Err(format!("{}:{}: expected {HEADER}", path.display(), number + 2).into());
        };
        let (cell, method, ending) = (cell.to_owned(), method.to_owned(), ending.to_owned());
        Ok(Row { cell, method, ending, first: first.parse()?, loss: loss.parse()?, score: score.parse()? })
    };
    text.lines().skip(1).enumerate().map(row).collect()
}

/// Open for appending.
pub struct Results {
    file: File,
    done: BTreeSet<(String, String, u64)>,
}

impl Results {
    /// The file at `path`, made if it is not there.
    ///
    /// # Errors
    /// A file that cannot be read or written.
    pub fn open(path: &Path) -> Result<Self, Box<dyn Error>> {
        let text = fs::read_to_string(path).unwrap_or_default();
        let done = text.lines().skip(1).filter_map(|line| {
            let mut fields = line.split(',');
            Some((fields.next()?.to_owned(), fields.next()?.to_owned(), fields.next()?.parse().ok()?))
        });
        let done = done.collect();
        let mut file = OpenOptions::new().create(true).append(true).open(path)?;
        if text.is_empty() {
            writeln!(file, "{HEADER}")?;
        }
        Ok(Self { file, done })
    }

    /// Whether a run is there already.
    pub fn has(&self, cell: &str, method: &str, seed: u64) -> bool {
        self.done.contains(&(cell.to_owned(), method.to_owned(), seed))
    }

    /// Appends a run.
    pub fn add(&mut self, cell: &str, method: &str, seed: u64, trial: &Trial) {
        let Trial { steps, cost, first, loss, score, ending, events, seconds } = trial;
        let line = format!(
            "{cell},{method},{seed},{ending},{steps},{cost:.0},{first:.6},{loss:.6e},{score:.5},{events},{seconds:.2}\n"
        );
        if let Err(error) = self.file.write_all(line.as_bytes()) {
            eprintln!("results: {error}");
        }
    }
}
