//! Curvature aware learning rate tuners, exact sharpness and the tools to study training.
//!
//! Knows nothing itself: it gathers the crates of the workspace under short names. The `onedge` program is built on
//! the same.
//!
//! What is heavy are features, all on by default: `train` (data sets and the training loop), `runs` (specs, records, resume), `store` (the
//! index of runs, with SQLite), `plot` (pictures), `sweep`, `paper`, and `program`, which takes all of them. Without any
//! (`default-features = false`) there are the engine, the networks, the tuners and the spectrum.
#![forbid(unsafe_code)]

pub use onedge_engine as engine;
pub use onedge_graph as graph;
pub use onedge_nn as nn;
pub use onedge_objective as objective;
pub use onedge_registry as registry;
pub use onedge_spectrum as spectrum;
pub use onedge_tune as tune;

#[cfg(feature = "train")]
pub use {onedge_data as data, onedge_train as train, onedge_train::fit::fit};

#[cfg(feature = "runs")]
pub use {onedge_onnx as onnx, onedge_record as record, onedge_run as run, onedge_spec as spec};

#[cfg(feature = "store")]
pub use onedge_store as store;

#[cfg(feature = "plot")]
pub use onedge_plot as plot;

#[cfg(feature = "sweep")]
pub use onedge_sweep as sweep;

#[cfg(feature = "serve")]
pub use onedge_serve as serve;

#[cfg(feature = "paper")]
pub use {onedge_paper as paper, onedge_theory as theory};

#[cfg(feature = "program")]
pub mod program;

/// The examples of the README, compiled as tests.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
pub struct Readme;

/// The examples of the guide, compiled as tests.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/GUIDE.md")]
pub struct Guide;
