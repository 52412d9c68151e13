use std::collections::HashSet;

use onedge_registry::{Kind, Value, nearest};

use super::file::Sweep;
use super::give_up::GiveUp;
use super::section::Scale;
use crate::Error;
use onedge_run::DataSets;
use onedge_spec::{self as spec, Document, Spec};
use onedge_text::labels::tell_apart;

/// One run of a sweep.
#[derive(Debug, Clone, PartialEq)]
pub struct Trial {
    /// The runs of which one is the best: those of a variant and, if asked for, of one value of some settings.
    pub group: String,
    /// Where in its group, seeds apart: `sigma=2.0`; empty if nothing varies.
    pub label: String,
    /// The variant.
    pub variant: String,
    /// The dotted keys that vary over the variant, seeds apart, with their values as they were written or drawn.
    pub coordinates: Vec<(String, Value)>,
    /// What is to be done.
    pub spec: Spec,
}

impl Sweep {
    /// All runs, in the order in which they are done: all for the first seed come first. The data are read where steps
    /// are given by epochs.
    ///
    /// # Errors
    /// Those of [`Spec::resolve`]; keys of `[sweep]` that do not fit the specs; [`Error::Run`].
    pub fn trials(&self, data_sets: &mut DataSets) -> Result<Vec<Trial>, Error> {
        let mut variants = Vec::new();
        self.check_size()?;
        let mut left = self.section.limit;
        for layer in &self.layers {
            // A value that a list has twice, or that is drawn twice, makes one run.
            let (mut points, mut seen) = (Vec::new(), HashSet::new());
            for drawn in layer.drawn(&self.origin, &self.section)? {
                // What is drawn may be a list, too.
                let document = self.repeated(drawn.document)?;
                let count = spec::count(&document)?;
                left = left.checked_sub(count).ok_or_else(|| self.too_many("more"))?;
                for point in spec::points(&document, count)? {
                    let coordinates = drawn.coordinates.iter().cloned().chain(point.coordinates).collect();
                    let spec = self.resolve(point.document, data_sets)?;
                    if seen.insert(spec.digest()) {
                        points.push((coordinates, spec));
                    }
                }
            }
            variants.push(points);
        }
        let first = |points: &Vec<(Vec<_>, Spec)>| points.first().map_or(String::new(), |(_, spec)| spec.name.clone());
        let names = tell_apart(&variants.iter().map(first).collect::<Vec<_>>(), &[]);
        let variants = names.iter().zip(variants);
        let mut trials: Vec<Trial> = variants
            .flat_map(|(name, points)| {
                points.into_iter().map(|(coordinates, spec)| self.trial(name, coordinates, spec))
            })
            .collect();
        self.check_keys(&trials)?;
        let mut seeds: Vec<u64> = Vec::new();
        for trial in &trials {
            if !seeds.contains(&trial.spec.seed) {
                seeds.push(trial.spec.seed);
            }
        }
        trials.sort_by_key(|trial| seeds.iter().position(|seed| *seed == trial.spec.seed));
        Ok(trials)
    }

    /// Counts the runs before there are any: lists and repeats multiply, and so does what is drawn.
    fn check_size(&self) -> Result<(), Error> {
        let mut runs = 0_u64;
        for layer in &self.layers {
            let times = layer.draws(&self.section).unwrap_or(1) * self.section.repeats.map_or(1, u64::from);
            // What is wrong with it is told where its points are made.
            let grid = spec::count(layer.document()).unwrap_or(1);
            runs = runs.saturating_add(grid.saturating_mul(times));
        }
        if runs > self.section.limit { Err(self.too_many(&runs.to_string())) } else { Ok(()) }
    }

    fn too_many(&self, runs: &str) -> Error {
        let limit = self.section.limit;
        self.fail(&format!("limit: expected at most {limit} runs, got {runs}; try shorter lists, or a higher limit"))
    }

    /// The rule to give up hopeless runs, if there is one.
    pub fn give_up(&self, trials: &[Trial]) -> Option<GiveUp> {
        let stop = self.section.stop.as_ref()?;
        let group = |trial: &Trial| trials.iter().position(|other| other.group == trial.group).unwrap_or_default();
        Some(GiveUp { at: stop.at.clone(), margin: stop.margin, groups: trials.iter().map(group).collect() })
    }

    fn trial(&self, variant: &str, coordinates: Vec<(String, Value)>, spec: Spec) -> Trial {
        let (per, within): (Vec<_>, Vec<_>) =
            coordinates.iter().cloned().partition(|(key, _)| self.section.per.contains(key));
        let group = format!("{variant} {}", spec::label(&per)).trim_end().to_owned();
        Trial { group, label: spec::label(&within), variant: variant.to_owned(), coordinates, spec }
    }

    /// With a list of seeds, if runs are repeated.
    fn repeated(&self, mut document: Document) -> Result<Document, Error> {
        let Some(repeats) = self.section.repeats else { return Ok(document) };
        let first = match document.get("seed") {
            None => 0,
            Some(Value::Integer(seed)) => *seed,
            Some(Value::List(_)) => return Err(self.fail("repeats: expected one seed beside it, got a list of seeds")),
            // Its own error will say it.
            Some(_) => return Ok(document),
        };
        let seeds = (0..i64::from(repeats)).map(|repeat| Value::Integer(first.saturating_add(repeat)));
        document.place("seed", Value::List(seeds.collect()));
        Ok(document)
    }

    /// The spec of a point, with what follows from other settings.
    fn resolve(&self, mut document: Document, data_sets: &mut DataSets) -> Result<Spec, Error> {
        if let Some(epochs) = self.section.epochs {
            if document.get("steps").is_some() {
                return Err(self.fail("epochs: expected no `steps` beside it; try removing one of the two"));
            }
            let batches = batches(examples(&document, data_sets)?, &document);
            document.place("steps", Value::Integer((epochs * batches as f64).round().max(1.0) as i64));
        }
        for (key, scale) in &self.section.scale {
            self.scale(key, scale, &mut document)?;
        }
        Ok(Spec::resolve(&document)?)
    }

    fn scale(&self, key: &str, scale: &Scale, document: &mut Document) -> Result<(), Error> {
        let Some(value) = document.get(key) else { return Ok(()) };
        let fail = |what: &str, value: Option<&Value>| {
            let got = value.map_or("nothing".to_owned(), ToString::to_string);
            self.fail(&format!("scale.{key}: expected {what} to be a number, got {got}"))
        };
        let number = |value: &Value| match value {
            Value::Number(number) => Some(*number),
            Value::Integer(integer) => Some(*integer as f64),
            _ => None,
        };
        let was = number(value).ok_or_else(|| fail(&format!("`{key}`"), Some(value)))?;
        let by = document.get(&scale.by);
        let by = by.and_then(number).ok_or_else(|| fail(&format!("`{}`", scale.by), by))?;
        let is = was * (by / scale.base).powf(scale.power);
        let whole = spec::kind(document, key)? == Some(Kind::Integer);
        document.place(key, if whole { Value::Integer(is.round() as i64) } else { Value::Number(is) });
        Ok(())
    }

    /// Whether the keys that `[sweep]` names are those of some run.
    fn check_keys(&self, trials: &[Trial]) -> Result<(), Error> {
        let varying = |key: &str| trials.iter().any(|trial| trial.coordinates.iter().any(|(known, _)| known == key));
        if let Some(key) = self.section.per.iter().find(|key| !varying(key)) {
            let mut known: Vec<&str> =
                trials.iter().flat_map(|trial| &trial.coordinates).map(|(known, _)| known.as_str()).collect();
            known.sort_unstable();
            known.dedup();
            let near = nearest(key, &known).first().map_or(String::new(), |near| format!("; try `{near}`"));
            return Err(self.fail(&format!("per: expected settings that vary, got `{key}`{near}")));
        }
        match self.section.scale.keys().find(|key| trials.iter().all(|trial| trial.spec.get(key).is_none())) {
            Some(key) => Err(self.fail(&format!("scale: expected settings of some run, got `{key}`, which none has"))),
            None => Ok(()),
        }
    }

    fn fail(&self, message: &str) -> Error {
        Error::from(onedge_spec::Error::Toml { origin: self.origin.clone(), message: format!("sweep.{message}") })
    }
}

/// How many examples a document's data have.
fn examples(document: &Document, data_sets: &mut DataSets) -> Result<usize, Error> {
    let spec = Spec::resolve(&document.only("data"))?;
    Ok(data_sets.get(&spec, 0)?.train.examples())
}

/// How many batches an epoch has; what is wrong with their size will be said when the spec is resolved.
fn batches(examples: usize, document: &Document) -> usize {
    let Some(Value::Integer(batch)) = document.get("batch") else { return 1 };
    let batch = usize::try_from(*batch).unwrap_or(1).max(1);
    match document.get("drop_last") {
        Some(Value::Flag(false)) => examples.div_ceil(batch),
        _ => (examples / batch).max(1),
    }
}

#[cfg(test)]
#[path = "trials_tests.rs"]
mod tests;
