//! All eigenvalues of a symmetric matrix, by Jacobi's rotations.

/// In ascending order.
pub fn eigenvalues(matrix: &[Vec<f64>]) -> Vec<f64> {
    let (mut a, n) = (matrix.to_vec(), matrix.len());
    for _ in 0..30 {
        for p in 0..n {
            for q in p + 1..n {
                if a[p][q] == 0.0 {
                    continue;
                }
                let theta = (a[q][q] - a[p][p]) / (2.0 * a[p][q]);
                let t = theta.signum() / (theta.abs() + theta.hypot(1.0));
                let c = 1.0 / t.hypot(1.0);
                let s = t * c;
                for row in &mut a {
                    (row[p], row[q]) = (c * row[p] - s * row[q], s * row[p] + c * row[q]);
                }
                let (first, second) = a.split_at_mut(q);
                for (x, y) in first[p].iter_mut().zip(&mut second[0]) {
                    (*x, *y) = (c * *x - s * *y, s * *x + c * *y);
                }
            }
        }
    }
    let mut values: Vec<f64> = (0..n).map(|i| a[i][i]).collect();
    values.sort_by(f64::total_cmp);
    values
}
