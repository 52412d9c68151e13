//! The registry of activations: functions of one number, applied to each element.

mod activation;
#[cfg(test)]
mod check;
mod elu;
mod gelu;
mod gelu_tanh;
mod identity;
mod relu;
mod sigmoid;
mod silu;
mod softplus;
mod tanh;

use onedge_registry::Entry;

pub use activation::Activation;

/// Every activation.
pub static ALL: &[&Entry<Activation>] = &[
    &relu::ENTRY,
    &tanh::ENTRY,
    &gelu::ENTRY,
    &gelu_tanh::ENTRY,
    &silu::ENTRY,
    &sigmoid::ENTRY,
    &softplus::ENTRY,
    &elu::ENTRY,
    &identity::ENTRY,
];

/// The activation called `name`.
///
/// # Errors
/// An unknown name.
pub fn find(name: &str) -> Result<Activation, onedge_registry::Error> {
    onedge_registry::find("activation", ALL, name).map(|entry| entry.build)
}
