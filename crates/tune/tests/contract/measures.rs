//! Rules from other measures of sharpness, on losses whose spectra are known.

use onedge_objective::{FnObjective, Objective};
use onedge_spectrum::Lanczos;
use onedge_tune::optimizers::{Gd, Momentum, RmsProp};
use onedge_tune::tuners::{BatchSharpness, Cdat, Frobenius, GaussNewton, OverSignsOptions, Sharpness, Trace};
use onedge_tune::{Form, Optimizer, Trainer, Tuner};

use crate::problems::{Counted, PRICES, Quadratic, Rosenbrock};

fn trainer(dim: usize, optimizer: impl Optimizer<f64> + 'static, tuner: impl Tuner + 'static) -> Trainer<f64> {
    Trainer::new(dim, Box::new(optimizer), Box::new(tuner), Lanczos::top(1, 3)).unwrap()
}

const SPECTRUM: [f64; 4] = [0.3, 1.0, 2.0, 7.0];

/// Where the spectrum stays as it is, trace and norm in their ratio to lambda_max are lambda_max; random signs are exact on a diagonal
/// Hessian for the trace, and the ratio cancels what they miss of the norm where it is measured once.
#[test]
fn on_a_quadratic_trace_and_norm_are_the_sharpness() {
    let options = OverSignsOptions { every: 100, ..OverSignsOptions::USUAL };
    for tuner in [Box::new(Trace::new(options).unwrap()) as Box<dyn Tuner>, Box::new(Frobenius::new(options).unwrap())]
    {
        let mut first = Trainer::new(4, Box::new(Gd), tuner, Lanczos::top(1, 3)).unwrap();
        let mut second = trainer(4, Gd, Sharpness::new(2.0).unwrap());
        let (mut w, mut v) = ([2.0, -1.0, 0.5, 3.0], [2.0, -1.0, 0.5, 3.0]);
        for _ in 0..10 {
            let rate = first.step(&mut Quadratic::new(&SPECTRUM), &mut w).unwrap().learning_rate;
            let other = second.step(&mut Quadratic::new(&SPECTRUM), &mut v).unwrap().learning_rate;
            assert!((rate - other).abs() < 1e-3 * other, "{rate} {other}");
        }
    }
}

#[test]
fn means_over_signs_are_trace_and_squared_norm() {
    let mut step = trainer(4, Gd, Cdat::paper());
    let (mut objective, mut w) = (Counted { inner: Quadratic::new(&SPECTRUM), spent: 0.0 }, [2.0, -1.0, 0.5, 3.0]);
    let mut step = step.begin(&mut objective, &mut w).unwrap();
    let trace = step.line().over_signs(Form::Trace, 2).unwrap();
    let square = step.line().over_signs(Form::Squares, 3).unwrap();
    assert!((trace - 10.3).abs() < 1e-12 && (square - 54.09).abs() < 1e-12, "{trace} {square}");
    let report = step.finish().unwrap();
    assert_eq!(report.diagnostics_cost, 5.0 * PRICES.hessian_vector);
    // With a preconditioner, P = sqrt(g^2 / 1000 + eps) at the first step, of the Hessian between its roots.
    let mut trainer = trainer(4, RmsProp::<f64>::paper(), Cdat::paper());
    let mut w = [2.0, -1.0, 0.5, 3.0];
    let mut step = trainer.begin(&mut objective, &mut w).unwrap();
    let scaled: Vec<f64> = SPECTRUM.iter().zip(step.preconditioner().unwrap()).map(|(a, p)| a / p).collect();
    let trace = step.line().over_signs(Form::Trace, 2).unwrap();
    let square = step.line().over_signs(Form::Squares, 2).unwrap();
    let expected = (scaled.iter().sum::<f64>(), scaled.iter().map(|a| a * a).sum::<f64>());
    assert!((trace / expected.0 - 1.0).abs() < 1e-12 && (square / expected.1 - 1.0).abs() < 1e-12);
}

/// Other vectors at other steps and from other seeds, the same ones for the same.
#[test]
fn signs_follow_seed_and_step() {
    let found = |seed: u64, step: u64| {
        let cdat = Cdat::new(1e-9, 0.0, 0.0, f64::INFINITY).unwrap();
        let mut trainer = Trainer::new(2, Box::new(Gd), Box::new(cdat), Lanczos::top(1, seed)).unwrap();
        let (mut objective, mut w) = (Rosenbrock::new(), [-1.2, 1.0]);
        for _ in 0..step {
            trainer.step(&mut objective, &mut w).unwrap();
        }
        let mut step = trainer.begin(&mut objective, &mut w).unwrap();
        step.line().over_signs(Form::Trace, 20).unwrap()
    };
    assert_eq!(found(1, 0), found(1, 0));
    assert_ne!(found(1, 0), found(2, 0));
    assert!((found(1, 0) - found(1, 1)).abs() > 1.0);
}

#[test]
fn the_gauss_newton_curvature_is_that_of_the_outputs() {
    // At (2, 1): u = -g = (-(2 + 2400), 600), J u = (2402, -40 * -2402 + 10 * 600), u.Gu = 2 |J u|^2.
    let (mut objective, mut w) = (Rosenbrock::new(), [2.0, 1.0]);
    let mut trainer = trainer(2, Gd, GaussNewton::on_edge());
    let report = trainer.step(&mut objective, &mut w).unwrap();
    let (square, image) = (2402.0_f64.powi(2) + 600.0_f64.powi(2), [2402.0_f64, 40.0 * 2402.0 + 6000.0]);
    let expected = 2.0 * square / (2.0 * (image[0].powi(2) + image[1].powi(2)));
    assert!((report.learning_rate / expected - 1.0).abs() < 1e-12, "{} {expected}", report.learning_rate);
    assert_eq!((report.curvature, report.slope), (None, Some(-square)));
    let mut objective = FnObjective::of_loss(2, |w| w[0] * w[0] + w[1].powi(4)).unwrap();
    let error = trainer.step(&mut objective, &mut [1.0, 2.0]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "step 1: Gauss-Newton-vector product: expected an objective that knows it, got one that does not; try a model and loss of \
         the library"
    );
}

#[test]
fn of_gradient_descent_batch_sharpness_is_cdat() {
    let mut first = trainer(4, Gd, BatchSharpness::new(1.5, 0.9).unwrap());
    let mut second = trainer(4, Gd, Cdat::new(1.5, 0.0, 0.9, f64::INFINITY).unwrap());
    let (mut w, mut v) = ([2.0, -1.0, 0.5, 3.0], [2.0, -1.0, 0.5, 3.0]);
    let mut objective = Quadratic::new(&SPECTRUM);
    for _ in 0..20 {
        let rate = first.step(&mut objective, &mut w).unwrap().learning_rate;
        let other = second.step(&mut objective, &mut v).unwrap().learning_rate;
        assert!((rate - other).abs() <= 1e-12 * other, "{rate} {other}");
    }
}

#[test]
fn batch_sharpness_follows_the_gradient_and_its_preconditioner() {
    // Under momentum the second update is no longer -g: the gradient is what is looked at.
    let mut trainer = trainer(2, Momentum::<f64>::paper(), BatchSharpness::new(0.5, 0.0).unwrap());
    let (mut objective, mut w, mut gradient) = (Rosenbrock::new(), [-1.2, 1.0], [0.0; 2]);
    trainer.step(&mut objective, &mut w).unwrap();
    objective.linearize(&w, &mut gradient).unwrap();
    let square: f64 = gradient.iter().map(|g: &f64| g * g).sum();
    let expected = 0.5 * square / objective.curvature(&gradient).unwrap();
    let rate = trainer.step(&mut objective, &mut w).unwrap().learning_rate;
    assert!((rate - expected.abs()).abs() < 1e-12 * expected.abs(), "{rate} {expected}");
    let mut trainer = self::trainer(4, RmsProp::<f64>::paper(), BatchSharpness::new(2.0, 0.0).unwrap());
    let mut w = [2.0, -1.0, 0.5, 3.0];
    let mut objective = Quadratic::new(&SPECTRUM);
    let mut step = trainer.begin(&mut objective, &mut w).unwrap();
    let pairs: Vec<(f64, f64)> = step.gradient().iter().copied().zip(step.preconditioner().unwrap().to_vec()).collect();
    let descent: f64 = pairs.iter().map(|(g, p)| g * g / p).sum();
    let curvature: f64 = pairs.iter().zip(&SPECTRUM).map(|((g, p), a)| a * (g / p).powi(2)).sum();
    let rate = step.learning_rate().unwrap();
    assert!((rate - 2.0 * descent / curvature).abs() < 1e-12 * rate);
}
