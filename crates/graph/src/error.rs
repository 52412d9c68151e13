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
