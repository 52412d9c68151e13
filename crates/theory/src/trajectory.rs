use std::fmt;

use crate::stochastic::{Noise, Source};
use crate::tuners::Tuner;
use crate::{Parameters, State, Time, advance};

/// Where a run begins. The displacements are positive roots of `p` and `q`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Start {
    /// The rate of the first step, whatever the tuner.
    pub eta: f64,
    /// The sharpness.
    pub lambda: f64,
    /// `x^2`
    pub p: f64,
    /// The squared displacement along the second eigenvector.
    pub q: f64,
}

/// A run to be made.
#[derive(Debug)]
pub struct Study<'a> {
    /// The model.
    pub parameters: Parameters,
    /// The convention of equation (4).
    pub time: Time,
    /// The beginning.
    pub start: Start,
    /// The rule for the rate.
    pub tuner: &'a dyn Tuner,
    /// Ours, not the papers'. None by default.
    pub noise: Noise,
    /// How many steps, unless it stops before.
    pub steps: usize,
}

/// The model at one step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Counted from 0, where the run begins.
    pub step: usize,
    /// The learning rate.
    pub eta: f64,
    /// The sharpness.
    pub lambda: f64,
    /// `eta lambda - 2`
    pub y: f64,
    /// `x^2`
    pub p: f64,
    /// The displacement along the top eigenvector.
    pub x: f64,
    /// The squared displacement along the second eigenvector.
    pub q: f64,
}

/// Why a run ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Stop {
    /// All steps were taken.
    StepsDone,
    /// A quantity went beyond [`LIMIT`], or is no number.
    Diverged {
        /// The step at which it was found.
        step: usize,
        /// Which.
        quantity: &'static str,
        /// Its value.
        value: f64,
    },
    /// The tuner had no positive rate to give.
    NoRate {
        /// The step that it was for.
        step: usize,
        /// What it gave.
        rate: f64,
        /// The sharpness there.
        lambda: f64,
    },
}

/// What `p`, `q` and the size of the sharpness must not exceed.
pub const LIMIT: f64 = 1e12;

impl Stop {
    /// Whether the run came to its end.
    pub fn is_success(&self) -> bool {
        *self == Self::StepsDone
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StepsDone => write!(f, "steps done"),
            Self::Diverged { step, quantity, value } => write!(f, "diverged at step {step} ({quantity} = {value:.3e})"),
            Self::NoRate { step, rate, lambda } => {
                write!(f, "diverged at step {step} (lambda = {lambda:.3e}: no rate but {rate:.3e})")
            }
        }
    }
}

/// A run that was made.
#[derive(Debug, Clone, PartialEq)]
pub struct Trajectory {
    /// Every step, with the start.
    pub points: Vec<Point>,
    /// Why there are no more.
    pub stop: Stop,
}

/// Makes the run and keeps all of it.
///
/// Cost: 56 bytes a step.
pub fn simulate(study: &Study) -> Trajectory {
    let mut points = Vec::with_capacity(study.steps.min(1 << 20) + 1);
    let stop = walk(study, |point| points.push(point));
    Trajectory { points, stop }
}

/// Makes the run and shows every point that is in bounds.
pub fn walk(study: &Study, mut observe: impl FnMut(Point)) -> Stop {
    let Study { parameters, time, start, tuner, steps, .. } = study;
    let mut source = Source::new(study.noise);
    let mut state = State::new(start.eta, start.lambda, start.p.sqrt(), start.q.sqrt(), parameters.nu);
    source.disturb(&mut state, parameters.nu);
    for step in 0..=*steps {
        if let Some((quantity, value)) = out_of_bounds(&state) {
            return Stop::Diverged { step, quantity, value };
        }
        if !(state.eta.is_finite() && state.eta > 0.0) {
            return Stop::NoRate { step, rate: state.eta, lambda: state.lambda };
        }
        observe(Point {
            step,
            eta: state.eta,
            lambda: state.lambda,
            y: state.y(),
            p: state.p(),
            x: state.x,
            q: state.q(),
        });
        let mut next = advance(&state, parameters, *time);
        source.disturb(&mut next, parameters.nu);
        next.eta = tuner.rate(&state, &next);
        state = next;
    }
    Stop::StepsDone
}

fn out_of_bounds(state: &State) -> Option<(&'static str, f64)> {
    let all = [("lambda", state.lambda), ("p", state.p()), ("q", state.q())];
    // Not `> LIMIT`: NaN is out of bounds too.
    all.into_iter().find(|(_, value)| !matches!(value.abs().partial_cmp(&LIMIT), Some(order) if order.is_le()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tuners::{Classical, Constant};

    fn study(tuner: &dyn Tuner, lambda: f64, p: f64) -> Study<'_> {
        let parameters = Parameters { a: 1.0, b: 0.5, nu: 0.0 };
        let start = Start { eta: 1.0, lambda, p, q: 0.0 };
        Study { parameters, time: Time::Printed, start, tuner, noise: Noise::NONE, steps: 50 }
    }

    #[test]
    fn points_are_counted_from_the_start() {
        let run = simulate(&study(&Classical::paper(), 1.9, 0.25));
        assert_eq!((run.points.len(), run.stop), (51, Stop::StepsDone));
        let first = run.points[0];
        assert_eq!((first.step, first.eta, first.lambda, first.p, first.x), (0, 1.0, 1.9, 0.25, 0.5));
        assert_eq!(run.points[1].lambda, 1.9 + (1.0 - 0.125));
    }

    #[test]
    fn says_why_it_stopped() {
        let run = simulate(&study(&Constant, 20.0, 1.0));
        assert!(matches!(run.stop, Stop::Diverged { quantity: "p", value, .. } if value > LIMIT), "{}", run.stop);
        assert!(run.points.iter().all(|point| point.p <= LIMIT));
        // lambda+ = 1.9 + (1 - 0.5 * 10)
        let run = simulate(&study(&Classical::paper(), 1.9, 10.0));
        assert_eq!(run.stop.to_string(), "diverged at step 1 (lambda = -2.100e0: no rate but -9.048e-1)");
        let stop = simulate(&study(&Constant, f64::NAN, 1.0)).stop;
        assert!(matches!(stop, Stop::Diverged { step: 0, quantity: "lambda", .. }));
    }
}
