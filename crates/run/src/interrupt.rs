use std::sync::atomic::{AtomicBool, Ordering};

/// What a run is asked for from outside while it goes, as by signals. It is looked at between two steps. A flag alone asks a
/// run to end.
pub trait Interrupt: Sync {
    /// Whether the run is to end after this step, with a checkpoint.
    fn is_set(&self) -> bool;

    /// How often a checkpoint was asked for since the program began. Each time the number has grown, every run that goes on
    /// writes one.
    fn checkpoints_asked(&self) -> u64 {
        0
    }
}

impl Interrupt for AtomicBool {
    fn is_set(&self) -> bool {
        self.load(Ordering::Relaxed)
    }
}
