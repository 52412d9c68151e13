//! The product's side of the benchmark: the line protocol, networks and data of `bench/README.md`.

use std::collections::BTreeMap;
use std::io::{BufRead, Write};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use onedge::engine::{DataObjective, Examples, Field, Options};
use onedge::nn::{Io, Target, loss_graph, losses, models};
use onedge::objective::{Objective, vector};
use onedge::registry::Value;
use onedge::spectrum::{Hessian, LinearOperator};
use serde_json::{Value as Json, json};

const FEATURES: usize = 3072;
const CLASSES: usize = 10;
const GEMM_SIZE: usize = 2048;

fn main() -> Result<()> {
    let threads = threads()?;
    say(&json!({"ok": true, "peer": "onedge", "version": env!("CARGO_PKG_VERSION"), "threads": threads}));
    let mut networks: BTreeMap<String, Network> = BTreeMap::new();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        match line.split_whitespace().collect::<Vec<_>>()[..] {
            [] => {}
            ["quit"] => break,
            ["run", network, op, _, repeats] => match answer(&mut networks, threads, network, op, repeats) {
                Ok(reply) => say(&reply),
                Err(error) => say(&json!({"ok": false, "error": format!("{error:#}")})),
            },
            _ => say(
                &json!({"ok": false, "error": format!("expected `run NETWORK OP FORMULATION REPEATS`, got {line}")}),
            ),
        }
    }
    Ok(())
}

fn threads() -> Result<usize> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match &words[..] {
        [] => Ok(1),
        [flag, count] if flag == "--threads" => count.parse().context("--threads: expected a number"),
        _ => bail!("usage: bench_peer [--threads N]"),
    }
}

fn say(reply: &Json) {
    println!("{reply}");
    std::io::stdout().flush().expect("standard output is open");
}

fn answer(
    networks: &mut BTreeMap<String, Network>,
    threads: usize,
    network: &str,
    op: &str,
    repeats: &str,
) -> Result<Json> {
    let repeats: usize = repeats.parse().context("REPEATS: expected a number")?;
    if op == "gemm" {
        let ms = gemm(threads, repeats);
        return Ok(json!({"ok": true, "ms": ms, "variant": "product", "values": {}}));
    }
    if !networks.contains_key(network) {
        networks.insert(network.to_owned(), Network::new(network, threads)?);
    }
    let network = networks.get_mut(network).context("just inserted")?;
    let (ms, values) = network.run(op, repeats)?;
    Ok(json!({"ok": true, "ms": ms, "variant": "exact", "values": values}))
}

/// Milliseconds of products of square matrices.
fn gemm(threads: usize, repeats: usize) -> Vec<f64> {
    let n = GEMM_SIZE;
    let a: Vec<f32> = (0..n * n).map(|i| uniform(0, i as u64)).collect();
    let mut out = vec![0.0; n * n];
    let mut ms = Vec::new();
    for _ in 0..repeats + 1 {
        let start = Instant::now();
        onedge::engine::square_product(threads, n, &a, &a, &mut out);
        ms.push(1e3 * start.elapsed().as_secs_f64());
    }
    ms.remove(0);
    ms
}

/// One of the networks of the benchmark with its data.
struct Network {
    threads: usize,
    objective: DataObjective<f32>,
    w: Vec<f32>,
    v: Vec<f32>,
    gradient: Vec<f32>,
    u: Vec<f32>,
    out: Vec<f32>,
}

impl Network {
    fn new(name: &str, threads: usize) -> Result<Self> {
        let (hidden, examples, relu) = match name {
            "relu512" => ([512, 512], 4096, true),
            "tanh200" => ([200, 200], 5000, false),
            _ => bail!("expected a network of relu512 or tanh200, got {name}"),
        };
        let build = move |batch: usize| {
            let io = Io::new(&[FEATURES], CLASSES)?;
            let hidden = Value::List(hidden.iter().map(|&h| Value::Integer(h)).collect());
            let activation = Value::Text(if relu { "relu" } else { "tanh" }.to_owned());
            let settings = BTreeMap::from([("hidden".to_owned(), hidden), ("activation".to_owned(), activation)]);
            let model = models::build("mlp", settings, &io)?;
            let loss = losses::build(if relu { "cross-entropy" } else { "squared" }, BTreeMap::new())?;
            Ok(loss_graph(&model, &loss, Target::Classes { count: CLASSES }, batch)?)
        };
        let inputs: Arc<[f32]> = (0..examples * FEATURES).map(|i| uniform(0, i as u64)).collect();
        let labels: Arc<[f32]> = (0..examples).map(|i| (i * 7919 % CLASSES) as f32).collect();
        let fields = vec![Field { width: FEATURES, values: inputs }, Field { width: 1, values: labels }];
        let chunk = std::env::var("ONEDGE_BENCH_CHUNK").ok().and_then(|text| text.parse().ok());
        let options = Options { threads, chunk, ..Options::for_this_machine() };
        let objective = DataObjective::new(Box::new(build), Examples::new(examples, fields)?, 0.0, options)?;
        let w = weights(hidden, relu);
        let v: Vec<f32> = (0..w.len()).map(|i| symmetric(100, i as u64)).collect();
        let zeros = vec![0.0; w.len()];
        Ok(Self { threads, objective, w, v, gradient: zeros.clone(), u: zeros.clone(), out: zeros })
    }

    fn run(&mut self, op: &str, repeats: usize) -> Result<(Vec<f64>, Json)> {
        if op == "hv" {
            self.objective.linearize(&self.w, &mut self.gradient)?;
        }
        let (mut ms, mut values) = (Vec::new(), json!({}));
        for _ in 0..repeats + 1 {
            let start = Instant::now();
            values = self.once(op)?;
            ms.push(1e3 * start.elapsed().as_secs_f64());
        }
        ms.remove(0);
        match op {
            "gradient" => values["gradient_norm2"] = json!(vector::dot(&self.gradient, &self.gradient)),
            "hv" => {
                let (vhv, norm2) = (vector::dot(&self.v, &self.out), vector::dot(&self.out, &self.out));
                values = json!({"vhv": vhv, "hv_norm2": norm2});
            }
            _ => {}
        }
        Ok((ms, values))
    }

    fn once(&mut self, op: &str) -> Result<Json> {
        Ok(match op {
            "forward" => json!({"loss": self.objective.loss(&self.w)?}),
            "gradient" => json!({"loss": self.objective.linearize(&self.w, &mut self.gradient)?}),
            "cdat" => {
                let loss = self.objective.linearize(&self.w, &mut self.gradient)?;
                for (u, g) in self.u.iter_mut().zip(&self.gradient) {
                    *u = -g;
                }
                let slope = vector::dot(&self.gradient, &self.u);
                let curvature = self.objective.curvature(&self.u)?;
                let rate = 2.0 * (-slope).max(0.0) / curvature.abs();
                vector::add_scaled(&self.w, rate, &self.u, &mut self.out);
                json!({"loss": loss, "slope": slope, "curvature": curvature, "rate": rate})
            }
            "hv" => {
                self.objective.hessian_vector(&self.v, &mut self.out)?;
                json!({})
            }
            "lanczos20" => self.lanczos(20)?,
            _ => bail!("expected an op of forward, gradient, cdat, hv, lanczos20, got {op}"),
        })
    }

    /// Linearisation, then `steps` products with full reorthogonalisation, as the peers do.
    fn lanczos(&mut self, steps: usize) -> Result<Json> {
        self.objective.linearize(&self.w, &mut self.gradient)?;
        let mut hessian = Hessian::new(&mut self.objective);
        let ritz =
            onedge::spectrum::ritz_values(&mut hessian as &mut dyn LinearOperator<f32>, &self.v, steps, self.threads)?;
        let (smallest, largest) = (ritz[0], ritz[ritz.len() - 1]);
        Ok(json!({"largest": largest, "smallest": smallest}))
    }
}

fn weights(hidden: [i64; 2], relu: bool) -> Vec<f32> {
    let widths = [FEATURES, hidden[0] as usize, hidden[1] as usize, CLASSES];
    let mut w = Vec::new();
    for layer in 0..3 {
        let (rows, columns) = (widths[layer], widths[layer + 1]);
        let variance = if relu && layer < 2 { 2.0 } else { 1.0 } / rows as f64;
        let bound = (3.0 * variance).sqrt() as f32;
        w.extend((0..rows * columns).map(|i| symmetric(1 + layer as u64, i as u64) * bound));
        w.extend(std::iter::repeat_n(0.0, columns));
    }
    w
}

/// SplitMix64 on a counter: in [0, 1), exact in f32.
fn uniform(stream: u64, index: u64) -> f32 {
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
