//! Diagnostics at points of least squares, where everything is known by hand or from the dense Hessian.

use std::collections::BTreeMap;

use onedge_objective::{Costs, Error as ObjectiveError, Objective, Sampled, vector};
use onedge_registry::{Setting, Settings, Value};
use onedge_spectrum::diagnostics::{ALL, Instrument, Point, Reading, Setup, Step, instruments};
use onedge_spectrum::{GaussNewton, LinearOperator, Residual};

const DIM: usize = 4;
const COSTS: Costs = Costs { linearize: 3.5, curvature: 2.25, hessian_vector: 5.0, gauss_newton_vector: 7.0 };

/// The mean of `(a_i . w - 1)^2 / 2` over examples, with a Gauss-Newton part that is said to be the identity.
struct Rows {
    rows: Vec<[f64; DIM]>,
    selected: Vec<usize>,
}

impl Rows {
    fn new(examples: usize) -> Self {
        let row = |i: usize| [0, 1, 2, 3].map(|j| (1.0 + 0.7 * i as f64 + 1.9 * j as f64).sin() / (1.0 + j as f64));
        Self { rows: (0..examples).map(row).collect(), selected: (0..examples).collect() }
    }

    fn hessian(&self) -> [[f64; DIM]; DIM] {
        let entry = |j: usize, k: usize| self.selected.iter().map(|&i| self.rows[i][j] * self.rows[i][k]).sum::<f64>();
        [0, 1, 2, 3].map(|j| [0, 1, 2, 3].map(|k| entry(j, k) / self.selected.len() as f64))
    }
}

impl Objective<f64> for Rows {
    fn dim(&self) -> usize {
        DIM
    }

    fn linearize(&mut self, w: &[f64], gradient: &mut [f64]) -> Result<f64, ObjectiveError> {
        gradient.fill(0.0);
        for row in self.selected.iter().map(|&i| &self.rows[i]) {
            vector::axpy((vector::dot(row, w) - 1.0) / self.selected.len() as f64, row, gradient);
        }
        self.loss(w)
    }

    fn hessian_vector(&mut self, v: &[f64], out: &mut [f64]) -> Result<(), ObjectiveError> {
        out.iter_mut().zip(self.hessian()).for_each(|(out, row)| *out = vector::dot(&row, v));
        Ok(())
    }

    fn gauss_newton_vector(&mut self, v: &[f64], out: &mut [f64]) -> Result<(), ObjectiveError> {
        out.copy_from_slice(v);
        Ok(())
    }

    fn loss(&mut self, w: &[f64]) -> Result<f64, ObjectiveError> {
        let loss = |&i: &usize| 0.5 * (vector::dot(&self.rows[i], w) - 1.0).powi(2);
        Ok(self.selected.iter().map(loss).sum::<f64>() / self.selected.len() as f64)
    }

    fn costs(&self) -> Costs {
        COSTS
    }
}

impl Sampled<f64> for Rows {
    fn examples(&self) -> usize {
        self.rows.len()
    }

    fn select(&mut self, indices: Option<&[usize]>) -> Result<(), ObjectiveError> {
        self.selected = indices.map_or_else(|| (0..self.rows.len()).collect(), <[usize]>::to_vec);
        Ok(())
    }
}

fn settings(given: &[(&str, &str)]) -> Result<Vec<Instrument<f64>>, String> {
    let all: Vec<Setting> = ALL.iter().flat_map(|entry| entry.settings).copied().collect();
    let given: BTreeMap<String, Value> =
        given.iter().map(|(key, text)| ((*key).to_owned(), Value::parse(text))).collect();
    let settings = Settings::resolve_section("diagnostics", &all, given).unwrap();
    instruments(ALL, &settings).map_err(|error| error.to_string())
}

/// Calls `f` with a point of gradient descent at rate 0.3, of all examples or of a batch.
fn at_point<R>(problem: &mut Rows, batch: Option<&[usize]>, f: impl FnOnce(&mut Point<'_, f64>) -> R) -> R {
    let w = [0.5, -1.0, 0.25, 2.0];
    let mut gradient = [0.0; DIM];
    problem.select(batch).unwrap();
    let loss = problem.linearize(&w, &mut gradient).unwrap();
    let update = gradient.map(|g| -g);
    let step = Step {
        number: 3,
        w: &w,
        loss,
        gradient: &gradient,
        update: &update,
        learning_rate: 0.3,
        sharpness: None,
        batch,
    };
    let mut direction = |g: &[f64], u: &mut [f64]| {
        u.iter_mut().zip(g).for_each(|(u, g)| *u = -g);
        Ok(())
    };
    let setup = Setup { seed: 5, threads: 1, batch_size: batch.map(<[usize]>::len) };
    f(&mut Point::new(problem, step, &[], &mut direction, setup))
}

fn value(readings: &[Reading], name: &str) -> f64 {
    readings.iter().find(|reading| reading.name == name).unwrap_or_else(|| panic!("{name} in {readings:?}")).value
}

#[test]
fn only_what_has_a_cadence_is_measured() {
    let names = |given| settings(given).unwrap().iter().map(|i| (i.name, i.every)).collect::<Vec<_>>();
    assert_eq!(names(&[]), []);
    assert_eq!(names(&[("trace_every", "7"), ("top_every", "1")]), [("top", 1), ("trace", 7)]);
}

#[test]
fn settings_have_their_ends() {
    let message = |given: &[(&str, &str)]| settings(given).err();
    let layers = |error: &str| message(&[("layers_every", "1"), ("layers_error", error)]);
    assert_eq!(layers("0.5"), None);
    for bad in ["0.0", "1.0", "-0.5"] {
        let expected = format!("diagnostics.layers_error: expected a number between 0 and 1, got {bad}");
        assert_eq!(layers(bad), Some(expected));
    }
    let plus = |samples| message(&[("trace_every", "1"), ("trace_method", "hutch++"), ("trace_samples", samples)]);
    assert_eq!(plus("6"), None);
    assert!(
        plus("5").unwrap().starts_with("diagnostics.trace_samples: expected a whole number, 6 or more for hutch++")
    );
}

#[test]
fn costs_are_in_evaluations_on_the_examples_of_the_step() {
    let (mut problem, mut out) = (Rows::new(8), [0.0; DIM]);
    let work = |point: &mut Point<'_, f64>| {
        assert_eq!(point.examples(), 8);
        let objective = point.objective().unwrap();
        assert_eq!((objective.dim(), objective.costs()), (DIM, COSTS));
        objective.curvature(&[1.0; DIM]).unwrap();
        objective.hessian_vector(&[1.0; DIM], &mut out).unwrap();
        objective.gauss_newton_vector(&[1.0; DIM], &mut out).unwrap();
        objective.loss(&[1.0; DIM]).unwrap();
        point.cost()
    };
    // One linearisation, whoever else asks; then one of each.
    let once = 3.5 + 2.25 + 5.0 + 7.0 + 1.0;
    assert_eq!(at_point(&mut problem, None, work), once);
    let spent = at_point(&mut problem, Some(&[0, 3, 5, 6]), |point| {
        point.objective().unwrap().curvature(&[1.0; DIM]).unwrap();
        point.objective().unwrap().loss(&[1.0; DIM]).unwrap();
        point.cost()
    });
    assert_eq!(spent, 3.5 + 2.25 + 1.0);
}

#[test]
fn what_is_measured_on_other_examples_costs_their_share() {
    // A gradient and a curvature of 2 of 8 examples for each of 16 samples, in evaluations on 4.
    let mut batch =
        settings(&[("batch_sharpness_every", "1"), ("batch_sharpness_batch", "2"), ("batch_sharpness_samples", "16")])
            .unwrap();
    let cost = at_point(&mut Rows::new(8), Some(&[0, 3, 5, 6]), |point| {
        batch[0].diagnostic.measure(point).unwrap();
        point.cost()
    });
    assert_eq!(cost, 16.0 * (3.5 + 2.25) * 2.0 / 4.0);
    // Of 64 examples each sample of the trace takes 4.
    let mut trace = settings(&[("trace_every", "1"), ("trace_samples", "8"), ("trace_error", "0.0")]).unwrap();
    let cost = at_point(&mut Rows::new(64), None, |point| {
        trace[0].diagnostic.measure(point).unwrap();
        point.cost()
    });
    assert_eq!(cost, 8.0 * (3.5 + 5.0) * 4.0 / 64.0);
}

#[test]
fn the_largest_eigenvalues_of_samples_have_errors_and_a_share_of_the_cost() {
    let measure = |given: &[(&str, &str)]| {
        let all = [&[("top_every", "1"), ("top_count", "2")], given].concat();
        let mut top = settings(&all).unwrap().remove(0);
        at_point(&mut Rows::new(64), Some(&[0, 3, 5, 6]), |point| {
            let readings = top.diagnostic.measure(point).unwrap();
            (readings, point.cost())
        })
    };
    let (exact, _) = measure(&[]);
    assert!(exact.iter().all(|reading| reading.standard_error.is_none()));
    let (sampled, spent) = measure(&[("top_batch", "16")]);
    let names: Vec<&str> = sampled.iter().map(|reading| &reading.name[..]).collect();
    assert_eq!(names, ["top_1", "top_2", "top_above_1", "top_above_2"]);
    assert!(sampled[..2].iter().all(|reading| reading.standard_error.is_some_and(|error| error > 0.0)));
    assert!(sampled[2..].iter().all(|reading| reading.standard_error.is_none()));
    // A gradient and some products on 16 examples, and eight times a gradient and two curvatures on 2, in evaluations on 4.
    let products = (spent - 4.0 * 3.5 - 4.0 * (3.5 + 2.0 * 2.25)) / (4.0 * 5.0);
    assert!(products >= 3.0 && products == products.round(), "{products}");
    let many = [("top_every", "1"), ("top_batch", "33")];
    let mut top = settings(&many).unwrap().remove(0);
    let error = at_point(&mut Rows::new(64), None, |point| top.diagnostic.measure(point)).unwrap_err().to_string();
    assert!(error.contains("2 to 32 examples, half of all, got 33"), "{error}");
}

#[test]
fn a_sampled_batch_needs_a_size() {
    let noise = || settings(&[("noise_scale_every", "1"), ("noise_scale_samples", "16")]).unwrap().remove(0);
    let readings = at_point(&mut Rows::new(8), Some(&[0, 3, 5, 6]), |point| noise().diagnostic.measure(point)).unwrap();
    assert!(value(&readings, "noise_scale") > 0.0);
    let error = at_point(&mut Rows::new(8), None, |point| noise().diagnostic.measure(point)).unwrap_err().to_string();
    assert!(error.contains("expected a size for sampled batches"), "{error}");
}

#[test]
fn quotients_of_the_step_by_hand() {
    let names = [("step_sharpness_every", "1"), ("edge_against_greedy_every", "1")];
    let mut found = settings(&names).unwrap();
    let (readings, slope, curvature, square) = at_point(&mut Rows::new(8), None, |point| {
        let readings: Vec<Reading> = found.iter_mut().flat_map(|i| i.diagnostic.measure(point).unwrap()).collect();
        let update = point.step.update;
        let curvature = point.objective().unwrap().curvature(update).unwrap();
        (readings, vector::dot(point.step.gradient, update), curvature, vector::dot(update, update))
    });
    assert!(slope < 0.0);
    let close = |name: &str, expected: f64| {
        let got = value(&readings, name);
        assert!((got - expected).abs() < 1e-12 * expected.abs(), "{name}: {got} {expected}");
    };
    close("step_sharpness", curvature / square);
    close("step_ratio", 0.3 * curvature / -slope);
    // On a quadratic the edge is back at the loss, and greedy gains half the square of the slope over the curvature.
    close("edge_against_greedy", 0.5 * slope * slope / curvature);
}

#[test]
fn what_top_found_makes_the_trace_exact_and_can_be_stored() {
    let make = || settings(&[("top_every", "1"), ("top_count", "4"), ("trace_every", "1")]).unwrap();
    let (mut problem, mut first, mut second) = (Rows::new(8), make(), make());
    let trace: f64 = (0..DIM).map(|i| problem.hessian()[i][i]).sum();
    let readings = at_point(&mut problem, None, |point| {
        first.iter_mut().flat_map(|i| i.diagnostic.measure(point).unwrap()).collect::<Vec<_>>()
    });
    let sum: f64 = (1..=DIM).map(|i| value(&readings, &format!("top_{i}"))).sum();
    assert!((sum - trace).abs() < 1e-9 && (value(&readings, "trace") - trace).abs() < 1e-9, "{readings:?}");
    let exact = readings.iter().find(|reading| reading.name == "trace").unwrap();
    assert!(exact.standard_error.unwrap() < 1e-9, "{exact:?}");

    assert!(!first[0].diagnostic.state().is_empty());
    second[0].diagnostic.restore(first[0].diagnostic.state()).unwrap();
    assert_eq!(second[0].diagnostic.state(), first[0].diagnostic.state());
    let again = [&mut first[0], &mut second[0]]
        .map(|top| at_point(&mut problem, None, |point| (top.diagnostic.measure(point).unwrap(), point.cost())));
    assert_eq!(again[0], again[1]);
    let odd = first[0].diagnostic.state().with_scalar("odd", 0.0);
    assert!(second[0].diagnostic.restore(odd).is_err());
}

#[test]
fn the_last_critical_rate_is_stored() {
    let make = || settings(&[("critical_sharpness_every", "1")]).unwrap().remove(0).diagnostic;
    let (mut problem, mut first, mut second) = (Rows::new(8), make(), make());
    at_point(&mut problem, None, |point| first.measure(point)).unwrap();
    assert!(!first.state().is_empty());
    second.restore(first.state()).unwrap();
    assert_eq!(second.state(), first.state());
    assert!(second.restore(first.state().with_scalar("odd", 0.0)).is_err());
}

#[test]
fn the_hessian_is_its_gauss_newton_part_and_the_rest() {
    let (mut problem, v, mut out) = (Rows::new(8), [1.0, -2.0, 0.5, 3.0], [0.0; DIM]);
    let hessian = problem.hessian();
    let mut part = GaussNewton::new(&mut problem);
    assert_eq!(part.dim(), DIM);
    part.apply(&v, &mut out).unwrap();
    assert_eq!(out, v);
    let mut rest = Residual::new(&mut problem);
    assert_eq!(rest.dim(), DIM);
    rest.apply(&v, &mut out).unwrap();
    for (i, out) in out.iter().enumerate() {
        assert!((out - (vector::dot(&hessian[i], &v) - v[i])).abs() < 1e-14);
    }
}
