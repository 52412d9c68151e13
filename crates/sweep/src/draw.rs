//! Values drawn at random.

use onedge_random::Random;
use onedge_registry::{Error, Value, nearest};
use sha2::{Digest, Sha256};

use super::fields::{Fields, number};

/// Where the values of a setting come from.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Distribution {
    /// Every number between the two alike.
    Uniform(Range),
    /// Every order of magnitude alike: the logarithm is uniform.
    LogUniform(Range),
    /// Every value of the list alike.
    Choice(Vec<toml::Value>),
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Range {
    min: f64,
    max: f64,
}

impl Range {
    /// That of the distribution `name`.
    fn read(name: &str, value: &toml::Value) -> Result<Self, String> {
        let Some(table) = value.as_table() else {
            return Err(format!("{name}: expected a range like {{ min = 1, max = 2 }}, got {value}"));
        };
        let read = |mut own: Fields| {
            Ok(Self { min: own.required("min", "a number", number)?, max: own.required("max", "a number", number)? })
        };
        Fields::of(name, table.clone(), &["min", "max"]).and_then(read).map_err(|error| error.to_string())
    }
}

/// What is drawn.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Drawn {
    /// Of a range.
    Number(Value),
    /// Of a list.
    Chosen(toml::Value),
}

impl Distribution {
    /// The one that a table like `{ uniform = { min = 1.5, max = 2.5 } }` says, or what is wrong with it.
    pub(crate) fn read(table: &toml::Table) -> Result<Self, String> {
        const EXAMPLE: &str = "{ log_uniform = { min = 1e-3, max = 1.0 } }";
        let mut entries = table.iter();
        let (Some((name, value)), None) = (entries.next(), entries.next()) else {
            return Err(format!("expected one distribution, got {}; try `{EXAMPLE}`", table.len()));
        };
        let range = || Range::read(name, value);
        let distribution = match name.as_str() {
            "uniform" => Self::Uniform(range()?),
            "log_uniform" => Self::LogUniform(range()?),
            "choice" => match value.as_array() {
                Some(values) => Self::Choice(values.clone()),
                None => return Err(format!("choice: expected a list, got {value}; try `{{ choice = [{value}] }}`")),
            },
            _ => {
                let nearest = nearest(name, &["uniform", "log_uniform", "choice"]);
                return Err(Error::UnknownName { what: "distribution", name: name.clone(), nearest }.to_string());
            }
        };
        match distribution.mistake() {
            None => Ok(distribution),
            Some(mistake) => Err(mistake),
        }
    }

    /// What is wrong with it, if anything.
    fn mistake(&self) -> Option<String> {
        let order =
            |Range { min, max }: &Range| (min >= max).then(|| format!("expected min below max, got {min} and {max}"));
        match self {
            Self::Uniform(range) => order(range),
            Self::LogUniform(range) if range.min <= 0.0 => Some(format!("expected min above 0, got {}", range.min)),
            Self::LogUniform(range) => order(range),
            Self::Choice(values) => {
                values.is_empty().then(|| "expected one value or more, got an empty list".to_owned())
            }
        }
    }

    /// As many values as asked for. They follow from the seed and the key alone: another key, or more values, leave
    /// them as they are. Numbers of a range have four significant digits; `whole` ones are alike from the first to the
    /// last.
    pub(crate) fn draw(&self, seed: u64, key: &str, whole: bool, count: usize) -> Vec<Drawn> {
        let mut random = Random::from_key(Sha256::digest(format!("{seed} {key}")).into());
        (0..count).map(|_| self.at(random.unit(), whole)).collect()
    }

    /// The value where the distribution function is `share`, in [0, 1).
    fn at(&self, share: f64, whole: bool) -> Drawn {
        let end = |Range { min, max }: Range| if whole { (min.ceil(), max.floor() + 1.0) } else { (min, max) };
        let (value, range) = match self {
            Self::Uniform(range) => {
                let (min, max) = end(*range);
                (min + share * (max - min), range)
            }
            Self::LogUniform(range) => {
                let (min, max) = end(*range);
                ((min.ln() + share * (max / min).ln()).exp(), range)
            }
            Self::Choice(values) => return Drawn::Chosen(values[(share * values.len() as f64) as usize].clone()),
        };
        let value = if whole { value.floor() } else { format!("{value:.3e}").parse().unwrap_or(value) };
        let value = value.clamp(range.min, range.max);
        Drawn::Number(if whole { Value::Integer(value as i64) } else { Value::Number(value) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(distribution: &Distribution, whole: bool, count: usize) -> Vec<f64> {
        let number = |drawn| match drawn {
            Drawn::Number(Value::Number(number)) if !whole => number,
            Drawn::Number(Value::Integer(integer)) if whole => integer as f64,
            other => panic!("{other:?}"),
        };
        distribution.draw(7, "tuner.rate", whole, count).into_iter().map(number).collect()
    }

    /// The share of values up to each of some bounds.
    fn shares(values: &[f64], bounds: &[f64]) -> Vec<f64> {
        let up_to = |bound: &f64| values.iter().filter(|value| *value <= bound).count() as f64 / values.len() as f64;
        bounds.iter().map(up_to).collect()
    }

    #[test]
    fn values_follow_their_distribution() {
        let range = |min, max| Range { min, max };
        // Standard deviations of shares of 4000 are below 0.008.
        for (distribution, whole, bounds, expected) in [
            (Distribution::Uniform(range(1.5, 2.5)), false, [1.499, 1.75, 2.5], [0.0, 0.25, 1.0]),
            (Distribution::LogUniform(range(1e-4, 1.0)), false, [9.9e-5, 1e-3, 1.0], [0.0, 0.25, 1.0]),
            (Distribution::Uniform(range(1.0, 4.0)), true, [0.0, 1.0, 4.0], [0.0, 0.25, 1.0]),
            (Distribution::LogUniform(range(1.0, 15.0)), true, [0.0, 1.0, 15.0], [0.0, 0.25, 1.0]),
        ] {
            let values = numbers(&distribution, whole, 4000);
            let got = shares(&values, &bounds);
            let near = got.iter().zip(expected).all(|(got, expected)| (got - expected).abs() < 0.03);
            assert!(near, "{distribution:?}: {got:?}");
            assert!(values.iter().all(|value| format!("{value:.3e}").parse() == Ok(*value)));
        }
        let choice = Distribution::Choice(vec!["a".into(), 2.into(), true.into()]);
        let chosen = choice.draw(7, "model.activation", false, 3000);
        let share = chosen.iter().filter(|drawn| **drawn == Drawn::Chosen(2.into())).count() as f64 / 3000.0;
        assert!((share - 1.0 / 3.0).abs() < 0.04, "{share}");
    }

    #[test]
    fn draws_follow_from_seed_and_key() {
        let distribution = Distribution::Uniform(Range { min: 0.0, max: 1.0 });
        let draw = |seed, key, count| distribution.draw(seed, key, false, count);
        let first = draw(1, "tuner.rate", 5);
        assert_eq!(first[..], draw(1, "tuner.rate", 9)[..5]);
        assert_ne!(first, draw(2, "tuner.rate", 5));
        assert_ne!(first, draw(1, "tuner.sigma", 5));
    }
}
