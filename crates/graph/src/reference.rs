//! A plain f64 evaluator: slow, obvious, and the measure of everything else.

use std::collections::HashMap;

use crate::{Graph, NodeId, Shape};

/// A value: a shape, and its elements in row-major order.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    /// The shape.
    pub shape: Shape,
    /// The elements.
    pub data: Vec<f64>,
}

impl Tensor {
    /// A tensor of `shape`.
    ///
    /// # Panics
    /// If the number of elements differs.
    pub fn new(shape: Shape, data: Vec<f64>) -> Self {
        assert_eq!(shape.size(), data.len(), "a tensor of shape {shape}");
        Self { shape, data }
    }
}

/// The values of `roots` for these values of the inputs.
///
/// # Panics
/// If an input that a root depends on has no value or one of another shape.
pub fn evaluate(graph: &Graph, inputs: &HashMap<NodeId, Tensor>, roots: &[NodeId]) -> Vec<Tensor> {
    for (&id, value) in inputs {
        assert_eq!(value.shape, *graph.shape(id), "the value of input {id:?}");
    }
    let mut values = inputs.clone();
    for id in graph.needed_since(roots, None, |id| inputs.contains_key(&id)) {
        let node = graph.node(id);
        let operands: Vec<&Tensor> = node.inputs.iter().map(|input| &values[input]).collect();
        let data = (node.op.evaluate)(&node.attributes, &operands, &node.shape);
        values.insert(id, Tensor::new(node.shape.clone(), data));
    }
    roots.iter().map(|root| values[root].clone()).collect()
}

/// For each element of `shape` in row-major order, its index along each axis.
pub(crate) fn indices(shape: &Shape) -> impl Iterator<Item = Vec<usize>> + '_ {
    let strides = shape.strides();
    (0..shape.size()).map(move |flat| strides.iter().zip(shape.iter()).map(|(s, n)| flat / s % n).collect())
}

/// The place of `index` in a tensor of `shape`.
pub(crate) fn offset(shape: &Shape, index: &[usize]) -> usize {
    shape.strides().iter().zip(index).map(|(stride, i)| stride * i).sum()
}
