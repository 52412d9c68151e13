use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::Error;
use crate::records::Record;

/// Appends step records to a file, one JSON object per line, each handed to the operating system before the next is made.
///
/// A kill loses no record that was appended. It may tear the line that was being written, which the reader then leaves
/// out. Nothing is forced onto the disk: if the machine itself dies, what the system had not written yet is lost.
pub struct StepWriter {
    out: Box<dyn Write + Send>,
    path: PathBuf,
    line: Vec<u8>,
}

impl StepWriter {
    /// Opens `path`, which must not exist yet.
    ///
    /// # Errors
    /// [`Error::Write`] if it cannot be created.
    pub fn create(path: &Path) -> Result<Self, Error> {
        let file = OpenOptions::new().append(true).create_new(true).open(path).map_err(Error::write(path))?;
        Ok(Self::to(Box::new(file), path))
    }

    /// Writes to `out`, which must not buffer; `path` names it in errors.
    pub fn to(out: Box<dyn Write + Send>, path: &Path) -> Self {
        Self { out, path: path.to_owned(), line: Vec::new() }
    }

    /// Appends one record, by a single write if the system takes it whole.
    ///
    /// # Errors
    /// [`Error::Write`], for instance on a full disk. What was written before stays.
    pub fn append(&mut self, record: &Record) -> Result<(), Error> {
        self.line.clear();
        serde_json::to_writer(&mut self.line, record).map_err(|error| Error::write(&self.path)(error.into()))?;
        self.line.push(b'\n');
        self.out.write_all(&self.line).map_err(Error::write(&self.path))
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::records::read_steps;

    /// A disk that takes `room` bytes, then is full.
    struct SmallDisk {
        room: usize,
        kept: Arc<Mutex<Vec<u8>>>,
    }

    impl Write for SmallDisk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let taken = bytes.len().min(self.room);
            if taken == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.room -= taken;
            self.kept.lock().unwrap().extend(&bytes[..taken]);
            Ok(taken)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_full_disk_is_an_error_and_keeps_what_was_written() {
        let kept = Arc::new(Mutex::new(Vec::new()));
        let disk = SmallDisk { room: 180, kept: Arc::clone(&kept) };
        let mut writer = StepWriter::to(Box::new(disk), Path::new("runs/a/steps.jsonl"));
        let mut append = |step| writer.append(&Record { step, loss: 0.5, ..Record::default() });
        append(0).unwrap();
        append(1).unwrap();
        let message = append(2).unwrap_err().to_string();
        assert!(message.starts_with("runs/a/steps.jsonl: cannot write: "), "{message}");
        assert!(message.contains("no storage space"), "{message}");
        let text = String::from_utf8(kept.lock().unwrap().clone()).unwrap();
        let steps = read_steps(Path::new("steps"), &text).unwrap();
        assert_eq!(steps.records.len(), 2);
        assert!(steps.torn);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_real_full_device_is_an_error_too() {
        let path = Path::new("/dev/full");
        let device = OpenOptions::new().write(true).open(path).unwrap();
        let mut writer = StepWriter::to(Box::new(device), path);
        assert!(matches!(writer.append(&Record::default()), Err(Error::Write { .. })));
    }

    #[test]
    fn every_record_is_in_the_file_once_it_is_appended() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("steps.jsonl");
        let mut writer = StepWriter::create(&path).unwrap();
        for step in 0..3 {
            writer.append(&Record { step, ..Record::default() }).unwrap();
            let text = std::fs::read_to_string(&path).unwrap();
            assert_eq!(read_steps(&path, &text).unwrap().records.last().unwrap().step, step);
        }
    }

    #[test]
    fn never_overwrites() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("steps.jsonl");
        StepWriter::create(&path).unwrap().append(&Record::default()).unwrap();
        assert!(StepWriter::create(&path).is_err());
        assert_eq!(read_steps(&path, &std::fs::read_to_string(&path).unwrap()).unwrap().records.len(), 1);
    }
}
