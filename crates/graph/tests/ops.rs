//! Every registered op against differences, identities and a second way to the same number.

use std::collections::{HashMap, HashSet};

use onedge_graph::check::{Subject, sample};
use onedge_graph::{
    Attributes, Case, Error, Graph, LossGraph, Margins, NodeId, Op, Shape, Tangents, Window, gradient, jvp, ops,
};

/// `losses = weights * op(x)^2 + op(x)`, so that first and second derivatives of the op both matter; `negated`: the op reads `-x`.
fn subject(op: &'static Op, case: &Case, negated: bool) -> Subject {
    let mut g = Graph::new();
    let mut values = HashMap::new();
    let inputs: Vec<NodeId> = case.inputs.iter().map(|(shape, _)| g.input(shape.clone())).collect();
    let mut read = inputs.clone();
    for (i, (id, (shape, domain))) in inputs.iter().zip(&case.inputs).enumerate() {
        let mut value = sample(shape, *domain, i);
        if negated && !op.arguments[i].is_fixed() {
            read[i] = g.neg(*id).unwrap();
            value.data.iter_mut().for_each(|x| *x = -*x);
        }
        values.insert(*id, value);
    }
    let y = g.apply(op, case.attributes.clone(), &read).unwrap();
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
            subject(op, case, false).check(&format!("{} case {i}", op.name));
            subject(op, case, true).check(&format!("{} case {i} of negated inputs", op.name));
        }
    }
}

/// Operands that a rule's nodes may be simplified to what lies behind: each parameter `w` is read as `-w`, whose values suit the op.
#[test]
fn every_op_passes_where_its_operands_are_negated() {
    for op in ops::ALL {
        for (i, case) in (op.cases)().iter().enumerate() {
            negated_subject(op, case).check(&format!("{} of negated operands, case {i}", op.name));
        }
    }
}

fn negated_subject(op: &'static Op, case: &Case) -> Subject {
    let mut g = Graph::new();
    let (mut values, mut parameters, mut operands) = (HashMap::new(), Vec::new(), Vec::new());
    for (i, (shape, domain)) in case.inputs.iter().enumerate() {
        let (input, mut value) = (g.input(shape.clone()), sample(shape, *domain, i));
        if op.arguments[i].is_fixed() {
            operands.push(input);
        } else {
            value.data.iter_mut().for_each(|x| *x = -*x);
            parameters.push(input);
            operands.push(g.neg(input).unwrap());
        }
        values.insert(input, value);
    }
    let y = g.apply(op, case.attributes.clone(), &operands).unwrap();
    let flat = g.reshape(y, Shape::new(&[g.shape(y).size()])).unwrap();
    let square = g.mul(flat, flat).unwrap();
    let losses = g.add(square, flat).unwrap();
    Subject::new(g, losses, parameters, values, 2)
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
    assert_eq!(
        message,
        "matmul: expected [.., m, k] and [.., k, n], got [4, 3] and [4, 5]; try transposing one of them, or broadcasting the leading axes"
    );
    let message = g.add(a, b).unwrap_err().to_string();
    assert_eq!(
        message,
        "add: expected inputs of one shape, got [4, 3] and [4, 5]; try broadcasting or reshaping them first"
    );
    let message = g.apply(&ops::add::ADD, Attributes::None, &[a]).unwrap_err().to_string();
    assert_eq!(message, "add: expected 2 inputs, got 1; try the method of Graph that is named for it");
}

/// Inputs of every op that fit it, and the same with an axis more, which fit none but those that take any.
#[test]
fn every_mistake_about_shapes_ends_in_what_to_try() {
    let mut told = 0;
    for op in ops::ALL {
        for case in (op.cases)() {
            for wrong in 0..case.inputs.len() {
                let mut g = Graph::new();
                let longer = |(i, (shape, _)): (usize, &(Shape, _))| match i == wrong {
                    true => [&shape[..], &[0]].concat().into(),
                    false => shape.clone(),
                };
                let inputs: Vec<NodeId> = case.inputs.iter().enumerate().map(longer).map(|s| g.input(s)).collect();
                if let Err(error) = g.apply(op, case.attributes.clone(), &inputs) {
                    let message = error.to_string();
                    let hint = message.rsplit_once("; try ").map(|(_, hint)| hint);
                    assert!(message.starts_with(op.name) && hint.is_some_and(|hint| !hint.is_empty()), "{message}");
                    told += 1;
                }
            }
        }
    }
    assert!(told > 40, "{told} mistakes were told");
}

#[test]
fn a_result_that_no_memory_holds_is_an_error() {
    const HALF: usize = usize::MAX / 2 + 1;
    let mut g = Graph::new();
    let too_large = |made: Result<NodeId, Error>| {
        let message = made.unwrap_err().to_string();
        assert!(message.contains("expected fewer elements than memory can have, got shape ["), "{message}");
        assert!(message.ends_with("; try smaller extents"), "{message}");
    };
    too_large(g.try_input(Shape::new(&[HALF, 2])));
    too_large(g.filled(1.0, Shape::new(&[usize::MAX, 3])));
    too_large(g.iota(Shape::new(&[1 << 32, 1 << 32]), 0));
    let x = g.input(Shape::new(&[4]));
    too_large(g.broadcast(x, Shape::new(&[HALF, 4]), &[0]));
    too_large(g.one_hot(x, HALF));
    let (values, rows) = (g.input(Shape::new(&[3, 2])), g.input(Shape::new(&[3])));
    too_large(g.put_add(values, rows, HALF));
    too_large(g.pad(x, Margins::along(1, 0, HALF, 0)));
    // Whole tables of them: sizes that wrap to that of the input, and extents that have no number.
    let empty = g.input(Shape::new(&[0, 4]));
    let told = |made: Result<NodeId, Error>, expected: &str| {
        let message = made.unwrap_err().to_string();
        assert!(message.contains(expected) && message.contains("; try "), "{message}");
    };
    told(g.reshape(empty, Shape::new(&[HALF, 2])), "reshape: expected as many elements as shape");
    told(g.pad(x, Margins::along(1, 0, usize::MAX, 0)), "pad: expected 1 axes, as many as margins");
    told(g.slice_axis(x, 0, 2, usize::MAX), "slice: expected at least [2] and [5] elements");
    let image = g.input(Shape::new(&[1, 3, 3, 1]));
    let window = Window { kernel: [HALF, 2], ..Window::new([3, 3], 1) };
    told(g.patches(image, window), "patches: expected [n, 3, 3, c], output None");
}

#[test]
fn nodes_of_another_graph_are_refused() {
    let shape = Shape::new(&[3]);
    let (mut g, mut other) = (Graph::new(), Graph::new());
    let (x, strange) = (g.input(shape.clone()), other.input(shape.clone()));
    let refused = |made: Result<(), Error>, op: &str| {
        let expected = format!("{op}: expected values of one graph, got one of another; try building all in one");
        assert_eq!(made.unwrap_err().to_string(), expected);
    };
    refused(g.add(x, strange).map(drop), "add");
    refused(g.filled_like(1.0, strange).map(drop), "constant");
    refused(g.mean(strange, &[0]).map(drop), "sum");
    refused(g.slice_axis(strange, 0, 0, 1).map(drop), "slice");
    refused(g.concat_all(&[x, strange], 0).map(drop), "concat");
    refused(gradient(&mut g, x, &[strange]).map(drop), "gradient");
    refused(jvp(&mut g, &[x], &mut Tangents::from([(x, strange)])), "jvp");
    let loss = |losses, parameters| LossGraph {
        graph: g.clone(),
        parameters,
        fields: vec![],
        outputs: losses,
        losses,
        metrics: vec![],
    };
    loss(x, vec![x]).check().unwrap();
    refused(loss(x, vec![strange]).check(), "parameters");
    refused(loss(strange, vec![x]).check(), "outputs");

    // A copy has the nodes that were there; what either makes afterwards is its own.
    let mut copy = g.clone();
    assert_eq!(copy.add(x, x).unwrap().index(), 1);
    let (here, there) = (g.tanh(x).unwrap(), copy.exp(x).unwrap());
    refused(copy.neg(here).map(drop), "neg");
    refused(g.neg(there).map(drop), "neg");
    let same_place = copy.ids().nth(1).unwrap();
    assert!(same_place.index() == here.index() && !g.contains(same_place));
}

#[test]
#[should_panic(expected = "expected a node of this graph, got %0 of another; try building all in one")]
fn the_shape_of_a_node_of_another_graph_is_not_told() {
    let strange = Graph::new().input(Shape::new(&[3]));
    let mut g = Graph::new();
    g.input(Shape::new(&[2]));
    g.shape(strange);
}
