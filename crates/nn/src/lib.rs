//! Layers, activations, losses and models, each a few lines that build a graph, and the first values of parameters.
//!
//! Knows nothing of data sets, kernels or training: [`loss_graph`] hands a [`LossGraph`](onedge_graph::LossGraph) on.
//!
//! # Example
//! ```
//! use std::collections::BTreeMap;
//! use onedge_nn::{Io, Target, initial_parameters, loss_graph, losses, models};
//! use onedge_registry::Value;
//!
//! let given = BTreeMap::from([("hidden".to_owned(), Value::parse("[16]"))]);
//! let model = models::build("mlp", given, &Io::new(&[8, 8], 10)?)?;
//! let loss = losses::build("cross-entropy", BTreeMap::new())?;
//! let chunk = loss_graph(&model, &loss, Target::Classes { count: 10 }, 32)?;
//! assert_eq!(&chunk.graph.shape(chunk.losses)[..], [32]);
//! let w: Vec<f32> = initial_parameters(model.parameters(), 0);
//! assert_eq!(w.len(), 64 * 16 + 16 + 16 * 10 + 10);
//! # Ok::<(), onedge_nn::Error>(())
//! ```
#![forbid(unsafe_code)]

pub mod activations;
mod error;
pub mod inits;
mod io;
pub mod layers;
mod link;
mod loss;
mod loss_graph;
pub mod losses;
pub mod metrics;
mod model;
pub mod models;
mod own;
mod parameter;
mod range;
mod target;
mod weights;

pub use error::{Error, LossError};
pub use inits::Init;
pub use io::Io;
pub use link::Link;
pub use loss::{Loss, LossContext, LossNodes};
pub use loss_graph::loss_graph;
pub use model::Model;
pub use own::Layers;
pub use parameter::{Parameter, Parameters, initial_parameters};
pub use range::Range;
pub use target::Target;
pub use weights::Weights;
