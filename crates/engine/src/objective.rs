use std::collections::HashMap;
use std::ops::Range;

use onedge_graph::LossGraph;
use onedge_objective::{Costs, Error as Failure, Objective, Part, Probe, Sampled};

use crate::chunks::{Chunk, Sizes, cut};
use crate::compiled::{Compiled, Memory};
use crate::gauss_newton::GaussNewton;
use crate::kernels::{Element, total};
use crate::lanes::{Lane, Workers};
use crate::sweep::Stage;
use crate::{Error, Examples, Options, indices};

/// Builds the loss of a chunk of the given number of examples.
pub type BuildLoss = dyn Fn(usize) -> Result<LossGraph, Box<dyn std::error::Error + Send + Sync>> + Send + Sync;

/// The mean loss of a model over a data set, with an L2 term, as an [`Objective`]:
///
/// ```text
/// L(w) = 1/N sum_i loss(w; example i) + l2/2 |w|^2
/// ```
///
/// The batch is cut into chunks that fit the cache; each lane takes a fixed share of them in order, and lanes are added
/// in order, so results are the same to the bit for any number of threads and any memory budget.
pub struct DataObjective<T> {
    build: Box<BuildLoss>,
    pub(crate) examples: Examples<T>,
    pub(crate) batch: Option<Examples<T>>,
    pub(crate) options: Options,
    pub(crate) l2: f64,
    pub(crate) dim: usize,
    /// Elements of each parameter.
    pub(crate) parameters: Vec<usize>,
    sizes: Sizes,
    pub(crate) workers: Workers<T>,
    pub(crate) compiled: HashMap<usize, Compiled<T>>,
    /// Planned when first asked for.
    pub(crate) gauss_newton: HashMap<usize, GaussNewton<T>>,
    pub(crate) chunks: Vec<Chunk>,
    pub(crate) lanes: Vec<Lane<T>>,
    point: Option<Point<T>>,
    /// What later stages were asked of the last point, so that it pays to keep what they need of the next.
    keeps: Keeps,
    part: Option<Part>,
}

/// The chunks that later stages were asked of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keeps {
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

/// Where the objective is linearised.
pub(crate) struct Point<T> {
    pub(crate) w: Vec<T>,
    /// What the gradient's pass kept of each chunk; empty beyond the budget.
    pub(crate) kept: Vec<Vec<T>>,
    /// The direction of the last curvature as its pass reads it.
    pub(crate) shifted: Vec<T>,
}

impl<T: Element> DataObjective<T> {
    /// The objective on all of `examples`.
    ///
    /// # Errors
    /// What `build` reports; [`Error::Fields`] if the graph reads other fields than the examples have; [`Error::Value`] if a value of them is
    /// not finite, or is read as an index and names nothing.
    pub fn new(build: Box<BuildLoss>, examples: Examples<T>, l2: f64, options: Options) -> Result<Self, Error> {
        options.check()?;
        const PROBE_ROWS: usize = 16;
        let probe = build(PROBE_ROWS).map_err(Error::Build)?;
        let width = |id: &onedge_graph::NodeId| probe.graph.shape(*id).size() / PROBE_ROWS;
        let expected: Vec<usize> = probe.fields.iter().map(width).collect();
        let got: Vec<usize> = examples.fields().iter().map(|field| field.width).collect();
        if expected != got {
            return Err(Error::Fields { expected, got });
        }
        indices::check(&probe.graph, &probe.fields, &examples)?;
        let parameters: Vec<usize> = probe.parameters.iter().map(|&id| probe.graph.shape(id).size()).collect();
        let dim = parameters.iter().sum();
        let compiled = Compiled::<T>::new(probe)?;
        let values = (compiled.kept_len + compiled.linearize(Memory::Kept).arena_len) / PROBE_ROWS
            + expected.iter().sum::<usize>();
        let product_rows = compiled.loss(Memory::Fresh).product_rows() / PROBE_ROWS as f64;
        let sizes = Sizes::new(&options, values * size_of::<T>(), product_rows);
        let workers = Workers::new(options.threads, options.lanes)?;
        let (compiled, chunks, lanes) = (HashMap::from([(PROBE_ROWS, compiled)]), Vec::new(), Vec::new());
        let (batch, point, gauss_newton) = (None, None, HashMap::new());
        let mut objective = Self {
            build,
            examples,
            batch,
            options,
            l2,
            dim,
            parameters,
            sizes,
            workers,
            compiled,
            gauss_newton,
            chunks,
            lanes,
            point,
            keeps: Keeps::All,
            part: None,
        };
        objective.cut()?;
        Ok(objective)
    }

    /// Restricts the objective to the examples at `indices`, in that order; `None` takes all. The objective is no longer
    /// linearised. Cost: one copy of the examples chosen.
    ///
    /// # Errors
    /// [`Error::Index`], [`Error::NoExamples`]; then nothing has changed.
    pub fn select(&mut self, indices: Option<&[usize]>) -> Result<(), Error> {
        self.batch = indices.map(|indices| self.examples.select(indices)).transpose()?;
        self.cut()
    }

    /// The same for some examples, with the first field of each changed: `change` gets the place among `indices` and the
    /// values. The examples themselves stay as they are.
    ///
    /// # Errors
    /// [`Error::Index`], [`Error::NoExamples`]; then nothing has changed.
    pub fn select_with(&mut self, indices: &[usize], change: &mut dyn FnMut(usize, &mut [T])) -> Result<(), Error> {
        self.batch = Some(self.examples.select_with(indices, change)?);
        self.cut()
    }

    /// All examples, whatever is selected.
    pub fn examples(&self) -> &Examples<T> {
        &self.examples
    }

    /// The number of examples in a chunk, at most, and the number of chunks.
    pub fn chunking(&self) -> (usize, usize) {
        (self.chunks.iter().map(|chunk| chunk.len).max().unwrap_or(0), self.chunks.len())
    }

    /// The mean loss (without the L2 term) and the mean of each metric at `w`, by name. Leaves the point alone.
    ///
    /// # Errors
    /// [`Failure::Length`].
    pub fn metrics(&mut self, w: &[T]) -> Result<Means, Failure> {
        Failure::require_length("w", self.dim, w.len())?;
        let names = self.first_compiled().metrics.clone();
        self.sweep(w, &[], 1 + names.len(), Stage::Loss, &mut []);
        let means: Vec<f64> = (0..=names.len()).map(|slot| self.mean(slot)).collect();
        Ok(Means { loss: means[0], metrics: names.into_iter().zip(means[1..].iter().copied()).collect() })
    }

    /// Bytes of all memory that a run needs beside the examples: scratch memory of each thread, what is kept for
    /// curvature, the sums of all lanes, the direction with the parameters moved along it.
    pub fn memory_bytes(&self) -> u64 {
        let compiled = self.first_compiled();
        let scratch = self.threads() * compiled.scratch_bytes();
        let kept = self.chunks_kept() * compiled.kept_len * size_of::<T>();
        (scratch + kept + (self.lanes.len() + 3) * self.dim * size_of::<T>()) as u64
    }

    pub(crate) fn threads(&self) -> usize {
        self.options.threads.min(self.lanes.len())
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

    /// Cuts the batch into chunks, each part of it into its own, and plans every size that occurs.
    fn cut(&mut self) -> Result<(), Error> {
        self.point = None;
        let examples = self.batch().len();
        let parts = self.part.map_or(1, |part| part.of.min(examples));
        let ranges = (0..parts).map(|index| Part { index, of: parts }.range(examples));
        self.chunks = ranges.flat_map(|range| cut(range, self.options.lanes, self.sizes)).collect();
        for chunk in &self.chunks {
            if !self.compiled.contains_key(&chunk.len) {
                let loss = (self.build)(chunk.len).map_err(Error::Build)?;
                self.compiled.insert(chunk.len, Compiled::new(loss)?);
            }
        }
        let lanes = self.chunks.iter().map(|chunk| chunk.lane + 1).max().unwrap_or(0);
        self.lanes.resize_with(lanes, Lane::default);
        Ok(())
    }

    /// The examples of the part that is set; all of them if none is.
    fn part_range(&self) -> Range<usize> {
        let examples = self.batch().len();
        self.part.map_or(0..examples, |part| part.range(examples))
    }
}

impl<T: Element> Objective<T> for DataObjective<T> {
    fn dim(&self) -> usize {
        self.dim
    }

    fn linearize(&mut self, w: &[T], gradient: &mut [T]) -> Result<f64, Failure> {
        Failure::require_length("w", self.dim, w.len())?;
        Failure::require_length("gradient", self.dim, gradient.len())?;
        let mut point = self.point.take().unwrap_or(Point { w: Vec::new(), kept: Vec::new(), shifted: Vec::new() });
        point.w.clear();
        point.w.extend_from_slice(w);
        // Gradients alone run faster without.
        point.kept = match self.keeps {
            Keeps::Nothing => Vec::new(),
            Keeps::Part => self.demand().hand_on(point.kept, &self.part_range()),
            Keeps::All => self.demand().hand_on(point.kept, &(0..self.batch().len())),
        };
        self.keeps = Keeps::Nothing;
        self.sweep(w, &[], 1, Stage::Linearize, &mut point.kept);
        self.reduce(&self.first_compiled().transposed_gradient, w, gradient);
        let loss = self.mean(0) + 0.5 * self.l2_square(w);
        self.point = Some(point);
        Failure::require_finite(Probe::Loss, loss)
    }

    fn curvature(&mut self, u: &[T]) -> Result<f64, Failure> {
        Failure::require_length("u", self.dim, u.len())?;
        let Some(mut point) = self.point.take() else {
            return Err(Failure::NotLinearized { probe: Probe::Curvature });
        };
        self.keeps = Keeps::All;
        let curvature = self.curvature_on(&mut point, u, &(0..self.batch().len()));
        self.point = Some(point);
        Failure::require_finite(Probe::Curvature, curvature)
    }

    fn set_part(&mut self, part: Option<Part>) -> Result<(), Failure> {
        let parts = |part: Option<Part>| part.map_or(1, |part| part.of);
        let before = std::mem::replace(&mut self.part, part);
        if parts(before) != parts(part) {
            self.cut().map_err(|error| Failure::Other(Box::new(error)))?;
        }
        Ok(())
    }

    fn part_curvature(&mut self, u: &[T]) -> Result<f64, Failure> {
        Failure::require_length("u", self.dim, u.len())?;
        if self.part.is_none() {
            return Err(Failure::NoPart);
        }
        let Some(mut point) = self.point.take() else {
            return Err(Failure::NotLinearized { probe: Probe::PartCurvature });
        };
        self.keeps = if self.keeps == Keeps::All { Keeps::All } else { Keeps::Part };
        let curvature = self.curvature_on(&mut point, u, &self.part_range());
        self.point = Some(point);
        Failure::require_finite(Probe::PartCurvature, curvature)
    }

    fn hessian_vector(&mut self, v: &[T], out: &mut [T]) -> Result<(), Failure> {
        Failure::require_length("v", self.dim, v.len())?;
        Failure::require_length("out", self.dim, out.len())?;
        let Some(mut point) = self.point.take() else {
            return Err(Failure::NotLinearized { probe: Probe::HessianVector });
        };
        self.keeps = Keeps::All;
        self.keep(&mut point, &(0..self.batch().len()));
        self.sweep(&point.w, v, 0, Stage::HessianVector, &mut point.kept);
        self.point = Some(point);
        self.reduce(&self.first_compiled().transposed_product, v, out);
        // The sum of all elements is finite only if each of them is.
        Failure::require_finite(Probe::HessianVector, total(out)).map(|_| ())
    }

    fn gauss_newton_vector(&mut self, v: &[T], out: &mut [T]) -> Result<(), Failure> {
        Failure::require_length("v", self.dim, v.len())?;
        Failure::require_length("out", self.dim, out.len())?;
        for chunk in &self.chunks {
            if !self.gauss_newton.contains_key(&chunk.len) {
                let loss = (self.build)(chunk.len).map_err(Failure::Other)?;
                let planned = GaussNewton::new(loss).map_err(|error| Failure::Other(Box::new(error)))?;
                self.gauss_newton.insert(chunk.len, planned);
            }
        }
        let Some(point) = self.point.take() else {
            return Err(Failure::NotLinearized { probe: Probe::GaussNewtonVector });
        };
        self.sweep(&point.w, v, 0, Stage::GaussNewton, &mut []);
        self.point = Some(point);
        self.reduce(&self.gauss_newton[&self.chunks[0].len].transposed, v, out);
        Failure::require_finite(Probe::GaussNewtonVector, total(out)).map(|_| ())
    }

    fn loss(&mut self, w: &[T]) -> Result<f64, Failure> {
        let Means { loss, .. } = self.metrics(w)?;
        Failure::require_finite(Probe::TrialLoss, loss + 0.5 * self.l2_square(w))
    }

    fn costs(&self) -> Costs {
        self.first_compiled().costs
    }
}

impl<T: Element> Sampled<T> for DataObjective<T> {
    fn examples(&self) -> usize {
        self.examples.len()
    }

    fn select(&mut self, indices: Option<&[usize]>) -> Result<(), Failure> {
        DataObjective::select(self, indices).map_err(|error| Failure::Other(Box::new(error)))
    }
}
