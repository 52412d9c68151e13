//! What the suites of SciPy (eigsh, lobpcg), hessian-eigenthings and curvlinops try of eigenvalues, written anew: spectra by dense
//! decomposition or from algebra, edge cases of k, of scale and of sign, starts that mislead, products that end early.

use onedge_objective::{Real, vector};
use onedge_spectrum::{
    Block, Dense, Error, Lanczos, LinearOperator, PowerIteration, Preconditioned, Spectrum, Subspace, SubspaceTracker,
    Until, Wanted, lanczos, power_iteration,
};

/// A number in (-1, 1), the same for the same place.
fn noise(i: usize, j: usize) -> f64 {
    let x = (12.9898 * i as f64 + 78.233 * j as f64 + 1.0).sin() * 43758.5453;
    2.0 * (x - x.floor()) - 1.0
}

/// `X' X / rows` of made-up examples, and `shift` on the diagonal.
fn gram(dim: usize, rows: usize, shift: f64) -> Vec<Vec<f64>> {
    let element = |i: usize, j: usize| {
        let sum: f64 = (0..rows).map(|row| noise(row, i) * noise(row, j)).sum();
        sum / rows as f64 + if i == j { shift } else { 0.0 }
    };
    (0..dim).map(|i| (0..dim).map(|j| element(i.min(j), i.max(j))).collect()).collect()
}

fn dense(matrix: &[Vec<f64>]) -> Dense<f64> {
    Dense::new(matrix.len(), matrix.concat()).unwrap()
}

/// All eigenvalues, largest first, by Jacobi's rotations.
fn eigenvalues(matrix: &[Vec<f64>]) -> Vec<f64> {
    let (mut a, n) = (matrix.to_vec(), matrix.len());
    for _ in 0..30 {
        for p in 0..n {
            for q in p + 1..n {
                if a[p][q].abs() > 1e-300 {
                    let theta = (a[q][q] - a[p][p]) / (2.0 * a[p][q]);
                    let t = 1.0_f64.copysign(theta) / (theta.abs() + theta.hypot(1.0));
                    let c = 1.0 / t.hypot(1.0);
                    let s = t * c;
                    for row in &mut a {
                        (row[p], row[q]) = (c * row[p] - s * row[q], s * row[p] + c * row[q]);
                    }
                    let (above, below) = a.split_at_mut(q);
                    for (x, y) in above[p].iter_mut().zip(&mut below[0]) {
                        (*x, *y) = (c * *x - s * *y, s * *x + c * *y);
                    }
                }
            }
        }
    }
    let mut values: Vec<f64> = (0..n).map(|i| a[i][i]).collect();
    values.sort_by(|a, b| b.total_cmp(a));
    values
}

fn of(wanted: Wanted, k: usize, seed: u64) -> Lanczos {
    Lanczos { wanted, tolerance: 1e-8, ..Lanczos::top(k, seed) }
}

fn largest<T: Real>(operator: &mut dyn LinearOperator<T>, k: usize) -> Spectrum<T> {
    lanczos(operator, &of(Wanted::Algebraic, k, 1), None).unwrap()
}

fn values<T>(spectrum: &Spectrum<T>) -> Vec<f64> {
    spectrum.pairs.iter().map(|pair| pair.value).collect()
}

fn assert_close(got: &[f64], expected: &[f64], tolerance: f64) {
    let scale = expected.iter().map(|x| x.abs()).fold(0.0, f64::max);
    assert_eq!(got.len(), expected.len(), "{got:?} {expected:?}");
    for (a, b) in got.iter().zip(expected) {
        assert!((a - b).abs() <= tolerance * scale, "{got:?} {expected:?}");
    }
}

#[test]
fn ends_of_made_up_matrices_are_those_of_a_dense_decomposition() {
    for (dim, rows, shift) in [(40, 60, 0.0), (40, 60, -0.5), (60, 20, 0.0), (25, 100, 3.0)] {
        let matrix = gram(dim, rows, shift);
        let exact = eigenvalues(&matrix);
        let found = largest(&mut dense(&matrix), 4);
        assert!(found.converged());
        assert_close(&values(&found), &exact[..4], 1e-8);
        // The smallest are the largest of -A.
        let negative: Vec<Vec<f64>> = matrix.iter().map(|row| row.iter().map(|x| -x).collect()).collect();
        let found = largest(&mut dense(&negative), 3);
        let smallest: Vec<f64> = exact.iter().rev().take(3).map(|x| -x).collect();
        for (value, smallest) in values(&found).iter().zip(smallest) {
            assert!((value - smallest).abs() < 1e-8 * exact[0], "{value} {smallest}");
        }
        let mut outer = exact.clone();
        outer.sort_by(|a, b| b.abs().total_cmp(&a.abs()));
        let found = lanczos(&mut dense(&matrix), &of(Wanted::Magnitude, 5, 2), None).unwrap();
        assert_close(&found.magnitude().map(|pair| pair.value).collect::<Vec<_>>(), &outer[..5], 1e-8);
    }
}

#[test]
fn vectors_are_orthonormal_and_solve_the_equation() {
    let matrix = gram(40, 60, -0.1);
    let mut a = dense(&matrix);
    let found = lanczos(&mut a, &of(Wanted::Both, 5, 3), None).unwrap();
    let mut product = vec![0.0; 40];
    for (i, pair) in found.pairs.iter().enumerate() {
        a.apply(&pair.vector, &mut product).unwrap();
        vector::axpy(-pair.value, &pair.vector, &mut product);
        assert!(vector::norm(&product) <= pair.residual_bound && pair.residual_bound.is_finite());
        for (j, other) in found.pairs.iter().enumerate() {
            let expected = f64::from(u8::from(i == j));
            assert!((vector::dot(&pair.vector, &other.vector) - expected).abs() < 1e-10);
        }
    }
}

#[test]
fn a_seed_gives_the_same_bits_and_another_the_same_values() {
    let matrix = gram(50, 30, 0.0);
    let run = |seed| lanczos(&mut dense(&matrix), &of(Wanted::Both, 3, seed), None).unwrap();
    assert_eq!(run(7), run(7));
    assert_close(&values(&run(7)), &values(&run(8)), 1e-8);
}

#[test]
fn any_number_of_values_up_to_all_and_beyond() {
    for matrix in [gram(10, 15, -0.2), gram(10, 4, 0.0)] {
        let exact = eigenvalues(&matrix);
        for k in 1..=12 {
            let found = largest(&mut dense(&matrix), k);
            assert_close(&values(&found), &exact[..k.min(10)], 1e-8);
            let mut tracker = SubspaceTracker::new(Subspace { tolerance: 1e-6, ..Subspace::top(k, 5) }, 10).unwrap();
            for _ in 0..2 {
                let found = tracker.measure(&mut dense(&matrix), None).unwrap();
                assert_close(&found.values, &exact[..k.min(10)], 1e-6);
            }
        }
    }
}

#[test]
fn nothing_but_one_value() {
    for (value, dim) in [(1.0, 10), (-1.0, 10), (0.0, 10), (-2.5, 1), (0.0, 1)] {
        for k in [1, 3, 10] {
            let found = lanczos(&mut Dense::diagonal(&vec![value; dim]), &of(Wanted::Both, k, 1), None).unwrap();
            assert_close(&values(&found), &vec![value; k.min(dim)], 1e-14);
            let found = largest(&mut Dense::diagonal(&vec![value as f32; dim]), k);
            assert_close(&values(&found), &vec![value; k.min(dim)], 1e-6);
        }
        let power = power_iteration(&mut Dense::diagonal(&vec![value; dim]), &PowerIteration::paper(1), None).unwrap();
        assert!(power.value == value || (power.value / value - 1.0).abs() < 1e-12);
    }
}

/// Scales change digits of exponents alone.
#[test]
fn tiny_and_huge() {
    let shape = [3.0, -2.0, 1.5, 0.4, 0.1, -0.2, 0.0, 0.3];
    for scale in [1e-140, 1e-30, 1e30, 1e140] {
        let found = largest(&mut Dense::diagonal(&shape.map(|x| x * scale)), 2);
        assert!(found.converged(), "{scale}");
        assert_close(&values(&found), &[3.0 * scale, 1.5 * scale], 1e-8);
    }
    for scale in [1e-30_f32, 1e-15, 1e15, 1e30] {
        let options = Lanczos { wanted: Wanted::Algebraic, ..Lanczos::top(2, 1) };
        let found = lanczos(&mut Dense::diagonal(&shape.map(|x| x as f32 * scale)), &options, None).unwrap();
        assert!(found.converged(), "{scale}");
        assert_close(&values(&found), &[3.0 * f64::from(scale), 1.5 * f64::from(scale)], 1e-3);
    }
}

#[test]
fn negative_definite_in_single_precision() {
    let diagonal: Vec<f32> = (1..=50).map(|i| -(i as f32)).collect();
    let options = Lanczos { wanted: Wanted::Algebraic, tolerance: 1e-4, ..Lanczos::top(3, 1) };
    let found = lanczos(&mut Dense::diagonal(&diagonal), &options, None).unwrap();
    assert!(found.converged());
    assert_close(&values(&found), &[-1.0, -2.0, -3.0], 1e-4);
}

/// The nine largest of 1, 2, ..., 1000, a tenth of a percent apart.
#[test]
fn the_upper_end_of_many() {
    let diagonal: Vec<f64> = (1..=1000).map(f64::from).collect();
    let options = Lanczos {
        wanted: Wanted::Algebraic,
        tolerance: 1e-4,
        max_products: 2000,
        max_basis: 200,
        ..Lanczos::top(9, 1)
    };
    let found = lanczos(&mut Slow(diagonal), &options, None).unwrap();
    assert!(found.converged(), "{}", found.products);
    assert_close(&values(&found), &(0..9).map(|i| f64::from(1000 - i)).collect::<Vec<_>>(), 1e-4);
}

struct Slow(Vec<f64>);

impl LinearOperator<f64> for Slow {
    fn dim(&self) -> usize {
        self.0.len()
    }
    fn apply(&mut self, v: &[f64], out: &mut [f64]) -> Result<(), Error> {
        out.iter_mut().zip(v).zip(&self.0).for_each(|((out, v), d)| *out = v * d);
        Ok(())
    }
}

/// The Laplacian of a path has the eigenvalues `2 - 2 cos(pi j / n)`, and the constant vector in its null space.
#[test]
fn a_path_from_its_own_eigenvectors() {
    for n in [8, 12, 40] {
        let element = |i: usize, j: usize| match i.abs_diff(j) {
            0 if i == 0 || i == n - 1 => 1.0,
            0 => 2.0,
            1 => -1.0,
            _ => 0.0,
        };
        let matrix: Vec<Vec<f64>> = (0..n).map(|i| (0..n).map(|j| element(i, j)).collect()).collect();
        let value = |j: usize| 2.0 - 2.0 * (std::f64::consts::PI * j as f64 / n as f64).cos();
        let exact: Vec<f64> = (0..n).rev().map(value).collect();
        let vector = |j: usize| -> Vec<f64> {
            (0..n).map(|i| (std::f64::consts::PI * j as f64 * (i as f64 + 0.5) / n as f64).cos()).collect()
        };
        for start in [vector(0), vector(1), vector(n - 1), vector(n / 2)] {
            let found = lanczos(&mut dense(&matrix), &of(Wanted::Algebraic, 2, 4), Some(&start)).unwrap();
            assert!(found.converged());
            assert_close(&values(&found), &exact[..2], 1e-8);
        }
        let found = largest(&mut dense(&matrix), n);
        assert_close(&values(&found), &exact, 1e-8);
    }
}

/// `A x = lambda B x` with B = diag(1, 1/2, ..., 1/n) and this A has the eigenvalues 1, 4, 9, ..., n^2 (Mikota 2001).
#[test]
fn squares_of_whole_numbers_are_preconditioned_eigenvalues() {
    let n = 20;
    let element = |i: usize, j: usize| match i.abs_diff(j) {
        0 => (2 * (n - i) - 1) as f64,
        1 => -((n - i.max(j)) as f64),
        _ => 0.0,
    };
    let matrix: Vec<Vec<f64>> = (0..n).map(|i| (0..n).map(|j| element(i, j)).collect()).collect();
    let diagonal: Vec<f64> = (1..=n).map(|i| 1.0 / i as f64).collect();
    let mut a = dense(&matrix);
    let found = largest(&mut Preconditioned::new(&mut a, &diagonal).unwrap(), 4);
    assert!(found.converged());
    assert_close(&values(&found), &[400.0, 361.0, 324.0, 289.0], 1e-8);
}

/// Least squares with c outputs: every eigenvalue of `X' X / n` c times. Softmax at 0 with c classes: `X' X / n` times 1 / c, c - 1
/// times, and a null direction for each parameter of a class.
#[test]
fn several_outputs_repeat_every_value() {
    let (c, dim) = (5, 8);
    let inner = gram(dim, 30, 0.0);
    let exact = eigenvalues(&inner);
    let least_squares = |i: usize, j: usize| if i / dim == j / dim { inner[i % dim][j % dim] } else { 0.0 };
    let softmax = |i: usize, j: usize| {
        let same = f64::from(u8::from(i / dim == j / dim));
        (same / c as f64 - 1.0 / (c * c) as f64) * inner[i % dim][j % dim]
    };
    let full = |element: &dyn Fn(usize, usize) -> f64| -> Vec<Vec<f64>> {
        (0..c * dim).map(|i| (0..c * dim).map(|j| element(i, j)).collect()).collect()
    };
    let repeated = |times: usize, factor: f64| -> Vec<f64> {
        exact.iter().flat_map(|value| vec![value * factor; times]).collect()
    };
    for (matrix, expected) in
        [(full(&least_squares), repeated(c, 1.0)), (full(&softmax), repeated(c - 1, 1.0 / c as f64))]
    {
        for k in [1, 3, 7, 12] {
            let found = largest(&mut dense(&matrix), k);
            assert!(found.converged(), "{k}");
            assert_close(&values(&found), &expected[..k], 1e-8);
        }
    }
}

#[test]
fn what_was_claimed_before_the_products_ran_out_holds() {
    let matrix = gram(60, 200, 0.0);
    let exact = eigenvalues(&matrix);
    for max_products in 1..40 {
        let options = Lanczos { max_products, ..Lanczos::top(4, 1) };
        let found = lanczos(&mut dense(&matrix), &options, None).unwrap();
        assert!(found.products <= max_products);
        for (pair, exact) in found.algebraic().zip(&exact).filter(|(pair, _)| pair.converged) {
            assert!((pair.value - exact).abs() <= 1e-3 * exact.abs(), "{max_products}: {} {exact}", pair.value);
        }
    }
}

#[test]
fn a_block_has_the_values_of_its_rows_and_columns() {
    let matrix = gram(30, 50, -0.3);
    for range in [0..1, 3..17, 29..30, 0..30] {
        let part: Vec<Vec<f64>> = matrix[range.clone()].iter().map(|row| row[range.clone()].to_vec()).collect();
        let mut a = dense(&matrix);
        let found = largest(&mut Block::new(&mut a, range.clone()).unwrap(), 2);
        assert_close(&values(&found), &eigenvalues(&part)[..2.min(range.len())], 1e-8);
    }
}

/// An operator that measures another spectrum whenever it is asked for a product.
struct Nested(Dense<f64>);

impl LinearOperator<f64> for Nested {
    fn dim(&self) -> usize {
        self.0.dim()
    }
    fn apply(&mut self, v: &[f64], out: &mut [f64]) -> Result<(), Error> {
        let inner = largest(&mut Dense::diagonal(&[2.0, 1.0, -4.0]), 1).largest().map_or(0.0, |pair| pair.value);
        self.0.apply(v, out)?;
        vector::scale(inner, out);
        Ok(())
    }
}

#[test]
fn a_measurement_within_a_measurement() {
    let found = largest(&mut Nested(Dense::diagonal(&[5.0, 3.0, 1.0, -1.0])), 2);
    assert_close(&values(&found), &[10.0, 6.0], 1e-8);
}

#[test]
fn power_iteration_on_values_of_both_signs_and_near_each_other() {
    let matrix = gram(40, 60, 0.0);
    let exact = eigenvalues(&matrix);
    let options = PowerIteration { max_products: 20_000, until: Until::Residual(1e-6), seed: 1 };
    let power = power_iteration(&mut dense(&matrix), &options, None).unwrap();
    assert!(power.converged && (power.value / exact[0] - 1.0).abs() < 1e-6);
    // Plus and minus the same size: there is no vector to go to, and no claim.
    let options = PowerIteration { max_products: 500, ..options };
    let power = power_iteration(&mut Dense::diagonal(&[3.0, -3.0, 1.0]), &options, None).unwrap();
    assert!(!power.converged && power.residual > 0.1, "{power:?}");
}
