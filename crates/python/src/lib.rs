//! The part of onedge for Python that is compiled: `onedge._core`. What people call is written in Python over it.

mod call;
mod device;
mod errors;
mod graph;
#[cfg(feature = "runs")]
mod lent;
#[cfg(feature = "runs")]
mod measure;
mod objective;
#[cfg(feature = "runs")]
mod observed;
#[cfg(feature = "program")]
mod program;
#[cfg(feature = "runs")]
mod runs;
#[cfg(feature = "runs")]
mod train;
#[cfg(feature = "runs")]
mod tuner;
#[cfg(feature = "runs")]
mod values;

use pyo3::prelude::*;

/// The cores that there are for threads.
#[pyfunction]
fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

#[pymodule]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(cores, module)?)?;
    module.add_class::<graph::Graph>()?;
    device::add(module)?;
    #[cfg(feature = "runs")]
    runs::add(module)?;
    #[cfg(feature = "runs")]
    module.add_class::<observed::Recorder>()?;
    #[cfg(feature = "runs")]
    module.add_function(wrap_pyfunction!(measure::measure, module)?)?;
    #[cfg(feature = "runs")]
    module.add_class::<tuner::Tuner>()?;
    #[cfg(feature = "program")]
    module.add_function(wrap_pyfunction!(program::program, module)?)?;
    module.add_class::<objective::Objective>()
}
