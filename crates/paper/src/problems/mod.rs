//! The problems of the figures, at every size.
//!
//! The small ones keep the paper's kinds of network and of optimizer, on the handwritten digits or the text that are built
//! in. Labels of the digits are drawn at random, so that they must be memorised: with their own labels these few small images
//! are fitted before the sharpness has anywhere to go, and every rule is done in a hundred steps. With a folder of data,
//! CIFAR-10 at 8 x 8 pixels and Tiny Shakespeare take their places.
//!
//! The medium ones are photographs of CIFAR-10 at 16 x 16 pixels, with their own labels, Fashion-MNIST at 14 x 14, and Tiny Shakespeare in
//! blocks of 64 characters, with the same kinds of network as far as a night on two cores allows.

mod full_batch;
mod mini_batch;
mod mlps;

use std::collections::BTreeMap;
use std::path::PathBuf;

use onedge_registry::Value;

use super::rules::{self, Rule};
use super::scope::{Preset, Scope};
use crate::Error;
use crate::comparison::Wanted;
use onedge_spec::{Document, Spec};

pub(crate) use full_batch::{
    METHODS, convolutional, deep_mlp, first_four, five, linear, mixer_gd, networks, to_a_loss,
};
pub(crate) use mini_batch::{NOISY, batches, map_batches, map_sigmas, mini_batch, noisy};
pub(crate) use mlps::{Scaled, Shape, mlp, scaled, subsets};

/// What is trained: data, model and optimizer, with the grids of the rules that train it.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    /// The heading of its row.
    pub name: String,
    /// The beginning of its runs' names.
    key: String,
    /// `key=value`, as in a spec.
    settings: Vec<String>,
    /// Where the data lies, if not built in or in the cache.
    path: Option<PathBuf>,
    /// Steps of a run.
    pub(super) steps: u64,
    /// So many seeds, from the scope's first on.
    pub(super) seeds: u64,
    first_seed: u64,
    /// Constant rates to choose from.
    pub(super) rates: Vec<f64>,
    /// Averages of CDAT to choose from.
    pub(super) betas: Vec<f64>,
    preset: Preset,
}

/// Steps of a tiny run.
const TINY: u64 = 24;
/// Steps of a trial, and its examples.
const TRIAL: (u64, i64) = (20, 8);

/// A data set: its settings, and its place.
type Data = (Vec<String>, Option<PathBuf>);

impl Problem {
    fn new(scope: &Scope, name: &str, key: &str, (data, path): Data) -> Self {
        let (name, key) = (name.to_owned(), key.to_owned());
        let settings = [data, vec!["loss.l2=1e-5".to_owned()]].concat();
        Self {
            name,
            key,
            settings,
            path,
            steps: 1,
            seeds: 1,
            first_seed: scope.first_seed,
            rates: Vec::new(),
            betas: vec![0.0],
            preset: scope.preset,
        }
    }

    /// With these settings.
    pub(super) fn with(mut self, settings: &[&str]) -> Self {
        self.settings.extend(settings.iter().map(|&setting| setting.to_owned()));
        self
    }

    /// With another heading, and more to the names of its runs.
    pub(super) fn called(self, name: &str, key: &str) -> Self {
        Self { name: name.to_owned(), key: format!("{}-{key}", self.key), ..self }
    }

    /// With another heading alone: its runs are those of the same name and settings.
    pub(super) fn headed(self, name: &str) -> Self {
        Self { name: name.to_owned(), ..self }
    }

    /// With runs of so many steps, from so many seeds.
    pub(super) fn runs(self, steps: u64, seeds: u64) -> Self {
        let (steps, seeds) = match self.preset {
            Preset::Tiny => (steps.min(TINY), 1),
            Preset::Trial => (steps.min(TRIAL.0), 1),
            Preset::Small | Preset::Medium | Preset::Paper => (steps, seeds),
        };
        Self { steps, seeds, ..self }
    }

    /// With these constant rates.
    pub(super) fn rates(self, mut rates: Vec<f64>) -> Self {
        if self.preset == Preset::Tiny {
            rates.truncate(2);
        }
        Self { rates, ..self }
    }

    /// With these averages of CDAT.
    pub(super) fn betas(self, betas: &[f64]) -> Self {
        Self { betas: betas.to_vec(), ..self }
    }

    /// The run of a rule from a seed.
    ///
    /// # Errors
    /// A setting that no spec takes.
    pub(super) fn wanted(&self, rule: &Rule, seed: u64) -> Result<Wanted, Error> {
        let mut document = Document::empty("figure");
        document.set_all(&self.settings)?;
        if self.preset == Preset::Trial {
            cut(&mut document)?;
        }
        document.set(&format!("seed={}", self.first_seed + seed))?;
        document.set(&format!("steps={}", self.steps))?;
        for (key, value) in &rule.settings {
            let (section, key) = key.split_once('.').unwrap_or(("", key));
            document.sections.entry(section.to_owned()).or_default().insert(key.to_owned(), value.clone());
        }
        let asks = asks(&document);
        document.root.insert("name".to_owned(), Value::Text(format!("{} {} {}", self.key, rule.tuner(), rule.label)));
        if let Some(path) = &self.path {
            let path = Value::Text(path.display().to_string());
            document.sections.entry("data".to_owned()).or_default().insert("path".to_owned(), path);
        }
        Ok(Wanted { spec: Spec::resolve(&document)?, asks })
    }

    /// Every constant rate of the grid.
    pub(super) fn constants(&self) -> Vec<Rule> {
        self.rates.iter().map(|&rate| rules::constant(rate)).collect()
    }

    /// CDAT at this sigma, with each average of the grid.
    pub(super) fn cdat(&self, sigma: f64) -> Vec<Rule> {
        self.betas.iter().map(|&beta| rules::cdat(sigma, beta)).collect()
    }

    /// Linesearches to choose from.
    pub(super) fn linesearches(&self, scope: &Scope) -> Vec<Rule> {
        let few = || vec![rules::linesearch(1e-4, 4.0, 0.8, 0.0), rules::linesearch(0.0, 4.0, 0.8, 1e-3)];
        match scope.preset {
            Preset::Tiny | Preset::Small | Preset::Medium | Preset::Trial => few(),
            Preset::Paper => rules::linesearches(),
        }
    }

    /// Schedules to choose from: every one of them with every rate as its peak.
    pub(super) fn schedules(&self, scope: &Scope) -> Vec<Rule> {
        let names = ["warmup-constant", "warmup-linear", "warmup-cosine"];
        let (names, warmups, parts) = match scope.preset {
            Preset::Tiny | Preset::Small | Preset::Medium | Preset::Trial => (&names[2..], &[0.1][..], &[1][..]),
            Preset::Paper => (&names[..], &[0.05, 0.1, 0.2][..], &[1, 2, 4][..]),
        };
        let mut rules = Vec::new();
        for (name, warmup) in names.iter().flat_map(|name| warmups.iter().map(move |warmup| (name, *warmup))) {
            for (part, rate) in parts.iter().flat_map(|part| self.rates.iter().map(move |rate| (part, *rate))) {
                rules.push(rules::schedule(name, rate, warmup, self.steps / part));
            }
        }
        rules
    }
}

/// Makes a trial of a problem: few examples, batches that they fill, cheap measurements.
fn cut(document: &mut Document) -> Result<(), Error> {
    let count = |document: &Document, key: &str| match document.get(key) {
        Some(Value::Integer(count)) => Some(*count),
        _ => None,
    };
    let (key, all) = ["data.random", "data.first"]
        .into_iter()
        .find_map(|key| Some((key, count(document, key)?)))
        .unwrap_or(("data.first", i64::MAX));
    document.set(&format!("{key}={}", all.min(TRIAL.1)))?;
    if let Some(batch) = count(document, "batch") {
        document.set(&format!("batch={}", batch.min(TRIAL.1 / 2)))?;
    }
    Ok(document.set("diagnostics.max_products=10")?)
}

/// The settings of a document that bear on what its run leaves, in the order of their keys.
fn asks(document: &Document) -> String {
    let bears = |key: &str| !["data.download", "engine.threads"].contains(&key);
    let root = document.root.iter().map(|(key, value)| (key.clone(), value));
    let sections = document.sections.iter();
    let inner =
        sections.flat_map(|(section, all)| all.iter().map(move |(key, value)| (format!("{section}.{key}"), value)));
    let all: BTreeMap<String, String> =
        root.chain(inner).filter(|(key, _)| bears(key)).map(|(key, value)| (key, value.to_string())).collect();
    all.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(" ")
}

/// A data set by its name: in the folder of data, or else downloaded.
fn stored(scope: &Scope, name: &str, settings: &[&str]) -> Data {
    let mut all = vec![format!("data={name}")];
    all.extend(settings.iter().map(|&setting| setting.to_owned()));
    match &scope.data {
        Some(folder) => (all, Some(folder.join(name))),
        None => {
            all.push("data.download=true".to_owned());
            (all, None)
        }
    }
}

/// The first `count` digits with random labels; CIFAR-10 in their place where there is a folder of data.
fn small_images(scope: &Scope, count: usize, noise: f64) -> Data {
    let first = format!("data.first={count}");
    match scope.data {
        Some(_) => stored(scope, "cifar-10", &[&first, "data.side=8"]),
        None => (vec!["data=digits".to_owned(), first, format!("data.label_noise={noise}")], None),
    }
}

/// What all small problems have in common: runs stand side by side, each on one thread.
const SMALL: [&str; 3] = ["engine.threads=1", "diagnostics.sharpness_every=20", "diagnostics.tolerance=0.01"];
/// What the medium problems in full batch have in common. Greedy rates alternate between even and odd steps: the sharpness is read at both.
const MEDIUM: [&str; 3] = ["engine.threads=1", "diagnostics.sharpness_every=49", "diagnostics.tolerance=0.01"];
/// What the paper's problems in full batch have in common.
const PAPER: [&str; 2] = ["diagnostics.sharpness_every=64", "diagnostics.max_products=1000"];

/// First values as Flax's layers have them, in which the paper's models are written. NanoLM has them with its preset `paper`.
const FLAX: [&str; 2] = ["model.init=lecun-truncated", "model.last_init=lecun-truncated"];

/// 1024 photographs of CIFAR-10 at 16 x 16 pixels.
fn photographs(scope: &Scope) -> Data {
    stored(scope, "cifar-10", &["data.random=1024", "data.side=16"])
}
