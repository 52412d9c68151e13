//! What optimizers check before a direction.

use onedge_objective::Layer;

use crate::Error;

/// The layers that `optimizer` was told, if they are those of `dim` parameters.
pub(super) fn told<'a>(optimizer: &'static str, layers: &'a [Layer], dim: usize) -> Result<&'a [Layer], Error> {
    let last = layers.last().ok_or(Error::NoLayers { optimizer })?;
    Error::require_length("layers", dim, last.range.end)?;
    Ok(layers)
}

/// Checks the three slices of a direction against each other and against the length of the state, if there is one.
pub(super) fn check_lengths<T>(w: &[T], g: &[T], u: &[T], state: &[T]) -> Result<(), Error> {
    Error::require_length("gradient", w.len(), g.len())?;
    Error::require_length("update", w.len(), u.len())?;
    if state.is_empty() { Ok(()) } else { Error::require_length("optimizer state", w.len(), state.len()) }
}
