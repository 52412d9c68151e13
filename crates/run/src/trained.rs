use std::path::Path;
use std::sync::Arc;

use onedge_data::{Answers, Fresh, Known, Meaning, Reals, Wanted};
use onedge_engine::Forward;
use onedge_nn::{Loss, Model, Target, initial_parameters, loss_graph};
use onedge_record::RunDirectory;
use onedge_registry::find;
use onedge_spec::Spec;
use onedge_train::{Element, layouts};

use crate::problem::model;
use crate::{DataSets, Error, Located, Point, meaning};

/// A model that a run has trained, with what its inputs and outputs mean: nothing of it is made of the data again.
pub(crate) struct Trained<'a, T> {
    pub(crate) spec: &'a Spec,
    pub(crate) run: &'a Path,
    pub(crate) meaning: Meaning,
    pub(crate) target: Target,
    pub(crate) model: Arc<Model>,
    pub(crate) loss: Loss,
    pub(crate) w: Vec<T>,
    /// Which parameters.
    pub(crate) words: String,
}

/// Examples that go through the model together.
const TOGETHER: usize = 64;

impl<'a, T: Element> Trained<'a, T> {
    /// The model of the run in the folder `run`, whose spec is `spec`, with the parameters at `point`.
    ///
    /// # Errors
    /// [`Error::NoMeaning`]; parameters that are not there or do not fit.
    pub(crate) fn open(spec: &'a Spec, run: &'a Path, point: &Point) -> Result<Self, Error> {
        let meaning = meaning::of_run(run)?;
        let (in_spec, in_network) =
            (onedge_spec::Error::spec(&spec.origin), onedge_train::Error::network(&spec.origin));
        let target = match &meaning.target {
            Answers::Classes { counts, .. } => Target::Classes { count: counts.len() },
            Answers::Tokens { length, vocabulary } => {
                Target::Tokens { count: vocabulary.vocabulary()?.len(), length: *length }
            }
            Answers::Values { width } => Target::Values { width: *width },
        };
        let model = model(spec, &meaning.input_shape, target)?;
        let entry = find("loss", spec.catalogue.losses(), &spec.loss.name).map_err(&in_spec)?;
        let loss = (entry.build)(&spec.loss.settings).map_err(&in_network)?;
        let random = || initial_parameters(model.parameters(), spec.seed);
        let Located { w, words, .. } = point.locate(spec, &layouts(&model), random)?;
        Ok(Self { spec, run, meaning, target, model: Arc::new(model), loss, w, words })
    }

    /// The examples of files, as the model takes them.
    ///
    /// # Errors
    /// [`Error::Data`].
    pub(crate) fn read(
        &self,
        data: &Path,
        labels: Option<&Path>,
        wanted: Wanted,
        data_sets: &DataSets,
    ) -> Result<Fresh, Error> {
        let encoding = RunDirectory::open(self.run)?.read_encoding()?;
        let part = &self.spec.data;
        let known =
            Known { name: &part.name, settings: &part.settings, meaning: &self.meaning, encoding: encoding.as_ref() };
        let threads = onedge_train::engine::options(&self.spec.engine)
            .map_err(onedge_spec::Error::spec(&self.spec.origin))?
            .threads;
        Ok(data_sets.in_context(threads, |context| known.read(data, labels, wanted, context))?)
    }

    /// The predictions for all examples, row-major: what the loss makes of the model's outputs.
    ///
    /// # Errors
    /// A model that the engine cannot run.
    pub(crate) fn predictions(&self, inputs: &Reals) -> Result<Vec<f64>, Error> {
        let features: usize = self.meaning.input_shape.iter().product();
        let in_network = onedge_train::Error::network(&self.spec.origin);
        let width = self.target.outputs();
        let mut all = Vec::with_capacity(inputs.len() / features * width);
        let forward = |examples: usize| -> Result<Forward<T>, Error> {
            let chunk = loss_graph(
                &self.model,
                &self.loss.clone().with_weights(onedge_nn::Weights::None),
                self.target,
                examples,
            )
            .map_err(&in_network)?;
            Ok(Forward::new(&chunk.graph, &chunk.parameters, &chunk.fields[..1], chunk.outputs)?)
        };
        let count = inputs.len() / features;
        let whole = count / TOGETHER * TOGETHER;
        for (part, examples) in [(0..whole, TOGETHER), (whole..count, count - whole)] {
            if part.is_empty() {
                continue;
            }
            let mut forward = forward(examples)?;
            for start in part.step_by(examples) {
                let inputs = inputs.map_in(start * features..(start + examples) * features, T::from_f64);
                all.extend(forward.run(&self.w, &[&inputs])?.iter().map(|x| x.to_f64()));
            }
        }
        let link = self.loss.link();
        all.chunks_exact_mut(width).for_each(|outputs| link.apply(outputs));
        Ok(all)
    }
}

/// The place of the largest number, the first of equals.
pub(crate) fn largest(numbers: &[f64]) -> usize {
    (1..numbers.len()).fold(0, |best, place| if numbers[place] > numbers[best] { place } else { best })
}
