use onedge_objective::State;

use crate::{Error, Events, Foresight, Line, Tuner};

/// A learning rate that depends on the step alone. Every schedule is a [`Tuner`] that asks the line for nothing else,
/// keeps no state and never meets an event.
pub trait Schedule: Send {
    /// The name in the registry.
    const NAME: &'static str;

    /// The learning rate at `step`, counted from 0.
    fn rate_at(&self, step: u64) -> f64;

    /// What the schedule does over a run of `steps` steps that it can hardly be meant to do.
    fn misfit(&self, steps: u64) -> Option<Foresight> {
        let _ = steps;
        None
    }
}

impl<S: Schedule> Tuner for S {
    fn learning_rate(&mut self, line: &mut dyn Line) -> Result<f64, Error> {
        Ok(self.rate_at(line.step()))
    }

    fn foresee(&self, steps: u64) -> Option<Foresight> {
        self.misfit(steps)
    }

    fn events(&self) -> &Events {
        const NONE: Events = Events {
            non_descent: 0,
            negative_curvature: 0,
            vanishing_denominator: 0,
            non_finite: 0,
            gave_up: 0,
            capped: 0,
            floored: 0,
            below_floor: 0,
            held_back: 0,
            backed_off: 0,
            predicted: 0,
            unconverged: 0,
        };
        &NONE
    }

    fn state(&self) -> State<f64> {
        State::new()
    }

    fn restore(&mut self, state: State<f64>) -> Result<(), Error> {
        Ok(state.reader(S::NAME).finish()?)
    }
}
