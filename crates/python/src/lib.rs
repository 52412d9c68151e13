//! The part of onedge for Python that is compiled: `onedge._core`. What people call is written in Python over it.

mod call;
mod errors;
mod graph;
mod objective;

use pyo3::prelude::*;

#[pymodule]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<graph::Graph>()?;
    module.add_class::<objective::Objective>()
}
