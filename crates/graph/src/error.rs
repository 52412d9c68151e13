use crate::Shape;

/// What can be wrong with a node when it is built.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// The shapes of its inputs do not fit the op.
    #[error("{op}: expected {expected}, got {}", list(got))]
    Shape {
        /// The op's name.
        op: &'static str,
        /// What the op takes, in words.
        expected: String,
        /// The shapes of its inputs.
        got: Vec<Shape>,
    },
    /// What an op is asked for is impossible.
    #[error("{op}: expected {expected}, got {got}")]
    Argument {
        /// The op's name.
        op: &'static str,
        /// What it takes, in words.
        expected: String,
        /// What it was given.
        got: String,
    },
    /// Values of two graphs in one expression.
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
    /// A derivative of something other than per-example losses was asked for.
    #[error("gradient: expected the loss to be a vector with one element per example, got {got}")]
    NotALoss {
        /// The shape of the node.
        got: Shape,
    },
}

fn list(shapes: &[Shape]) -> String {
    let shapes: Vec<String> = shapes.iter().map(ToString::to_string).collect();
    shapes.join(" and ")
}
