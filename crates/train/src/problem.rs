use std::sync::Arc;

use onedge_data::{Dataset, Split, Targets};
use onedge_engine::Options;
use onedge_nn::{Loss, Model, Target, initial_parameters};

use crate::Error;
use crate::{Evidence, Finding, Layout, judge};
use crate::{Placement, Workload, engine, memory};

pub use onedge_engine::Element;

/// What is trained: a model and its loss on the examples of a data set, or a loss from elsewhere.
pub struct Problem<T> {
    /// The parameter tensors, in the order in which they lie in the flat vector.
    pub layouts: Vec<Layout>,
    /// The shape of the inputs of one example.
    pub input_shape: Vec<usize>,
    /// The loss on the training examples.
    pub train: Box<dyn Workload<T>>,
    /// The loss on the test examples, if the data set has any.
    pub test: Option<Box<dyn Workload<T>>>,
    /// The examples; `None` where the loss alone knows them. Not needed for training.
    pub data: Option<Arc<Split>>,
    /// How many classes there are to choose from, if that is what is to be predicted.
    classes: Option<usize>,
    start: Start<T>,
}

/// Where parameters begin.
enum Start<T> {
    Random(Arc<Model>),
    Given(Vec<T>),
}

impl<T: Element> Problem<T> {
    /// `model` with `loss` on the examples of `data`, computed at `place`, here if there is none; `origin` names it in errors.
    ///
    /// # Errors
    /// A loss that does not suit the targets, or a target that it does not take; a problem that does not fit the machine's memory; whatever the engine refuses.
    pub fn of(
        origin: &str,
        model: Arc<Model>,
        loss: &Arc<Loss>,
        data: Arc<Split>,
        l2: f64,
        options: Options,
        place: Option<&dyn Placement>,
    ) -> Result<Self, Error> {
        let lanes = place.map_or(options.lanes, |place| place.own_lanes(options.lanes));
        memory::require(origin, model.dim(), size_of::<T>(), lanes)?;
        let target = target(&data.train);
        let in_network = |source| Error::Network { origin: origin.to_owned(), source: Box::new(source) };
        let loss = loss.balanced(target, &data.train.targets().numbers()).map_err(in_network)?;
        let workload = |set: &Dataset| -> Result<Box<dyn Workload<T>>, Error> {
            let loss = Arc::new(loss.on(target, &set.targets().numbers()).map_err(in_network)?);
            if let Some(place) = place {
                return engine::placed(place, (&model, &loss, target), set, l2, &options);
            }
            let objective = engine::objective::<T>(&model, &loss, target, set, l2, options.clone())?;
            memory::require_chunks(origin, &objective, options.threads)?;
            Ok(Box::new(objective))
        };
        Ok(Self {
            layouts: layouts(&model),
            input_shape: data.train.input_shape().to_vec(),
            train: workload(&data.train)?,
            test: data.test.as_ref().map(workload).transpose()?,
            data: Some(data),
            classes: match target {
                Target::Classes { count } | Target::Tokens { count, .. } => Some(count),
                Target::Values { .. } => None,
            },
            start: Start::Random(model),
        })
    }

    /// A loss from elsewhere, on data that it alone knows, from the parameters `w`, which lie as `layouts` say; with another one to
    /// evaluate along the way, if there is one.
    ///
    /// # Errors
    /// Parameters of another number than the loss or the layouts have.
    pub fn given(
        layouts: Vec<Layout>,
        train: Box<dyn Workload<T>>,
        test: Option<Box<dyn Workload<T>>>,
        w: Vec<T>,
    ) -> Result<Self, Error> {
        let sizes =
            [Some(train.dim()), test.as_ref().map(|test| test.dim()), Some(layouts.iter().map(Layout::size).sum())];
        if let Some(expected) = sizes.into_iter().flatten().find(|&size| size != w.len()) {
            let (option, got) = ("parameters", w.len().to_string());
            return Err(Error::Option { option, expected: format!("{expected} of them"), got });
        }
        Ok(Self { layouts, input_shape: Vec::new(), train, test, data: None, classes: None, start: Start::Given(w) })
    }

    /// The parameters to begin with: the random ones that `seed` gives, unless others were given.
    pub fn initial(&self, seed: u64) -> Vec<T> {
        match &self.start {
            Start::Random(model) => initial_parameters(model.parameters(), seed),
            Start::Given(w) => w.clone(),
        }
    }

    /// What is to be said of a run on this problem that left `evidence`, beside why it stopped: see [`judge`].
    /// Cost: a loss over all training examples, where the losses alone do not show that it went well.
    pub fn judge(&mut self, evidence: Evidence<'_>) -> Vec<Finding> {
        let Self { train, layouts, classes, .. } = self;
        let is_full_batch = evidence.is_full_batch && !train.brings_batches();
        let zeros = || vec![T::ZERO; layouts.iter().map(Layout::size).sum()];
        let mut loss_at_zero = || train.metrics(&zeros()).ok()?.remove("loss");
        judge(&Evidence { classes: *classes, is_full_batch, ..evidence }, &mut loss_at_zero)
    }
}

/// The names and shapes of a model's parameters.
pub fn layouts(model: &Model) -> Vec<Layout> {
    let layout = |p: &onedge_nn::Parameter| Layout { name: p.name.clone(), shape: p.shape.to_vec() };
    model.parameters().iter().map(layout).collect()
}

/// What a model of `set` is to predict.
pub fn target(set: &Dataset) -> Target {
    match set.targets() {
        Targets::Classes { classes, .. } => Target::Classes { count: *classes },
        Targets::Tokens { length, vocabulary, .. } => Target::Tokens { count: vocabulary.len(), length: *length },
        Targets::Values { width, .. } => Target::Values { width: *width },
    }
}
