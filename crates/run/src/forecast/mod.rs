//! What a run will cost, before it is started: work, memory and time of each stage, measured on one chunk; and over ranks.

mod alone;
mod over_ranks;

use std::collections::BTreeMap;
use std::fmt::Write;

use onedge_engine::{Report, StageReport};
use onedge_spec::{Precision, Spec};
use onedge_text::table::{duration, number, table};
use onedge_train::Element;
use serde::Serialize;

use crate::{DataSets, Error, build_problem, plan};

pub use over_ranks::{LEAST_EFFICIENCY, MOST_RANKS, OverRanks, Row, over_ranks};

/// Steps between measurements of the curvature by `cdat` as it is recommended.
const CDAT_EVERY: f64 = 8.0;

/// What a run will cost. Times are predictions: those of one chunk, times the chunks, over the threads.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Forecast {
    /// `resnet`
    pub model: String,
    /// P, the number of parameters.
    pub parameters: usize,
    /// Training examples.
    pub examples: usize,
    /// Examples of a step.
    pub batch: usize,
    /// Steps of the run.
    pub steps: u64,
    /// Examples in a chunk, at most.
    pub chunk: usize,
    /// Chunks of a step.
    pub chunks: usize,
    /// Chunks of which what the gradient computed is kept for curvature and H v.
    pub chunks_kept: usize,
    /// Threads.
    pub threads: usize,
    /// Bytes kept of a chunk.
    pub kept_bytes: usize,
    /// Bytes of scratch memory of a thread.
    pub scratch_bytes: usize,
    /// Bytes of all memory beside the examples.
    pub memory_bytes: u64,
    /// Loss, gradient, curvature, H v.
    pub stages: Vec<Stage>,
}

/// What one stage does to the examples of a step.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Stage {
    /// Its name.
    pub name: String,
    /// Operations of one kind together, the slowest kind first.
    pub ops: Vec<Ops>,
}

/// All operations of one kind in a stage.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Ops {
    /// The kind: `conv2d`, `matmul`, `elementwise` (any number of them, fused), `sum`, ...
    pub kind: String,
    /// How many there are in a chunk.
    pub count: usize,
    /// Multiplications and additions of products, in 1e9.
    pub gflop: f64,
    /// Memory read and written, each operand counted once, in GiB.
    pub gib: f64,
    /// Time.
    pub seconds: f64,
}

impl Stage {
    /// Time.
    pub fn seconds(&self) -> f64 {
        self.ops.iter().map(|ops| ops.seconds).sum()
    }
}

/// Predicts the run of `spec`: builds its problem and runs one chunk of it.
///
/// # Errors
/// Whatever is wrong with spec or data.
pub fn forecast(spec: &Spec, data_sets: &mut DataSets) -> Result<Forecast, Error> {
    match spec.precision {
        Precision::F32 => forecast_in::<f32>(spec, data_sets),
        Precision::F64 => forecast_in::<f64>(spec, data_sets),
    }
}

fn forecast_in<T: Element>(spec: &Spec, data_sets: &mut DataSets) -> Result<Forecast, Error> {
    let plan = plan(spec)?;
    let mut problem = build_problem::<T>(spec, data_sets)?;
    let examples = problem.train.examples();
    plan.check_batch(examples)?;
    let batch = plan.batch.unwrap_or(examples);
    let first: Vec<usize> = (0..batch).collect();
    problem.train.select((batch < examples).then_some(&first))?;
    let w = problem.initial(spec.seed);
    // Parameters serve as the direction: any will do.
    let report = problem.train.report(&w, &w)?;
    Ok(Forecast {
        model: spec.model.name.clone(),
        parameters: w.len(),
        examples,
        batch,
        steps: spec.steps,
        chunk: report.chunk,
        chunks: report.chunks,
        chunks_kept: report.chunks_kept,
        threads: report.threads,
        kept_bytes: report.kept_bytes,
        scratch_bytes: report.scratch_bytes,
        memory_bytes: report.memory_bytes,
        stages: stages(&report),
    })
}

/// Stages by name, their operations by kind.
fn stages(report: &Report) -> Vec<Stage> {
    let mut names: Vec<&str> = Vec::new();
    for stage in &report.stages {
        if !names.contains(&stage.name) {
            names.push(stage.name);
        }
    }
    let stage = |name: &str| {
        let mut kinds: BTreeMap<&str, Ops> = BTreeMap::new();
        for part in report.stages.iter().filter(|stage| stage.name == name) {
            add(&mut kinds, part, report.threads);
        }
        let mut ops: Vec<Ops> = kinds.into_values().collect();
        ops.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
        Stage { name: name.to_owned(), ops }
    };
    names.into_iter().map(stage).collect()
}

fn add<'a>(kinds: &mut BTreeMap<&'a str, Ops>, stage: &'a StageReport, threads: usize) {
    let chunks = stage.chunks as f64;
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for step in &stage.steps {
        let empty = || Ops { kind: step.kind.to_owned(), count: 0, gflop: 0.0, gib: 0.0, seconds: 0.0 };
        let ops = kinds.entry(step.kind).or_insert_with(empty);
        ops.gflop += chunks * step.flops / 1e9;
        ops.gib += chunks * step.bytes as f64 / f64::from(1 << 30);
        ops.seconds += chunks * step.time.as_secs_f64() / threads as f64;
        let count = counts.entry(step.kind).or_insert(0);
        *count += 1;
        ops.count = ops.count.max(*count);
    }
}

impl Forecast {
    /// As text for the terminal.
    pub fn to_text(&self) -> String {
        let mib = |bytes: u64| format!("{} MiB", number(Some(bytes as f64 / f64::from(1 << 20))));
        let mut out = format!("{}: {} parameters, {} examples a step", self.model, self.parameters, self.batch);
        out += &if self.batch < self.examples { format!(" of {}\n", self.examples) } else { "\n".to_owned() };
        let scratch = mib(self.scratch_bytes as u64);
        let _ = writeln!(out, "chunks: {} of {} examples at most", self.chunks, self.chunk);
        let _ = writeln!(out, "threads: {}, with {scratch} of scratch memory each", self.threads);
        let kept = mib(self.kept_bytes as u64);
        let _ = match (self.chunks_kept, self.chunks) {
            (kept_of, all) if kept_of == all => writeln!(out, "kept for curvature and H v: {kept} of every chunk"),
            (kept_of, all) => writeln!(
                out,
                "kept for curvature and H v: {kept} of {kept_of} chunks, as memory_mib allows; of the other {} it is \
                 computed again",
                all - kept_of
            ),
        };
        let _ = writeln!(out, "memory beside the examples: {}\n", mib(self.memory_bytes));
        let mut rows = Vec::new();
        for stage in &self.stages {
            let row = |name: &str, count: usize, gflop: f64, gib: f64, seconds: f64| {
                let rate = if gflop > 0.0 { number(Some(gflop / seconds)) } else { String::new() };
                let gflop = if gflop > 0.0 { number(Some(gflop)) } else { String::new() };
                vec![name.to_owned(), count.to_string(), gflop, number(Some(gib)), number(Some(seconds)), rate]
            };
            let sum = |part: fn(&Ops) -> f64| stage.ops.iter().map(part).sum::<f64>();
            let count = stage.ops.iter().map(|ops| ops.count).sum();
            rows.push(row(&stage.name, count, sum(|o| o.gflop), sum(|o| o.gib), stage.seconds()));
            for ops in stage.ops.iter().filter(|ops| ops.seconds > 0.01 * stage.seconds()) {
                rows.push(row(&format!("  {}", ops.kind), ops.count, ops.gflop, ops.gib, ops.seconds));
            }
        }
        out += &table(&["a step", "ops", "GFLOP", "GiB", "s", "GFLOP/s"], &rows);
        let seconds = |name: &str| self.stages.iter().filter(|s| s.name == name).map(Stage::seconds).sum::<f64>();
        let (gradient, curvature) = (seconds("gradient"), seconds("curvature"));
        let all = |step: f64| duration(step * self.steps as f64);
        let _ = writeln!(
            out,
            "\npredicted for {} steps: {} with a constant rate (gradient), {} with cdat (a curvature every \
             {CDAT_EVERY} steps), {} with preset paper (one every step); diagnostics and tests come on top",
            self.steps,
            all(gradient),
            all(gradient + curvature / CDAT_EVERY),
            all(gradient + curvature)
        );
        out
    }
}
