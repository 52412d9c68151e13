//! What examples must be before a graph may read them: finite numbers, and whole numbers below an extent where they are indices.

use onedge_graph::{Argument, Graph, NodeId, Shape};

use crate::{Element, Error, Examples};

/// A field whose values name rows, classes or tokens, and how many of those there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct IndexField {
    field: usize,
    extent: usize,
}

/// That every value is finite, and that values which `graph` reads as indices name something that is there. `fields` are its inputs, in the order of the
/// fields of `examples`. A kernel would read beyond its row, or take a fraction for the whole number below.
///
/// # Errors
/// [`Error::Value`] with the first example and place that is wrong.
pub fn check<T: Element>(graph: &Graph, fields: &[NodeId], examples: &Examples<T>) -> Result<(), Error> {
    for field in 0..examples.fields().len() {
        require(examples, field, |value| value.is_finite(), || "a finite number".to_owned())?;
    }
    for IndexField { field, extent } in index_fields(graph, fields) {
        let legal = |value: f64| value >= 0.0 && value < extent as f64 && value.fract() == 0.0;
        require(examples, field, legal, || {
            format!("a whole number below {extent}, as the loss or the model reads it")
        })?;
    }
    Ok(())
}

/// The fields that `graph` reads as indices, each with the smallest extent that it is read with.
fn index_fields(graph: &Graph, fields: &[NodeId]) -> Vec<IndexField> {
    let mut found: Vec<IndexField> = Vec::new();
    for node in graph.nodes() {
        let shapes: Vec<&Shape> = node.inputs.iter().map(|&input| graph.shape(input)).collect();
        for (argument, &input) in node.op.arguments.iter().zip(&node.inputs) {
            let Argument::Index(extent) = argument else { continue };
            let (extent, source) = (extent(&node.attributes, &shapes), unmoved(graph, input));
            let Some(field) = fields.iter().position(|&field| field == source) else { continue };
            match found.iter_mut().find(|other| other.field == field) {
                Some(other) => other.extent = other.extent.min(extent),
                None => found.push(IndexField { field, extent }),
            }
        }
    }
    found
}

/// The value that `id` holds in another shape or order, all of it.
fn unmoved(graph: &Graph, mut id: NodeId) -> NodeId {
    while matches!(graph.node(id).op.name, "reshape" | "permute" | "broadcast") {
        id = graph.operand(id, 0);
    }
    id
}

fn require<T: Element>(
    examples: &Examples<T>,
    field: usize,
    holds: impl Fn(f64) -> bool,
    expected: impl Fn() -> String,
) -> Result<(), Error> {
    let values = &examples.fields()[field];
    match values.values.iter().position(|value| !holds(value.to_f64())) {
        None => Ok(()),
        Some(at) => {
            let (example, place, got) = (at / values.width, at % values.width, values.values[at].to_f64());
            Err(Error::Value { field, example, place, expected: expected(), got })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Field;

    /// A table of 7 rows read by tokens `[batch, 2]`, logits of 3 classes picked by labels `[batch]`.
    fn graph(batch: usize) -> (Graph, [NodeId; 3]) {
        let mut g = Graph::new();
        let (table, tokens) = (g.input(Shape::new(&[7, 4])), g.input(Shape::new(&[batch, 2])));
        let (logits, labels) = (g.input(Shape::new(&[batch, 3])), g.input(Shape::new(&[batch])));
        let flat = g.reshape(tokens, Shape::new(&[2 * batch])).unwrap();
        g.take(table, flat).unwrap();
        g.pick(logits, labels).unwrap();
        g.one_hot(labels, 5).unwrap();
        (g, [tokens, logits, labels])
    }

    fn message(tokens: [f64; 4], logits: [f64; 6], labels: [f64; 2]) -> Option<String> {
        let (g, fields) = graph(2);
        let field = |width: usize, values: &[f64]| Field { width, values: values.into() };
        let examples = Examples::new(2, vec![field(2, &tokens), field(3, &logits), field(1, &labels)]).unwrap();
        check(&g, &fields, &examples).err().map(|error| error.to_string())
    }

    #[test]
    fn values_that_no_kernel_can_read_are_named() {
        let (tokens, logits, labels) = ([0.0, 6.0, 3.0, 1.0], [0.5, -2.0, 7.25, 1.0, 0.0, 9.0], [2.0, 0.0]);
        assert_eq!(message(tokens, logits, labels), None);
        let wrong = |expected: &str| format!("example 1, {expected}; try correcting the data");
        let index = |field, place, extent, got| {
            wrong(&format!(
                "value {place} of field {field}: expected a whole number below {extent}, as the loss or the model reads it, got {got}"
            ))
        };
        assert_eq!(message([0.0, 6.0, 3.0, 7.0], logits, labels), Some(index(0, 1, 7, "7")));
        // Picked among 3 classes and marked among 5: the smaller counts.
        for (label, got) in [(3.0, "3"), (-1.0, "-1"), (0.5, "0.5")] {
            assert_eq!(message(tokens, logits, [2.0, label]), Some(index(2, 0, 3, got)));
        }
        let finite = |got| Some(wrong(&format!("value 2 of field 1: expected a finite number, got {got}")));
        let with = |value| [0.5, -2.0, 7.25, 1.0, 0.0, value];
        assert_eq!(message(tokens, with(f64::NAN), labels), finite("NaN"));
        assert_eq!(message(tokens, with(f64::INFINITY), labels), finite("inf"));
    }
}
