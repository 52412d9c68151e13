use std::collections::BTreeMap;

use onedge_registry::Error;

use super::fields::{Fields, list, number, table};
use crate::Metric;
use crate::metric::METRICS;
use onedge_spec::MOST_POINTS;

/// `[sweep]`
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Section {
    /// How many values are drawn of each distribution.
    pub(crate) random: Option<u32>,
    /// Of the draws.
    pub(crate) seed: u64,
    /// How many seeds each run is done with, counted from that of the spec.
    pub(crate) repeats: Option<u32>,
    /// Gives the number of steps.
    pub(crate) epochs: Option<f64>,
    /// The keys for each of whose values there is a best run.
    pub(crate) per: Vec<String>,
    /// How many runs there may be.
    pub(crate) limit: u64,
    pub(crate) stop: Option<Stop>,
    /// By which the best run is chosen.
    pub(crate) metric: Option<Metric>,
    /// Settings that follow another one.
    pub(crate) scale: BTreeMap<String, Scale>,
    pub(crate) variants: Vec<toml::Table>,
}

/// When hopeless runs are given up, see [`GiveUp`](super::GiveUp).
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Stop {
    pub(crate) at: Vec<f64>,
    pub(crate) margin: f64,
}

/// A setting is multiplied by `(by / base)^power`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Scale {
    pub(crate) by: String,
    pub(crate) base: f64,
    pub(crate) power: f64,
}

/// The keys of `[sweep]`, each with what it says in one line.
pub const KEYS: [(&str, &str); 10] = [
    ("random", "how many values each distribution gives"),
    ("seed", "of what is drawn at random; 0 if absent"),
    ("repeats", "how many seeds each run is done with, counted from that of the spec"),
    ("epochs", "the number of steps, from examples and batch size"),
    ("per", "settings for each of whose values there is a best run, like [\"batch\"]"),
    ("limit", "how many runs there may be; 10000 if absent"),
    ("stop", "when hopeless runs are given up, like { at = [0.5], margin = 3.0 }"),
    ("metric", "by which the best run of a group is chosen, like test.accuracy; final_loss if absent"),
    ("scale", "settings that follow another one, like { \"tuner.rate\" = { by = \"batch\", base = 256 } }"),
    ("variants", "several specs: each [[sweep.variants]] changes the one above"),
];

impl Section {
    /// What the table says.
    ///
    /// # Errors
    /// An unknown key; a value of another type than it must have, or out of its range.
    pub(crate) fn read(own: toml::Table) -> Result<Self, Error> {
        let mut own = Fields::of("sweep", own, &KEYS.map(|(key, _)| key))?;
        let count = |value: &toml::Value| u32::try_from(value.as_integer()?).ok().filter(|count| *count > 0);
        let whole = |value: &toml::Value| u64::try_from(value.as_integer()?).ok();
        let (one_or_more, of_sections) = ("a whole number, 1 or more", "sections [[sweep.variants]]");
        let stop = own.optional("stop", "a section like { at = [0.5], margin = 3.0 }", table)?;
        let scales = "a section like { \"tuner.rate\" = { by = \"batch\", base = 256 } }";
        Ok(Self {
            random: own.optional("random", one_or_more, count)?,
            seed: own.optional("seed", "a whole number, 0 or more", whole)?.unwrap_or(0),
            repeats: own.optional("repeats", one_or_more, count)?,
            epochs: own.optional("epochs", "a number above 0", positive)?,
            per: own
                .optional("per", "a list of settings, like [\"batch\"]", |per| list(per, text))?
                .unwrap_or_default(),
            limit: own.optional("limit", one_or_more, count)?.map_or(MOST_POINTS, u64::from),
            stop: stop.map(Stop::read).transpose()?,
            metric: own.optional("metric", METRICS, |name| Metric::named(name.as_str()?).ok())?,
            scale: Scale::read_all(own.optional("scale", scales, table)?.unwrap_or_default())?,
            variants: own.optional("variants", of_sections, |variants| list(variants, table))?.unwrap_or_default(),
        })
    }
}

impl Stop {
    fn read(own: toml::Table) -> Result<Self, Error> {
        let mut own = Fields::of("sweep.stop", own, &["at", "margin"])?;
        let share = |value: &toml::Value| number(value).filter(|share| 0.0 < *share && *share < 1.0);
        let shares = |value: &toml::Value| list(value, share).filter(|shares| !shares.is_empty());
        Ok(Self {
            at: own.required("at", "a list of shares of the steps, between 0 and 1", shares)?,
            margin: own.required("margin", "a number, 1 or more", |value| number(value).filter(|x| *x >= 1.0))?,
        })
    }
}

impl Scale {
    fn read_all(own: toml::Table) -> Result<BTreeMap<String, Self>, Error> {
        let keys: Vec<String> = own.keys().cloned().collect();
        let known: Vec<&str> = keys.iter().map(String::as_str).collect();
        let mut own = Fields::of("sweep.scale", own, &known)?;
        let read = |key: &String| {
            let scale = own.required(key, "a section like { by = \"batch\", base = 256 }", table)?;
            Ok((key.clone(), Self::read(key, scale)?))
        };
        keys.iter().map(read).collect()
    }

    fn read(key: &str, own: toml::Table) -> Result<Self, Error> {
        let mut own = Fields::of(&format!("sweep.scale.{key}"), own, &["by", "base", "power"])?;
        Ok(Self {
            by: own.required("by", "a setting, like \"batch\"", text)?,
            base: own.required("base", "a number above 0", positive)?,
            power: own.optional("power", "a number", number)?.unwrap_or(1.0),
        })
    }
}

fn text(value: &toml::Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn positive(value: &toml::Value) -> Option<f64> {
    number(value).filter(|number| *number > 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Section, String> {
        Section::read(text.parse().unwrap()).map_err(|error| error.to_string())
    }

    #[test]
    fn everything_is_read() {
        let section = read(
            "random = 3\nseed = 4\nrepeats = 2\nepochs = 5\nper = [\"batch\"]\nlimit = 30000\nstop = { at = [0.5], margin = 2 }\n\
             metric = \"test.accuracy\"\nscale = { \"tuner.rate\" = { by = \"batch\", base = 8 } }\n[[variants]]\nsteps = 3\n",
        );
        let scale = Scale { by: "batch".to_owned(), base: 8.0, power: 1.0 };
        let expected = Section {
            random: Some(3),
            seed: 4,
            repeats: Some(2),
            epochs: Some(5.0),
            per: vec!["batch".to_owned()],
            limit: 30_000,
            stop: Some(Stop { at: vec![0.5], margin: 2.0 }),
            metric: Some(Metric::named("test.accuracy").unwrap()),
            scale: BTreeMap::from([("tuner.rate".to_owned(), scale)]),
            variants: vec!["steps = 3".parse().unwrap()],
        };
        assert_eq!(section, Ok(expected));
        assert_eq!(read("").unwrap().limit, 10_000);
    }

    #[test]
    fn mistakes_name_the_key_and_what_is_expected() {
        for (text, expected) in [
            ("randm = 3", "sweep: unknown key `randm`, expected one of its settings; try `random`"),
            ("seed = -1", "sweep.seed: expected a whole number, 0 or more, got -1"),
            ("random = \"abc\"", "sweep.random: expected a whole number, 1 or more, got \"abc\""),
            ("repeats = 0", "sweep.repeats: expected a whole number, 1 or more, got 0"),
            ("repeats = 1.5", "sweep.repeats: expected a whole number, 1 or more, got 1.5"),
            ("epochs = -1", "sweep.epochs: expected a number above 0, got -1"),
            ("per = \"batch\"", "sweep.per: expected a list of settings, like [\"batch\"], got \"batch\""),
            ("stop = 0.5", "sweep.stop: expected a section like { at = [0.5], margin = 3.0 }, got 0.5"),
            (
                "stop = { at = [1.5], margin = 2 }",
                "sweep.stop.at: expected a list of shares of the steps, between 0 and 1, got [1.5]",
            ),
            ("stop = { at = [0.5], margin = 0.5 }", "sweep.stop.margin: expected a number, 1 or more, got 0.5"),
            ("stop = { at = [0.5] }", "sweep.stop.margin: expected a number, 1 or more, got nothing"),
            (
                "stop = { at = [0.5], margn = 2 }",
                "sweep.stop: unknown key `margn`, expected one of its settings; try `margin`",
            ),
            (
                "scale = { \"tuner.rate\" = { by = \"batch\", base = 0 } }",
                "sweep.scale.tuner.rate.base: expected a number above 0, got 0",
            ),
            (
                "scale = { \"tuner.rate\" = \"batch\" }",
                "sweep.scale.tuner.rate: expected a section like { by = \"batch\", base = 256 }, got \"batch\"",
            ),
            (
                "metric = \"accuracy\"",
                "sweep.metric: expected `final_loss`, `best_loss`, or a metric like `test.loss`, `test.accuracy`, \
                 `train.r-squared` or `best.loss`, got \"accuracy\"",
            ),
            ("variants = 3", "sweep.variants: expected sections [[sweep.variants]], got 3"),
        ] {
            assert_eq!(read(text), Err(expected.to_owned()));
        }
    }
}
