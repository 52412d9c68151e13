//! Settings that several entries share, and how they are read.

use onedge_registry::{Default, Error, Kind, Setting, Settings, setting};

use crate::stochastic::Noise;
use crate::tuners::Lag;
use crate::{Parameters, Start, Time};

/// More steps than this are refused: a run keeps all of them.
const MOST_STEPS: usize = 2_000_000;

pub const A: Setting = setting("a", Kind::Number, Default::Is("0.05"), "progressive sharpening");
pub const B: Setting = setting("b", Kind::Number, Default::Is("0.1"), "self-stabilisation");
pub const NU: Setting = setting("nu", Kind::Number, Default::Is("0.1"), "the second eigenvalue");
pub const LAMBDA0: Setting = setting("lambda0", Kind::Number, Default::Is("18.0"), "sharpness at the start");
pub const ETA0: Setting = setting("eta0", Kind::Number, Default::Is("0.05"), "rate of the first step");
pub const P0: Setting =
    setting("p0", Kind::Number, Default::Is("4.0"), "squared displacement along the top, at the start");
pub const Q0: Setting = setting("q0", Kind::Number, Default::Is("4.0"), "that along the second, at the start");
pub const STEPS: Setting = setting("steps", Kind::Integer, Default::Is("20000"), "how many");
pub const GRADIENT_NOISE: Setting =
    setting("gradient_noise", Kind::Number, Default::Is("0.0"), "deviation of noise in the gradient (not the paper's)");
pub const DISPLACEMENT_NOISE: Setting =
    setting("displacement_noise", Kind::Number, Default::Is("0.0"), "deviation of shifts of x (not the paper's)");
pub const SEED: Setting = setting("seed", Kind::Integer, Default::Is("0"), "of the noise");
pub const TIME: Setting = setting(
    "time",
    Kind::Text,
    Default::Is("printed"),
    "which x the sharpness of (4) reads: printed (the old), semi-implicit (the new)",
);
pub const LAG: Setting = setting(
    "lag",
    Kind::Text,
    Default::Is("printed"),
    "whose gradient the rate of (10) is made of: printed (the last step's), none (its own)",
);

/// `a`, `b`, `nu`
pub fn parameters(settings: &Settings) -> Result<Parameters, Error> {
    Ok(Parameters { a: positive(settings, "a")?, b: positive(settings, "b")?, nu: positive(settings, "nu")? })
}

/// `eta0`, `lambda0`, `p0`, `q0`
pub fn start(settings: &Settings) -> Result<Start, Error> {
    let (eta, lambda) = (positive(settings, "eta0")?, positive(settings, "lambda0")?);
    Ok(Start { eta, lambda, p: positive(settings, "p0")?, q: not_negative(settings, "q0")? })
}

/// `gradient_noise`, `displacement_noise`, `seed`
pub fn noise(settings: &Settings) -> Result<Noise, Error> {
    Ok(Noise {
        gradient: not_negative(settings, "gradient_noise")?,
        displacement: not_negative(settings, "displacement_noise")?,
        seed: settings.count("seed")? as u64,
    })
}

/// A number over 0, far from the ends of what a number can be.
pub fn positive(settings: &Settings, key: &str) -> Result<f64, Error> {
    settings.number_where(key, "a number from 1e-9 to 1e9", |x| (1e-9..=1e9).contains(&x))
}

/// The same, or 0.
pub fn not_negative(settings: &Settings, key: &str) -> Result<f64, Error> {
    settings.number_where(key, "0, or a number from 1e-9 to 1e9", |x| x == 0.0 || (1e-9..=1e9).contains(&x))
}

/// `steps`: enough for a first and a second half.
pub fn steps(settings: &Settings) -> Result<usize, Error> {
    let steps = settings.count("steps")?;
    if (20..=MOST_STEPS).contains(&steps) { Ok(steps) } else { Err(settings.out_of_range("steps", "20 to 2000000")) }
}

/// `time`
pub fn time(settings: &Settings) -> Result<Time, Error> {
    match settings.text("time") {
        "printed" => Ok(Time::Printed),
        "semi-implicit" => Ok(Time::SemiImplicit),
        _ => Err(settings.out_of_range("time", "printed or semi-implicit")),
    }
}

/// `time`, where `both` is one of its values.
pub fn times(settings: &Settings) -> Result<Vec<Time>, Error> {
    match settings.text("time") {
        "both" => Ok(vec![Time::Printed, Time::SemiImplicit]),
        "printed" | "semi-implicit" => Ok(vec![time(settings)?]),
        _ => Err(settings.out_of_range("time", "printed, semi-implicit or both")),
    }
}

/// `lag`
pub fn lag(settings: &Settings) -> Result<Lag, Error> {
    match settings.text("lag") {
        "printed" => Ok(Lag::Printed),
        "none" => Ok(Lag::None),
        _ => Err(settings.out_of_range("lag", "printed or none")),
    }
}

/// `lag`, where `both` is one of its values.
pub fn lags(settings: &Settings) -> Result<Vec<Lag>, Error> {
    match settings.text("lag") {
        "both" => Ok(vec![Lag::Printed, Lag::None]),
        "printed" | "none" => Ok(vec![lag(settings)?]),
        _ => Err(settings.out_of_range("lag", "printed, none or both")),
    }
}
