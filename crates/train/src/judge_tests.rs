use super::*;
use crate::Record;

const GUESS: f64 = std::f64::consts::LN_10;

/// A run of classes on the full batch, from random parameters.
struct Made {
    records: Vec<Record>,
    stop: StopReason,
    events: Vec<(String, u64)>,
    train: BTreeMap<String, f64>,
    is_full_batch: bool,
    is_fresh: bool,
    classes: usize,
}

impl Made {
    fn new(losses: impl IntoIterator<Item = f64>) -> Self {
        let record = |(step, loss)| Record {
            step,
            loss,
            learning_rate: 0.1,
            gradient_norm: Some(1.0),
            update_norm: Some(1.0),
            update_cosine: (step > 0).then_some(0.5),
            ..Record::default()
        };
        Self {
            records: (0..).zip(losses).map(record).collect(),
            stop: StopReason::StepsDone,
            events: Vec::new(),
            train: BTreeMap::new(),
            is_full_batch: true,
            is_fresh: true,
            classes: 10,
        }
    }

    fn each(mut self, change: impl Fn(&mut Record)) -> Self {
        self.records.iter_mut().for_each(change);
        self
    }

    fn judge(&self) -> Vec<Finding> {
        let evidence = Evidence {
            course: &self.records.iter().collect(),
            stop: &self.stop,
            events: &self.events,
            counted_over: self.records.len() as u64,
            is_full_batch: self.is_full_batch,
            is_fresh: self.is_fresh,
            classes: Some(self.classes),
            train: &self.train,
        };
        judge(&evidence, &mut || Some((self.classes as f64).ln()))
    }

    fn names(&self) -> Vec<String> {
        self.judge().iter().map(Finding::name).collect()
    }
}

fn falling(steps: usize) -> impl Iterator<Item = f64> {
    (0..steps).map(|step| 2.4 * 0.97_f64.powi(step as i32))
}

/// Between -1 and 1, without a pattern.
fn noise(step: usize) -> f64 {
    let bits = (step as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ((bits ^ (bits >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
}

#[test]
fn good_runs_are_told_nothing() {
    for steps in [0, 1, 2, 3, 10, 20, 50, 400] {
        assert!(Made::new(falling(steps)).judge().is_empty(), "{steps}");
    }
    // Down at once, then noise around the floor of mini-batches.
    let noisy = |step: usize| if step == 0 { 2.4 } else { 0.8 + 0.5 * noise(step) };
    let made = Made { is_full_batch: false, ..Made::new((0..300).map(noisy)) };
    assert!(made.judge().is_empty(), "{:?}", made.judge());
    // A first mini-batch that happens to be easy.
    let easy = |step: usize| if step == 0 { 1.9 } else { 2.0 + 0.3 * noise(step) };
    let made = Made { is_full_batch: false, ..Made::new((0..300).map(easy)) };
    assert!(made.judge().is_empty(), "{:?}", made.judge());
    // Slowly, but downwards: no longer at what guessing costs.
    let slow = |step: usize| GUESS - 3e-4 * step as f64;
    assert!(Made::new((0..100).map(slow)).judge().is_empty());
    // Up and down on the edge, and downwards.
    let edge = |step: usize| 2.4 * 0.98_f64.powi(step as i32) * if step.is_multiple_of(2) { 1.0 } else { 0.8 };
    let made = Made::new((0..200).map(edge)).each(|record| record.update_cosine = Some(-0.95));
    assert!(made.judge().is_empty(), "{:?}", made.judge());
}

#[test]
fn runs_that_begin_at_a_minimum_are_told_nothing() {
    // Exactly there: no gradient, and tuners that look at the slope give the rate 0.
    let rest = |record: &mut Record| (record.gradient_norm, record.update_norm) = (Some(0.0), Some(0.0));
    assert!(Made::new([0.3; 60]).each(rest).judge().is_empty());
    let made = Made::new([0.3; 60]).each(rest).each(|record| record.learning_rate = 0.0);
    assert!(made.judge().is_empty());
    // Nearly there, from given parameters: gradients are small, and the loss moves within rounding.
    let near = |record: &mut Record| (record.gradient_norm, record.update_norm) = (Some(1e-4), Some(1e-4));
    let made = Made { is_fresh: false, ..Made::new([0.3; 60]).each(near) };
    assert!(made.judge().is_empty());
    // Fitted: many times the first loss is still next to nothing.
    let made = Made { is_fresh: false, ..Made::new((0..60).map(|step| 1e-6 * (1.0 + step as f64))) };
    assert!(made.judge().is_empty());
}

#[test]
fn other_endings_speak_for_themselves() {
    let bad = || Made::new((0..100).map(|step| 2.4 + 0.1 * step as f64));
    assert_eq!(bad().names(), ["no progress: ended above its start"]);
    for stop in [
        StopReason::TargetReached { step: 100 },
        StopReason::Interrupted { step: 100 },
        StopReason::Diverged { step: 100, loss: 1e9, limit: 1e5 },
    ] {
        assert!(Made { stop, ..bad() }.judge().is_empty());
    }
}

#[test]
fn a_rate_of_zero() {
    let still = || Made::new([2.4; 30]).each(|record| record.learning_rate = 0.0);
    assert_eq!(still().judge(), [Finding::StoodStill { steps: 30, event: None }]);
    let events = vec![("capped".to_owned(), 1), ("non_descent".to_owned(), 29)];
    let made = Made { events, ..still() };
    assert_eq!(made.judge(), [Finding::StoodStill { steps: 30, event: Some("non_descent".to_owned()) }]);
    // The first step of a warm-up.
    assert!(Made::new([2.4]).each(|record| record.learning_rate = 0.0).judge().is_empty());
}

#[test]
fn steps_that_are_too_short() {
    // Together they change the loss by 50 * 1e-5 at most, a 5,000th of it; a tenth would be 480 times as much.
    let made = Made::new((0..50).map(|step| 2.4 - 1e-5 * step as f64)).each(|record| record.learning_rate = 1e-5);
    let [Finding::HardlyMoved { steps: 50, first: 2.4, longer: 100.0, .. }] = made.judge()[..] else {
        panic!("{:?}", made.judge())
    };
    // In mini-batches the losses show nothing of it.
    let noisy = (0..50).map(|step| 2.4 + 0.3 * noise(step));
    let made = Made { is_full_batch: false, ..Made::new(noisy).each(|record| record.learning_rate = 1e-5) };
    assert_eq!(made.names(), ["no progress: steps too short"]);
}

#[test]
fn losses_of_classes_at_what_guessing_costs() {
    let dead = |step: usize| if step < 10 { 2.4 + 3.0 * step as f64 } else { GUESS + 1e-3 * noise(step) };
    let made = Made::new((0..100).map(dead));
    let [Finding::Guessing { guess: GUESS, classes: 10, .. }] = made.judge()[..] else { panic!("{:?}", made.judge()) };
    // A third of the examples are told apart: it learns, if slowly.
    let train = BTreeMap::from([("accuracy".to_owned(), 0.33)]);
    assert!(Made { train, ..Made::new((0..100).map(dead)) }.judge().is_empty());
    assert!(Made::new((0..40).map(dead)).judge().is_empty(), "too few steps");
    // Of two classes: 62 % is more than chance, 55 % is not.
    let coin = |share| Made {
        train: BTreeMap::from([("accuracy".to_owned(), share)]),
        classes: 2,
        ..Made::new((0..100).map(|step| 2.0_f64.ln() + 1e-3 * noise(step)))
    };
    assert!(coin(0.62).judge().is_empty());
    assert_eq!(coin(0.55).names(), ["no progress: guesses"]);
    // After a leap, still on its way down to it; a run that goes on from there tells some classes apart.
    let late = |step: usize| if step < 5 { GUESS } else { GUESS * (1.0 + 4.0 * 0.94_f64.powi(step as i32 - 5)) };
    let telling =
        |share| Made { train: BTreeMap::from([("accuracy".to_owned(), share)]), ..Made::new((0..100).map(late)) };
    assert_eq!(telling(0.1).names(), ["no progress: guesses"]);
    assert_eq!(telling(0.3).names(), ["no progress: ended above its start"]);
    // From a poor start it comes down without a leap.
    let slow = Made::new((0..100).map(|step| GUESS * (1.0 + 0.9 * 0.96_f64.powi(step))));
    let train = BTreeMap::from([("accuracy".to_owned(), 0.1)]);
    assert!(Made { train, ..slow }.judge().is_empty());
}

#[test]
fn losses_above_the_first() {
    let grown = |step: usize| 2.4 + 0.01 * step as f64;
    assert_eq!(Made::new((0..100).map(grown)).names(), ["no progress: ended above its start"]);
    // Far above, however noisy it is there.
    let wild = |step: usize| if step < 20 { 2.3 } else { 11.0 + 6.0 * noise(step) };
    let made = Made { is_full_batch: false, ..Made::new((0..200).map(wild)) };
    assert_eq!(made.names(), ["no progress: ended above its start"]);
    // One leap near the end is none, nor what the mean over all examples does not show.
    let leap = |step: usize| if step == 95 { 80.0 } else { 1.0 - 1e-3 * step as f64 };
    assert!(Made::new((0..100).map(leap)).judge().is_empty());
    let train = BTreeMap::from([("loss".to_owned(), 2.0)]);
    assert!(Made { train, ..Made::new((0..100).map(grown)) }.judge().is_empty());
    // Few steps may rise, but not a hundred times as high.
    let after = |loss| Made { train: BTreeMap::from([("loss".to_owned(), loss)]), ..Made::new([2.4, 2.6, 2.7]) };
    assert!(after(70.0).judge().is_empty());
    assert_eq!(after(300.0).judge(), [Finding::EndedAbove { first: 2.4, last: 300.0 }]);
}

#[test]
fn policies_that_set_more_than_a_tenth_of_the_rates() {
    let counted = |times| Made {
        events: ["capped", "unconverged_measurements", "predicted"]
            .map(str::to_owned)
            .into_iter()
            .zip([times, 50, 60])
            .collect(),
        ..Made::new(falling(100))
    };
    assert!(counted(10).judge().is_empty());
    assert_eq!(counted(11).judge(), [Finding::Often { event: "capped".to_owned(), times: 11, steps: 100 }]);
    let few = Made { events: vec![("capped".to_owned(), 3)], ..Made::new(falling(3)) };
    assert!(few.judge().is_empty());
}

/// Where everything is fitted, rates have no bound and what is cut harms nobody.
#[test]
fn what_is_cut_once_all_is_fitted_is_no_matter() {
    let fitted = Made { events: vec![("capped".to_owned(), 60)], ..Made::new((0..100).map(|step| 0.5_f64.powi(step))) };
    assert_eq!(fitted.judge(), []);
}

#[test]
fn to_and_fro() {
    let swing = |step: usize| if step.is_multiple_of(2) { 1.0 } else { 0.5 };
    let made = Made::new((0..80).map(|step| if step == 0 { 2.4 } else { swing(step) }))
        .each(|record| record.update_cosine = Some(-0.99));
    assert_eq!(made.judge(), [Finding::Oscillated { loss: 0.75 }]);
    // From side to side of a valley, at the same height; and at its bottom, where only rounding is left.
    let made = Made::new((0..80).map(|step| if step == 0 { 2.4 } else { 1.0 }))
        .each(|record| record.update_cosine = Some(-0.99));
    assert_eq!(made.judge(), [Finding::Oscillated { loss: 1.0 }]);
    assert!(made.each(|record| record.gradient_norm = Some(1e-6)).judge().is_empty());
}

#[test]
fn steps_at_rate_0_at_the_end_are_told() {
    let ended = |from: u64| {
        move |record: &mut Record| {
            if record.step >= from {
                record.learning_rate = 0.0;
            }
        }
    };
    let made = Made::new(falling(50).map(|loss| loss.max(1.0))).each(ended(30));
    assert_eq!(made.judge(), [Finding::Stopped { from: 30, steps: 50 }]);
    assert!(!made.judge()[0].is_failure());
    assert!(Made::new(falling(50)).each(ended(45)).judge().is_empty(), "a tenth is no more than a schedule's end");
    // Where the gradient is zero there is nowhere to go.
    let at_rest = Made::new(falling(50)).each(ended(30)).each(|record| {
        if record.step >= 30 {
            record.gradient_norm = Some(0.0);
        }
    });
    assert!(at_rest.judge().is_empty());
}
