//! Your own model on your own arrays, trained in memory.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use onedge_data::{Dataset, Split};
use onedge_engine::{Forward, Options};
use onedge_nn::{Io, Layers, Loss, Model, loss_graph};
use onedge_spectrum::Lanczos;
use onedge_tune::optimizers::Gd;
use onedge_tune::tuners::Cdat;
use onedge_tune::{Optimizer, Tuner};

use crate::Error;
use crate::{Diagnostics, Instruments, Last, Outcome, Plan, Problem, target, train};
use crate::{Layout, Record};

/// A model on a data set, to be trained; made by [`fit`].
///
/// Without being told otherwise it trains in single precision on all examples at once, by gradient descent with
/// [`Cdat::recommended`], for 200 steps from the random parameters of seed 0.
pub struct Fit {
    model: Model,
    loss: Loss,
    data: Split,
    optimizer: Box<dyn Optimizer<f32>>,
    tuner: Box<dyn Tuner>,
    plan: Plan,
    l2: f64,
}

/// A model that was trained.
pub struct Fitted {
    /// The parameters, one tensor after the other.
    pub parameters: Vec<f32>,
    /// What was recorded at each step.
    pub records: Vec<Record>,
    /// How training ended and what it cost. Look at [`Outcome::stop`]: a run that diverged ends early.
    pub outcome: Outcome,
    /// Means over the training examples at the end, by name: `loss` and the metrics of the loss. Empty if they are not finite.
    pub train: BTreeMap<String, f64>,
    /// The same over the test examples; empty if there are none.
    pub test: BTreeMap<String, f64>,
    model: Model,
    loss: Loss,
    data: Dataset,
}

/// A model written as a closure (see [`Model::build`]) with `loss` on the arrays of `data`.
///
/// # Errors
/// What [`Model::build`] reports; a loss that does not suit the targets.
///
/// # Example
/// ```
/// use onedge_data::{Dataset, Targets};
/// use onedge_train::fit::fit;
/// use onedge_nn::losses;
///
/// let x: Vec<f64> = (0..64).map(|i| i as f64 / 32.0 - 1.0).collect();
/// let y: Vec<f64> = x.iter().map(|x| (3.0 * x).sin()).collect();
/// let data = Dataset::from_arrays(&x, &[64, 1], Targets::values(&y, 1)?)?;
/// let loss = losses::build("squared", Default::default())?;
/// let fitted = fit(data, loss, |layers, x| {
///     let h = layers.dense(x, 32).tanh();
///     layers.dense(h, 1)
/// })?
/// .steps(100)
/// .run()?;
/// assert!(fitted.train["loss"] < fitted.records[0].loss);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn fit(
    data: Dataset,
    loss: Loss,
    describe: impl for<'g> Fn(&Layers<'g>, onedge_graph::Value<'g>) -> onedge_graph::Value<'g> + Send + Sync + 'static,
) -> Result<Fit, Error> {
    let network = Error::network(ORIGIN);
    let io = Io::new(data.input_shape(), target(&data).outputs()).map_err(&network)?;
    let model = Model::build(&io, describe).map_err(&network)?;
    let loss = loss.balanced(target(&data), &data.targets().numbers()).map_err(&network)?;
    // What does not suit each other is told here and not after hours.
    loss_graph(&model, &loss, target(&data), 1).map_err(&network)?;
    let plan = Plan {
        steps: 200,
        batch: None,
        last: Last::Dropped,
        augment: None,
        seed: 0,
        target_loss: None,
        diverge_factor: 1e4,
        diagnostics: Diagnostics { sharpness_every: 0, hessian: false, curvature: false, lanczos: Lanczos::top(1, 0) },
    };
    let (optimizer, tuner) = (Box::new(Gd::paper()), Box::new(Cdat::recommended()));
    Ok(Fit { model, loss, data: Split::new(data, None)?, optimizer, tuner, plan, l2: 0.0 })
}

/// What errors name.
const ORIGIN: &str = "model";

impl Fit {
    /// With these examples to test on at the end.
    ///
    /// # Errors
    /// Examples or targets of another shape or kind.
    pub fn test(self, test: Dataset) -> Result<Self, Error> {
        Ok(Self { data: Split::new(self.data.train, Some(test))?, ..self })
    }

    /// With this optimizer.
    pub fn optimizer(self, optimizer: impl Optimizer<f32> + 'static) -> Self {
        Self { optimizer: Box::new(optimizer), ..self }
    }

    /// With this tuner.
    pub fn tuner(self, tuner: impl Tuner + 'static) -> Self {
        Self { tuner: Box::new(tuner), ..self }
    }

    /// For so many steps.
    pub fn steps(mut self, steps: u64) -> Self {
        self.plan.steps = steps;
        self
    }

    /// In mini-batches of so many examples, shuffled in each epoch.
    pub fn batch(mut self, examples: usize) -> Self {
        self.plan.batch = Some(examples);
        self
    }

    /// From the random parameters, and with the order of mini-batches, of this seed.
    pub fn seed(mut self, seed: u64) -> Self {
        self.plan.seed = seed;
        self.plan.diagnostics.lanczos.seed = seed;
        self
    }

    /// With `l2 / 2 |w|^2` added to the loss, `l2` 0 or more.
    pub fn l2(self, l2: f64) -> Self {
        Self { l2, ..self }
    }

    /// With the sharpness measured every so many steps.
    pub fn sharpness_every(mut self, steps: u64) -> Self {
        self.plan.diagnostics.sharpness_every = steps;
        self
    }

    /// Trains.
    ///
    /// # Errors
    /// A batch of no examples or of more than there are; an `l2` that is negative or not finite; whatever the engine refuses. What happens in training is no
    /// error but in [`Outcome::stop`].
    pub fn run(self) -> Result<Fitted, Error> {
        let Self { model, loss, data, mut optimizer, tuner, plan, l2 } = self;
        let option = |option, expected: &str, got: String| Error::Option { option, expected: expected.to_owned(), got };
        if plan.batch == Some(0) {
            return Err(option("batch", "1 or more examples", "0".to_owned()));
        }
        if !(l2 >= 0.0 && l2.is_finite()) {
            return Err(option("l2", "a finite number, zero or more", l2.to_string()));
        }
        let (model, loss, data) = (Arc::new(model), Arc::new(loss), Arc::new(data));
        let options = Options::for_this_machine();
        let mut problem = Problem::<f32>::of(ORIGIN, Arc::clone(&model), &loss, Arc::clone(&data), l2, options)?;
        let mut parameters = problem.initial(plan.seed);
        optimizer.set_layers(&Layout::layers(&problem.layouts))?;
        let mut records = Vec::new();
        let mut keep = |record: &Record| {
            records.push(record.clone());
            ControlFlow::Continue(())
        };
        let mut instruments = Instruments::none();
        let outcome =
            train(&plan, &mut *problem.train, &mut parameters, (optimizer, tuner), &mut instruments, &mut keep)?;
        let train = problem.train.metrics(&parameters).unwrap_or_default();
        let test = problem.test.as_mut().and_then(|test| test.metrics(&parameters).ok()).unwrap_or_default();
        drop(problem);
        let alone = "nobody else holds it any more";
        let (model, loss) = (Arc::into_inner(model).expect(alone), Arc::into_inner(loss).expect(alone));
        let data = Arc::into_inner(data).expect(alone).train;
        Ok(Fitted { parameters, records, outcome, train, test, model, loss, data })
    }
}

impl Fitted {
    /// The outputs for `inputs` of shape `[examples, ..]`, row-major `[examples, outputs]`: logits of classes, or values.
    ///
    /// # Errors
    /// Inputs that are not whole examples.
    pub fn predict(&self, inputs: &[f32]) -> Result<Vec<f32>, Error> {
        let features = self.data.features();
        if inputs.is_empty() || !inputs.len().is_multiple_of(features) {
            let expected = format!("a multiple of {features} numbers");
            return Err(Error::Option { option: "inputs", expected, got: inputs.len().to_string() });
        }
        let target = target(&self.data);
        let network = Error::network(ORIGIN);
        let chunk = loss_graph(&self.model, &self.loss, target, 1).map_err(&network)?;
        let mut forward = Forward::<f32>::new(&chunk.graph, &chunk.parameters, &chunk.fields[..1], chunk.outputs)?;
        let mut outputs = Vec::with_capacity(inputs.len() / features * target.outputs());
        for example in inputs.chunks_exact(features) {
            outputs.extend_from_slice(forward.run(&self.parameters, &[example])?);
        }
        Ok(outputs)
    }
}
