use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::Error;
use crate::Record;
use crate::disk::{Disk, SYSTEM};

/// Appends step records to a file, one JSON object per line, each handed to the operating system before the next is made.
///
/// A kill loses no record that was appended. It may tear the line that was being written, which the reader then leaves
/// out. Nothing is forced onto the disk: if the machine itself dies, what the system had not written yet is lost.
pub struct StepWriter {
    out: Box<dyn Write + Send>,
    /// The file behind it, if there is one.
    file: Option<File>,
    /// Whether the file system counts the names of the file.
    counted: bool,
    path: PathBuf,
    line: Vec<u8>,
    disk: &'static dyn Disk,
}

impl StepWriter {
    /// Opens `path`, which must not exist yet.
    ///
    /// # Errors
    /// [`Error::Write`] if it cannot be created.
    pub fn create(path: &Path) -> Result<Self, Error> {
        let file = OpenOptions::new().append(true).create_new(true).open(path).map_err(Error::write(path))?;
        Self::to_file(file, path)
    }

    /// Opens `path` to go on at its end, or creates it. A line that was cut off there is ended first.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn at_end(path: &Path) -> Result<Self, Error> {
        Self::to_file(open_at_end(path).map_err(Error::write(path))?, path)
    }

    fn to_file(file: File, path: &Path) -> Result<Self, Error> {
        let again = file.try_clone().map_err(Error::write(path))?;
        let counted = has_name(&again);
        Ok(Self { file: Some(again), counted, ..Self::to(Box::new(file), path) })
    }

    /// Writes to `out`, which must not buffer; `path` names it in errors.
    pub fn to(out: Box<dyn Write + Send>, path: &Path) -> Self {
        Self { out, file: None, counted: false, path: path.to_owned(), line: Vec::new(), disk: &SYSTEM }
    }

    /// Appends one record, by a single write if the system takes it whole.
    ///
    /// # Errors
    /// [`Error::Write`], for instance on a full disk. What was written before stays. [`Error::Gone`].
    pub fn append(&mut self, record: &Record) -> Result<(), Error> {
        self.line.clear();
        serde_json::to_writer(&mut self.line, record).map_err(|error| Error::write(&self.path)(error.into()))?;
        self.line.push(b'\n');
        self.out.write_all(&self.line).map_err(Error::write(&self.path))?;
        self.require_there()
    }

    /// Whether what is written can be found again: an open file takes everything, even when its folder is gone.
    ///
    /// # Errors
    /// [`Error::Gone`].
    pub fn require_there(&self) -> Result<(), Error> {
        let Some(file) = &self.file else { return Ok(()) };
        let missing = |path: &Path| fs::metadata(path).is_err_and(|error| error.kind() == ErrorKind::NotFound);
        if !missing(&self.path) && (!self.counted || has_name(file)) {
            return Ok(());
        }
        let folder = self.path.parent().filter(|folder| missing(folder));
        Err(Error::Gone(folder.unwrap_or(&self.path).to_owned()))
    }

    /// Brings everything to the disk, so that no loss of power takes it away.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn sync(&self) -> Result<(), Error> {
        self.file.as_ref().map_or(Ok(()), |file| self.disk.sync_data(file)).map_err(Error::write(&self.path))
    }
}

/// Whether a file has a name; one that was removed while it was open has none.
#[cfg(unix)]
fn has_name(file: &File) -> bool {
    use std::os::unix::fs::MetadataExt;
    file.metadata().is_ok_and(|file| file.nlink() > 0)
}

/// Elsewhere an open file cannot be removed.
#[cfg(not(unix))]
fn has_name(_: &File) -> bool {
    true
}

/// Opens a file of lines to append to it, or creates it. A last line without an end was torn: it gets its end.
pub(super) fn open_at_end(path: &Path) -> io::Result<File> {
    let mut file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
    if file.seek(SeekFrom::End(0))? > 0 {
        let mut last = [0];
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
        if last != *b"\n" {
            file.write_all(b"\n")?;
        }
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::disk::doubles::PowerCut;
    use crate::read_steps;

    /// A disk that takes `room` bytes, then is full.
    struct SmallDisk {
        room: usize,
        kept: Arc<Mutex<Vec<u8>>>,
    }

    impl Write for SmallDisk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let taken = bytes.len().min(self.room);
            if taken == 0 {
                return Err(ErrorKind::StorageFull.into());
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
    fn records_reach_the_disk_when_that_is_asked_for() {
        let root = tempfile::tempdir().unwrap();
        let disk = PowerCut::after(1);
        let mut writer = StepWriter { disk, ..StepWriter::create(&root.path().join("steps.jsonl")).unwrap() };
        writer.append(&Record::default()).unwrap();
        assert!(disk.calls.lock().unwrap().is_empty(), "no record waits for the disk");
        writer.sync().unwrap();
        assert_eq!(*disk.calls.lock().unwrap(), ["sync data"]);
        assert!(matches!(writer.sync(), Err(Error::Write { .. })), "what the disk reports is told");
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
            let text = fs::read_to_string(&path).unwrap();
            assert_eq!(read_steps(&path, &text).unwrap().records.last().unwrap().step, step);
        }
    }

    #[test]
    fn goes_on_at_the_end_of_a_torn_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("steps.jsonl");
        let mut writer = StepWriter::at_end(&path).unwrap();
        let record = |step| Record { step, loss: 0.5, ..Record::default() };
        (0..3).for_each(|step| writer.append(&record(step)).unwrap());
        writer.sync().unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let read = || read_steps(&path, &fs::read_to_string(&path).unwrap()).unwrap();
        for kept in [text.len(), text.len() - 1, text.len() - 9] {
            fs::write(&path, &text[..kept]).unwrap();
            let mut writer = StepWriter::at_end(&path).unwrap();
            (2..4).for_each(|step| writer.append(&record(step)).unwrap());
            assert_eq!(read().records, (0..4).map(record).collect::<Vec<_>>(), "kept {kept}");
        }
    }

    #[test]
    #[cfg(unix)]
    fn a_file_that_is_gone_is_noticed_with_the_next_record() {
        let root = tempfile::tempdir().unwrap();
        let (folder, moved) = (root.path().join("run"), root.path().join("moved"));
        let path = folder.join("steps.jsonl");
        let gone = |change: &dyn Fn()| {
            fs::create_dir(&folder).unwrap();
            let mut writer = StepWriter::create(&path).unwrap();
            writer.append(&Record::default()).unwrap();
            change();
            let Err(Error::Gone(what)) = writer.append(&Record::default()) else { panic!("not noticed") };
            let _ = fs::remove_dir_all(&folder);
            what
        };
        assert_eq!(gone(&|| fs::remove_dir_all(&folder).unwrap()), folder);
        assert_eq!(gone(&|| fs::rename(&folder, &moved).unwrap()), folder);
        assert_eq!(gone(&|| fs::remove_file(&path).unwrap()), path);
        // Another run in its place.
        let replace = || {
            fs::remove_file(&path).unwrap();
            fs::write(&path, "").unwrap();
        };
        assert_eq!(gone(&replace), path);
        assert_eq!(fs::read_to_string(moved.join("steps.jsonl")).unwrap().lines().count(), 2);
    }

    #[test]
    fn never_overwrites() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("steps.jsonl");
        StepWriter::create(&path).unwrap().append(&Record::default()).unwrap();
        assert!(StepWriter::create(&path).is_err());
        assert_eq!(read_steps(&path, &fs::read_to_string(&path).unwrap()).unwrap().records.len(), 1);
    }
}
