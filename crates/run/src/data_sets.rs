use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};

use onedge_data::table::TableEncoding;
use onedge_data::{Context, Error as DataError, FileError, Precision, Progress, Split, Watch};
use onedge_registry::find;

use onedge_spec::{NamedFile, Part, Spec};
use onedge_train::Placement;

use crate::Error;
use crate::fingerprint::of_content;
use crate::remembered::Place;

/// Told how far a download is.
type Observer = dyn Fn(Progress<'_>);

/// Told of what went wrong without harm.
type Listener = dyn Fn(&str);

/// A data set that was read.
#[derive(Clone)]
struct Held {
    part: Part,
    precision: Precision,
    split: Arc<Split>,
    /// What it holds, once somebody has asked.
    content: Arc<OnceLock<String>>,
}

/// What a [`DataSets`] has read, for another one on another thread.
#[derive(Clone)]
pub struct SharedData {
    cache_dir: Option<PathBuf>,
    interrupt: Option<Arc<AtomicBool>>,
    held: Vec<Held>,
}

/// Data sets by their settings, each read once however many runs need it.
#[derive(Default)]
pub struct DataSets {
    cache_dir: Option<PathBuf>,
    progress: Option<Box<Observer>>,
    interrupt: Option<Arc<AtomicBool>>,
    warn: Option<Box<Listener>>,
    tell: Option<Box<Listener>>,
    place: Option<Box<dyn Placement>>,
    held: Vec<Held>,
}

impl DataSets {
    /// An empty one; downloads that a spec asks for, and images that were decoded, go to `cache_dir`.
    pub fn new(cache_dir: Option<PathBuf>) -> Self {
        Self { cache_dir, ..Self::default() }
    }

    /// The same, with `progress` told how far downloads and the decoding of images are.
    pub fn watched_by(self, progress: impl Fn(Progress<'_>) + 'static) -> Self {
        Self { progress: Some(Box::new(progress)), ..self }
    }

    /// The same, with downloads that end once `interrupt` is true; what came is kept, and a later one goes on from there.
    /// The decoding of images ends too.
    pub fn stopped_by(self, interrupt: &Arc<AtomicBool>) -> Self {
        Self { interrupt: Some(Arc::clone(interrupt)), ..self }
    }

    /// The same, with `warn` told in a sentence of what went wrong without harm.
    pub fn warned_by(self, warn: impl Fn(&str) + 'static) -> Self {
        Self { warn: Some(Box::new(warn)), ..self }
    }

    /// The same, with `tell` told in a sentence how files were taken, where that may be doubted.
    pub fn told_by(self, tell: impl Fn(&str) + 'static) -> Self {
        Self { tell: Some(Box::new(tell)), ..self }
    }

    /// The same, with losses over the examples computed at `place` instead of in this process alone.
    pub fn placed_at(self, place: Box<dyn Placement>) -> Self {
        Self { place: Some(place), ..self }
    }

    /// Where losses over the examples are computed, if not here.
    pub(crate) fn place(&self) -> Option<&dyn Placement> {
        self.place.as_deref()
    }

    /// Tells, in a sentence, of what went wrong without harm.
    pub(crate) fn warn(&self, sentence: &str) {
        if let Some(warn) = &self.warn {
            warn(sentence);
        }
    }

    /// Keeps nothing of what was read: who asks again has it read again.
    pub(crate) fn let_go(&mut self) {
        self.held.clear();
    }

    /// What was read so far, shared and not copied.
    pub fn share(&self) -> SharedData {
        let Self { cache_dir, interrupt, held, .. } = self;
        SharedData { cache_dir: cache_dir.clone(), interrupt: interrupt.clone(), held: held.clone() }
    }

    /// The data set of `spec`, read with so many threads, 0 for all of the machine. Files are looked for where the spec
    /// [says](Spec::locate_data).
    ///
    /// # Errors
    /// [`Error::Data`]; [`Error::Spec`] for a path that means two files.
    pub fn get(&mut self, spec: &Spec, threads: usize) -> Result<Arc<Split>, Error> {
        Ok(self.held(spec, threads)?.split)
    }

    /// What the data of `spec` hold: a SHA-256 of all that a run sees of them.
    ///
    /// Cost: that of reading them, and a second for a gigabyte.
    ///
    /// # Errors
    /// Those of [`get`](Self::get).
    pub fn content(&mut self, spec: &Spec) -> Result<String, Error> {
        let threads =
            onedge_train::engine::options(&spec.engine).map_err(onedge_spec::Error::spec(&spec.origin))?.threads;
        Ok(self.held(spec, threads)?.content())
    }

    /// The same without reading them again if none of their files has changed since that was done last, by size, time and place.
    fn remembered_content(&mut self, spec: &Spec) -> Result<String, Error> {
        let (part, _) = spec.locate_data()?;
        if self.held.iter().any(|held| held.is(spec, &part)) {
            return self.content(spec);
        }
        let place = Place::of(spec, &part, self.cache_dir.as_deref());
        if let Some(content) = place.as_ref().and_then(Place::read) {
            return Ok(content);
        }
        let content = self.content(spec)?;
        place.inspect(|place| place.write(&content));
        Ok(content)
    }

    /// Lets specs whose data are read from files [know](Spec::content) what these hold, so that a run on other data is another run. Files that have not
    /// changed since are not read again.
    ///
    /// # Errors
    /// Those of [`get`](Self::get).
    pub fn identify<'a>(&mut self, specs: impl IntoIterator<Item = &'a mut Spec>) -> Result<(), Error> {
        for spec in specs {
            if spec.reads_files() && spec.content.is_none() {
                spec.content = Some(self.remembered_content(spec)?);
            }
        }
        Ok(())
    }

    /// Has `split` be the data of `spec` from now on.
    ///
    /// # Errors
    /// [`Error::Spec`] for a path that means two files.
    pub(crate) fn replace(&mut self, spec: &Spec, split: Split) -> Result<(), Error> {
        let (part, _) = spec.locate_data()?;
        self.held.retain(|held| !held.is(spec, &part));
        self.held.push(Held::of(spec, part, split));
        Ok(())
    }

    /// Has the data of `spec` in single precision from now on, though its run is in double.
    ///
    /// # Errors
    /// Those of [`get`](Self::get).
    pub(crate) fn hold_single(&mut self, spec: &Spec) -> Result<(), Error> {
        let (part, lost) = spec.locate_data()?;
        let threads =
            onedge_train::engine::options(&spec.engine).map_err(onedge_spec::Error::spec(&spec.origin))?.threads;
        let split = self.read_in(Precision::Single, spec, (&part, &lost), threads, None)?;
        self.replace(spec, split)
    }

    fn held(&mut self, spec: &Spec, threads: usize) -> Result<Held, Error> {
        let (part, lost) = spec.locate_data()?;
        if let Some(held) = self.held.iter().find(|held| held.is(spec, &part)) {
            return Ok(held.clone());
        }
        let split = self.read(spec, &part, &lost, threads, None)?;
        let held = Held::of(spec, part, split);
        self.held.push(held.clone());
        Ok(held)
    }

    /// The data of `spec`, with tables as `encoding` has them.
    ///
    /// # Errors
    /// Those of [`get`](Self::get); what the encoding does not know.
    pub(crate) fn encoded_by(&mut self, spec: &Spec, threads: usize, encoding: &TableEncoding) -> Result<Split, Error> {
        let (part, lost) = spec.locate_data()?;
        self.read(spec, &part, &lost, threads, Some(encoding))
    }

    fn read(
        &self,
        spec: &Spec,
        part: &Part,
        lost: &[&NamedFile],
        threads: usize,
        encoding: Option<&TableEncoding>,
    ) -> Result<Split, Error> {
        self.read_in(precision(spec), spec, (part, lost), threads, encoding)
    }

    fn read_in(
        &self,
        precision: Precision,
        spec: &Spec,
        (part, lost): (&Part, &[&NamedFile]),
        threads: usize,
        encoding: Option<&TableEncoding>,
    ) -> Result<Split, Error> {
        let entry = find("data set", spec.catalogue.data_sets(), &part.name).map_err(DataError::from)?;
        let read = |context: &Context<'_>| (entry.build)(&part.settings, &Context { encoding, precision, ..*context });
        Ok(self.in_context(threads, read).map_err(|error| sought(error, lost))?)
    }
}

/// The error for a file that is not there, with all places at which it was looked for.
fn sought(error: DataError, lost: &[&NamedFile]) -> DataError {
    let DataError::File(FileError::Missing { path, expected, advice }) = error else { return error };
    let file = lost.iter().find(|file| path.starts_with(&file.given));
    let places = file.map_or(Vec::new(), |file| file.places());
    let (Some(file), [first, others @ ..]) = (file.filter(|file| file.is_sought()), &places[..]) else {
        return DataError::File(FileError::Missing { path, expected, advice });
    };
    let rest = path.strip_prefix(&file.given).unwrap_or(&path);
    let at = |place: &PathBuf| if rest.as_os_str().is_empty() { place.clone() } else { place.join(rest) };
    let others: Vec<String> = others.iter().map(|place| at(place).display().to_string()).collect();
    let expected = match others.is_empty() {
        true => expected,
        false => format!("{expected}, there or at {}", others.join(" or ")),
    };
    let advice = format!("`data.{}` set to where it is now", file.key);
    DataError::File(FileError::Missing { path: at(first), expected, advice })
}

/// In which precision a run of `spec` takes its data.
pub(crate) fn precision(spec: &Spec) -> Precision {
    match spec.precision {
        onedge_spec::Precision::F32 => Precision::Single,
        onedge_spec::Precision::F64 => Precision::Double,
    }
}

impl Held {
    fn of(spec: &Spec, part: Part, split: Split) -> Self {
        Self { part, precision: precision(spec), split: Arc::new(split), content: Arc::default() }
    }

    /// Whether it is what a run of `spec` takes, whose data are `part`.
    fn is(&self, spec: &Spec, part: &Part) -> bool {
        self.part == *part && self.precision == precision(spec)
    }

    fn content(&self) -> String {
        self.content.get_or_init(|| of_content(&self.split)).clone()
    }
}

impl DataSets {
    /// What `read` makes with so many threads, watched and interrupted as all that is read here.
    pub(crate) fn in_context<R>(&self, threads: usize, read: impl FnOnce(&Context<'_>) -> R) -> R {
        let (progress, interrupt) = (self.progress.as_deref(), self.interrupt.as_deref());
        let watch = Watch { progress, interrupt, ..Watch::default() };
        let (cache_dir, warn, tell) = (self.cache_dir.as_deref(), self.warn.as_deref(), self.tell.as_deref());
        read(&Context { cache_dir, watch, warn, tell, threads, allow_download: true, ..Context::default() })
    }
}

impl From<SharedData> for DataSets {
    /// Nobody is told of its downloads and warnings.
    fn from(SharedData { cache_dir, interrupt, held }: SharedData) -> Self {
        Self { cache_dir, interrupt, held, ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::sync::atomic::Ordering::Relaxed;

    use onedge_data::Unit;

    use super::*;
    use onedge_spec::Document;

    #[test]
    fn a_shared_is_read_on_another_thread() {
        let spec = Spec::resolve(&Document::empty("defaults")).unwrap();
        let mut data_sets = DataSets::new(None);
        let read = data_sets.get(&spec, 1).unwrap();
        let shared = data_sets.share();
        let again = std::thread::spawn(move || DataSets::from(shared).get(&spec, 1).unwrap()).join().unwrap();
        assert!(Arc::ptr_eq(&read, &again));
    }

    #[test]
    fn downloads_are_watched_and_stopped() {
        // It sends the beginning of a file and then nothing, until the client hangs up.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mirror = format!("http://{}", listener.local_addr().unwrap());
        let server = std::thread::spawn(move || {
            let mut stream = listener.accept().unwrap().0;
            assert!(stream.read(&mut [0; 4096]).unwrap() > 0);
            let head = b"HTTP/1.1 200 OK\r\nContent-Length: 9912422\r\n\r\n";
            stream.write_all(&[&head[..], &[7; 5000]].concat()).unwrap();
            stream
        });
        let cache = tempfile::tempdir().unwrap();
        let interrupt = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&interrupt);
        let look = move |p: Progress<'_>| {
            assert_eq!((p.file, p.unit, p.total), ("train-images-idx3-ubyte.gz", Unit::Bytes, 9_912_422));
            stop.store(p.received == 5000, Relaxed);
        };
        let mut data_sets = DataSets::new(Some(cache.path().to_owned())).watched_by(look).stopped_by(&interrupt);
        let mut document = Document::empty("defaults");
        for setting in ["data=mnist", "data.download=true", &format!("data.mirror={mirror}")] {
            document.set(setting).unwrap();
        }
        let error = data_sets.get(&Spec::resolve(&document).unwrap(), 1).unwrap_err();
        assert!(error.is_interrupted() && !error.is_misuse(), "{error}");
        assert_eq!(std::fs::read(cache.path().join("mnist/train-images-idx3-ubyte.gz.part")).unwrap(), [7; 5000]);
        drop(server.join());
    }
}
