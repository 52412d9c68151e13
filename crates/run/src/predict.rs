//! What a trained model says of examples without answers.

use std::path::{Path, PathBuf};

use onedge_data::{Answers, Wanted};
use onedge_spec::{Precision, Spec};
use onedge_train::Element;

use crate::trained::{Trained, largest};
use crate::{DataSets, Error, Point};

/// A line for each example.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Predictions {
    /// Which parameters: `the last parameters of runs/cdat, after 200 steps`.
    pub at: String,
    /// What the columns are called: `file`, `row`, then `predicted` with the probability or score of each class, or the values.
    pub columns: Vec<String>,
    /// The cells of each line.
    pub lines: Vec<Vec<String>>,
}

/// What the model of the run in the folder `run` predicts for the examples in `files`, one after the other. Classes have their names; of a
/// loss that knows probabilities, these; values are in the units of the target.
///
/// # Errors
/// [`Error::NoMeaning`]; parameters that the run does not have; a model of texts; examples that cannot be read, or hold what the run never saw.
pub fn predict(
    spec: &Spec,
    run: &Path,
    point: &Point,
    files: &[PathBuf],
    data_sets: &DataSets,
) -> Result<Predictions, Error> {
    match spec.precision {
        Precision::F32 => predict_in::<f32>(spec, run, point, files, data_sets),
        Precision::F64 => predict_in::<f64>(spec, run, point, files, data_sets),
    }
}

fn predict_in<T: Element>(
    spec: &Spec,
    run: &Path,
    point: &Point,
    files: &[PathBuf],
    data_sets: &DataSets,
) -> Result<Predictions, Error> {
    let trained = Trained::<T>::open(spec, run, point)?;
    let width = trained.target.outputs();
    let numbered = |name: &str| -> Vec<String> {
        match width {
            1 => vec![name.to_owned()],
            _ => (0..width).map(|output| format!("{name} {output}")).collect(),
        }
    };
    let is_probability = trained.loss.link().is_probability();
    let of_classes = matches!(trained.meaning.target, Answers::Classes { .. });
    let outputs = match &trained.meaning.target {
        Answers::Classes { .. } => {
            let what = if is_probability { "probability" } else { "score" };
            let of_class = |class| format!("{what} of {}", trained.meaning.class_name(class));
            std::iter::once("predicted".to_owned()).chain((0..width).map(of_class)).collect()
        }
        Answers::Values { .. } => numbered(if is_probability { "probability" } else { "predicted" }),
        Answers::Tokens { .. } => {
            let expected = "a model of classes or values (one of texts can `generate`)".to_owned();
            return Err(Error::Option { option: "predict", expected, got: "one of texts".to_owned() });
        }
    };
    let (mut lines, mut called) = (Vec::new(), "row");
    for file in files {
        let fresh = trained.read(file, None, Wanted::Inputs, data_sets)?;
        let predictions = trained.predictions(&fresh.inputs)?;
        if let Some(place) = predictions.iter().position(|x| !x.is_finite()) {
            let (origin, name) = (&fresh.origin, &fresh.names[place / width]);
            let expected = format!("finite outputs for {} {name} of {origin}", fresh.called);
            return Err(Error::Option { option: "predict", expected, got: predictions[place].to_string() });
        }
        called = fresh.called;
        for (name, outputs) in fresh.names.into_iter().zip(predictions.chunks_exact(width)) {
            let own = if fresh.called == "file" { vec![name] } else { vec![file.display().to_string(), name] };
            let class = of_classes.then(|| trained.meaning.class_name(largest(outputs)));
            lines.push(own.into_iter().chain(class).chain(outputs.iter().map(|x| shown::<T>(*x))).collect());
        }
    }
    let own: &[&str] = if called == "file" { &["file"] } else { &["file", "row"] };
    let columns = own.iter().map(|name| (*name).to_owned()).chain(outputs).collect();
    Ok(Predictions { at: trained.words, columns, lines })
}

/// With as many digits as its precision has.
fn shown<T: Element>(x: f64) -> String {
    if T::NAME == "f32" { format!("{:?}", x as f32) } else { format!("{x:?}") }
}

impl Predictions {
    /// As a table of comma-separated values.
    pub fn to_csv(&self) -> String {
        std::iter::once(&self.columns).chain(&self.lines).map(|cells| line(cells)).collect()
    }
}

fn line(cells: &[String]) -> String {
    let quoted = |cell: &String| match cell.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", cell.replace('"', "\"\"")),
        false => cell.clone(),
    };
    cells.iter().map(quoted).collect::<Vec<_>>().join(",") + "\n"
}
