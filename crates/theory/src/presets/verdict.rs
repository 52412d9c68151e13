use std::fmt;

use crate::{Point, Stop, Trajectory};

/// Something that the paper says of a run, and what the run says.
#[derive(Debug, Clone, PartialEq)]
pub struct Claim {
    /// The label of the run.
    pub curve: String,
    /// What must be seen.
    pub says: &'static str,
    /// What is seen, in numbers.
    pub measured: String,
    /// Whether it is the same.
    pub verdict: Verdict,
}

/// Whether a claim is borne out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is.
    Shown,
    /// In part: as `measured` tells.
    Partly,
    /// It is not.
    NotShown,
}

impl Verdict {
    /// The one of two that is nearer to shown.
    #[must_use]
    pub fn better(self, other: Self) -> Self {
        match (self, other) {
            (Self::Shown, _) | (_, Self::Shown) => Self::Shown,
            (Self::Partly, _) | (_, Self::Partly) => Self::Partly,
            (Self::NotShown, Self::NotShown) => Self::NotShown,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Shown => "shown",
            Self::Partly => "partly",
            Self::NotShown => "not shown",
        })
    }
}

/// Builds the claims about one run; a run that stopped early shows nothing but what it showed until then.
pub struct Judge<'a> {
    label: &'a str,
    points: &'a [Point],
    stop: Stop,
    claims: Vec<Claim>,
}

impl<'a> Judge<'a> {
    /// Of the run called `label`.
    pub fn new(label: &'a str, trajectory: &'a Trajectory) -> Self {
        Self { label, points: &trajectory.points, stop: trajectory.stop, claims: Vec::new() }
    }

    /// What was judged.
    pub fn claims(self) -> Vec<Claim> {
        self.claims
    }

    /// The run must say `says`; `judge` looks at its points, unless it did not come to its end.
    pub fn must(&mut self, says: &'static str, judge: impl FnOnce(&[Point]) -> (Verdict, String)) {
        let (verdict, measured) =
            if self.stop.is_success() { judge(self.points) } else { (Verdict::NotShown, self.stop.to_string()) };
        self.claims.push(Claim { curve: self.label.to_owned(), says, measured, verdict });
    }

    /// The same for what may be seen on the way to a divergence.
    pub fn must_on_the_way(&mut self, says: &'static str, judge: impl FnOnce(&[Point], Stop) -> (Verdict, String)) {
        let (verdict, measured) = judge(self.points, self.stop);
        self.claims.push(Claim { curve: self.label.to_owned(), says, measured, verdict });
    }
}

/// Shown below the first bound, partly below the second.
pub fn below(value: f64, (shown, partly): (f64, f64)) -> Verdict {
    if value < shown {
        Verdict::Shown
    } else if value < partly {
        Verdict::Partly
    } else {
        Verdict::NotShown
    }
}

/// Shown if it holds, else not.
pub fn whether(holds: bool) -> Verdict {
    if holds { Verdict::Shown } else { Verdict::NotShown }
}

/// How a quantity changed over the second half of a run: its mean over the last tenth, over that just before the
/// middle. What grows like the square root of the step gives 1.45, what has settled 1.
pub fn growth(points: &[Point], of: impl Fn(&Point) -> f64) -> f64 {
    let count = points.len();
    let mean = |from: usize, to: usize| points[from..to].iter().map(&of).sum::<f64>() / (to - from) as f64;
    mean(count * 9 / 10, count) / mean(count * 4 / 10, count / 2)
}

/// Four digits.
pub fn digits(value: f64) -> String {
    // Rounding first, so that 0.99999 counts as 1.
    let rounded: f64 = format!("{value:.3e}").parse().unwrap_or(value);
    if rounded == 0.0 {
        "0".to_owned()
    } else if (1e-3..1e5).contains(&rounded.abs()) {
        let before = rounded.abs().log10().floor() as i32;
        format!("{rounded:.*}", usize::try_from(3 - before).unwrap_or(0))
    } else {
        format!("{value:.3e}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_of_known_sequences() {
        let point = |step: usize, lambda: f64| Point { step, eta: 1.0, lambda, y: 0.0, p: 0.0, x: 0.0, q: 0.0 };
        let of = |law: fn(f64) -> f64| {
            let points: Vec<Point> = (0..=10_000).map(|step| point(step, law(step as f64))).collect();
            growth(&points, |point| point.lambda)
        };
        assert_eq!(of(|_| 3.0), 1.0);
        // Means of sqrt(t) over [0.9, 1] and [0.4, 0.5]: (1 - 0.9^1.5) / (0.5^1.5 - 0.4^1.5)
        assert!((of(f64::sqrt) - (1.0 - 0.9f64.powf(1.5)) / (0.5f64.powf(1.5) - 0.4f64.powf(1.5))).abs() < 1e-3);
    }

    #[test]
    fn four_digits() {
        let shown = [0.0, 30.459_12, -0.003_064, 0.999_99, 1e-9, 12_345.6].map(digits);
        assert_eq!(shown, ["0", "30.46", "-0.003064", "1.000", "1.000e-9", "12350"]);
    }
}
