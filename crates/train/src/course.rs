use onedge_objective::{State, StateError};

use crate::Record;

/// Steps that are kept or left out together: what happens from step to step stays to be seen.
const BLOCK: usize = 64;
/// Of so many steps everything is kept.
const MOST: usize = 1 << 16;
/// The noise of the beginning is that of so many losses.
pub(crate) const START: usize = 5;

/// What the records of a run say of how it went, for [`judge`](crate::judge). Of runs of up to 65,536 steps it has
/// every step; of longer ones every second, fourth, ... block of 64 steps, so that memory does not grow with the steps.
#[derive(Debug, Clone)]
pub struct Course {
    steps: u64,
    kept: Vec<Moment>,
    /// Every so many-th block is kept.
    stride: u64,
    start: Vec<f64>,
    finite: bool,
    /// Whether every learning rate was 0.
    still: bool,
    /// How many steps there were at the rate 0 after all others, and the smallest norm of a gradient there.
    rest: (u64, f64),
    /// The step after the last one.
    end: u64,
    highest: f64,
    /// The largest norm of a gradient; whether there was one at every step.
    gradient: (f64, bool),
    /// The sum of `eta |g| |u|`; `None` once one of them was not measured.
    bound: Option<f64>,
}

/// A step as it is judged.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    pub(crate) loss: f64,
    /// NaN where it was not measured.
    pub(crate) cosine: f64,
    /// What the step changes the loss by at most, to first order; NaN where it was not measured.
    pub(crate) change: f64,
}

impl Default for Course {
    fn default() -> Self {
        Self {
            steps: 0,
            kept: Vec::new(),
            stride: 1,
            start: Vec::new(),
            finite: true,
            still: true,
            rest: (0, f64::INFINITY),
            end: 0,
            highest: f64::NEG_INFINITY,
            gradient: (0.0, true),
            bound: Some(0.0),
        }
    }
}

impl Course {
    /// Takes note of the next step.
    pub fn see(&mut self, record: &Record) {
        let change = first_order_change(record);
        if (self.steps / BLOCK as u64).is_multiple_of(self.stride) {
            let (cosine, change) = (record.update_cosine.unwrap_or(f64::NAN), change.unwrap_or(f64::NAN));
            self.kept.push(Moment { loss: record.loss, cosine, change });
        }
        if self.start.len() < START {
            self.start.push(record.loss);
        }
        self.finite &= record.loss.is_finite();
        self.still &= record.learning_rate == 0.0;
        self.rest = match record.learning_rate == 0.0 {
            true => (self.rest.0 + 1, self.rest.1.min(record.gradient_norm.unwrap_or(f64::INFINITY))),
            false => (0, f64::INFINITY),
        };
        self.end = record.step + 1;
        self.highest = self.highest.max(record.loss);
        match record.gradient_norm {
            Some(norm) => self.gradient.0 = self.gradient.0.max(norm),
            None => self.gradient.1 = false,
        }
        self.bound = self.bound.zip(change).map(|(sum, change)| sum + change);
        self.steps += 1;
        if self.kept.len() == MOST && (self.steps as usize).is_multiple_of(BLOCK) {
            self.halve();
        }
    }

    fn halve(&mut self) {
        self.kept = self.kept.chunks(BLOCK).step_by(2).flatten().copied().collect();
        self.stride *= 2;
    }

    /// All of it, so that a run goes on without its records being read again.
    pub fn state(&self) -> State<f64> {
        let flag = |is_set: bool| f64::from(u8::from(is_set));
        let column = |of: fn(&Moment) -> f64| self.kept.iter().map(of).collect();
        let state = State::new()
            .with_scalar("steps", self.steps as f64)
            .with_scalar("stride", self.stride as f64)
            .with_scalar("is_finite", flag(self.finite))
            .with_scalar("stood_still", flag(self.still))
            .with_scalar("rest", self.rest.0 as f64)
            .with_scalar("rest_gradient", self.rest.1)
            .with_scalar("end", self.end as f64)
            .with_scalar("highest", self.highest)
            .with_scalar("largest_gradient", self.gradient.0)
            .with_scalar("knows_gradients", flag(self.gradient.1))
            .with_vector("losses", column(|moment| moment.loss))
            .with_vector("cosines", column(|moment| moment.cosine))
            .with_vector("changes", column(|moment| moment.change))
            .with_vector("start", self.start.clone());
        self.bound.into_iter().fold(state, |state, bound| state.with_scalar("bound", bound))
    }

    /// What [`state`](Self::state) gave.
    ///
    /// # Errors
    /// The state of something else.
    pub fn of_state(state: State<f64>) -> Result<Self, StateError> {
        let mut reader = state.reader("course");
        let [losses, cosines, changes] = ["losses", "cosines", "changes"].map(|name| reader.vector(name));
        let moments = losses?.into_iter().zip(cosines?).zip(changes?);
        let course = Self {
            steps: reader.count("steps")?,
            kept: moments.map(|((loss, cosine), change)| Moment { loss, cosine, change }).collect(),
            stride: reader.count("stride")?.max(1),
            start: reader.vector("start")?,
            finite: reader.count("is_finite")? == 1,
            still: reader.count("stood_still")? == 1,
            rest: (reader.count("rest")?, reader.scalar("rest_gradient")?),
            end: reader.count("end")?,
            highest: reader.scalar("highest")?,
            gradient: (reader.scalar("largest_gradient")?, reader.count("knows_gradients")? == 1),
            bound: reader.optional_scalar("bound"),
        };
        reader.finish()?;
        Ok(course)
    }

    /// How many steps were taken.
    pub(crate) fn steps(&self) -> u64 {
        self.steps
    }

    /// Steps in their order: all, or evenly spaced blocks of them.
    pub(crate) fn kept(&self) -> &[Moment] {
        &self.kept
    }

    /// The first losses.
    pub(crate) fn start(&self) -> &[f64] {
        &self.start
    }

    /// Whether every loss was a finite number.
    pub(crate) fn is_finite(&self) -> bool {
        self.finite
    }

    /// Whether every learning rate was 0.
    pub(crate) fn stood_still(&self) -> bool {
        self.still
    }

    /// How many steps there were at the rate 0 after all others, and the smallest norm of a gradient there.
    pub(crate) fn rest(&self) -> (u64, f64) {
        self.rest
    }

    /// The step after the last one.
    pub(crate) fn end(&self) -> u64 {
        self.end
    }

    /// The largest loss.
    pub(crate) fn highest(&self) -> f64 {
        self.highest
    }

    /// The largest norm of a gradient; 0 where none was measured.
    pub(crate) fn largest_gradient(&self) -> f64 {
        self.gradient.0
    }

    /// Whether the norm of the gradient was measured at every step.
    pub(crate) fn knows_gradients(&self) -> bool {
        self.gradient.1
    }

    /// What all steps together change the loss by at most, to first order, if every step tells.
    pub(crate) fn bound(&self) -> Option<f64> {
        self.bound
    }
}

impl<'a> FromIterator<&'a Record> for Course {
    fn from_iter<I: IntoIterator<Item = &'a Record>>(records: I) -> Self {
        let mut course = Self::default();
        records.into_iter().for_each(|record| course.see(record));
        course
    }
}

/// What a step changes the loss by at most, to first order: `eta |g| |u|`.
fn first_order_change(record: &Record) -> Option<f64> {
    Some(record.learning_rate.abs() * record.gradient_norm? * record.update_norm?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(step: u64) -> Record {
        Record {
            step,
            loss: step as f64,
            gradient_norm: Some(2.0),
            update_norm: Some(3.0),
            learning_rate: 0.5,
            ..Record::default()
        }
    }

    #[test]
    fn memory_stays_and_what_is_kept_is_even() {
        let mut course = Course::default();
        for step in 0..1_000_000 {
            course.see(&record(step));
            assert!(course.kept.len() <= MOST && course.kept.capacity() <= 2 * MOST);
        }
        assert_eq!((course.steps(), course.highest(), course.bound()), (1_000_000, 999_999.0, Some(3e6)));
        let losses: Vec<f64> = course.kept().iter().map(|moment| moment.loss).collect();
        assert!(losses.len() > MOST / 2);
        // Within a block nothing is left out; blocks follow each other at one distance.
        let steps: Vec<f64> = losses.windows(2).map(|pair| pair[1] - pair[0]).filter(|step| *step != 1.0).collect();
        assert!(steps.len() > 500 && steps.iter().all(|step| *step == steps[0]), "{}", steps.len());
        let last = losses[losses.len() - 1];
        assert!(1_000_000.0 - last <= course.stride as f64 * BLOCK as f64, "{last}");
        assert_eq!(course.start(), [0.0, 1.0, 2.0, 3.0, 4.0]);
    }

    #[test]
    fn its_state_goes_on() {
        let odd = |step: u64| match step % 5 {
            0 => Record { gradient_norm: None, ..record(step) },
            _ => Record { update_cosine: Some(-0.25), ..record(step) },
        };
        for steps in [0, 3, 200, MOST as u64 + 777] {
            let mut whole = Course::default();
            (0..steps).for_each(|step| whole.see(&odd(step)));
            let mut rest = Course::of_state(whole.state()).unwrap();
            (steps..steps + 100).for_each(|step| [&mut whole, &mut rest].into_iter().for_each(|c| c.see(&odd(step))));
            assert_eq!(format!("{rest:?}"), format!("{whole:?}"), "{steps}");
        }
        assert!(Course::of_state(State::new()).is_err());
    }

    #[test]
    fn what_was_not_measured_is_known() {
        let mut course: Course = [record(0), record(1)].iter().collect();
        assert!(course.knows_gradients() && course.bound() == Some(6.0) && !course.stood_still() && course.is_finite());
        course.see(&Record { loss: f64::NAN, ..Record::default() });
        assert!(!course.knows_gradients() && course.bound().is_none() && !course.is_finite());
        assert!(course.kept()[2].change.is_nan() && course.kept()[0].cosine.is_nan());
        assert_eq!((course.largest_gradient(), course.highest()), (2.0, 1.0));
        let at_rest = |step, norm| Record { step, gradient_norm: norm, ..Record::default() };
        course.see(&at_rest(8, Some(0.5)));
        course.see(&at_rest(9, None));
        assert_eq!((course.rest(), course.end()), ((3, 0.5), 10));
        course.see(&record(10));
        assert_eq!((course.rest(), course.end()), ((0, f64::INFINITY), 11));
    }
}
