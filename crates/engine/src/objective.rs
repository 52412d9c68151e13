use std::collections::{HashMap, VecDeque};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use onedge_graph::LossGraph;
use onedge_objective::{Costs, Error as Failure, Objective, Part, Probe, Sampled};

use crate::chunks::Sizes;
use crate::compiled::{Compiled, Memory};
use crate::indices::Legal;
use crate::kept;
use crate::kernels::{Element, total};
use crate::lanes::{Lane, Workers};
use crate::peers::Share;
use crate::sweep::{Point, Stage, Sweeps};
use crate::{Error, Examples, Field, Options};

/// Builds the loss of a chunk of the given number of examples.
pub type BuildLoss = dyn Fn(usize) -> Result<LossGraph, Box<dyn std::error::Error + Send + Sync>> + Send + Sync;

/// The mean loss of a model over a data set, with an L2 term, as an [`Objective`]:
///
/// ```text
/// L(w) = 1/N sum_i loss(w; example i) + l2/2 |w|^2
/// ```
///
/// The batch is cut into chunks that fit the cache; each lane takes a fixed share of them in order, and lanes are added
/// as a fixed binary tree, so results are the same to the bit for any number of threads and any memory budget.
pub struct DataObjective<T> {
    pub(crate) build: Box<BuildLoss>,
    pub(crate) sweeps: Sweeps<T>,
    /// What values examples may have.
    legal: Legal,
    pub(crate) sizes: Sizes,
    pub(crate) point: Option<Point<T>>,
    /// What later stages were asked of the last point, so that it pays to keep what they need of the next.
    pub(crate) keeps: Keeps,
    pub(crate) part: Option<Part>,
}

/// The chunks that later stages were asked of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keeps {
    Nothing,
    Part,
    All,
}

/// Means over the examples of a batch.
#[derive(Debug, Clone, PartialEq)]
pub struct Means {
    /// The mean loss, without the L2 term.
    pub loss: f64,
    /// The mean of each metric, by name.
    pub metrics: Vec<(&'static str, f64)>,
}

impl<T: Element> DataObjective<T> {
    /// The objective on all of `examples`.
    ///
    /// # Errors
    /// What `build` reports; [`Error::Fields`] if the graph reads other fields than the examples have; [`Error::Value`] if a value of them is
    /// not finite, or is read as an index and names nothing.
    pub fn new(build: Box<BuildLoss>, examples: Examples<T>, l2: f64, options: Options) -> Result<Self, Error> {
        let mut objective = Self::probed(build, examples, l2, options, Self::PROBE_EXAMPLES, false)?;
        objective.cut()?;
        Ok(objective)
    }

    /// The objective of a loss that ties the examples of its batch together, as batch norm or a contrastive loss does: the whole batch is one
    /// example. `loss.losses` has one element, and each field has all values of the batch.
    ///
    /// It is one chunk, of which the threads share the steps: each step that is worth it is cut into pieces by its sizes, so that the bits do not depend on
    /// the number of threads.
    ///
    /// # Errors
    /// As for [`new`](Self::new).
    pub fn whole(loss: LossGraph, fields: Vec<Arc<Vec<T>>>, l2: f64, options: Options) -> Result<Self, Error> {
        Self::parts(loss, whole_example(fields)?, l2, options)
    }

    /// The objective of a loss that is a mean over equal parts of a batch, given for one of them: each of the `examples` is such a part.
    /// `loss.losses` has one element. Parts are chunks: lanes and threads share them. One part alone is a [`whole`](Self::whole).
    ///
    /// # Errors
    /// As for [`new`](Self::new).
    pub fn parts(loss: LossGraph, examples: Examples<T>, l2: f64, options: Options) -> Result<Self, Error> {
        let build = move |examples: usize| match examples {
            1 => Ok(loss.clone()),
            _ => Err(format!("expected a chunk of one part, got {examples}").into()),
        };
        let in_pieces = examples.len() == 1;
        let options = Options { chunk: Some(1), ..options };
        let mut objective = Self::probed(Box::new(build), examples, l2, options, 1, in_pieces)?;
        objective.cut()?;
        Ok(objective)
    }

    /// Plans with a chunk of `rows` examples, before the batch is cut; threads share chunks, or the steps of each if `in_pieces`.
    pub(crate) fn probed(
        build: Box<BuildLoss>,
        examples: Examples<T>,
        l2: f64,
        options: Options,
        rows: usize,
        in_pieces: bool,
    ) -> Result<Self, Error> {
        options.check()?;
        let probe = build(rows).map_err(Error::Build)?;
        probe.check()?;
        let own = examples.fields().len();
        let width = |(field, id): (usize, &onedge_graph::NodeId)| {
            probe.graph.shape(*id).size() / if field < own { rows } else { 1 }
        };
        let expected: Vec<usize> = probe.fields.iter().enumerate().map(width).collect();
        let got = examples.widths();
        if expected != got {
            return Err(Error::Fields { expected, got });
        }
        let legal = Legal::new(&probe.graph, &probe.fields, &expected);
        legal.check(&examples)?;
        let parameters: Vec<usize> = probe.parameters.iter().map(|&id| probe.graph.shape(id).size()).collect();
        let dim = parameters.iter().sum();
        let compiled = Compiled::<T>::new(probe, false)?;
        let values =
            (compiled.kept_len + compiled.linearize(Memory::Kept).arena_len) / rows + expected.iter().sum::<usize>();
        let product_rows = compiled.loss(Memory::Fresh).product_rows() / rows as f64;
        let sizes = Sizes::new(&options, values * size_of::<T>(), product_rows);
        let workers = match in_pieces {
            true => Workers::team_of(options.threads)?,
            false => Workers::new(options.threads, options.lanes)?,
        };
        let sweeps = Sweeps {
            examples,
            batch: None,
            options,
            l2,
            dim,
            parameters,
            workers,
            in_pieces,
            // Chunks are planned in strips, threads that share steps have pieces of whole ones.
            compiled: if in_pieces { HashMap::from([(rows, compiled)]) } else { HashMap::new() },
            spare: VecDeque::new(),
            unasked: 0,
            gauss_newton: HashMap::new(),
            chunks: Vec::new(),
            lanes: Vec::new(),
            peers: None,
            all_lanes: 0,
            all_examples: None,
            stop: Arc::default(),
        };
        Ok(Self { build, legal, sweeps, sizes, point: None, keeps: Keeps::All, part: None })
    }

    /// Restricts the objective to the examples at `indices`, in that order; `None` takes all. The objective is no longer
    /// linearised. Cost: one copy of the examples chosen.
    ///
    /// # Errors
    /// [`Error::Index`], [`Error::NoExamples`]; then nothing has changed.
    pub fn select(&mut self, indices: Option<&[usize]>) -> Result<(), Error> {
        self.require_alone("select")?;
        self.sweeps.batch = indices.map(|indices| self.sweeps.examples.select(indices)).transpose()?;
        self.cut()
    }

    /// The same for some examples, with the first field of each changed: `change` gets the place among `indices` and the
    /// values. The examples themselves stay as they are.
    ///
    /// # Errors
    /// [`Error::Index`], [`Error::NoExamples`]; then nothing has changed.
    pub fn select_with(&mut self, indices: &[usize], change: &mut dyn FnMut(usize, &mut [T])) -> Result<(), Error> {
        self.require_alone("select_with")?;
        self.sweeps.batch = Some(self.sweeps.examples.select_with(indices, change)?);
        self.cut()
    }

    /// Takes other examples in the place of all that there are, without planning anew where chunks are as long as before. All are selected, and the
    /// objective is no longer linearised.
    ///
    /// # Errors
    /// As for [`new`](Self::new); then nothing has changed.
    pub fn replace(&mut self, examples: Examples<T>) -> Result<(), Error> {
        self.require_alone("replace")?;
        let (expected, got) = (self.sweeps.examples.widths(), examples.widths());
        if expected != got {
            return Err(Error::Fields { expected, got });
        }
        self.legal.check(&examples)?;
        let before = std::mem::replace(&mut self.sweeps.examples, examples);
        let batch = self.sweeps.batch.take();
        let Err(error) = self.cut() else { return Ok(()) };
        // What was there is planned already.
        (self.sweeps.examples, self.sweeps.batch) = (before, batch);
        self.cut()?;
        Err(error)
    }

    /// The same for a batch that is a [`whole`](Self::whole).
    ///
    /// # Errors
    /// As above.
    pub fn replace_whole(&mut self, fields: Vec<Arc<Vec<T>>>) -> Result<(), Error> {
        self.replace(whole_example(fields)?)
    }

    /// A flag that ends whatever the objective is doing, within one step of a plan: while it is true, every call returns
    /// [`Failure::Interrupted`], and after all but `loss` the objective is no longer linearised. Whoever sets it takes it back.
    pub fn stop_flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.sweeps.stop)
    }

    /// Puts another flag in the place of [that one](Self::stop_flag).
    pub fn stop_by(&mut self, flag: Arc<AtomicBool>) {
        self.sweeps.stop = flag;
    }

    /// All examples, whatever is selected.
    pub fn examples(&self) -> &Examples<T> {
        &self.sweeps.examples
    }

    /// The number of examples in a chunk, at most, and the number of chunks.
    pub fn chunking(&self) -> (usize, usize) {
        (self.sweeps.chunks.iter().map(|chunk| chunk.len).max().unwrap_or(0), self.sweeps.chunks.len())
    }

    /// The names of the metrics, in their order.
    pub fn metric_names(&self) -> &[&'static str] {
        &self.sweeps.first_compiled().metrics
    }

    /// The mean loss (without the L2 term) and the mean of each metric at `w`, by name. Leaves the point alone.
    ///
    /// # Errors
    /// [`Failure::Length`].
    pub fn metrics(&mut self, w: &[T]) -> Result<Means, Failure> {
        Failure::require_length("w", self.sweeps.dim, w.len())?;
        let names = self.sweeps.first_compiled().metrics.clone();
        self.sweeps.sweep(w, &[&[]], 1 + names.len(), Stage::Loss, &mut [])?;
        let count = self.sweeps.count() as f64;
        let means: Vec<f64> = self.sweeps.sums(1 + names.len())?.into_iter().map(|sum| sum / count).collect();
        Ok(Means { loss: means[0], metrics: names.into_iter().zip(means[1..].iter().copied()).collect() })
    }

    /// Bytes of all memory that a run needs beside the examples: scratch memory of each thread, what is kept for
    /// curvature, the sums of all lanes, the direction with the parameters moved along it.
    pub fn memory_bytes(&self) -> u64 {
        let compiled = self.sweeps.first_compiled();
        let scratch = match self.sweeps.in_pieces {
            true => compiled.scratch_bytes() + self.sweeps.threads() * compiled.piece_bytes(),
            false => self.sweeps.threads() * compiled.scratch_bytes(),
        };
        let kept = self.sweeps.chunks_kept() * compiled.kept_len * size_of::<T>();
        (scratch + kept + (self.sweeps.lanes.len() + 3) * self.sweeps.dim * size_of::<T>()) as u64
    }

    /// Cuts the batch into chunks, each part of it into its own, and plans every size that occurs here.
    pub(crate) fn cut(&mut self) -> Result<(), Error> {
        if let Some(mut point) = self.point.take() {
            kept::release(&mut point.kept, &mut self.sweeps.spare);
        }
        let chunks = self.all_chunks(self.sweeps.count(), self.part);
        let Share { lanes, own, chunks } = Share::of(chunks, self.sweeps.peers.as_deref());
        (self.sweeps.all_lanes, self.sweeps.chunks) = (lanes, chunks);
        for chunk in &self.sweeps.chunks {
            if !self.sweeps.compiled.contains_key(&chunk.len) {
                let loss = (self.build)(chunk.len).map_err(Error::Build)?;
                self.sweeps.compiled.insert(chunk.len, Compiled::new(loss, !self.sweeps.in_pieces)?);
            }
        }
        self.sweeps.lanes.resize_with(own, Lane::default);
        Ok(())
    }

    /// The examples of the part that is set; all of them if none is.
    fn part_range(&self) -> Range<usize> {
        let examples = self.sweeps.count();
        self.part.map_or(0..examples, |part| part.range(examples))
    }
}

/// A batch as one example.
fn whole_example<T: Element>(fields: Vec<Arc<Vec<T>>>) -> Result<Examples<T>, Error> {
    Examples::new(1, fields.into_iter().map(|values| Field { width: values.len(), values }).collect())
}

impl<T: Element> Objective<T> for DataObjective<T> {
    fn dim(&self) -> usize {
        self.sweeps.dim
    }

    fn linearize(&mut self, w: &[T], gradient: &mut [T]) -> Result<f64, Failure> {
        Failure::require_length("w", self.sweeps.dim, w.len())?;
        Failure::require_length("gradient", self.sweeps.dim, gradient.len())?;
        let mut point = self.point.take().unwrap_or(Point { w: Vec::new(), kept: Vec::new(), shifted: Vec::new() });
        point.w.clear();
        point.w.extend_from_slice(w);
        kept::release(&mut point.kept, &mut self.sweeps.spare);
        // Gradients alone run faster without.
        match self.keeps {
            Keeps::Nothing => self.sweeps.keep_nothing(),
            Keeps::Part => self.sweeps.reserve(&mut point, &self.part_range()),
            Keeps::All => self.sweeps.reserve(&mut point, &(0..self.sweeps.count())),
        }
        self.keeps = Keeps::Nothing;
        self.sweeps.sweep(w, &[&[]], 1, Stage::Linearize, &mut point.kept)?;
        let sums = self.sweeps.reduce(1, &self.sweeps.first_compiled().transposed_gradient, w, gradient)?;
        let loss = sums[0] / self.sweeps.count() as f64 + 0.5 * self.sweeps.l2_square(w);
        self.point = Some(point);
        Failure::require_finite(Probe::Loss, loss)
    }

    fn curvature(&mut self, u: &[T]) -> Result<f64, Failure> {
        Failure::require_length("u", self.sweeps.dim, u.len())?;
        let Some(mut point) = self.point.take() else {
            return Err(Failure::NotLinearized { probe: Probe::Curvature });
        };
        self.keeps = Keeps::All;
        let curvature = self.sweeps.curvature_on(&mut point, u, &(0..self.sweeps.count()))?;
        self.point = Some(point);
        Failure::require_finite(Probe::Curvature, curvature)
    }

    fn set_part(&mut self, part: Option<Part>) -> Result<(), Failure> {
        let parts = |part: Option<Part>| part.map_or(1, |part| part.of);
        if parts(self.part) != parts(part) {
            self.require_alone("set_part").map_err(|error| Failure::Other(Box::new(error)))?;
        }
        let before = std::mem::replace(&mut self.part, part);
        if parts(before) != parts(part) {
            self.cut().map_err(|error| Failure::Other(Box::new(error)))?;
        }
        Ok(())
    }

    fn part_share(&self, _: usize) -> f64 {
        self.part_range().len() as f64 / self.sweeps.count().max(1) as f64
    }

    fn part_curvature(&mut self, u: &[T]) -> Result<f64, Failure> {
        Failure::require_length("u", self.sweeps.dim, u.len())?;
        if self.part.is_none() {
            return Err(Failure::NoPart { probe: Probe::PartCurvature });
        }
        let Some(mut point) = self.point.take() else {
            return Err(Failure::NotLinearized { probe: Probe::PartCurvature });
        };
        self.keeps = if self.keeps == Keeps::All { Keeps::All } else { Keeps::Part };
        let curvature = self.sweeps.curvature_on(&mut point, u, &self.part_range())?;
        self.point = Some(point);
        Failure::require_finite(Probe::PartCurvature, curvature)
    }

    fn part_gradient(&mut self, gradient: &mut [T]) -> Result<(), Failure> {
        Failure::require_length("gradient", self.sweeps.dim, gradient.len())?;
        if self.part.is_none() {
            return Err(Failure::NoPart { probe: Probe::PartGradient });
        }
        let Some(mut point) = self.point.take() else {
            return Err(Failure::NotLinearized { probe: Probe::PartGradient });
        };
        self.sweeps.gradient_on(&mut point, &self.part_range(), gradient)?;
        self.point = Some(point);
        Failure::require_finite(Probe::PartGradient, total(gradient)).map(|_| ())
    }

    fn hessian_vector(&mut self, v: &[T], out: &mut [T]) -> Result<(), Failure> {
        Failure::require_length("v", self.sweeps.dim, v.len())?;
        Failure::require_length("out", self.sweeps.dim, out.len())?;
        let Some(mut point) = self.point.take() else {
            return Err(Failure::NotLinearized { probe: Probe::HessianVector });
        };
        self.keeps = Keeps::All;
        self.sweeps.keep(&mut point, &(0..self.sweeps.count()))?;
        self.sweeps.sweep(&point.w, &[v], 0, Stage::HessianVector, &mut point.kept)?;
        self.point = Some(point);
        self.sweeps.reduce(0, &self.sweeps.first_compiled().transposed_product, v, out)?;
        // The sum of all elements is finite only if each of them is.
        Failure::require_finite(Probe::HessianVector, total(out)).map(|_| ())
    }

    fn hessian_vectors(&mut self, vectors: &[Vec<T>], out: &mut [Vec<T>]) -> Result<(), Failure> {
        Failure::require_length("out", vectors.len(), out.len())?;
        for (v, out) in vectors.iter().zip(&*out) {
            Failure::require_length("v", self.sweeps.dim, v.len())?;
            Failure::require_length("out", self.sweeps.dim, out.len())?;
        }
        let Some(mut point) = self.point.take() else {
            return Err(Failure::NotLinearized { probe: Probe::HessianVector });
        };
        self.keeps = Keeps::All;
        self.sweeps.keep(&mut point, &(0..self.sweeps.count()))?;
        let directions: Vec<&[T]> = vectors.iter().map(Vec::as_slice).collect();
        self.sweeps.sweep(&point.w, &directions, 0, Stage::HessianVector, &mut point.kept)?;
        self.point = Some(point);
        let transposed = &self.sweeps.first_compiled().transposed_product;
        let count = self.sweeps.count();
        for (i, (v, out)) in vectors.iter().zip(out).enumerate() {
            self.sweeps.reduce_over(count, i, 0, transposed, v, out)?;
            Failure::require_finite(Probe::HessianVector, total(out))?;
        }
        self.sweeps.lanes.iter_mut().for_each(|lane| lane.outputs.truncate(1));
        Ok(())
    }

    /// More than 1 only where `memory_bytes` of the options keep less than the whole of the gradient's pass: there a chunk is computed once for all
    /// products, where one after the other would each do it again.
    fn products_at_once(&self) -> usize {
        /// What is left to save by more of them is less than 3 %.
        const MOST: usize = 8;
        if self.sweeps.chunks_kept() == self.sweeps.chunks.len() {
            return 1;
        }
        // The sums of all lanes, the vectors and their products may take a quarter as much as what is kept.
        let each = ((self.sweeps.lanes.len() + 2) * self.sweeps.dim * size_of::<T>()).max(1) as u64;
        let fit = self.sweeps.options.memory_bytes / 4 / each;
        usize::try_from(fit).unwrap_or(MOST).clamp(1, MOST)
    }

    fn gauss_newton_vector(&mut self, v: &[T], out: &mut [T]) -> Result<(), Failure> {
        Failure::require_length("v", self.sweeps.dim, v.len())?;
        Failure::require_length("out", self.sweeps.dim, out.len())?;
        self.plan_gauss_newton()?;
        let Some(point) = self.point.take() else {
            return Err(Failure::NotLinearized { probe: Probe::GaussNewtonVector });
        };
        self.sweeps.sweep(&point.w, &[v], 0, Stage::GaussNewton, &mut [])?;
        self.point = Some(point);
        let transposed = &self.sweeps.gauss_newton[&self.sweeps.chunks[0].len].transposed;
        self.sweeps.reduce(0, transposed, v, out)?;
        Failure::require_finite(Probe::GaussNewtonVector, total(out)).map(|_| ())
    }

    fn loss(&mut self, w: &[T]) -> Result<f64, Failure> {
        let Means { loss, .. } = self.metrics(w)?;
        Failure::require_finite(Probe::TrialLoss, loss + 0.5 * self.sweeps.l2_square(w))
    }

    fn costs(&self) -> Costs {
        self.sweeps.first_compiled().costs
    }
}

impl<T: Element> Sampled<T> for DataObjective<T> {
    fn examples(&self) -> usize {
        self.sweeps.examples.len()
    }

    fn select(&mut self, indices: Option<&[usize]>) -> Result<(), Failure> {
        DataObjective::select(self, indices).map_err(|error| Failure::Other(Box::new(error)))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use onedge_graph::{Graph, Shape};

    use super::*;

    /// `tanh(w . x)^2` of each example.
    fn squares(batch: usize) -> LossGraph {
        let mut g = Graph::new();
        let (w, x) = (g.input(Shape::new(&[2, 1])), g.input(Shape::new(&[batch, 2])));
        let out = g.matmul(x, w).unwrap();
        let out = g.tanh(out).unwrap();
        let out = g.reshape(out, Shape::new(&[batch])).unwrap();
        let losses = g.mul(out, out).unwrap();
        LossGraph { graph: g, parameters: vec![w], fields: vec![x], outputs: out, losses, metrics: Vec::new() }
    }

    #[test]
    fn what_is_kept_has_the_memory_of_the_batch_before() {
        let values = Arc::new((0..80).map(|i| f64::from(i % 7) - 3.0).collect());
        let examples = Examples::new(40, vec![Field { width: 2, values }]).unwrap();
        let options = Options { threads: 1, lanes: 2, ..Options::for_this_machine() };
        let mut objective = DataObjective::new(Box::new(|n| Ok(squares(n))), examples, 0.0, options).unwrap();
        let mut gradient = [0.0; 2];
        let mut places = |start: usize| {
            objective.select(Some(&(start..start + 20).collect::<Vec<_>>())).unwrap();
            objective.linearize(&[1.0, 2.0], &mut gradient).unwrap();
            objective.curvature(&[1.0, -1.0]).unwrap();
            let kept = &objective.point.as_ref().unwrap().kept;
            assert!(kept.iter().all(|memory| !memory.is_empty()));
            kept.iter().map(|memory| memory.as_ptr()).collect::<Vec<_>>()
        };
        let first = places(0);
        assert!(!first.is_empty());
        assert_eq!(places(20), first);
        // Nobody asks any more: it is spare for a while, and then given back.
        for _ in 0..2 {
            objective.linearize(&[1.0, 2.0], &mut gradient).unwrap();
        }
        assert_eq!(objective.sweeps.spare.len(), first.len());
        for _ in 0..16 {
            objective.linearize(&[1.0, 2.0], &mut gradient).unwrap();
        }
        assert!(objective.sweeps.spare.is_empty());
    }
}
