//! Runs the steps of a plan over one chunk. The only place where places become memory.

use crate::fused;
use crate::kernels::{
    Element, Gemm, TILE, accumulate, conv2d, cut, fold_patches, gemm, iota, logsumexp, one_hot, paste, patches,
    permute, pick, put_add, reduce_max, softmax, sum, take, total, variance,
};
use crate::plan::{Area, Place, Plan, Rows, Step, Write};

/// What the steps of one chunk read and write.
pub struct Areas<'a, T> {
    /// The parameters.
    pub parameters: &'a [T],
    /// The direction, if the stage has one.
    pub direction: &'a [T],
    /// The chunk's part of each field.
    pub fields: Vec<&'a [T]>,
    /// Scratch memory of the worker.
    pub arena: &'a mut [T],
    /// What is kept of the chunk.
    pub kept: &'a mut [T],
    /// The lane's sum.
    pub output: &'a mut [T],
    /// The lane's totals.
    pub totals: &'a mut [f64],
    /// Tiles.
    pub tiles: &'a mut [T],
    /// What kernels use within one step.
    pub scratch: &'a mut [T],
    /// Whether this is the first chunk of its lane.
    pub first: bool,
}

/// Runs `plan` over one chunk.
pub fn run<T: Element>(plan: &Plan<T>, areas: &mut Areas<'_, T>) {
    let fits = areas.arena.len() >= plan.arena_len && areas.scratch.len() >= plan.scratch_len;
    assert!(fits && areas.tiles.len() >= plan.registers * TILE, "memory of the plan");
    for step in &plan.steps {
        run_step(step, areas);
    }
}

/// Runs one step; the areas must be as large as its plan says.
pub fn run_step<T: Element>(step: &Step<T>, areas: &mut Areas<'_, T>) {
    match step {
        Step::Fused(fused) => fused::run(fused, areas),
        Step::Gemm { spec, a, b, out, write } => run_gemm(spec, *a, *b, *out, *write, areas),
        Step::Sum { spec, x, out, write } => {
            let add = areas.adds(*write);
            areas.with([*x], *out, |[x], out| sum(spec, x, out, add));
        }
        Step::Variance { spec, x, out } => {
            let scratch = std::mem::take(&mut areas.scratch);
            areas.with([*x], *out, |[x], out| variance(spec, x, out, &mut scratch[..out.len()]));
            areas.scratch = scratch;
        }
        Step::Accumulate { x, out } => {
            let add = areas.adds(Write::Collect);
            areas.with([*x], *out, |[x], out| accumulate(x, out, add));
        }
        Step::Total { x, slot } => {
            let value = total(areas.read(*x));
            areas.totals[*slot] += value;
        }
        Step::Conv2d { spec, a, b, out, write } => {
            let add = areas.adds(*write);
            let scratch = std::mem::take(&mut areas.scratch);
            areas.with([*a, *b], *out, |[a, b], out| conv2d(spec, a, b, out, add, scratch));
            areas.scratch = scratch;
        }
        Step::Iota { extent, within, out } => areas.with([], *out, |[], out| iota(*extent, *within, out)),
        Step::Rows { kernel, x, second, out } => {
            areas.with([*x, *second], *out, |[x, second], out| run_rows(kernel, x, second, out));
        }
    }
}

fn run_rows<T: Element>(kernel: &Rows, x: &[T], second: &[T], out: &mut [T]) {
    match kernel {
        Rows::Logsumexp(columns) => logsumexp(*columns, x, out),
        Rows::Softmax(columns) => softmax(*columns, x, out),
        Rows::ReduceMax(extent, inner) => reduce_max(*extent, *inner, x, out),
        Rows::OneHot(classes) => one_hot(*classes, x, out),
        Rows::Pick(columns) => pick(*columns, x, second, out),
        Rows::Permute(spec) => permute(spec, x, out),
        Rows::Pad(fill, inner) => {
            out.fill(T::from_f64(f64::from_bits(*fill)));
            paste(inner, x, out);
        }
        Rows::Slice(inner) => cut(inner, x, out),
        Rows::Concat(first, other) => {
            paste(first, x, out);
            paste(other, second, out);
        }
        Rows::Take(width) => take(*width, x, second, out),
        Rows::PutAdd(width) => put_add(*width, x, second, out, false),
        Rows::Patches(spec) => patches(spec, x, out),
        Rows::Fold(spec) => fold_patches(spec, x, out),
    }
}

impl<T: Element> Areas<'_, T> {
    /// Whether a step adds to what is there.
    pub fn adds(&self, write: Write) -> bool {
        match write {
            Write::Replace => false,
            Write::Add => true,
            Write::Collect => !self.first,
        }
    }

    /// The values of `place`.
    pub fn read(&self, place: Place) -> &[T] {
        let area = match place.area {
            Area::Parameters => self.parameters,
            Area::Direction => self.direction,
            Area::Field(field) => self.fields[field],
            Area::Arena => self.arena,
            Area::Kept => self.kept,
            Area::Output => self.output,
        };
        &area[place.start..place.start + place.len]
    }

    /// Calls `f` with the values of `inputs` and those of `out` to be written.
    fn with<const N: usize>(&mut self, inputs: [Place; N], out: Place, f: impl FnOnce([&[T]; N], &mut [T])) {
        for input in inputs {
            assert!(disjoint(input, out), "{input:?} overlaps {out:?}");
        }
        let to = self.base(out);
        // SAFETY: `base` checked that the place lies in its area, which this struct borrows mutably; no input
        // overlaps it, by the assertion above, so the shared slices and the mutable one are of different elements.
        let out = unsafe { std::slice::from_raw_parts_mut(to, out.len) };
        f(inputs.map(|input| self.read(input)), out);
    }

    /// The first element of a place that may be written.
    pub fn base(&mut self, place: Place) -> *mut T {
        let area: &mut [T] = match place.area {
            Area::Arena => self.arena,
            Area::Kept => self.kept,
            Area::Output => self.output,
            Area::Parameters | Area::Direction | Area::Field(_) => panic!("{place:?} is only read"),
        };
        area[place.start..place.start + place.len].as_mut_ptr()
    }
}

/// Whether two places share no element.
pub fn disjoint(a: Place, b: Place) -> bool {
    a.area != b.area || a.start + a.len <= b.start || b.start + b.len <= a.start
}

fn run_gemm<T: Element>(spec: &Gemm, a: Place, b: Place, out: Place, write: Write, areas: &mut Areas<'_, T>) {
    let add = areas.adds(write);
    areas.with([a, b], out, |[a, b], out| gemm(spec, a, b, out, add));
}
