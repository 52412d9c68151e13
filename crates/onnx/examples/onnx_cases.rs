//! ONNX files with inputs and what onedge makes of them, for `tools/reference/check_onnx.py`: every op by its meaning in
//! f64, every model by the engine in f32.
//!
//! `cargo run -p onedge-onnx --example onnx_cases FOLDER`

use std::collections::{BTreeMap, HashMap};
use std::error::Error;
use std::fs;
use std::path::Path;

use onedge_engine::Forward;
use onedge_graph::reference::{Tensor, evaluate};
use onedge_graph::{Domain, Graph, NodeId, Shape, ops};
use onedge_nn::layers::Sight;
use onedge_nn::{Init, Io, Model, initial_parameters, models};
use onedge_onnx::{Error as OnnxError, of_graph, of_model};
use onedge_registry::{Settings, Value, find};

/// A model of the registry, small: name, settings, shape of an example, outputs.
type Small = (&'static str, &'static [(&'static str, &'static str)], &'static [usize], usize);

const MODELS: &[Small] = &[
    ("linear", &[], &[7], 3),
    ("mlp", &[("hidden", "[9, 8]"), ("activation", "gelu")], &[7], 3),
    ("mlp", &[("hidden", "[9]"), ("activation", "silu"), ("bias", "false")], &[2, 3, 3], 1),
    ("convnet", &[("channels", "[4, 6]")], &[3, 9, 8], 5),
    ("convnet", &[("channels", "[4]"), ("pool", "true"), ("activation", "softplus")], &[3, 8, 8], 5),
    ("resnet", &[("width", "8"), ("stem", "large")], &[3, 19, 16], 5),
    ("resnet", &[("preset", "resnet50"), ("width", "8"), ("blocks", "[1, 1]"), ("norm", "layer")], &[3, 16, 16], 5),
    ("resnet", &[("width", "4"), ("blocks", "[1, 1]"), ("norm", "none"), ("activation", "tanh")], &[1, 9, 8], 5),
    ("mixer", &[("patch", "4"), ("depth", "2")], &[3, 12, 8], 5),
    ("vit", &[("patch", "4"), ("depth", "2")], &[3, 12, 8], 5),
    ("nanolm", &[("depth", "2")], &[12], 30),
];

/// Examples that a model is run on: another number than its file was made with.
const EXAMPLES: usize = 5;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).ok_or("expected a folder")?;
    let folder = Path::new(&folder);
    fs::create_dir_all(folder)?;
    of_ops(folder)?;
    for (place, (name, settings, input, outputs)) in MODELS.iter().enumerate() {
        let given: BTreeMap<String, Value> =
            settings.iter().map(|(key, value)| ((*key).to_owned(), Value::parse(value))).collect();
        let entry = find("model", models::ALL, name)?;
        let model = (entry.build)(&Settings::resolve(entry, given)?, &Io::new(input, *outputs)?)?;
        let tokens = (*name == "nanolm").then_some(*outputs);
        of_a_model(folder, &format!("model-{place}-{name}"), &model, tokens)?;
    }
    of_a_model(folder, "model-own-images", &own_images()?, None)?;
    of_a_model(folder, "model-own-tokens", &own_tokens()?, Some(6))
}

/// Of what a model of one's own may be made: elementwise operations, broadcasts, convolutions, norms.
fn own_images() -> Result<Model, Box<dyn Error>> {
    Ok(Model::build(&Io::new(&[2, 6, 6], 4)?, |layers, x| {
        let scale = layers.parameter("scale", &[6, 1], Init::Constant(0.5));
        let h = x * scale + (x * 2.0).sin().maximum(x.cos() - 0.25);
        let positive = h.greater(h * 0.0 + 0.1).select(h.exp(), h.abs().sqrt());
        let h = positive.permute(&[0, 2, 3, 1]).cumsum(2).slice(1, 1..5).mean(&[1, 2]);
        let h = layers.layer_norm(layers.dense(h, 12)).softmax();
        let spread = h.logsumexp();
        let n = h.shape()[0];
        layers.dense(h.concat(spread.reshape(&[n, 1]), 1), 4)
    })?)
}

fn own_tokens() -> Result<Model, Box<dyn Error>> {
    Ok(Model::build(&Io::new(&[5], 3)?, |layers, x| {
        let h = layers.embedding(x, 6, 8);
        let h = h + layers.attention(layers.rms_norm(h), 2, Sight::Causal);
        layers.dense(h.reduce_max(1), 3)
    })?)
}

/// Every op on the inputs that its rules are tested on.
fn of_ops(folder: &Path) -> Result<(), Box<dyn Error>> {
    for op in ops::ALL.iter().filter(|op| op.name != "input") {
        for (place, case) in (op.cases)().into_iter().enumerate() {
            let mut graph = Graph::new();
            let inputs: Vec<NodeId> = case.inputs.iter().map(|(shape, _)| graph.input(shape.clone())).collect();
            let output = graph.apply(op, case.attributes, &inputs)?;
            let name = format!("op-{}-{place}", op.name);
            let bytes = match of_graph(&name, &graph, &inputs, output) {
                Err(OnnxError::NoCounterpart { .. }) => continue,
                other => other?,
            };
            let mut numbers = Numbers(place as u64);
            let tensors: Vec<Tensor> = case
                .inputs
                .iter()
                .map(|(shape, domain)| {
                    Tensor::new(shape.clone(), (0..shape.size()).map(|_| numbers.of(*domain)).collect())
                })
                .collect();
            let known: HashMap<NodeId, Tensor> = inputs.iter().copied().zip(tensors.iter().cloned()).collect();
            let expected = evaluate(&graph, &known, &[output]).remove(0);
            let mut text = String::new();
            for tensor in tensors.iter().chain([&expected]) {
                text += &line(&tensor.shape, tensor.data.iter().copied());
            }
            fs::write(folder.join(format!("{name}.onnx")), bytes)?;
            fs::write(folder.join(format!("{name}.txt")), text)?;
        }
    }
    Ok(())
}

/// A model at random parameters on random examples, or on tokens below a number.
fn of_a_model(folder: &Path, name: &str, model: &Model, tokens: Option<usize>) -> Result<(), Box<dyn Error>> {
    let mut numbers = Numbers(7);
    // Biases and the like begin as zeros, which would hide where they go.
    let first: Vec<f32> = initial_parameters(model.parameters(), 3);
    let w: Vec<f32> = first.iter().map(|w| w + 0.1 * numbers.of(Domain::Real) as f32).collect();
    let mut graph = Graph::new();
    let parameters: Vec<NodeId> = model.parameters().iter().map(|p| graph.input(p.shape.clone())).collect();
    let shape = Shape::new(&[&[EXAMPLES], model.io().input_shape()].concat());
    let input = graph.input(shape.clone());
    let output = model.outputs(&mut graph, &parameters, input)?;
    let domain = tokens.map_or(Domain::Real, Domain::Index);
    let x: Vec<f32> = (0..shape.size()).map(|_| numbers.of(domain) as f32).collect();
    let mut forward = Forward::<f32>::new(&graph, &parameters, &[input], output)?;
    let y = forward.run(&w, &[&x])?;
    let wide = |values: &[f32]| values.iter().map(|&value| f64::from(value)).collect::<Vec<_>>();
    let text = line(&shape, wide(&x)) + &line(graph.shape(output), wide(y));
    let bytes = of_model(name, model, &w, None, &[("class_names".to_owned(), "[]".to_owned())])?;
    fs::write(folder.join(format!("{name}.onnx")), bytes)?;
    fs::write(folder.join(format!("{name}.txt")), text)?;
    Ok(())
}

/// A shape and its values: `2 3 : 0.5 ...`
fn line(shape: &Shape, values: impl IntoIterator<Item = f64>) -> String {
    let shape: Vec<String> = shape.iter().map(ToString::to_string).collect();
    let values: Vec<String> = values.into_iter().map(|value| format!("{value:e}")).collect();
    format!("{} : {}\n", shape.join(" "), values.join(" "))
}

/// Numbers that look random, of SplitMix64.
struct Numbers(u64);

impl Numbers {
    fn of(&mut self, domain: Domain) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let unit = (z ^ (z >> 31)) as f64 / (u64::MAX as f64 + 1.0);
        match domain {
            Domain::Real => 3.0 * unit - 1.5,
            Domain::Positive => 0.4 + 1.6 * unit,
            Domain::Index(below) => (unit * below as f64).floor(),
            Domain::Mask => (2.0 * unit).floor(),
        }
    }
}
