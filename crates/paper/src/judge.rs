//! What figures must show, judged by numbers. Every threshold is read from the text of its claim.

use onedge_theory::presets::Verdict;

use super::claim::{Claim, Seen};
use super::results::{Results, mean};
use onedge_sweep::compare::{Group, Point};
use onedge_text::numbers::plus_minus;
use onedge_text::table::number;

/// The claims of a figure, as they are made.
#[derive(Debug, Default)]
pub struct Judge {
    claims: Vec<Claim>,
}

impl Judge {
    /// Of `what` (a problem, perhaps with a rule) it is said that `says`; it is so, by these numbers, or not.
    pub fn claim(&mut self, what: &str, says: &'static str, seen: Seen) {
        let Seen { verdict, measured, value } = seen;
        self.claims.push(Claim { curve: what.to_owned(), says, measured, verdict, value, seeds: None });
    }

    /// What was judged.
    pub fn claims(self) -> Vec<Claim> {
        self.claims
    }
}

/// The numbers in the text of a claim, in their order: the thresholds by which it is judged, so that text and judgement cannot differ.
///
/// # Panics
/// If there are not so many.
pub fn limits<const N: usize>(says: &str) -> [f64; N] {
    let part = |c: char| c.is_ascii_digit() || c == '.' || c == '-';
    let numbers = says.split(|c| !part(c)).filter_map(|token| token.trim_end_matches('.').parse().ok());
    let found: Vec<f64> = numbers.collect();
    <[f64; N]>::try_from(found).unwrap_or_else(|found| panic!("{says}: expected {N} numbers, got {found:?}"))
}

/// The verdict on a figure: shown if every claim is, not shown if none is even in part.
pub fn overall(claims: &[Claim]) -> Verdict {
    let all = |verdict| claims.iter().all(|claim| claim.verdict == verdict);
    if all(Verdict::Shown) {
        Verdict::Shown
    } else if all(Verdict::NotShown) {
        Verdict::NotShown
    } else {
        Verdict::Partly
    }
}

/// Shown if it holds, else not.
pub fn whether(holds: bool) -> Verdict {
    if holds { Verdict::Shown } else { Verdict::NotShown }
}

/// Shown if the first holds, partly if only the second does.
pub fn graded(shown: bool, partly: bool) -> Verdict {
    match (shown, partly) {
        (true, _) => Verdict::Shown,
        (false, true) => Verdict::Partly,
        (false, false) => Verdict::NotShown,
    }
}

/// What could not be judged, as nothing was measured or every run failed.
pub fn unknown(why: &str) -> Seen {
    Seen::bare(Verdict::NotShown, why.to_owned())
}

/// How the end of one series compares with that of another.
#[derive(Debug, Clone, PartialEq)]
pub struct Ends {
    /// The mean final loss of the first over that of the second; infinite if the first failed, 0 if the second did.
    pub ratio: f64,
    /// The same seed by seed.
    pub by_seed: Vec<f64>,
    text: String,
}

impl Ends {
    /// Whether every seed says more than `ratio`.
    pub fn all_above(&self, ratio: f64) -> bool {
        self.by_seed.iter().all(|own| *own > ratio) && self.ratio > ratio
    }

    /// Whether every seed says less than `ratio`.
    pub fn all_below(&self, ratio: f64) -> bool {
        self.by_seed.iter().all(|own| *own < ratio) && self.ratio < ratio
    }

    /// The numbers with this verdict: means with standard errors, and their ratio.
    pub fn seen(&self, verdict: Verdict) -> Seen {
        Seen::of(verdict, self.text.clone(), self.ratio)
    }
}

/// Compares the best points of two series on a problem; `None` if neither came to its end, or there is none.
pub fn ends(results: &Results, problem: &str, first: &str, second: &str) -> Option<Ends> {
    let groups = [results.group(problem, first)?, results.group(problem, second)?];
    let ends = compare(results.best(problem, first), results.best(problem, second))?;
    let text = format!("{} against {}{}", end_of(groups[0]), end_of(groups[1]), times(ends.ratio));
    Some(Ends { text, ..ends })
}

/// Compares the ends of two points; `None` for one that failed.
pub fn compare(first: Option<&Point>, second: Option<&Point>) -> Option<Ends> {
    let ratio = match (loss(first), loss(second)) {
        (Some(first), Some(second)) => first / second,
        (None, Some(_)) => f64::INFINITY,
        (Some(_), None) => 0.0,
        (None, None) => return None,
    };
    let by_seed = match (first, second) {
        (Some(first), Some(second)) => {
            let pairs = first.runs.iter().zip(&second.runs);
            pairs.filter_map(|(a, b)| Some(a.summary.final_loss? / b.summary.final_loss?)).collect()
        }
        _ => Vec::new(),
    };
    Some(Ends { ratio, by_seed, text: format!("{} against {}{}", end(first), end(second), times(ratio)) })
}

fn times(ratio: f64) -> String {
    if ratio.is_finite() && ratio > 0.0 { format!(", {} times", number(Some(ratio))) } else { String::new() }
}

fn loss(point: Option<&Point>) -> Option<f64> {
    point?.final_loss()
}

/// The mean final loss of a point with its standard error, as text.
pub fn end(point: Option<&Point>) -> String {
    let Some(loss) = loss(point) else { return "all diverged".to_owned() };
    plus_minus(loss, point.and_then(Point::standard_error))
}

/// The same of the best point of a grid; or with how many seeds even that diverged which did so with the fewest.
pub fn end_of(group: &Group) -> String {
    if let Some(best) = group.best() {
        return end(Some(&group.points[best]));
    }
    let lost = |point: &Point| point.runs.iter().filter(|run| !run.summary.stop.is_success()).count();
    let fewest = group.points.iter().min_by_key(|point| lost(point));
    match fewest.map(|point| (lost(point), point.runs.len())) {
        Some((lost, of)) if (1..of).contains(&lost) => format!("diverged with {lost} of {of} seeds"),
        _ => end(None),
    }
}

/// The mean over the runs of a point of what each of them says; `None` if none says anything.
pub fn over_seeds(point: &Point, of: impl Fn(&onedge_run::Finished) -> Option<f64>) -> Option<f64> {
    mean(&point.runs.iter().filter_map(of).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::super::results::samples::{diverged, falling, series};
    use super::*;

    #[test]
    fn thresholds_are_read_from_the_text() {
        assert_eq!(limits("ends above 1.5 times the loss, every seed (partly: -0.5, 80 %)."), [1.5, -0.5, 80.0]);
        assert_eq!(limits("from 1 to 2."), [1.0, 2.0]);
        assert_eq!(limits("on-edge rates - none at all"), [0.0; 0]);
        assert!(std::panic::catch_unwind(|| limits::<2>("above 1.5")).is_err());
    }

    #[test]
    fn ends_are_compared_seed_by_seed() {
        let results = Results {
            series: vec![
                series("a", "greedy", vec![falling(0.4), falling(0.8)]),
                series("a", "constant", vec![falling(0.1), falling(0.2)]),
                series("a", "far", vec![diverged()]),
                series("a", "now and then", vec![diverged(), falling(0.1)]),
            ],
        };
        let found = ends(&results, "a", "greedy", "constant").unwrap();
        assert!((found.ratio - 4.0).abs() < 1e-12 && found.all_above(3.9) && !found.all_above(4.1));
        let seen = found.seen(Verdict::Shown);
        assert_eq!(seen.measured, "0.6 ± 0.2 against 0.15 ± 0.05, 4.000 times");
        assert!((seen.value.unwrap() - 4.0).abs() < 1e-12);
        let far = ends(&results, "a", "far", "constant").unwrap();
        assert!(far.all_above(100.0) && !far.all_below(100.0));
        assert_eq!(far.seen(Verdict::Shown).measured, "all diverged against 0.15 ± 0.05");
        let some = ends(&results, "a", "now and then", "constant").unwrap();
        assert_eq!(some.seen(Verdict::Shown).measured, "diverged with 1 of 2 seeds against 0.15 ± 0.05");
        assert!(ends(&results, "a", "far", "far").is_none() && ends(&results, "b", "far", "greedy").is_none());
    }

    #[test]
    fn a_figure_is_shown_if_all_of_it_is() {
        let claims = |verdicts: &[Verdict]| {
            let mut judge = Judge::default();
            verdicts.iter().for_each(|verdict| judge.claim("a", "holds", Seen::bare(*verdict, String::new())));
            judge.claims()
        };
        let (shown, partly, not) = (Verdict::Shown, Verdict::Partly, Verdict::NotShown);
        for (verdicts, expected) in
            [(&[shown, shown][..], shown), (&[shown, not], partly), (&[partly, not], partly), (&[not, not], not)]
        {
            assert_eq!(overall(&claims(verdicts)), expected);
        }
        assert_eq!((graded(true, true), graded(false, true), graded(false, false)), (shown, partly, not));
    }
}
