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
        Preset::Paper => {
            Problem::new(scope, &name, "mlp-gd", stored(scope, "mnist", &[&format!("data.random={examples}")]))
                .with(&settings)
                .with(&FLAX)
                .runs(8192, 1)
                .rates(powers(1e-3, -1..=7))
        }
    }
}
