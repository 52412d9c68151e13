//! Your own model on your own arrays, trained in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use onedge_data::{Dataset, Split};
use onedge_engine::{Forward, Options};
use onedge_nn::{Io, Layers, Loss, Model, loss_graph};
use onedge_registry::{Setting, Settings, Value};
use onedge_spectrum::Lanczos;
use onedge_spectrum::diagnostics::{self, Setup};
use onedge_tune::optimizers::Gd;
use onedge_tune::tuners::Cdat;
use onedge_tune::{Optimizer, Tuner};

use crate::Error;
use crate::{Diagnostics, Evaluation, Evaluator, Finding, Layout, Look, Record, Workload};
use crate::{Instruments, Last, Outcome, Plan, Prepared, Problem, Trained, instruments, target};

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
    /// What optimizer and tuner are called.
    names: [&'static str; 2],
    /// Settings of diagnostics: their cadences.
    diagnostics: BTreeMap<String, Value>,
    plan: Plan,
    evaluation: Option<Evaluation>,
    l2: f64,
}

/// A [`Fit`] that is ready to train: what whoever trains it needs, and what [`Fitted`] keeps.
pub struct Ready {
    /// The plan, the problem and the method.
    pub prepared: Prepared<f32>,
    /// What it is made of, by dotted keys as in a spec: `steps`, `loss.l2`, `tuner.name`, ...
    pub described: Vec<(String, Value)>,
    model: Arc<Model>,
    loss: Arc<Loss>,
    data: Arc<Split>,
}

/// A model that was trained.
pub struct Fitted {
    /// The parameters at the end, one tensor after the other.
    pub parameters: Vec<f32>,
    /// Those of the best evaluation of the test examples, if there were any: [`Outcome::best`] says which it was.
    pub best: Option<Vec<f32>>,
    /// What was recorded at each step.
    pub records: Vec<Record>,
    /// How training ended and what it cost. Look at [`Outcome::stop`]: a run that diverged ends early.
    pub outcome: Outcome,
    /// What else is to be said of how it went, each a sentence with what to try; empty if it went well. One that
    /// [is a failure](Finding::is_failure) tells that nothing was learned though all steps were taken.
    pub findings: Vec<Finding>,
    /// Means over the training examples at the end, by name: `loss` and the metrics of the loss. Empty if they are not finite.
    pub train: BTreeMap<String, f64>,
    /// The same over the test examples; empty if there are none.
    pub test: BTreeMap<String, f64>,
    model: Arc<Model>,
    loss: Arc<Loss>,
    data: Arc<Split>,
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
    let plan = usual_plan();
    let (optimizer, tuner) = (Box::new(Gd::paper()), Box::new(Cdat::recommended()));
    let (names, diagnostics) = (["gd", "cdat"], BTreeMap::new());
    let (data, evaluation, l2) = (Split::new(data, None)?, None, 0.0);
    Ok(Fit { model, loss, data, optimizer, tuner, names, diagnostics, plan, evaluation, l2 })
}

/// What a fit does unless it is said otherwise.
pub(crate) fn usual_plan() -> Plan {
    Plan {
        steps: 200,
        batch: None,
        last: Last::Dropped,
        augment: None,
        seed: 0,
        target_loss: None,
        diverge_factor: 1e4,
        record_every: 1,
        diagnostics: Diagnostics {
            sharpness: Look::Every(0),
            hessian: false,
            curvature: false,
            refresh: 1,
            lanczos: Lanczos::top(1, 0),
        },
    }
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
    pub fn optimizer<O: Optimizer<f32> + 'static>(self, optimizer: O) -> Self {
        Self { optimizer: Box::new(optimizer), names: [short_name::<O>(), self.names[1]], ..self }
    }

    /// With this tuner.
    pub fn tuner<R: Tuner + 'static>(self, tuner: R) -> Self {
        Self { tuner: Box::new(tuner), names: [self.names[0], short_name::<R>()], ..self }
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

    /// With the records of every so many steps kept, 1 or more, and those that say more than others: see [`Recorder`](crate::Recorder).
    pub fn record_every(mut self, steps: u64) -> Self {
        self.plan.record_every = steps;
        self
    }

    /// With the sharpness measured every so many steps.
    pub fn sharpness_every(mut self, steps: u64) -> Self {
        self.plan.diagnostics.sharpness = Look::Every(steps);
        self
    }

    /// With a setting of the section `diagnostics` of a spec: `trace_every` 10, `batch_sharpness_batch` 64. What is measured is in
    /// [`Record::measured`].
    pub fn diagnostic(mut self, key: &str, value: u64) -> Self {
        self.diagnostics.insert(key.to_owned(), Value::Integer(i64::try_from(value).unwrap_or(i64::MAX)));
        self
    }

    /// With the test examples evaluated along the way, in [`Record::measured`] as `test_loss` and so on: the best parameters are kept
    /// ([`Fitted::best`]), and training stops early if `evaluation` has patience.
    ///
    /// # Example
    /// ```
    /// use onedge_data::{Dataset, Targets};
    /// use onedge_nn::losses;
    /// use onedge_train::Evaluation;
    /// use onedge_train::fit::fit;
    ///
    /// let line = |x: &[f64]| {
    ///     let y: Vec<f64> = x.iter().map(|x| 2.0 * x + 1.0).collect();
    ///     Dataset::from_arrays(x, &[x.len(), 1], Targets::values(&y, 1)?)
    /// };
    /// let loss = losses::build("squared", Default::default())?;
    /// let fitted = fit(line(&[0.0, 1.0, 2.0])?, loss, |layers, x| layers.dense(x, 1))?
    ///     .test(line(&[0.5, 1.5])?)?
    ///     .evaluation(Evaluation { every: 10, metric: "loss".to_owned(), patience: Some(10) })
    ///     .run()?;
    /// assert!(fitted.best.is_some() && fitted.outcome.best.unwrap().value < 1e-3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn evaluation(self, evaluation: Evaluation) -> Self {
        Self { evaluation: Some(evaluation), ..self }
    }

    /// Trains in memory.
    ///
    /// # Errors
    /// A batch of no examples or of more than there are; records of every 0 steps; an evaluation without test examples or by an unknown metric; an `l2` that is negative or not finite; whatever the engine refuses. What happens in training is no
    /// error but in [`Outcome::stop`].
    pub fn run(self) -> Result<Fitted, Error> {
        let (prepared, rest) = self.ready()?.split();
        let Trained { parameters, best, records, outcome, findings, train, test } =
            prepared.train(true, &mut |_, _| None, &|| false)?;
        Ok(rest.fitted(parameters, best, records, outcome, findings, (train, test)))
    }

    /// Checks everything that is known before training.
    ///
    /// # Errors
    /// Those of [`run`](Self::run).
    pub fn ready(self) -> Result<Ready, Error> {
        let Self { model, loss, data, mut optimizer, tuner, names, diagnostics, plan, evaluation, l2 } = self;
        let option = |option, expected: &str, got: String| Error::Option { option, expected: expected.to_owned(), got };
        if plan.batch == Some(0) {
            return Err(option("batch", "1 or more examples", "0".to_owned()));
        }
        if plan.record_every == 0 {
            return Err(option("record_every", "1 or more steps", "0".to_owned()));
        }
        if !(l2 >= 0.0 && l2.is_finite()) {
            return Err(option("l2", "a finite number, zero or more", l2.to_string()));
        }
        let (model, loss, data) = (Arc::new(model), Arc::new(loss), Arc::new(data));
        let options = Options::for_this_machine();
        let threads = options.threads;
        let problem = Problem::<f32>::of(ORIGIN, Arc::clone(&model), &loss, Arc::clone(&data), l2, options, None)?;
        let examples = problem.train.examples();
        plan.check_batch(examples)?;
        optimizer.set_layers(&Layout::layers(&problem.layouts))?;
        let evaluator = evaluation.as_ref().map(|asked| evaluator(asked, problem.test.as_deref())).transpose()?;
        let mut described =
            described(&plan, &data, problem.layouts.iter().map(Layout::size).sum(), l2, names, &diagnostics);
        described.extend(evaluation.iter().flat_map(described_evaluation));
        let known: Vec<Setting> = diagnostics::ALL.iter().flat_map(|entry| entry.settings).copied().collect();
        let settings = Settings::resolve_section("diagnostics", &known, diagnostics)?;
        instruments::check(&settings, plan.batch, examples)?;
        let setup = Setup { seed: plan.seed, threads, batch_size: plan.batch };
        let instruments = Instruments::new(diagnostics::ALL, &settings, &problem.layouts, setup)?;
        let prepared = Prepared { plan, problem, method: (optimizer, tuner), instruments, evaluator };
        Ok(Ready { prepared, described, model, loss, data })
    }
}

impl Ready {
    /// What [`Fitted`] needs when `prepared` is trained: the rest of this.
    pub fn split(self) -> (Prepared<f32>, Fittable) {
        let Self { prepared, model, loss, data, .. } = self;
        (prepared, Fittable { model, loss, data })
    }
}

/// What is left of a [`Ready`] while somebody trains it.
pub struct Fittable {
    model: Arc<Model>,
    loss: Arc<Loss>,
    data: Arc<Split>,
}

impl Fittable {
    /// The trained model, with what became of it.
    pub fn fitted(
        self,
        parameters: Vec<f32>,
        best: Option<Vec<f32>>,
        records: Vec<Record>,
        outcome: Outcome,
        findings: Vec<Finding>,
        (train, test): (BTreeMap<String, f64>, BTreeMap<String, f64>),
    ) -> Fitted {
        let Self { model, loss, data } = self;
        Fitted { parameters, best, records, outcome, findings, train, test, model, loss, data }
    }
}

/// What evaluates the examples of `test`.
fn evaluator(asked: &Evaluation, test: Option<&dyn Workload<f32>>) -> Result<Evaluator<f32>, Error> {
    let option = |option, expected, got: String| Error::Option { option, expected, got };
    let Some(test) = test else {
        return Err(option("evaluation", "test examples".to_owned(), "none".to_owned()));
    };
    if asked.every == 0 || asked.patience == Some(0) {
        let expected = "1 or more steps, and a patience of 1 or more evaluations".to_owned();
        return Err(option("evaluation", expected, "0".to_owned()));
    }
    Evaluator::new(asked.clone(), &test.metric_names())
        .map_err(|known| option("evaluation.metric", format!("one of {}", known.join(", ")), asked.metric.clone()))
}

/// What is asked, by dotted keys as in a spec.
fn described_evaluation(asked: &Evaluation) -> Vec<(String, Value)> {
    let count = |count: u64| Value::Integer(i64::try_from(count).unwrap_or(i64::MAX));
    let mut all = vec![
        ("evaluation.every".to_owned(), count(asked.every)),
        ("evaluation.metric".to_owned(), Value::Text(asked.metric.clone())),
    ];
    all.extend(asked.patience.map(|patience| ("evaluation.patience".to_owned(), count(patience))));
    all
}

/// The name of a type without its path and parameters.
fn short_name<T>() -> &'static str {
    let name = std::any::type_name::<T>();
    let name = name.split_once('<').map_or(name, |(name, _)| name);
    name.rsplit("::").next().unwrap_or(name)
}

/// What a fit is made of, as far as it can be said in numbers and names.
fn described(
    plan: &Plan,
    data: &Split,
    parameters: usize,
    l2: f64,
    [optimizer, tuner]: [&str; 2],
    diagnostics: &BTreeMap<String, Value>,
) -> Vec<(String, Value)> {
    let whole = |number: usize| Value::Integer(i64::try_from(number).unwrap_or(i64::MAX));
    let text = |text: &str| Value::Text(text.to_owned());
    let own = |key: &str, value| (key.to_owned(), value);
    let mut all = vec![own("steps", Value::Integer(plan.steps as i64)), own("seed", Value::Integer(plan.seed as i64))];
    all.extend(plan.batch.map(|batch| own("batch", whole(batch))));
    all.extend((plan.record_every > 1).then(|| own("record_every", Value::Integer(plan.record_every as i64))));
    all.extend([
        own("precision", text("f32")),
        own("data.name", text("arrays")),
        own("data.examples", whole(data.train.examples())),
        own("model.name", text("own")),
        own("model.parameters", whole(parameters)),
        own("loss.name", text("own")),
        own("loss.l2", Value::Number(l2)),
        own("optimizer.name", text(optimizer)),
        own("tuner.name", text(tuner)),
    ]);
    let steps = plan.diagnostics.sharpness.steps();
    all.extend(steps.map(|steps| own("diagnostics.sharpness_every", Value::Integer(steps as i64))));
    all.extend(diagnostics.iter().map(|(key, value)| own(&format!("diagnostics.{key}"), value.clone())));
    all
}

impl Fitted {
    /// The model, for whoever writes it in another format.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The outputs for `inputs` of shape `[examples, ..]`, row-major `[examples, outputs]`: logits of classes, or values.
    ///
    /// # Errors
    /// Inputs that are not whole examples.
    pub fn predict(&self, inputs: &[f32]) -> Result<Vec<f32>, Error> {
        let data = &self.data.train;
        let features = data.features();
        if inputs.is_empty() || !inputs.len().is_multiple_of(features) {
            let expected = format!("a multiple of {features} numbers");
            return Err(Error::Option { option: "inputs", expected, got: inputs.len().to_string() });
        }
        let target = target(data);
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
