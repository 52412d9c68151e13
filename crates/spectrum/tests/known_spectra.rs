//! Lanczos against matrices whose spectra are known by construction.

use onedge_objective::vector::{dot, norm};
use onedge_spectrum::{Dense, Error, Lanczos, LinearOperator, Preconditioned, Spectrum, Wanted, lanczos};
use proptest::prelude::*;

/// `R diag(eigenvalues) R` with a product R of two reflections.
fn with_spectrum(eigenvalues: &[f64]) -> Dense<f64> {
    let n = eigenvalues.len();
    let mut columns: Vec<Vec<f64>> = (0..n).map(|j| (0..n).map(|i| f64::from(u8::from(i == j))).collect()).collect();
    for frequency in [1.7, 0.6] {
        let x: Vec<f64> = (0..n).map(|i| 0.3 + (frequency * i as f64).cos()).collect();
        let scale = 2.0 / dot(&x, &x);
        for column in &mut columns {
            let along = scale * dot(&x, column);
            column.iter_mut().zip(&x).for_each(|(c, x)| *c -= along * x);
        }
    }
    let mut rows = vec![0.0; n * n];
    for i in 0..n {
        for j in 0..=i {
            let sum: f64 = (0..n).map(|k| columns[k][i] * eigenvalues[k] * columns[k][j]).sum();
            (rows[i * n + j], rows[j * n + i]) = (sum, sum);
        }
    }
    Dense::new(n, rows).unwrap()
}

fn top(a: &mut Dense<f64>, k: usize) -> Spectrum<f64> {
    lanczos(a, &Lanczos { tolerance: 1e-7, ..Lanczos::top(k, 1) }, None).unwrap()
}

fn values(spectrum: &Spectrum<f64>) -> (Vec<f64>, Vec<f64>) {
    (spectrum.algebraic().map(|p| p.value).collect(), spectrum.magnitude().map(|p| p.value).collect())
}

fn assert_close(got: &[f64], expected: &[f64]) {
    assert_eq!(got.len(), expected.len(), "{got:?} against {expected:?}");
    let close = got.iter().zip(expected).all(|(g, e)| (g - e).abs() < 1e-8 * (1.0 + e.abs()));
    assert!(close, "{got:?} against {expected:?}");
}

/// `|Av - value v|` of each pair is what its bound says, up to rounding.
fn assert_residuals(a: &mut Dense<f64>, spectrum: &Spectrum<f64>) {
    let mut product = vec![0.0; a.dim()];
    for pair in &spectrum.pairs {
        a.apply(&pair.vector, &mut product).unwrap();
        let residual = norm(&product.iter().zip(&pair.vector).map(|(p, v)| p - pair.value * v).collect::<Vec<_>>());
        assert!(residual <= 1.01 * pair.residual_bound + 1e-11, "{residual} against {}", pair.residual_bound);
        assert!((norm(&pair.vector) - 1.0).abs() < 1e-12);
    }
}

#[test]
fn both_ends_of_a_spread_spectrum() {
    let eigenvalues: Vec<f64> = (0..150).map(|i| -20.0 + 0.2 * i as f64 + 0.003 * (i * i) as f64 / 10.0).collect();
    let (low, high) = (eigenvalues[0], eigenvalues[149]);
    let mut a = with_spectrum(&eigenvalues);
    let spectrum = top(&mut a, 3);
    assert!(spectrum.converged());
    assert_close(&values(&spectrum).0, &[high, eigenvalues[148], eigenvalues[147]]);
    assert_close(&values(&spectrum).1[..1], &[low]);
    assert_residuals(&mut a, &spectrum);
}

#[test]
fn negative_dominant() {
    let mut a = with_spectrum(&[-50.0, 0.1, 0.2, 3.0, -1.0, 0.0, 0.5]);
    let spectrum = top(&mut a, 1);
    assert_close(&values(&spectrum).0, &[3.0]);
    assert_close(&values(&spectrum).1, &[-50.0]);
    assert_eq!(spectrum.pairs.len(), 2);
}

#[test]
fn all_negative() {
    let spectrum = top(&mut with_spectrum(&[-5.0, -1.0, -2.0, -0.25]), 2);
    assert_close(&values(&spectrum).0, &[-0.25, -1.0]);
    assert_close(&values(&spectrum).1, &[-5.0, -2.0]);
}

#[test]
fn degenerate_eigenvalues_are_found_with_their_copies() {
    let mut eigenvalues = vec![1.0; 40];
    (eigenvalues[3], eigenvalues[17], eigenvalues[30]) = (5.0, 5.0, 2.0);
    let mut a = with_spectrum(&eigenvalues);
    let spectrum = top(&mut a, 3);
    assert_close(&values(&spectrum).0, &[5.0, 5.0, 2.0]);
    let vectors: Vec<_> = spectrum.algebraic().map(|p| &p.vector).collect();
    assert!(dot(vectors[0], vectors[1]).abs() < 1e-9);
    assert_residuals(&mut a, &spectrum);
}

#[test]
fn clustered_eigenvalues() {
    let mut eigenvalues: Vec<f64> = (0..120).map(|i| 0.01 * i as f64).collect();
    for (i, top) in [10.0, 10.001, 10.002, 9.999].into_iter().enumerate() {
        eigenvalues[i] = top;
    }
    let spectrum = top(&mut with_spectrum(&eigenvalues), 4);
    assert_close(&values(&spectrum).0, &[10.002, 10.001, 10.0, 9.999]);
}

#[test]
fn restarts_when_the_basis_is_full() {
    let eigenvalues: Vec<f64> = (0..400).map(|i| (i as f64 / 40.0).powi(2)).collect();
    let mut a = with_spectrum(&eigenvalues);
    let options = Lanczos { max_basis: 48, tolerance: 1e-7, ..Lanczos::top(2, 1) };
    let spectrum = lanczos(&mut a, &options, None).unwrap();
    assert!(spectrum.products > 48 && spectrum.converged(), "{}", spectrum.products);
    assert_close(&values(&spectrum).0, &[eigenvalues[399], eigenvalues[398]]);
    assert_residuals(&mut a, &spectrum);
}

#[test]
fn small_dimensions() {
    let spectrum = top(&mut Dense::diagonal(&[-3.0]), 1);
    assert_close(&values(&spectrum).0, &[-3.0]);
    assert_eq!((spectrum.products, spectrum.converged()), (1, true));
    let spectrum = top(&mut with_spectrum(&[2.0, -7.0]), 5);
    assert_close(&values(&spectrum).0, &[2.0, -7.0]);
    assert_close(&values(&spectrum).1, &[-7.0, 2.0]);
    assert!(lanczos(&mut Dense::<f64>::diagonal(&[]), &Lanczos::top(1, 0), None).is_err());
}

#[test]
fn zero_and_multiples_of_the_identity_break_down_at_once() {
    for (factor, k) in [(0.0, 1), (0.0, 3), (4.0, 2)] {
        let spectrum = top(&mut Dense::diagonal(&[factor; 100]), k);
        assert_close(&values(&spectrum).0, &vec![factor; k]);
        assert_eq!(spectrum.products, k);
        assert!(spectrum.converged());
    }
}

#[test]
fn says_when_products_run_out() {
    let eigenvalues: Vec<f64> = (0..200).map(|i| 1.0 + 0.001 * i as f64).collect();
    let mut a = with_spectrum(&eigenvalues);
    let options = Lanczos { max_products: 3, tolerance: 1e-7, ..Lanczos::top(1, 1) };
    let spectrum = lanczos(&mut a, &options, None).unwrap();
    assert_eq!(spectrum.products, 3);
    assert!(!spectrum.converged());
    assert_residuals(&mut a, &spectrum);
}

#[test]
fn a_start_on_the_wrong_eigenvector_does_not_mislead() {
    let mut a = Dense::diagonal(&(0..100).map(f64::from).collect::<Vec<_>>());
    let mut start = vec![0.0; 100];
    start[98] = 1.0;
    // With the default tolerance a value that is 1 % off may pass: its residual is as small as that.
    let options = Lanczos { wanted: Wanted::Algebraic, tolerance: 1e-4, ..Lanczos::top(1, 0) };
    let spectrum = lanczos(&mut a, &options, Some(&start)).unwrap();
    assert!((spectrum.largest().unwrap().value - 99.0).abs() < 1e-3 && spectrum.dominant().is_none());
}

#[test]
fn single_precision() {
    let mut diagonal: Vec<f32> = (0..5000).map(|i| (i as f32 / 5000.0).powi(3)).collect();
    (diagonal[7], diagonal[8]) = (30.0, -40.0);
    let mut a = Slow(diagonal);
    let spectrum = lanczos(&mut a, &Lanczos { tolerance: 1e-6, ..Lanczos::top(1, 3) }, None).unwrap();
    assert!((spectrum.largest().unwrap().value - 30.0).abs() < 1e-4);
    assert!((spectrum.dominant().unwrap().value + 40.0).abs() < 1e-4);
    assert!(spectrum.dominant().unwrap().vector[8].abs() > 0.999);
}

#[test]
fn preconditioned_eigenvalues() {
    // D^-1 A = [[2, 1.5], [2/3, 3]], with trace 5 and determinant 5: (5 +- sqrt 5) / 2.
    let mut a = Dense::new(2, vec![8.0, 6.0, 6.0, 27.0]).unwrap();
    let mut scaled = Preconditioned::new(&mut a, &[4.0, 9.0]).unwrap();
    let spectrum = lanczos(&mut scaled, &Lanczos::top(2, 0), None).unwrap();
    let root = 5.0_f64.sqrt();
    assert_close(&values(&spectrum).0, &[(5.0 + root) / 2.0, (5.0 - root) / 2.0]);
}

#[test]
fn refuses_bad_options_starts_and_products() {
    let message = |options: Lanczos, start: Option<&[f64]>| {
        lanczos(&mut Dense::diagonal(&[1.0, 2.0]), &options, start).unwrap_err().to_string()
    };
    let good = Lanczos::top(1, 0);
    assert_eq!(message(Lanczos { k: 0, ..good }, None), "spectrum.k: expected 1 or more, got 0");
    assert_eq!(message(Lanczos { max_basis: 7, ..good }, None), "spectrum.max_basis: expected 8 or more, got 7");
    assert_eq!(
        message(Lanczos { tolerance: 0.0, ..good }, None),
        "spectrum.tolerance: expected a number between 0 and 1, got 0"
    );
    assert_eq!(message(good, Some(&[1.0])), "start: expected 2 elements, got 1");
    assert_eq!(message(good, Some(&[1.0, f64::NAN])), "spectrum.start: expected finite numbers, got NaN");
    let error = lanczos(&mut Dense::diagonal(&[1.0, f64::NAN]), &good, None).unwrap_err();
    assert!(matches!(error, Error::Objective(onedge_objective::Error::NonFinite { .. })));
}

/// A diagonal without its zeros.
struct Slow(Vec<f32>);

impl LinearOperator<f32> for Slow {
    fn dim(&self) -> usize {
        self.0.len()
    }

    fn apply(&mut self, v: &[f32], out: &mut [f32]) -> Result<(), Error> {
        out.iter_mut().zip(v).zip(&self.0).for_each(|((out, v), d)| *out = v * d);
        Ok(())
    }
}

proptest! {
    /// All eigenvalues of any small matrix: trace, Frobenius norm, residuals, order.
    #[test]
    fn full_spectra(entries in prop::collection::vec(-10.0..10.0_f64, 81), n in 1_usize..10) {
        let rows = (0..n * n).map(|ij| entries[9 * (ij / n).min(ij % n) + (ij / n).max(ij % n)]).collect::<Vec<_>>();
        let trace: f64 = (0..n).map(|i| rows[i * n + i]).sum();
        let frobenius = dot(&rows, &rows);
        let mut a = Dense::new(n, rows).unwrap();
        let spectrum = top(&mut a, n);
        let (algebraic, magnitude) = values(&spectrum);
        prop_assert!(spectrum.converged());
        prop_assert!((algebraic.iter().sum::<f64>() - trace).abs() < 1e-9);
        prop_assert!((dot(&algebraic, &algebraic) - frobenius).abs() < 1e-8 * (1.0 + frobenius));
        prop_assert!(algebraic.windows(2).all(|w| w[0] >= w[1]));
        prop_assert!(magnitude.windows(2).all(|w| w[0].abs() >= w[1].abs()));
        assert_residuals(&mut a, &spectrum);
    }

    /// Scaling the operator scales its eigenvalues; the largest is at least any Rayleigh quotient.
    #[test]
    fn scaling_and_rayleigh(eigenvalues in prop::collection::vec(-5.0..5.0_f64, 2..40), factor in 0.01..100.0_f64) {
        let scaled: Vec<f64> = eigenvalues.iter().map(|e| e * factor).collect();
        let (mut a, mut b) = (with_spectrum(&eigenvalues), with_spectrum(&scaled));
        let largest = top(&mut a, 1).largest().unwrap().value;
        let exact = eigenvalues.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        prop_assert!((largest - exact).abs() < 1e-6);
        prop_assert!((top(&mut b, 1).largest().unwrap().value - factor * largest).abs() < 1e-6 * factor);
        let v: Vec<f64> = (0..eigenvalues.len()).map(|i| (i as f64).sin() + 0.1).collect();
        let mut product = vec![0.0; v.len()];
        a.apply(&v, &mut product).unwrap();
        prop_assert!(dot(&v, &product) / dot(&v, &v) <= largest + 1e-6);
    }
}
