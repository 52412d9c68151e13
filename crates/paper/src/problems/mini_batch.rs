//! The problems of the figures in mini-batches.

use super::{FLAX, Problem, small_images, stored};
use crate::rules::powers;
use crate::scope::{Preset, Scope};

/// A network in mini-batches of a size, by `momentum` or `adam`, or by `gd`.
pub(crate) fn mini_batch(scope: &Scope, optimizer: &str, batch: usize) -> Problem {
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
        Preset::Medium => {
            let rates = match optimizer {
                "adam" => scaled(1e-3, 128.0, -1..=5),
                "momentum" => scaled(1e-2, 128.0, -3..=3),
                _ => scaled(1e-1, 128.0, -3..=3),
            };
            let first = format!("data.random={PHOTOGRAPHS}");
            let name = format!("ConvNet, {method}, batch {batch}");
            Problem::new(scope, &name, "convnet", stored(scope, "cifar-10", &[&first, "data.side=16"]))
                .called(&name, &format!("{optimizer}-{batch}"))
                .with(&["model=convnet", "model.channels=[8, 16, 32]", "model.activation=relu", &choice, &size])
                .with(&FLAX)
                .with(&["engine.threads=1", "diagnostics.sharpness_every=0"])
                .runs((EPOCHS * PHOTOGRAPHS / batch) as u64, 3)
                .rates(rates)
                .betas(&[0.9, 0.99])
        }
        Preset::Trial | Preset::Paper => {
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

/// The optimizers of [`noisy`] problems, each with the momentum of its update.
pub(crate) const NOISY: [(&str, &str, f64); 3] =
    [("gd", "gradient descent", 0.0), ("momentum", "momentum", 0.9), ("adam", "Adam", 0.9)];

/// Three networks in mini-batches of three sizes, by one of [`NOISY`], whose noise scale is measured along the way.
pub(crate) fn noisy(scope: &Scope, (optimizer, method): (&str, &str)) -> Vec<Problem> {
    let (images, epochs) = scope.choose((512, 20), (2048, 30), (16384, 60));
    let photographs = |count: usize| match scope.preset {
        Preset::Tiny | Preset::Small => small_images(scope, count, 0.25),
        Preset::Medium => stored(scope, "cifar-10", &[&format!("data.random={count}"), "data.side=16"]),
        Preset::Trial | Preset::Paper => stored(scope, "cifar-10", &[&format!("data.random={count}")]),
    };
    let text = |count: usize| match (&scope.data, scope.preset) {
        (None, Preset::Tiny | Preset::Small) => {
            (["data=cicero", "data.context=16", &format!("data.first={count}")].map(str::to_owned).to_vec(), None)
        }
        _ => {
            let context = format!("data.context={}", scope.choose(16, 32, 64));
            stored(scope, "tiny-shakespeare", &[&context, &format!("data.first={count}")])
        }
    };
    let networks: [(&str, _, &[&str]); 3] = [
        ("ConvNet", photographs(images), &["model=convnet", "model.channels=[8, 16, 32]", "model.activation=relu"]),
        ("MLP", photographs(images), &["model=mlp", "model.hidden=[64, 64]"]),
        (
            "NanoLM",
            text(images),
            &["model=nanolm", "model.depth=1", "model.width=24", "model.heads=2", "model.qkv=8", "model.mlp=96"],
        ),
    ];
    let batches = [16, 64, 256];
    let mut all = Vec::new();
    for (network, data, model) in networks {
        for batch in batches {
            let steps = (epochs * images / batch) as u64;
            let name = format!("{network}, {method}, batch {batch}");
            let key = format!("{}-{optimizer}-{batch}-noise", network.to_lowercase());
            let settings = [
                format!("optimizer={optimizer}"),
                format!("batch={batch}"),
                format!("diagnostics.noise_scale_every={}", steps.div_ceil(5)),
            ];
            let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
            let problem = Problem::new(scope, &name, &key, data.clone()).with(model).with(&settings);
            // NanoLM has its own initialisation.
            let problem = if network == "NanoLM" { problem } else { problem.with(&FLAX) };
            all.push(problem.with(&["engine.threads=1", "diagnostics.sharpness_every=0"]).runs(steps, 3));
        }
    }
    all
}

/// Of the small problem in mini-batches.
const EXAMPLES: usize = 1024;
const EPOCHS: usize = 60;
/// Of the medium one.
const PHOTOGRAPHS: usize = 2048;

/// The batch sizes of figures 7, 8, 14, 20 and 21: small, medium, large.
pub(crate) fn batches(scope: &Scope) -> [usize; 3] {
    scope.choose([32, 128, 512], [32, 128, 512], [64, 512, 4096])
}

/// The batch sizes of the map of sigma by batch size, figure 7, and how many examples there are.
pub(crate) fn map_batches(scope: &Scope) -> ([usize; 5], usize) {
    let small = [32, 64, 128, 256, 512];
    scope.choose((small, EXAMPLES), (small, PHOTOGRAPHS), ([64, 256, 1024, 4096, 16384], 50_000))
}

/// Its sigmas.
pub(crate) fn map_sigmas(scope: &Scope) -> Vec<f64> {
    // Written so that 0.6 is 0.6 and not 0.6000000000000001.
    let tenths = scope.choose((4..=28).step_by(4), (4..=28).step_by(4), (4..=28).step_by(2));
    tenths.map(|tenths| f64::from(tenths) / 10.0).collect()
}
