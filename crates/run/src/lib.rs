//! From a spec to a finished run, and what else is done with a model: resume, fork, measure, evaluate, predict, forecast, generate, ONNX.
//!
//! Knows nothing of indexes, pictures and many runs at once. It is the lowest crate with clocks and files of its own.
#![forbid(unsafe_code)]

pub mod contract;
mod data_sets;
mod error;
pub mod evaluate;
mod execute;
mod fingerprint;
pub mod forecast;
mod fork;
pub mod generate;
mod given;
mod interrupt;
mod keeper;
mod meaning;
pub mod measure;
mod observed;
pub mod onnx;
mod origin;
mod outputs;
mod own;
mod point;
pub mod predict;
mod prepare;
mod problem;
mod recorded;
mod registration;
mod remembered;
mod resume;
mod resume_error;
pub mod scores;
mod session;
mod stop_request;
mod trained;

pub use data_sets::{DataSets, SharedData};
pub use error::Error;
pub use execute::{Request, execute, execute_until};
pub use fork::{Branch, fork};
pub use given::Given;
pub use interrupt::Interrupt;
pub use observed::Observed;
pub use origin::document_of;
pub use outputs::{Finished, Outputs, Place, file_name};
pub use own::{Earlier, RunIn};
pub use point::{Located, Moment, Point};
pub use prepare::{Metrics, check, check_all, metrics, plan};
pub use problem::{build_problem, network};
pub use resume::{Unfinished, resume, resume_until};
pub use resume_error::{Onward, ResumeError};
