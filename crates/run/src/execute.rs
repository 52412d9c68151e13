use std::path::Path;

use onedge_record::{Record, Register, StopReason, check_writable, params};
use onedge_registry::Value;
use onedge_spec::{Precision, Spec};
use onedge_train::Element;

use crate::fingerprint::of_file;
use crate::meaning::Learned;
use crate::prepare::prepare;
use crate::session::{Described, Opening, Session, begin};
use crate::{DataSets, Error, Finished, Interrupt, Place};

/// A run to be done.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// What to do.
    pub spec: &'a Spec,
    /// Where to leave it.
    pub place: Place<'a>,
    /// What is told as the run begins and ends.
    pub register: Option<&'a dyn Register>,
    /// Parameters to start from, instead of random ones.
    pub start: Option<&'a Path>,
    /// Where to write the parameters at the end, besides the run's folder.
    pub save: Option<&'a Path>,
}

/// Does a run and leaves its folder, see [`RunDirectory`](onedge_record::RunDirectory). `observe` sees every record.
///
/// # Errors
/// Whatever is wrong with spec, data, parameters or places, before training; [`Error::Incomplete`], after it, if a file
/// could not be written. Then everything else is there.
///
/// # Example
/// ```
/// use std::sync::atomic::AtomicBool;
///
/// use onedge_run::{DataSets, Place, Request, execute};
/// use onedge_spec::{Document, Spec};
///
/// let document = Document::parse("mine.toml", "steps = 20\n[data]\nname = \"mixture\"\nexamples = 64\n[model]\nhidden = [8]\n")?;
/// let spec = Spec::resolve(&document)?;
/// # let root = tempfile::tempdir()?;
/// # let root = root.path();
/// let request = Request { spec: &spec, place: Place::Under(root), register: None, start: None, save: None };
/// let finished = execute(&request, &mut DataSets::new(None), &mut |_| {}, &AtomicBool::new(false))?;
/// assert_eq!(finished.summary.steps, 20);
/// assert!(finished.folder.join("params.safetensors").is_file());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn execute(
    request: &Request<'_>,
    data_sets: &mut DataSets,
    observe: &mut dyn FnMut(&Record),
    interrupt: &dyn Interrupt,
) -> Result<Finished, Error> {
    let mut judge = |record: &Record| {
        observe(record);
        None
    };
    execute_until(request, data_sets, &mut judge, interrupt)
}

/// The same, with the run ended where `judge`, which sees every record, gives a reason to.
///
/// # Errors
/// Those of [`execute`].
pub fn execute_until(
    request: &Request<'_>,
    data_sets: &mut DataSets,
    judge: &mut dyn FnMut(&Record) -> Option<StopReason>,
    interrupt: &dyn Interrupt,
) -> Result<Finished, Error> {
    match request.spec.precision {
        Precision::F32 => execute_in::<f32>(request, data_sets, judge, interrupt),
        Precision::F64 => execute_in::<f64>(request, data_sets, judge, interrupt),
    }
}

fn execute_in<T: Element>(
    request: &Request<'_>,
    data_sets: &mut DataSets,
    judge: &mut dyn FnMut(&Record) -> Option<StopReason>,
    interrupt: &dyn Interrupt,
) -> Result<Finished, Error> {
    let spec = request.spec;
    let prepared = prepare::<T>(spec, data_sets)?;
    let w = match request.start {
        Some(path) => {
            let learned = Learned::of_parameters(path)?;
            if let Some(difference) = prepared.problem.data.as_ref().and_then(|data| learned.difference(data)) {
                data_sets.warn(&format!(
                    "{}: the parameters were trained on data that mean something else ({difference})",
                    path.display()
                ));
            }
            params::load(path, &prepared.problem.layouts)?
        }
        None => prepared.problem.initial(spec.seed),
    };
    let sources = request.start.map(start).transpose()?.unwrap_or_default();
    if let Some(path) = request.save {
        check_writable(path)?;
    }
    let (directory, registration) = begin(request.place, request.register, spec, sources, data_sets)?;
    let opening = Opening::New;
    let session = Session {
        described: Described::by(spec),
        prepared,
        directory,
        registration,
        opening,
        w,
        first: 0,
        is_fresh: request.start.is_none(),
        save: request.save,
    };
    session.run(data_sets, judge, interrupt)
}

/// What a spec records of the file of parameters that a run starts from: a path alone says nothing once the file changes.
fn start(path: &Path) -> Result<Vec<(String, Value)>, Error> {
    let (at, sum) = (std::path::absolute(path).unwrap_or_else(|_| path.to_owned()), of_file(path)?);
    let noted = [("start", at.display().to_string()), ("start_sha256", sum)];
    Ok(noted.map(|(key, text)| (key.to_owned(), Value::Text(text))).into())
}
