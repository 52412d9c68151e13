//! Own models on arrays in memory.

use onedge_data::{Dataset, Targets};
use onedge_nn::{Init, losses};
use onedge_train::fit::{Fit, fit};
use onedge_train::{Evaluation, StopReason};
use onedge_tune::optimizers::{Adam, Muon};
use onedge_tune::tuners::Constant;

/// 256 points of the surface `sin(3 a) b`.
fn surface() -> Dataset {
    let x: Vec<f64> = (0..512).map(|i| ((i * i * 7 + i * 13) % 1009) as f64 / 504.5 - 1.0).collect();
    let y: Vec<f64> = x.chunks(2).map(|x| (3.0 * x[0]).sin() * x[1]).collect();
    Dataset::from_arrays(&x, &[256, 2], Targets::values(&y, 1).unwrap()).unwrap()
}

fn residual() -> Fit {
    let huber = losses::build("huber", Default::default()).unwrap();
    fit(surface(), huber, |layers, x| {
        let scale = layers.parameter("scale", &[], Init::Constant(0.5));
        let h = layers.dense(x, 32).tanh();
        let h = h + scale * layers.dense(h, 32).tanh();
        layers.dense(h, 1)
    })
    .unwrap()
}

#[test]
fn the_recommended_tuner_converges_on_every_seed() {
    for seed in 0..10 {
        let fitted = residual().seed(seed).run().unwrap();
        let (first, last) = (fitted.records[0].loss, fitted.train["loss"]);
        assert_eq!(fitted.outcome.stop, StopReason::StepsDone, "seed {seed}");
        assert!(last < 0.25 * first && last < 0.05, "seed {seed}: {first} to {last}");
    }
}

#[test]
fn mini_batches_test_sets_and_predictions() {
    let fit = residual().test(surface()).unwrap().batch(32).optimizer(Adam::paper()).steps(60).sharpness_every(20);
    let fitted = fit.run().unwrap();
    assert_eq!(fitted.records.len(), 60);
    let measured = |step: usize| fitted.records[step].preconditioned_sharpness.is_some();
    assert!(measured(20) && !measured(21));
    assert_eq!(fitted.train, fitted.test, "the same examples");
    // The mean absolute error is what predictions say.
    let (x, y) = (surface(), surface());
    let outputs = fitted.predict(&x.inputs().single()).unwrap();
    let Targets::Values { values, .. } = y.targets() else { panic!("values") };
    let error = outputs.iter().zip(values).map(|(z, t)| (f64::from(*z) - t).abs()).sum::<f64>() / 256.0;
    assert!((error - fitted.test["absolute-error"]).abs() < 1e-6, "{error} is not {:?}", fitted.test);
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let total: f64 = values.iter().map(|&t| (t - mean).powi(2)).sum();
    let left: f64 = outputs.iter().zip(values).map(|(z, t)| (f64::from(*z) - t).powi(2)).sum();
    assert!((fitted.test["r-squared"] - (1.0 - left / total)).abs() < 1e-6, "{:?}", fitted.test);
    assert!(fitted.predict(&[1.0, 2.0, 3.0]).is_err());
}

#[test]
fn optimizers_are_told_the_layers() {
    let fitted = residual().optimizer(Muon::paper()).tuner(Constant::new(0.02).unwrap()).steps(60).run().unwrap();
    assert!(fitted.train["loss"] < 0.5 * fitted.records[0].loss, "{:?}", fitted.train);
    let loss = losses::build("squared", Default::default()).unwrap();
    let shallow = fit(surface(), loss, |layers, x| layers.dense(x, 1)).unwrap().optimizer(Muon::paper());
    let message = shallow.run().err().unwrap().to_string();
    assert!(message.starts_with("muon.matrices: expected a model with a hidden weight"), "{message}");
}

/// Three in four are of class 0: balanced, both classes count alike, so two constants with equal logits are the best fit.
#[test]
fn balanced_classes_count_alike() {
    let labels: Vec<u32> = (0..40).map(|i| u32::from(i % 4 == 0)).collect();
    let fitted = |weights: &str| {
        let data = Dataset::from_arrays(&[1.0; 40], &[40, 1], Targets::classes(&labels).unwrap()).unwrap();
        let given = [("class_weights".to_owned(), onedge_registry::Value::parse(weights))];
        let loss = losses::build("cross-entropy", given.into()).unwrap();
        let fit = fit(data, loss, |layers, x| layers.dense(x, 2)).unwrap();
        let fitted = fit.run().unwrap();
        let z = fitted.predict(&[1.0]).unwrap();
        f64::from(z[0] - z[1])
    };
    assert!((fitted("[1, 1]") - 3f64.ln()).abs() < 1e-3);
    assert!(fitted("balanced").abs() < 1e-3);
}

#[test]
fn what_goes_wrong_is_told() {
    let diverged = residual().tuner(Constant::new(1e9).unwrap()).run().unwrap();
    assert!(!matches!(diverged.outcome.stop, StopReason::StepsDone), "{:?}", diverged.outcome.stop);
    let message = |fit: Fit| fit.run().err().map(|error| error.to_string()).unwrap_or_default();
    assert_eq!(message(residual().batch(0)), "batch: expected 1 or more examples, got 0");
    assert!(message(residual().batch(257)).starts_with("batch: expected at most 256"));
    assert_eq!(message(residual().l2(f64::NAN)), "l2: expected a finite number, zero or more, got NaN");
    let poisson = losses::build("poisson", Default::default()).unwrap();
    let negative = message(fit(surface(), poisson, |layers, x| layers.dense(x, 1)).unwrap());
    assert!(negative.starts_with("model: poisson: target 0 of example "), "{negative}");
    let entropy = losses::build("cross-entropy", Default::default()).unwrap();
    let wrong = fit(surface(), entropy, |layers, x| layers.dense(x, 1)).err().unwrap().to_string();
    assert_eq!(wrong, "model: cross-entropy: expected classes as targets, got 1 values; try the loss `squared`");
}

/// With a rate at which the loss goes up and down, so that some evaluation is not better than one before.
#[test]
fn the_best_evaluation_is_that_of_a_run_of_as_many_steps() {
    let fit = || residual().test(surface()).unwrap().tuner(Constant::new(1.2).unwrap());
    let asked = Evaluation { every: 1, metric: "loss".to_owned(), patience: Some(2) };
    let fitted = fit().evaluation(asked.clone()).steps(400).run().unwrap();
    let best = fitted.outcome.best.clone().unwrap();
    assert!(matches!(&fitted.outcome.stop, StopReason::NoImprovement { best_step, .. } if *best_step == best.step));
    assert_eq!(fitted.outcome.steps, best.step + 2);
    let short = fit().steps(best.step).run().unwrap();
    assert_eq!(fitted.best.as_ref(), Some(&short.parameters));
    assert_eq!(short.test["loss"], best.value);
    let message = |fit: Fit| fit.run().err().unwrap().to_string();
    assert_eq!(message(residual().evaluation(asked.clone())), "evaluation: expected test examples, got none");
    assert_eq!(
        message(fit().evaluation(Evaluation { metric: "accuracy".to_owned(), ..asked })),
        "evaluation.metric: expected one of absolute-error, loss, r-squared, got accuracy"
    );
}
