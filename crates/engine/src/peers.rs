use std::ops::Range;
use std::sync::Arc;

use onedge_objective::{Error as Failure, Part};

use crate::chunks::{Chunk, cut};
use crate::gauss_newton::GaussNewton;
use crate::objective::{BuildLoss, DataObjective};
use crate::{Element, Error, Examples, Options};

/// Processes that compute on the same batches at the same time, each some of the lanes; one of them is this one.
///
/// All call the same stages in the same order. Sums over lanes are a tree that is known ([`share`](crate::share)), so whoever has those of a
/// subtree adds them before they are joined, and the bits are those of one process.
pub trait Peers<T>: Send + Sync {
    /// Which of so many lanes are computed here.
    fn lanes(&self, lanes: usize) -> Range<usize>;

    /// Turns sums over the lanes from here into sums over all `lanes` lanes, where this process is to have them.
    ///
    /// # Errors
    /// Whatever comes between the processes.
    fn join(&self, lanes: usize, vector: &mut [T], totals: &mut [f64]) -> Result<(), Failure>;
}

/// What of a batch is computed here.
pub(crate) struct Share {
    /// Lanes of the whole batch.
    pub(crate) lanes: usize,
    /// How many of them are summed here.
    pub(crate) own: usize,
    /// The chunks of those.
    pub(crate) chunks: Vec<Chunk>,
}

impl Share {
    /// The share of a batch cut into `chunks`, of which the examples are held one after the other; all of it without `peers`.
    pub(crate) fn of<T>(mut chunks: Vec<Chunk>, peers: Option<&dyn Peers<T>>) -> Self {
        let lanes = chunks.iter().map(|chunk| chunk.lane + 1).max().unwrap_or(0);
        let Some(peers) = peers else { return Self { lanes, own: lanes, chunks } };
        let own = peers.lanes(lanes);
        chunks.retain(|chunk| own.contains(&chunk.lane));
        let mut place = 0;
        for chunk in &mut chunks {
            chunk.lane -= own.start;
            chunk.place = place;
            place += chunk.len;
        }
        Self { lanes, own: own.len(), chunks }
    }
}

impl<T: Element> DataObjective<T> {
    /// Examples of the chunk by which others are planned: the first for which a graph is built.
    pub const PROBE_EXAMPLES: usize = 16;

    /// The same objective as one of several processes, each with the lanes that `peers` says: of a batch of `all` examples, or one of its parts.
    /// `examples` are those of the own lanes, chunk by chunk. More may follow them, which are not read.
    ///
    /// # Errors
    /// As for [`new`](Self::new).
    pub fn among(
        build: Box<BuildLoss>,
        (examples, all, part): (Examples<T>, usize, Option<Part>),
        l2: f64,
        options: Options,
        peers: Arc<dyn Peers<T>>,
    ) -> Result<Self, Error> {
        let mut objective = Self::probed(build, examples.clone(), l2, options, Self::PROBE_EXAMPLES, false)?;
        objective.sweeps.peers = Some(peers);
        objective.take_share(examples, all, part)?;
        Ok(objective)
    }

    /// Goes on to another batch of `all` examples, of which these are the ones of the own lanes, chunk by chunk, and to one of its parts. The
    /// objective is no longer linearised.
    ///
    /// # Errors
    /// Chunks that cannot be planned.
    pub fn take_share(&mut self, examples: Examples<T>, all: usize, part: Option<Part>) -> Result<(), Error> {
        // Nothing is kept of what was there before.
        (self.sweeps.examples, self.sweeps.batch) = (examples, None);
        self.sweeps.all_examples = Some(all);
        self.part = part;
        self.cut()
    }

    /// How a batch of so many examples, or each of its parts, is cut: the examples of each chunk and the lane that they are summed in.
    pub fn cut_of(&self, examples: usize, part: Option<Part>) -> Vec<(Range<usize>, usize)> {
        let chunks = self.all_chunks(examples, part).into_iter();
        chunks.map(|chunk| (chunk.start..chunk.start + chunk.len, chunk.lane)).collect()
    }

    /// Whether curvature and products can be asked for.
    pub fn is_linearized(&self) -> bool {
        self.point.is_some()
    }

    /// P, the number of parameters.
    pub fn parameters(&self) -> usize {
        self.sweeps.dim
    }

    /// Plans products with the Gauss-Newton matrix, unless that was done.
    ///
    /// # Errors
    /// Whatever is wrong with the graphs.
    pub fn plan_gauss_newton(&mut self) -> Result<(), Failure> {
        for chunk in &self.sweeps.chunks {
            if !self.sweeps.gauss_newton.contains_key(&chunk.len) {
                let loss = (self.build)(chunk.len).map_err(Failure::Other)?;
                let planned =
                    GaussNewton::new(loss, !self.sweeps.in_pieces).map_err(|error| Failure::Other(Box::new(error)))?;
                self.sweeps.gauss_newton.insert(chunk.len, planned);
            }
        }
        Ok(())
    }

    /// That all examples are here, so that another batch can be chosen among them.
    pub(crate) fn require_alone(&self, call: &str) -> Result<(), Error> {
        match self.sweeps.peers {
            None => Ok(()),
            Some(_) => {
                let expected = "expected an objective of one process, got one of several; try `take_share` on each";
                Err(Error::Build(format!("{call}: {expected}").into()))
            }
        }
    }

    pub(crate) fn all_chunks(&self, examples: usize, part: Option<Part>) -> Vec<Chunk> {
        let parts = part.map_or(1, |part| part.of.min(examples));
        let ranges = (0..parts).map(|index| Part { index, of: parts }.range(examples));
        ranges.flat_map(|range| cut(range, self.sweeps.options.lanes, self.sizes)).collect()
    }
}
