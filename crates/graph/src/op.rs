use crate::reference::Tensor;
use crate::{Error, Graph, Margins, Misfit, NodeId, Shape, Window};

/// All that is known about an operation, one constant per file of [`ops`](crate::ops).
pub struct Op {
    /// Its name, in snake case.
    pub name: &'static str,
    /// The text of its file, which begins with its documentation.
    pub source: &'static str,
    /// How it touches its inputs; a planner goes by this.
    pub class: Class,
    /// One derivative rule per argument; their number is the op's arity.
    pub arguments: &'static [Argument],
    /// The shape of the result, or what was expected of the inputs.
    pub shape: fn(&Attributes, &[&Shape]) -> Result<Shape, Misfit>,
    /// An equal node that is cheaper or in normal form, if there is one. The shapes are known to fit.
    pub simplify: Simplify,
    /// The meaning: each element of the result, in f64.
    pub evaluate: fn(&Attributes, &[&Tensor], &Shape) -> Vec<f64>,
    /// Multiplications and additions counted as in matrix products, for a result of this shape.
    pub flops: fn(&Attributes, &[&Shape], &Shape) -> f64,
    /// Inputs on which its rules are tested.
    pub cases: fn() -> Vec<Case>,
}

impl Op {
    /// The documentation at the head of its file.
    pub fn doc(&self) -> String {
        let lines = self.source.lines().map_while(|line| line.strip_prefix("//!"));
        lines.map(str::trim).collect::<Vec<_>>().join(" ")
    }
}

/// How an op touches its inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// No inputs.
    Leaf,
    /// Element `i` of the result depends on element `i` of each input.
    Elementwise,
    /// The result holds elements of the input, moved or repeated.
    Movement,
    /// Each element of the result depends on many of the input.
    Reduction,
    /// Matrix products.
    Product,
}

/// How an op depends on one of its arguments, the others held fixed. Rules emit nodes, so they differentiate again.
#[derive(Clone, Copy)]
pub enum Argument {
    /// The derivative is zero almost everywhere: comparisons.
    Fixed,
    /// Whole numbers below an extent, from attributes and shapes, that name rows or classes; the derivative is zero.
    Index(fn(&Attributes, &[&Shape]) -> usize),
    /// Linear: the tangent is the op itself applied to the tangent. States its transpose.
    Linear(Rule),
    /// Linear plus terms of the other arguments, as in a sum: states its linear part and the transpose of it.
    Affine {
        /// The linear part, applied to a tangent.
        part: Rule,
        /// The transpose of the linear part, applied to a cotangent.
        transpose: Rule,
    },
    /// Nonlinear: states its jvp, which must be linear in the tangent.
    Nonlinear(Rule),
}

impl Argument {
    /// Whether no derivative flows through it.
    pub fn is_fixed(&self) -> bool {
        matches!(self, Self::Fixed | Self::Index(_))
    }
}

/// From a node and a tangent of one argument (or a cotangent of the result), the node they give.
pub type Rule = fn(&mut Graph, NodeId, NodeId) -> Result<NodeId, Error>;

/// From attributes and inputs, an equal node that is cheaper or in normal form.
pub type Simplify = fn(&mut Graph, &Attributes, &[NodeId]) -> Result<Option<NodeId>, Error>;

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

/// One set of attributes and inputs on which an op is tested.
pub struct Case {
    /// The attributes.
    pub attributes: Attributes,
    /// The shape of each input, and where its values lie.
    pub inputs: Vec<(Shape, Domain)>,
}

/// Where sample values lie.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Domain {
    /// Between -1.5 and 1.5, at least 0.02 from zero and from each other.
    Real,
    /// Between 0.4 and 2, at least 0.02 from each other.
    Positive,
    /// Whole numbers below this one.
    Index(usize),
    /// 0 or 1.
    Mask,
}

impl Case {
    /// A case without attributes, all inputs of one shape.
    pub fn elementwise(domains: &[Domain]) -> Self {
        let shape = Shape::new(&[3, 5]);
        Self { attributes: Attributes::None, inputs: domains.iter().map(|&domain| (shape.clone(), domain)).collect() }
    }
}

impl std::fmt::Debug for Op {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl PartialEq for Op {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Op {}

impl std::hash::Hash for Op {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}
