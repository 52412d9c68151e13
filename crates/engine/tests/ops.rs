//! Every op's kernels against its meaning as the graph states it: values, gradient, curvature and H v.

use std::collections::HashMap;

use onedge_engine::{DataObjective, Element, Examples, Field, Forward, Options};
use onedge_graph::check::{Subject, inner, sample};
use onedge_graph::reference::Tensor;
use onedge_graph::{Argument, Attributes, Case, Class, Domain, Graph, LossGraph, NodeId, Op, Shape, ops};
use onedge_objective::{Objective, Real};

/// `losses = weights * op(x)^2 + op(x)` with all inputs of the op as parameters, and the values of the inputs.
fn loss(op: &'static Op, case: &Case) -> (LossGraph, HashMap<NodeId, Tensor>) {
    let mut g = Graph::new();
    let parameters: Vec<NodeId> = case.inputs.iter().map(|(shape, _)| g.input(shape.clone())).collect();
    let place = |(i, (id, (shape, domain))): (usize, (&NodeId, &(Shape, Domain)))| (*id, sample(shape, *domain, i));
    let mut values: HashMap<NodeId, Tensor> = parameters.iter().zip(&case.inputs).enumerate().map(place).collect();
    let y = g.apply(op, case.attributes.clone(), &parameters).unwrap();
    let flat = g.reshape(y, Shape::new(&[g.shape(y).size()])).unwrap();
    let weights = g.input(g.shape(flat).clone());
    values.insert(weights, sample(g.shape(flat), Domain::Real, 9));
    let square = g.mul(flat, flat).unwrap();
    let weighted = g.mul(weights, square).unwrap();
    let losses = g.add(weighted, flat).unwrap();
    let parameters = [parameters, vec![weights]].concat();
    (LossGraph { graph: g, parameters, fields: vec![], outputs: losses, losses, metrics: vec![] }, values)
}

fn flat<T: Real>(tensors: &[Tensor]) -> Vec<T> {
    tensors.iter().flat_map(|t| &t.data).map(|&x| T::from_f64(x)).collect()
}

fn agrees<T: Element>(op: &'static Op, case: &Case, tolerance: f64) {
    let (loss, values) = loss(op, case);
    let w: Vec<Tensor> = loss.parameters.iter().map(|id| values[id].clone()).collect();
    let subject = Subject::new(loss.graph.clone(), loss.losses, loss.parameters.clone(), values, 2);
    let (u, v) = (subject.direction(), subject.other_direction(5));
    let options = Options { threads: 1, lanes: 1, chunk: None, memory_bytes: 1 << 20 };
    let examples = Examples::<T>::new(1, vec![]).unwrap();
    let mut engine = DataObjective::new(Box::new(move |_| Ok(loss.clone())), examples, 0.0, options).unwrap();
    let close = |name: &str, a: f64, b: f64| {
        let scale = a.abs().max(b.abs()).max(1.0);
        assert!((a - b).abs() <= tolerance * scale, "{} {}: {name}: {a} and {b}", op.name, T::NAME);
    };
    let mut gradient = vec![T::ZERO; engine.dim()];
    let value = engine.linearize(&flat::<T>(&w), &mut gradient).unwrap();
    close("loss", value, subject.loss(0.0));
    let slope: f64 = gradient.iter().zip(flat::<f64>(&u)).map(|(g, u)| g.to_f64() * u).sum();
    close("slope", slope, subject.reverse_slope(0.0));
    close("curvature", engine.curvature(&flat::<T>(&u)).unwrap(), subject.curvature());
    let mut product = vec![T::ZERO; engine.dim()];
    engine.hessian_vector(&flat::<T>(&v), &mut product).unwrap();
    for (got, expected) in product.iter().zip(flat::<f64>(&subject.hessian_vector(&v))) {
        close("hessian-vector product", got.to_f64(), expected);
    }
    close("symmetry", product.iter().zip(flat::<f64>(&u)).map(|(p, u)| p.to_f64() * u).sum(), {
        inner(&v, &subject.hessian_vector(&u))
    });
}

#[test]
fn every_op_in_f64() {
    for op in ops::ALL {
        for case in (op.cases)() {
            agrees::<f64>(op, &case, 1e-12);
        }
    }
}

#[test]
fn every_op_in_f32() {
    for op in ops::ALL {
        for case in (op.cases)() {
            agrees::<f32>(op, &case, 2e-5);
        }
    }
}

/// An op of which the engine knows nothing.
static STRANGE: Op = Op {
    name: "strange",
    source: "",
    class: Class::Elementwise,
    arguments: &[Argument::Fixed],
    simplify: |_, _, _| Ok(None),
    shape: |_, inputs| Ok(inputs[0].clone()),
    evaluate: |_, inputs, _| inputs[0].data.clone(),
    flops: |_, _, _| 0.0,
    cases: Vec::new,
};

#[test]
fn an_op_without_a_kernel_is_an_error_at_construction() {
    let mut g = Graph::new();
    let x = g.input(Shape::new(&[4]));
    let losses = g.apply(&STRANGE, Attributes::None, &[x]).unwrap();
    let expected =
        "strange: expected an op with a kernel, got none of that name; try composing it of onedge_graph::ops";
    let forward = Forward::<f32>::new(&g, &[x], &[], losses).err().unwrap();
    assert_eq!(forward.to_string(), expected);
    assert!(Forward::<f32>::new(&g, &[x], &[], x).is_ok(), "a node that nothing depends on needs no kernel");
    let loss = LossGraph { graph: g, parameters: vec![x], fields: vec![], outputs: losses, losses, metrics: vec![] };
    let options = Options { threads: 1, lanes: 1, chunk: None, memory_bytes: 1 << 20 };
    let examples = Examples::<f64>::new(1, vec![]).unwrap();
    let made = DataObjective::new(Box::new(move |_| Ok(loss.clone())), examples, 0.0, options);
    assert_eq!(made.err().unwrap().to_string(), expected);
}

#[test]
fn a_loss_with_a_node_of_another_graph_is_an_error_at_construction() {
    let (mut g, mut other) = (Graph::new(), Graph::new());
    let (x, strange) = (g.input(Shape::new(&[4])), other.input(Shape::new(&[4])));
    let options = Options { threads: 1, lanes: 1, chunk: None, memory_bytes: 1 << 20 };
    let examples = Examples::<f32>::new(1, vec![]).unwrap();
    let build = move |_| {
        let (graph, parameters) = (g.clone(), vec![x]);
        Ok(LossGraph { graph, parameters, fields: vec![], outputs: x, losses: strange, metrics: vec![] })
    };
    let made = DataObjective::new(Box::new(build), examples, 0.0, options);
    let message = made.err().unwrap().to_string();
    assert_eq!(message, "losses: expected values of one graph, got one of another; try building all in one");
}

/// Indices that a graph computes cannot be checked beforehand: one that names nothing is told by the probe, and no worker panics.
#[test]
fn an_index_that_a_graph_computes_wrongly_is_told_by_the_probe() {
    for shift in [0.0, 1.0, 0.5, -7.0] {
        let build = move |batch: usize| {
            let mut graph = Graph::new();
            let table = graph.input(Shape::new(&[3, 2]));
            let labels = graph.input(Shape::new(&[batch]));
            let shift = graph.filled_like(shift, labels)?;
            let moved = graph.add(labels, shift)?;
            let rows = graph.take(table, moved)?;
            let losses = graph.sum(rows, &[1])?;
            Ok(LossGraph {
                graph,
                parameters: vec![table],
                fields: vec![labels],
                losses,
                outputs: losses,
                metrics: Vec::new(),
            })
        };
        let examples = Examples::new(2, vec![Field { width: 1, values: vec![1.0, 2.0].into() }]).unwrap();
        let options = Options { threads: 1, ..Options::for_this_machine() };
        let mut objective = DataObjective::<f64>::new(Box::new(build), examples, 0.0, options).unwrap();
        let loss = objective.loss(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        if shift == 0.0 {
            assert_eq!(loss.unwrap(), 0.5 * (7.0 + 11.0));
        } else {
            assert!(matches!(loss, Err(onedge_objective::Error::NonFinite { .. })), "{shift}: {loss:?}");
            assert!(objective.linearize(&[1.0; 6], &mut [0.0; 6]).is_err());
        }
    }
}
