//! The spectrum of an operator on vectors that lie with a framework of Python, on whatever device: numbers alone come here.

use onedge_spectrum::{
    Error, Form, Gathered, Lanczos, Sampling, Space, Subspace, SubspaceTrackerOf, Wanted, density_in,
    hutch_plus_plus_in, hutchinson_in, lanczos_in,
};
use pyo3::prelude::*;
use pyo3::types::PyList;

use crate::errors::{argument, of_spectrum};

/// A space of Python: `onedge._space.Space`.
struct Device<'py> {
    space: Bound<'py, PyAny>,
    dim: usize,
    epsilon: f64,
}

type Handle<'py> = Bound<'py, PyAny>;

impl<'py> Device<'py> {
    fn new(space: Bound<'py, PyAny>) -> PyResult<Self> {
        let (dim, epsilon) = (space.getattr("dim")?.extract()?, space.getattr("epsilon")?.extract()?);
        Ok(Self { space, dim, epsilon })
    }

    fn list(&self, handles: &[&Handle<'py>]) -> Result<Bound<'py, PyList>, Error> {
        PyList::new(self.space.py(), handles).map_err(kept)
    }
}

/// What Python raised, on its way through the library.
fn kept(raised: PyErr) -> Error {
    Error::Space(Box::new(raised))
}

/// What the library reports, or what Python raised below it.
fn told(problem: Error) -> PyErr {
    match problem {
        Error::Space(source) => source.downcast::<PyErr>().map_or_else(argument, |raised| *raised),
        other => of_spectrum(&other),
    }
}

impl<'py> Space for Device<'py> {
    type Vector = Handle<'py>;
    // Vectors lie on the device, stored or not.
    type Stored = Handle<'py>;
    type Sums = Handle<'py>;

    fn dim(&self) -> usize {
        self.dim
    }

    fn epsilon(&self) -> f64 {
        self.epsilon
    }

    fn apply(&mut self, v: &Handle<'py>) -> Result<Handle<'py>, Error> {
        self.space.call_method1("apply", (v,)).map_err(kept)
    }

    fn random(&mut self, seed: u64) -> Result<Handle<'py>, Error> {
        self.space.call_method1("random", (seed,)).map_err(kept)
    }

    fn signs(&mut self, seed: u64) -> Result<Handle<'py>, Error> {
        self.space.call_method1("signs", (seed,)).map_err(kept)
    }

    fn copy(&mut self, v: &Handle<'py>) -> Result<Handle<'py>, Error> {
        self.space.call_method1("copy", (v,)).map_err(kept)
    }

    fn scale(&mut self, alpha: f64, v: &mut Handle<'py>) -> Result<(), Error> {
        self.space.call_method1("scale", (alpha, &*v)).map(drop).map_err(kept)
    }

    fn combine(&mut self, coefficients: &[f64], vectors: &[&Handle<'py>]) -> Result<Handle<'py>, Error> {
        let vectors = self.list(vectors)?;
        self.space.call_method1("combine", (coefficients.to_vec(), vectors)).map_err(kept)
    }

    fn dots(&mut self, a: &[&Handle<'py>], v: &Handle<'py>) -> Result<Vec<f64>, Error> {
        let a = self.list(a)?;
        self.space.call_method1("dots", (a, v)).and_then(|numbers| numbers.extract()).map_err(kept)
    }

    fn orthogonalize(&mut self, basis: &[&Handle<'py>], v: &mut Handle<'py>) -> Result<(Vec<f64>, f64), Error> {
        let basis = self.list(basis)?;
        self.space.call_method1("orthogonalize", (basis, &*v)).and_then(|numbers| numbers.extract()).map_err(kept)
    }

    fn store(&mut self, v: Handle<'py>) -> Result<Handle<'py>, Error> {
        Ok(v)
    }

    fn take(&mut self, stored: Handle<'py>) -> Result<Handle<'py>, Error> {
        Ok(stored)
    }

    fn copy_stored(&mut self, stored: &Handle<'py>) -> Result<Handle<'py>, Error> {
        self.copy(stored)
    }

    fn combine_stored(&mut self, coefficients: &[f64], stored: &[&Handle<'py>]) -> Result<Handle<'py>, Error> {
        self.combine(coefficients, stored)
    }

    fn dots_stored(&mut self, stored: &[&Handle<'py>], v: &Handle<'py>) -> Result<Vec<f64>, Error> {
        self.dots(stored, v)
    }

    fn orthogonalize_stored(&mut self, basis: &[&Handle<'py>], v: &mut Handle<'py>) -> Result<(Vec<f64>, f64), Error> {
        self.orthogonalize(basis, v)
    }

    fn rotate(&mut self, vectors: &mut Vec<Handle<'py>>, columns: &[Vec<f64>]) -> Result<(), Error> {
        let given = PyList::new(self.space.py(), &*vectors).map_err(kept)?;
        // The space reuses the places of those that nobody else holds.
        vectors.clear();
        let rotated = self.space.call_method1("rotate", (given, columns.to_vec())).map_err(kept)?;
        *vectors = rotated.extract().map_err(kept)?;
        Ok(())
    }

    fn sums(&mut self) -> Result<Handle<'py>, Error> {
        self.space.call_method0("sums").map_err(kept)
    }

    fn gather(
        &mut self,
        sums: &mut Handle<'py>,
        form: Form,
        z: &Handle<'py>,
        y: &Handle<'py>,
    ) -> Result<Gathered, Error> {
        let squares = form == Form::Squares;
        let found = self.space.call_method1("gather", (&*sums, squares, z, y)).map_err(kept)?;
        let (form, square, elements, diagonal, overlaps) = found.extract().map_err(kept)?;
        Ok(Gathered { form, square, elements, diagonal, overlaps })
    }
}

/// Eigenvalues, bounds and estimates of their errors, vectors, whether all are as good as asked for, products used.
type Pairs<'py> = (Vec<f64>, Vec<f64>, Vec<f64>, Vec<Handle<'py>>, bool, usize);

/// The `k` largest eigenvalues of the operator of a space, or those of largest absolute value, or both, by Lanczos's method.
#[pyfunction]
#[pyo3(signature = (space, k, which, *, tolerance, max_products, seed, start=None))]
fn top_on<'py>(
    space: Bound<'py, PyAny>,
    k: usize,
    which: &str,
    tolerance: f64,
    max_products: usize,
    seed: u64,
    start: Option<Handle<'py>>,
) -> PyResult<Pairs<'py>> {
    let wanted = match which {
        "largest" => Wanted::Algebraic,
        "magnitude" => Wanted::Magnitude,
        "both" => Wanted::Both,
        other => {
            return Err(argument(format!("which: expected \"largest\", \"magnitude\" or \"both\", got \"{other}\"")));
        }
    };
    let options = Lanczos { wanted, tolerance, max_products, ..Lanczos::top(k, seed) };
    let found = lanczos_in(&mut Device::new(space)?, &options, start.as_ref()).map_err(told)?;
    let (converged, products) = (found.converged(), found.products);
    let mut out: Pairs<'py> = (Vec::new(), Vec::new(), Vec::new(), Vec::new(), converged, products);
    for pair in found.pairs {
        out.0.push(pair.value);
        out.1.push(pair.residual_bound);
        out.2.push(pair.error_estimate);
        out.3.push(pair.vector);
    }
    Ok(out)
}

/// The `k` largest eigenvalues of the operator of a space, from the vectors of an earlier measurement on. What comes back beside them are the vectors
/// from which the next one goes on.
#[pyfunction]
#[pyo3(signature = (space, k, vectors, *, tolerance, max_products, seed, measurements))]
fn follow_on<'py>(
    space: Bound<'py, PyAny>,
    k: usize,
    vectors: Vec<Handle<'py>>,
    tolerance: f64,
    max_products: usize,
    seed: u64,
    measurements: u64,
) -> PyResult<(Pairs<'py>, Vec<Handle<'py>>)> {
    let mut device = Device::new(space)?;
    let options = Subspace { k, tolerance, max_products, seed, threads: 1 };
    let mut tracker = SubspaceTrackerOf::new(options, device.dim).map_err(told)?;
    tracker.restore(vectors, measurements);
    let found = tracker.measure_in(&mut device, None).map_err(told)?;
    let pairs = (found.values, found.residuals, found.errors, found.vectors, found.converged, found.products);
    Ok((pairs, tracker.vectors().to_vec()))
}

/// The trace of the operator of a space: the mean, its standard error, the products used. `method` is `hutchinson`, until the error is a share of the value
/// or products run out, or `hutch++`, by all of them.
#[pyfunction]
#[pyo3(signature = (space, method, *, samples, relative_error, seed))]
fn trace_on(
    space: Bound<'_, PyAny>,
    method: &str,
    samples: usize,
    relative_error: f64,
    seed: u64,
) -> PyResult<(f64, f64, usize)> {
    let mut device = Device::new(space)?;
    let found = match method {
        "hutchinson" => {
            let sampling = Sampling { min_samples: samples.min(4), max_samples: samples, relative_error, seed };
            hutchinson_in(&mut device, &sampling)
        }
        "hutch++" => hutch_plus_plus_in(&mut device, samples, seed),
        other => return Err(argument(format!("method: expected \"hutchinson\" or \"hutch++\", got \"{other}\""))),
    };
    let found = found.map_err(told)?;
    Ok((found.value, found.standard_error, found.samples))
}

/// The density of the eigenvalues of the operator of a space: pairs of a value and its weight; and the products used.
#[pyfunction]
#[pyo3(signature = (space, *, steps, vectors, seed))]
fn density_on(space: Bound<'_, PyAny>, steps: usize, vectors: usize, seed: u64) -> PyResult<(Vec<(f64, f64)>, usize)> {
    let found = density_in(&mut Device::new(space)?, steps, vectors, seed).map_err(told)?;
    Ok((found.density.nodes, found.products))
}

/// Adds all functions of this file.
pub fn add(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(top_on, module)?)?;
    module.add_function(wrap_pyfunction!(follow_on, module)?)?;
    module.add_function(wrap_pyfunction!(trace_on, module)?)?;
    module.add_function(wrap_pyfunction!(density_on, module)?)
}
