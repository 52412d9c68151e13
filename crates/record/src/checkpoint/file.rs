//! The file of a checkpoint: what it holds, and its checksum.

use sha2::{Digest, Sha256};

use onedge_objective::State;
use onedge_text::hex;
use onedge_train::Snapshot;

/// A run between two steps.
///
/// Its file is in the safetensors format, so that other programs can look into it. Every scalar and vector is a tensor of
/// its own, its bits kept: `parameters/NAME` in the shape of the parameter; `trainer/NAME`, `optimizer/NAME`, `tuner/NAME`,
/// `diagnostics/DIAGNOSTIC/NAME`; `run/NAME`, which are those of the loop; and `records/NAME`, what the run knows of its records. Scalars are `F64` of shape `[]`;
/// vectors are flat and in the precision of the run, but for those of tuner, loop and records, which are `F64`.
///
/// In the metadata: `format` and `format_version`; what [`About`] holds; and `sha256`, the checksum of the whole file with
/// zeros in the place of its own digits.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint<T> {
    /// What it is of.
    pub about: About,
    /// The state.
    pub snapshot: Snapshot<T>,
    /// What the run knows of its records, so that they need not be read to go on; nothing in files of versions that did not keep it.
    pub records: State<f64>,
}

/// What a checkpoint is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// The step that comes next.
    pub step: u64,
    /// The resolved spec, as TOML.
    pub spec: String,
    /// The SHA-256 of the examples: shapes, inputs and targets.
    pub data: String,
    /// The version of this library.
    pub version: String,
}

pub(super) const FORMAT: &str = "onedge checkpoint";
pub(super) const FORMAT_VERSION: &str = "1";
/// The place of the checksum's digits until they are known.
pub(super) const NO_SUM: &str = "0000000000000000000000000000000000000000000000000000000000000000";
const SUM_KEY: &str = "\"sha256\":\"";

/// Where the digits of the checksum are. Quotes inside of texts are escaped, so nothing else in the header looks like it.
pub(super) fn sum_place(bytes: &[u8]) -> Option<usize> {
    let length = u64::from_le_bytes(*bytes.first_chunk()?);
    let head = bytes.get(8..8usize.checked_add(usize::try_from(length).ok()?)?)?;
    let at = head.windows(SUM_KEY.len()).position(|window| window == SUM_KEY.as_bytes())?;
    Some(8 + at + SUM_KEY.len())
}

/// The checksum that a file must have.
pub(super) fn checksum(bytes: &[u8]) -> Option<String> {
    let place = sum_place(bytes)?;
    let mut hash = Sha256::new();
    hash.update(&bytes[..place]);
    hash.update(NO_SUM);
    hash.update(bytes.get(place + NO_SUM.len()..)?);
    Some(hex(hash.finalize()))
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
