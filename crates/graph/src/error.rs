use crate::Shape;

/// What can be wrong with a node when it is built.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// The shapes of its inputs do not fit the op.
    #[error("{op}: expected {expected}, got {}; try {hint}", list(got))]
    Shape {
        /// The op's name.
        op: &'static str,
        /// What the op takes, in words.
        expected: String,
        /// The shapes of its inputs.
        got: Vec<Shape>,
        /// What to try.
        hint: &'static str,
    },
    /// What an op is asked for is impossible.
    #[error("{op}: expected {expected}, got {got}; try {hint}")]
    Argument {
        /// The op's name.
        op: &'static str,
        /// What it takes, in words.
        expected: String,
        /// What it was given.
        got: String,
        /// What to try.
        hint: &'static str,
    },
    /// A result that no memory holds.
    #[error("{op}: expected fewer elements than memory can have, got shape {got}; try smaller extents")]
    TooLarge {
        /// The op's name.
        op: &'static str,
        /// The shape of the result.
        got: Shape,
    },
    /// Values of two graphs in one expression. A copy of a graph has the values that were there when it was made.
    #[error("{op}: expected values of one graph, got one of another; try building all in one")]
    OtherGraph {
        /// The op's name.
        op: &'static str,
    },
    /// A mistake in a formula, with the place of the expression that made it.
    #[error("{place}: {source}")]
    At {
        /// File, line and column.
        place: String,
        /// The mistake.
        source: Box<Error>,
    },
    /// A Gauss-Newton matrix of outputs that are not all that the losses read of the parameters.
    #[error(
        "outputs: expected all that the loss reads of the parameters to pass through the outputs, got a loss that reads parameters beside them; try \
         an l2 term for a penalty of the parameters, or other outputs"
    )]
    NotThrough,
    /// A derivative of something other than per-example losses was asked for.
    #[error(
        "gradient: expected the loss to be a vector with one element per example, got {got}; try summing over the other axes"
    )]
    NotALoss {
        /// The shape of the node.
        got: Shape,
    },
}

fn list(shapes: &[Shape]) -> String {
    let shapes: Vec<String> = shapes.iter().map(ToString::to_string).collect();
    shapes.join(" and ")
}
