use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use onedge_engine::{BuildLoss, DataObjective, Element, Options, Peers};
use onedge_graph::LossGraph;
use onedge_objective::{Error as Failure, Objective, Part};

use crate::call::{Stage, Work};
use crate::holding::{Holding, Order};
use crate::shelf::{self, Pieces};
use crate::{Error, Ranks};

/// The graphs of chunks that came so far, by the number of examples.
type Graphs = Arc<Mutex<HashMap<usize, LossGraph>>>;

/// Vectors as long as the parameters that a rank has beside one for each of its lanes: the point, the direction, what arrives and what it sums.
const VECTORS: usize = 5;

/// An objective on a rank that does not lead it: it follows calls.
pub(crate) trait Seat {
    /// Takes the graph of chunks of so many examples.
    fn graph(&mut self, examples: usize, bytes: &[u8]) -> Result<(), Error>;

    /// Takes the own ones of the examples that are announced.
    fn hold(&mut self, announced: &[u64]) -> Result<(), Error>;

    /// Takes the own examples of a batch of so many, or of a part of it, and gives the others theirs; rank 0 has them all if it `is_given`.
    fn share(&mut self, batch: (usize, Option<Part>), order: &[u64], is_given: bool) -> Result<(), Error>;

    /// Gives rank 0 what it is to have.
    fn gather(&mut self, order: &[u64]) -> Result<(), Error>;

    /// Goes on to another part.
    fn part(&mut self, part: Option<Part>) -> Result<(), Error>;

    /// Takes a vector of `len` elements, runs a stage and sends what it gave.
    fn stage(&mut self, stage: Stage, len: usize) -> Result<(), Error>;

    /// Does the own part of work on stored vectors of `len` elements and sends what it gave.
    fn store(&mut self, work: Work, len: usize, slots: &[u64], numbers: &[f64]) -> Result<(), Error>;
}

/// A [`Seat`] in one precision.
pub(crate) struct Seated<T> {
    ranks: Arc<Ranks>,
    options: Options,
    graphs: Graphs,
    holding: Option<Holding<T>>,
    objective: Option<DataObjective<T>>,
    /// Whether no lane of the batch is computed here.
    is_idle: bool,
    vector: Vec<T>,
    out: Vec<T>,
    stored: Option<Pieces<T>>,
}

impl<T: Element> Seated<T> {
    pub(crate) fn new(ranks: &Arc<Ranks>, options: Options) -> Self {
        let (ranks, graphs) = (Arc::clone(ranks), Graphs::default());
        Self {
            ranks,
            options,
            graphs,
            holding: None,
            objective: None,
            is_idle: true,
            vector: Vec::new(),
            out: Vec::new(),
            stored: None,
        }
    }

    fn failed(&self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
        Error::Share { rank: self.ranks.rank(), host: self.ranks.host().to_owned(), source: source.into() }
    }

    fn misfit(&self, expected: &'static str) -> Error {
        Error::Message { rank: self.ranks.rank(), expected }
    }

    /// Whether the vectors of this rank fit its memory, before it has any: an allocation that fails later ends the program without a sentence.
    fn require_memory(&self, graph: &LossGraph) -> Result<(), Error> {
        let sizes = graph.parameters.iter().map(|parameter| graph.graph.shape(*parameter).iter().product::<usize>());
        let (parameters, of) = (sizes.sum::<usize>(), self.options.lanes);
        let lanes = self.ranks.lanes_of(self.ranks.rank(), of).len();
        let needed = ((lanes + VECTORS) as u64).saturating_mul((parameters * size_of::<T>()) as u64);
        let available = onedge_train::available_memory().unwrap_or(u64::MAX);
        if lanes == 0 || needed <= available {
            return Ok(());
        }
        let [needed, available] = [needed, available].map(|bytes| bytes as f64 / f64::from(1 << 30));
        Err(self.failed(format!(
            "{parameters} parameters on {lanes} of {of} lanes need {needed:.1} GiB of memory here, expected at most {available:.1} GiB"
        )))
    }

    fn build(&self) -> Box<BuildLoss> {
        let graphs = Arc::clone(&self.graphs);
        Box::new(move |examples| {
            let graphs = graphs.lock().unwrap_or_else(PoisonError::into_inner);
            graphs.get(&examples).cloned().ok_or_else(|| format!("no graph of {examples} examples came").into())
        })
    }
}

impl<T: Element> Seat for Seated<T> {
    fn graph(&mut self, examples: usize, bytes: &[u8]) -> Result<(), Error> {
        let graph = LossGraph::from_bytes(bytes);
        let graph = graph.ok_or(Error::Message { rank: self.ranks.rank(), expected: "a graph" })?;
        if self.vector.is_empty() && self.objective.is_none() {
            self.require_memory(&graph)?;
        }
        self.graphs.lock().unwrap_or_else(PoisonError::into_inner).insert(examples, graph);
        Ok(())
    }

    fn hold(&mut self, announced: &[u64]) -> Result<(), Error> {
        let holding = Holding::take(&self.ranks, announced)?;
        self.holding = Some(holding.ok_or(self.misfit("examples"))?);
        Ok(())
    }

    fn share(&mut self, (all, part): (usize, Option<Part>), order: &[u64], is_given: bool) -> Result<(), Error> {
        let holding = self.holding.as_ref().ok_or(self.misfit("examples"))?;
        let below = if is_given { all } else { holding.len() };
        let order = Order::from_words(order, self.ranks.size(), below).ok_or(self.misfit("an order of examples"))?;
        let examples = match is_given {
            true => holding.compose_given(&self.ranks, (None, all), &order),
            false => holding.compose(&self.ranks, &order),
        };
        let Some(examples) = examples? else {
            self.is_idle = true;
            return Ok(());
        };
        self.is_idle = false;
        let made = match &mut self.objective {
            Some(objective) => objective.take_share(examples, all, part),
            None => {
                let peers = Arc::clone(&self.ranks) as Arc<dyn Peers<T>>;
                // The L2 term is the leader's.
                let made = DataObjective::among(self.build(), (examples, all, part), 0.0, self.options.clone(), peers);
                made.map(|objective| self.objective = Some(objective))
            }
        };
        made.map_err(|error| self.failed(error))
    }

    fn gather(&mut self, order: &[u64]) -> Result<(), Error> {
        let holding = self.holding.as_ref().ok_or(self.misfit("examples"))?;
        let order = Order::from_words(order, self.ranks.size(), holding.len());
        holding.compose(&self.ranks, &order.ok_or(self.misfit("an order of examples"))?).map(|_| ())
    }

    fn part(&mut self, part: Option<Part>) -> Result<(), Error> {
        // Without a lane of the batch its objective is still at another one.
        let objective = self.objective.as_mut().filter(|_| !self.is_idle);
        let set = objective.map_or(Ok(()), |objective| objective.set_part(part));
        set.map_err(|error| self.failed(error))
    }

    fn stage(&mut self, stage: Stage, len: usize) -> Result<(), Error> {
        self.ranks.hear_vector(len, &mut self.vector)?;
        let Some(objective) = self.objective.as_mut().filter(|_| !self.is_idle) else { return Ok(()) };
        let Self { vector, out, .. } = self;
        out.resize(objective.parameters(), T::ZERO);
        let done = match stage {
            Stage::Metrics => objective.metrics(vector).map(|_| ()),
            Stage::Linearize => objective.linearize(vector, out).map(|_| ()),
            Stage::Curvature => objective.curvature(vector).map(|_| ()),
            Stage::PartCurvature => objective.part_curvature(vector).map(|_| ()),
            Stage::PartGradient => objective.part_gradient(out),
            Stage::HessianVector => objective.hessian_vector(vector, out),
            Stage::GaussNewton => objective.gauss_newton_vector(vector, out),
        };
        match done {
            // What is left here is the sum of a part, of which nobody knows whether it is finite.
            Ok(()) | Err(Failure::NonFinite { .. }) => Ok(()),
            Err(error) => Err(self.failed(error)),
        }
    }

    fn store(&mut self, work: Work, len: usize, slots: &[u64], numbers: &[f64]) -> Result<(), Error> {
        let range = shelf::range(&self.ranks, self.ranks.rank(), len);
        if self.stored.is_none() {
            let made = Pieces::new(self.options.threads, range.len());
            self.stored = Some(made.map_err(|error| self.failed(error))?);
        }
        let Some(stored) = &mut self.stored else { return Ok(()) };
        if work.takes_part() {
            stored.load(self.ranks.receive_vector(0, range.len())?);
        }
        let given = stored.work(work, slots, numbers).map_err(|error| self.failed(error))?;
        self.ranks.send_vector(0, &given.numbers)?;
        self.ranks.send_vector(0, &given.part)
    }
}
