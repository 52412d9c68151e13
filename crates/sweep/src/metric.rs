use std::fmt;

use onedge_nn::metrics::Direction;
use onedge_record::Summary;
use onedge_run::{DataSets, Metrics, metrics};
use onedge_spec::Spec;

use crate::Error;

/// The number of their summaries by which runs are compared, and which of two is the better one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metric {
    name: String,
    better: Direction,
}

/// What a metric of examples may be of: all training examples at the end, all test examples at the end, or the test
/// examples at the best evaluation.
const SETS: [&str; 3] = ["train", "test", "best"];

/// What a name must be.
pub(crate) const METRICS: &str =
    "`final_loss`, `best_loss`, or a metric like `test.loss`, `test.accuracy`, `train.r-squared` or `best.loss`";

impl Metric {
    /// The mean of the last five training losses: what runs are compared by if nothing else is asked for.
    pub fn final_loss() -> Self {
        Self { name: "final_loss".to_owned(), better: Direction::Lower }
    }

    /// The one called `name`: `final_loss`, `best_loss`, or a metric of examples like `test.accuracy`, `train.loss` or
    /// `best.loss`, the value at the best evaluation.
    ///
    /// # Errors
    /// [`Error::Option`] for a name that is none of these.
    pub fn named(name: &str) -> Result<Self, Error> {
        let better = match (name, name.split_once('.')) {
            ("final_loss" | "best_loss", _) => Some(Direction::Lower),
            (_, Some((set, metric))) if SETS.contains(&set) => Direction::of(metric),
            _ => None,
        };
        let wrong = || Error::Option { option: "metric", expected: METRICS.to_owned(), got: format!("`{name}`") };
        Ok(Self { name: name.to_owned(), better: better.ok_or_else(wrong)? })
    }

    /// Whether it is [`final_loss`](Self::final_loss).
    pub fn is_usual(&self) -> bool {
        self.name == "final_loss"
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its value in a summary, if there is one that is finite.
    pub fn of(&self, summary: &Summary) -> Option<f64> {
        let value = match self.name.split_once('.') {
            Some(("train", metric)) => summary.train.get(metric).copied(),
            Some(("test", metric)) => summary.test.get(metric).copied(),
            Some((_, metric)) => summary.best.as_ref().filter(|best| best.metric == metric).map(|best| best.value),
            None if self.is_usual() => summary.final_loss,
            None => summary.best_loss,
        };
        value.filter(|value| value.is_finite())
    }

    /// Whether the runs of all `specs` will have it, before any of them is done.
    ///
    /// # Errors
    /// [`Error::Option`] with the metrics that a run will have instead; what is wrong with data or model.
    pub fn check<'a>(&self, specs: impl IntoIterator<Item = &'a Spec>, data_sets: &mut DataSets) -> Result<(), Error> {
        let Some((set, metric)) = self.name.split_once('.') else { return Ok(()) };
        let same = |a: &Spec, b: &Spec| {
            (&a.data, &a.model, &a.loss, &a.evaluation) == (&b.data, &b.model, &b.loss, &b.evaluation)
        };
        let mut checked: Vec<&Spec> = Vec::new();
        for spec in specs {
            if checked.iter().any(|other| same(spec, other)) {
                continue;
            }
            let Metrics { train, test, best } = metrics(spec, data_sets)?;
            let has_test = !test.is_empty();
            let of = [("train", train), ("test", test), ("best", best.into_iter().collect())];
            let dotted = of.iter().flat_map(|(set, names)| names.iter().map(move |name| format!("{set}.{name}")));
            let known: Vec<String> = dotted.filter(|name| Self::named(name).is_ok()).collect();
            if !known.contains(&self.name) {
                let advice = match set {
                    "test" if !has_test => " (for a test set try `data.test_fraction = 0.2`)",
                    "best" => " (for others try `evaluation.every` and `evaluation.metric`)",
                    _ => "",
                };
                let expected = format!("final_loss, best_loss or one of {}{advice}", known.join(", "));
                return Err(Error::Option { option: "metric", expected, got: format!("{set}.{metric}") });
            }
            checked.push(spec);
        }
        Ok(())
    }

    /// A number that is smaller for a better value.
    pub(crate) fn rank(&self, value: f64) -> f64 {
        match self.better {
            Direction::Lower => value,
            Direction::Higher => -value,
        }
    }
}

impl fmt::Display for Metric {
    /// As the heading of a column: `final loss`, `test accuracy`, `best test loss`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name.split_once('.') {
            Some(("best", metric)) => write!(f, "best test {metric}"),
            Some((set, metric)) => write!(f, "{set} {metric}"),
            None => f.write_str(&self.name.replace('_', " ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use onedge_record::{BestEvaluation, StopReason};
    use std::collections::BTreeMap;

    fn summary() -> Summary {
        let best = BestEvaluation { step: 3, metric: "loss".to_owned(), value: 0.25 };
        Summary {
            name: String::new(),
            version: String::new(),
            stop: StopReason::StepsDone,
            ended: None,
            steps: 5,
            parameters: 1,
            seconds: 1.0,
            spectrum_seconds: 0.0,
            checkpoint_seconds: 0.0,
            checkpoints_failed: 0,
            cost: 10.0,
            first_loss: Some(4.0),
            final_loss: Some(0.5),
            best_loss: Some(0.375),
            best: Some(best),
            events: BTreeMap::new(),
            findings: Vec::new(),
            train: BTreeMap::from([("loss".to_owned(), 0.125)]),
            test: BTreeMap::from([("accuracy".to_owned(), 0.75)]),
        }
    }

    #[test]
    fn each_is_read_where_it_is() {
        for (name, heading, value, rank) in [
            ("final_loss", "final loss", Some(0.5), 0.5),
            ("best_loss", "best loss", Some(0.375), 0.375),
            ("train.loss", "train loss", Some(0.125), 0.125),
            ("test.accuracy", "test accuracy", Some(0.75), -0.75),
            ("best.loss", "best test loss", Some(0.25), 0.25),
            ("best.accuracy", "best test accuracy", None, 0.0),
            ("test.loss", "test loss", None, 0.0),
        ] {
            let metric = Metric::named(name).unwrap();
            assert_eq!((metric.to_string().as_str(), metric.of(&summary())), (heading, value), "{name}");
            assert_eq!(value.map_or(0.0, |value| metric.rank(value)), rank, "{name}");
        }
    }

    #[test]
    fn others_are_refused() {
        for name in ["accuracy", "test.f1", "valid.loss", "cost"] {
            let message = Metric::named(name).unwrap_err().to_string();
            assert!(message.starts_with("metric: expected `final_loss`") && message.ends_with(name_in(name).as_str()));
        }
    }

    fn name_in(name: &str) -> String {
        format!("got `{name}`")
    }
}
