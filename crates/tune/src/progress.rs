/// Where a trainer stands.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Progress {
    pub(crate) steps: u64,
    pub(crate) learning_rate: f64,
    pub(crate) update_norm: f64,
    pub(crate) cost: f64,
    pub(crate) diagnostics_cost: f64,
    /// Steps that took the curvature of a part of the batch.
    pub(crate) parts: u64,
}
