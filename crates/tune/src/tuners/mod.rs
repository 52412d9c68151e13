//! Tuners: a line in, a learning rate out. One file each, one line in [`ALL`].

mod adgd;
mod amortised;
mod armijo;
mod barzilai_borwein;
mod batch_sharpness;
mod cdat;
mod constant;
mod controlled;
mod dog;
mod dowg;
mod exponential;
mod frobenius;
mod gauss_newton;
mod greedy;
mod guarded;
mod hypergradient;
mod linesearch;
mod make;
mod on_edge;
mod over_signs;
mod pal;
mod parts;
mod polyak;
mod quadratic;
mod schedule;
mod sharpness;
mod sigma;
mod sls;
mod step;
mod trace;
mod warmup;
mod warmup_constant;
mod warmup_cosine;
mod warmup_linear;
mod wolfe;

#[cfg(test)]
mod fixed;

use onedge_registry::{Entry, Error as SettingError, Settings, Value, find};

use crate::Tuner;

pub use adgd::{AdGd, Year};
pub use armijo::{Armijo, ArmijoOptions};
pub use barzilai_borwein::{BarzilaiBorwein, Variant};
pub use batch_sharpness::BatchSharpness;
pub use cdat::{Cdat, spelled_out};
pub use constant::Constant;
pub use controlled::{Controlled, ControlledOptions};
pub use dog::Dog;
pub use dowg::Dowg;
pub use exponential::Exponential;
pub use frobenius::Frobenius;
pub use gauss_newton::GaussNewton;
pub use greedy::Greedy;
pub use guarded::Guarded;
pub use hypergradient::Hypergradient;
pub use make::Make;
pub use on_edge::OnEdge;
pub use over_signs::OverSignsOptions;
pub use pal::Pal;
pub use polyak::Polyak;
pub use schedule::Schedule;
pub use sharpness::Sharpness;
pub use sigma::Sigma;
pub use sls::{Sls, SlsOptions};
pub use step::StepDecay;
pub use trace::Trace;
pub use warmup::Warmup;
pub use warmup_constant::WarmupConstant;
pub use warmup_cosine::WarmupCosine;
pub use warmup_linear::WarmupLinear;
pub use wolfe::{Wolfe, WolfeOptions};

/// Every tuner, in the order of listings.
pub static ALL: &[&Entry<Make>] = &[
    &constant::ENTRY,
    &warmup_constant::ENTRY,
    &warmup_linear::ENTRY,
    &warmup_cosine::ENTRY,
    &exponential::ENTRY,
    &step::ENTRY,
    &armijo::ENTRY,
    &wolfe::ENTRY,
    &sls::ENTRY,
    &pal::ENTRY,
    &greedy::ENTRY,
    &on_edge::ENTRY,
    &cdat::ENTRY,
    &controlled::ENTRY,
    &gauss_newton::ENTRY,
    &sharpness::ENTRY,
    &trace::ENTRY,
    &frobenius::ENTRY,
    &batch_sharpness::ENTRY,
    &polyak::ENTRY,
    &hypergradient::ENTRY,
    &adgd::ENTRY,
    &barzilai_borwein::ENTRY,
    &dog::ENTRY,
    &dowg::ENTRY,
];

/// The tuner called `name` with the settings `given`, as `Settings::resolve` takes them.
///
/// # Errors
/// An unknown name or key, a missing or ill-typed value, a setting out of its range.
pub fn build(name: &str, given: std::collections::BTreeMap<String, Value>) -> Result<Box<dyn Tuner>, SettingError> {
    let entry = find("tuner", ALL, name)?;
    (entry.build)(&Settings::resolve(entry, given)?)
}
