//! Whether a problem fits the memory of this machine, before it is filled: an allocation that fails later ends the program.

use std::fs;

use onedge_engine::{DataObjective, Element};

use crate::Error;

/// Vectors as long as the parameters that a run holds beside one for each lane: parameters, a copy at the linearised
/// point, gradient, two updates, trial point, the optimizer's two and a margin; and the copies of five of them that are
/// taken for a checkpoint.
const VECTORS: usize = 15;

/// More lanes than threads are of no use.
const USUAL_LANES: u64 = 16;

/// Checks that vectors of `parameters` elements of `width` bytes fit, one for each lane and those of the training step.
///
/// # Errors
/// [`Error::Memory`]. Nothing is checked where the machine does not tell.
pub fn require(origin: &str, parameters: usize, width: usize, lanes: usize) -> Result<(), Error> {
    available_memory().map_or(Ok(()), |available| within(available, origin, parameters, width, lanes))
}

/// The same of so many bytes.
fn within(available: u64, origin: &str, parameters: usize, width: usize, lanes: usize) -> Result<(), Error> {
    let vector = (parameters as u64).saturating_mul(width as u64);
    let needed = vector.saturating_mul((lanes as u64).saturating_add(VECTORS as u64));
    if needed <= available {
        return Ok(());
    }
    // With one lane there is nothing left to save but parameters, and few machines have a use for more than these.
    let fitting = (available / vector.max(1)).saturating_sub(VECTORS as u64).min(lanes as u64).min(USUAL_LANES);
    Err(Error::Memory { origin: origin.to_owned(), parameters, lanes, fitting, needed, available })
}

/// Checks that what the engine needs to run chunks fits beside the rest.
///
/// # Errors
/// [`Error::ChunkMemory`]. Nothing is checked where the machine does not tell.
pub fn require_chunks<T: Element>(origin: &str, objective: &DataObjective<T>, threads: usize) -> Result<(), Error> {
    let (needed, (chunk, _)) = (objective.memory_bytes(), objective.chunking());
    // The sums of the lanes, which are a part of what is needed, may have their addresses already.
    let available = free_memory().map(|free| free.min(address_space().unwrap_or(u64::MAX)));
    match available {
        Some(available) if needed > available => {
            Err(Error::ChunkMemory { origin: origin.to_owned(), chunk, threads, needed, available })
        }
        _ => Ok(()),
    }
}

/// Bytes that this process can still get, as Linux tells: what is free, within what is left of its address space.
pub fn available_memory() -> Option<u64> {
    let taken = || kibibytes("/proc/self/status", "VmSize:").unwrap_or(0);
    let left = address_space().map_or(u64::MAX, |limit| limit.saturating_sub(taken()));
    Some(free_memory()?.min(left))
}

fn free_memory() -> Option<u64> {
    kibibytes("/proc/meminfo", "MemAvailable:")
}

/// Where it is limited.
fn address_space() -> Option<u64> {
    field(&fs::read_to_string("/proc/self/limits").ok()?, "Max address space")
}

/// A number of KiB in a file, as bytes.
fn kibibytes(path: &str, name: &str) -> Option<u64> {
    Some(field(&fs::read_to_string(path).ok()?, name)?.saturating_mul(1024))
}

/// The first number after `name` on its line; `None` if there is none, as for a limit that is "unlimited".
fn field(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_by_name() {
        let text = "MemTotal:  9 kB\nMemAvailable:   1234 kB\nMax address space   unlimited   unlimited   bytes\n";
        assert_eq!(field(text, "MemAvailable:"), Some(1234));
        assert_eq!(field(text, "Max address space"), None);
        assert_eq!(field(text, "Swap"), None);
    }

    #[test]
    fn what_no_machine_has_is_refused() {
        assert!(require("spec", 1000, 4, 4).is_ok());
        if available_memory().is_some() {
            let message = require("spec", usize::MAX, 8, 4).unwrap_err().to_string();
            assert!(message.starts_with(&format!("spec: {} parameters on 4 lanes need", usize::MAX)), "{message}");
            assert!(message.ends_with("; try smaller widths"), "{message}");
        }
    }

    /// Of 4 bytes a thousand parameters take 4,000: in 96,000 there is room for the step's own fifteen vectors and nine lanes.
    #[test]
    fn too_many_lanes_are_what_is_named() {
        let message = |available, lanes| within(available, "spec", 1000, 4, lanes).unwrap_err().to_string();
        let many = message(96_000, 10);
        assert!(
            many.starts_with("spec: 1000 parameters on 10 lanes need ") && many.ends_with("; try engine.lanes = 9")
        );
        assert!(within(96_000, "spec", 1000, 4, 9).is_ok());
        assert!(message(1 << 40, 1 << 50).ends_with("; try engine.lanes = 16"));
        assert!(message(63_999, 1).ends_with("; try smaller widths"));
    }
}
