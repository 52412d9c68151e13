use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use onedge_registry::Value;
use onedge_spectrum::diagnostics::Setup;
use onedge_spectrum::{Lanczos, Wanted};
use onedge_tune::{Error as TuneError, Optimizer, Tuner};
use sha2::{Digest, Sha256};

use crate::Error;
use crate::checkpoint::hex;
use crate::params::{self, Layout};
use crate::records::{Record, RunDirectory, StopReason, Summary, check_writable, write_whole};
use crate::run::session::{Opening, Session};
use crate::run::{Augment, Diagnostics, Element, Instruments, Last, Library, Plan, Problem, instruments};
use crate::spec::{Precision, Spec};
use crate::store::Registration;

/// A run to be done.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// What to do.
    pub spec: &'a Spec,
    /// Where to leave it.
    pub place: Place<'a>,
    /// The root of the store whose index is to know of it, if it lies there.
    pub store: Option<&'a Path>,
    /// Parameters to start from, instead of random ones.
    pub start: Option<&'a Path>,
    /// Where to write the parameters at the end, besides the run's folder.
    pub save: Option<&'a Path>,
}

/// Where a run leaves its files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place<'a> {
    /// In this folder, which must be new or empty.
    At(&'a Path),
    /// In a new folder inside of this one, named for the run.
    Under(&'a Path),
}

/// Where a run is known and kept besides its own folder.
#[derive(Debug, Clone, Copy, Default)]
pub struct Besides<'a> {
    /// The root of the store whose index is to know of it, if it lies there.
    pub store: Option<&'a Path>,
    /// Where to write the parameters at the end.
    pub save: Option<&'a Path>,
}

/// A run that came to its end, whatever the reason.
#[derive(Debug, Clone, PartialEq)]
pub struct Finished {
    /// Its folder.
    pub folder: PathBuf,
    /// How it went.
    pub summary: Summary,
    /// What was recorded.
    pub records: Vec<Record>,
    /// Where learning rate times sharpness has its edge, for this optimizer, if it has one.
    pub edge: Option<f64>,
}

/// Does a run and leaves its folder, see [`RunDirectory`]. `observe` sees every record.
///
/// # Errors
/// Whatever is wrong with spec, data, parameters or places, before training; [`Error::Incomplete`], after it, if a file
/// could not be written. Then everything else is there.
pub fn execute(
    request: &Request<'_>,
    library: &mut Library,
    observe: &mut dyn FnMut(&Record),
    interrupt: &AtomicBool,
) -> Result<Finished, Error> {
    let mut judge = |record: &Record| {
        observe(record);
        None
    };
    execute_until(request, library, &mut judge, interrupt)
}

/// The same, with the run ended where `judge`, which sees every record, gives a reason to.
///
/// # Errors
/// Those of [`execute`].
pub fn execute_until(
    request: &Request<'_>,
    library: &mut Library,
    judge: &mut dyn FnMut(&Record) -> Option<StopReason>,
    interrupt: &AtomicBool,
) -> Result<Finished, Error> {
    match request.spec.precision {
        Precision::F32 => execute_in::<f32>(request, library, judge, interrupt),
        Precision::F64 => execute_in::<f64>(request, library, judge, interrupt),
    }
}

/// The training loop that a spec asks for; what it changes in images is left out, as that depends on the data.
///
/// # Errors
/// A number of the spec outside of its range.
pub fn plan(spec: &Spec) -> Result<Plan, Error> {
    let (settings, fail) = (&spec.diagnostics, Error::spec(&spec.origin));
    let positive = |key: &str| match settings.count(key) {
        Ok(0) => Err(settings.out_of_range(key, "1 or more")),
        count => count,
    };
    let k = positive("top_k").map_err(&fail)?;
    let lanczos = Lanczos {
        wanted: if settings.flag("magnitude") { Wanted::Both } else { Wanted::Algebraic },
        tolerance: settings
            .number_where("tolerance", "a number between 0 and 1", |x| x > 0.0 && x < 1.0)
            .map_err(&fail)?,
        max_products: positive("max_products").map_err(&fail)?,
        threads: super::engine::options(&spec.engine).map_err(&fail)?.threads,
        ..Lanczos::top(k, spec.seed)
    };
    let diagnostics = Diagnostics {
        sharpness_every: settings.count("sharpness_every").map_err(&fail)? as u64,
        hessian: settings.flag("hessian"),
        curvature: settings.flag("curvature"),
        lanczos,
    };
    Ok(Plan {
        steps: spec.steps,
        batch: spec.batch,
        last: if spec.drop_last { Last::Dropped } else { Last::Kept },
        augment: None,
        seed: spec.seed,
        target_loss: spec.target_loss,
        diverge_factor: spec.diverge_factor,
        diagnostics,
        checkpoints: spec.checkpoints,
    })
}

/// Whether a run of `spec` can start: reads its data, builds its network and trains nothing.
///
/// # Errors
/// Whatever [`execute`] would find wrong with spec or data before the first step.
pub fn check(spec: &Spec, library: &mut Library) -> Result<(), Error> {
    match spec.precision {
        Precision::F32 => prepare::<f32>(spec, library).map(drop),
        Precision::F64 => prepare::<f64>(spec, library).map(drop),
    }
}

/// The same for every spec of a list: finds what is wrong with any of them before hours are spent on the others. Specs
/// that differ only in what cannot stop a run are looked at once.
///
/// # Errors
/// Those of [`check`].
pub fn check_all<'a>(specs: impl IntoIterator<Item = &'a Spec>, library: &mut Library) -> Result<(), Error> {
    // All that decides whether a run can start.
    let same = |a: &Spec, b: &Spec| {
        (&a.data, &a.model, &a.loss, &a.engine, &a.diagnostics, &a.optimizer, a.batch, a.precision)
            == (&b.data, &b.model, &b.loss, &b.engine, &b.diagnostics, &b.optimizer, b.batch, b.precision)
    };
    let mut checked: Vec<&Spec> = Vec::new();
    for spec in specs {
        if !checked.iter().any(|other| same(spec, other)) {
            check(spec, library)?;
            checked.push(spec);
        }
    }
    Ok(())
}

/// What a run needs beside a folder and parameters.
pub(super) struct Prepared<T: Element> {
    pub(super) plan: Plan,
    pub(super) problem: Problem<T>,
    pub(super) method: (Box<dyn Optimizer<T>>, Box<dyn Tuner>),
    pub(super) instruments: Instruments<T>,
}

pub(super) fn prepare<T: Element>(spec: &Spec, library: &mut Library) -> Result<Prepared<T>, Error> {
    let plan = plan(spec)?;
    let problem = Problem::build(spec, library)?;
    let examples = problem.train.examples();
    let in_spec = Error::spec(&spec.origin);
    plan.check_batch(examples)?;
    instruments::check(&spec.diagnostics, spec.batch, examples).map_err(&in_spec)?;
    let augment = Augment::new(&problem.input_shape, spec.crop, spec.flip)?;
    let mut optimizer = spec.build_optimizer::<T>().map_err(&in_spec)?;
    optimizer.set_layers(&Layout::layers(&problem.layouts)).map_err(|error| match error {
        TuneError::Setting(source) => in_spec(source),
        other => other.into(),
    })?;
    let method = (optimizer, spec.build_tuner().map_err(&in_spec)?);
    let threads = plan.diagnostics.lanczos.threads;
    let setup = Setup { seed: spec.seed, threads, batch_size: spec.batch };
    let instruments = Instruments::new(&spec.diagnostics, &problem.layouts, setup).map_err(&in_spec)?;
    Ok(Prepared { plan: Plan { augment, ..plan }, problem, method, instruments })
}

fn execute_in<T: Element>(
    request: &Request<'_>,
    library: &mut Library,
    judge: &mut dyn FnMut(&Record) -> Option<StopReason>,
    interrupt: &AtomicBool,
) -> Result<Finished, Error> {
    let spec = request.spec;
    let prepared = prepare::<T>(spec, library)?;
    let w = match request.start {
        Some(path) => params::load(path, &prepared.problem.layouts)?,
        None => prepared.problem.initial(spec.seed),
    };
    let sources = request.start.map(start).transpose()?.unwrap_or_default();
    if let Some(path) = request.save {
        check_writable(path)?;
    }
    let (directory, registration) = begin(request.place, request.store, spec, sources, library)?;
    let opening = Opening::New;
    let session =
        Session { spec, prepared, directory, registration, opening, w, records: Vec::new(), save: request.save };
    session.run(library, judge, interrupt)
}

/// Makes the folder of a run, locks it and leaves the spec in it, with more to tell of where the run came from.
pub(super) fn begin<'a>(
    place: Place<'_>,
    store: Option<&'a Path>,
    spec: &Spec,
    mut sources: Vec<(&'static str, Value)>,
    library: &Library,
) -> Result<(RunDirectory, Registration<'a>), Error> {
    let directory = match place {
        Place::At(path) => RunDirectory::create(path)?,
        Place::Under(root) => RunDirectory::create_numbered(root, &file_name(&spec.name))?,
    };
    let registration = Registration::begin(store, directory.path(), &|warning| library.warn(warning))?;
    sources.extend(registration.provenance());
    write_whole(&directory.spec(), spec.to_toml_from(&sources).as_bytes())?;
    Ok((directory, registration))
}

/// What a spec records of the file of parameters that a run starts from: a path alone says nothing once the file changes.
fn start(path: &Path) -> Result<Vec<(&'static str, Value)>, Error> {
    Ok(vec![("start", Value::Text(path.display().to_string())), ("start_sha256", Value::Text(file_sum(path)?))])
}

/// The SHA-256 of a file.
pub(super) fn file_sum(path: &Path) -> Result<String, Error> {
    let bytes = fs::read(path).map_err(Error::read(path))?;
    Ok(hex(Sha256::new_with_prefix(bytes)))
}

/// The name with everything replaced that some file system might not take.
pub(crate) fn file_name(name: &str) -> String {
    let safe = |c: char| if c.is_alphanumeric() || "._-+=".contains(c) { c } else { '-' };
    let name: String = name.trim().chars().map(safe).collect();
    if name.starts_with('.') { format!("run{name}") } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_file_names() {
        assert_eq!(file_name("cdat sigma=2.06"), "cdat-sigma=2.06");
        assert_eq!(file_name("../up/x"), "run..-up-x");
        assert_eq!(file_name("σ = 2"), "σ-=-2");
    }
}
