/// What can be wrong with a program or its data before anything runs.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The graph of the loss could not be built or differentiated.
    #[error(transparent)]
    Graph(#[from] onedge_graph::Error),
    /// The graph of the loss could not be built for a reason of its builder's own.
    #[error("{0}")]
    Build(Box<dyn std::error::Error + Send + Sync>),
    /// A graph has an op that no kernel computes.
    #[error("{op}: expected an op with a kernel, got none of that name; try composing it of onedge_graph::ops")]
    NoKernel {
        /// The op's name.
        op: &'static str,
    },
    /// A field of the data has another number of values than its examples need.
    #[error("field {field}: expected {expected} values ({examples} examples of {width}), got {got}")]
    FieldLength {
        /// The place of the field.
        field: usize,
        /// The number of examples.
        examples: usize,
        /// Values of one example.
        width: usize,
        /// Values that it must have.
        expected: usize,
        /// Values that it has.
        got: usize,
    },
    /// The graph reads other fields than the data has.
    #[error("fields: expected {expected:?} values for an example, as the graph reads them, got {got:?}")]
    Fields {
        /// What the graph reads.
        expected: Vec<usize>,
        /// What the data has.
        got: Vec<usize>,
    },
    /// A value of the data that is not finite, or that no row, class or token has as its number.
    #[error(
        "example {example}, value {place} of field {field}: expected {expected}, got {got}; try correcting the data"
    )]
    Value {
        /// The place of the field.
        field: usize,
        /// The example, counted from 0.
        example: usize,
        /// The place among its values.
        place: usize,
        /// What it must be.
        expected: String,
        /// What it is.
        got: f64,
    },
    /// There is nothing to take a mean over.
    #[error("examples: expected at least one, got none")]
    NoExamples,
    /// An example that does not exist was selected.
    #[error("batch: expected indices below {examples}, got {index}")]
    Index {
        /// The number of examples.
        examples: usize,
        /// The index.
        index: usize,
    },
    /// An option has an impossible value.
    #[error("{option}: expected {expected}, got {got}")]
    Option {
        /// The option.
        option: &'static str,
        /// What it must be.
        expected: &'static str,
        /// What it is.
        got: usize,
    },
    /// The worker threads could not be started.
    #[error("threads: {0}; try fewer")]
    Threads(#[from] rayon::ThreadPoolBuildError),
}
