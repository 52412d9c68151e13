//! What is claimed of the simplified model, at the printed settings; also where it is not what the paper's text says.
//!
//! Expected numbers come from algebra, or from `tools/reference/simplified_model.py`.

use onedge_theory::stochastic::Noise;
use onedge_theory::tuners::{Cdat, Classical, Constant, Lag, Tuner};
use onedge_theory::{Parameters, Point, Start, Stop, Study, Time, Trajectory, simulate, spiral};

const BOTH: [Time; 2] = [Time::Printed, Time::SemiImplicit];

fn run(parameters: Parameters, start: Start, tuner: &dyn Tuner, time: Time, steps: usize) -> Trajectory {
    simulate(&Study { parameters, time, start, tuner, noise: Noise::NONE, steps })
}

/// Figure 4 at the constant rate, from `p = (1 + d) a/b` and `y`.
fn constant(d: f64, y: f64, time: Time, steps: usize) -> Trajectory {
    let start = Start { eta: 1.0, lambda: 2.0 + y, p: 0.1 * (1.0 + d), q: 0.0 };
    run(Parameters { a: 0.03, b: 0.3, nu: 0.0 }, start, &Constant, time, steps)
}

/// Figure 4 with the tuner, `eta = 1.9 / lambda`.
fn classical(p: f64, time: Time) -> Trajectory {
    let start = Start { eta: 1.0, lambda: 1.9, p, q: 0.0 };
    run(Parameters { a: 1.0, b: 0.5, nu: 0.0 }, start, &Classical::paper(), time, 2000)
}

/// Figure 9.
fn cdat(sigma: f64, time: Time, lag: Lag, steps: usize) -> Trajectory {
    let parameters = Parameters { a: 0.05, b: 0.1, nu: 0.1 };
    let start = Start { eta: 0.05, lambda: 18.0, p: 4.0, q: 4.0 };
    run(parameters, start, &Cdat::new(sigma, lag, 0.1), time, steps)
}

fn last(run: &Trajectory) -> Point {
    assert_eq!(run.stop, Stop::StepsDone);
    run.points[run.points.len() - 1]
}

#[track_caller]
fn assert_near(value: f64, expected: f64, relative: f64) {
    assert!((value / expected - 1.0).abs() < relative, "{value}, expected {expected}");
}

/// The quadratic form that the linear map round the resting point only scales.
fn turning(point: &Point, time: Time) -> f64 {
    let (c, d, y) = (0.03, point.p / 0.1 - 1.0, point.y);
    match time {
        Time::Printed => c * d * d + 2.0 * y * y,
        Time::SemiImplicit => c * d * d + 2.0 * c * d * y + 2.0 * y * y,
    }
}

#[test]
fn a_constant_rate_is_an_unstable_spiral_as_printed() {
    let points = constant(1e-6, 0.0, Time::Printed, 150).points;
    // The form is a square: it grows by the modulus squared, 1 + 2 a eta^2 = 1.06, at each step.
    for pair in points.windows(2) {
        assert_near(turning(&pair[1], Time::Printed) / turning(&pair[0], Time::Printed), 1.06, 1e-3);
    }
    assert_near(spiral::modulus(0.03, 1.0, Time::Printed).powi(2), 1.06, 1e-15);
    // From afar it oscillates round 0 ...
    let run = constant(-0.5, -0.1, Time::Printed, 3000);
    let y = |from: usize, to: usize| run.points[from..to].iter().map(|point| point.y);
    let largest = |from, to| y(from, to).fold(0.0, f64::max);
    assert!(y(0, 25).any(|y| y > 0.05) && y(25, 50).any(|y| y < -0.05) && y(40, 75).any(|y| y > 0.05));
    // ... wider and wider ...
    assert!(largest(60, 110) > 1.5 * largest(0, 50));
    // ... and blows up.
    assert!(matches!(run.stop, Stop::Diverged { step: 100..200, .. }), "{}", run.stop);
}

#[test]
fn a_constant_rate_is_bounded_semi_implicitly() {
    let time = Time::SemiImplicit;
    let points = constant(1e-6, 0.0, time, 2000).points;
    let (first, end) = (turning(&points[0], time), turning(&points[2000], time));
    assert_near(end, first, 1e-3);
    assert_eq!(spiral::modulus(0.03, 1.0, time), 1.0);

    let run = constant(-0.5, -0.1, time, 100_000);
    last(&run);
    let energy = |point: &Point| spiral::energy(point.p, point.y, (0.03, 0.3), 1.0);
    let energies = run.points.iter().map(energy);
    let (low, high) = energies.fold((f64::INFINITY, 0.0f64), |(l, h), e| (l.min(e), h.max(e)));
    // Kept up to terms of higher order in the step, for ever: no drift.
    assert!(high / low < 1.8, "{low} {high}");
    assert!(run.points.iter().all(|point| point.y.abs() < 0.15 && (0.02..0.35).contains(&point.p)));
    // So the sharpness stays near 2 / eta, in the mean.
    assert_near(run.points.iter().map(|point| point.lambda).sum::<f64>() / 100_001.0, 2.0, 0.01);
    assert!(run.points[90_000..].iter().any(|p| p.y > 0.05) && run.points[90_000..].iter().any(|p| p.y < -0.05));
}

#[test]
fn a_semi_implicit_step_keeps_areas_of_ln_p_and_y() {
    // d(ln p+, y+) / d(ln p, y), by central differences of one step.
    let after = |z: f64, y: f64| {
        let start = Start { eta: 0.7, lambda: (2.0 + y) / 0.7, p: z.exp(), q: 0.0 };
        let run = run(Parameters { a: 0.4, b: 0.3, nu: 0.0 }, start, &Constant, Time::SemiImplicit, 1);
        (run.points[1].p.ln(), run.points[1].y)
    };
    let h = 1e-5;
    for (z, y) in [(-1.3, 0.2), (0.4, -0.3), (0.1, 0.05)] {
        let column = |a: (f64, f64), b: (f64, f64)| ((a.0 - b.0) / (2.0 * h), (a.1 - b.1) / (2.0 * h));
        let (by_z, by_y) = (column(after(z + h, y), after(z - h, y)), column(after(z, y + h), after(z, y - h)));
        assert!((by_z.0 * by_y.1 - by_z.1 * by_y.0 - 1.0).abs() < 1e-9);
    }
}

#[test]
fn one_turn_takes_the_predicted_steps() {
    for time in BOTH {
        let points = constant(1e-6, 0.0, time, 200).points;
        let rises: Vec<usize> =
            points.windows(2).filter(|pair| pair[0].y <= 0.0 && pair[1].y > 0.0).map(|pair| pair[1].step).collect();
        let turns = (rises.len() - 1) as f64;
        let measured = (rises[rises.len() - 1] - rises[0]) as f64 / turns;
        assert!((measured - spiral::period(0.03, 1.0, time)).abs() < 1.0 / turns, "{measured}");
    }
}

#[test]
fn the_classical_tuner_stays_below_the_edge_while_the_sharpness_grows() {
    for time in BOTH {
        let run = classical(0.1, time);
        let end = last(&run);
        for pair in run.points.windows(2) {
            // y = -2e; -e, as the paper's text has it, would be -0.05.
            assert!((pair[1].y + 0.1).abs() < 1e-14);
            // p+ = (1 + y)^2 p
            assert_near(pair[1].p, 0.81 * pair[0].p, 1e-12);
            assert!(pair[1].lambda > pair[0].lambda && pair[1].eta < pair[0].eta);
        }
        // With p gone lambda+ = lambda + 1.9 / lambda: lambda^2 grows by 3.8 a step, and a little.
        assert_near(end.lambda * end.lambda, 3.8 * 2000.0, 0.01);
        assert_near(end.p, 0.1 * 0.81f64.powi(2000), 1e-9);
        assert_near(end.eta, 1.9 / end.lambda, 1e-14);
    }
}

#[test]
fn on_the_edge_with_the_printed_lag_the_sharpness_settles() {
    let run = cdat(2.0, Time::Printed, Lag::Printed, 40_000);
    let end = last(&run);
    assert_near(end.lambda, 30.46, 2e-4);
    assert_near(end.p, 0.5, 1e-4);
    assert!(end.y.abs() < 1e-8 && end.q < 1e-30);
    // The y-axis of the figure: 0, from the first hundred steps on.
    assert!(run.points[100..].iter().all(|point| point.y.abs() < 1e-3));
    let end = last(&cdat(2.0, Time::SemiImplicit, Lag::Printed, 40_000));
    assert_near(end.lambda, 30.47, 2e-4);
    assert_near(end.p, 0.5, 1e-4);
}

#[test]
fn on_the_edge_without_the_lag_it_grows_for_ever() {
    for time in BOTH {
        let run = cdat(2.0, time, Lag::None, 40_000);
        let end = last(&run);
        assert!(run.points.windows(2).skip(1).all(|pair| pair[1].lambda > pair[0].lambda));
        // y is 0 as soon as q is gone, so p stays where it is, under a/b: lambda^2 grows by 4 (a - b p) a step.
        assert!(end.y.abs() < 1e-12);
        let middle = run.points[10_000];
        assert_near(end.p, middle.p, 1e-9);
        assert!(end.p < 0.1);
        let slope = (end.lambda.powi(2) - middle.lambda.powi(2)) / 30_000.0;
        assert_near(slope, 4.0 * (0.05 - 0.1 * end.p), 1e-3);
    }
}

#[test]
fn below_the_edge_y_follows_the_second_eigenvalue_and_the_sharpness_grows() {
    for time in BOTH {
        for lag in [Lag::Printed, Lag::None] {
            for sigma in [1.5, 1.9, 1.99] {
                let run = cdat(sigma, time, lag, 40_000);
                let end = last(&run);
                // The two displacements must shrink alike, so (1 + y)^2 = (1 - eta nu)^2.
                assert_near(end.y, -0.1 * end.eta, 0.02);
                assert!(run.points[2000..].windows(2).all(|pair| pair[1].lambda > pair[0].lambda));
                // p is gone: lambda^2 grows by 2 a (2 + y) a step.
                let middle = run.points[20_000];
                let slope = (end.lambda.powi(2) - middle.lambda.powi(2)) / 20_000.0;
                assert_near(slope, 0.2, 0.01);
            }
        }
    }
}

#[test]
fn beyond_the_edge_it_diverges() {
    for lag in [Lag::Printed, Lag::None] {
        let mut before = usize::MAX;
        for sigma in [2.01, 2.02, 2.05, 2.1, 2.5] {
            match cdat(sigma, Time::Printed, lag, 20_000).stop {
                Stop::Diverged { step, .. } | Stop::NoRate { step, .. } => {
                    assert!(step < before, "the sooner the farther: sigma {sigma}, step {step}");
                    before = step;
                }
                Stop::StepsDone => panic!("sigma {sigma} with {lag:?} stays bounded"),
            }
        }
    }
}

#[test]
fn shortly_beyond_the_edge_the_lag_only_slows_the_end() {
    // With the lag y+ = sigma lambda+ / lambda - 2 once q is gone. It goes back to 0 with p to a/b, while lambda falls to
    // 2 / sigma of itself at each step; then the rate is too large for (4).
    let points = cdat(2.01, Time::Printed, Lag::Printed, 20_000).points;
    assert_near((points[850].lambda / points[750].lambda).ln() / 100.0, (2.0f64 / 2.01).ln(), 0.02);
    assert!(points[750..850].iter().all(|point| point.y.abs() < 2e-4 && (point.p - 0.5).abs() < 0.02));
    assert!(points.len() < 1000);
    // Without, y = sigma - 2 once q is gone, and p grows by (1 + y)^2 a step.
    let points = cdat(2.01, Time::Printed, Lag::None, 20_000).points;
    assert_near(points[250].y, 0.01, 0.05);
    assert_near(points[250].p / points[249].p, 1.01f64.powi(2), 1e-3);
}
