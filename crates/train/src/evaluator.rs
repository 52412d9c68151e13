use std::collections::BTreeMap;

use onedge_nn::metrics::Direction;
use onedge_objective::{Error as ObjectiveError, Real, State, StateError};
use serde::{Deserialize, Serialize};

use crate::{StopReason, Workload};

/// How the test examples are evaluated along a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evaluation {
    /// Before step 0 and every so many steps from there; 1 or more.
    pub every: u64,
    /// By which metric one evaluation is better than another: `loss`, `accuracy`, ...
    pub metric: String,
    /// Stop after so many evaluations in a row without a better one, 1 or more; `None`: never.
    pub patience: Option<u64>,
}

/// The best evaluation of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BestEvaluation {
    /// Before which step it was; the number of steps for the end of the run.
    pub step: u64,
    /// By which metric of the test examples.
    pub metric: String,
    /// Its value.
    pub value: f64,
}

/// Evaluates the test examples along a run, keeps the best parameters, and says when there is no improvement any more. It
/// sees parameters and changes none.
///
/// Cost: one evaluation of the loss over all test examples each time, which counts as diagnostics, and room for one more
/// vector of parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluator<T> {
    asked: Evaluation,
    better: Direction,
    /// Step, value and parameters of the best evaluation.
    best: Option<(u64, f64, Vec<T>)>,
    /// Evaluations in a row since the best one.
    waited: u64,
    /// Evaluations that gave NaN or an infinity.
    lost: u64,
}

/// What the state of an evaluator is called among those of diagnostics, none of which has such a name.
pub(crate) const STATE: &str = "test_evaluation";

impl<T: Real> Evaluator<T> {
    /// One for a run whose test examples have these `metrics`.
    ///
    /// # Errors
    /// The metrics to choose from, if the one asked for is none of them or nobody knows whether more of it is better.
    pub fn new(asked: Evaluation, metrics: &[String]) -> Result<Self, Vec<String>> {
        let there = metrics.contains(&asked.metric);
        match Direction::of(&asked.metric).filter(|_| there) {
            Some(better) => Ok(Self { asked, better, best: None, waited: 0, lost: 0 }),
            None => Err(metrics.iter().filter(|name| Direction::of(name).is_some()).cloned().collect()),
        }
    }

    /// Whether it evaluates before this step.
    pub fn is_due(&self, step: u64) -> bool {
        step.is_multiple_of(self.asked.every.max(1))
    }

    /// How many evaluations gave NaN or an infinity; of those nothing is recorded, and none is the best.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// The best evaluation so far.
    pub fn best(&self) -> Option<BestEvaluation> {
        let best = self.best.as_ref();
        best.map(|(step, value, _)| BestEvaluation { step: *step, metric: self.asked.metric.clone(), value: *value })
    }

    /// The parameters there.
    pub fn best_parameters(&self) -> Option<&[T]> {
        self.best.as_ref().map(|(_, _, w)| &w[..])
    }

    /// Takes notice of an evaluation before `step` at `w`, whose `means` are empty if they were not finite.
    pub fn observe(&mut self, step: u64, means: &BTreeMap<String, f64>, w: &[T]) {
        let value = means.get(&self.asked.metric).copied().filter(|value| value.is_finite());
        let better = |(_, best, _): &(u64, f64, Vec<T>)| value.is_some_and(|value| self.better.is_better(value, *best));
        match (value, &self.best) {
            (Some(value), best) if best.as_ref().is_none_or(better) => {
                (self.best, self.waited) = (Some((step, value, w.to_vec())), 0);
            }
            // Nothing can be waited for that there never was.
            (_, best) => self.waited += u64::from(best.is_some()),
        }
    }

    /// The metrics of all `test` examples at `w`, by the names of their columns; none if one of them is not finite. With the
    /// reason to stop before `step`, if the patience is at its end.
    ///
    /// # Errors
    /// Whatever the workload reports beside values that are not finite.
    pub(crate) fn measure(
        &mut self,
        step: u64,
        test: &mut dyn Workload<T>,
        w: &[T],
    ) -> Result<(BTreeMap<String, f64>, Option<StopReason>), ObjectiveError> {
        let means = match test.metrics(w) {
            Ok(means) => means,
            Err(ObjectiveError::NonFinite { .. }) => {
                self.lost += 1;
                BTreeMap::new()
            }
            Err(error) => return Err(error),
        };
        self.observe(step, &means, w);
        Ok((means.into_iter().map(|(name, mean)| (column(&name), mean)).collect(), self.stop(step)))
    }

    fn stop(&self, step: u64) -> Option<StopReason> {
        let patience = self.asked.patience.filter(|patience| self.waited >= *patience)?;
        let BestEvaluation { step: best_step, metric, value } = self.best()?;
        Some(StopReason::NoImprovement { step, metric, best: value, best_step, patience })
    }

    /// All that the next evaluations depend on.
    pub(crate) fn state(&self) -> State<T> {
        let state = State::new().with_scalar("waited", self.waited as f64).with_scalar("not_finite", self.lost as f64);
        match &self.best {
            None => state,
            Some((step, value, w)) => state
                .with_scalar("best_step", *step as f64)
                .with_scalar("best_value", *value)
                .with_vector("best", w.clone()),
        }
    }

    /// Puts back what [`state`](Self::state) gave.
    ///
    /// # Errors
    /// The state of something else.
    pub(crate) fn restore(&mut self, state: State<T>, dim: usize) -> Result<(), StateError> {
        let mut reader = state.reader("evaluation");
        (self.waited, self.lost) = (reader.count("waited")?, reader.count("not_finite")?);
        self.best = match reader.optional_vector("best") {
            None => None,
            Some(w) if w.len() == dim => Some((reader.count("best_step")?, reader.scalar("best_value")?, w)),
            Some(w) => {
                let (owner, name) = ("evaluation", "best".to_owned());
                return Err(StateError { owner, name, expected: dim.to_string(), got: w.len().to_string() });
            }
        };
        reader.finish()
    }
}

/// What the metric `name` of the test examples is called in records: `test_loss`, `test_accuracy`, ...
pub fn column(name: &str) -> String {
    format!("test_{name}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::Bowl;

    fn evaluator(every: u64, patience: Option<u64>) -> Evaluator<f64> {
        let asked = Evaluation { every, metric: "loss".to_owned(), patience };
        Evaluator::new(asked, &["accuracy".to_owned(), "loss".to_owned()]).unwrap()
    }

    #[test]
    fn it_evaluates_at_step_0_and_at_multiples() {
        let due: Vec<u64> = (0..8).filter(|step| evaluator(3, None).is_due(*step)).collect();
        assert_eq!(due, [0, 3, 6]);
    }

    /// 0.5 (2 (1 - 3)^2 + 4 * 25) = 54.
    #[test]
    fn metrics_have_the_names_of_columns_and_what_is_not_finite_is_counted() {
        let (mut evaluator, mut bowl) = (evaluator(1, None), Bowl::new([2.0, 4.0], &[3.0]));
        let (measured, stop) = evaluator.measure(0, &mut bowl, &[1.0, 5.0]).unwrap();
        assert_eq!((measured, stop), (BTreeMap::from([("test_loss".to_owned(), 54.0)]), None));
        assert_eq!(evaluator.measure(1, &mut bowl, &[1.0, f64::INFINITY]).unwrap(), (BTreeMap::new(), None));
        assert_eq!(evaluator.lost(), 1);
    }

    fn observe(evaluator: &mut Evaluator<f64>, step: u64, loss: f64) -> Option<StopReason> {
        evaluator.observe(step, &BTreeMap::from([("loss".to_owned(), loss)]), &[step as f64]);
        evaluator.stop(step)
    }

    #[test]
    fn the_best_is_the_first_of_equals_and_patience_counts_from_it() {
        let mut evaluator = evaluator(1, Some(3));
        assert_eq!(observe(&mut evaluator, 0, f64::NAN), None);
        for (step, loss) in [(1, 4.0), (2, 5.0), (3, 6.0), (4, 3.0), (5, 3.0), (6, f64::NAN)] {
            assert_eq!(observe(&mut evaluator, step, loss), None, "{step}");
        }
        let stop =
            StopReason::NoImprovement { step: 7, metric: "loss".to_owned(), best: 3.0, best_step: 4, patience: 3 };
        assert_eq!(observe(&mut evaluator, 7, 8.0), Some(stop));
        assert_eq!(evaluator.best_parameters(), Some(&[4.0][..]));
        assert_eq!(evaluator.best(), Some(BestEvaluation { step: 4, metric: "loss".to_owned(), value: 3.0 }));
    }

    #[test]
    fn more_is_better_where_it_is() {
        let asked = Evaluation { every: 1, metric: "accuracy".to_owned(), patience: None };
        let mut evaluator = Evaluator::new(asked, &["accuracy".to_owned()]).unwrap();
        for (step, accuracy) in [(0, 0.5), (1, 0.75), (2, 0.25)] {
            evaluator.observe(step, &BTreeMap::from([("accuracy".to_owned(), accuracy)]), &[0.0]);
        }
        assert_eq!(evaluator.best().unwrap().step, 1);
    }

    #[test]
    fn a_metric_must_be_there_and_known() {
        let new = |metric: &str, there: &[&str]| {
            let there: Vec<String> = there.iter().map(|name| (*name).to_owned()).collect();
            Evaluator::<f64>::new(Evaluation { every: 1, metric: metric.to_owned(), patience: None }, &there)
                .map(|_| ())
        };
        assert_eq!(new("accuracy", &["loss"]), Err(vec!["loss".to_owned()]));
        assert_eq!(new("own", &["own", "loss"]), Err(vec!["loss".to_owned()]));
        assert_eq!(new("loss", &["own", "loss"]), Ok(()));
    }

    #[test]
    fn its_state_goes_on() {
        let mut first = evaluator(1, Some(2));
        for (step, loss) in [(0, 4.0), (1, 5.0)] {
            assert_eq!(observe(&mut first, step, loss), None);
        }
        let mut second = evaluator(1, Some(2));
        second.restore(first.state(), 1).unwrap();
        assert_eq!(second, first);
        assert!(observe(&mut second, 2, 4.0).is_some());
        assert!(second.restore(first.state(), 2).is_err());
        let mut fresh = evaluator(1, None);
        fresh.restore(evaluator(1, None).state(), 1).unwrap();
        assert_eq!(fresh.best(), None);
    }
}
