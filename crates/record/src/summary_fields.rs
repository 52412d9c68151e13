/// The fields of `summary.json`, each with what it is in one line.
pub const SUMMARY: &[(&str, &str)] = &[
    ("name", "the name of the run, from its spec"),
    ("version", "the version of onedge that ran it"),
    ("stop", "why it ended: a reason, and what belongs to it"),
    ("ended", "when, in UTC"),
    ("steps", "steps taken"),
    ("parameters", "how many parameters the model has"),
    ("seconds", "spent on training, diagnostics left out"),
    ("spectrum_seconds", "spent on diagnostics"),
    ("checkpoint_seconds", "spent on checkpoints, by the process that finished the run"),
    ("checkpoints_failed", "checkpoints that this process could not write"),
    ("cost", "evaluations of the loss spent on training, diagnostics left out"),
    ("first_loss", "the loss of the first step; absent if its record is lost"),
    (
        "final_loss",
        "the mean of the last five recorded losses, of schedule-free optimizers the loss of what is kept: what runs are compared by",
    ),
    ("best_loss", "the smallest recorded loss"),
    ("best", "the best evaluation of the test examples: its step, metric and value"),
    ("events", "how often the tuner met what its formula does not provide for, by name"),
    ("findings", "what else is to be said of how it went"),
    ("train", "means over all training examples at the end: loss, accuracy, ..."),
    ("test", "the same over the test examples"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BestEvaluation, Finding, StopReason, Summary};

    #[test]
    fn every_field_is_said_once() {
        let summary = Summary {
            name: String::new(),
            version: String::new(),
            stop: StopReason::StepsDone,
            ended: Some(String::new()),
            steps: 1,
            parameters: 1,
            seconds: 1.0,
            spectrum_seconds: 1.0,
            checkpoint_seconds: 1.0,
            checkpoints_failed: 1,
            cost: 1.0,
            first_loss: Some(1.0),
            final_loss: Some(1.0),
            best_loss: Some(1.0),
            best: Some(BestEvaluation { step: 1, metric: String::new(), value: 1.0 }),
            events: [(String::new(), 1)].into(),
            findings: vec![Finding::Oscillated { loss: 1.0 }],
            train: [(String::new(), 1.0)].into(),
            test: [(String::new(), 1.0)].into(),
        };
        let serde_json::Value::Object(fields) = serde_json::to_value(summary).unwrap() else { panic!() };
        let mut known: Vec<&str> = SUMMARY.iter().map(|(name, _)| *name).collect();
        known.sort_unstable();
        let mut written: Vec<&str> = fields.keys().map(String::as_str).collect();
        written.sort_unstable();
        assert_eq!(known, written);
    }
}
