//! The networks of the benchmark with their weights and data, all from integer arithmetic (`bench/README.md`).

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context, Result};
use onedge::engine::{DataObjective, Examples, Field, Options};
use onedge::nn::{Io, Model, Parameter, Target, loss_graph, losses, models};
use onedge::record::params;
use onedge::registry::Value;
use onedge::train::Layout;

const DATA_STREAM: u64 = 0;
const VECTOR_STREAM: u64 = 100;
/// Class tokens, positions and embeddings lie within this bound.
const SMALL: f32 = 0.05;
const IMAGE: [usize; 3] = [3, 32, 32];
const CLASSES: usize = 10;
const CONTEXT: usize = 64;
const VOCABULARY: usize = 64;

/// What a network is made of; what is not said here is the model's default.
struct Spec {
    name: &'static str,
    model: &'static str,
    examples: usize,
    activation: &'static str,
    hidden: &'static [i64],
    loss: &'static str,
    tokens: bool,
    /// Variance of a weight times its fan-in; 1 in the last layer.
    gain: f64,
}

const IMAGES: Spec = Spec {
    name: "",
    model: "",
    examples: 256,
    activation: "gelu",
    hidden: &[],
    loss: "cross-entropy",
    tokens: false,
    gain: 1.0,
};

const SPECS: [Spec; 7] = [
    Spec { name: "mlp", model: "mlp", examples: 4096, activation: "relu", hidden: &[512, 512], gain: 2.0, ..IMAGES },
    Spec {
        name: "mlp-tanh-mse",
        model: "mlp",
        examples: 5000,
        activation: "tanh",
        hidden: &[200, 200],
        loss: "squared",
        ..IMAGES
    },
    Spec { name: "convnet", model: "convnet", examples: 512, gain: 2.0, ..IMAGES },
    Spec { name: "resnet20", model: "resnet", activation: "relu", gain: 2.0, ..IMAGES },
    Spec { name: "mixer", model: "mixer", ..IMAGES },
    Spec { name: "vit", model: "vit", ..IMAGES },
    Spec { name: "nanolm", model: "nanolm", examples: 64, activation: "relu", tokens: true, ..IMAGES },
];

/// The data, weights and vector of one network.
pub struct Problem {
    spec: &'static Spec,
    examples: Examples<f32>,
    /// The parameters.
    pub w: Vec<f32>,
    /// What is multiplied by the Hessian.
    pub v: Vec<f32>,
}

impl Problem {
    /// Of the network called `name`; of `name=FILE` with the parameters in that safetensors file.
    pub fn new(name: &str) -> Result<Self> {
        let (name, file) = name.split_once('=').map_or((name, None), |(name, file)| (name, Some(file)));
        let spec = SPECS.iter().find(|spec| spec.name == name).with_context(|| {
            format!("network: unknown, expected one of {:?}, got {name}", SPECS.map(|spec| spec.name))
        })?;
        let model = spec.model()?;
        let w = match file {
            Some(file) => params::load(file.as_ref(), &layouts(&model))?,
            None => weights(&model, spec.gain),
        };
        let v = (0..w.len()).map(|i| symmetric(VECTOR_STREAM, i as u64)).collect();
        Ok(Self { spec, examples: spec.data()?, w, v })
    }

    /// The objective of the product. `ONEDGE_BENCH_CHUNK` sets the examples of a chunk, `ONEDGE_BENCH_MEMORY` the MiB for what is kept.
    pub fn objective(&self, threads: usize) -> Result<DataObjective<f32>> {
        let spec = self.spec;
        let build = move |batch: usize| {
            let loss = losses::build(spec.loss, BTreeMap::new())?;
            Ok(loss_graph(&spec.model()?, &loss, spec.target(), batch)?)
        };
        let chunk = std::env::var("ONEDGE_BENCH_CHUNK").ok().and_then(|text| text.parse().ok());
        let mut options = Options { threads, chunk, ..Options::for_this_machine() };
        if let Some(mib) = std::env::var("ONEDGE_BENCH_MEMORY").ok().and_then(|text| text.parse::<u64>().ok()) {
            options.memory_bytes = mib << 20;
        }
        Ok(DataObjective::new(Box::new(build), self.examples.clone(), 0.0, options)?)
    }
}

impl Spec {
    fn model(&self) -> Result<Model> {
        let io = if self.tokens { Io::new(&[CONTEXT], VOCABULARY)? } else { Io::new(&IMAGE, CLASSES)? };
        let mut settings = BTreeMap::from([("activation".to_owned(), Value::Text(self.activation.to_owned()))]);
        if !self.hidden.is_empty() {
            let hidden = self.hidden.iter().map(|&width| Value::Integer(width)).collect();
            settings.insert("hidden".to_owned(), Value::List(hidden));
        }
        Ok(models::build(self.model, settings, &io)?)
    }

    fn target(&self) -> Target {
        match self.tokens {
            true => Target::Tokens { count: VOCABULARY, length: CONTEXT },
            false => Target::Classes { count: CLASSES },
        }
    }

    /// Images and labels; or blocks of a text and the same one token on.
    fn data(&self) -> Result<Examples<f32>> {
        let field = |width, values: Vec<f32>| Field { width, values: Arc::from(values) };
        let fields = if self.tokens {
            let count = self.examples * CONTEXT;
            let token = |i: usize| (uniform(DATA_STREAM, i as u64) * VOCABULARY as f32).floor();
            vec![field(CONTEXT, (0..count).map(token).collect()), field(CONTEXT, (1..=count).map(token).collect())]
        } else {
            let features: usize = IMAGE.iter().product();
            let pixels = (0..self.examples * features).map(|i| uniform(DATA_STREAM, i as u64)).collect();
            let labels = (0..self.examples).map(|i| (i * 7919 % CLASSES) as f32).collect();
            vec![field(features, pixels), field(1, labels)]
        };
        Ok(Examples::new(self.examples, fields)?)
    }
}

fn layouts(model: &Model) -> Vec<Layout> {
    let layout = |p: &Parameter| Layout { name: p.name.clone(), shape: p.shape.to_vec() };
    model.parameters().iter().map(layout).collect()
}

/// Parameter i draws from stream 1 + i: biases are 0, scales 1, what is no weight small, and weights have variance
/// gain / fan-in, where fan-in is the product of all extents but the last and the gain of the last layer is 1.
fn weights(model: &Model, gain: f64) -> Vec<f32> {
    let last = model.parameters().iter().rposition(|parameter| parameter.name.ends_with(".weight"));
    let mut w = Vec::with_capacity(model.dim());
    for (i, parameter) in model.parameters().iter().enumerate() {
        let (name, size) = (&parameter.name, parameter.shape.size());
        if name.ends_with(".bias") || name.ends_with(".scale") {
            w.extend(std::iter::repeat_n(f32::from(name.ends_with(".scale")), size));
            continue;
        }
        let fan_in: usize = parameter.shape[..parameter.shape.rank() - 1].iter().product();
        let gain = if Some(i) == last { 1.0 } else { gain };
        let bound = if name.ends_with(".weight") { (3.0 * gain / fan_in as f64).sqrt() as f32 } else { SMALL };
        w.extend((0..size).map(|index| symmetric(1 + i as u64, index as u64) * bound));
    }
    w
}

/// SplitMix64 on a counter: in [0, 1), exact in f32.
pub fn uniform(stream: u64, index: u64) -> f32 {
    let counter = (stream << 32).wrapping_add(index).wrapping_add(1);
    let mut z = counter.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^= z >> 31;
    ((z >> 40) as f64 * 2f64.powi(-24)) as f32
}

fn symmetric(stream: u64, index: u64) -> f32 {
    2.0 * uniform(stream, index) - 1.0
}
