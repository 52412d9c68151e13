//! What is learned of a column of numbers.

use super::Table;
use crate::Precision;

/// The numbers of some rows of a column, by which they are told from each other.
pub struct Spread {
    /// In ascending order, each once.
    distinct: Vec<f64>,
}

/// What rounding does to the numbers of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// It tells most of them apart still.
    Apart,
    /// So many are left of so many, at most half.
    Few {
        /// How many there were.
        of: usize,
        /// How many there are.
        left: usize,
    },
}

impl Spread {
    /// Of numbers that are finite.
    pub fn of(numbers: impl Iterator<Item = f64>) -> Self {
        // Zero has two signs, which differ in no way that matters.
        let mut distinct: Vec<f64> = numbers.map(|x| x + 0.0).collect();
        distinct.sort_unstable_by(f64::total_cmp);
        distinct.dedup();
        distinct.shrink_to_fit();
        Self { distinct }
    }

    /// How many numbers there are.
    pub fn count(&self) -> usize {
        self.distinct.len()
    }

    /// The smallest and the largest number; none of no numbers.
    pub fn range(&self) -> Option<(f64, f64)> {
        Some((*self.distinct.first()?, *self.distinct.last()?))
    }

    /// Whether they are `0, 1, ..` or `1, 2, ..`, so many.
    pub fn counts_up_to(&self, rows: usize) -> bool {
        let in_a_row = |(place, x): (usize, &f64)| *x == self.distinct[0] + place as f64;
        self.count() == rows
            && rows > 0
            && (self.distinct[0] == 0.0 || self.distinct[0] == 1.0)
            && self.distinct.iter().enumerate().all(in_a_row)
    }

    /// Whether all of them are whole numbers.
    pub fn is_whole(&self) -> bool {
        self.distinct.iter().all(|x| x.fract() == 0.0)
    }

    /// What is left of them by `change`, which must be monotone, in a precision.
    pub fn told(&self, precision: Precision, change: impl Fn(f64) -> f64) -> Told {
        let held = |&x: &f64| match precision {
            Precision::Single => f64::from(change(x) as f32),
            Precision::Double => change(x),
        };
        let mut left: Vec<f64> = self.distinct.iter().map(held).collect();
        left.dedup();
        match (self.count(), left.len()) {
            (of, left) if of > 1 && 2 * left <= of => Told::Few { of, left },
            _ => Told::Apart,
        }
    }
}

/// The most that rounding may move a number, in standard deviations of its column, before it is kept in double precision.
/// Ours: far below what a network tells apart, and numbers of up to seven digits are read as they always were.
const COARSE: f64 = 1e-4;

/// Whether single precision is too coarse for numbers that are to be standardised.
pub fn is_coarse(numbers: &[f64]) -> bool {
    let largest = numbers.iter().fold(0.0f64, |largest, x| largest.max(x.abs()));
    let (_, deviation) = moments(numbers);
    // A number is rounded by half a unit of its last place at most: 2^-24 of it, or 2^-150 if it is tiny.
    let rounding = (largest * f64::from(f32::EPSILON) / 2.0).max(2f64.powi(-150));
    let beyond = largest > f64::from(f32::MAX);
    numbers.iter().any(|&x| x != numbers[0]) && (beyond || rounding > COARSE * deviation)
}

/// Mean and population deviation, in two passes for accuracy; a deviation of zero is given as one.
///
/// The squares of very large and very small numbers are out of the range of double precision: those are brought near 1 first.
pub fn moments(numbers: &[f64]) -> (f64, f64) {
    let Some(&first) = numbers.first() else { return (0.0, 1.0) };
    // The mean of equal numbers need not be one of them to the last bit.
    if numbers.iter().all(|&x| x == first) {
        return (first, 1.0);
    }
    let (mean, square) = sums(numbers.iter().copied());
    if mean.is_finite() && square.is_finite() && square > f64::MIN_POSITIVE {
        return (mean, (square / numbers.len() as f64).sqrt());
    }
    let largest = numbers.iter().fold(0.0f64, |largest, x| largest.max(x.abs()));
    // A power of two, so that nothing is rounded.
    let unit = largest.log2().floor().exp2();
    let (mean, square) = sums(numbers.iter().map(|x| x / unit));
    let deviation = (square / numbers.len() as f64).sqrt() * unit;
    (mean * unit, if deviation > 0.0 { deviation } else { 1.0 })
}

/// The mean, and the sum of the squares of what numbers differ from it.
fn sums(numbers: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let (mut count, mut mean) = (0.0, 0.0);
    for x in numbers.clone() {
        count += 1.0;
        mean += x;
    }
    mean /= count;
    (mean, numbers.fold(0.0, |square, x| square + (x - mean).powi(2)))
}

/// The middle number, or the mean of the two in the middle.
pub fn median(numbers: &[f64]) -> f64 {
    let mut sorted = numbers.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let half = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[half] } else { sorted[half - 1] / 2.0 + sorted[half] / 2.0 }
}

/// Two cells of a column that are different whole numbers and one number in double precision, if its `rows` hold nothing else.
pub fn beyond_double(table: &Table, rows: &[usize], column: usize) -> Option<[i128; 2]> {
    let whole = |row: usize| table.cell(row, column).trim().parse::<i128>().ok();
    let first = whole(*rows.first()?)?;
    rows.iter().find_map(|&row| whole(row).filter(|&other| other != first)).map(|other| [first, other])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle() {
        assert_eq!(median(&[5.0, 1.0, 3.0]), 3.0);
        assert_eq!(median(&[5.0, 1.0, 4.0, 3.0]), 3.5);
        assert_eq!(median(&[f64::MAX, f64::MAX]), f64::MAX);
    }

    /// -u and 3 u have the mean u and the deviation 2 u, whatever the unit.
    #[test]
    fn moments_of_any_size() {
        for unit in [1.0, 1e60, 3e-200, 1e-320, 5e307] {
            let (mean, deviation) = moments(&[-unit, 3.0 * unit]);
            assert!((mean / unit - 1.0).abs() < 1e-3 && (deviation / unit - 2.0).abs() < 1e-3, "{unit}");
            if unit > 1e-300 {
                assert!((mean / unit - 1.0).abs() < 1e-15 && (deviation / unit - 2.0).abs() < 1e-15, "{unit}");
            }
        }
        // Three times 0.1 is 0.30000000000000004.
        assert_eq!(moments(&[0.1, 0.1, 0.1]), (0.1, 1.0));
        assert_eq!(moments(&[]), (0.0, 1.0));
    }

    #[test]
    fn what_single_precision_cannot_hold_is_coarse() {
        let times = [1_700_000_000.0, 1_700_000_060.0];
        for numbers in [times, [1e-50, 2e-50], [1e60, -1e60], [1.0, 1.0 + 1e-6]] {
            assert!(is_coarse(&numbers), "{numbers:?}");
        }
        for numbers in [[0.1, 0.2], [1e30, 2e30], [1e-30, 2e-30], [1e60, 1e60]] {
            assert!(!is_coarse(&numbers), "{numbers:?}");
        }
    }

    #[test]
    fn numbers_beside_a_far_larger_one_are_no_longer_told_apart() {
        let spread = Spread::of([1.0, 2.0, 4.0, 2.0, 3.0, 1e12].into_iter());
        assert_eq!((spread.count(), spread.range()), (5, Some((1.0, 1e12))));
        let (mean, deviation) = moments(&[1.0, 2.0, 4.0, 2.0, 3.0, 1e12]);
        let scaled = |x: f64| (x - mean) / deviation;
        assert_eq!(spread.told(Precision::Single, scaled), Told::Few { of: 5, left: 2 });
        assert_eq!(spread.told(Precision::Double, scaled), Told::Apart);
        assert_eq!(Spread::of([0.0, -0.0].into_iter()).count(), 1);
        assert_eq!(Spread::of([0.0, 1e-60].into_iter()).told(Precision::Single, |x| x), Told::Few { of: 2, left: 1 });
    }

    #[test]
    fn rows_that_are_counted() {
        let counts = |numbers: &[f64]| Spread::of(numbers.iter().copied()).counts_up_to(numbers.len());
        assert!(counts(&[3.0, 1.0, 2.0]) && counts(&[0.0, 1.0]));
        assert!(!counts(&[2.0, 3.0]) && !counts(&[0.0, 1.0, 1.0]) && !counts(&[0.0, 2.0]) && !counts(&[]));
    }
}
