use std::collections::BTreeMap;

use onedge_objective::{Error as ObjectiveError, Real};

use crate::Workload;

/// Evaluates the test examples along a run. It sees parameters and changes none.
///
/// Cost: one evaluation of the loss over all test examples each time, which counts as diagnostics.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluator {
    every: u64,
    /// Evaluations that gave NaN or an infinity.
    lost: u64,
}

impl Evaluator {
    /// One that evaluates before step 0 and every `every` steps from there, `every` 1 or more.
    pub fn new(every: u64) -> Self {
        Self { every: every.max(1), lost: 0 }
    }

    /// Whether it evaluates before this step.
    pub fn is_due(&self, step: u64) -> bool {
        step.is_multiple_of(self.every)
    }

    /// How many evaluations gave NaN or an infinity; of those nothing is recorded.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// Puts back what [`lost`](Self::lost) gave.
    pub(crate) fn restore(&mut self, lost: u64) {
        self.lost = lost;
    }

    /// The metrics of all `test` examples at `w`, by the names of their columns; none if one of them is not finite.
    ///
    /// # Errors
    /// Whatever the workload reports beside values that are not finite.
    pub(crate) fn measure<T: Real>(
        &mut self,
        test: &mut dyn Workload<T>,
        w: &[T],
    ) -> Result<BTreeMap<String, f64>, ObjectiveError> {
        match test.metrics(w) {
            Ok(means) => Ok(means.into_iter().map(|(name, mean)| (column(&name), mean)).collect()),
            Err(ObjectiveError::NonFinite { .. }) => {
                self.lost += 1;
                Ok(BTreeMap::new())
            }
            Err(error) => Err(error),
        }
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

    #[test]
    fn it_evaluates_at_step_0_and_at_multiples() {
        let evaluator = Evaluator::new(3);
        let due: Vec<u64> = (0..8).filter(|step| evaluator.is_due(*step)).collect();
        assert_eq!(due, [0, 3, 6]);
    }

    /// 0.5 (2 (1 - 3)^2 + 4 * 25) = 54.
    #[test]
    fn metrics_have_the_names_of_columns_and_what_is_not_finite_is_counted() {
        let (mut evaluator, mut bowl) = (Evaluator::new(1), Bowl::new([2.0, 4.0], &[3.0]));
        let measured = evaluator.measure(&mut bowl, &[1.0, 5.0]).unwrap();
        assert_eq!(measured, BTreeMap::from([("test_loss".to_owned(), 54.0)]));
        assert_eq!(evaluator.measure(&mut bowl, &[1.0, f64::INFINITY]).unwrap(), BTreeMap::new());
        assert_eq!(evaluator.lost(), 1);
    }
}
