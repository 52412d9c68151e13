use onedge_registry::{Default, Entry, Error, Kind, Setting, Settings, setting};

use super::conditions::{A, B, LAMBDA0, NU, P0, Q0, SEED, not_negative, parameters, positive};
use super::{Make, Outcome};
use crate::batches::{Batches, Model};

/// More cells than this on a side no picture can show.
const MOST_CELLS: usize = 50;
const MOST_DIRECTIONS: usize = 1000;
const MOST_SEEDS: usize = 1000;
/// A run has no more steps than this.
const MOST_STEPS: usize = 1_000_000;

/// What the study `noise` of the paper's figure 7 has, chosen on digits at its small size: the shape of which batch wants which sigma, in units in which the
/// loss starts at 1 and the second eigenvalue is 1.
pub const CHOSEN: Model = Model {
    parameters: crate::Parameters { a: 480.0, b: 192_000.0, nu: 1.0 },
    directions: 5,
    lambda: 40.0,
    p: 0.005,
    q: 1.8,
    momentum: 0.9,
    noise: 60.0,
    power: 0.5,
    examples: 1024,
};

pub(super) static ENTRY: Entry<Make> = Entry {
    name: "batches",
    summary: "which sigma ends lowest at which batch size, with noise",
    doc: "The loss (lambda x^2 + nu |z|^2) / 2, trained in batches by CDAT with momentum and averages; lambda sharpens (a) and is held (b) as in equation (4), and the \
          gradient of a batch of m of N examples has noise of variance s^2 (N - m) / ((N - 1) m) in each direction, s^2 by the noise scale at the start. In each cell the mean \
          loss over the last tenth of the steps over the first loss, the mean over seeds. `docs/THEORY.md` derives what can be known of it beforehand. Ours: neither Roulet et al. 2024, \
          arXiv 2407.06183, whose figure 7 it is to resemble, nor their sources have it. Cost: some forty operations a step and direction, for each cell and seed.",
    settings: &[
        setting("sigmas", Kind::Numbers, Default::Is("[0.4, 0.8, 1.2, 1.6, 2.0, 2.4, 2.8]"), "CDAT's factors, rising"),
        setting("batches", Kind::Numbers, Default::Is("[32, 64, 128, 256, 512]"), "examples of a batch, rising"),
        setting("examples", Kind::Integer, Default::Is("1024"), "how many there are"),
        setting("epochs", Kind::Integer, Default::Is("60"), "how often each is seen"),
        setting("momentum", Kind::Number, Default::Is("0.9"), "of the optimizer, in [0, 1)"),
        setting("beta", Kind::Number, Default::Is("0.9"), "decay of CDAT's averages, in [0, 1)"),
        setting("noise", Kind::Number, Default::Is("60.0"), "noise scale at the start, in examples"),
        setting(
            "noise_power",
            Kind::Number,
            Default::Is("0.5"),
            "variance of the noise goes as this power of the loss, 0 to 2",
        ),
        setting("directions", Kind::Integer, Default::Is("5"), "how many share the second eigenvalue"),
        Setting { default: Default::Is("480.0"), ..A },
        Setting { default: Default::Is("192000.0"), ..B },
        Setting { default: Default::Is("1.0"), ..NU },
        Setting { default: Default::Is("40.0"), ..LAMBDA0 },
        Setting { default: Default::Is("0.005"), ..P0 },
        Setting { default: Default::Is("1.8"), ..Q0 },
        setting("seeds", Kind::Integer, Default::Is("8"), "runs of each cell"),
        SEED,
    ],
    build: make,
};

fn make(settings: &Settings) -> Result<Outcome, Error> {
    let decay = |key| settings.number_where(key, "a number from 0 to 0.999", |x| (0.0..=0.999).contains(&x));
    let count = |key, least: usize, most: usize| {
        let count = settings.count(key)?;
        let expected = || format!("{least} to {most}");
        if (least..=most).contains(&count) { Ok(count) } else { Err(settings.out_of_range(key, &expected())) }
    };
    let examples = count("examples", 2, 1_000_000)?;
    let model = Model {
        parameters: parameters(settings)?,
        directions: count("directions", 1, MOST_DIRECTIONS)?,
        lambda: positive(settings, "lambda0")?,
        p: positive(settings, "p0")?,
        q: not_negative(settings, "q0")?,
        momentum: decay("momentum")?,
        noise: not_negative(settings, "noise")?,
        power: settings.number_where("noise_power", "a number from 0 to 2", |x| (0.0..=2.0).contains(&x))?,
        examples,
    };
    let sigmas =
        rising(settings, "sigmas", "1 to 50 rising numbers from 0.01 to 100", |x| (0.01..=100.0).contains(&x))?;
    let sizes =
        rising(settings, "batches", "1 to 50 rising whole numbers, 1 or more", |x| x >= 1.0 && x.fract() == 0.0)?;
    let (epochs, last) = (count("epochs", 1, 100_000)?, sizes[sizes.len() - 1] as usize);
    if last > examples {
        return Err(settings.out_of_range("batches", &format!("no more than the {examples} examples")));
    }
    let steps = |batch: usize| (epochs * examples).div_ceil(batch);
    if steps(sizes[0] as usize) > MOST_STEPS {
        return Err(settings.out_of_range("epochs", "so many that no run has more than 1000000 steps"));
    }
    let batches = sizes.iter().map(|&size| (size as usize, steps(size as usize))).collect();
    let (seed, seeds) = (settings.count("seed")? as u64, count("seeds", 1, MOST_SEEDS)? as u64);
    Ok(Outcome::Batches(Batches { model, sigmas, batches, beta: decay("beta")?, seed, seeds }))
}

fn rising(settings: &Settings, key: &str, expected: &str, holds: fn(f64) -> bool) -> Result<Vec<f64>, Error> {
    let numbers = settings.numbers(key);
    let rises = numbers.windows(2).all(|pair| pair[0] < pair[1]);
    let fits = (1..=MOST_CELLS).contains(&numbers.len()) && rises && numbers.iter().all(|&x| holds(x));
    if fits { Ok(numbers) } else { Err(settings.out_of_range(key, expected)) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn the_defaults_are_the_model_that_was_chosen() {
        let Outcome::Batches(batches) = crate::build("batches", BTreeMap::new()).unwrap().0 else {
            panic!("a map of batches")
        };
        assert_eq!(batches.model, CHOSEN);
        assert_eq!(batches.batches[0], (32, 1920));
        assert_eq!(batches.batches[4], (512, 120));
        assert!((CHOSEN.first_loss() - 1.0).abs() < 1e-12);
    }
}
