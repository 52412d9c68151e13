use crate::{Margins, Shape, Window};

/// What an op needs to know beside its inputs.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Attributes {
    /// Nothing.
    None,
    /// A number, by its bits.
    Scalar(u64),
    /// A number, by its bits, and the shape that it fills.
    Filled(u64, Shape),
    /// Axes of the input, or the order in which they are taken.
    Axes(Vec<usize>),
    /// A new shape.
    Shape(Shape),
    /// A larger shape, and the axes of it that the input lacks.
    Broadcast(Shape, Vec<usize>),
    /// Operands to be transposed.
    Matmul(Matmul),
    /// A number of classes.
    Classes(usize),
    /// The extent of a table that rows are taken from.
    Rows(usize),
    /// How a window slides over images.
    Window(Window),
    /// What is added round a tensor or cut from it.
    Margins(Margins),
    /// A shape and one axis of it.
    Along(Shape, usize),
    /// Along which axis sums are taken, and which way.
    Scan(Scan),
    /// The number of an input, unique in its graph, and its shape.
    Input(usize, Shape),
}

/// Which operands of a matrix product are transposed (in their last two axes).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Matmul {
    /// The left operand.
    pub left: bool,
    /// The right operand.
    pub right: bool,
}

/// Which way cumulative sums go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Scan {
    /// The axis.
    pub axis: usize,
    /// From the last element to the first.
    pub reverse: bool,
}

impl Attributes {
    /// The number of [`Attributes::Scalar`] or [`Attributes::Filled`].
    ///
    /// # Panics
    /// Here and below: if the attributes are of another kind, which no builder of nodes makes.
    pub fn scalar(&self) -> f64 {
        match self {
            Self::Scalar(bits) | Self::Filled(bits, _) => f64::from_bits(*bits),
            other => panic!("expected a scalar attribute, got {other:?}"),
        }
    }

    /// The axes of [`Attributes::Axes`] or [`Attributes::Broadcast`].
    pub fn axes(&self) -> &[usize] {
        match self {
            Self::Axes(axes) | Self::Broadcast(_, axes) => axes,
            other => panic!("expected axes, got {other:?}"),
        }
    }

    /// The shape that they carry.
    pub fn shape(&self) -> &Shape {
        match self {
            Self::Filled(_, shape) | Self::Shape(shape) | Self::Broadcast(shape, _) => shape,
            Self::Input(_, shape) | Self::Along(shape, _) => shape,
            other => panic!("expected a shape, got {other:?}"),
        }
    }

    /// The transpositions of [`Attributes::Matmul`].
    pub fn matmul(&self) -> Matmul {
        match self {
            Self::Matmul(matmul) => *matmul,
            other => panic!("expected transpositions, got {other:?}"),
        }
    }

    /// The number of [`Attributes::Classes`].
    pub fn classes(&self) -> usize {
        match self {
            Self::Classes(classes) => *classes,
            other => panic!("expected a number of classes, got {other:?}"),
        }
    }

    /// The number of [`Attributes::Rows`].
    pub fn rows(&self) -> usize {
        match self {
            Self::Rows(rows) => *rows,
            other => panic!("expected a number of rows, got {other:?}"),
        }
    }

    /// The window of [`Attributes::Window`].
    pub fn window(&self) -> Window {
        match self {
            Self::Window(window) => *window,
            other => panic!("expected a window, got {other:?}"),
        }
    }

    /// The margins of [`Attributes::Margins`].
    pub fn margins(&self) -> &Margins {
        match self {
            Self::Margins(margins) => margins,
            other => panic!("expected margins, got {other:?}"),
        }
    }

    /// The scan of [`Attributes::Scan`].
    pub fn scan(&self) -> Scan {
        match self {
            Self::Scan(scan) => *scan,
            other => panic!("expected a scan, got {other:?}"),
        }
    }

    /// The axis of [`Attributes::Along`].
    pub fn axis(&self) -> usize {
        match self {
            Self::Along(_, axis) => *axis,
            other => panic!("expected an axis, got {other:?}"),
        }
    }
}
