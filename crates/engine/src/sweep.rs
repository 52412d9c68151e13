use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use onedge_objective::{Error as Failure, vector};

use crate::areas::Areas;
use crate::chunks::Chunk;
use crate::compiled::{Compiled, Memory};
use crate::gauss_newton::GaussNewton;
use crate::kept::Demand;
use crate::kernels::Element;
use crate::lanes::{Lane, Workers};
use crate::plan::Transposed;
use crate::run::run;
use crate::shifted::shift;
use crate::team;
use crate::{Examples, Options};

/// What is computed of every chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    Loss,
    Linearize,
    Curvature,
    HessianVector,
    GaussNewton,
}

impl Stage {
    /// Whether it gives a vector as long as the parameters.
    fn is_vector(self) -> bool {
        matches!(self, Self::Linearize | Self::HessianVector | Self::GaussNewton)
    }
}

/// The share of one lane in a sweep.
struct LaneWork<'a, T> {
    lane: &'a mut Lane<T>,
    chunks: Vec<(Chunk, &'a mut [T])>,
}

/// Examples in chunks, with the plans and the memory to run stages over them.
pub(crate) struct Sweeps<T> {
    /// All examples.
    pub(crate) examples: Examples<T>,
    /// The selected ones; all if there is none.
    pub(crate) batch: Option<Examples<T>>,
    pub(crate) options: Options,
    pub(crate) l2: f64,
    pub(crate) dim: usize,
    /// Elements of each parameter.
    pub(crate) parameters: Vec<usize>,
    pub(crate) workers: Workers<T>,
    /// Whether threads share the steps of a chunk, in the place of chunks.
    pub(crate) in_pieces: bool,
    /// By the examples of a chunk.
    pub(crate) compiled: HashMap<usize, Compiled<T>>,
    /// The same, planned when first asked for.
    pub(crate) gauss_newton: HashMap<usize, GaussNewton<T>>,
    pub(crate) chunks: Vec<Chunk>,
    pub(crate) lanes: Vec<Lane<T>>,
    /// Whether to end at the next step of a plan.
    pub(crate) stop: Arc<AtomicBool>,
}

/// Where the objective is linearised.
pub(crate) struct Point<T> {
    pub(crate) w: Vec<T>,
    /// What the gradient's pass kept of each chunk; empty beyond the budget.
    pub(crate) kept: Vec<Vec<T>>,
    /// The direction of the last curvature as its pass reads it.
    pub(crate) shifted: Vec<T>,
}

impl<T: Element> Sweeps<T> {
    /// Runs one stage over all chunks; `kept` is what the gradient's pass kept, chunk by chunk.
    ///
    /// # Errors
    /// [`Failure::Interrupted`]; then sums are of a part.
    pub(crate) fn sweep(
        &mut self,
        w: &[T],
        direction: &[T],
        totals: usize,
        stage: Stage,
        kept: &mut [Vec<T>],
    ) -> Result<(), Failure> {
        self.sweep_some(w, direction, totals, stage, kept, &|_, _| true)
    }

    /// Runs one stage over the chunks that are `wanted`, by their numbers and themselves.
    fn sweep_some(
        &mut self,
        w: &[T],
        direction: &[T],
        totals: usize,
        stage: Stage,
        kept: &mut [Vec<T>],
        wanted: &dyn Fn(usize, &Chunk) -> bool,
    ) -> Result<(), Failure> {
        let batch = self.batch.as_ref().unwrap_or(&self.examples);
        let output = if stage.is_vector() { self.dim } else { 0 };
        let mut kept = kept.iter_mut();
        let mut work: Vec<LaneWork<'_, T>> =
            self.lanes.iter_mut().map(|lane| LaneWork { lane, chunks: Vec::new() }).collect();
        for (index, chunk) in self.chunks.iter().enumerate() {
            let memory = kept.next().map_or(&mut [][..], Vec::as_mut_slice);
            if wanted(index, chunk) {
                work[chunk.lane].chunks.push((*chunk, memory));
            }
        }
        let (compiled, gauss_newton, stop) = (&self.compiled, &self.gauss_newton, &*self.stop);
        let (workers, in_pieces) = (&self.workers, self.in_pieces);
        workers.for_each(&mut work, |LaneWork { lane, chunks }, scratch| {
            lane.output.resize(lane.output.len().max(output), T::ZERO);
            lane.totals.clear();
            lane.totals.resize(totals, 0.0);
            // A lane without a chunk of those that are wanted has nothing to add.
            if chunks.is_empty() && output > 0 {
                lane.output.fill(T::ZERO);
            }
            for (i, (chunk, kept)) in chunks.iter_mut().enumerate() {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                let memory = if kept.is_empty() { Memory::Fresh } else { Memory::Kept };
                let plan = match stage {
                    Stage::Loss => compiled[&chunk.len].loss(memory),
                    Stage::Linearize => compiled[&chunk.len].linearize(memory),
                    Stage::Curvature => compiled[&chunk.len].curvature(memory),
                    Stage::HessianVector => compiled[&chunk.len].hessian_vector(memory),
                    Stage::GaussNewton => &gauss_newton[&chunk.len].plan,
                };
                scratch.reserve(plan);
                let mut areas = Areas {
                    parameters: w,
                    direction,
                    fields: batch.read(chunk.start..chunk.start + chunk.len),
                    arena: &mut scratch.arena,
                    kept,
                    output: &mut lane.output,
                    totals: &mut lane.totals,
                    tiles: &mut scratch.tiles,
                    scratch: &mut scratch.kernels,
                    first: i == 0,
                };
                match in_pieces {
                    true => team::run(plan, &mut areas, stop, &workers.team(stop)),
                    false => run(plan, &mut areas, stop),
                }
            }
        });
        if stop.load(Ordering::Relaxed) { Err(Failure::Interrupted) } else { Ok(()) }
    }

    /// The mean over examples of a total, lanes added in order.
    pub(crate) fn mean(&self, slot: usize) -> f64 {
        self.sum(slot) / self.batch().len() as f64
    }

    /// The sum of a total over examples, lanes added in order.
    pub(crate) fn sum(&self, slot: usize) -> f64 {
        self.lanes.iter().map(|lane| lane.totals[slot]).sum()
    }

    /// `l2 |x|^2`
    pub(crate) fn l2_square(&self, x: &[T]) -> f64 {
        if self.l2 == 0.0 { 0.0 } else { self.l2 * vector::dot(x, x) }
    }

    /// `out <- mean over examples of what the lanes collected + l2 x`
    pub(crate) fn reduce(&self, transposed: &[Transposed], x: &[T], out: &mut [T]) {
        self.reduce_over(self.batch().len(), transposed, x, out);
    }

    /// The same where the lanes collected sums over so many examples.
    fn reduce_over(&self, examples: usize, transposed: &[Transposed], x: &[T], out: &mut [T]) {
        self.workers.reduce(&self.lanes, transposed, 1.0 / examples as f64, self.l2, x, out);
    }

    /// The gradient at the point of the mean over the chunks in `examples`, which are then kept as far as the budget goes.
    pub(crate) fn gradient_on(
        &mut self,
        point: &mut Point<T>,
        examples: &Range<usize>,
        gradient: &mut [T],
    ) -> Result<(), Failure> {
        self.demand().reserve(&mut point.kept, examples);
        let wanted = |_: usize, chunk: &Chunk| examples.contains(&chunk.start);
        self.sweep_some(&point.w, &[], 1, Stage::Linearize, &mut point.kept, &wanted)?;
        self.reduce_over(examples.len(), &self.first_compiled().transposed_gradient, &point.w, gradient);
        Ok(())
    }

    /// `u . H u` at the point, of the mean over the chunks in `examples`.
    pub(crate) fn curvature_on(
        &mut self,
        point: &mut Point<T>,
        u: &[T],
        examples: &Range<usize>,
    ) -> Result<f64, Failure> {
        self.keep(point, examples)?;
        let terms = self.first_compiled().curvature_terms;
        shift(&point.w, u, &self.parameters, &mut point.shifted);
        let wanted = |_: usize, chunk: &Chunk| examples.contains(&chunk.start);
        self.sweep_some(&point.w, &point.shifted, terms, Stage::Curvature, &mut point.kept, &wanted)?;
        let mean: f64 = (0..terms).map(|term| self.sum(term) / examples.len() as f64).sum();
        Ok(mean + self.l2_square(u))
    }

    /// Makes sure that what later stages need of the chunks in `examples` is kept at the point, as far as the budget goes.
    pub(crate) fn keep(&mut self, point: &mut Point<T>, examples: &Range<usize>) -> Result<(), Failure> {
        let had: Vec<bool> = point.kept.iter().map(|memory| !memory.is_empty()).collect();
        self.demand().reserve(&mut point.kept, examples);
        let new = |index: usize| !point.kept[index].is_empty() && !had.get(index).is_some_and(|had| *had);
        let new: Vec<bool> = (0..self.chunks.len()).map(new).collect();
        if new.contains(&true) {
            let wanted = |index: usize, _: &Chunk| new[index];
            self.sweep_some(&point.w, &[], 1, Stage::Linearize, &mut point.kept, &wanted)?;
        }
        Ok(())
    }

    /// What there is to keep, and how much may be.
    pub(crate) fn demand(&self) -> Demand<'_> {
        let len = |chunk: &Chunk| self.compiled[&chunk.len].kept_len;
        let budget = self.options.memory_bytes / size_of::<T>() as u64;
        Demand { chunks: &self.chunks, lens: self.chunks.iter().map(len).collect(), budget }
    }

    pub(crate) fn threads(&self) -> usize {
        if self.in_pieces { self.options.threads } else { self.options.threads.min(self.lanes.len()) }
    }

    /// Chunks of which the budget keeps what later stages need.
    pub(crate) fn chunks_kept(&self) -> usize {
        let each = (self.first_compiled().kept_len * size_of::<T>()).max(1);
        usize::try_from(self.options.memory_bytes / each as u64).unwrap_or(usize::MAX).min(self.chunks.len())
    }

    pub(crate) fn first_compiled(&self) -> &Compiled<T> {
        &self.compiled[&self.chunks[0].len]
    }

    pub(crate) fn batch(&self) -> &Examples<T> {
        self.batch.as_ref().unwrap_or(&self.examples)
    }
}
