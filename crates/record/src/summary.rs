use std::collections::BTreeMap;

use onedge_train::{BestEvaluation, Finding, StopReason};
use serde::{Deserialize, Deserializer, Serialize};

/// How a run went: the contents of `summary.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The name of the run, from its spec.
    pub name: String,
    /// The version of this library that ran it.
    pub version: String,
    /// Why it ended.
    pub stop: StopReason,
    /// When, in UTC: `2025-11-26T17:53:07Z`; not said by earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<String>,
    /// Steps taken.
    pub steps: u64,
    /// P, the number of parameters.
    pub parameters: u64,
    /// Seconds spent on training, the spectrum left out.
    pub seconds: f64,
    /// Seconds spent on the spectrum.
    pub spectrum_seconds: f64,
    /// Seconds spent on checkpoints, by the process that finished the run.
    #[serde(default)]
    pub checkpoint_seconds: f64,
    /// Checkpoints that this process could not write.
    #[serde(default)]
    pub checkpoints_failed: u64,
    /// Forward-equivalents spent on training, the spectrum left out.
    pub cost: f64,
    /// The loss of the first step; none if its record is lost.
    pub first_loss: Option<f64>,
    /// What runs are compared by: the mean of the last five recorded losses; where gradients are taken elsewhere than at the
    /// parameters that are kept (`schedule-free-*`), the loss of these over all training examples, the L2 term included.
    pub final_loss: Option<f64>,
    /// The smallest recorded loss, a loss at a point where the gradient was taken.
    pub best_loss: Option<f64>,
    /// The best evaluation of the test examples, whose parameters are in `best.safetensors`; absent without evaluations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub best: Option<BestEvaluation>,
    /// How often the tuner met a non-descent direction, negative curvature, ...
    pub events: BTreeMap<String, u64>,
    /// What else is to be said of how it went; nothing of a run that went well, and in files of earlier versions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// Means over all training examples at the end: loss, accuracy, ...
    #[serde(deserialize_with = "without_nulls")]
    pub train: BTreeMap<String, f64>,
    /// The same over the test examples, if there are any.
    #[serde(deserialize_with = "without_nulls")]
    pub test: BTreeMap<String, f64>,
}

impl Summary {
    /// Why nothing was learned, if all steps were taken for nothing.
    pub fn no_progress(&self) -> Option<&Finding> {
        self.findings.iter().find(|finding| finding.is_failure())
    }

    /// Whether the run did what it was asked to, and got somewhere.
    pub fn is_success(&self) -> bool {
        self.stop.is_success() && self.no_progress().is_none()
    }

    /// How it ended, in a few words without advice.
    pub fn ending(&self) -> String {
        match self.no_progress() {
            Some(finding) => finding.name(),
            None => self.stop.to_string().split([':', ';']).next().unwrap_or_default().to_owned(),
        }
    }
}

/// JSON has no NaN: a mean that was none is `null` and left out.
fn without_nulls<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, f64>, D::Error> {
    let means: BTreeMap<String, Option<f64>> = Deserialize::deserialize(deserializer)?;
    Ok(means.into_iter().filter_map(|(name, mean)| Some((name, mean?))).collect())
}

/// The mean of the last five losses (of all, if fewer): what runs are compared by.
pub fn final_loss(losses: &[f64]) -> Option<f64> {
    let last = &losses[losses.len().saturating_sub(5)..];
    if last.is_empty() { None } else { Some(last.iter().sum::<f64>() / last.len() as f64) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_final_loss_is_the_mean_of_the_last_five() {
        assert_eq!(final_loss(&[]), None);
        assert_eq!(final_loss(&[3.0, 1.0]), Some(2.0));
        assert_eq!(final_loss(&[100.0, 1.0, 2.0, 3.0, 4.0, 5.0]), Some(3.0));
    }

    #[test]
    fn means_that_are_none_are_left_out() {
        let text = r#"{"name":"a","version":"0","reason":"","stop":{"reason":"steps_done"},"steps":1,"parameters":1,
            "seconds":1.0,"spectrum_seconds":0.0,"cost":3.0,"first_loss":null,"final_loss":null,"best_loss":null,
            "events":{},"train":{"accuracy":0.5,"loss":null},"test":{}}"#;
        let summary: Summary = serde_json::from_str(text).unwrap();
        assert_eq!(summary.train, BTreeMap::from([("accuracy".to_owned(), 0.5)]));
    }

    #[test]
    fn reasons_round_trip() {
        let reasons = [
            StopReason::StepsDone,
            StopReason::TargetReached { step: 7 },
            StopReason::NoImprovement { step: 9, metric: "loss".to_owned(), best: 0.5, best_step: 7, patience: 2 },
            StopReason::Diverged { step: 7, loss: 1e9, limit: 1e6 },
            StopReason::Hopeless { step: 7, loss: 2.0, limit: 1.5 },
            StopReason::NonFinite { step: 7, probe: "curvature".to_owned() },
            StopReason::Failed { step: 7, error: "steps.jsonl: cannot write".to_owned() },
            StopReason::Interrupted { step: 7 },
        ];
        for reason in reasons {
            let text = serde_json::to_string(&reason).unwrap();
            assert_eq!(serde_json::from_str::<StopReason>(&text).unwrap(), reason, "{text}");
        }
    }
}
