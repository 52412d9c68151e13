use std::fmt;
use std::sync::Arc;

/// A kernel that reads and writes whole values: reductions and movements, with the sizes that it was made for.
#[derive(Clone)]
pub struct Whole<T> {
    kernel: Arc<Kernel<T>>,
    scratch_len: usize,
}

/// Of operands, result and memory for itself.
type Kernel<T> = dyn Fn(&[&[T]], &mut [T], &mut [T]) + Send + Sync;

impl<T> Whole<T> {
    /// Writes all of its second argument, from operands in the order of the graph's.
    pub fn new(kernel: impl Fn(&[&[T]], &mut [T]) + Send + Sync + 'static) -> Self {
        Self { kernel: Arc::new(move |operands, out, _| kernel(operands, out)), scratch_len: 0 }
    }

    /// The same with `scratch_len` elements of memory for itself, its third argument.
    pub fn with_scratch(
        scratch_len: usize,
        kernel: impl Fn(&[&[T]], &mut [T], &mut [T]) + Send + Sync + 'static,
    ) -> Self {
        Self { kernel: Arc::new(kernel), scratch_len }
    }

    /// Elements of memory that it needs for itself.
    pub fn scratch_len(&self) -> usize {
        self.scratch_len
    }

    /// Writes `out`.
    pub fn run(&self, operands: &[&[T]], out: &mut [T], scratch: &mut [T]) {
        (self.kernel)(operands, out, &mut scratch[..self.scratch_len]);
    }
}

impl<T> fmt::Debug for Whole<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Whole {{ scratch_len: {} }}", self.scratch_len)
    }
}
