//! The MLPs of figures 16 and 18.

use super::{FLAX, MEDIUM, PAPER, Problem, SMALL, small_images, stored};
use crate::rules::powers;
use crate::scope::{Preset, Scope};

/// A shallow MLP by gradient descent, on ten subsets without a common example.
pub(crate) fn subsets(scope: &Scope) -> Vec<Problem> {
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
        Preset::Medium => {
            // Ten thousand photographs, all that some have of them, are ten thousands.
            let skip = format!("data.skip={}", 1000 * part);
            Problem::new(scope, name, "mlp1-gd", stored(scope, "cifar-10", &[&skip, "data.first=1000", "data.side=16"]))
                .with(&["model=mlp", "model.hidden=[128]", "optimizer=gd"])
                .with(&FLAX)
                .with(&MEDIUM)
                .with(&["diagnostics.edge_against_greedy_every=25"])
                .runs(1500, 1)
        }
        Preset::Trial | Preset::Paper => {
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
pub(crate) struct Shape {
    pub width: usize,
    pub depth: usize,
    pub weight_decay: f64,
    pub examples: usize,
}

/// An MLP of this shape by gradient descent.
pub(crate) fn mlp(scope: &Scope, shape: Shape) -> Problem {
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
        Preset::Medium => {
            let chosen = format!("data.random={examples}");
            Problem::new(scope, &name, "mlp-gd", stored(scope, "fashion-mnist", &[&chosen, "data.side=14"]))
                .with(&settings)
                .with(&FLAX)
                .with(&["engine.threads=1"])
                .runs(1500, 3)
                .rates(powers(1e-3, 4..=9))
        }
        Preset::Trial | Preset::Paper => {
            Problem::new(scope, &name, "mlp-gd", stored(scope, "mnist", &[&format!("data.random={examples}")]))
                .with(&settings)
                .with(&FLAX)
                .runs(8192, 1)
                .rates(powers(1e-3, -1..=7))
        }
    }
}

/// An MLP by gradient descent whose runs cost what those of every other do: so many steps that steps x parameters x examples are the same.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Scaled {
    pub width: usize,
    pub depth: usize,
    pub examples: usize,
}

/// Such an MLP on photographs of CIFAR-10, with its steps in its name; `base` is the one that has the steps of the preset.
pub(crate) fn scaled(scope: &Scope, shape: Scaled, base: Scaled) -> Problem {
    let (side, steps) = scope.choose((8, 1000), (14, 2000), (32, 8192));
    let is_built_in = scope.data.is_none() && matches!(scope.preset, Preset::Tiny | Preset::Small);
    let (data, inputs) = if is_built_in {
        let settings = ["data=digits", &format!("data.first={}", shape.examples), "data.label_noise=0.1"];
        ((settings.map(str::to_owned).to_vec(), None), side * side)
    } else {
        let settings = [format!("data.random={}", shape.examples), format!("data.side={side}")];
        (stored(scope, "cifar-10", &[&settings[0], &settings[1]]), 3 * side * side)
    };
    let work = |Scaled { width, depth, examples }: Scaled| {
        ((inputs * width + (depth - 1) * width * width + 10 * width) * examples) as f64
    };
    let steps = (steps as f64 * work(base) / work(shape)).round().max(1.0) as u64;
    let Scaled { width, depth, examples } = shape;
    let name = format!("width {width}, depth {depth}, {examples} examples, {steps} steps");
    let hidden = format!("model.hidden={:?}", vec![width; depth]);
    Problem::new(scope, &name, "mlp-gd-scaled", data)
        .with(&["model=mlp", &hidden, "optimizer=gd", "diagnostics.sharpness_every=0", "engine.threads=1"])
        .with(&FLAX)
        .runs(steps, 3)
        .rates(powers(0.0125, 0..=7))
}
