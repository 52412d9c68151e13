use crate::State;
use crate::tuners::Tuner;

/// `eta+ = eta`
#[derive(Debug, Clone, Copy)]
pub struct Constant;

impl Tuner for Constant {
    fn rate(&self, before: &State, _: &State) -> f64 {
        before.eta
    }
}
