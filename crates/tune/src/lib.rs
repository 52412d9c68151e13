//! Optimizers (gradient to update), tuners (line to learning rate) and the training step that joins them.
//!
//! Knows nothing of models, data, clocks or files: it sees an [`Objective`](onedge_objective::Objective) and flat
//! vectors. A tuner does not even see vectors, only a [`Line`].
//!
//! ```
//! use onedge_objective::{Error, Objective};
//! use onedge_spectrum::Lanczos;
//! use onedge_tune::{Trainer, optimizers::Gd, tuners::Cdat};
//!
//! /// (w^2 - 1)^2, with its derivatives by hand.
//! struct DoubleWell(f64);
//!
//! impl Objective<f64> for DoubleWell {
//!     fn dim(&self) -> usize {
//!         1
//!     }
//!     fn linearize(&mut self, w: &[f64], gradient: &mut [f64]) -> Result<f64, Error> {
//!         self.0 = w[0];
//!         gradient[0] = 4.0 * w[0] * (w[0] * w[0] - 1.0);
//!         self.loss(w)
//!     }
//!     fn curvature(&mut self, u: &[f64]) -> Result<f64, Error> {
//!         Ok((12.0 * self.0 * self.0 - 4.0) * u[0] * u[0])
//!     }
//!     fn hessian_vector(&mut self, v: &[f64], out: &mut [f64]) -> Result<(), Error> {
//!         out[0] = (12.0 * self.0 * self.0 - 4.0) * v[0];
//!         Ok(())
//!     }
//!     fn loss(&mut self, w: &[f64]) -> Result<f64, Error> {
//!         Ok((w[0] * w[0] - 1.0).powi(2))
//!     }
//! }
//!
//! let (mut objective, mut w) = (DoubleWell(0.0), [3.0]);
//! // In one dimension sigma = 1 is Newton's method, here from outside the well.
//! let tuner = Cdat::new(1.0, 0.0, 0.0, f64::INFINITY)?;
//! let mut trainer = Trainer::new(1, Box::new(Gd::paper()), Box::new(tuner), Lanczos::top(1, 0))?;
//! for _ in 0..10 {
//!     trainer.step(&mut objective, &mut w)?;
//! }
//! assert!((w[0] - 1.0).abs() < 1e-12);
//! # Ok::<(), onedge_tune::Error>(())
//! ```
#![forbid(unsafe_code)]

mod bounds;
mod conditions;
mod error;
mod events;
mod foresight;
mod line;
mod loss_limit;
mod optimizer;
pub mod optimizers;
mod preset;
mod probes;
mod progress;
mod report;
mod step;
mod trainer;
mod tuner;
pub mod tuners;

pub use conditions::Conditions;
pub use error::Error;
pub use events::Events;
pub use foresight::Foresight;
pub use line::{BatchLine, Change, Line, Needs, Sharpness, Trial};
pub use loss_limit::LossLimit;
pub use optimizer::Optimizer;
pub use preset::Preset;
pub use probes::Metric;
pub use report::StepReport;
pub use step::Step;
pub use trainer::{Trainer, TrainerState};
pub use tuner::Tuner;

pub use onedge_objective::{Reader, State, StateError};
pub use onedge_spectrum::Form;
