//! One run of a method on a cell, ended when it has cost what the cell allows.

use std::error::Error;
use std::time::Instant;

use onedge_run::{DataSets, build_problem, plan};
use onedge_spec::{Document, Spec};
use onedge_train::{Advance, Instruments, Layout, Problem, StopReason, Training};

use crate::cells::{Cell, Suite};
use crate::methods::Method;
use crate::sources::Sources;

/// What a run came to.
#[derive(Debug, Clone)]
pub struct Trial {
    /// Steps taken.
    pub steps: u64,
    /// Forward-equivalents spent.
    pub cost: f64,
    /// The loss over all training examples before the first step.
    pub first: f64,
    /// The same at the end; infinite if it diverged.
    pub loss: f64,
    /// On the test examples at the end: accuracy, or minus the loss where there are no classes.
    pub score: f64,
    /// Why it ended: `budget`, `diverged`, ...
    pub ending: &'static str,
    /// What the tuner counted, as `capped=3 non_descent=1`.
    pub events: String,
    /// Seconds it took.
    pub seconds: f64,
}

/// Runs `method` on `cell` with `seed`.
///
/// # Errors
/// A spec that is wrong, data that cannot be read.
pub fn run(
    suite: &Suite,
    cell: &Cell,
    method: &Method,
    seed: u64,
    sources: &Sources,
    data: &mut DataSets,
) -> Result<Trial, Box<dyn Error>> {
    let began = Instant::now();
    let mut document = Document::from_table(&cell.name(), suite.problems[&cell.problem].clone())?;
    let mut base = sources.assignments(&cell.problem, suite)?;
    base.extend([format!("seed={seed}"), format!("optimizer={}", cell.optimizer)]);
    base.extend(["engine.threads=1", "diagnostics.sharpness_every=0"].map(str::to_owned));
    if cell.batch > 0 {
        base.push(format!("batch={}", cell.batch));
    }
    base.iter().try_for_each(|assignment| document.set(assignment))?;
    let spec = Spec::resolve(&document)?;
    let mut problem: Problem<f32> = build_problem(&spec, data)?;
    let examples = problem.train.examples();
    let costs = problem.train.costs();
    let budget = cell.gradients as f64 * costs.linearize;
    // What is spent beyond the last whole step is allowed to everybody.
    let steps = (budget / (costs.linearize + method.curvature * costs.curvature)).ceil() as u64;
    let batches = examples.checked_div(cell.batch).unwrap_or(1).max(1);
    document.set(&format!("steps={steps}"))?;
    let assignments = method.assignments(cell, steps, batches);
    // As it was when the results were made.
    if cell.optimizer == "adamw" && assignments.iter().all(|assignment| !assignment.starts_with("optimizer")) {
        document.set("optimizer.preset=paper")?;
    }
    assignments.iter().try_for_each(|assignment| document.set(assignment))?;
    let spec = Spec::resolve(&document)?;
    let plan = plan(&spec)?;
    let mut optimizer = spec.build_optimizer::<f32>()?;
    optimizer.set_layers(&Layout::layers(&problem.layouts))?;
    let tuner = spec.build_tuner()?;
    let mut w = problem.initial(seed);
    let first = problem.train.metrics(&w)?["loss"];
    let mut instruments = Instruments::none();
    let mut training = Training::new(&plan, &mut *problem.train, &mut w, (optimizer, tuner), &mut instruments)?;
    let stop = loop {
        let (record, reason) = match training.advance() {
            Advance::Step(record) => (Some(record), None),
            Advance::Stop { reason, record } => (record, Some(reason)),
        };
        if let Some(reason) = reason {
            break reason;
        }
        if record.is_some_and(|record| record.cost >= budget) {
            break StopReason::StepsDone;
        }
    };
    let ending = match &stop {
        StopReason::StepsDone => "budget",
        StopReason::Diverged { .. } | StopReason::NonFinite { .. } => "diverged",
        _ => "failed",
    };
    let outcome = training.finish(stop)?;
    let end = problem.train.metrics(&w);
    let loss = end.as_ref().map_or(f64::INFINITY, |metrics| metrics["loss"]);
    let loss = if ending == "budget" && loss.is_finite() { loss } else { f64::INFINITY };
    let test = problem.test.as_mut().map(|test| test.metrics(&w)).transpose().unwrap_or_default().unwrap_or_default();
    let score = test.get("accuracy").copied().or(test.get("loss").map(|loss| -loss)).unwrap_or(f64::NAN);
    let events: Vec<String> =
        outcome.events.iter().filter(|(_, count)| *count > 0).map(|(name, count)| format!("{name}={count}")).collect();
    Ok(Trial {
        steps: outcome.steps,
        cost: outcome.cost,
        first,
        loss,
        score,
        ending,
        events: events.join(" "),
        seconds: began.elapsed().as_secs_f64(),
    })
}
