use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use onedge_engine::{BuildLoss, DataObjective, Element, Error as EngineError, Examples, Options, Peers, Report};
use onedge_objective::{Costs, Error as Failure, Objective, Part, Real, Sampled, Shelf};
use onedge_spectrum::pieces::PIECE;
use onedge_train::Workload;

use crate::call::{Call, Stage};
use crate::seat::send_examples;
use crate::shelf::Shared;
use crate::{Error, Ranks};

/// The mean loss of a model over examples that lie on all ranks: what rank 0 has in the place of a [`DataObjective`], with the same bits.
///
/// Rank 0 has all examples, each other rank those of its lanes of the batch. Cost of a stage: one vector down the tree of ranks, and one up
/// where the stage gives a vector.
pub struct Spread<T: Element> {
    ranks: Arc<Ranks>,
    id: u64,
    /// The lanes of rank 0.
    own: DataObjective<T>,
    build: Arc<BuildLoss>,
    all: Examples<T>,
    /// The selected examples; all if there are none.
    batch: Option<Examples<T>>,
    part: Option<Part>,
    /// The examples of chunks whose graphs the others have.
    known: BTreeSet<usize>,
    stored: Shared<T>,
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
        let known = BTreeSet::from([DataObjective::<T>::PROBE_EXAMPLES]);
        let (ranks, stored) = (Arc::clone(ranks), Shared::new(ranks, id, options.threads));
        let mut spread = Self { ranks, id, own, build, all: examples, batch: None, part: None, known, stored };
        spread.share()?;
        Ok(spread)
    }

    /// Gives each rank its examples of the batch.
    fn share(&mut self) -> Result<(), EngineError> {
        let Self { ranks, id, part, .. } = self;
        let (id, part) = (*id, *part);
        let examples = self.batch.as_ref().unwrap_or(&self.all);
        let chunks = self.own.cut_of(examples.len(), part);
        let lanes = chunks.iter().map(|(_, lane)| lane + 1).max().unwrap_or(0);
        let lens: BTreeSet<usize> = chunks.iter().map(|(range, _)| range.len()).collect();
        for &len in lens.difference(&self.known.clone()) {
            let graph = (self.build)(len).map_err(EngineError::Build)?.to_bytes();
            let call = Call::Graph { id, examples: len as u64, bytes: graph.len() as u64 };
            ranks.tell(call).and_then(|()| ranks.tell_bytes(&graph)).map_err(between)?;
            self.known.insert(len);
        }
        let of_rank = |rank: usize| -> Vec<Range<usize>> {
            let own = ranks.lanes_of(rank, lanes);
            chunks.iter().filter(|(_, lane)| own.contains(lane)).map(|(range, _)| range.clone()).collect()
        };
        ranks.tell(Call::Share { id, all: examples.len() as u64, part }).map_err(between)?;
        for rank in 1..ranks.size() {
            send_examples(ranks, rank, examples, &of_rank(rank)).map_err(between)?;
        }
        let own = match part {
            // They are the first.
            None => examples.clone(),
            Some(_) => examples.select(&of_rank(0).into_iter().flatten().collect::<Vec<_>>())?,
        };
        self.own.take_share(own, examples.len(), part)
    }

    /// Takes a batch.
    fn take(&mut self, batch: Option<Examples<T>>) -> Result<(), Failure> {
        self.batch = batch;
        self.share().map_err(|error| Failure::Other(Box::new(error)))
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
            return self.share().map_err(|error| Failure::Other(Box::new(error)));
        }
        self.ranks.tell(Call::Part { id: self.id, part })?;
        self.own.set_part(part)
    }

    fn part_share(&self, _: usize) -> f64 {
        let examples = self.batch.as_ref().unwrap_or(&self.all).len();
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
        self.all.len()
    }

    fn select(&mut self, indices: Option<&[usize]>) -> Result<(), Failure> {
        let batch = indices.map(|indices| self.all.select(indices)).transpose();
        self.take(batch.map_err(|error| Failure::Other(Box::new(error)))?)
    }
}

impl<T: Element> Workload<T> for Spread<T> {
    fn select_with(&mut self, indices: &[usize], change: &mut dyn FnMut(usize, &mut [T])) -> Result<(), Failure> {
        let batch = self.all.select_with(indices, change);
        self.take(Some(batch.map_err(|error| Failure::Other(Box::new(error)))?))
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
