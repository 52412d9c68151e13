//! Whole networks, where rules meet: shared nodes, several uses of a value, products of functions of one parameter.

use std::collections::HashMap;

use onedge_graph::check::{Subject, sample};
use onedge_graph::{Domain, Error, Graph, NodeId, Shape, gradient};

fn dense(g: &mut Graph, x: NodeId, w: NodeId, b: NodeId) -> Result<NodeId, Error> {
    let product = g.matmul(x, w)?;
    let shape = g.shape(product).clone();
    let bias = g.broadcast(b, shape, &[0])?;
    g.add(product, bias)
}

#[test]
fn a_two_layer_classifier() {
    let mut g = Graph::new();
    let shapes = [&[7, 4][..], &[4, 6], &[6], &[6, 5], &[5]].map(Shape::new);
    let ids: Vec<NodeId> = shapes.iter().map(|shape| g.input(shape.clone())).collect();
    let labels = g.input(Shape::new(&[7]));
    let hidden = dense(&mut g, ids[0], ids[1], ids[2]).unwrap();
    let hidden = g.tanh(hidden).unwrap();
    let logits = dense(&mut g, hidden, ids[3], ids[4]).unwrap();
    let total = g.logsumexp(logits).unwrap();
    let target = g.pick(logits, labels).unwrap();
    let losses = g.sub(total, target).unwrap();
    let mut values = HashMap::from([(labels, sample(&Shape::new(&[7]), Domain::Index(5), 1))]);
    for (i, (id, shape)) in ids.iter().zip(&shapes).enumerate() {
        values.insert(*id, sample(shape, Domain::Real, i));
    }
    Subject::new(g, losses, ids[1..].to_vec(), values, 4).check("classifier");
}

/// `x e^x`: the tangent of `e^x` is a node of the rule for the product, and must still be held fixed there.
#[test]
fn a_product_whose_tangents_coincide_with_nodes_of_its_rule() {
    let mut g = Graph::new();
    let shape = Shape::new(&[5]);
    let x = g.input(shape.clone());
    let grown = g.exp(x).unwrap();
    let losses = g.mul(x, grown).unwrap();
    let values = HashMap::from([(x, sample(&shape, Domain::Real, 1))]);
    let subject = Subject::new(g, losses, vec![x], values.clone(), 3);
    subject.check("x exp x");
    // By hand: d2/dx2 (x e^x) = (x + 2) e^x.
    let by_hand: f64 =
        values[&x].data.iter().zip(&subject.direction()[0].data).map(|(x, t)| (x + 2.0) * x.exp() * t * t).sum();
    assert!((subject.curvature() - by_hand).abs() < 1e-12 * by_hand.abs());
}

/// One weight used in every layer, and a value that reaches the loss by several ways.
#[test]
fn a_tied_recurrent_network() {
    let mut g = Graph::new();
    let (w, x) = (g.input(Shape::new(&[4, 4])), g.input(Shape::new(&[3, 4])));
    let mut state = x;
    for _ in 0..3 {
        let moved = g.matmul(state, w).unwrap();
        let squashed = g.sigmoid(moved).unwrap();
        state = g.mul(squashed, state).unwrap();
    }
    let losses = g.sum(state, &[1]).unwrap();
    let values = HashMap::from([
        (w, sample(&Shape::new(&[4, 4]), Domain::Real, 1)),
        (x, sample(&Shape::new(&[3, 4]), Domain::Real, 2)),
    ]);
    Subject::new(g, losses, vec![w], values, 4).check("recurrent");
}

#[test]
fn a_parameter_without_influence_has_gradient_zero() {
    let mut g = Graph::new();
    let (x, unused) = (g.input(Shape::new(&[3])), g.input(Shape::new(&[2, 2])));
    let losses = g.mul(x, x).unwrap();
    let derived = gradient(&mut g, losses, &[x, unused]).unwrap();
    assert_eq!(g.constant_value(derived.gradients[1]), Some(0.0));
    let matrix = g.input(Shape::new(&[2, 3]));
    assert_eq!(
        gradient(&mut g, matrix, &[x]).unwrap_err().to_string(),
        "gradient: expected the loss to be a vector with one element per example, got [2, 3]; try summing over the other axes"
    );
}
