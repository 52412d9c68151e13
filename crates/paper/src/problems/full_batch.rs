//! The problems of the figures in full batch.

use super::{Data, FLAX, MEDIUM, PAPER, Problem, SMALL, photographs, small_images, stored};
use crate::rules::powers;
use crate::scope::{Preset, Scope};

/// Steps of a run of medium size.
const STEPS: u64 = 1500;

/// 4096 images of CIFAR-10.
fn cifar(scope: &Scope) -> Data {
    stored(scope, "cifar-10", &["data.random=4096"])
}

/// A network without norms, by a method yet to be said.
fn convnet(scope: &Scope, method: &str, key: &str) -> Problem {
    let named = |network: &str, data| {
        Problem::new(scope, &format!("{network}, {method}"), &format!("{}-{key}", network.to_lowercase()), data)
    };
    const LAYERS: [&str; 3] = ["model=convnet", "model.channels=[8, 16, 32]", "model.activation=relu"];
    match scope.preset {
        Preset::Tiny | Preset::Small => {
            named("ConvNet", small_images(scope, 256, 1.0)).with(&LAYERS).with(&SMALL).runs(400, 3)
        }
        Preset::Medium => named("ConvNet", photographs(scope)).with(&LAYERS).with(&FLAX).with(&MEDIUM).runs(STEPS, 3),
        Preset::Trial | Preset::Paper => named("ResNet34", cifar(scope))
            .with(&["model=resnet", "model.preset=resnet34", "model.norm=none"])
            .with(&FLAX)
            .with(&PAPER)
            .runs(16384, 1),
    }
}

/// A network without norms, by gradient descent.
pub(crate) fn convolutional(scope: &Scope) -> Problem {
    let rates = scope.choose(powers(0.025, 0..=5), powers(1e-3, 3..=9), powers(1e-3, -1..=7));
    convnet(scope, "gradient descent", "gd").with(&["optimizer=gd"]).rates(rates)
}

fn mixer(scope: &Scope, name: &str, key: &str, (examples, steps): (usize, u64)) -> Problem {
    match scope.preset {
        Preset::Tiny | Preset::Small => Problem::new(scope, name, key, small_images(scope, examples, 1.0))
            .with(&["model=mixer", "model.patch=4", "model.width=16", "model.depth=2"])
            .with(&["model.token_mlp=8", "model.channel_mlp=32"])
            .with(&SMALL)
            .runs(steps, 3),
        Preset::Medium => Problem::new(scope, name, key, photographs(scope))
            .with(&["model=mixer", "model.patch=4", "model.width=24", "model.depth=2"])
            .with(&["model.token_mlp=12", "model.channel_mlp=96"])
            .with(&FLAX)
            .with(&MEDIUM)
            .runs(STEPS, 3),
        Preset::Trial | Preset::Paper => Problem::new(scope, name, key, cifar(scope))
            .with(&["model=mixer", "model.preset=ti-8"])
            .with(&FLAX)
            .with(&PAPER)
            .runs(16384, 1),
    }
}

/// An MLP-Mixer by gradient descent.
pub(crate) fn mixer_gd(scope: &Scope) -> Problem {
    let rates = scope.choose(powers(0.05, 0..=5), powers(1e-3, 3..=9), powers(1e-3, -1..=7));
    mixer(scope, "MLP-Mixer, gradient descent", "mixer-gd", (256, 300)).with(&["optimizer=gd"]).rates(rates)
}

/// An MLP-Mixer by momentum.
pub(crate) fn mixer_momentum(scope: &Scope) -> Problem {
    // With 256 examples all rules are done too soon to differ.
    let rates = scope.choose(powers(0.01, 0..=4), powers(1e-3, 1..=7), powers(1e-2, 1..=8));
    let problem = mixer(scope, "MLP-Mixer, momentum", "mixer-momentum", (512, 500)).with(&["optimizer=momentum"]);
    problem.rates(rates).betas(scope.choose(&[0.0, 0.9][..], &[0.0][..], &[0.0][..]))
}

/// A language model, by a method yet to be said.
fn language(scope: &Scope, method: &str, key: &str) -> Problem {
    let (name, key) = (&format!("NanoLM, {method}"), &format!("nanolm-{key}"));
    match scope.preset {
        Preset::Tiny | Preset::Small => {
            let sizes = ["data.context=16", "data.first=64"];
            let data = match scope.data {
                Some(_) => stored(scope, "tiny-shakespeare", &sizes),
                None => (["data=cicero"].iter().chain(&sizes).map(|&setting| setting.to_owned()).collect(), None),
            };
            Problem::new(scope, name, key, data)
                .with(&["model=nanolm", "model.depth=2", "model.width=24", "model.heads=2"])
                .with(&["model.qkv=8", "model.mlp=96"])
                .with(&SMALL)
                .runs(400, 3)
        }
        Preset::Medium => {
            let data = stored(scope, "tiny-shakespeare", &["data.context=64", "data.first=256"]);
            Problem::new(scope, name, key, data)
                .with(&["model=nanolm", "model.depth=1", "model.width=32", "model.heads=2"])
                .with(&["model.qkv=16", "model.mlp=128"])
                .with(&MEDIUM)
                .runs(STEPS, 3)
        }
        Preset::Trial | Preset::Paper => {
            let data = stored(scope, "tiny-shakespeare", &["data.context=64", "data.first=2048"]);
            Problem::new(scope, name, key, data)
                .with(&["model=nanolm", "model.preset=paper"])
                .with(&PAPER)
                .runs(8192, 1)
        }
    }
}

/// A language model by RMSProp.
pub(crate) fn nanolm(scope: &Scope) -> Problem {
    let rates = scope.choose(powers(5e-4, 0..=4), powers(1e-3, -3..=3), powers(1e-3, -1..=7));
    language(scope, "RMSProp", "rmsprop").with(&["optimizer=rmsprop"]).rates(rates).betas(&[0.0, 0.9])
}

fn vit(scope: &Scope, name: &str, key: &str) -> Problem {
    match scope.preset {
        Preset::Tiny | Preset::Small => Problem::new(scope, name, key, small_images(scope, 256, 1.0))
            .with(&["model=vit", "model.patch=4", "model.width=16", "model.depth=2", "model.heads=2", "model.mlp=32"])
            .with(&SMALL)
            .runs(300, 3),
        Preset::Medium => Problem::new(scope, name, key, photographs(scope))
            .with(&["model=vit", "model.patch=4", "model.width=24", "model.depth=2", "model.heads=2", "model.mlp=96"])
            .with(&["model.embed_init=lecun-truncated", FLAX[1]])
            .with(&MEDIUM)
            .runs(STEPS, 3),
        Preset::Trial | Preset::Paper => {
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
fn vit_rmsprop(scope: &Scope) -> Problem {
    let rates = scope.choose(powers(1.25e-4, 0..=4), powers(1e-5, 1..=7), powers(1e-5, 0..=7));
    vit(scope, "ViT, RMSProp", "vit-rmsprop").with(&["optimizer=rmsprop"]).rates(rates)
}

/// A vision transformer by Adam.
pub(crate) fn vit_adam(scope: &Scope) -> Problem {
    let (rates, betas) = scope.choose(
        (powers(1e-3, 0..=4), &[0.9][..]),
        (powers(1e-5, 3..=9), &[0.9][..]),
        (powers(1e-5, 1..=8), &[0.9, 0.99][..]),
    );
    vit(scope, "ViT, Adam", "vit-adam").with(&["optimizer=adam"]).rates(rates).betas(betas)
}

/// The four of figure 1.
pub(crate) fn first_four(scope: &Scope) -> [Problem; 4] {
    [convolutional(scope), mixer_gd(scope), nanolm(scope), vit_rmsprop(scope)]
}

/// The five of figure 5.
pub(crate) fn five(scope: &Scope) -> [Problem; 5] {
    [convolutional(scope), mixer_gd(scope), mixer_momentum(scope), nanolm(scope), vit_adam(scope)]
}

/// A linear model by gradient descent: a convex problem.
pub(crate) fn linear(scope: &Scope) -> Problem {
    let name = "linear model, gradient descent";
    let data = scope.choose(small_images(scope, 512, 0.5), photographs(scope), cifar(scope));
    let problem = Problem::new(scope, name, "linear-gd", data).with(&["model=linear", "optimizer=gd"]);
    match scope.preset {
        // Standardised, or rates above 1 would be wanted, at which the linesearch ends: digits have few and small pixels.
        Preset::Tiny | Preset::Small => {
            problem.with(&["data.scale=standard"]).with(&SMALL).runs(400, 3).rates(powers(0.05, 0..=5))
        }
        Preset::Medium => problem.with(&FLAX[..1]).with(&MEDIUM).runs(STEPS, 3).rates(powers(1e-3, 2..=8)),
        Preset::Trial | Preset::Paper => {
            problem.with(&PAPER).with(&FLAX[..1]).runs(16384, 1).rates(powers(1e-3, -1..=7))
        }
    }
}

/// A deep MLP by gradient descent, for rates from the exact sharpness.
pub(crate) fn deep_mlp(scope: &Scope) -> Problem {
    let name = "MLP of three hidden layers, gradient descent";
    match scope.preset {
        Preset::Tiny | Preset::Small => Problem::new(scope, name, "mlp3-gd", small_images(scope, 256, 1.0))
            .with(&["model=mlp", "model.hidden=[64, 64, 64]", "optimizer=gd"])
            .with(&SMALL)
            // After 400 steps 3 / lambda has not yet passed the tuned constant, which leads early.
            .runs(1200, 3)
            .rates(powers(0.05, 0..=5)),
        Preset::Medium => Problem::new(scope, name, "mlp3-gd", photographs(scope))
            .with(&["model=mlp", "model.hidden=[64, 64, 64]", "optimizer=gd"])
            .with(&FLAX)
            .with(&MEDIUM)
            .runs(2 * STEPS, 3)
            .rates(powers(1e-3, 2..=8)),
        Preset::Trial | Preset::Paper => Problem::new(scope, name, "mlp3-gd", cifar(scope))
            .with(&["model=mlp", "model.hidden=[256, 256, 256]", "optimizer=gd"])
            .with(&FLAX)
            .with(&PAPER)
            .runs(16384, 1)
            .rates(powers(1e-3, -1..=7)),
    }
}

/// The optimizers that are compared with each other: their names, and the rates from which grids of six rise by factors of two.
pub(crate) const METHODS: [(&str, &str, f64); 8] = [
    ("gd", "gradient descent", 0.025),
    ("momentum", "momentum", 0.0025),
    ("nesterov", "Nesterov", 0.0025),
    ("rmsprop", "RMSProp", 1.25e-4),
    ("adam", "Adam", 5e-4),
    ("adamw", "AdamW", 5e-4),
    ("lion", "Lion", 1e-4),
    ("muon", "Muon", 2.5e-3),
];

/// Four networks by one of [`METHODS`].
pub(crate) fn networks(scope: &Scope, (optimizer, method, base): (&str, &str, f64)) -> [Problem; 4] {
    let vision = |network: &str| (format!("{network}, {method}"), format!("{}-{optimizer}", network.to_lowercase()));
    let (mixers, vits) = (vision("Mixer"), vision("ViT"));
    let choice = format!("optimizer={optimizer}");
    [
        convnet(scope, method, optimizer),
        mixer(scope, &mixers.0, &mixers.1, (256, 300)),
        language(scope, method, optimizer),
        vit(scope, &vits.0, &vits.1),
    ]
    .map(|problem| problem.with(&[&choice]).rates(powers(base, 0..=8)).betas(&[0.0, 0.9]))
}

/// Networks that train to the same low loss on images with their own labels, some of which are left for testing.
pub(crate) fn to_a_loss(scope: &Scope) -> [Problem; 2] {
    let data = |count: usize, side: usize| match scope.data {
        None if matches!(scope.preset, Preset::Tiny | Preset::Small) => {
            let settings =
                ["data=digits", "data.test_fraction=0.4", &format!("data.first={count}"), "data.label_noise=0.1"];
            (settings.map(str::to_owned).to_vec(), None)
        }
        _ => stored(scope, "cifar-10", &[&format!("data.random={count}"), &format!("data.side={side}")]),
    };
    let (count, side, steps) = scope.choose((256, 8, 2000), (1024, 16, 4000), (4096, 32, 16384));
    let problem = |name: &str, key: &str| {
        let every = scope.choose(&SMALL[..], &SMALL[..], &PAPER[..]);
        let rates = powers(0.025, 0..=4);
        let problem = Problem::new(scope, name, key, data(count, side)).with(&["optimizer=gd", "target_loss=0.05"]);
        problem.with(every).with(&["diagnostics.sharpness_every=10"]).runs(steps, 5).rates(rates)
    };
    [
        problem("ConvNet", "convnet-target").with(&[
            "model=convnet",
            "model.channels=[8, 16, 32]",
            "model.activation=relu",
        ]),
        problem("MLP", "mlp-target").with(&["model=mlp", "model.hidden=[64, 64]"]),
    ]
    .map(|problem| problem.with(&FLAX))
}
