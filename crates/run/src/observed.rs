//! A run whose loop is elsewhere: records arrive, and its folder is that of any run.

use std::path::Path;
use std::time::SystemTime;

use onedge_record::{Error as RecordError, Record, RunDirectory, StepWriter, StopReason, Summary, write_whole};
use onedge_registry::Value;
use onedge_train::Recorder;

use crate::Error;
use crate::own::{text, with_provenance};
use crate::recorded::Recorded;
use crate::registration::Registration;

/// A run that another loop does, which tells of its steps.
///
/// The folder holds `spec.toml` (what is said of the run), `steps.jsonl`, and at the end `summary.json`, and is locked meanwhile: so it is found, listed, drawn and
/// followed as any run is, and one whose loop was killed is known as killed. It has no parameters and cannot be continued.
pub struct Observed {
    directory: RunDirectory,
    registration: Registration<'static>,
    steps: StepWriter,
    recorded: Recorded,
    name: String,
    parameters: u64,
    last: Option<(u64, f64, f64)>,
}

impl Observed {
    /// Begins a run in the new or empty `folder`. `described` is what is to be said of it, by dotted keys: `optimizer.name`, `steps`.
    ///
    /// # Errors
    /// A folder with something in it; one that cannot be written.
    pub fn begin(folder: &Path, parameters: u64, described: &[(String, Value)]) -> Result<Self, Error> {
        let directory = RunDirectory::create(folder)?;
        let registration = Registration::begin(None, folder, &|_| {})?;
        let name = folder.file_name().map_or("run".to_owned(), |name| name.to_string_lossy().into_owned());
        let spec = with_provenance(&name, &text(described), None, &registration);
        write_whole(&directory.spec(), spec.as_bytes())?;
        let steps = StepWriter::create(&directory.steps())?;
        Ok(Self {
            directory,
            registration,
            steps,
            recorded: Recorded::new(Recorder::of_all(), 0),
            name,
            parameters,
            last: None,
        })
    }

    /// Appends the record of a step, a later one than those before: it is on its way to the disk when this returns.
    ///
    /// # Errors
    /// A step that is not later; a full disk, a folder that is gone.
    pub fn append(&mut self, record: Record) -> Result<(), Error> {
        if let Some((last, ..)) = self.last.filter(|(last, ..)| record.step <= *last) {
            let expected = format!("a later step than {last}, the last one recorded");
            return Err(Error::Option { option: "step", expected, got: record.step.to_string() });
        }
        self.steps.append(&record)?;
        self.last = Some((record.step, record.seconds, record.cost));
        self.recorded.see(&record);
        Ok(())
    }

    /// Steps taken so far: one more than the number of the last.
    pub fn reached(&self) -> u64 {
        self.last.map_or(0, |(step, ..)| step + 1)
    }

    /// Ends the run: brings the records to the disk, writes the summary and lets go of the folder. `spent` are the seconds that went into diagnostics.
    ///
    /// # Errors
    /// [`RecordError::Write`].
    pub fn finish(self, stop: StopReason, spent: f64) -> Result<(), Error> {
        let steps = self.reached();
        let Self { directory, registration, steps: writer, recorded, name, parameters, last } = self;
        writer.sync().map_err(|error: RecordError| Error::from(error))?;
        let (_, seconds, cost) = last.unwrap_or_default();
        let summary = Summary {
            name,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            stop,
            ended: Some(humantime::format_rfc3339_seconds(SystemTime::now()).to_string()),
            steps,
            parameters,
            seconds,
            spectrum_seconds: spent,
            checkpoint_seconds: 0.0,
            checkpoints_failed: 0,
            cost,
            first_loss: recorded.first_loss(),
            final_loss: recorded.final_loss(),
            best_loss: recorded.best_loss(),
            best: None,
            events: Default::default(),
            findings: Vec::new(),
            train: Default::default(),
            test: Default::default(),
        };
        directory.write_summary(&summary)?;
        registration.end(&|_| {});
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(step: u64, loss: f64) -> Record {
        Record { step, loss, learning_rate: 0.1, sharpness: Some(3.0), seconds: step as f64, ..Record::default() }
    }

    #[test]
    fn leaves_what_any_run_leaves() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("seen");
        let described = [("optimizer.name".to_owned(), Value::Text("gd".to_owned()))];
        let mut run = Observed::begin(&folder, 7, &described).unwrap();
        let directory = RunDirectory::open(&folder).unwrap();
        assert!(directory.is_running() && Observed::begin(&folder, 7, &described).is_err());
        // Steps may be left out, and are not taken twice.
        for (step, loss) in [(0, 4.0), (5, 2.0), (6, 1.0)] {
            run.append(record(step, loss)).unwrap();
        }
        let message = run.append(record(6, 1.0)).unwrap_err().to_string();
        assert!(message.contains("later step than 6"), "{message}");
        run.finish(StopReason::StepsDone, 0.5).unwrap();
        let summary = directory.read_summary().unwrap().unwrap();
        assert_eq!((summary.name.as_str(), summary.steps, summary.parameters), ("seen", 7, 7));
        assert_eq!((summary.first_loss, summary.best_loss), (Some(4.0), Some(1.0)));
        assert_eq!(directory.read_steps().unwrap().records.len(), 3);
        assert!(!directory.is_running());
    }
}
