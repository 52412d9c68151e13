use std::time::Duration;

/// How a program is run and what each part of it costs, measured on one chunk.
#[derive(Debug, Clone)]
pub struct Report {
    /// Examples in a chunk, at most.
    pub chunk: usize,
    /// Chunks.
    pub chunks: usize,
    /// Chunks of which the gradient's pass keeps what later stages need; of the rest it is computed again.
    pub chunks_kept: usize,
    /// Bytes kept of one chunk.
    pub kept_bytes: usize,
    /// Bytes of scratch memory of each thread.
    pub scratch_bytes: usize,
    /// Bytes of all memory beside the examples: scratch, what is kept, sums.
    pub memory_bytes: u64,
    /// Threads.
    pub threads: usize,
    /// The loss alone, loss and gradient, curvature, Hessian-vector product; the last three once for the chunks that are
    /// kept and once for those that are not, if there are any.
    pub stages: Vec<StageReport>,
}

/// What one stage does to a chunk.
#[derive(Debug, Clone)]
pub struct StageReport {
    /// Its name.
    pub name: &'static str,
    /// How many chunks it is run over so.
    pub chunks: usize,
    /// In the order in which they run.
    pub steps: Vec<StepReport>,
}

/// One step of a stage.
#[derive(Debug, Clone)]
pub struct StepReport {
    /// What it does, in a word.
    pub kind: &'static str,
    /// Its sizes.
    pub detail: String,
    /// Multiplications and additions of products.
    pub flops: f64,
    /// Bytes that it reads or writes in memory, each operand counted once.
    pub bytes: usize,
    /// The shortest time that it took.
    pub time: Duration,
}
