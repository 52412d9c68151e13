//! The simplified model of learning rate and sharpness: two eigendirections, a few numbers, every rule in milliseconds.
//!
//! Knows nothing of losses, networks, files or pictures: settings in, plain numbers out.
//!
//! The largest eigenvalue `lambda` grows by progressive sharpening `a` and is held by self-stabilisation `b`, once the
//! displacement `x` along its eigenvector is large:
//!
//! ```text
//! (4)   x+ = (1 - eta lambda) x         lambda+ = lambda + eta (a - b x^2)
//! (6)   eta = 2 (1 - e) / lambda                                               a classical tuner
//! (10)  eta+ = sigma (lambda^2 p + nu^2 q) / (lambda^3 p + nu^3 q)             CDAT
//! ```
//!
//! with `p = x^2`, `q` the squared displacement along a second eigenvector of fixed eigenvalue `nu`, and
//! `y = eta lambda - 2`, how far beyond the edge of stability a step is. Which of two successive values an equation
//! reads decides what happens, so every such choice is a setting: [`Time`] for (4), [`Lag`](tuners::Lag) for (10).
//!
//! [`stochastic`] noise and [`batches`] are additions of ours; no paper cited here has them.
//!
//! Source: Roulet et al. 2024, arXiv 2407.06183, equations 4 to 6 and 10; after Damian, Nichani, Lee 2023,
//! arXiv 2209.15594. Cost: some twenty operations a step.
#![forbid(unsafe_code)]

pub mod batches;
mod model;
pub mod phase;
pub mod presets;
pub mod reduced;
pub mod spiral;
pub mod stochastic;
mod trajectory;
pub mod tuners;

pub use model::{Parameters, State, Time, advance};
pub use presets::{ALL, build};
pub use trajectory::{LIMIT, Point, Start, Stop, Study, Trajectory, simulate, walk};
