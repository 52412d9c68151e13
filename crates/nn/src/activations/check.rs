use std::collections::HashMap;

use onedge_graph::reference::{Tensor, evaluate};
use onedge_graph::{Graph, Shape, Tangents, jvp};
use onedge_registry::Entry;

use super::activation::Activation;

/// Checks value, first and second derivative at `x`.
pub fn assert_derivatives(entry: &Entry<Activation>, x: f64, expected: [f64; 3]) {
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
