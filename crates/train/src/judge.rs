use std::collections::BTreeMap;

use crate::course::{Course, Moment};
use crate::{Finding, StopReason};

/// What a run left, as [`judge`] looks at it.
#[derive(Debug, Clone)]
pub struct Evidence<'a> {
    /// Its steps, from the first of this run on.
    pub course: &'a Course,
    /// Why it ended.
    pub stop: &'a StopReason,
    /// How often the tuner met what its formula does not provide for: [`Outcome::events`](crate::Outcome::events).
    pub events: &'a [(String, u64)],
    /// Over how many steps it counted; those of a fork may count on from before.
    pub counted_over: u64,
    /// Whether each loss is that of all examples, and not of a mini-batch.
    pub is_full_batch: bool,
    /// Whether it began with random parameters. Others may be at a minimum, where nothing moves.
    pub is_fresh: bool,
    /// How many classes there are to choose from, if the targets are classes or tokens.
    pub classes: Option<usize>,
    /// Means over all training examples at the end.
    pub train: &'a BTreeMap<String, f64>,
}

/// Fewer steps show no trend.
const TREND: usize = 20;
/// Fewer steps may all lie on the plateau that some models begin on.
const PLATEAU: usize = 50;
/// Of the loss: what first-order change counts as none.
const UNMOVED: f64 = 1e-3;
/// Of the loss: what rise counts as one.
const RISE: f64 = 0.01;
/// Of the loss: what a run of fewer than `TREND` steps may rise. The first steps of a good run may overshoot far.
const EARLY_RISE: f64 = 100.0;
/// Of all steps: how many a policy may set.
const OFTEN: f64 = 0.1;
/// Of the first loss: under it everything is fitted.
const FITTED: f64 = 1e-6;

/// What is to be said of a run that took its steps, failures first; nothing of one that did well, that reached its target,
/// was interrupted, or ended with a failure that its reason to stop tells already.
///
/// `loss_at_zero` is asked for the loss over all training examples of all parameters zero, where the losses alone do not show
/// that it went well: for classes that is what guessing costs, and it is the scale by which a rise counts as one, so
/// that a run which begins at fitted parameters may wander about them.
///
/// Losses of mini-batches are noisy. So what a run ended at is the median of its last tenth (of five at least), a rise must
/// exceed three standard deviations (of these or of the first five, whichever is less), and show in the mean over all training examples too. What
/// [hardly moved](Finding::HardlyMoved) is told by steps and gradients alone: the sum of `eta |g| |u|` bounds what they could change
/// to first order. The thresholds are this project's own; good runs of every tuner, model and batch size are told nothing.
pub fn judge(evidence: &Evidence<'_>, loss_at_zero: &mut dyn FnMut() -> Option<f64>) -> Vec<Finding> {
    if !matches!(evidence.stop, StopReason::StepsDone | StopReason::NoImprovement { .. }) {
        return Vec::new();
    }
    let course = evidence.course;
    let losses: Vec<f64> = course.kept().iter().map(|moment| moment.loss).collect();
    let Some(first) = losses.first().copied().filter(|_| course.is_finite()) else {
        return Vec::new();
    };
    let last = median(tail(&losses));
    let run = Run { evidence, course, losses: &losses, first, last };
    let mut findings: Vec<Finding> = run.stood_still().into_iter().collect();
    let fell = first - last.max(evidence.train.get("loss").copied().unwrap_or(last)) > 0.5 * first.abs();
    if findings.is_empty() && (!fell || run.told_apart() == Some(false)) {
        let zero = loss_at_zero().filter(|loss| loss.is_finite()).unwrap_or(0.0);
        let scale = first.abs().max(zero.abs());
        findings.extend(run.hardly_moved(scale).or_else(|| run.guessing(zero)).or_else(|| run.ended_above(scale)));
    }
    if !matches!(findings[..], [Finding::StoodStill { .. }]) {
        let often = run.often();
        // Where a policy of the tuner held it, that is told.
        findings.extend(if often.is_empty() { run.stopped() } else { None });
        findings.extend(often);
    }
    findings.extend(run.oscillated());
    findings
}

struct Run<'a> {
    evidence: &'a Evidence<'a>,
    course: &'a Course,
    /// Those that are kept.
    losses: &'a [f64],
    first: f64,
    last: f64,
}

impl Run<'_> {
    fn steps(&self) -> usize {
        self.course.steps() as usize
    }

    /// One step may have the rate 0 with which warm-ups begin. Where the gradient is zero, too, there is nowhere to go.
    fn stood_still(&self) -> Option<Finding> {
        let still = self.steps() > 1 && self.course.stood_still();
        let drawn = !self.course.knows_gradients() || self.course.largest_gradient() > 1e-5 * self.first.abs();
        let most = self.tuner_events().max_by_key(|(_, times)| *times);
        (still && drawn)
            .then(|| Finding::StoodStill { steps: self.course.steps(), event: most.map(|(event, _)| event.to_owned()) })
    }

    /// The rate was 0 in more than a tenth of the steps, the last ones, though there was a way to go.
    fn stopped(&self) -> Option<Finding> {
        let (still, gradient) = self.course.rest();
        let many = still > 1 && still as f64 > OFTEN * self.steps() as f64;
        let drawn = gradient > 1e-5 * self.first.abs();
        let steps = self.course.end();
        (many && drawn).then(|| Finding::Stopped { from: steps - still, steps })
    }

    fn hardly_moved(&self, scale: f64) -> Option<Finding> {
        let (bound, gradient) = (self.course.bound()?, self.course.largest_gradient());
        let same = !self.evidence.is_full_batch || (self.first - self.last).abs() <= UNMOVED * scale;
        let short = self.evidence.is_fresh && self.steps() >= TREND && bound <= UNMOVED * scale;
        // At a tenth of the loss the second order is still small. A gradient of zero is a plateau, which no rate leaves.
        let longer = 10.0_f64.powf((0.1 * scale / bound).log10().floor());
        (short && same && gradient > 1e-5 * scale && longer.is_finite()).then_some(Finding::HardlyMoved {
            steps: self.steps() as u64,
            first: self.first,
            last: self.last,
            longer,
        })
    }

    /// At what guessing costs in the last quarter, be it that the loss was there before or that it leapt and came down to it.
    /// One that comes down from a poor start may well go on.
    fn guessing(&self, guess: f64) -> Option<Finding> {
        let (classes, n) = (self.evidence.classes?, self.steps());
        let [third, fourth] = self.quarters();
        let near = |loss: f64| (0.99 * guess..=1.05 * guess).contains(&loss);
        let level = n >= PLATEAU && guess > 0.0 && third >= 0.99 * guess && near(fourth) && near(self.last);
        let flat = (third - fourth).abs() <= 0.005 * guess;
        let guesses = self.told_apart().map_or(flat, |told_apart| !told_apart);
        let leapt = self.course.highest() > 2.0 * self.first;
        (level && guesses && (flat || (leapt && third > fourth))).then_some(Finding::Guessing {
            loss: self.last,
            guess,
            classes,
        })
    }

    /// Whether examples are assigned to their classes more often than by chance, by half of that or a tenth of all; `None` if
    /// nothing tells.
    fn told_apart(&self) -> Option<bool> {
        let chance = 1.0 / self.evidence.classes? as f64;
        Some(*self.evidence.train.get("accuracy")? > chance + (0.5 * chance).min(0.1))
    }

    fn ended_above(&self, scale: f64) -> Option<Finding> {
        let Self { first, last, .. } = *self;
        let end = self.evidence.train.get("loss").copied();
        if self.steps() < TREND {
            let end = end?;
            return (end - first > EARLY_RISE * scale).then_some(Finding::EndedAbove { first, last: end });
        }
        let tail = tail(self.losses);
        let error = deviation(tail) / (tail.len() as f64).sqrt();
        let of_first = deviation(tail).min(deviation(self.course.start()));
        let noise = if self.evidence.is_full_batch { 0.0 } else { 3.0 * (of_first + error) };
        let rose = last - first > RISE * scale + noise && end.is_none_or(|end| end - first > RISE * scale);
        rose.then_some(Finding::EndedAbove { first, last })
    }

    fn often(&self) -> Vec<Finding> {
        // Where everything is fitted, slopes and curvatures vanish and rates have no bound: what is then cut harms nobody.
        let [_, fourth] = self.quarters();
        if fourth.abs() < FITTED * self.first.abs() {
            return Vec::new();
        }
        let steps = self.evidence.counted_over;
        let many = |(_, times): &(&str, u64)| self.steps() >= TREND && *times as f64 > OFTEN * steps as f64;
        let often = |(event, times): (&str, u64)| Finding::Often { event: event.to_owned(), times, steps };
        self.tuner_events().filter(many).map(often).collect()
    }

    /// Successive updates point against each other in the second half of the run, are no trifles, and the loss does not fall.
    fn oscillated(&self) -> Option<Finding> {
        let half = &self.course.kept()[self.losses.len() / 2..];
        let measured = |of: fn(&Moment) -> f64| half.iter().map(of).filter(|value| !value.is_nan()).collect();
        let cosines: Vec<f64> = measured(|moment| moment.cosine);
        let [third, fourth] = self.quarters();
        let moves: Vec<f64> = measured(|moment| moment.change);
        let opposed = self.steps() >= 2 * TREND && median(&cosines) < -0.5;
        // Rounding errors of a run that has converged are opposed, too.
        let moving = median(&moves) > 0.01 * fourth.abs() && fourth.abs() > 1e-3 * self.first.abs();
        (opposed && moving && fourth > 0.98 * third).then_some(Finding::Oscillated { loss: fourth })
    }

    /// The mean losses of the third and the last quarter of the run.
    fn quarters(&self) -> [f64; 2] {
        let quarter = (self.losses.len() / 4).max(1);
        let (before, fourth) = self.losses.split_at(self.losses.len() - quarter);
        let third = &before[before.len().saturating_sub(quarter)..];
        [third, fourth].map(|losses| losses.iter().sum::<f64>() / losses.len() as f64)
    }

    /// What the tuner counted. Measurements that did not converge are no affair of its, and curvatures are predicted only where that was asked for.
    fn tuner_events(&self) -> impl Iterator<Item = (&str, u64)> {
        const OTHERS: [&str; 2] = ["unconverged_measurements", "predicted"];
        let counted = |(event, times): &&(String, u64)| *times > 0 && !OTHERS.contains(&event.as_str());
        self.evidence.events.iter().filter(counted).map(|(event, times)| (&event[..], *times))
    }
}

/// The last tenth, five at least.
fn tail(losses: &[f64]) -> &[f64] {
    &losses[losses.len() - (losses.len() / 10).max(5).min(losses.len())..]
}

/// The standard deviation.
fn deviation(losses: &[f64]) -> f64 {
    let n = losses.len() as f64;
    let mean = losses.iter().sum::<f64>() / n;
    (losses.iter().map(|loss| (loss - mean).powi(2)).sum::<f64>() / (n - 1.0).max(1.0)).sqrt()
}

/// NaN of nothing.
fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        n => (sorted[(n - 1) / 2] + sorted[n / 2]) / 2.0,
    }
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
