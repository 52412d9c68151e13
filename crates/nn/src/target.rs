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
    /// `width` real numbers.
    Values {
        /// How many numbers there are for each example.
        width: usize,
    },
}

impl Target {
    /// How many outputs a model needs.
    pub fn outputs(self) -> usize {
        match self {
            Self::Classes { count } => count,
            Self::Values { width } => width,
        }
    }

    /// The shape of the targets of `batch` examples: `[batch]` labels or `[batch, width]` values.
    pub fn shape(self, batch: usize) -> Shape {
        match self {
            Self::Classes { .. } => Shape::new(&[batch]),
            Self::Values { width } => Shape::new(&[batch, width]),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Classes { count } => write!(f, "{count} classes"),
            Self::Values { width } => write!(f, "{width} values"),
        }
    }
}
