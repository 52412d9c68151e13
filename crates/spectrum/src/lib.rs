//! The ends of the spectrum of a symmetric operator, the Hessian above all: eigenvalues, eigenvectors, alignment.
//!
//! Knows nothing of optimizers, tuners or runs: any [`LinearOperator`] will do, so a plain matrix tests it. Nor do the methods know where vectors lie: those
//! whose names end in `_in` work on any [`Space`], as of tensors on a device.
//!
//! Long vectors are worked on in parallel in the current rayon pool; sums are taken in a fixed order over pieces of
//! fixed size, so the bits do not depend on the number of threads.
#![forbid(unsafe_code)]

pub mod alignment;
mod batches;
mod block;
mod chain;
mod coarse;
mod critical;
mod density;
pub mod diagnostics;
mod eigen;
mod error;
mod follow;
mod forms;
mod found;
mod frobenius;
mod gauss_newton;
mod hessian;
mod krylov;
mod lanczos;
mod operator;
pub mod pieces;
mod power;
mod preconditioned;
mod proof;
mod ritz;
mod rounding;
mod sampled_top;
mod sampling;
mod seeded;
mod shares;
mod sharpening;
mod space;
mod span;
mod subspace;
mod trace;
mod tracker;

pub use batches::{Direction, batch_sharpness, noise_scale};
pub use block::Block;
pub use coarse::{coarse_sample, coarse_start};
pub use critical::{Critical, CriticalSearch, critical_sharpness};
pub use density::{Density, SpectralDensity, density, density_in};
pub use error::Error;
pub use forms::Form;
pub use frobenius::frobenius;
pub use gauss_newton::{GaussNewton, Residual};
pub use hessian::Hessian;
pub use lanczos::{Eigenpair, EigenpairOf, Lanczos, Spectrum, SpectrumOf, Wanted, lanczos, lanczos_in};
pub use operator::{Dense, LinearOperator};
pub use power::{Power, PowerIteration, Until, power_iteration};
pub use preconditioned::Preconditioned;
pub use ritz::ritz_values;
pub use sampled_top::{SampledTop, sampled_top};
pub use sampling::{Estimate, Sampling};
pub use shares::Shares;
pub use sharpening::Sharpening;
pub use space::{Gathered, Space};
pub use subspace::{Subspace, SubspaceSpectrum, SubspaceSpectrumOf, SubspaceTracker, SubspaceTrackerOf};
pub use trace::{deflated, hutch_plus_plus, hutch_plus_plus_in, hutchinson, hutchinson_in, sampled_trace};
pub use tracker::SharpnessTracker;
