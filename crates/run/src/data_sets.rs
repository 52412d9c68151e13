use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use onedge_data::{Context, Progress, Split, Watch};
use onedge_registry::find;

use onedge_spec::{Part, Spec};

use crate::Error;

/// Told how far a download is.
type Observer = dyn Fn(Progress<'_>);

/// Told of what went wrong without harm.
type Listener = dyn Fn(&str);

/// What a [`DataSets`] has read, for another one on another thread.
#[derive(Clone)]
pub struct SharedData {
    cache_dir: Option<PathBuf>,
    interrupt: Option<Arc<AtomicBool>>,
    held: Vec<(Part, Arc<Split>)>,
}

/// Data sets by their settings, each read once however many runs need it.
#[derive(Default)]
pub struct DataSets {
    cache_dir: Option<PathBuf>,
    progress: Option<Box<Observer>>,
    interrupt: Option<Arc<AtomicBool>>,
    warn: Option<Box<Listener>>,
    held: Vec<(Part, Arc<Split>)>,
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

    /// Tells, in a sentence, of what went wrong without harm.
    pub(crate) fn warn(&self, sentence: &str) {
        if let Some(warn) = &self.warn {
            warn(sentence);
        }
    }

    /// What was read so far, shared and not copied.
    pub fn share(&self) -> SharedData {
        let Self { cache_dir, interrupt, held, .. } = self;
        SharedData { cache_dir: cache_dir.clone(), interrupt: interrupt.clone(), held: held.clone() }
    }

    /// The data set of `spec`, read with so many threads, 0 for all of the machine.
    ///
    /// # Errors
    /// [`Error::Data`].
    pub fn get(&mut self, spec: &Spec, threads: usize) -> Result<Arc<Split>, Error> {
        let part = &spec.data;
        if let Some((_, split)) = self.held.iter().find(|(held, _)| held == part) {
            return Ok(Arc::clone(split));
        }
        let entry = find("data set", spec.catalogue.data_sets(), &part.name).map_err(onedge_data::Error::from)?;
        let split = Arc::new(self.in_context(threads, |context| (entry.build)(&part.settings, context))?);
        self.held.push((part.clone(), Arc::clone(&split)));
        Ok(split)
    }
}

impl DataSets {
    /// What `read` makes with so many threads, watched and interrupted as all that is read here.
    pub(crate) fn in_context<R>(&self, threads: usize, read: impl FnOnce(&Context<'_>) -> R) -> R {
        let (progress, interrupt) = (self.progress.as_deref(), self.interrupt.as_deref());
        let watch = Watch { progress, interrupt, ..Watch::default() };
        let (cache_dir, warn) = (self.cache_dir.as_deref(), self.warn.as_deref());
        read(&Context { cache_dir, watch, warn, threads, allow_download: true })
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
