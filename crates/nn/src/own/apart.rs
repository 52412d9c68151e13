//! The trial that no example of a model influences another.

use std::collections::HashMap;

use onedge_graph::check::sample;
use onedge_graph::reference::{Tensor, evaluate};
use onedge_graph::{Domain, Graph, NodeId};

use crate::Error;

/// That the outputs of no example change with the inputs of another: each is changed in its turn, at inputs and parameters where all outputs are finite,
/// as a NaN hides what it was made of.
pub fn keeps_examples_apart(graph: &Graph, x: NodeId, outputs: NodeId) -> Result<(), Error> {
    const MOST_OPERATIONS: f64 = 3e8;
    let shapes = |inputs: &[NodeId]| inputs.iter().map(|&id| graph.shape(id)).collect::<Vec<_>>();
    let operations = |node: &onedge_graph::Node| {
        (node.op.flops)(&node.attributes, &shapes(&node.inputs), &node.shape) + node.shape.size() as f64
    };
    if graph.nodes().iter().map(operations).sum::<f64>() > MOST_OPERATIONS {
        return Ok(());
    }
    let wrong = |expected: &str, got: String, hint: &'static str| {
        Err(onedge_graph::Error::Argument { op: "model", expected: expected.to_owned(), got, hint }.into())
    };
    let reads_indices = graph.nodes().iter().any(|node| ["take", "pick", "one_hot"].contains(&node.op.name));
    let domains: &[Domain] = if reads_indices { &[Domain::Index(2)] } else { &[Domain::Real, Domain::Positive] };
    let tries =
        domains.iter().flat_map(|&inputs| [Domain::Real, Domain::Positive].map(|parameters| (inputs, parameters)));
    let values_in = |(inputs, parameters): (Domain, Domain)| -> HashMap<NodeId, Tensor> {
        let sources = graph.ids().filter(|&id| graph.node(id).op.name == "input").enumerate();
        sources.map(|(i, id)| (id, sample(graph.shape(id), if id == x { inputs } else { parameters }, i))).collect()
    };
    let outputs_at = |values: &HashMap<NodeId, Tensor>| evaluate(graph, values, &[outputs]).remove(0).data;
    let finite = tries.map(values_in).map(|values| (outputs_at(&values), values));
    let Some((before, values)) = finite.into_iter().find(|(outputs, _)| outputs.iter().all(|z| z.is_finite())) else {
        let got = "NaN or an infinity each time".to_owned();
        return wrong("finite outputs of random inputs and parameters", got, "looking for logarithms and quotients");
    };
    let examples = graph.shape(x)[0];
    let (features, width) = (values[&x].data.len() / examples, before.len() / examples);
    for changed in 0..examples {
        let mut values = values.clone();
        let inputs = values.get_mut(&x).expect("x is an input");
        for value in &mut inputs.data[changed * features..(changed + 1) * features] {
            *value = if reads_indices { 1.0 - *value } else { 0.5 * *value + 0.1 };
        }
        let after = outputs_at(&values);
        let same = |example: usize| {
            let range = example * width..(example + 1) * width;
            before[range.clone()].iter().zip(&after[range]).all(|(a, b)| a.to_bits() == b.to_bits())
        };
        if let Some(example) = (0..examples).find(|&example| example != changed && !same(example)) {
            let got = format!("outputs of example {example} that change with example {changed}");
            let hint = "leaving the first axis as it is";
            return wrong("outputs of each example that depend on its own inputs alone", got, hint);
        }
    }
    Ok(())
}
