use std::rc::Rc;

use onedge_objective::{Costs, Error as ObjectiveError, Layer, Objective, Real, Sampled, Shelf};

use crate::{Direction, Error, Hessian, LinearOperator};

/// What a run knows of the step from a point.
#[derive(Debug, Clone, Copy)]
pub struct Step<'a, T> {
    /// The step, counted from 0.
    pub number: u64,
    /// The parameters from which it starts.
    pub w: &'a [T],
    /// The loss there.
    pub loss: f64,
    /// The gradient there.
    pub gradient: &'a [T],
    /// The update at unit learning rate.
    pub update: &'a [T],
    /// The learning rate.
    pub learning_rate: f64,
    /// The largest eigenvalue of the Hessian, if it was measured.
    pub sharpness: Option<f64>,
    /// The examples of its mini-batch; `None` for all.
    pub batch: Option<&'a [usize]>,
}

/// What diagnostics need to know of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setup {
    /// Seed of what is drawn.
    pub seed: u64,
    /// Threads for work on vectors.
    pub threads: usize,
    /// The examples of a mini-batch; `None` where the run takes all.
    pub batch_size: Option<usize>,
}

/// A point of a run, where diagnostics are measured.
pub struct Point<'a, T: Real> {
    /// The step from it.
    pub step: Step<'a, T>,
    /// The layers of the model.
    pub layers: &'a [Layer],
    /// The update that the optimizer makes of a gradient at this point.
    pub direction: &'a mut Direction<'a, T>,
    /// Seed of what is drawn at this point.
    pub seed: u64,
    /// Threads for work on vectors.
    pub threads: usize,
    /// The examples of a mini-batch of the run; `None` where it takes all.
    pub batch_size: Option<usize>,
    problem: Counted<'a, T>,
    linearized: bool,
    /// Whether other examples were selected than those of the step.
    away: bool,
    scratch: Vec<T>,
    shared: Option<Rc<SharedSubspace<T>>>,
}

/// What one diagnostic found of the Hessian that helps others: orthonormal vectors with `v . H v` of each.
pub(super) struct SharedSubspace<T> {
    /// The vectors.
    pub(super) vectors: Vec<Vec<T>>,
    /// `v . H v`
    pub(super) values: Vec<f64>,
    /// The standard error of their sum; 0 where they are known.
    pub(super) error: f64,
}

impl<'a, T: Real> Point<'a, T> {
    /// The point of `step` on `problem`, where the examples of the step are selected; it need not be linearised.
    pub fn new(
        problem: &'a mut dyn Sampled<T>,
        step: Step<'a, T>,
        layers: &'a [Layer],
        direction: &'a mut Direction<'a, T>,
        Setup { seed, threads, batch_size }: Setup,
    ) -> Self {
        let seed = seed.wrapping_add(step.number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let share = step.batch.map_or(1.0, |batch| batch.len() as f64 / problem.examples() as f64);
        let problem = Counted { inner: problem, selected: share, cost: 0.0 };
        Self {
            step,
            layers,
            direction,
            seed,
            threads,
            batch_size,
            problem,
            linearized: false,
            away: false,
            scratch: Vec::new(),
            shared: None,
        }
    }

    /// The same, where the problem is linearised at the point, so that this is not done again.
    #[must_use]
    pub fn linearized(self) -> Self {
        Self { linearized: true, ..self }
    }

    /// Keeps what was found for the diagnostics that follow at this point.
    pub(super) fn share(&mut self, found: SharedSubspace<T>) {
        self.shared = Some(Rc::new(found));
    }

    /// What an earlier diagnostic found at this point.
    pub(super) fn shared(&self) -> Option<Rc<SharedSubspace<T>>> {
        self.shared.clone()
    }

    /// The objective, on the examples of the step and linearised at its point.
    ///
    /// # Errors
    /// Those of the objective.
    pub fn objective(&mut self) -> Result<&mut dyn Objective<T>, Error> {
        if !self.linearized {
            if self.away {
                self.problem.select(self.step.batch)?;
                self.away = false;
            }
            self.scratch.resize(self.step.w.len(), T::ZERO);
            self.problem.linearize(self.step.w, &mut self.scratch)?;
            self.linearized = true;
        }
        Ok(&mut self.problem)
    }

    /// The number of examples, whatever the step takes of them.
    pub fn examples(&self) -> usize {
        self.problem.examples()
    }

    /// Calls `f` with the Hessian at the point.
    ///
    /// # Errors
    /// Those of the objective and of `f`.
    pub fn with_hessian<R>(
        &mut self,
        f: impl FnOnce(&mut dyn LinearOperator<T>) -> Result<R, Error>,
    ) -> Result<R, Error> {
        f(&mut Hessian::new(self.objective()?))
    }

    /// The problem, to select from and to linearise at will, with the direction beside it.
    pub(super) fn sampled(&mut self) -> (&mut dyn Sampled<T>, &mut Direction<'a, T>) {
        (self.linearized, self.away) = (false, true);
        (&mut self.problem, &mut *self.direction)
    }

    /// What was spent so far, in evaluations of the loss on the examples of the step.
    pub fn cost(&self) -> f64 {
        self.problem.cost * self.problem.inner.examples() as f64
            / self.step.batch.map_or(self.problem.inner.examples(), <[usize]>::len) as f64
    }

    /// The examples of a sampled batch: `asked`, or those of the run.
    pub(super) fn batch(&self, asked: Option<usize>) -> Result<usize, Error> {
        let expected = "a size for sampled batches, as the run takes all examples at once";
        asked.or(self.batch_size).ok_or_else(|| Error::Option {
            option: "batch",
            expected: expected.to_owned(),
            got: "none".to_owned(),
        })
    }
}

/// Counts what is asked, in evaluations of the loss on all examples.
struct Counted<'a, T: Real> {
    inner: &'a mut dyn Sampled<T>,
    /// The share of the examples that is selected.
    selected: f64,
    cost: f64,
}

impl<T: Real> Counted<'_, T> {
    fn pay(&mut self, price: f64) {
        self.cost += price * self.selected;
    }
}

impl<T: Real> Objective<T> for Counted<'_, T> {
    fn dim(&self) -> usize {
        self.inner.dim()
    }
    fn linearize(&mut self, w: &[T], gradient: &mut [T]) -> Result<f64, ObjectiveError> {
        self.pay(self.inner.costs().linearize);
        self.inner.linearize(w, gradient)
    }
    fn curvature(&mut self, u: &[T]) -> Result<f64, ObjectiveError> {
        self.pay(self.inner.costs().curvature);
        self.inner.curvature(u)
    }
    fn hessian_vector(&mut self, v: &[T], out: &mut [T]) -> Result<(), ObjectiveError> {
        self.pay(self.inner.costs().hessian_vector);
        self.inner.hessian_vector(v, out)
    }
    fn hessian_vectors(&mut self, vectors: &[Vec<T>], out: &mut [Vec<T>]) -> Result<(), ObjectiveError> {
        self.pay(self.inner.costs().hessian_vector * vectors.len() as f64);
        self.inner.hessian_vectors(vectors, out)
    }
    fn products_at_once(&self) -> usize {
        self.inner.products_at_once()
    }
    fn gauss_newton_vector(&mut self, v: &[T], out: &mut [T]) -> Result<(), ObjectiveError> {
        self.pay(self.inner.costs().gauss_newton_vector);
        self.inner.gauss_newton_vector(v, out)
    }
    fn loss(&mut self, w: &[T]) -> Result<f64, ObjectiveError> {
        self.pay(1.0);
        self.inner.loss(w)
    }
    fn costs(&self) -> Costs {
        self.inner.costs()
    }
    fn shelf(&mut self) -> Option<&mut dyn Shelf<T>> {
        self.inner.shelf()
    }
}

impl<T: Real> Sampled<T> for Counted<'_, T> {
    fn examples(&self) -> usize {
        self.inner.examples()
    }
    fn select(&mut self, indices: Option<&[usize]>) -> Result<(), ObjectiveError> {
        self.inner.select(indices)?;
        self.selected = indices.map_or(1.0, |indices| indices.len() as f64 / self.inner.examples() as f64);
        Ok(())
    }
}
