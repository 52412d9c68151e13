//! Loss, gradient and curvature of small instances of the larger models, in double precision, as JSON on standard output:
//! what `tools/reference/architectures.py` checks.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Result;
use onedge::engine::{DataObjective, Examples, Field, Options};
use onedge::nn::{Io, Target, initial_parameters, loss_graph, losses, models};
use onedge::objective::Objective;
use onedge::registry::Value;
use serde_json::{Value as Json, json};

const EXAMPLES: usize = 5;
const CLASSES: usize = 3;
const CONTEXT: usize = 7;
const VOCABULARY: usize = 11;
const SEED: u64 = 4;
/// Parameters are moved by up to this from their first values, so that no bias is zero and no scale one.
const SHIFT: f64 = 0.3;

/// A model and its settings; images `[channels, height, width]`, or tokens if there are none.
type Case = (&'static str, &'static [(&'static str, i64)], Option<[usize; 3]>);

const CASES: [Case; 4] = [
    ("nanolm", &[("depth", 2), ("width", 12), ("heads", 3), ("qkv", 6), ("mlp", 20)], None),
    ("vit", &[("patch", 2), ("depth", 2), ("width", 12), ("heads", 3), ("mlp", 20)], Some([3, 6, 8])),
    ("mixer", &[("patch", 2), ("depth", 2), ("width", 10), ("token_mlp", 9), ("channel_mlp", 17)], Some([3, 6, 8])),
    ("resnet", &[], Some([3, 8, 12])),
];

fn main() -> Result<()> {
    let mut records = Vec::new();
    for case in CASES {
        records.push(record(case)?);
    }
    println!("{}", Json::Array(records));
    Ok(())
}

fn record((name, sizes, images): Case) -> Result<Json> {
    let io = match images {
        Some(shape) => Io::new(&shape, CLASSES)?,
        None => Io::new(&[CONTEXT], VOCABULARY)?,
    };
    let settings = || sizes.iter().map(|&(key, size)| (key.to_owned(), Value::Integer(size))).collect();
    let target = match images {
        Some(_) => Target::Classes { count: CLASSES },
        None => Target::Tokens { count: VOCABULARY, length: CONTEXT },
    };
    let model = models::build(name, settings(), &io)?;
    let parameters: Vec<Json> =
        model.parameters().iter().map(|p| json!({"name": p.name, "shape": p.shape.to_vec()})).collect();
    let first = initial_parameters::<f64>(model.parameters(), SEED);
    let w: Vec<f64> = first.iter().enumerate().map(|(i, w)| w + SHIFT * wave(i, 0.7)).collect();

    let (width, places) = (io.features(), if images.is_some() { 1 } else { CONTEXT });
    let token = |i: usize| ((i * i + 3 * i) % 17 % io.outputs()) as f64;
    let inputs: Vec<f64> = match images {
        Some(_) => (0..EXAMPLES * width).map(|i| wave(i, 0.3)).collect(),
        None => (0..EXAMPLES * width).map(token).collect(),
    };
    let targets: Vec<f64> = (1..=EXAMPLES * places).map(token).collect();
    let fields = vec![
        Field { width, values: Arc::new(inputs.to_vec()) },
        Field { width: places, values: Arc::new(targets.to_vec()) },
    ];
    let build_io = io.clone();
    let given: BTreeMap<String, Value> = settings();
    let build = move |batch: usize| {
        let model = models::build(name, given.clone(), &build_io)?;
        Ok(loss_graph(&model, &losses::build("cross-entropy", BTreeMap::new())?, target, batch)?)
    };
    let options = Options { threads: 1, ..Options::for_this_machine() };
    let mut objective = DataObjective::new(Box::new(build), Examples::new(EXAMPLES, fields)?, 0.0, options)?;
    let mut gradient = vec![0.0; w.len()];
    let loss = objective.linearize(&w, &mut gradient)?;
    let u: Vec<f64> = gradient.iter().map(|g| -g).collect();
    let curvature = objective.curvature(&u)?;
    Ok(json!({
        "model": name,
        "settings": sizes.iter().map(|&(key, size)| (key.to_owned(), json!(size))).collect::<serde_json::Map<_, _>>(),
        "input_shape": io.input_shape(),
        "parameters": parameters,
        "w": w,
        "inputs": inputs,
        "targets": targets,
        "loss": loss,
        "gradient": gradient,
        "curvature": curvature,
    }))
}

/// Numbers in [-1, 1] that do not repeat.
fn wave(i: usize, step: f64) -> f64 {
    (step * i as f64 + 0.4 * (i as f64).sqrt()).sin()
}
