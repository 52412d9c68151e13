use std::time::{Duration, Instant};

use onedge_objective::Error as Failure;

use crate::areas::Areas;
use crate::compiled::Memory;
use crate::kernels::Element;
use crate::lanes::Scratch;
use crate::objective::DataObjective;
use crate::plan::Plan;
use crate::shifted::shift;

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

impl<T: Element> DataObjective<T> {
    /// What each step of each stage does and how long it takes, by running the first chunk `repeats` times at `w`, with
    /// `u` for the direction. Leaves the point alone. Cost: `repeats` times all stages of one chunk, twice if some
    /// chunks are kept and others not.
    ///
    /// # Errors
    /// [`Failure::Length`].
    pub fn report(&self, w: &[T], u: &[T], repeats: usize) -> Result<Report, Failure> {
        Failure::require_length("w", self.sweeps.dim, w.len())?;
        Failure::require_length("u", self.sweeps.dim, u.len())?;
        let (compiled, chunks, chunks_kept) =
            (self.sweeps.first_compiled(), self.sweeps.chunks.len(), self.sweeps.chunks_kept());
        let (mut scratch, mut output, mut direction) = (Scratch::default(), vec![T::ZERO; self.sweeps.dim], Vec::new());
        shift(w, u, &self.sweeps.parameters, &mut direction);
        let mut stages = Vec::new();
        let mut measure = |name, chunks, plan: &Plan<T>, kept: &mut [T]| {
            scratch.reserve(plan);
            let mut totals = vec![0.0; plan.totals];
            let mut areas = Areas {
                parameters: w,
                direction: &direction,
                fields: self.sweeps.batch().read(0..self.sweeps.chunks[0].len),
                arena: &mut scratch.arena,
                kept,
                output: &mut output,
                totals: &mut totals,
                tiles: &mut scratch.tiles,
                scratch: &mut scratch.kernels,
                first: false,
            };
            stages.push(StageReport { name, chunks, steps: time(plan, &mut areas, repeats) });
        };
        measure("loss", chunks, compiled.loss(Memory::Fresh), &mut []);
        for (memory, chunks) in [(Memory::Kept, chunks_kept), (Memory::Fresh, chunks - chunks_kept)] {
            if chunks > 0 {
                let mut kept = vec![T::ZERO; if memory == Memory::Kept { compiled.kept_len } else { 0 }];
                for (name, plan) in compiled.stages(memory) {
                    measure(name, chunks, plan, &mut kept);
                }
            }
        }
        Ok(Report {
            chunk: self.sweeps.chunks[0].len,
            chunks,
            chunks_kept,
            kept_bytes: compiled.kept_len * size_of::<T>(),
            scratch_bytes: compiled.scratch_bytes(),
            memory_bytes: self.memory_bytes(),
            threads: self.sweeps.threads(),
            stages,
        })
    }
}

/// Runs a plan `repeats` times, but once at least, and tells each step's shortest time.
fn time<T: Element>(plan: &Plan<T>, areas: &mut Areas<'_, T>, repeats: usize) -> Vec<StepReport> {
    let mut times = vec![Duration::MAX; plan.steps.len()];
    for _ in 0..repeats.max(1) {
        for (step, time) in plan.steps.iter().zip(&mut times) {
            let start = Instant::now();
            T::run_step(step, areas);
            *time = start.elapsed().min(*time);
        }
    }
    let steps = plan.steps.iter().zip(times);
    steps
        .map(|(step, time)| StepReport {
            kind: step.kind(),
            detail: step.detail(),
            flops: step.flops(),
            bytes: step.elements() * size_of::<T>(),
            time,
        })
        .collect()
}
