use std::collections::BTreeMap;

/// What a panel shows of one curve.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Trace {
    /// The points of the line, in their order. A NaN, or what has no place on a log scale, leaves a gap.
    pub points: Vec<(f64, f64)>,
    /// What lies round the line: x, the lowest and the highest value there.
    pub band: Vec<(f64, f64, f64)>,
    /// Pale lines beside it.
    pub pale: Vec<Vec<(f64, f64)>>,
    /// Where runs ended by diverging, as crosses.
    pub crosses: Vec<(f64, f64)>,
    /// Points that no line joins.
    pub dots: Vec<(f64, f64)>,
}

impl From<Vec<(f64, f64)>> for Trace {
    fn from(points: Vec<(f64, f64)>) -> Self {
        Self { points, ..Self::default() }
    }
}

impl FromIterator<(f64, f64)> for Trace {
    fn from_iter<I: IntoIterator<Item = (f64, f64)>>(points: I) -> Self {
        Self::from(points.into_iter().collect::<Vec<_>>())
    }
}

/// What one run has to show in a panel.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Readings {
    /// Step, place along the horizontal axis, value; in ascending steps.
    pub of: Vec<(u64, f64, f64)>,
    /// Whether the run ended there by diverging.
    pub diverged: bool,
}

impl Trace {
    /// The mean over runs, one for each seed, with their range as a band: the lowest and the highest value at each step. Places
    /// along the axis are means, too. Mean and band end where the first of the runs ends; those that go on are pale lines from there. A
    /// run that diverged ends in a cross. One run is its own line. Runs without a reading are left out.
    pub fn over_seeds(runs: &[Readings]) -> Self {
        let runs: Vec<&Readings> = runs.iter().filter(|run| !run.of.is_empty()).collect();
        let crosses = runs.iter().filter(|run| run.diverged).filter_map(|run| last_finite(run)).collect();
        let line = |run: &Readings, from: u64| -> Vec<(f64, f64)> {
            run.of.iter().filter(|reading| reading.0 >= from).map(|&(_, x, y)| (x, y)).collect()
        };
        if let [run] = runs[..] {
            return Self { points: line(run, 0), crosses, ..Self::default() };
        }
        let mut at: BTreeMap<u64, Vec<(f64, f64)>> = BTreeMap::new();
        for &(step, x, y) in runs.iter().flat_map(|run| &run.of) {
            at.entry(step).or_default().push((x, y));
        }
        at.retain(|_, readings| readings.len() == runs.len());
        let mean = |values: &mut dyn Iterator<Item = f64>| values.sum::<f64>() / runs.len() as f64;
        let (mut points, mut band) = (Vec::new(), Vec::new());
        for readings in at.values() {
            let x = mean(&mut readings.iter().map(|reading| reading.0));
            points.push((x, mean(&mut readings.iter().map(|reading| reading.1))));
            // A NaN of one run is a gap of the band, too, and not left out as by `f64::min`.
            let gap = readings.iter().any(|reading| !reading.1.is_finite());
            let bound = |from: f64, of: fn(f64, f64) -> f64| {
                if gap { f64::NAN } else { readings.iter().map(|reading| reading.1).fold(from, of) }
            };
            band.push((x, bound(f64::INFINITY, f64::min), bound(f64::NEG_INFINITY, f64::max)));
        }
        let last = at.keys().next_back().copied();
        let goes_on = |run: &&&Readings| run.of.last().is_some_and(|end| last.is_none_or(|last| end.0 > last));
        let pale = runs.iter().filter(goes_on).map(|run| line(run, last.unwrap_or(0))).collect();
        Self { points, band, pale, crosses, dots: Vec::new() }
    }

    /// Every value that it shows, and those of its band and pale lines.
    pub fn values(&self) -> impl Iterator<Item = f64> {
        let band = self.band.iter().flat_map(|&(_, low, high)| [low, high]);
        self.points.iter().chain(self.pale.iter().flatten()).map(|point| point.1).chain(band)
    }

    /// The values of every line of it: its own, the borders of the band, the pale ones.
    pub fn lines(&self) -> Vec<Vec<f64>> {
        let of = |line: &[(f64, f64)]| line.iter().map(|point| point.1).collect();
        let borders =
            [self.band.iter().map(|place| place.1).collect(), self.band.iter().map(|place| place.2).collect()];
        [of(&self.points), of(&self.dots)]
            .into_iter()
            .chain(borders)
            .chain(self.pale.iter().map(|line| of(line)))
            .collect()
    }

    /// Every place along the horizontal axis.
    pub fn places(&self) -> impl Iterator<Item = f64> {
        self.points.iter().chain(self.pale.iter().flatten()).chain(&self.crosses).chain(&self.dots).map(|point| point.0)
    }
}

fn last_finite(run: &Readings) -> Option<(f64, f64)> {
    run.of.iter().rev().find(|reading| reading.2.is_finite()).map(|&(_, x, y)| (x, y))
}

/// How curves are smoothed, reading by reading.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Smoothing {
    /// The average that keeps this share of itself at every reading, over the sum of its weights, so that it starts at the first.
    Exponential(f64),
    /// The mean of the last so many readings.
    Window(usize),
}

impl Smoothing {
    /// A share below 1, or a number of readings from 2.
    pub fn of(number: f64) -> Option<Self> {
        match number {
            share if share > 0.0 && share < 1.0 => Some(Self::Exponential(share)),
            count if count >= 2.0 && count.fract() == 0.0 && count < 1e9 => Some(Self::Window(count as usize)),
            _ => None,
        }
    }

    /// What it is called in a picture.
    pub fn label(self) -> String {
        match self {
            Self::Exponential(share) => format!("exponential average, {share}"),
            Self::Window(count) => format!("mean of the last {count} readings"),
        }
    }

    /// The smoothed readings. What is no number stays as it is, and the average begins anew after it.
    pub fn apply(self, readings: &[(u64, f64, f64)]) -> Vec<(u64, f64, f64)> {
        let (mut sum, mut weight) = (0.0, 0.0);
        let mut begun = 0;
        let smooth = |(index, &(step, x, y)): (usize, &(u64, f64, f64))| {
            if !y.is_finite() {
                (sum, weight, begun) = (0.0, 0.0, index + 1);
                return (step, x, y);
            }
            let value = match self {
                Self::Exponential(share) => {
                    sum = share * sum + (1.0 - share) * y;
                    weight = share * weight + (1.0 - share);
                    sum / weight
                }
                Self::Window(count) => {
                    let from = begun.max((index + 1).saturating_sub(count));
                    readings[from..=index].iter().map(|reading| reading.2).sum::<f64>() / (index + 1 - from) as f64
                }
            };
            (step, x, value)
        };
        readings.iter().enumerate().map(smooth).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn readings(values: &[f64], diverged: bool) -> Readings {
        Readings { of: values.iter().zip(0..).map(|(&y, step)| (step, step as f64, y)).collect(), diverged }
    }

    #[test]
    fn the_mean_ends_where_the_first_run_ends() {
        let runs = [readings(&[1.0, 2.0, 9.0], true), readings(&[3.0, 6.0, 5.0, 4.0, 3.0], false)];
        let trace = Trace::over_seeds(&runs);
        assert_eq!(trace.points, [(0.0, 2.0), (1.0, 4.0), (2.0, 7.0)]);
        assert_eq!(trace.band, [(0.0, 1.0, 3.0), (1.0, 2.0, 6.0), (2.0, 5.0, 9.0)]);
        assert_eq!(trace.pale, [vec![(2.0, 5.0), (3.0, 4.0), (4.0, 3.0)]]);
        assert_eq!(trace.crosses, [(2.0, 9.0)]);
        assert_eq!(trace.values().fold(0.0, f64::max), 9.0);
        assert_eq!(trace.places().fold(0.0, f64::max), 4.0);
    }

    #[test]
    fn what_one_run_lacks_is_a_gap_and_not_left_out() {
        let trace = Trace::over_seeds(&[readings(&[1.0, f64::NAN], false), readings(&[3.0, 5.0], false)]);
        assert!(trace.points[1].1.is_nan() && trace.band[1].1.is_nan() && trace.band[1].2.is_nan());
        // Measured at other steps by one of them: where both were.
        let rare = Readings { of: vec![(0, 0.0, 2.0), (2, 2.0, 4.0)], diverged: false };
        let trace = Trace::over_seeds(&[rare, readings(&[4.0, 0.0, 8.0], false), Readings::default()]);
        assert_eq!(trace.points, [(0.0, 3.0), (2.0, 6.0)]);
        assert!(trace.pale.is_empty() && trace.crosses.is_empty());
    }

    #[test]
    fn one_run_is_its_own_line() {
        let trace = Trace::over_seeds(&[readings(&[1.0, 2.0, f64::NAN], true)]);
        assert_eq!((trace.points.len(), trace.band.len(), trace.crosses), (3, 0, vec![(1.0, 2.0)]));
        // Runs that have no step in common are pale lines, and no mean.
        let later = Readings { of: vec![(9, 9.0, 1.0)], diverged: false };
        let trace = Trace::over_seeds(&[readings(&[1.0], false), later]);
        assert_eq!((trace.points.len(), trace.pale.len()), (0, 2));
    }

    /// Exponential: 8, then (0.5 * 4 + 0.5 * 0.5 * 8 ...) worked by hand over the sums of weights 1/2, 3/4, 7/8.
    #[test]
    fn smoothing_starts_at_the_first_reading() {
        let values = |smoothing: Smoothing, of: &[f64]| -> Vec<f64> {
            smoothing.apply(&readings(of, false).of).into_iter().map(|reading| reading.2).collect()
        };
        assert_eq!(values(Smoothing::Exponential(0.5), &[8.0, 2.0, 2.0]), [8.0, 4.0, 20.0 / 7.0]);
        assert_eq!(values(Smoothing::Window(2), &[8.0, 2.0, 4.0]), [8.0, 5.0, 3.0]);
        let gap = values(Smoothing::Window(3), &[8.0, f64::NAN, 4.0, 2.0]);
        assert!(gap[1].is_nan() && gap[2..] == [4.0, 3.0]);
        assert_eq!(Smoothing::of(0.9), Some(Smoothing::Exponential(0.9)));
        assert_eq!(Smoothing::of(25.0), Some(Smoothing::Window(25)));
        assert!([0.0, 1.0, -1.0, 2.5, f64::NAN].iter().all(|number| Smoothing::of(*number).is_none()));
    }
}
