//! The product's side of the benchmark: the line protocol, networks and data of `bench/README.md`.

use std::collections::BTreeMap;
use std::io::{BufRead, Write};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use onedge::engine::DataObjective;
use onedge::objective::{Objective, vector};
use onedge::spectrum::{Hessian, LinearOperator};
use serde_json::{Value as Json, json};

mod networks;
mod sharpness;

use networks::{Problem, uniform};
use sharpness::Found;

const GEMM_SIZE: usize = 2048;
const LANCZOS_STEPS: usize = 20;
const SEARCHES: [&str; 3] = ["sharpness", "sharpness-random", "power"];

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--threads", threads] => serve(threads.parse().context("--threads: expected a number")?),
        ["--threads", threads, "--memory", network, op] => {
            println!("{}", peak_growth(network, op, threads.parse().context("--threads: expected a number")?)?);
            Ok(())
        }
        _ => bail!("usage: bench_peer --threads N [--memory NETWORK OP]"),
    }
}

fn serve(threads: usize) -> Result<()> {
    say(&json!({"ok": true, "peer": "onedge", "version": env!("CARGO_PKG_VERSION"), "threads": threads}));
    let mut cells = Cells::default();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        match line.split_whitespace().collect::<Vec<_>>()[..] {
            [] => {}
            ["quit"] => break,
            ["run", network, op, _, repeats] => match cells.answer(threads, network, op, repeats) {
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

fn say(reply: &Json) {
    println!("{reply}");
    std::io::stdout().flush().expect("standard output is open");
}

/// What was prepared for earlier lines.
#[derive(Default)]
struct Cells {
    network: Option<(String, Network)>,
    peaks: BTreeMap<(String, String), f64>,
}

impl Cells {
    fn answer(&mut self, threads: usize, network: &str, op: &str, repeats: &str) -> Result<Json> {
        let repeats: usize = repeats.parse().context("REPEATS: expected a number")?;
        if op == "gemm" {
            let ms = gemm(threads, repeats);
            return Ok(json!({"ok": true, "ms": ms, "variant": "product", "values": {}}));
        }
        let key = (network.to_owned(), op.to_owned());
        let peak = match self.peaks.get(&key) {
            Some(&peak) => peak,
            None => *self.peaks.entry(key).or_insert(peak_in_another_process(threads, network, op)?),
        };
        let (_, prepared) = match self.network.take_if(|(name, _)| name == network) {
            Some(same) => self.network.insert(same),
            None => self.network.insert((network.to_owned(), Network::new(Problem::new(network)?, threads)?)),
        };
        let timed = prepared.run(op, repeats)?;
        let mut reply = json!({"ok": true, "variant": "exact", "values": timed.values, "peak_mib": peak});
        reply["ms"] = json!(timed.ms);
        reply["processor_ms"] = json!(timed.processor_ms);
        Ok(reply)
    }
}

/// In a process of its own, where no memory is kept from earlier operations.
fn peak_in_another_process(threads: usize, network: &str, op: &str) -> Result<f64> {
    let mut command = Command::new(std::env::current_exe()?);
    let output = command.args(["--threads", &threads.to_string(), "--memory", network, op]).output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?.trim().parse()?)
}

/// MiB by which resident memory grows, at most, from data and weights alone to the end of the second call; of a search,
/// of the first.
fn peak_growth(network: &str, op: &str, threads: usize) -> Result<f64> {
    let problem = Problem::new(network)?;
    std::fs::write("/proc/self/clear_refs", "5").context("/proc/self/clear_refs: Linux only")?;
    let before = resident_mib("VmRSS:")?;
    Network::new(problem, threads)?.run(op, usize::from(!SEARCHES.contains(&op)))?;
    Ok(resident_mib("VmHWM:")? - before)
}

fn resident_mib(key: &str) -> Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with(key)).context("/proc/self/status: Linux only")?;
    let kib: f64 = line.split_whitespace().nth(1).context("a number follows")?.parse()?;
    Ok(kib / 1024.0)
}

/// Milliseconds for which any thread of this process ran, so far: not those in which another process had the processor.
fn processor_ms() -> Result<f64> {
    let mut nanoseconds = 0;
    for thread in std::fs::read_dir("/proc/self/task").context("/proc/self/task: Linux only")? {
        let text = match std::fs::read_to_string(thread?.path().join("schedstat")) {
            Ok(text) => text,
            // A thread that has ended since: those of the network before.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error.into()),
        };
        let ran: u64 = text.split_whitespace().next().context("a number comes first")?.parse()?;
        nanoseconds += ran;
    }
    Ok(nanoseconds as f64 / 1e6)
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

/// Timings of an operation, by the clock on the wall and by the processor's, and what describes its result.
#[derive(Default)]
struct Timed {
    ms: Vec<f64>,
    processor_ms: Vec<f64>,
    values: Json,
}

/// One of the networks of the benchmark with its data.
struct Network {
    threads: usize,
    objective: DataObjective<f32>,
    problem: Problem,
    gradient: Vec<f32>,
    u: Vec<f32>,
    out: Vec<f32>,
    /// Signs, and their products; none until they are asked for.
    eight: Vec<Vec<f32>>,
    products: Vec<Vec<f32>>,
    /// Every search for an eigenvalue starts from a random vector of its own.
    searches: u64,
    found: Found,
}

impl Network {
    fn new(problem: Problem, threads: usize) -> Result<Self> {
        let zeros = vec![0.0; problem.w.len()];
        let objective = problem.objective(threads)?;
        let (gradient, u, out) = (zeros.clone(), zeros.clone(), zeros);
        Ok(Self {
            threads,
            objective,
            problem,
            gradient,
            u,
            out,
            eight: Vec::new(),
            products: Vec::new(),
            searches: 0,
            found: Found::default(),
        })
    }

    fn run(&mut self, op: &str, repeats: usize) -> Result<Timed> {
        if op.starts_with("hv8") && self.eight.is_empty() {
            let sign = |stream: u64, i: usize| if uniform(stream, i as u64) < 0.5 { -1.0 } else { 1.0 };
            self.eight = (0..8).map(|k| (0..self.out.len()).map(|i| sign(101 + k, i)).collect()).collect();
            self.products = vec![vec![0.0; self.out.len()]; 8];
        }
        if op.starts_with("hv") {
            self.objective.linearize(&self.problem.w, &mut self.gradient)?;
        }
        // Searches are long: one warms up for all that follow.
        let warm_up = usize::from(!SEARCHES.contains(&op) || self.searches == 0);
        let mut timed = Timed { values: json!({}), ..Timed::default() };
        for _ in 0..warm_up + repeats {
            let (ran, start) = (processor_ms()?, Instant::now());
            timed.values = self.once(op)?;
            timed.ms.push(1e3 * start.elapsed().as_secs_f64());
            timed.processor_ms.push(processor_ms()? - ran);
        }
        timed.ms.drain(..warm_up);
        timed.processor_ms.drain(..warm_up);
        match op {
            "gradient" => timed.values["gradient_norm2"] = json!(vector::dot(&self.gradient, &self.gradient)),
            "hv" => {
                let (vhv, norm2) = (vector::dot(&self.problem.v, &self.out), vector::dot(&self.out, &self.out));
                timed.values = json!({"vhv": vhv, "hv_norm2": norm2});
            }
            "sharpness" | "sharpness-random" | "power" => timed.values = self.found.describe(&mut self.objective)?,
            _ => {}
        }
        Ok(timed)
    }

    fn once(&mut self, op: &str) -> Result<Json> {
        Ok(match op {
            "forward" => json!({"loss": self.objective.loss(&self.problem.w)?}),
            "gradient" => json!({"loss": self.objective.linearize(&self.problem.w, &mut self.gradient)?}),
            "cdat" => {
                let loss = self.objective.linearize(&self.problem.w, &mut self.gradient)?;
                self.u.copy_from_slice(&self.gradient);
                vector::scale(-1.0, &mut self.u);
                let slope = vector::dot(&self.gradient, &self.u);
                let curvature = self.objective.curvature(&self.u)?;
                let rate = 2.0 * (-slope).max(0.0) / curvature.abs();
                vector::add_scaled(&self.problem.w, rate, &self.u, &mut self.out);
                json!({"loss": loss, "slope": slope, "curvature": curvature, "rate": rate})
            }
            "hv" => {
                self.objective.hessian_vector(&self.problem.v, &mut self.out)?;
                json!({})
            }
            "hv8" => {
                self.objective.hessian_vectors(&self.eight, &mut self.products)?;
                self.forms()
            }
            "hv8-single" => {
                for (v, out) in self.eight.iter().zip(&mut self.products) {
                    self.objective.hessian_vector(v, out)?;
                }
                self.forms()
            }
            "lanczos20" => self.lanczos(LANCZOS_STEPS)?,
            "sharpness" | "sharpness-random" | "power" => {
                let (seed, w) = (self.searches, &self.problem.w);
                self.searches += 1;
                self.found = match op {
                    "power" => sharpness::by_power_iteration(&mut self.objective, w, seed)?,
                    op => sharpness::by_lanczos(&mut self.objective, w, (self.threads, seed), op == "sharpness")?,
                };
                json!({})
            }
            _ => bail!(
                "expected an op of forward, gradient, cdat, hv, hv8, hv8-single, lanczos20, sharpness, sharpness-random, power, got {op}"
            ),
        })
    }

    /// The sum of `v . H v` over the eight vectors.
    fn forms(&self) -> Json {
        json!({"forms": self.eight.iter().zip(&self.products).map(|(v, hv)| vector::dot(v, hv)).sum::<f64>()})
    }

    /// Linearisation, then `steps` products with full reorthogonalisation, as the peers do.
    fn lanczos(&mut self, steps: usize) -> Result<Json> {
        self.objective.linearize(&self.problem.w, &mut self.gradient)?;
        let mut hessian = Hessian::new(&mut self.objective);
        let ritz = onedge::spectrum::ritz_values(
            &mut hessian as &mut dyn LinearOperator<f32>,
            &self.problem.v,
            steps,
            self.threads,
        )?;
        let (smallest, largest) = (ritz[0], ritz[ritz.len() - 1]);
        Ok(json!({"largest": largest, "smallest": smallest}))
    }
}
