//! Curvature aware learning rate tuners, exact sharpness and the tools to study training.
//!
//! Knows nothing itself: it gathers the crates of the workspace under short names. The `onedge` program is built on
//! the same.
#![forbid(unsafe_code)]

pub use onedge_data as data;
pub use onedge_engine as engine;
pub use onedge_graph as graph;
pub use onedge_lab as lab;
pub use onedge_nn as nn;
pub use onedge_objective as objective;
pub use onedge_registry as registry;
pub use onedge_spectrum as spectrum;
pub use onedge_theory as theory;
pub use onedge_tune as tune;

/// The examples of the README, compiled as tests.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
pub struct Readme;
