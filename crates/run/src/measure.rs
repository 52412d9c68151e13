//! Everything that is known about one point: loss, gradient, slope, curvature, the top of the spectrum.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::Path;

use onedge_objective::{Error as ObjectiveError, Probe, Real, vector};
use onedge_spec::{Precision, Spec};
use onedge_spectrum::diagnostics::Setup;
use onedge_spectrum::{Eigenpair, Hessian, Lanczos, Preconditioned, Spectrum, Wanted, lanczos};
use onedge_text::table::{number, table};
use onedge_train::{Element, Instruments, Layout, StepStart, Workload, instruments};
use onedge_tune::Optimizer;
use serde::Serialize;

use crate::meaning::{self, Learned};
use crate::{DataSets, Error, Located, Point, build_problem, plan};

/// What was measured at one point.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Measurement {
    /// Which parameters: `the last parameters of runs/cdat, after 200 steps`; empty if nobody says.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub at: String,
    /// The steps that the run had taken there; absent for parameters of no run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<u64>,
    /// P, the number of parameters.
    pub parameters: usize,
    /// The examples that the loss is a mean over.
    pub examples: usize,
    /// The loss, the L2 term included.
    pub loss: f64,
    /// Means over the training examples.
    pub train: BTreeMap<String, f64>,
    /// Means over the test examples, if there are any.
    pub test: BTreeMap<String, f64>,
    /// `|g|`
    pub gradient_norm: f64,
    /// `|u|`, with u the update at unit learning rate that the optimizer makes here, in the state that it had in the run if that was
    /// kept.
    pub update_norm: f64,
    /// `g . u`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slope: Option<f64>,
    /// `u . H u`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub curvature: Option<f64>,
    /// `-slope / |curvature|`, the minimiser of the quadratic model along u; absent without curvature.
    pub greedy_rate: Option<f64>,
    /// The largest eigenvalues of H, in descending order.
    pub eigenvalues: Vec<Eigenvalue>,
    /// The eigenvalues of largest magnitude, largest first.
    pub magnitudes: Vec<Eigenvalue>,
    /// The largest eigenvalues of `P^-1/2 H P^-1/2`, for an optimizer with a preconditioner P.
    pub preconditioned: Vec<Eigenvalue>,
    /// Hessian-vector products spent on eigenvalues, over all examples.
    pub products: usize,
    /// What the other diagnostics read, by name; the standard error of a sampled one under the same name with `_error`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub measured: BTreeMap<String, f64>,
    /// Points of the spectral density, `(eigenvalue, weight)`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub density: Vec<(f64, f64)>,
    /// What has no value here, and why.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub missing: BTreeMap<String, String>,
}

/// One eigenvalue and what is known about its error.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Eigenvalue {
    /// Its value.
    pub value: f64,
    /// Some eigenvalue lies this close to it.
    pub residual_bound: f64,
    /// Whether bound and estimated error met the tolerance before the products ran out.
    pub converged: bool,
}

/// Measures `point` on the problem of `spec`; where that is the spec of the run in the folder `run`, with changes or without, data that the
/// changes choose are read by what the run has learned of its own. So are those of a spec alone by what a file of parameters says.
///
/// Of the diagnostics those whose cadence is not 0. Eigenvalues are found to a tenth of the tolerance of a run, as it is done but once.
///
/// # Errors
/// Whatever is wrong with spec, data or parameters; [`ResumeError::OtherData`](crate::ResumeError::OtherData) if the data of the run have changed and are not
/// named anew, [`Error::OtherMeaning`] for such that its model does not suit; a loss, gradient or update that is not finite. What else has no
/// value is among what is [missing](Measurement::missing).
pub fn measure(spec: &Spec, run: Option<&Path>, point: &Point, data_sets: &mut DataSets) -> Result<Measurement, Error> {
    match (run, point) {
        (Some(run), _) => meaning::settle(run, spec, data_sets)?,
        (None, Point::File(path)) => drop(Learned::of_parameters(path)?.read(spec, data_sets)?),
        (None, _) => {}
    }
    match spec.precision {
        Precision::F32 => measure_in::<f32>(spec, point, data_sets),
        Precision::F64 => measure_in::<f64>(spec, point, data_sets),
    }
}

fn measure_in<T: Element>(spec: &Spec, point: &Point, data_sets: &mut DataSets) -> Result<Measurement, Error> {
    let mut problem = build_problem::<T>(spec, data_sets)?;
    let Located { w, mut words, step, optimizer: state } = point.of(spec, &problem)?;
    if data_sets.place().is_some() {
        // The examples lie elsewhere by now.
        problem.data = None;
        data_sets.let_go();
    }
    let in_spec = onedge_spec::Error::spec(&spec.origin);
    let mut optimizer = spec.build_optimizer().map_err(&in_spec)?;
    optimizer.set_layers(&Layout::layers(&problem.layouts))?;
    let keeps = !optimizer.state().is_empty();
    let restored = state.map(|state| optimizer.restore(state));
    if keeps && !matches!(restored, Some(Ok(()))) {
        // A state that does not fit may be half restored.
        optimizer = spec.build_optimizer().map_err(&in_spec)?;
        optimizer.set_layers(&Layout::layers(&problem.layouts))?;
        words += match restored {
            None => ", with the optimizer at its first step",
            Some(_) => ", with the optimizer at its first step, as that of the run was another",
        };
    }
    let along_runs = plan(spec)?.diagnostics.lanczos;
    let options = Lanczos { wanted: Wanted::Both, tolerance: 0.1 * along_runs.tolerance, ..along_runs };
    let examples = problem.train.examples();
    instruments::check(&spec.diagnostics, spec.batch, examples).map_err(&in_spec)?;
    let setup = Setup { seed: spec.seed, threads: options.threads, batch_size: spec.batch };
    let mut instruments = Instruments::new(spec.catalogue.diagnostics(), &spec.diagnostics, &problem.layouts, setup)
        .map_err(&in_spec)?
        .at_any_step();
    let mut measurement = measure_at(&mut *problem.train, &w, &*optimizer, &options)?;
    measurement.at = words;
    measurement.step = matches!(point, Point::Of(..)).then_some(step);
    if instruments.due(step) {
        read(&mut *problem.train, &w, (&*optimizer, step), &mut instruments, &mut measurement)?;
    }
    if let Some(test) = problem.test.as_deref_mut() {
        measurement.test = kept(&mut measurement.missing, "test", test.metrics(&w)).unwrap_or_default();
    }
    Ok(measurement)
}

/// Measures the point `w`, for an optimizer in the state that it has there.
///
/// # Errors
/// A loss, gradient or update that is not finite; whatever the objective reports of them.
pub fn measure_at<T: Real>(
    workload: &mut dyn Workload<T>,
    w: &[T],
    optimizer: &dyn Optimizer<T>,
    options: &Lanczos,
) -> Result<Measurement, Error> {
    let mut optimizer = optimizer.duplicate();
    let (mut gradient, mut update) = (vec![T::ZERO; w.len()], vec![T::ZERO; w.len()]);
    let mut missing = BTreeMap::new();
    let train = kept(&mut missing, "train", workload.metrics(w)).unwrap_or_default();
    let loss = ObjectiveError::require_finite(Probe::Loss, workload.linearize(w, &mut gradient)?)?;
    let gradient_norm = ObjectiveError::require_finite(Probe::Gradient, vector::norm(&gradient))?;
    optimizer.direction(w, &gradient, &mut update)?;
    let update_norm = ObjectiveError::require_finite(Probe::Update, vector::norm(&update))?;
    let slope = ObjectiveError::require_finite(Probe::Slope, vector::dot(&gradient, &update));
    let slope = kept(&mut missing, "slope", slope);
    let curvature = kept(&mut missing, "curvature", workload.curvature(&update));
    let examples = workload.examples();

    let mut hessian = Hessian::new(workload);
    let found = lanczos(&mut hessian, options, None);
    let spectrum: Option<Spectrum<T>> = kept(&mut missing, "eigenvalues", found);
    let preconditioned: Option<Spectrum<T>> = match optimizer.preconditioner() {
        None => None,
        Some(diagonal) => {
            let options = Lanczos { wanted: Wanted::Algebraic, ..*options };
            let scaled = Preconditioned::new(&mut hessian, diagonal);
            let found = scaled.and_then(|mut scaled| lanczos(&mut scaled, &options, None));
            kept(&mut missing, "preconditioned eigenvalues", found)
        }
    };
    let rate = slope.zip(curvature).filter(|(_, curvature)| *curvature != 0.0);
    Ok(Measurement {
        at: String::new(),
        step: None,
        parameters: w.len(),
        examples,
        loss,
        train,
        test: BTreeMap::new(),
        gradient_norm,
        update_norm,
        slope,
        curvature,
        greedy_rate: rate.map(|(slope, curvature)| -slope / curvature.abs()),
        eigenvalues: spectrum.iter().flat_map(|s| s.algebraic().map(Eigenvalue::of)).collect(),
        magnitudes: spectrum.iter().flat_map(|s| s.magnitude().map(Eigenvalue::of)).collect(),
        preconditioned: preconditioned.iter().flat_map(|s| s.algebraic().map(Eigenvalue::of)).collect(),
        products: [spectrum, preconditioned].iter().flatten().map(|spectrum| spectrum.products).sum(),
        measured: BTreeMap::new(),
        density: Vec::new(),
        missing,
    })
}

/// The value, unless there is none; then why.
fn kept<V, E: Display>(missing: &mut BTreeMap<String, String>, name: &str, result: Result<V, E>) -> Option<V> {
    result.map_err(|error| missing.insert(name.to_owned(), error.to_string())).ok()
}

/// Adds what `instruments` read at the same point.
fn read<T: Real>(
    workload: &mut dyn Workload<T>,
    w: &[T],
    (optimizer, step): (&dyn Optimizer<T>, u64),
    instruments: &mut Instruments<T>,
    measurement: &mut Measurement,
) -> Result<(), Error> {
    let (mut gradient, mut update) = (vec![T::ZERO; w.len()], vec![T::ZERO; w.len()]);
    workload.linearize(w, &mut gradient)?;
    optimizer.duplicate().direction(w, &gradient, &mut update)?;
    let left = StepStart::at(w, &gradient, &update, optimizer.duplicate());
    let sharpness = measurement.eigenvalues.first().map(|eigenvalue| eigenvalue.value);
    let report =
        instruments::Report { step, loss: measurement.loss, learning_rate: f64::NAN, sharpness, is_linearized: true };
    let readings = instruments.measure(workload, &left, report, None);
    (measurement.measured, measurement.density) = (readings.measured, readings.density);
    measurement.missing.extend(readings.missing);
    Ok(())
}

impl Eigenvalue {
    fn of<T>(pair: &Eigenpair<T>) -> Self {
        Self { value: pair.value, residual_bound: pair.residual_bound, converged: pair.converged }
    }
}

impl Measurement {
    /// As aligned text.
    pub fn to_text(&self) -> String {
        let plain = |name: &str, value: f64| vec![name.to_owned(), number(Some(value)), String::new()];
        let mut rows = vec![
            vec!["parameters".to_owned(), self.parameters.to_string(), String::new()],
            vec!["examples".to_owned(), self.examples.to_string(), String::new()],
            plain("loss", self.loss),
        ];
        rows.extend(self.train.iter().map(|(name, value)| plain(&format!("train {name}"), *value)));
        rows.extend(self.test.iter().map(|(name, value)| plain(&format!("test {name}"), *value)));
        rows.push(plain("gradient norm |g|", self.gradient_norm));
        rows.push(plain("update norm |u|", self.update_norm));
        rows.extend(self.slope.map(|slope| plain("slope g.u", slope)));
        rows.extend(self.curvature.map(|curvature| plain("curvature u.Hu", curvature)));
        if let Some(rate) = self.greedy_rate {
            rows.push(plain("greedy rate -g.u / |u.Hu|", rate));
            rows.push(plain("on-edge rate -2 g.u / |u.Hu|", 2.0 * rate));
        }
        let lists = [
            ("eigenvalue", &self.eigenvalues),
            ("magnitude", &self.magnitudes),
            ("preconditioned eigenvalue", &self.preconditioned),
        ];
        for (name, list) in lists {
            for (index, eigenvalue) in list.iter().enumerate() {
                let note = if eigenvalue.converged { "" } else { ", not converged" };
                rows.push(vec![
                    format!("{name} {}", index + 1),
                    number(Some(eigenvalue.value)),
                    format!("± {}{note}", number(Some(eigenvalue.residual_bound))),
                ]);
            }
        }
        rows.push(vec!["products spent".to_owned(), self.products.to_string(), String::new()]);
        for (name, value) in self.measured.iter().filter(|(name, _)| !name.ends_with("_error")) {
            let error = self.measured.get(&format!("{name}_error"));
            let note = error.map_or(String::new(), |error| format!("± {}, standard error", number(Some(*error))));
            rows.push(vec![name.clone(), number(Some(*value)), note]);
        }
        rows.extend(self.missing.iter().map(|(name, why)| vec![name.clone(), "none".to_owned(), why.clone()]));
        let at = if self.at.is_empty() { String::new() } else { format!("at {}\n", self.at) };
        at + &table(&["quantity", "value", ""], &rows)
    }
}

#[cfg(test)]
mod tests {
    use onedge_tune::optimizers::Gd;

    use super::*;
    use onedge_train::samples::Bowl;

    #[test]
    fn agrees_with_algebra() {
        let mut bowl = Bowl::new([4.0, -1.0], &[0.5]);
        let measured = measure_at(&mut bowl, &[1.5, 2.0], &Gd, &Lanczos::top(2, 0)).unwrap();
        // g = (4, -2), so u = (-4, 2).
        assert_eq!((measured.loss, measured.slope, measured.curvature), (0.0, Some(-20.0), Some(60.0)));
        assert_eq!(measured.greedy_rate, Some(20.0 / 60.0));
        let values: Vec<f64> = measured.eigenvalues.iter().map(|e| e.value).collect();
        assert!((values[0] - 4.0).abs() < 1e-9 && (values[1] + 1.0).abs() < 1e-9, "{values:?}");
        assert!(measured.eigenvalues.iter().all(|e| e.converged) && measured.preconditioned.is_empty());
        let text = measured.to_text();
        assert!(text.contains("curvature u.Hu") && text.contains("60.00"), "{text}");
    }
}
