//! Every registered op against differences, identities and a second way to the same number.

use std::collections::{HashMap, HashSet};

use onedge_graph::check::{Subject, sample};
use onedge_graph::{Case, Graph, NodeId, Op, Shape, ops};

/// `losses = weights * op(x)^2 + op(x)`, so that first and second derivatives of the op both matter.
fn subject(op: &'static Op, case: &Case) -> Subject {
    let mut g = Graph::new();
    let mut values = HashMap::new();
    let inputs: Vec<NodeId> = case.inputs.iter().map(|(shape, _)| g.input(shape.clone())).collect();
    for (i, (id, (shape, domain))) in inputs.iter().zip(&case.inputs).enumerate() {
        values.insert(*id, sample(shape, *domain, i));
    }
    let y = g.apply(op, case.attributes.clone(), &inputs).unwrap();
    let flat = g.reshape(y, Shape::new(&[g.shape(y).size()])).unwrap();
    let weights = g.input(g.shape(flat).clone());
    values.insert(weights, sample(g.shape(flat), onedge_graph::Domain::Real, 9));
    let square = g.mul(flat, flat).unwrap();
    let weighted = g.mul(weights, square).unwrap();
    let losses = g.add(weighted, flat).unwrap();
    let moves = |(argument, _): &(usize, &NodeId)| !op.arguments[*argument].is_fixed();
    let parameters = inputs.iter().enumerate().filter(moves).map(|(_, id)| *id).collect();
    Subject::new(g, losses, parameters, values, 2)
}

#[test]
fn every_op_passes_differences_and_identities() {
    for op in ops::ALL {
        let cases = (op.cases)();
        assert!(!cases.is_empty() || op.name == "input", "{} has no cases", op.name);
        for (i, case) in cases.iter().enumerate() {
            subject(op, case).check(&format!("{} case {i}", op.name));
        }
    }
}

/// The head of an op's file is what is shown of it.
#[test]
fn every_op_has_a_name_and_a_documentation_that_begins_with_it() {
    let mut names = HashSet::new();
    for op in ops::ALL {
        assert!(!op.name.is_empty() && names.insert(op.name), "the name {:?} is there once", op.name);
        assert!(op.doc().starts_with(&format!("`{}", op.name)), "{}: {}", op.name, op.doc());
        assert!(op.source.contains(&format!("name: \"{}\",", op.name)), "{} has its own file", op.name);
    }
}

#[test]
fn every_op_declares_as_many_arguments_as_its_cases_have_inputs() {
    for op in ops::ALL {
        for case in (op.cases)() {
            assert_eq!(op.arguments.len(), case.inputs.len(), "{}", op.name);
        }
    }
}

#[test]
fn the_same_op_on_the_same_inputs_is_the_same_node() {
    let mut g = Graph::new();
    let (x, y) = (g.input(Shape::new(&[3])), g.input(Shape::new(&[3])));
    assert_ne!(x, y);
    assert_eq!(g.tanh(x).unwrap(), g.tanh(x).unwrap());
    assert_eq!(g.add(x, y).unwrap(), g.add(y, x).unwrap());
    assert_ne!(g.sub(x, y).unwrap(), g.sub(y, x).unwrap());
}

#[test]
fn simplifications_leave_normal_forms() {
    let mut g = Graph::new();
    let shape = Shape::new(&[2, 3]);
    let (x, y) = (g.input(shape.clone()), g.input(shape.clone()));
    let zero = g.filled(0.0, shape.clone()).unwrap();
    let minus = g.neg(y).unwrap();
    assert_eq!(g.add(x, zero).unwrap(), x);
    assert_eq!(g.neg(minus).unwrap(), y);
    assert_eq!(g.add(x, minus).unwrap(), g.sub(x, y).unwrap());
    assert_eq!(g.add(x, x).unwrap(), g.scale(x, 2.0).unwrap());
    assert_eq!(g.scale(x, 1.0).unwrap(), x);
    let turned = g.permute(x, &[1, 0]).unwrap();
    assert_eq!(g.permute(turned, &[1, 0]).unwrap(), x);
    let flat = g.reshape(x, Shape::new(&[6])).unwrap();
    assert_eq!(g.reshape(flat, shape).unwrap(), x);
}

#[test]
fn shapes_are_checked_when_a_node_is_built() {
    let mut g = Graph::new();
    let (a, b) = (g.input(Shape::new(&[4, 3])), g.input(Shape::new(&[4, 5])));
    let message = g.matmul(a, b).unwrap_err().to_string();
    assert_eq!(message, "matmul: expected [.., m, k] and [.., k, n], got [4, 3] and [4, 5]");
    let message = g.add(a, b).unwrap_err().to_string();
    assert_eq!(message, "add: expected inputs of one shape, got [4, 3] and [4, 5]");
}
