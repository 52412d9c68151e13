//! Constructors refuse what specs refuse, in the same words.

use onedge_registry::{Error, Kind, Setting, Value};
use onedge_tune::optimizers::{
    AdaGrad, Adam, AdamW, DAdaptAdam, DAdaptSgd, Gd, Lamb, Lion, Mechanic, Momentum, Muon, MuonOptions, Nesterov,
    Prodigy, RmsProp, ScheduleFreeAdamW, ScheduleFreeAdamWOptions, ScheduleFreeSgd,
};
use onedge_tune::tuners::{
    AdGd, Armijo, ArmijoOptions, BarzilaiBorwein, BatchSharpness, Cdat, Constant, Controlled, ControlledOptions, Dog,
    Dowg, Exponential, Frobenius, GaussNewton, Greedy, Guarded, Hypergradient, OnEdge, OverSignsOptions, Pal, Polyak,
    Sharpness, Sigma, Sls, SlsOptions, StepDecay, Trace, Variant, Warmup, WarmupConstant, WarmupCosine, WarmupLinear,
    Wolfe, WolfeOptions, Year,
};
use onedge_tune::{optimizers, tuners};

use crate::problems::given;

/// What the constructor of the optimizer `name` says to `x` for `key`, all else as in its tests.
fn optimizer(name: &str, key: &str, x: f64) -> Option<Error> {
    let or = |own: &str, usual: f64| if own == key { x } else { usual };
    let (beta, beta1, beta2) = (or("beta", 0.9), or("beta1", 0.9), or("beta2", 0.99));
    let (eps, decay, distance, rate) = (or("eps", 1e-8), or("decay", 0.1), or("distance", 1.0), or("rate", 1.0));
    match name {
        "momentum" => Momentum::<f32>::new(beta).err(),
        "nesterov" => Nesterov::<f32>::new(beta).err(),
        "adagrad" => AdaGrad::<f32>::new(or("start", 0.1), eps).err(),
        "rmsprop" => RmsProp::<f32>::new(beta2, eps).err(),
        "adam" => Adam::<f32>::new(beta1, beta2, eps).err(),
        "adamw" => AdamW::<f32>::new(beta1, beta2, eps, decay).err(),
        "lamb" => Lamb::<f32>::new(beta1, beta2, eps, decay).err(),
        "lion" => Lion::<f32>::new(beta1, beta2, decay).err(),
        "muon" => {
            Muon::<f32>::new(MuonOptions { beta, beta1, beta2, eps, rest_rate: or("rest_rate", 0.1), decay }).err()
        }
        "d-adapt-sgd" => DAdaptSgd::<f32>::new(beta, distance).err(),
        "d-adapt-adam" => DAdaptAdam::<f32>::new(beta1, beta2, eps, distance).err(),
        "prodigy" => Prodigy::<f32>::new(beta1, beta2, eps, distance).err(),
        "mechanic" => Mechanic::<f32>::new(Box::new(Gd), decay, or("init", 1.0), eps).err(),
        "schedule-free-sgd" => ScheduleFreeSgd::<f32>::new(rate, beta, decay, 0).err(),
        "schedule-free-adamw" => {
            let options = ScheduleFreeAdamWOptions { rate, beta, beta2, eps, decay, warmup: 0 };
            ScheduleFreeAdamW::<f32>::new(options).err()
        }
        other => panic!("{other}: how is it made?"),
    }
}

/// The same for a tuner. What is a whole number comes as one that is.
fn tuner(name: &str, key: &str, x: f64) -> Option<Error> {
    let or = |own: &str, usual: f64| if own == key { x } else { usual };
    let count = |own: &str, usual: u64| if own == key { x as u64 } else { usual };
    let (rate, factor, cap, c) = (or("rate", 0.005), or("factor", 0.5), or("cap", 1e10), or("c", 0.1));
    let (beta, parts) = (or("beta", 0.9), count("curvature_parts", 1) as usize);
    let warmup = |key: &'static str| {
        let own = |error| renamed(error, "warmup", key);
        Warmup::new(rate, count("horizon", 25), or("warmup", 0.1)).map_err(own)
    };
    match name {
        "constant" => Constant::new(rate).err(),
        "warmup-constant" => warmup("warmup-constant").map(WarmupConstant::new).err(),
        "warmup-linear" => warmup("warmup-linear").map(WarmupLinear::new).err(),
        "warmup-cosine" => warmup("warmup-cosine").map(WarmupCosine::new).err(),
        "exponential" => Exponential::new(rate, factor, count("period", 3)).err(),
        "step" => StepDecay::new(rate, factor, count("period", 3)).err(),
        "armijo" => {
            let (c_plus, c_minus, delta) = (or("c_plus", 4.0), or("c_minus", 0.8), or("delta", 0.0));
            let max_tries = Some(count("max_tries", 3) as usize);
            Armijo::new(ArmijoOptions { c, c_plus, c_minus, delta, max_tries }).err()
        }
        "wolfe" => {
            let (c1, c2, first, max_tries) = (or("c1", 1e-4), or("c2", 0.9), or("first", 1.0), count("max_tries", 25));
            Wolfe::new(WolfeOptions { c1, c2, first, cap, max_tries }).err()
        }
        "sls" => {
            let (backtrack, growth, batches) = (or("backtrack", 0.9), or("growth", 2.0), count("batches", 1));
            let first = Some(or("first", 1.0));
            Sls::new(SlsOptions { c, backtrack, growth, batches, first, cap }).err()
        }
        "pal" => Pal::new(or("measure", 0.1), or("adapt", 1.0), cap).err(),
        "greedy" => Greedy::paper().measuring_parts(parts).err(),
        "on-edge" => OnEdge::paper().measuring_parts(parts).err(),
        "cdat" if ["growth", "cooldown"].contains(&key) => Guarded::new(None, 0.97, 8)
            .and_then(|guarded| guarded.growing_by(or("growth", 1.5))?.cooling_down(or("cooldown", 0.5)))
            .err(),
        "cdat" => cdat(&or, &count).err(),
        "controlled" => {
            let (target, pole, limit) = (or("target", 2.0), or("pole", 0.9), or("limit", 2.0));
            let options = ControlledOptions { target, beta, pole, rate: Some(rate), limit, cap };
            Controlled::new(options).and_then(|controlled| controlled.measuring_parts(parts)).err()
        }
        "sharpness" => Sharpness::new(or("sigma", 3.0)).err(),
        "gauss-newton" => GaussNewton::new(or("sigma", 2.0), or("beta", 0.0), cap)
            .and_then(|tuner| tuner.measuring_every(count("every", 1)))
            .err(),
        "trace" | "frobenius" => {
            let (ratio, samples) = ((key == "ratio").then_some(x), count("samples", 4) as usize);
            let (sigma, beta, every) = (or("sigma", 2.0), or("beta", 0.8), count("every", 4));
            let options = OverSignsOptions { sigma, ratio, beta, every, samples };
            if name == "trace" { Trace::new(options).err() } else { Frobenius::new(options).err() }
        }
        "batch-sharpness" => BatchSharpness::new(or("sigma", 2.0), beta)
            .and_then(|tuner| tuner.of_parts(count("parts", 1) as usize))
            .err(),
        "polyak" => Polyak::new(or("fstar", 0.0), cap).err(),
        "hypergradient" => Hypergradient::new(rate, beta).err(),
        "adgd" => AdGd::new(rate, Year::Y2023).err(),
        "barzilai-borwein" => BarzilaiBorwein::new(rate, Variant::Long, or("floor", 1e-10), cap).err(),
        "dog" => Dog::new(or("relative", 1.0)).and_then(|dog| dog.with_eps(or("eps", 0.0))).err(),
        "dowg" => Dowg::new(or("distance", 1.0)).and_then(|dowg| dowg.with_eps(or("eps", 0.0))).err(),
        other => panic!("{other}: how is it made?"),
    }
}

fn cdat(or: &dyn Fn(&str, f64) -> f64, count: &dyn Fn(&str, u64) -> u64) -> Result<Cdat, Error> {
    let cdat = Cdat::new(or("sigma", 2.0), or("eps", 0.0), or("beta", 0.0), or("cap", 1e9))?;
    let sigma = Sigma::constant(2.0)?.starting_at(or("sigma_start", 1.0), count("sigma_steps", 5))?;
    let sigma = sigma.in_batches(count("batch", 8), or("noise", 4.0), or("momentum", 0.0))?;
    let every = count("every", 1);
    cdat.with_sigma(sigma)
        .measuring_every(every)?
        .measuring_parts(count("curvature_parts", 1) as usize)?
        .amortised(or("error", 0.1))
}

/// The error with another owner: a warm-up alone does not know of which schedule it is.
fn renamed(error: Error, from: &str, to: &str) -> Error {
    match error {
        Error::OutOfRange { owner, key, expected, got } if owner == from => {
            Error::OutOfRange { owner: to.to_owned(), key, expected, got }
        }
        other => other,
    }
}

/// What goes with a setting that does not stand alone.
fn companions(tuner: &str, key: &str) -> &'static [(&'static str, &'static str)] {
    match key {
        "growth" | "cooldown" if tuner == "cdat" => &[("preset", "recommended")],
        "sigma_start" => &[("sigma_steps", "5")],
        "sigma_steps" => &[("sigma_start", "1.0")],
        "error" => &[("curvature", "auto")],
        "noise" => &[("batch", "8")],
        "batch" => &[("noise", "4.0")],
        _ => &[],
    }
}

#[test]
fn constructors_take_and_refuse_what_specs_do() {
    let least = f64::MIN_POSITIVE;
    let numbers = [f64::NAN, f64::NEG_INFINITY, -1.0, 0.0, least, 0.5, 1.0, 1.5, 1e300, f64::INFINITY];
    let check =
        |name: &str, setting: &Setting, build: &dyn Fn(Value) -> Option<String>, new: &dyn Fn(f64) -> Option<Error>| {
            let values: Vec<(Value, f64)> = match setting.kind {
                Kind::Number => numbers.iter().map(|&x| (Value::Number(x), x)).collect(),
                Kind::Integer if setting.key != "year" && setting.key != "warmup" => {
                    [0, 1, 7].map(|i| (Value::Integer(i), i as f64)).to_vec()
                }
                _ => return 0,
            };
            for (value, x) in values {
                let (spec, own) = (build(value), new(x).map(|error| error.to_string()));
                assert_eq!(spec, own, "{name}.{} of {x}", setting.key);
            }
            1
        };
    let mut checked = 0;
    let parse = |(key, text): &(&str, &str)| ((*key).to_owned(), Value::parse(text));
    for entry in optimizers::ALL {
        for setting in entry.settings {
            let build = |value| {
                let settings = [given(entry), [(setting.key.to_owned(), value)].into()].into_iter().flatten().collect();
                optimizers::build::<f32>(entry.name, settings).err().map(|error| error.to_string())
            };
            checked += check(entry.name, setting, &build, &|x| optimizer(entry.name, setting.key, x));
        }
    }
    for entry in tuners::ALL {
        for setting in entry.settings {
            let build = |value| {
                let paper = (entry.name == "cdat").then(|| parse(&("preset", "paper")));
                let beside = companions(entry.name, setting.key).iter().map(parse);
                let beside = paper.into_iter().chain(beside).collect();
                let own = [(setting.key.to_owned(), value)].into();
                let settings = [given(entry), beside, own].into_iter().flatten().collect();
                tuners::build(entry.name, settings).err().map(|error| error.to_string())
            };
            checked += check(entry.name, setting, &build, &|x| tuner(entry.name, setting.key, x));
        }
    }
    // All but names, flags, the year of a rule, and warm-ups in steps, which may be left out.
    assert!(checked > 100, "{checked}");
}
