use std::time::Instant;

use onedge_objective::{Costs, Error as Failure, Objective, Part, Real};
use onedge_train::{Element, Layout, Problem};
use onedge_tune::Trainer;

use onedge_spec::Spec;

use crate::{Error, plan};

/// What a step does beside its loss: optimizer, tuner, the move of the parameters.
#[derive(Clone, Copy)]
pub(super) struct Alone {
    /// Its seconds.
    pub(super) seconds: f64,
    /// Vectors as long as the parameters that it keeps, with the parameters and the gradient.
    pub(super) vectors: usize,
    /// Curvatures that the tuner expects to ask for in a step, on average once it has begun.
    pub(super) curvatures: f64,
}

/// A loss that costs next to nothing, with a gradient that is given and a Hessian that is one.
struct Hollow<'a, T> {
    gradient: &'a [T],
    /// Seconds spent here.
    seconds: f64,
}

impl<T: Real> Hollow<'_, T> {
    fn timed<R>(&mut self, work: impl FnOnce(&[T]) -> R) -> R {
        let start = Instant::now();
        let result = work(self.gradient);
        self.seconds += start.elapsed().as_secs_f64();
        result
    }
}

impl<T: Real> Objective<T> for Hollow<'_, T> {
    fn dim(&self) -> usize {
        self.gradient.len()
    }

    fn linearize(&mut self, _: &[T], gradient: &mut [T]) -> Result<f64, Failure> {
        self.timed(|own| gradient.copy_from_slice(own));
        Ok(1.0)
    }

    fn curvature(&mut self, _: &[T]) -> Result<f64, Failure> {
        Ok(1.0)
    }

    fn set_part(&mut self, _: Option<Part>) -> Result<(), Failure> {
        Ok(())
    }

    fn part_curvature(&mut self, _: &[T]) -> Result<f64, Failure> {
        Ok(1.0)
    }

    fn part_gradient(&mut self, gradient: &mut [T]) -> Result<(), Failure> {
        self.timed(|own| gradient.copy_from_slice(own));
        Ok(())
    }

    fn hessian_vector(&mut self, v: &[T], out: &mut [T]) -> Result<(), Failure> {
        self.timed(|_| out.copy_from_slice(v));
        Ok(())
    }

    fn gauss_newton_vector(&mut self, v: &[T], out: &mut [T]) -> Result<(), Failure> {
        self.hessian_vector(v, out)
    }

    fn loss(&mut self, _: &[T]) -> Result<f64, Failure> {
        Ok(1.0)
    }

    fn costs(&self) -> Costs {
        Costs::NOMINAL
    }
}

/// Measures a step by the optimizer and tuner of `spec` on a loss that is there at once: the shortest of some.
///
/// # Errors
/// Settings that are wrong.
pub(super) fn measure<T: Element>(spec: &Spec, problem: &Problem<T>, gradient: &[T]) -> Result<Alone, Error> {
    const SECONDS: f64 = 0.2;
    const STEPS: u64 = 50;
    let in_spec = onedge_spec::Error::spec(&spec.origin);
    let mut optimizer = spec.build_optimizer::<T>().map_err(&in_spec)?;
    optimizer.set_layers(&Layout::layers(&problem.layouts))?;
    let tuner = spec.build_tuner().map_err(&in_spec)?;
    let trainer = Trainer::new(gradient.len(), optimizer, tuner, plan(spec)?.diagnostics.lanczos)?;
    let mut trainer = if spec.batch.is_none() { trainer.in_full_batch() } else { trainer }.for_steps(spec.steps);
    let mut w = problem.initial(spec.seed);
    let mut hollow = Hollow { gradient, seconds: 0.0 };
    let (start, mut seconds) = (Instant::now(), f64::INFINITY);
    while trainer.steps() < 3 || (trainer.steps() < STEPS && start.elapsed().as_secs_f64() < SECONDS) {
        hollow.seconds = 0.0;
        let step = Instant::now();
        // A rule that does not get along with such a loss has shown what its step costs.
        let taken = trainer.step(&mut hollow, &mut w);
        seconds = seconds.min(step.elapsed().as_secs_f64() - hollow.seconds);
        if taken.is_err() {
            break;
        }
    }
    let kept = trainer.state().optimizer.vectors.values().filter(|vector| !vector.is_empty()).count();
    // Of the steps to come, as a tuner that knows no curvature yet wants one at each.
    let (first, steps) = (trainer.steps(), spec.steps.clamp(1, 10_000));
    let asked = (first..first + steps).filter(|&step| trainer.tuner().expects_curvature(step)).count();
    let curvatures = asked as f64 / steps as f64;
    // Beside those of the optimizer: the parameters, a copy where they were linearised, the gradient, this update and the one before.
    Ok(Alone { seconds: seconds.max(0.0), vectors: 5 + kept, curvatures })
}
