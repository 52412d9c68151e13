use std::fmt;
use std::sync::Arc;

/// A kernel that reads and writes whole values: reductions and movements, with the sizes that it was made for.
#[derive(Clone)]
pub struct Whole<T> {
    kernel: Arc<Kernel<T>>,
    scratch_len: usize,
    unit: Option<usize>,
    local: bool,
}

/// Of operands, the first element of the result that is written, the result from there on, and memory for itself.
type Kernel<T> = dyn Fn(&[&[T]], usize, &mut [T], &mut [T]) + Send + Sync;

impl<T> Whole<T> {
    /// Writes all of its second argument, from operands in the order of the graph's.
    pub fn new(kernel: impl Fn(&[&[T]], &mut [T]) + Send + Sync + 'static) -> Self {
        Self {
            kernel: Arc::new(move |operands, _, out, _| kernel(operands, out)),
            scratch_len: 0,
            unit: None,
            local: false,
        }
    }

    /// Writes any number of units of so many elements of the result, from the element on that is its second argument.
    pub fn by(unit: usize, kernel: impl Fn(&[&[T]], usize, &mut [T]) + Send + Sync + 'static) -> Self {
        let kernel = move |operands: &[&[T]], start: usize, out: &mut [T], _: &mut [T]| kernel(operands, start, out);
        Self { kernel: Arc::new(kernel), scratch_len: 0, unit: Some(unit), local: false }
    }

    /// The same where each unit follows from the same places of the operands, which are as long as the result.
    pub fn within(unit: usize, kernel: impl Fn(&[&[T]], usize, &mut [T]) + Send + Sync + 'static) -> Self {
        Self { local: true, ..Self::by(unit, kernel) }
    }

    /// The same as [`new`](Self::new) with `scratch_len` elements of memory for itself, its third argument.
    pub fn with_scratch(
        scratch_len: usize,
        kernel: impl Fn(&[&[T]], &mut [T], &mut [T]) + Send + Sync + 'static,
    ) -> Self {
        let kernel = move |operands: &[&[T]], _: usize, out: &mut [T], own: &mut [T]| kernel(operands, out, own);
        Self { kernel: Arc::new(kernel), scratch_len, unit: None, local: false }
    }

    /// Elements of memory that it needs for itself.
    pub fn scratch_len(&self) -> usize {
        self.scratch_len
    }

    /// The result can be written in pieces of any multiple of so many elements; `None` if it cannot.
    pub fn unit(&self) -> Option<usize> {
        self.unit
    }

    /// Whether it can be run on parts of so many elements, of the operands and of the result alike, as if each were all.
    pub fn works_within(&self, len: usize) -> bool {
        self.local && self.unit.is_some_and(|unit| len.is_multiple_of(unit))
    }

    /// Writes `out`.
    pub fn run(&self, operands: &[&[T]], out: &mut [T], scratch: &mut [T]) {
        (self.kernel)(operands, 0, out, &mut scratch[..self.scratch_len]);
    }

    /// Writes the part of the result that begins at `start` to `out`, some of its [units](Self::unit).
    pub fn run_part(&self, operands: &[&[T]], start: usize, out: &mut [T]) {
        (self.kernel)(operands, start, out, &mut []);
    }
}

impl<T> fmt::Debug for Whole<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Whole {{ scratch_len: {} }}", self.scratch_len)
    }
}
