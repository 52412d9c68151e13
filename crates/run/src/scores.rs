//! How well predictions fit: of classes by their confusions, of values in the units of the target.

use onedge_text::table::{Table, number};
use serde::Serialize;

/// How predicted classes and true ones meet.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClassScores {
    /// What they are called, in their order.
    pub classes: Vec<String>,
    /// For each true class how often each was predicted.
    pub confusion: Vec<Vec<u64>>,
    /// Of each class.
    pub scores: Vec<ClassScore>,
    /// The plain means over the classes, in which a score that there is none of counts as 0.
    pub macro_mean: ClassScore,
    /// The means weighted with the support.
    pub weighted_mean: ClassScore,
}

/// Of one class, or of several together.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClassScore {
    /// The share of its predictions that are right; none if it was never predicted.
    pub precision: Option<f64>,
    /// The share of its examples that were found; none if it has no example.
    pub recall: Option<f64>,
    /// `2 TP / (2 TP + FP + FN)`; none if it has neither examples nor predictions.
    pub f1: Option<f64>,
    /// Its examples.
    pub support: u64,
}

/// How far predicted values are from true ones, in the units of the target.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ValueScores {
    /// The mean of `|prediction - target|`.
    pub mean_absolute_error: f64,
    /// The root of the mean of `(prediction - target)^2`.
    pub root_mean_squared_error: f64,
    /// The mean of `prediction - target`.
    pub mean_error: f64,
    /// `1 - sum (prediction - target)^2 / sum (target - mean)^2`; none if the targets are all equal.
    pub r_squared: Option<f64>,
}

impl ClassScores {
    /// Of predicted and true labels, all below the number of `classes`.
    pub fn of(classes: Vec<String>, predicted: &[usize], labels: &[u32]) -> Self {
        let count = classes.len();
        let mut confusion = vec![vec![0u64; count]; count];
        for (predicted, label) in predicted.iter().zip(labels) {
            confusion[*label as usize][*predicted] += 1;
        }
        let share = |part: u64, whole: u64| (whole > 0).then(|| part as f64 / whole as f64);
        let score = |class: usize| {
            let (right, support) = (confusion[class][class], confusion[class].iter().sum());
            let predicted = confusion.iter().map(|row| row[class]).sum();
            let (precision, recall) = (share(right, predicted), share(right, support));
            ClassScore { precision, recall, f1: share(2 * right, predicted + support), support }
        };
        let scores: Vec<ClassScore> = (0..count).map(score).collect();
        let total: u64 = scores.iter().map(|score| score.support).sum();
        let mean = |weight: &dyn Fn(&ClassScore) -> f64| {
            let of = |part: fn(&ClassScore) -> Option<f64>| {
                Some(scores.iter().map(|score| weight(score) * part(score).unwrap_or(0.0)).sum::<f64>())
            };
            ClassScore { precision: of(|s| s.precision), recall: of(|s| s.recall), f1: of(|s| s.f1), support: total }
        };
        let macro_mean = mean(&|_| 1.0 / count as f64);
        let weighted_mean = mean(&|score| score.support as f64 / total as f64);
        Self { classes, confusion, scores, macro_mean, weighted_mean }
    }

    /// Two tables: the scores, and the confusions if there are few enough classes for a line.
    pub fn to_text(&self) -> String {
        self.to_text_within(usize::MAX)
    }

    /// The same in lines of so many characters, as far as it can be had: without the confusion matrix where there is no
    /// room for all of it.
    pub fn to_text_within(&self, width: usize) -> String {
        /// Beyond them a row is longer than a screen is wide.
        const MOST: usize = 12;
        let row = |name: &str, score: &ClassScore| {
            let shown = [score.precision, score.recall, score.f1].map(number);
            [vec![name.to_owned()], shown.to_vec(), vec![score.support.to_string()]].concat()
        };
        let mut rows: Vec<Vec<String>> = self.classes.iter().zip(&self.scores).map(|(name, s)| row(name, s)).collect();
        rows.push(row("macro mean", &self.macro_mean));
        rows.push(row("weighted mean", &self.weighted_mean));
        let headings = ["class", "precision", "recall", "f1", "support"];
        let mut out = Table::new(&headings, &rows).ranked(&[0, 2, 3, 0, 1]).fitted(width);
        let elsewhere = format!("\nconfusion matrix: {0} x {0}, in the JSON\n", self.classes.len());
        if self.classes.len() > MOST {
            return out + &elsewhere;
        }
        let headings: Vec<&str> =
            std::iter::once("true \\ predicted").chain(self.classes.iter().map(String::as_str)).collect();
        let rows: Vec<Vec<String>> = self
            .classes
            .iter()
            .zip(&self.confusion)
            .map(|(name, row)| std::iter::once(name.clone()).chain(row.iter().map(u64::to_string)).collect())
            .collect();
        let matrix = Table::new(&headings, &rows).to_string();
        if matrix.lines().any(|line| line.chars().count() > width) {
            return out + &elsewhere;
        }
        out.push('\n');
        out + &matrix
    }
}

impl ValueScores {
    /// Of one output.
    pub fn of(predictions: &[f64], targets: &[f64]) -> Self {
        let n = targets.len() as f64;
        let errors = || predictions.iter().zip(targets).map(|(prediction, target)| prediction - target);
        let squares: f64 = errors().map(|error| error * error).sum();
        let mean = targets.iter().sum::<f64>() / n;
        let spread: f64 = targets.iter().map(|target| (target - mean).powi(2)).sum();
        Self {
            mean_absolute_error: errors().map(f64::abs).sum::<f64>() / n,
            root_mean_squared_error: (squares / n).sqrt(),
            mean_error: errors().sum::<f64>() / n,
            r_squared: (spread > 0.0).then(|| 1.0 - squares / spread),
        }
    }
}

/// A table of the scores of all outputs.
pub(crate) fn values_to_text(scores: &[ValueScores], width: usize) -> String {
    let row = |(output, score): (usize, &ValueScores)| {
        let shown = [
            Some(score.mean_absolute_error),
            Some(score.root_mean_squared_error),
            Some(score.mean_error),
            score.r_squared,
        ];
        [vec![output.to_string()], shown.map(number).to_vec()].concat()
    };
    let rows: Vec<Vec<String>> = scores.iter().enumerate().map(row).collect();
    let headings = ["output", "mean absolute error", "root mean squared error", "mean error", "r-squared"];
    Table::new(&headings, &rows).ranked(&[0, 2, 0, 3, 1]).fitted(width)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As scikit-learn 1.9 has it: `precision_recall_fscore_support` and `confusion_matrix` of these labels, with
    /// zero_division = 0 in the means.
    #[test]
    fn scores_of_classes_are_those_of_scikit_learn() {
        let names = ["a", "b", "c", "d"].map(str::to_owned).to_vec();
        let labels = [0, 0, 0, 0, 1, 1, 1, 2, 2, 0];
        let predicted = [0, 0, 1, 2, 1, 1, 0, 1, 1, 0];
        let scores = ClassScores::of(names, &predicted, &labels);
        assert_eq!(scores.confusion, [[3, 1, 1, 0], [1, 2, 0, 0], [0, 2, 0, 0], [0, 0, 0, 0]]);
        let read = |score: &ClassScore| (score.precision, score.recall, score.f1, score.support);
        assert_eq!(read(&scores.scores[0]), (Some(0.75), Some(0.6), Some(6.0 / 9.0), 5));
        assert_eq!(read(&scores.scores[1]), (Some(0.4), Some(2.0 / 3.0), Some(0.5), 3));
        assert_eq!(read(&scores.scores[2]), (Some(0.0), Some(0.0), Some(0.0), 2));
        assert_eq!(read(&scores.scores[3]), (None, None, None, 0));
        let near = |one: Option<f64>, other: f64| assert!((one.unwrap() - other).abs() < 1e-12, "{one:?} {other}");
        near(scores.macro_mean.precision, 1.15 / 4.0);
        near(scores.macro_mean.recall, (0.6 + 2.0 / 3.0) / 4.0);
        near(scores.macro_mean.f1, (6.0 / 9.0 + 0.5) / 4.0);
        near(scores.weighted_mean.precision, (5.0 * 0.75 + 3.0 * 0.4) / 10.0);
        near(scores.weighted_mean.recall, 0.5);
        near(scores.weighted_mean.f1, (5.0 * 6.0 / 9.0 + 1.5) / 10.0);
        let text = scores.to_text();
        assert!(
            text.starts_with(
                "class          precision  recall      f1  support\na                 0.7500  0.6000  0.6667        5\n"
            ),
            "{text}"
        );
        assert!(text.contains("\nd                      -       -       -        0\n"), "{text}");
        assert!(text.contains("\ntrue \\ predicted  a  b  c  d\na                 3  1  1  0\n"), "{text}");
    }

    #[test]
    fn wide_confusions_are_left_to_the_json() {
        let names: Vec<String> = (0..13).map(|class| class.to_string()).collect();
        let text = ClassScores::of(names, &[0], &[0]).to_text();
        assert!(text.ends_with("\nconfusion matrix: 13 x 13, in the JSON\n"), "{text}");
    }

    /// Errors 1, -1, 2, 0; targets 1, 2, 3, 6 of mean 3.
    #[test]
    fn scores_of_values_are_what_algebra_says() {
        let scores = ValueScores::of(&[2.0, 1.0, 5.0, 6.0], &[1.0, 2.0, 3.0, 6.0]);
        assert_eq!((scores.mean_absolute_error, scores.mean_error), (1.0, 0.5));
        assert_eq!(scores.root_mean_squared_error, 1.5f64.sqrt());
        assert_eq!(scores.r_squared, Some(1.0 - 6.0 / 14.0));
        assert_eq!(ValueScores::of(&[2.0, 1.0], &[1.0, 1.0]).r_squared, None);
    }
}
