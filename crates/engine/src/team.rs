//! Runs the steps of a plan in pieces, on a team of threads: what a whole batch has in the place of chunks. Small steps are one piece.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::areas::Areas;
use crate::kernels::{ELEMENTS, Element, Piece, Pieces, TILE, accumulate, add_tiles, bounds};
use crate::lanes::Team;
use crate::piece::{self, cut};
use crate::plan::{Plan, Step, Write};
use crate::run::{assert_fits, run_step};

/// Runs `plan` over one chunk, or as much of it as there is until `stop`.
pub fn run<T: Element>(plan: &Plan<T>, areas: &mut Areas<'_, T>, stop: &AtomicBool, team: &Team<'_, T>) {
    assert_fits(plan, areas);
    for step in &plan.steps {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        run_pieces(step, areas, team);
    }
}

fn run_pieces<T: Element>(step: &Step<T>, areas: &mut Areas<'_, T>, team: &Team<'_, T>) {
    match step {
        // Copies have the same bits in any number of pieces.
        Step::Accumulate { .. } | Step::Whole { .. } if team.threads() == 1 => run_step(step, areas),
        Step::Fused(fused) => piece::run(fused, areas, team),
        Step::Product { kernel, operands, out, write } => {
            let pieces = kernel.pieces(team.threads());
            let (Pieces::Parts(list) | Pieces::Sums(list)) = &pieces else { return run_step(step, areas) };
            if list.len() < 2 {
                return run_step(step, areas);
            }
            let add = areas.adds(*write);
            let (out, rest, _) = areas.write(*out);
            let operands = operands.map(|operand| rest.place(operand));
            match &pieces {
                Pieces::Sums(list) => sum_pieces(list, operands, out, add, team),
                _ => {
                    let parts = cut(out, list.iter().map(|piece| piece.len));
                    run_products(list, operands, parts, |_| add, team);
                }
            }
        }
        Step::Sum { spec, x, out, write } => {
            let ranges = bounds(x.len, TILE, x.len as f64, ELEMENTS);
            if ranges.len() < 2 {
                return run_step(step, areas);
            }
            let add = areas.adds(*write);
            let (out, rest, _) = areas.write(*out);
            let x = rest.place(*x);
            let reaches: Vec<Range<usize>> = ranges.iter().map(|range| spec.reach(x.len(), range)).collect();
            team.with_memory(reaches.iter().map(Range::len).sum(), |memory| {
                let parts = cut(memory, reaches.iter().map(Range::len));
                let mut work: Vec<_> = ranges.iter().zip(&reaches).zip(parts).collect();
                team.for_each(&mut work, |((range, reach), part), _| {
                    part.fill(T::ZERO);
                    add_tiles(spec, range.start, &x[(*range).clone()], reach.start, part);
                });
                if !add {
                    out.fill(T::ZERO);
                }
                for ((_, reach), part) in work {
                    accumulate(part, &mut out[reach.clone()], true);
                }
            });
        }
        Step::Accumulate { x, out } => {
            let add = areas.adds(Write::Collect);
            let (out, rest, _) = areas.write(*out);
            let x = rest.place(*x);
            let ranges = bounds(out.len(), TILE, out.len() as f64, ELEMENTS);
            let mut parts = cut(out, ranges.iter().map(Range::len));
            let mut work: Vec<_> = ranges.iter().zip(&mut parts).collect();
            team.for_each(&mut work, |(range, out), _| accumulate(&x[(*range).clone()], out, add));
        }
        Step::Whole { kernel, operands, out, .. } => {
            let Some(unit) = kernel.unit() else { return run_step(step, areas) };
            let most = operands.iter().map(|operand| operand.len).max().unwrap_or(0).max(out.len);
            let ranges = bounds(out.len, unit, most as f64, ELEMENTS);
            if ranges.len() < 2 {
                return run_step(step, areas);
            }
            let (out, rest, _) = areas.write(*out);
            let operands: Vec<&[T]> = operands.iter().map(|operand| rest.place(*operand)).collect();
            let mut parts = cut(out, ranges.iter().map(Range::len));
            let mut work: Vec<_> = ranges.iter().zip(&mut parts).collect();
            team.for_each(&mut work, |(range, out), _| kernel.run_part(&operands, range.start, out));
        }
        Step::Total { .. } => run_step(step, areas),
    }
}

/// Runs pieces of a product, each into its part, to which it `adds` or not.
fn run_products<T: Element>(
    list: &[Piece<T>],
    operands: [&[T]; 2],
    parts: Vec<&mut [T]>,
    adds: impl Fn(usize) -> bool + Sync,
    team: &Team<'_, T>,
) {
    let mut work: Vec<_> = list.iter().zip(parts).enumerate().collect();
    team.for_each(&mut work, |(at, (piece, out)), scratch| {
        let own = &mut scratch.kernels;
        own.resize(own.len().max(piece.kernel.scratch_len()), T::ZERO);
        let read = [0, 1].map(|i| &operands[i][piece.operands[i].clone()]);
        piece.kernel.run(read, out, adds(*at), own);
    });
}

/// The first piece writes the result, the others memory of their own, which is added in order.
fn sum_pieces<T: Element>(list: &[Piece<T>], operands: [&[T]; 2], out: &mut [T], add: bool, team: &Team<'_, T>) {
    let len = out.len();
    team.with_memory((list.len() - 1) * len, |memory| {
        let parts = [&mut *out].into_iter().chain(memory.chunks_exact_mut(len.max(1))).collect();
        run_products(list, operands, parts, |at| add && at == 0, team);
        let ranges = bounds(len, TILE, (len * list.len()) as f64, ELEMENTS);
        let mut parts = cut(out, ranges.iter().map(Range::len));
        let mut work: Vec<_> = ranges.iter().zip(&mut parts).collect();
        let memory = &*memory;
        team.for_each(&mut work, |(range, out), _| {
            memory.chunks_exact(len.max(1)).for_each(|sum| accumulate(&sum[(*range).clone()], out, true));
        });
    });
}
