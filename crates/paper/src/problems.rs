//! The problems of the figures, at both sizes.
//!
//! The small ones keep the paper's kinds of network and of optimizer, on the handwritten digits or the text that are built
//! in. Labels of the digits are drawn at random, so that they must be memorised: with their own labels these few small images
//! are fitted before the sharpness has anywhere to go, and every rule is done in a hundred steps. With a folder of data,
//! CIFAR-10 at 8 x 8 pixels and Tiny Shakespeare take their places.

use std::path::PathBuf;

use onedge_registry::Value;

use super::rules::{self, Rule, powers};
use super::scope::{Preset, Scope};
use crate::Error;
use onedge_spec::{Document, Spec};

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
    /// So many seeds, from 0 on.
    pub(super) seeds: u64,
    /// Constant rates to choose from.
    pub(super) rates: Vec<f64>,
    /// Averages of CDAT to choose from.
    pub(super) betas: Vec<f64>,
    /// Whether runs are cut short.
    is_tiny: bool,
}

/// Steps of a tiny run.
const TINY: u64 = 24;

/// A data set: its settings, and its place.
type Data = (Vec<String>, Option<PathBuf>);

impl Problem {
    fn new(scope: &Scope, name: &str, key: &str, (data, path): Data) -> Self {
        let (name, key) = (name.to_owned(), key.to_owned());
        let settings = [data, vec!["loss.l2=1e-5".to_owned()]].concat();
        let is_tiny = scope.preset == Preset::Tiny;
        Self { name, key, settings, path, steps: 1, seeds: 1, rates: Vec::new(), betas: vec![0.0], is_tiny }
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

    /// With runs of so many steps, from so many seeds.
    pub(super) fn runs(self, steps: u64, seeds: u64) -> Self {
        let (steps, seeds) = if self.is_tiny { (steps.min(TINY), 1) } else { (steps, seeds) };
        Self { steps, seeds, ..self }
    }

    /// With these constant rates.
    pub(super) fn rates(self, mut rates: Vec<f64>) -> Self {
        if self.is_tiny {
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
    pub(super) fn spec(&self, rule: &Rule, seed: u64) -> Result<Spec, Error> {
        let mut document = Document::empty("figure");
        for setting in &self.settings {
            document.set(setting)?;
        }
        document.set(&format!("seed={seed}"))?;
        document.set(&format!("steps={}", self.steps))?;
        document.root.insert("name".to_owned(), Value::Text(format!("{} {} {}", self.key, rule.tuner(), rule.label)));
        if let Some(path) = &self.path {
            let path = Value::Text(path.display().to_string());
            document.sections.entry("data".to_owned()).or_default().insert("path".to_owned(), path);
        }
        for (key, value) in &rule.settings {
            let (section, key) = key.split_once('.').unwrap_or(("", key));
            document.sections.entry(section.to_owned()).or_default().insert(key.to_owned(), value.clone());
        }
        Ok(Spec::resolve(&document)?)
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
            Preset::Tiny | Preset::Small => few(),
            Preset::Paper => rules::linesearches(),
        }
    }

    /// Schedules to choose from: every one of them with every rate as its peak.
    pub(super) fn schedules(&self, scope: &Scope) -> Vec<Rule> {
        let names = ["warmup-constant", "warmup-linear", "warmup-cosine"];
        let (names, warmups, parts) = match scope.preset {
            Preset::Tiny | Preset::Small => (&names[2..], &[0.1][..], &[1][..]),
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
/// What the paper's problems in full batch have in common.
const PAPER: [&str; 2] = ["diagnostics.sharpness_every=64", "diagnostics.max_products=1000"];

/// First values as Flax's layers have them, in which the paper's models are written. NanoLM has them with its preset `paper`.
const FLAX: [&str; 2] = ["model.init=lecun-truncated", "model.last_init=lecun-truncated"];

/// 4096 images of CIFAR-10.
fn cifar(scope: &Scope) -> Data {
    stored(scope, "cifar-10", &["data.random=4096"])
}

/// A network without norms, by gradient descent.
pub(super) fn convolutional(scope: &Scope) -> Problem {
    match scope.preset {
        Preset::Tiny | Preset::Small => {
            Problem::new(scope, "ConvNet, gradient descent", "convnet-gd", small_images(scope, 256, 1.0))
                .with(&["model=convnet", "model.channels=[8, 16, 32]", "model.activation=relu", "optimizer=gd"])
                .with(&SMALL)
                .runs(400, 3)
                .rates(powers(0.025, 0..=5))
        }
        Preset::Paper => Problem::new(scope, "ResNet34, gradient descent", "resnet34-gd", cifar(scope))
            .with(&["model=resnet", "model.preset=resnet34", "model.norm=none", "optimizer=gd"])
            .with(&FLAX)
            .with(&PAPER)
            .runs(16384, 1)
            .rates(powers(1e-3, -1..=7)),
    }
}

fn mixer(scope: &Scope, name: &str, key: &str, (examples, steps): (usize, u64)) -> Problem {
    match scope.preset {
        Preset::Tiny | Preset::Small => Problem::new(scope, name, key, small_images(scope, examples, 1.0))
            .with(&["model=mixer", "model.patch=4", "model.width=16", "model.depth=2"])
            .with(&["model.token_mlp=8", "model.channel_mlp=32"])
            .with(&SMALL)
            .runs(steps, 3),
        Preset::Paper => Problem::new(scope, name, key, cifar(scope))
            .with(&["model=mixer", "model.preset=ti-8"])
            .with(&FLAX)
            .with(&PAPER)
            .runs(16384, 1),
    }
}

/// An MLP-Mixer by gradient descent.
pub(super) fn mixer_gd(scope: &Scope) -> Problem {
    let rates = scope.choose(powers(0.05, 0..=5), powers(1e-3, -1..=7));
    mixer(scope, "MLP-Mixer, gradient descent", "mixer-gd", (256, 300)).with(&["optimizer=gd"]).rates(rates)
}

/// An MLP-Mixer by momentum.
pub(super) fn mixer_momentum(scope: &Scope) -> Problem {
    // With 256 examples all rules are done too soon to differ.
    let rates = scope.choose(powers(0.01, 0..=4), powers(1e-2, 1..=8));
    let problem = mixer(scope, "MLP-Mixer, momentum", "mixer-momentum", (512, 500)).with(&["optimizer=momentum"]);
    problem.rates(rates).betas(scope.choose(&[0.0, 0.9][..], &[0.0][..]))
}

/// A language model by RMSProp.
pub(super) fn nanolm(scope: &Scope) -> Problem {
    let name = "NanoLM, RMSProp";
    let problem = match scope.preset {
        Preset::Tiny | Preset::Small => {
            let sizes = ["data.context=16", "data.first=64"];
            let data = match scope.data {
                Some(_) => stored(scope, "tiny-shakespeare", &sizes),
                None => (["data=cicero"].iter().chain(&sizes).map(|&setting| setting.to_owned()).collect(), None),
            };
            Problem::new(scope, name, "nanolm-rmsprop", data)
                .with(&["model=nanolm", "model.depth=2", "model.width=24", "model.heads=2"])
                .with(&["model.qkv=8", "model.mlp=96"])
                .with(&SMALL)
                .runs(400, 3)
                .rates(powers(5e-4, 0..=4))
        }
        Preset::Paper => {
            let data = stored(scope, "tiny-shakespeare", &["data.context=64", "data.first=2048"]);
            Problem::new(scope, name, "nanolm-rmsprop", data)
                .with(&["model=nanolm", "model.preset=paper"])
                .with(&PAPER)
                .runs(8192, 1)
                .rates(powers(1e-3, -1..=7))
        }
    };
    problem.with(&["optimizer=rmsprop"]).betas(&[0.0, 0.9])
}

fn vit(scope: &Scope, name: &str, key: &str) -> Problem {
    match scope.preset {
        Preset::Tiny | Preset::Small => Problem::new(scope, name, key, small_images(scope, 256, 1.0))
            .with(&["model=vit", "model.patch=4", "model.width=16", "model.depth=2", "model.heads=2", "model.mlp=32"])
            .with(&SMALL)
            .runs(300, 3),
        Preset::Paper => {
            // No address is known from which it could be had in this form.
            let folder = scope.data.clone().unwrap_or_default().join("imagenette2-320");
            let data = ["data=image-folder", "data.size=224", "data.first=1024"].map(str::to_owned).to_vec();
            Problem::new(scope, name, key, (data, Some(folder)))
                // Those between are Glorot's, as in Google's vision transformers.
                .with(&["model=vit", "model.preset=ti-32", "model.embed_init=lecun-truncated", FLAX[1]])
                .with(&PAPER)
                .runs(16384, 1)
        }
    }
}

/// A vision transformer by RMSProp.
pub(super) fn vit_rmsprop(scope: &Scope) -> Problem {
    let rates = scope.choose(powers(1.25e-4, 0..=4), powers(1e-5, 0..=7));
    vit(scope, "ViT, RMSProp", "vit-rmsprop").with(&["optimizer=rmsprop"]).rates(rates)
}

/// A vision transformer by Adam.
pub(super) fn vit_adam(scope: &Scope) -> Problem {
    let (rates, betas) = scope.choose((powers(1e-3, 0..=4), &[0.9][..]), (powers(1e-5, 1..=8), &[0.9, 0.99][..]));
    vit(scope, "ViT, Adam", "vit-adam").with(&["optimizer=adam"]).rates(rates).betas(betas)
}

/// The four of figure 1.
pub(super) fn first_four(scope: &Scope) -> [Problem; 4] {
    [convolutional(scope), mixer_gd(scope), nanolm(scope), vit_rmsprop(scope)]
}

/// The five of figure 5.
pub(super) fn five(scope: &Scope) -> [Problem; 5] {
    [convolutional(scope), mixer_gd(scope), mixer_momentum(scope), nanolm(scope), vit_adam(scope)]
}

/// A linear model by gradient descent: a convex problem.
pub(super) fn linear(scope: &Scope) -> Problem {
    let name = "linear model, gradient descent";
    let data = scope.choose(small_images(scope, 512, 0.5), cifar(scope));
    let problem = Problem::new(scope, name, "linear-gd", data).with(&["model=linear", "optimizer=gd"]);
    match scope.preset {
        // Standardised, or rates above 1 would be wanted, at which the linesearch ends: digits have few and small pixels.
        Preset::Tiny | Preset::Small => {
            problem.with(&["data.scale=standard"]).with(&SMALL).runs(400, 3).rates(powers(0.05, 0..=5))
        }
        Preset::Paper => problem.with(&PAPER).with(&FLAX[..1]).runs(16384, 1).rates(powers(1e-3, -1..=7)),
    }
}

/// A deep MLP by gradient descent, for rates from the exact sharpness.
pub(super) fn deep_mlp(scope: &Scope) -> Problem {
    let name = "MLP of three hidden layers, gradient descent";
    match scope.preset {
        Preset::Tiny | Preset::Small => Problem::new(scope, name, "mlp3-gd", small_images(scope, 256, 1.0))
            .with(&["model=mlp", "model.hidden=[64, 64, 64]", "optimizer=gd"])
            .with(&SMALL)
            // After 400 steps 3 / lambda has not yet passed the tuned constant, which leads early.
            .runs(1200, 3)
            .rates(powers(0.05, 0..=5)),
        Preset::Paper => Problem::new(scope, name, "mlp3-gd", cifar(scope))
            .with(&["model=mlp", "model.hidden=[256, 256, 256]", "optimizer=gd"])
            .with(&FLAX)
            .with(&PAPER)
            .runs(16384, 1)
            .rates(powers(1e-3, -1..=7)),
    }
}

/// A shallow MLP by gradient descent, on ten subsets without a common example.
pub(super) fn subsets(scope: &Scope) -> Vec<Problem> {
    let name = "MLP of one hidden layer, gradient descent";
    let on = |part: usize| match scope.preset {
        Preset::Tiny | Preset::Small => {
            let skip = format!("data.skip={}", SUBSET * part);
            Problem::new(scope, name, "mlp1-gd", small_images(scope, SUBSET, 1.0))
                .with(&[&skip, "model=mlp", "model.hidden=[128]", "optimizer=gd"])
                .with(&SMALL)
                .with(&["diagnostics.edge_against_greedy_every=5"])
                .runs(400, 1)
        }
        Preset::Paper => {
            let skip = format!("data.skip={}", 4096 * part);
            Problem::new(scope, name, "mlp1-gd", stored(scope, "cifar-100", &[&skip, "data.first=4096"]))
                .with(&["model=mlp", "model.hidden=[1024]", "optimizer=gd"])
                .with(&FLAX)
                .with(&PAPER)
                .with(&["diagnostics.edge_against_greedy_every=64"])
                .runs(16384, 1)
        }
    };
    (0..10).map(on).collect()
}

/// A tenth of the digits.
const SUBSET: usize = 179;

/// What figure 18 varies of an MLP.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Shape {
    pub width: usize,
    pub depth: usize,
    pub weight_decay: f64,
    pub examples: usize,
}

/// An MLP of this shape by gradient descent.
pub(super) fn mlp(scope: &Scope, shape: Shape) -> Problem {
    let Shape { width, depth, weight_decay, examples } = shape;
    let name = format!("width {width}, depth {depth}, weight decay {weight_decay}, {examples} examples");
    let hidden = format!("model.hidden={:?}", vec![width; depth]);
    let decay = format!("loss.l2={weight_decay}");
    let settings = ["model=mlp", &hidden, &decay, "optimizer=gd", "diagnostics.sharpness_every=0"];
    match scope.preset {
        Preset::Tiny | Preset::Small => {
            let data = match scope.data {
                Some(_) => stored(scope, "cifar-10", &[&format!("data.first={examples}"), "data.side=8"]),
                None => small_images(scope, examples, 0.5),
            };
            Problem::new(scope, &name, "mlp-gd", data)
                .with(&settings)
                .with(&["engine.threads=1"])
                .runs(300, 2)
                .rates(powers(0.05, 0..=4))
        }
        Preset::Paper => {
            Problem::new(scope, &name, "mlp-gd", stored(scope, "mnist", &[&format!("data.random={examples}")]))
                .with(&settings)
                .with(&FLAX)
                .runs(8192, 1)
                .rates(powers(1e-3, -1..=7))
        }
    }
}

/// A network in mini-batches of a size, by `momentum` or `adam`, or by `gd`.
pub(super) fn mini_batch(scope: &Scope, optimizer: &str, batch: usize) -> Problem {
    let (choice, size) = (format!("optimizer={optimizer}"), format!("batch={batch}"));
    let method = match optimizer {
        "gd" => "gradient descent",
        "adam" => "Adam",
        other => other,
    };
    // Rates grow like the square root of the batch.
    let scaled = |base: f64, of: f64, exponents| powers(base * (batch as f64 / of).sqrt(), exponents);
    match scope.preset {
        Preset::Tiny | Preset::Small => {
            let rates = match optimizer {
                "adam" => scaled(0.004, 128.0, -1..=4),
                "momentum" => scaled(0.02, 128.0, -1..=4),
                _ => scaled(0.1, 128.0, -1..=4),
            };
            let steps = (EPOCHS * EXAMPLES / batch) as u64;
            Problem::new(
                scope,
                &format!("ConvNet, {method}, batch {batch}"),
                "convnet",
                small_images(scope, EXAMPLES, 0.25),
            )
            .called(&format!("ConvNet, {method}, batch {batch}"), &format!("{optimizer}-{batch}"))
            .with(&["model=convnet", "model.channels=[8, 16, 32]", "model.activation=relu", &choice, &size])
            .with(&["engine.threads=1", "diagnostics.sharpness_every=0"])
            .runs(steps, 3)
            .rates(rates)
            .betas(&[0.9, 0.99])
        }
        Preset::Paper => {
            let (base, epochs) = match optimizer {
                "adam" => (scaled(1e-4, 1024.0, -1..=7), 128),
                _ => (scaled(1e-4, 4096.0, -1..=7), 512),
            };
            Problem::new(
                scope,
                &format!("ResNet50, {method}, batch {batch}"),
                "resnet50",
                stored(scope, "cifar-10", &[]),
            )
            .called(&format!("ResNet50, {method}, batch {batch}"), &format!("{optimizer}-{batch}"))
            .with(&["model=resnet", "model.preset=resnet50", "model.norm=layer", &choice, &size])
            .with(&FLAX)
            .with(&["diagnostics.sharpness_every=0"])
            .runs((epochs * 50_000 / batch) as u64, 1)
            .rates(base)
            .betas(&[0.0, 0.9, 0.99])
        }
    }
}

/// Of the small problem in mini-batches.
const EXAMPLES: usize = 1024;
const EPOCHS: usize = 60;

/// The batch sizes of figures 7, 8, 14, 20 and 21: small, medium, large.
pub(super) fn batches(scope: &Scope) -> [usize; 3] {
    scope.choose([32, 128, 512], [64, 512, 4096])
}
