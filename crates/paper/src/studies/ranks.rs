use crate::results::mean;

/// Spearman's rank correlation, equal values sharing the mean of their ranks; `None` of fewer than `least` pairs, or where all are equal.
pub fn correlation(pairs: &[(f64, f64)], least: usize) -> Option<f64> {
    if pairs.len() < least {
        return None;
    }
    let ranks = |values: Vec<f64>| -> Vec<f64> {
        let rank = |value: &f64| {
            let below = values.iter().filter(|other| *other < value).count() as f64;
            let same = values.iter().filter(|other| *other == value).count() as f64;
            below + (same - 1.0) / 2.0
        };
        values.iter().map(rank).collect()
    };
    let (a, b) = (ranks(pairs.iter().map(|pair| pair.0).collect()), ranks(pairs.iter().map(|pair| pair.1).collect()));
    let (mean_a, mean_b) = (mean(&a)?, mean(&b)?);
    let sum = |f: &dyn Fn(f64, f64) -> f64| a.iter().zip(&b).map(|(x, y)| f(x - mean_a, y - mean_b)).sum::<f64>();
    let scale = (sum(&|x, _| x * x) * sum(&|_, y| y * y)).sqrt();
    (scale > 0.0).then(|| sum(&|x, y| x * y) / scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_correlated() {
        let pairs = |of: &dyn Fn(f64) -> f64| (0..6).map(|i| (f64::from(i), of(f64::from(i)))).collect::<Vec<_>>();
        assert!((correlation(&pairs(&|x| x.exp()), 5).unwrap() - 1.0).abs() < 1e-12);
        assert!((correlation(&pairs(&|x| -x * x), 5).unwrap() + 1.0).abs() < 1e-12);
        assert_eq!((correlation(&pairs(&|_| 1.0), 5), correlation(&[(0.0, 1.0); 4], 5)), (None, None));
        // Two equal ones share a rank: 0.5, 0.5, 2, 3, 4 against 0 to 4 gives 9.5 / sqrt(9.5 * 10).
        let tied = [(1.0, 0.0), (1.0, 1.0), (2.0, 2.0), (3.0, 3.0), (4.0, 4.0)];
        assert!((correlation(&tied, 5).unwrap() - 9.5 / 95f64.sqrt()).abs() < 1e-12);
    }
}
