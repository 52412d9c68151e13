use onedge_registry::{Error as RegistryError, Settings};
use onedge_spec::{Precision, Spec};
use onedge_spectrum::diagnostics::Setup;
use onedge_spectrum::{Lanczos, Wanted};
use onedge_train::{
    Augment, Diagnostics, Element, Evaluation, Evaluator, Instruments, Last, Layout, Look, Plan, Prepared, Problem,
    Workload, engine, instruments,
};
use onedge_tune::Error as TuneError;

use crate::{DataSets, Error, build_problem};

/// The training loop that a spec asks for; what it changes in images is left out, as that depends on the data.
///
/// # Errors
/// A number of the spec outside of its range.
pub fn plan(spec: &Spec) -> Result<Plan, Error> {
    let (settings, fail) = (&spec.diagnostics, onedge_spec::Error::spec(&spec.origin));
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
        threads: engine::options(&spec.engine).map_err(&fail)?.threads,
        ..Lanczos::top(k, spec.seed)
    };
    let diagnostics = Diagnostics {
        sharpness: settings
            .optional_count("sharpness_every")
            .map_err(&fail)?
            .map_or(Look::USUAL, |steps| Look::Every(steps as u64)),
        hessian: settings.flag("hessian"),
        curvature: settings.flag("curvature"),
        refresh: positive("refresh").map_err(&fail)? as u64,
        lanczos,
    };
    if diagnostics.refresh > 1 && (k > 1 || settings.flag("magnitude")) {
        let expected = "1 with `top_k` above 1 or `magnitude`, whose eigenvalues are not followed";
        return Err(fail(settings.out_of_range("refresh", expected)).into());
    }
    Ok(Plan {
        steps: spec.steps,
        batch: spec.batch,
        last: if spec.drop_last { Last::Dropped } else { Last::Kept },
        augment: None,
        seed: spec.seed,
        target_loss: spec.target_loss,
        diverge_factor: spec.diverge_factor,
        record_every: spec.record_every,
        diagnostics,
    })
}

/// Whether a run of `spec` can start: reads its data, builds its network and trains nothing.
///
/// # Errors
/// Whatever [`execute`](crate::execute) would find wrong with spec or data before the first step.
pub fn check(spec: &Spec, data_sets: &mut DataSets) -> Result<(), Error> {
    match spec.precision {
        Precision::F32 => prepare::<f32>(spec, data_sets).map(drop),
        Precision::F64 => prepare::<f64>(spec, data_sets).map(drop),
    }
}

/// The same for every spec of a list: finds what is wrong with any of them before hours are spent on the others. Specs
/// that differ only in what cannot stop a run are looked at once.
///
/// # Errors
/// Those of [`check`].
pub fn check_all<'a>(specs: impl IntoIterator<Item = &'a Spec>, data_sets: &mut DataSets) -> Result<(), Error> {
    // All that decides whether a run can start.
    let same = |a: &Spec, b: &Spec| {
        (&a.data, &a.model, &a.loss, &a.engine, &a.diagnostics, &a.evaluation, &a.optimizer, a.batch, a.precision)
            == (
                &b.data,
                &b.model,
                &b.loss,
                &b.engine,
                &b.diagnostics,
                &b.evaluation,
                &b.optimizer,
                b.batch,
                b.precision,
            )
    };
    let mut checked: Vec<&Spec> = Vec::new();
    for spec in specs {
        if !checked.iter().any(|other| same(spec, other)) {
            check(spec, data_sets)?;
            checked.push(spec);
        }
    }
    Ok(())
}

/// The names of the metrics that a run tells in its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metrics {
    /// Of the training examples.
    pub train: Vec<String>,
    /// Of the test examples; empty if there are none.
    pub test: Vec<String>,
    /// By which its best evaluation is chosen; `None` without evaluations along the way.
    pub best: Option<String>,
}

/// The metrics of a run of `spec`: reads its data, builds its network and trains nothing.
///
/// # Errors
/// Those of [`check`].
pub fn metrics(spec: &Spec, data_sets: &mut DataSets) -> Result<Metrics, Error> {
    match spec.precision {
        Precision::F32 => metrics_in::<f32>(spec, data_sets),
        Precision::F64 => metrics_in::<f64>(spec, data_sets),
    }
}

fn metrics_in<T: Element>(spec: &Spec, data_sets: &mut DataSets) -> Result<Metrics, Error> {
    let problem = build_problem::<T>(spec, data_sets)?;
    let evaluation = evaluation(&spec.evaluation).map_err(onedge_spec::Error::spec(&spec.origin))?;
    Ok(Metrics {
        train: problem.train.metric_names(),
        test: problem.test.map(|test| test.metric_names()).unwrap_or_default(),
        best: evaluation.map(|evaluation| evaluation.metric),
    })
}

/// What a run of `spec` needs beside a folder and parameters.
pub(crate) fn prepare<T: Element>(spec: &Spec, data_sets: &mut DataSets) -> Result<Prepared<T>, Error> {
    prepare_for(spec, |_| build_problem(spec, data_sets))
}

/// The same for a problem from elsewhere, made once the plan is known to be sound.
pub(crate) fn prepare_for<T: Element>(
    spec: &Spec,
    problem: impl FnOnce(&Plan) -> Result<Problem<T>, Error>,
) -> Result<Prepared<T>, Error> {
    let plan = plan(spec)?;
    let problem = problem(&plan)?;
    let examples = problem.train.examples();
    let in_spec = onedge_spec::Error::spec(&spec.origin);
    plan.check_batch(examples)?;
    instruments::check(&spec.diagnostics, plan.batch, examples).map_err(&in_spec)?;
    let augment = Augment::new(&problem.input_shape, spec.crop, spec.flip)?;
    let mut optimizer = spec.build_optimizer::<T>().map_err(&in_spec)?;
    optimizer.set_layers(&Layout::layers(&problem.layouts)).map_err(|error| match error {
        TuneError::Setting(source) => in_spec(source).into(),
        other => Error::from(other),
    })?;
    let method = (optimizer, spec.build_tuner().map_err(&in_spec)?);
    let threads = plan.diagnostics.lanczos.threads;
    let setup = Setup { seed: spec.seed, threads, batch_size: plan.batch };
    let instruments =
        Instruments::new(spec.catalogue.diagnostics(), &spec.diagnostics, &problem.layouts, setup).map_err(&in_spec)?;
    let evaluator = evaluator(spec, problem.test.as_deref()).map_err(&in_spec)?;
    Ok(Prepared { plan: Plan { augment, ..plan }, problem, method, instruments, evaluator })
}

/// What evaluates the test examples along the way, if the spec asks for that.
fn evaluator<T: Element>(spec: &Spec, test: Option<&dyn Workload<T>>) -> Result<Option<Evaluator<T>>, RegistryError> {
    let Some(asked) = evaluation(&spec.evaluation)? else { return Ok(None) };
    let Some(test) = test else {
        let data = &spec.data.name;
        let expected = format!("0, as data `{data}` has no test examples; try `data.test_fraction = 0.2`");
        return Err(spec.evaluation.out_of_range("every", &expected));
    };
    let choose = |known: Vec<String>| {
        spec.evaluation.out_of_range("metric", &format!("one of the metrics of this run ({})", known.join(", ")))
    };
    Evaluator::new(asked, &test.metric_names()).map(Some).map_err(choose)
}

/// What a setting of evaluations is without any.
const NOT_EVALUATED: &str = "no value, as nothing is evaluated along the way; try `evaluation.every = 10` with it";

/// What the section `evaluation` asks for; `None` without evaluations along the way.
fn evaluation(settings: &Settings) -> Result<Option<Evaluation>, RegistryError> {
    let every = settings.count("every")? as u64;
    let metric = settings.optional_text("metric");
    let patience = settings.optional_count("patience")?.map(|patience| patience as u64);
    match (every, patience, metric) {
        (0, Some(_), _) => Err(settings.out_of_range("patience", NOT_EVALUATED)),
        (0, None, Some(_)) => Err(settings.out_of_range("metric", NOT_EVALUATED)),
        (0, None, None) => Ok(None),
        (_, Some(0), _) => Err(settings.out_of_range("patience", "1 or more evaluations")),
        (every, patience, metric) => {
            Ok(Some(Evaluation { every, metric: metric.unwrap_or("loss").to_owned(), patience }))
        }
    }
}
