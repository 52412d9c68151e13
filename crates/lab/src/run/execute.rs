use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use onedge_objective::Error as ObjectiveError;
use onedge_registry::Value;
use onedge_spectrum::diagnostics::Setup;
use onedge_spectrum::{Lanczos, Wanted};
use sha2::{Digest, Sha256};

use crate::Error;
use crate::params;
use crate::records::{Record, RunDirectory, StepWriter, Summary, check_writable, final_loss};
use crate::run::{
    Augment, Diagnostics, Element, Hooks, Instruments, Last, Library, Outcome, Plan, Problem, Workload, instruments,
    train,
};
use crate::spec::{Precision, Spec};

/// A run to be done.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// What to do.
    pub spec: &'a Spec,
    /// Where to leave it.
    pub place: Place<'a>,
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
    match request.spec.precision {
        Precision::F32 => execute_in::<f32>(request, library, observe, interrupt),
        Precision::F64 => execute_in::<f64>(request, library, observe, interrupt),
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

fn prepare<T: Element>(spec: &Spec, library: &mut Library) -> Result<(Plan, Problem<T>), Error> {
    let plan = plan(spec)?;
    let problem = Problem::build(spec, library)?;
    let examples = problem.train.examples();
    plan.check_batch(examples)?;
    instruments::check(&spec.diagnostics, spec.batch, examples).map_err(Error::spec(&spec.origin))?;
    let augment = Augment::new(&problem.input_shape, spec.crop, spec.flip)?;
    Ok((Plan { augment, ..plan }, problem))
}

fn execute_in<T: Element>(
    request: &Request<'_>,
    library: &mut Library,
    observe: &mut dyn FnMut(&Record),
    interrupt: &AtomicBool,
) -> Result<Finished, Error> {
    let spec = request.spec;
    let (plan, mut problem) = prepare::<T>(spec, library)?;
    let mut w = match request.start {
        Some(path) => params::load(path, &problem.layouts)?,
        None => problem.initial(spec.seed),
    };
    let in_spec = Error::spec(&spec.origin);
    let method = (spec.build_optimizer().map_err(&in_spec)?, spec.build_tuner().map_err(&in_spec)?);

    let threads = plan.diagnostics.lanczos.threads;
    let setup = Setup { seed: spec.seed, threads, batch_size: spec.batch };
    let mut instruments = Instruments::new(&spec.diagnostics, &problem.layouts, setup).map_err(&in_spec)?;

    let start = request.start.map(start).transpose()?.unwrap_or_default();
    if let Some(path) = request.save {
        check_writable(path)?;
    }
    let directory = match request.place {
        Place::At(path) => RunDirectory::create(path)?,
        Place::Under(root) => RunDirectory::create_numbered(root, &file_name(&spec.name))?,
    };
    let mut made = OpenOptions::new();
    let mut file = made.write(true).create_new(true).open(directory.spec()).map_err(Error::write(&directory.spec()))?;
    file.write_all(spec.to_toml_from(&start).as_bytes()).map_err(Error::write(&directory.spec()))?;
    let mut writer = StepWriter::create(&directory.steps())?;

    let mut records = Vec::new();
    let mut lost = FirstError::default();
    let mut keep = |record: &Record| {
        observe(record);
        records.push(record.clone());
        writer.append(record).map_err(|error| {
            let message = error.to_string();
            lost.keep(Err::<(), _>(error));
            message
        })
    };
    let hooks = Hooks { record: &mut keep, interrupt };
    let outcome = train(&plan, &mut *problem.train, &mut w, method, &mut instruments, hooks)?;

    lost.keep(writer.flush());
    if let Some(path) = request.save {
        lost.keep(params::save(path, &problem.layouts, &w));
    }
    lost.keep(params::save(&directory.params(), &problem.layouts, &w));
    let train_means = lost.keep(means(&mut *problem.train, &w)).unwrap_or_default();
    let test_means = problem.test.as_deref_mut().and_then(|test| lost.keep(means(test, &w))).unwrap_or_default();
    let edge = outcome.edge;
    let summary = summarise(spec, outcome, &records, w.len(), (train_means, test_means));
    lost.keep(directory.write_summary(&summary));
    let finished = Finished { folder: directory.path().to_owned(), summary, records, edge };
    match lost.0 {
        None => Ok(finished),
        Some(source) => Err(Error::Incomplete { finished: Box::new(finished), source: Box::new(source) }),
    }
}

/// What a spec records of the file of parameters that a run starts from: a path alone says nothing once the file changes.
fn start(path: &Path) -> Result<Vec<(&'static str, Value)>, Error> {
    let bytes = fs::read(path).map_err(Error::read(path))?;
    let sum: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(vec![("start", Value::Text(path.display().to_string())), ("start_sha256", Value::Text(sum))])
}

/// What went wrong first, while everything else is still tried.
#[derive(Default)]
struct FirstError(Option<Error>);

impl FirstError {
    fn keep<V>(&mut self, result: Result<V, Error>) -> Option<V> {
        result.map_err(|error| self.0.get_or_insert(error)).ok()
    }
}

/// Means over all examples; none where the parameters have run away.
fn means<T: Element>(workload: &mut dyn Workload<T>, w: &[T]) -> Result<BTreeMap<String, f64>, Error> {
    match workload.metrics(w) {
        Ok(means) => Ok(means),
        Err(ObjectiveError::NonFinite { .. }) => Ok(BTreeMap::new()),
        Err(error) => Err(error.into()),
    }
}

fn summarise(
    spec: &Spec,
    outcome: Outcome,
    records: &[Record],
    parameters: usize,
    (train, test): (BTreeMap<String, f64>, BTreeMap<String, f64>),
) -> Summary {
    let losses: Vec<f64> = records.iter().map(|record| record.loss).collect();
    Summary {
        name: spec.name.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        stop: outcome.stop,
        steps: outcome.steps,
        parameters: parameters as u64,
        seconds: outcome.seconds,
        spectrum_seconds: outcome.diagnostics_seconds,
        cost: outcome.cost,
        first_loss: losses.first().copied(),
        final_loss: final_loss(&losses),
        best_loss: losses.iter().copied().reduce(f64::min),
        events: outcome.events.into_iter().map(|(name, count)| (name.to_owned(), count)).collect(),
        train,
        test,
    }
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
