//! The registry of activations: functions of one number, applied to each element.

mod elu;
mod gelu;
mod gelu_tanh;
mod identity;
mod relu;
mod sigmoid;
mod silu;
mod softplus;
mod tanh;

use onedge_graph::{Error, Graph, NodeId};
use onedge_registry::Entry;

/// Every activation.
pub static ALL: &[&Entry<Activation>] = &[
    &relu::ENTRY,
    &tanh::ENTRY,
    &gelu::ENTRY,
    &gelu_tanh::ENTRY,
    &silu::ENTRY,
    &sigmoid::ENTRY,
    &softplus::ENTRY,
    &elu::ENTRY,
    &identity::ENTRY,
];

/// Applies the function to a node.
pub type Activation = fn(&mut Graph, NodeId) -> Result<NodeId, Error>;

/// The activation called `name`.
///
/// # Errors
/// An unknown name.
pub fn find(name: &str) -> Result<Activation, onedge_registry::Error> {
    onedge_registry::find("activation", ALL, name).map(|entry| entry.build)
}

/// Checks value, first and second derivative at `x`.
#[cfg(test)]
fn assert_derivatives(entry: &Entry<Activation>, x: f64, expected: [f64; 3]) {
    use std::collections::HashMap;

    use onedge_graph::reference::{Tensor, evaluate};
    use onedge_graph::{Shape, Tangents, jvp};

    let mut g = Graph::new();
    let shape = Shape::new(&[1]);
    let input = g.input(shape.clone());
    let one = g.filled(1.0, shape.clone()).unwrap();
    let mut nodes = vec![(entry.build)(&mut g, input).unwrap()];
    for order in 0..2 {
        let mut tangents = Tangents::from([(input, one)]);
        jvp(&mut g, &[nodes[order]], &mut tangents).unwrap();
        let zero = g.filled(0.0, shape.clone()).unwrap();
        nodes.push(tangents.get(&nodes[order]).copied().unwrap_or(zero));
    }
    let values = evaluate(&g, &HashMap::from([(input, Tensor::new(shape, vec![x]))]), &nodes);
    for (order, (value, expected)) in values.iter().zip(expected).enumerate() {
        let got = value.data[0];
        assert!((got - expected).abs() < 1e-14, "{} derivative {order} at {x}: {got}, not {expected}", entry.name);
    }
}
