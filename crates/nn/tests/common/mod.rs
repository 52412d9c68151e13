//! A small instance of every model, for tests.

use std::collections::BTreeMap;

use onedge_nn::{Io, Model, Target, models};
use onedge_registry::Value;

/// A model with few parameters on small examples.
pub struct Small {
    /// Its name in the registry.
    pub model: &'static str,
    settings: &'static [(&'static str, &'static str)],
    /// The shape of one example.
    pub input_shape: &'static [usize],
}

/// At least one of each model.
pub const SMALL: &[Small] = &[
    Small { model: "mlp", settings: &[("hidden", "[5, 7]"), ("activation", "tanh")], input_shape: &[2, 3] },
    Small { model: "linear", settings: &[], input_shape: &[2, 3] },
    Small { model: "convnet", settings: &[("channels", "[3, 4]")], input_shape: &[2, 5, 4] },
    Small { model: "convnet", settings: &[("channels", "[3]"), ("pool", "true")], input_shape: &[2, 4, 4] },
    Small {
        model: "resnet",
        settings: &[("width", "2"), ("blocks", "[1, 2]"), ("norm", "none"), ("activation", "tanh")],
        input_shape: &[2, 5, 4],
    },
    Small {
        model: "resnet",
        settings: &[
            ("width", "6"),
            ("blocks", "[1, 1]"),
            ("norm", "layer"),
            ("activation", "identity"),
            ("stem", "large"),
        ],
        input_shape: &[1, 7, 6],
    },
    Small {
        model: "resnet",
        settings: &[("width", "8"), ("blocks", "[1, 1, 1]"), ("activation", "silu")],
        input_shape: &[1, 5, 4],
    },
    Small {
        model: "resnet",
        settings: &[
            ("preset", "resnet50"),
            ("width", "6"),
            ("blocks", "[1, 1]"),
            ("norm", "layer"),
            ("activation", "tanh"),
        ],
        input_shape: &[2, 5, 4],
    },
    Small {
        model: "mixer",
        settings: &[("patch", "2"), ("width", "6"), ("depth", "2"), ("token_mlp", "3"), ("channel_mlp", "5")],
        input_shape: &[2, 4, 6],
    },
    Small {
        model: "vit",
        settings: &[("patch", "2"), ("width", "6"), ("depth", "2"), ("heads", "3"), ("mlp", "5")],
        input_shape: &[2, 4, 6],
    },
    Small {
        model: "nanolm",
        settings: &[
            ("depth", "2"),
            ("width", "6"),
            ("heads", "2"),
            ("qkv", "4"),
            ("mlp", "5"),
            ("activation", "gelu-tanh"),
        ],
        input_shape: &[5],
    },
];

impl Small {
    /// The model with so many outputs (at each place).
    pub fn build(&self, outputs: usize) -> Model {
        let given = self.settings.iter().map(|(key, value)| ((*key).to_owned(), Value::parse(value)));
        let given: BTreeMap<String, Value> = given.collect();
        models::build(self.model, given, &Io::new(self.input_shape, outputs).unwrap()).unwrap()
    }

    /// Whether examples are tokens.
    pub fn reads_tokens(&self) -> bool {
        self.model == "nanolm"
    }

    /// What it can learn to predict: classes or tokens.
    pub fn target(&self, count: usize) -> Target {
        if self.reads_tokens() {
            Target::Tokens { count, length: self.input_shape[0] }
        } else {
            Target::Classes { count }
        }
    }

    /// Name and settings, for messages.
    pub fn describe(&self) -> String {
        format!("{} {:?}", self.model, self.settings)
    }
}
