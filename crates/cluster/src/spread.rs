use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use onedge_engine::{BuildLoss, DataObjective, Element, Error as EngineError, Examples, Options, Peers, Report};
use onedge_objective::{Costs, Error as Failure, Objective, Part, Real, Sampled, Shelf};
use onedge_spectrum::pieces::PIECE;
use onedge_train::Workload;

use crate::call::{Call, Stage};
use crate::holding::{Holding, Order};
use crate::shelf::Shared;
use crate::{Error, Ranks};

/// The mean loss of a model over examples that lie on all ranks: what rank 0 has in the place of a [`DataObjective`], with the same bits.
///
/// Each rank, rank 0 too, keeps the examples of its lanes of the full batch. Those of a mini-batch go at once from where they are kept to where they are
/// computed. Cost of a stage: one vector down the tree of ranks, and one up where the stage gives a vector.
pub struct Spread<T: Element> {
    ranks: Arc<Ranks>,
    id: u64,
    /// The lanes of rank 0.
    own: DataObjective<T>,
    build: Arc<BuildLoss>,
    holding: Holding<T>,
    batch: Batch<T>,
    part: Option<Part>,
    /// The examples of chunks whose graphs the others have.
    known: BTreeSet<usize>,
    stored: Shared<T>,
}

/// What is computed.
enum Batch<T> {
    /// All examples.
    All,
    /// Those at these places.
    Chosen(Vec<usize>),
    /// Others, which are on rank 0.
    Given(Examples<T>),
}

impl<T: Element> Spread<T> {
    /// The objective on all of `examples`, as [`DataObjective::new`] has it.
    ///
    /// # Errors
    /// Those of [`DataObjective::new`]; what goes wrong between the ranks.
    pub fn new(
        ranks: &Arc<Ranks>,
        build: Box<BuildLoss>,
        examples: Examples<T>,
        l2: f64,
        options: Options,
    ) -> Result<Self, EngineError> {
        let build: Arc<BuildLoss> = Arc::from(build);
        let probe = build(DataObjective::<T>::PROBE_EXAMPLES).map_err(EngineError::Build)?.to_bytes();
        let peers = Arc::clone(ranks) as Arc<dyn Peers<T>>;
        let again = Arc::clone(&build);
        let given = (examples.clone(), examples.len(), None);
        let own = DataObjective::among(Box::new(move |batch| again(batch)), given, l2, options.clone(), peers)?;
        let id = ranks.next_objective();
        let call = Call::new(id, T::NAME == f64::NAME, &options, probe.len());
        ranks.tell(call).and_then(|()| ranks.tell_bytes(&probe)).map_err(between)?;
        let chunks = own.cut_of(examples.len(), None);
        let places = places(ranks, &chunks);
        let ends = places.iter().scan(0, |end, ranges| {
            *end = ranges.last().map_or(*end, |range| range.end);
            Some(*end)
        });
        let bounds: Vec<usize> = [0].into_iter().chain(ends).collect();
        let announced = Holding::announce(&examples, &bounds);
        let call = Call::Hold { id, words: announced.len() as u64 };
        ranks.tell(call).and_then(|()| ranks.tell_words(&announced)).map_err(between)?;
        let holding = Holding::hand_out(ranks, &examples, bounds).map_err(between)?;
        let known = BTreeSet::from([DataObjective::<T>::PROBE_EXAMPLES]);
        let (ranks, stored) = (Arc::clone(ranks), Shared::new(ranks, id, options.threads));
        // From here on nobody has all of them.
        drop(examples);
        let mut spread = Self { ranks, id, own, build, holding, batch: Batch::All, part: None, known, stored };
        spread.share()?;
        Ok(spread)
    }

    /// The examples of the batch.
    fn batch_len(&self) -> usize {
        match &self.batch {
            Batch::All => self.holding.len(),
            Batch::Chosen(indices) => indices.len(),
            Batch::Given(examples) => examples.len(),
        }
    }

    /// Has each rank get its examples of the batch.
    fn share(&mut self) -> Result<(), EngineError> {
        let (all, id, part) = (self.batch_len(), self.id, self.part);
        let chunks = self.own.cut_of(all, part);
        let lens: BTreeSet<usize> = chunks.iter().map(|(range, _)| range.len()).collect();
        for &len in lens.difference(&self.known.clone()) {
            let graph = (self.build)(len).map_err(EngineError::Build)?.to_bytes();
            let call = Call::Graph { id, examples: len as u64, bytes: graph.len() as u64 };
            self.ranks.tell(call).and_then(|()| self.ranks.tell_bytes(&graph)).map_err(between)?;
            self.known.insert(len);
        }
        let Self { ranks, holding, batch, .. } = self;
        let indices = if let Batch::Chosen(indices) = batch { Some(indices.clone()) } else { None };
        let order = Order { places: places(ranks, &chunks), indices };
        let (words, is_given) = (order.to_words(), matches!(batch, Batch::Given(_)));
        let call = Call::Share { id, all: all as u64, part, is_given, words: words.len() as u64 };
        ranks.tell(call).and_then(|()| ranks.tell_words(&words)).map_err(between)?;
        let own = match batch {
            Batch::Given(examples) => holding.compose_given(ranks, (Some(examples), all), &order),
            Batch::All | Batch::Chosen(_) => holding.compose(ranks, &order),
        };
        self.own.take_share(own.map_err(between)?.ok_or(EngineError::NoExamples)?, all, part)
    }

    /// Takes a batch.
    fn take(&mut self, batch: Batch<T>) -> Result<(), EngineError> {
        self.batch = batch;
        self.share()
    }

    /// Whether there are examples at all of these places.
    fn require(&self, indices: &[usize]) -> Result<(), EngineError> {
        let examples = self.holding.len();
        match indices.iter().find(|&&index| index >= examples) {
            Some(&index) => Err(EngineError::Index { examples, index }),
            None if indices.is_empty() => Err(EngineError::NoExamples),
            None => Ok(()),
        }
    }

    /// The examples at these places, on rank 0.
    fn gather(&self, indices: &[usize]) -> Result<Examples<T>, EngineError> {
        self.require(indices)?;
        let Self { ranks, id, holding, .. } = self;
        let order = Order::at_first(ranks.size(), indices);
        let words = order.to_words();
        let call = Call::Gather { id: *id, words: words.len() as u64 };
        ranks.tell(call).and_then(|()| ranks.tell_words(&words)).map_err(between)?;
        holding.compose(ranks, &order).map_err(between)?.ok_or(EngineError::NoExamples)
    }

    /// Has all other ranks run a stage.
    fn ask(&mut self, stage: Stage, vector: &[T]) -> Result<(), Failure> {
        self.stored.sweep_up()?;
        self.ranks.tell(Call::Stage { id: self.id, stage, len: vector.len() as u64 })?;
        Ok(self.ranks.tell_vector(vector)?)
    }

    /// The same, unless the call is one that the own objective refuses before it computes anything.
    fn ask_if(&mut self, fits: bool, stage: Stage, vector: &[T]) -> Result<(), Failure> {
        if fits { self.ask(stage, vector) } else { Ok(()) }
    }

    fn is_of_length(&self, vector: &[T]) -> bool {
        vector.len() == self.own.parameters()
    }
}

/// The chunks of each rank, as ranges of a batch, one after the other.
fn places(ranks: &Ranks, chunks: &[(Range<usize>, usize)]) -> Vec<Vec<Range<usize>>> {
    let lanes = chunks.iter().map(|(_, lane)| lane + 1).max().unwrap_or(0);
    let of_rank = |rank: usize| {
        let own = ranks.lanes_of(rank, lanes);
        let mut places: Vec<Range<usize>> = Vec::new();
        for (range, _) in chunks.iter().filter(|(_, lane)| own.contains(lane)) {
            match places.last_mut().filter(|last| last.end == range.start) {
                Some(last) => last.end = range.end,
                None => places.push(range.clone()),
            }
        }
        places
    };
    (0..ranks.size()).map(of_rank).collect()
}

fn other(error: EngineError) -> Failure {
    Failure::Other(Box::new(error))
}

fn between(error: Error) -> EngineError {
    EngineError::Build(Box::new(error))
}

impl<T: Element> Drop for Spread<T> {
    fn drop(&mut self) {
        // Where nobody listens any more there is nothing to be freed.
        let _ = self.ranks.tell(Call::Drop { id: self.id });
    }
}

impl<T: Element> Objective<T> for Spread<T> {
    fn dim(&self) -> usize {
        self.own.parameters()
    }

    fn linearize(&mut self, w: &[T], gradient: &mut [T]) -> Result<f64, Failure> {
        self.ask_if(self.is_of_length(w) && self.is_of_length(gradient), Stage::Linearize, w)?;
        self.own.linearize(w, gradient)
    }

    fn curvature(&mut self, u: &[T]) -> Result<f64, Failure> {
        self.ask_if(self.is_of_length(u) && self.own.is_linearized(), Stage::Curvature, u)?;
        self.own.curvature(u)
    }

    fn set_part(&mut self, part: Option<Part>) -> Result<(), Failure> {
        let parts = |part: Option<Part>| part.map_or(1, |part| part.of);
        let before = std::mem::replace(&mut self.part, part);
        if parts(before) != parts(part) {
            return self.share().map_err(other);
        }
        self.ranks.tell(Call::Part { id: self.id, part })?;
        self.own.set_part(part)
    }

    fn part_share(&self, _: usize) -> f64 {
        let examples = self.batch_len();
        self.part.map_or(1.0, |part| part.range(examples).len() as f64 / examples.max(1) as f64)
    }

    fn part_curvature(&mut self, u: &[T]) -> Result<f64, Failure> {
        let fits = self.is_of_length(u) && self.part.is_some() && self.own.is_linearized();
        self.ask_if(fits, Stage::PartCurvature, u)?;
        self.own.part_curvature(u)
    }

    fn part_gradient(&mut self, gradient: &mut [T]) -> Result<(), Failure> {
        let fits = self.is_of_length(gradient) && self.part.is_some() && self.own.is_linearized();
        self.ask_if(fits, Stage::PartGradient, &[])?;
        self.own.part_gradient(gradient)
    }

    fn hessian_vector(&mut self, v: &[T], out: &mut [T]) -> Result<(), Failure> {
        let fits = self.is_of_length(v) && self.is_of_length(out) && self.own.is_linearized();
        self.ask_if(fits, Stage::HessianVector, v)?;
        self.own.hessian_vector(v, out)
    }

    fn gauss_newton_vector(&mut self, v: &[T], out: &mut [T]) -> Result<(), Failure> {
        self.own.plan_gauss_newton()?;
        let fits = self.is_of_length(v) && self.is_of_length(out) && self.own.is_linearized();
        self.ask_if(fits, Stage::GaussNewton, v)?;
        self.own.gauss_newton_vector(v, out)
    }

    fn loss(&mut self, w: &[T]) -> Result<f64, Failure> {
        self.ask_if(self.is_of_length(w), Stage::Metrics, w)?;
        self.own.loss(w)
    }

    fn costs(&self) -> Costs {
        self.own.costs()
    }

    fn shelf(&mut self) -> Option<&mut dyn Shelf<T>> {
        (self.ranks.size() > 1 && self.own.parameters() > PIECE).then_some(&mut self.stored)
    }
}

impl<T: Element> Sampled<T> for Spread<T> {
    fn examples(&self) -> usize {
        self.holding.len()
    }

    fn select(&mut self, indices: Option<&[usize]>) -> Result<(), Failure> {
        let Some(indices) = indices else { return self.take(Batch::All).map_err(other) };
        self.require(indices).and_then(|()| self.take(Batch::Chosen(indices.to_vec()))).map_err(other)
    }
}

impl<T: Element> Workload<T> for Spread<T> {
    /// Rank 0 has those examples come, changes them and gives each rank its own.
    fn select_with(&mut self, indices: &[usize], change: &mut dyn FnMut(usize, &mut [T])) -> Result<(), Failure> {
        let batch = self.gather(indices).map(|examples| examples.changed(change));
        batch.and_then(|batch| self.take(Batch::Given(batch))).map_err(other)
    }

    fn metrics(&mut self, w: &[T]) -> Result<BTreeMap<String, f64>, Failure> {
        self.ask_if(self.is_of_length(w), Stage::Metrics, w)?;
        Workload::metrics(&mut self.own, w)
    }

    fn metric_names(&self) -> Vec<String> {
        Workload::metric_names(&self.own)
    }

    /// Measured on this rank.
    fn report(&mut self, w: &[T], u: &[T]) -> Result<Report, Failure> {
        Workload::report(&mut self.own, w, u)
    }
}
