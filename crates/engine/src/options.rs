use crate::Error;

/// How a program is run. Only `lanes` and `chunk` change bits of the result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Worker threads; more than `lanes` are not started.
    pub threads: usize,
    /// Independent sums over chunks, added in a fixed order at the end: the largest useful number of threads.
    pub lanes: usize,
    /// Examples in a chunk, of which all have nearly as many: up to half more where examples do not divide evenly, and in multiples of 16 or
    /// fewer rows of products where there are more. `None` chooses by the size of what must stay in cache.
    pub chunk: Option<usize>,
    /// Bytes for what curvature and Hessian-vector products reuse of the gradient's pass; beyond, it is recomputed.
    pub memory_bytes: u64,
}

impl Options {
    /// All of the machine's threads, four lanes, 2 GiB.
    pub fn for_this_machine() -> Self {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        Self { threads, lanes: 4, chunk: None, memory_bytes: 2 << 30 }
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        let positive = |option: &'static str, got: usize| {
            let expected = "at least 1";
            if got == 0 { Err(Error::Option { option, expected, got }) } else { Ok(()) }
        };
        positive("threads", self.threads)?;
        positive("lanes", self.lanes)?;
        positive("chunk", self.chunk.unwrap_or(1))
    }
}
