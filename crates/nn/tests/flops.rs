//! The graphs of a dense network hold the matrix products that are needed, and no more.

use std::collections::{BTreeMap, HashMap};

use onedge_graph::{Graph, NodeId, Tangents, curvature, gradient, hessian_vector};
use onedge_nn::{Io, Target, loss_graph, losses, models};
use onedge_registry::Value;

const BATCH: usize = 32;
const WIDTHS: [usize; 4] = [3072, 512, 512, 10];

/// Multiplications and additions in the matrix products that `roots` need and `known` does not.
fn flops(g: &Graph, roots: &[NodeId], known: &[NodeId]) -> f64 {
    let (needed, known) = (g.needed_by(roots), g.needed_by(known));
    let cost = |id: NodeId| {
        let node = g.node(id);
        let shapes: Vec<_> = node.inputs.iter().map(|input| g.shape(*input)).collect();
        (node.op.flops)(&node.attributes, &shapes, &node.shape)
    };
    g.ids().filter(|id| needed[id.index()] && !known[id.index()]).map(cost).sum()
}

#[test]
fn derivatives_of_an_mlp_take_the_minimal_number_of_products() {
    let given = BTreeMap::from([("hidden".to_owned(), Value::parse("[512, 512]"))]);
    let model = models::build("mlp", given, &Io::new(&[3, 32, 32], 10).unwrap()).unwrap();
    let loss = losses::build("cross-entropy", BTreeMap::new()).unwrap();
    let mut chunk = loss_graph(&model, &loss, Target::Classes { count: 10 }, BATCH).unwrap();
    let g = &mut chunk.graph;
    let mut tangents: Tangents = chunk.parameters.iter().map(|&w| (w, g.input(g.shape(w).clone()))).collect();
    let derived = gradient(g, chunk.losses, &chunk.parameters).unwrap();
    let terms = curvature(g, chunk.losses, &derived, &mut tangents, &HashMap::new()).unwrap();
    let products = hessian_vector(g, &derived, &mut tangents).unwrap();

    // One product with each weight: forward. All but the first also send cotangents, or tangents, through.
    let layer = |i: usize| 2.0 * (BATCH * WIDTHS[i] * WIDTHS[i + 1]) as f64;
    let (forward, through) = (layer(0) + layer(1) + layer(2), layer(1) + layer(2));
    let known = [&[chunk.losses][..], &derived.gradients].concat();
    assert_eq!(flops(g, &[chunk.losses], &[]), forward);
    // x^T ct for each weight, ct W^T for all but the first.
    assert_eq!(flops(g, &derived.gradients, &[chunk.losses]), forward + through);
    // x U for each weight; t W and t U for all but the first.
    assert_eq!(flops(g, &terms, &known), forward + 2.0 * through);
    // Tangents of the outputs: x U and t W; then x^T dct and t^T ct, and dct W^T and ct U^T.
    assert_eq!(flops(g, &products, &known), (forward + through) + (forward + through) + 2.0 * through);
}
