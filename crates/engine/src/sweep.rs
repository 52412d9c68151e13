use std::collections::{HashMap, VecDeque};
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
use crate::lanes::{Lane, Scratch, Workers};
use crate::peers::Peers;
use crate::plan::{Plan, Transposed};
use crate::shifted::shift;
use crate::tree;
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

/// Direction, kept values, output and totals of a plan, and whether the chunk is the first of its lane.
type Io<'a, T> = (&'a [T], &'a mut [T], &'a mut [T], &'a mut [f64], bool);

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
    /// Those that are computed here, as all below.
    pub(crate) chunks: Vec<Chunk>,
    /// What was kept at points that are left behind: memory that the next one need not ask for, which would cost as much as some 30 % of a step.
    pub(crate) spare: VecDeque<Vec<T>>,
    /// The points since anything was kept.
    pub(crate) unasked: usize,
    pub(crate) lanes: Vec<Lane<T>>,
    /// Who computes the others, if there are any.
    pub(crate) peers: Option<Arc<dyn Peers<T>>>,
    /// The lanes of the batch, here and there.
    pub(crate) all_lanes: usize,
    /// The examples of the batch, here and there; `None` if all of them are here.
    pub(crate) all_examples: Option<usize>,
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
    /// Runs one stage over all chunks, for one direction after the other in each (a stage that has none gets one that is empty); `kept` is what the
    /// gradient's pass kept, chunk by chunk.
    ///
    /// # Errors
    /// [`Failure::Interrupted`]; then sums are of a part.
    pub(crate) fn sweep(
        &mut self,
        w: &[T],
        directions: &[&[T]],
        totals: usize,
        stage: Stage,
        kept: &mut [Vec<T>],
    ) -> Result<(), Failure> {
        self.sweep_some(w, directions, totals, stage, kept, &|_, _| true)
    }

    /// Runs one stage over the chunks that are `wanted`, by their numbers and themselves.
    pub(crate) fn sweep_some(
        &mut self,
        w: &[T],
        directions: &[&[T]],
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
            lane.outputs.resize_with(lane.outputs.len().max(directions.len()), Vec::new);
            for sum in &mut lane.outputs[..directions.len()] {
                sum.resize(sum.len().max(output), T::ZERO);
            }
            lane.totals.clear();
            lane.totals.resize(totals, 0.0);
            // A lane without a chunk of those that are wanted has nothing to add.
            if chunks.is_empty() && output > 0 {
                lane.outputs[..directions.len()].iter_mut().for_each(|sum| sum.fill(T::ZERO));
            }
            for (i, (chunk, kept)) in chunks.iter_mut().enumerate() {
                let compiled = &compiled[&chunk.len];
                let run =
                    |scratch: &mut Scratch<T>, plan: &Plan<T>, (direction, kept, output, totals, first): Io<'_, T>| {
                        if stop.load(Ordering::Relaxed) {
                            return;
                        }
                        scratch.reserve(plan);
                        let mut areas = Areas {
                            parameters: w,
                            direction,
                            fields: batch.read(chunk.place..chunk.place + chunk.len),
                            arena: &mut scratch.arena,
                            kept,
                            output,
                            totals,
                            tiles: &mut scratch.tiles,
                            scratch: &mut scratch.kernels,
                            first,
                        };
                        match in_pieces {
                            true => T::run_in_pieces(plan, &mut areas, stop, &workers.team(stop)),
                            false => T::run(plan, &mut areas, stop),
                        }
                    };
                let mut brief = std::mem::take(&mut scratch.kept);
                let mut kept = &mut **kept;
                // Several products with a chunk of which nothing is kept share a pass that keeps it while they last.
                if kept.is_empty() && stage == Stage::HessianVector && directions.len() > 1 {
                    let mut unread = std::mem::take(&mut scratch.unread);
                    brief.resize(brief.len().max(compiled.kept_len), T::ZERO);
                    unread.resize(unread.len().max(output), T::ZERO);
                    kept = &mut brief[..compiled.kept_len];
                    run(scratch, compiled.linearize(Memory::Kept), (&[], kept, &mut unread, &mut [0.0], true));
                    scratch.unread = unread;
                }
                let memory = if kept.is_empty() { Memory::Fresh } else { Memory::Kept };
                let plan = match stage {
                    Stage::Loss => compiled.loss(memory),
                    Stage::Linearize => compiled.linearize(memory),
                    Stage::Curvature => compiled.curvature(memory),
                    Stage::HessianVector => compiled.hessian_vector(memory),
                    Stage::GaussNewton => &gauss_newton[&chunk.len].plan,
                };
                for (direction, output) in directions.iter().zip(&mut lane.outputs) {
                    run(scratch, plan, (direction, kept, output, &mut lane.totals, i == 0));
                }
                scratch.kept = brief;
            }
        });
        if stop.load(Ordering::Relaxed) { Err(Failure::Interrupted) } else { Ok(()) }
    }

    /// The first `totals` sums over examples, lanes added as a tree, also those that others have.
    ///
    /// # Errors
    /// Whatever comes between them.
    pub(crate) fn sums(&self, totals: usize) -> Result<Vec<f64>, Failure> {
        let mut sums = self.own_sums(totals);
        self.peers.as_ref().map_or(Ok(()), |peers| peers.join(self.all_lanes, &mut [], &mut sums))?;
        Ok(sums)
    }

    fn own_sums(&self, totals: usize) -> Vec<f64> {
        let sum = |slot: usize| tree::fold(&self.lanes, &|lane| lane.totals[slot], &|left, right| left + right);
        (0..totals).map(|slot| sum(slot).unwrap_or(0.0)).collect()
    }

    /// `l2 |x|^2`
    pub(crate) fn l2_square(&self, x: &[T]) -> f64 {
        if self.l2 == 0.0 { 0.0 } else { self.l2 * vector::dot(x, x) }
    }

    /// `out <- mean over examples of what the lanes collected + l2 x`; gives the first `totals` sums beside it.
    ///
    /// # Errors
    /// Whatever comes between those who have lanes.
    pub(crate) fn reduce(
        &self,
        totals: usize,
        transposed: &[Transposed],
        x: &[T],
        out: &mut [T],
    ) -> Result<Vec<f64>, Failure> {
        self.reduce_over(self.count(), 0, totals, transposed, x, out)
    }

    /// The same of direction `which`, where the lanes collected sums over so many examples.
    pub(crate) fn reduce_over(
        &self,
        examples: usize,
        which: usize,
        totals: usize,
        transposed: &[Transposed],
        x: &[T],
        out: &mut [T],
    ) -> Result<Vec<f64>, Failure> {
        let scale = 1.0 / examples as f64;
        let mut sums = self.own_sums(totals);
        let outputs: Vec<&[T]> = self.lanes.iter().map(|lane| &lane.outputs[which][..]).collect();
        match &self.peers {
            None => T::reduce(&self.workers, &outputs, transposed, (scale, self.l2), x, out),
            Some(peers) => {
                T::reduce(&self.workers, &outputs, transposed, (1.0, 0.0), x, out);
                peers.join(self.all_lanes, out, &mut sums)?;
                self.workers.finish(scale, self.l2, x, out);
            }
        }
        Ok(sums)
    }

    /// The gradient at the point of the mean over the chunks in `examples`, which are then kept as far as the budget goes.
    pub(crate) fn gradient_on(
        &mut self,
        point: &mut Point<T>,
        examples: &Range<usize>,
        gradient: &mut [T],
    ) -> Result<(), Failure> {
        self.reserve(point, examples);
        let wanted = |_: usize, chunk: &Chunk| examples.contains(&chunk.start);
        self.sweep_some(&point.w, &[&[]], 1, Stage::Linearize, &mut point.kept, &wanted)?;
        self.reduce_over(examples.len(), 0, 0, &self.first_compiled().transposed_gradient, &point.w, gradient)?;
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
        self.sweep_some(&point.w, &[&point.shifted], terms, Stage::Curvature, &mut point.kept, &wanted)?;
        let mean: f64 = self.sums(terms)?.iter().map(|sum| sum / examples.len() as f64).sum();
        Ok(mean + self.l2_square(u))
    }

    /// Makes sure that what later stages need of the chunks in `examples` is kept at the point, as far as the budget goes.
    pub(crate) fn keep(&mut self, point: &mut Point<T>, examples: &Range<usize>) -> Result<(), Failure> {
        let had: Vec<bool> = point.kept.iter().map(|memory| !memory.is_empty()).collect();
        self.reserve(point, examples);
        let new = |index: usize| !point.kept[index].is_empty() && !had.get(index).is_some_and(|had| *had);
        let new: Vec<bool> = (0..self.chunks.len()).map(new).collect();
        if new.contains(&true) {
            let wanted = |index: usize, _: &Chunk| new[index];
            self.sweep_some(&point.w, &[&[]], 1, Stage::Linearize, &mut point.kept, &wanted)?;
        }
        Ok(())
    }

    /// Makes room for what is kept of the chunks in `examples`, as far as the budget goes.
    pub(crate) fn reserve(&mut self, point: &mut Point<T>, examples: &Range<usize>) {
        self.unasked = 0;
        let mut spare = std::mem::take(&mut self.spare);
        self.demand().reserve(&mut point.kept, &mut spare, examples);
        self.spare = spare;
    }

    /// Goes on to a point of which nothing is kept. Memory that was spare for so many of them is given back.
    pub(crate) fn keep_nothing(&mut self) {
        /// Twice the steps between two curvatures of `cdat` as it comes.
        const POINTS: usize = 16;
        self.unasked += 1;
        if self.unasked > POINTS {
            self.spare = VecDeque::new();
        }
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

    /// The number of examples in the batch, here and elsewhere.
    pub(crate) fn count(&self) -> usize {
        self.all_examples.unwrap_or_else(|| self.batch().len())
    }

    pub(crate) fn batch(&self) -> &Examples<T> {
        self.batch.as_ref().unwrap_or(&self.examples)
    }
}
