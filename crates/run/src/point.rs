use std::path::{Path, PathBuf};

use onedge_objective::State;
use onedge_record::checkpoint::{About, Checkpoint, Checkpoints};
use onedge_record::{BestEvaluation, RunDirectory, Summary, params};
use onedge_spec::{Precision, Spec};
use onedge_text::table::number;
use onedge_train::{Element, Layout, Problem, Snapshot};
use onedge_tune::TrainerState;

use crate::Error;
use crate::origin::Origin;

/// Where parameters of a model are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Point {
    /// The random ones that the seed of the spec gives.
    Random,
    /// In a file.
    File(PathBuf),
    /// Of the run in a folder.
    Of(PathBuf, Moment),
}

/// Which parameters of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Those at its end; of a run that has not come to one, those of its last checkpoint.
    Last,
    /// Those of its best evaluation.
    Best,
    /// Those that it began with.
    Initial,
    /// Those after so many steps.
    Step(u64),
}

/// Parameters, and a few words that say which.
#[derive(Debug, Clone, PartialEq)]
pub struct Located<T> {
    /// All of them, one tensor after the other.
    pub w: Vec<T>,
    /// `the last parameters of runs/cdat, after 200 steps`
    pub words: String,
    /// The steps that a run had taken there; 0 where nobody says.
    pub step: u64,
    /// What the run's optimizer kept there, if it did and the run has left it.
    pub optimizer: Option<State<T>>,
}

impl<T> Located<T> {
    fn new(w: Vec<T>, words: String) -> Self {
        Self { w, words, step: 0, optimizer: None }
    }

    fn after(self, step: u64, optimizer: Option<State<T>>) -> Self {
        Self { step, optimizer, ..self }
    }
}

impl Point {
    /// Reads them for the model of `spec`, whose tensors are `layouts`.
    ///
    /// # Errors
    /// [`Error::Option`] for parameters that the run does not have, which says which it has; files that cannot be read or do
    /// not fit.
    pub fn locate<T: Element>(
        &self,
        spec: &Spec,
        layouts: &[Layout],
        random: impl FnOnce() -> Vec<T>,
    ) -> Result<Located<T>, Error> {
        match self {
            Self::Random => {
                let words = format!("the random parameters of seed {}", spec.seed);
                Ok(Located::new(random(), words))
            }
            Self::File(path) => {
                let words = format!("the parameters in {}", path.display());
                Ok(Located::new(params::load(path, layouts)?, words))
            }
            Self::Of(run, moment) => of_run(run, *moment, spec, layouts, random),
        }
    }

    /// The same for a problem, whose random parameters are its own.
    ///
    /// # Errors
    /// Those of [`locate`](Self::locate).
    pub fn of<T: Element>(&self, spec: &Spec, problem: &Problem<T>) -> Result<Located<T>, Error> {
        self.locate(spec, &problem.layouts, || problem.initial(spec.seed))
    }
}

fn of_run<T: Element>(
    path: &Path,
    moment: Moment,
    spec: &Spec,
    layouts: &[Layout],
    random: impl FnOnce() -> Vec<T>,
) -> Result<Located<T>, Error> {
    let (directory, run) = (RunDirectory::open(path)?, path.display());
    let summary = directory.read_summary()?;
    let checkpoints = Checkpoints::in_folder(&directory.checkpoints());
    let option = |option, expected: String, got: String| Error::Option { option, expected, got };
    match (moment, &summary) {
        (Moment::Step(0), _) | (Moment::Initial, _) => {
            let w = Origin::read(path, &spec.catalogue)?.initial_parameters(layouts, random)?;
            Ok(Located::new(w, format!("the initial parameters of {run}")))
        }
        (Moment::Last, Some(Summary { steps, .. })) => {
            let words = format!("the last parameters of {run}, after {steps} steps");
            let state = state_at(&directory, *steps, spec, layouts)?;
            Ok(Located::new(params::load(&directory.params(), layouts)?, words).after(*steps, state))
        }
        (Moment::Last, None) => match checkpoints.steps()?.first() {
            Some(&step) => {
                let (w, state) = at_checkpoint(&checkpoints.path(step), spec, layouts)?;
                let words = format!("the parameters of {run} after {step} steps, its last checkpoint so far");
                Ok(Located::new(w, words).after(step, Some(state)))
            }
            None => {
                let expected = format!("to be asked for, as {run} has neither ended nor left a checkpoint");
                Err(option("initial", expected, "nothing".to_owned()))
            }
        },
        (Moment::Best, Some(Summary { best: Some(BestEvaluation { step, metric, value }), .. })) => {
            let value = number(Some(*value));
            let words = format!("the best parameters of {run}, after {step} steps with test {metric} {value}");
            let state = state_at(&directory, *step, spec, layouts)?;
            Ok(Located::new(params::load(&directory.best(), layouts)?, words).after(*step, state))
        }
        (Moment::Best, _) => {
            let expected = "a run with `evaluation.every` that has come to its end".to_owned();
            Err(option("best", expected, format!("{run}, which has no best.safetensors")))
        }
        (Moment::Step(step), summary) => {
            let words = format!("the parameters of {run} after {step} steps");
            let there = checkpoints.steps()?;
            if there.contains(&step) {
                let (w, state) = at_checkpoint(&checkpoints.path(step), spec, layouts)?;
                return Ok(Located::new(w, words).after(step, Some(state)));
            }
            let end = summary.as_ref().map(|summary| summary.steps);
            if end == Some(step) {
                let state = state_at(&directory, step, spec, layouts)?;
                return Ok(Located::new(params::load(&directory.params(), layouts)?, words).after(step, state));
            }
            let mut steps: Vec<u64> = there.into_iter().chain(end).chain([0]).collect();
            steps.sort_unstable();
            steps.dedup();
            let steps = steps.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
            let expected = format!(
                "one of the steps of which {run} has parameters ({steps}; `checkpoint_every` and `checkpoint_keep` leave more)"
            );
            Err(option("step", expected, step.to_string()))
        }
    }
}

/// What the optimizer kept after `step` steps: in the state of the end, or in a checkpoint; `None` if neither is of that step.
fn state_at<T: Element>(
    directory: &RunDirectory,
    step: u64,
    spec: &Spec,
    layouts: &[Layout],
) -> Result<Option<State<T>>, Error> {
    let checkpoints = Checkpoints::in_folder(&directory.checkpoints());
    let end = directory.state();
    let path = match checkpoints.steps()?.contains(&step) {
        true => checkpoints.path(step),
        false if end.is_file() && About::read(&end)?.step == step => end,
        false => return Ok(None),
    };
    Ok(Some(read::<T>(&path, spec, layouts)?.method.optimizer))
}

fn read<T: Element>(path: &Path, spec: &Spec, layouts: &[Layout]) -> Result<Snapshot<T>, Error> {
    Ok(match spec.precision {
        Precision::F32 => Checkpoint::<f32>::read(path, layouts)?.snapshot.convert(),
        Precision::F64 => Checkpoint::<f64>::read(path, layouts)?.snapshot.convert(),
    })
}

/// The parameters to evaluate at a checkpoint, which are not those at which gradients are taken for every optimizer, and
/// what the optimizer kept.
fn at_checkpoint<T: Element>(path: &Path, spec: &Spec, layouts: &[Layout]) -> Result<(Vec<T>, State<T>), Error> {
    let snapshot: Snapshot<T> = read(path, spec, layouts)?;
    let TrainerState { optimizer: state, .. } = snapshot.method;
    let mut optimizer = spec.build_optimizer::<T>().map_err(onedge_spec::Error::spec(&spec.origin))?;
    optimizer.set_layers(&Layout::layers(layouts))?;
    optimizer.restore(state.clone())?;
    Ok((optimizer.evaluation_point().map_or(snapshot.w, <[T]>::to_vec), state))
}
