//! Runs the steps of a plan over one chunk.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::areas::Areas;
use crate::fused;
use crate::kernels::{Element, TILE, accumulate, sum, total};
use crate::plan::{Plan, Step, Write};

/// Runs `plan` over one chunk, or as much of it as there is until `stop`.
pub fn run<T: Element>(plan: &Plan<T>, areas: &mut Areas<'_, T>, stop: &AtomicBool) {
    assert_fits(plan, areas);
    for step in &plan.steps {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        run_step(step, areas);
    }
}

/// That there is as much memory as `plan` needs.
pub fn assert_fits<T>(plan: &Plan<T>, areas: &Areas<'_, T>) {
    let fits = areas.arena.len() >= plan.arena_len && areas.scratch.len() >= plan.scratch_len;
    assert!(fits && areas.tiles.len() >= plan.registers * TILE, "memory of the plan");
}

/// Runs one step; the areas must be as large as its plan says.
pub fn run_step<T: Element>(step: &Step<T>, areas: &mut Areas<'_, T>) {
    match step {
        Step::Fused(fused) => fused::run(fused, areas),
        Step::Product { kernel, operands, out, write } => {
            let add = areas.adds(*write);
            let (out, rest, scratch) = areas.write(*out);
            kernel.run(operands.map(|operand| rest.place(operand)), out, add, scratch);
        }
        Step::Sum { spec, x, out, write } => {
            let add = areas.adds(*write);
            let (out, rest, _) = areas.write(*out);
            sum(spec, rest.place(*x), out, add);
        }
        Step::Accumulate { x, out } => {
            let add = areas.adds(Write::Collect);
            let (out, rest, _) = areas.write(*out);
            accumulate(rest.place(*x), out, add);
        }
        Step::Total { x, slot } => {
            let value = total(areas.read().place(*x));
            areas.totals[*slot] += value;
        }
        Step::Whole { kernel, operands, out, .. } => {
            let (out, rest, scratch) = areas.write(*out);
            let operands: Vec<&[T]> = operands.iter().map(|operand| rest.place(*operand)).collect();
            kernel.run(&operands, out, scratch);
        }
    }
}
