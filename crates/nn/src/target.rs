use std::fmt;

use onedge_graph::Shape;

/// What a model is to predict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// One of `count` classes, given as a whole number below `count`.
    Classes {
        /// The number of classes.
        count: usize,
    },
    /// At each of `length` places one of `count` tokens, given as a whole number below `count`.
    Tokens {
        /// The number of tokens there are.
        count: usize,
        /// The places of one example.
        length: usize,
    },
    /// `width` real numbers.
    Values {
        /// How many numbers there are for each example.
        width: usize,
    },
}

impl Target {
    /// How many outputs a model needs (at each place).
    pub fn outputs(self) -> usize {
        match self {
            Self::Classes { count } | Self::Tokens { count, .. } => count,
            Self::Values { width } => width,
        }
    }

    /// The shape of a model's outputs for `batch` examples: `[batch, outputs]` or `[batch, length, outputs]`.
    pub fn output_shape(self, batch: usize) -> Shape {
        match self {
            Self::Tokens { count, length } => Shape::new(&[batch, length, count]),
            _ => Shape::new(&[batch, self.outputs()]),
        }
    }

    /// The shape of the targets of `batch` examples: `[batch]` labels, `[batch, length]` tokens or `[batch, width]`
    /// values.
    pub fn shape(self, batch: usize) -> Shape {
        match self {
            Self::Classes { .. } => Shape::new(&[batch]),
            Self::Tokens { length, .. } => Shape::new(&[batch, length]),
            Self::Values { width } => Shape::new(&[batch, width]),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Classes { count } => write!(f, "{count} classes"),
            Self::Tokens { count, length } => write!(f, "{count} tokens at {length} places"),
            Self::Values { width } => write!(f, "{width} values"),
        }
    }
}
