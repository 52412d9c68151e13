//! How well a trained model does on examples: metrics, confusions, errors.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use onedge_data::{Answers, Dataset, Fresh, Targets, Wanted};
use onedge_nn::Weights;
use onedge_spec::{Precision, Spec};
use onedge_text::table::{number, table};
use onedge_train::{Element, Workload, engine};
use serde::Serialize;

use crate::scores::{ClassScores, ValueScores, values_to_text};
use crate::trained::{Trained, largest};
use crate::{DataSets, Error, Point, meaning};

/// The examples to evaluate on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Examples<'a> {
    /// Those that the run has set aside for testing, or without any those that it trained on.
    OfTheRun,
    /// Those in files.
    In {
        /// The file or folder.
        data: &'a Path,
        /// The file of labels, for a format that has one of its own.
        labels: Option<&'a Path>,
    },
}

/// How well a model does.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evaluated {
    /// Which parameters: `the last parameters of runs/cdat, after 200 steps`.
    pub at: String,
    /// Which examples.
    pub on: String,
    /// How many.
    pub examples: usize,
    /// Means over them: the loss that was trained, and the metrics.
    pub means: BTreeMap<String, f64>,
    /// Where classes are predicted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub classes: Option<ClassScores>,
    /// Where values are predicted, one for each output.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<ValueScores>,
}

/// Evaluates the model of the run in the folder `run`, whose spec is `spec`, with the parameters at `point`. Files are read with what
/// the run has learned of its own: nothing is learned anew.
///
/// # Errors
/// [`Error::NoMeaning`], [`Error::OtherMeaning`]; parameters that the run does not have; examples that cannot be read, or hold what
/// the run never saw; a value that is not finite.
pub fn evaluate(
    spec: &Spec,
    run: &Path,
    point: &Point,
    examples: Examples<'_>,
    data_sets: &mut DataSets,
) -> Result<Evaluated, Error> {
    match spec.precision {
        Precision::F32 => evaluate_in::<f32>(spec, run, point, examples, data_sets),
        Precision::F64 => evaluate_in::<f64>(spec, run, point, examples, data_sets),
    }
}

fn evaluate_in<T: Element>(
    spec: &Spec,
    run: &Path,
    point: &Point,
    examples: Examples<'_>,
    data_sets: &mut DataSets,
) -> Result<Evaluated, Error> {
    let trained = Trained::<T>::open(spec, run, point)?;
    let options = engine::options(&spec.engine).map_err(onedge_spec::Error::spec(&spec.origin))?;
    let (set, on) = match examples {
        Examples::OfTheRun => {
            meaning::settle(run, spec, data_sets)?;
            let split = data_sets.get(spec, options.threads)?;
            match &split.test {
                Some(test) => (test.clone(), "the test examples of the run".to_owned()),
                None => (split.train.clone(), "the training examples, as the run has no others".to_owned()),
            }
        }
        Examples::In { data, labels } => {
            let Fresh { origin, inputs, targets, .. } = trained.read(data, labels, Wanted::Answered, data_sets)?;
            let targets = targets.unwrap_or(Targets::Values { values: Vec::new(), width: 1 });
            let on = data.display().to_string();
            (Dataset::of_reals(origin, inputs, trained.meaning.input_shape.clone(), targets)?, on)
        }
    };
    let means = means(&trained, &set, options, data_sets)?;
    let (mut classes, mut values) = (None, Vec::new());
    match set.targets() {
        Targets::Classes { labels, classes: count, .. } => {
            let predictions = trained.predictions(set.inputs())?;
            let predicted: Vec<usize> = predictions.chunks_exact(*count).map(largest).collect();
            let names = (0..*count).map(|class| trained.meaning.class_name(class)).collect();
            classes = Some(ClassScores::of(names, &predicted, labels));
        }
        Targets::Values { values: targets, width } => {
            let predictions = trained.predictions(set.inputs())?;
            let column =
                |all: &[f64], output: usize| -> Vec<f64> { all.iter().skip(output).step_by(*width).copied().collect() };
            let score = |output| ValueScores::of(&column(&predictions, output), &column(targets, output));
            values = (0..*width).map(score).collect();
        }
        Targets::Tokens { .. } => {}
    }
    Ok(Evaluated { at: trained.words, on, examples: set.examples(), means, classes, values })
}

/// The loss that was trained and its metrics over all of `set`.
fn means<T: Element>(
    trained: &Trained<'_, T>,
    set: &Dataset,
    options: onedge_engine::Options,
    data_sets: &mut DataSets,
) -> Result<BTreeMap<String, f64>, Error> {
    let spec = trained.spec;
    let in_network = onedge_train::Error::network(&spec.origin);
    let training: Vec<f64> = match (trained.loss.weights(), &trained.meaning.target) {
        (Weights::None | Weights::Given { .. }, _) => Vec::new(),
        (Weights::Balanced { .. }, Answers::Classes { counts, .. }) => {
            let labels = counts.iter().enumerate();
            labels.flat_map(|(class, &count)| std::iter::repeat_n(class as f64, count)).collect()
        }
        (Weights::Balanced { .. }, _) => data_sets.get(spec, options.threads)?.train.targets().numbers(),
    };
    let loss = trained.loss.balanced(trained.target, &training).map_err(&in_network)?;
    let loss = Arc::new(loss.on(trained.target, &set.targets().numbers()).map_err(&in_network)?);
    let l2 = spec.loss.settings.number("l2");
    let mut objective = engine::objective::<T>(&trained.model, &loss, trained.target, set, l2, options)?;
    Ok(Workload::metrics(&mut objective, &trained.w)?)
}

impl Evaluated {
    /// As text for the terminal.
    pub fn to_text(&self) -> String {
        self.to_text_within(usize::MAX)
    }

    /// The same in lines of so many characters, as far as it can be had.
    pub fn to_text_within(&self, width: usize) -> String {
        let rows: Vec<Vec<String>> =
            self.means.iter().map(|(name, mean)| vec![name.clone(), number(Some(*mean))]).collect();
        let mut out = format!("{} examples, {}\nwith {}\n\n", self.examples, self.on, self.at);
        out += &table(&["mean", "value"], &rows);
        if let Some(classes) = &self.classes {
            out += &format!("\n{}", classes.to_text_within(width));
        }
        if !self.values.is_empty() {
            out += &format!("\n{}", values_to_text(&self.values, width));
        }
        out
    }
}
