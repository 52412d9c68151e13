use onedge_registry::{Default, Entry, Error, Kind, Settings, setting};

use super::conditions::{
    A, B, DISPLACEMENT_NOISE, ETA0, GRADIENT_NOISE, LAG, LAMBDA0, NU, P0, Q0, SEED, STEPS, TIME, lag, noise,
    parameters, positive, start, steps, time,
};
use super::{Convention, Curve, Curves, Make, Outcome, Quantity};
use crate::tuners::{Cdat, Classical, Constant, Tuner};
use crate::{Study, simulate};

pub(super) static ENTRY: Entry<Make> = Entry {
    name: "run",
    summary: "one run with everything as you like, and with noise if you like",
    doc: "Equation (4) with any tuner: constant; classical, 2 (1 - e) / lambda; cdat, equation (10). Without noise the \
          model of Roulet et al. 2024, arXiv 2407.06183. Noise is an addition of ours: of the gradient, which both the \
          step and CDAT's rate are made of, and shifts of x after each step. Cost: some twenty operations a step, \
          eighty with noise.",
    settings: &[
        setting("tuner", Kind::Text, Default::Is("cdat"), "constant, classical or cdat"),
        setting("sigma", Kind::Number, Default::Is("2.0"), "cdat's factor"),
        setting("e", Kind::Number, Default::Is("0.05"), "classical's distance from the edge"),
        A,
        B,
        NU,
        LAMBDA0,
        ETA0,
        P0,
        Q0,
        TIME,
        LAG,
        STEPS,
        GRADIENT_NOISE,
        DISPLACEMENT_NOISE,
        SEED,
    ],
    build: make,
};

fn make(settings: &Settings) -> Result<Outcome, Error> {
    let (parameters, start, noise) = (parameters(settings)?, start(settings)?, noise(settings)?);
    let (time, lag, steps) = (time(settings)?, lag(settings)?, steps(settings)?);
    let sigma = positive(settings, "sigma")?;
    let e = settings.number_where("e", "a number from 0.001 to 0.999", |e| (0.001..=0.999).contains(&e))?;
    let (label, tuner): (_, Box<dyn Tuner>) = match settings.text("tuner") {
        "constant" => ("constant rate".to_owned(), Box::new(Constant)),
        "classical" => (format!("classical, e {e}"), Box::new(Classical::new(e))),
        "cdat" => (format!("CDAT, sigma {sigma}"), Box::new(Cdat::new(sigma, lag, parameters.nu))),
        _ => return Err(settings.out_of_range("tuner", "constant, classical or cdat")),
    };
    let trajectory = simulate(&Study { parameters, time, start, tuner: &*tuner, noise, steps });
    let title = if noise.is_none() {
        "simplified model".to_owned()
    } else {
        "simplified model with noise (our addition)".to_owned()
    };
    let curves = vec![Curve { label, convention: Convention::of(time, lag), trajectory }];
    let quantities = &[Quantity::Eta, Quantity::Lambda, Quantity::Y, Quantity::P];
    Ok(Outcome::Curves(Curves { title, curves, noise, quantities, claims: Vec::new() }))
}
