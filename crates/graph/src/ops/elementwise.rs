//! What all elementwise ops share.

use crate::reference::Tensor;
use crate::{Attributes, Case, Class, Domain, Error, Graph, Misfit, NodeId, Op, Shape};

/// An elementwise op of one argument, but for what is its own: name, source, derivative rule and meaning.
pub const UNARY: Op = Op {
    name: "",
    source: "",
    class: Class::Elementwise,
    arguments: &[],
    shape: same_shape,
    simplify: no_simpler,
    evaluate: |_, _, _| Vec::new(),
    flops: no_flops,
    cases: || vec![Case::elementwise(&[Domain::Real])],
};

/// The same for two arguments.
pub const BINARY: Op = Op { cases: || vec![Case::elementwise(&[Domain::Real, Domain::Real])], ..UNARY };

/// The rule for shapes: all inputs have the same one, which is the result's.
pub fn same_shape(_: &Attributes, inputs: &[&Shape]) -> Result<Shape, Misfit> {
    if inputs.iter().all(|shape| *shape == inputs[0]) {
        Ok(inputs[0].clone())
    } else {
        Err(Misfit::new("inputs of one shape", "broadcasting or reshaping them first"))
    }
}

/// The result of a function of one number.
pub fn map(inputs: &[&Tensor], f: impl Fn(f64) -> f64) -> Vec<f64> {
    inputs[0].data.iter().map(|&x| f(x)).collect()
}

/// The result of a function of two numbers.
pub fn zip(inputs: &[&Tensor], f: impl Fn(f64, f64) -> f64) -> Vec<f64> {
    inputs[0].data.iter().zip(&inputs[1].data).map(|(&x, &y)| f(x, y)).collect()
}

/// No matrix product, no floating point operations worth counting.
pub fn no_flops(_: &Attributes, _: &[&Shape], _: &Shape) -> f64 {
    0.0
}

/// Nothing to simplify.
pub fn no_simpler(_: &mut Graph, _: &Attributes, _: &[NodeId]) -> Result<Option<NodeId>, Error> {
    Ok(None)
}

/// The jvp of a choice between two arguments: `t` where `mask` (1 for the first argument) says that this one was chosen.
pub fn chosen(g: &mut Graph, mask: NodeId, argument: usize, t: NodeId) -> Result<NodeId, Error> {
    if argument == 0 {
        return g.mul(mask, t);
    }
    let one = g.filled_like(1.0, mask)?;
    let rest = g.sub(one, mask)?;
    g.mul(rest, t)
}
