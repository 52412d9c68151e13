use std::time::Duration;

/// How a program is run and what each part of it costs, measured on one chunk.
#[derive(Debug, Clone)]
pub struct Report {
    /// Examples in a chunk, at most.
    pub chunk: usize,
    /// Chunks.
    pub chunks: usize,
    /// Chunks of which the gradient's pass keeps what later stages need; the rest is recomputed.
    pub chunks_kept: usize,
    /// Bytes kept of one chunk.
    pub kept_bytes: usize,
    /// Bytes of scratch memory of each thread.
    pub scratch_bytes: usize,
    /// Threads.
    pub threads: usize,
    /// The loss alone, loss and gradient, curvature, Hessian-vector product.
    pub stages: Vec<StageReport>,
}

/// What one stage does to a chunk.
#[derive(Debug, Clone)]
pub struct StageReport {
    /// Its name.
    pub name: &'static str,
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

impl StageReport {
    /// The time of one chunk.
    pub fn time(&self) -> Duration {
        self.steps.iter().map(|step| step.time).sum()
    }

    /// Multiplications and additions of products for one chunk.
    pub fn flops(&self) -> f64 {
        self.steps.iter().map(|step| step.flops).sum()
    }
}
