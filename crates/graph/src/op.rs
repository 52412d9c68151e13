use crate::reference::Tensor;
use crate::{Attributes, Error, Graph, Misfit, NodeId, Shape};

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
