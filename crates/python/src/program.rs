//! The command `onedge`.

use std::ffi::OsString;
use std::sync::atomic::AtomicBool;

use onedge::spec::Catalogue;
use pyo3::prelude::*;

use crate::call::detached;

/// Does what a command line asks for, its first word the name of the program, and gives the code to end with.
#[pyfunction]
pub fn program(py: Python<'_>, words: Vec<OsString>) -> PyResult<u8> {
    // The program listens for signals itself, so nobody has to watch.
    detached(py, &AtomicBool::new(false), true, || onedge::program::run_words(&Catalogue::standard(), words))
}
