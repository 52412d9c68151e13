use onedge_registry::{Default, Entry, Error, Kind, Setting, Settings, setting};

use super::conditions::{A, B, ETA0, LAG, LAMBDA0, NU, P0, Q0, STEPS, TIME, lags, parameters, start, steps, time};
use super::verdict::{Judge, below, digits, growth, whether};
use super::{Claim, Convention, Curve, Curves, Make, Outcome, Quantity};
use crate::stochastic::Noise;
use crate::tuners::{Cdat, Lag};
use crate::{Parameters, Study, Trajectory, simulate};

/// More curves than this in one picture cannot be told apart.
const MOST_SIGMAS: usize = 8;

pub(super) const SETTINGS: &[Setting] = &[
    setting("sigma", Kind::Numbers, Default::Is("[2.0, 1.9]"), "CDAT's factors, one run each"),
    A,
    B,
    NU,
    LAMBDA0,
    ETA0,
    P0,
    Q0,
    TIME,
    Setting {
        default: Default::Is("both"),
        help: "whose gradient (10) reads: printed (the last), none or both",
        ..LAG
    },
    STEPS,
];

pub(super) static ENTRY: Entry<Make> = Entry {
    name: "figure-9",
    summary: "CDAT on the edge and below it: rate, sharpness, y",
    doc: "Equation (4) with CDAT's rate (10), as printed from the step before, and from the step itself. Roulet et al. \
          2024, arXiv 2407.06183, figure 9. Cost: some twenty operations a step.",
    settings: SETTINGS,
    build: |settings| make(settings, "figure 9", &[Quantity::Eta, Quantity::Lambda, Quantity::Y]),
};

/// Figures 9 and 11 are of the same runs; the second shows p, and what is said of it.
pub(super) fn make(settings: &Settings, figure: &str, quantities: &'static [Quantity]) -> Result<Outcome, Error> {
    let sigmas = settings.numbers("sigma");
    let usable = sigmas.iter().all(|sigma| (0.01..=100.0).contains(sigma));
    if sigmas.is_empty() || sigmas.len() > MOST_SIGMAS || !usable {
        return Err(settings.out_of_range("sigma", "1 to 8 numbers from 0.01 to 100"));
    }
    let (parameters, start) = (parameters(settings)?, start(settings)?);
    let (time, steps) = (time(settings)?, steps(settings)?);
    let with_p = quantities.contains(&Quantity::P);
    let (mut curves, mut claims) = (Vec::new(), Vec::new());
    for lag in lags(settings)? {
        for &sigma in &sigmas {
            let tuner = Cdat::new(sigma, lag, parameters.nu);
            let noise = Noise::NONE;
            let trajectory = simulate(&Study { parameters, time, start, tuner: &tuner, noise, steps });
            let label = match lag {
                Lag::Printed => format!("sigma {sigma}"),
                Lag::None => format!("sigma {sigma}, no lag"),
            };
            claims.extend(claimed(&label, &trajectory, sigma, &parameters, with_p));
            curves.push(Curve { label, convention: Convention::of(time, lag), trajectory });
        }
    }
    let title = format!("simplified model, {figure}: CDAT");
    Ok(Outcome::Curves(Curves { title, curves, noise: Noise::NONE, quantities, claims }))
}

/// The paper speaks of sigma 2 and of one below it; what is above is judged as the rest of the paper says.
fn claimed(label: &str, run: &Trajectory, sigma: f64, parameters: &Parameters, with_p: bool) -> Vec<Claim> {
    let mut judge = Judge::new(label, run);
    if sigma > 2.0 {
        judge.must_on_the_way("diverges, if far enough", |_, stop| (whether(!stop.is_success()), stop.to_string()));
    } else if sigma == 2.0 {
        judge.must("y -> 0", |points| {
            let y = points[points.len() - 1].y;
            (below(y.abs(), (1e-3, 1e-2)), format!("at the end {}", digits(y)))
        });
        judge.must("lambda stabilises", |points| {
            let (growth, last) = (growth(points, |point| point.lambda), points[points.len() - 1].lambda);
            let measured = format!("at the end {}, times {} over the second half", digits(last), digits(growth));
            (below((growth - 1.0).abs(), (0.02, 0.1)), measured)
        });
        if with_p {
            judge.must("p stabilises", |points| {
                let (growth, last) = (growth(points, |point| point.p), points[points.len() - 1].p);
                let resting = digits(parameters.a / parameters.b);
                let measured = format!(
                    "at the end {}, a/b is {resting}; times {} over the second half",
                    digits(last),
                    digits(growth)
                );
                (below((growth - 1.0).abs(), (0.05, 0.2)), measured)
            });
        }
    } else {
        judge.must("lambda grows slowly", |points| {
            let (growth, last) = (growth(points, |point| point.lambda), points[points.len() - 1].lambda);
            let measured = format!("at the end {}, times {} over the second half", digits(last), digits(growth));
            (whether((1.05..2.0).contains(&growth)), measured)
        });
        judge.must("y settles at a small negative value", |points| {
            let last = &points[points.len() - 1];
            let resting = -last.eta * parameters.nu;
            let verdict = whether(last.y < 0.0 && last.y > -0.2 && (last.y / resting - 1.0).abs() < 0.1);
            (verdict, format!("at the end {}, -eta nu is {}", digits(last.y), digits(resting)))
        });
    }
    judge.claims()
}
