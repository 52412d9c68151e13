//! What examples must be before a graph may read them: finite numbers, and whole numbers below an extent where they are indices.

use std::collections::{HashMap, HashSet};

use onedge_graph::ops::fold::FOLD;
use onedge_graph::ops::input::INPUT;
use onedge_graph::reference::{Tensor, evaluate};
use onedge_graph::{Argument, Class, Graph, Node, NodeId, Shape};

use crate::{Element, Error, Examples};

/// What values examples may have for a graph.
pub struct Legal {
    /// For each field and each place of an example in it, the extent that it is an index below.
    extents: Vec<Vec<Option<usize>>>,
}

impl Legal {
    /// What `graph` asks of its inputs `fields`, of each of which an example has so many values.
    pub fn new(graph: &Graph, fields: &[NodeId], widths: &[usize]) -> Self {
        Self { extents: index_extents(graph, fields, widths) }
    }

    /// That every value is finite, and that values which are read as indices name something that is there. The fields of `examples` are those of the
    /// graph, in their order. A kernel would read beyond its row, or take a fraction for the whole number below.
    ///
    /// # Errors
    /// [`Error::Value`] with the first example and place that is wrong.
    pub fn check<T: Element>(&self, examples: &Examples<T>) -> Result<(), Error> {
        for field in 0..examples.widths().len() {
            let finite =
                |_: usize, value: f64| if value.is_finite() { None } else { Some("a finite number".to_owned()) };
            require(examples, field, finite)?;
        }
        let exact = if T::NAME == "f32" { 2f64.powi(24) } else { 2f64.powi(53) };
        for (field, extents) in self.extents.iter().enumerate() {
            let named = |place: usize, value: f64| {
                let extent = extents.get(place).copied().flatten()?;
                if value >= exact {
                    return Some(format!("an index below {exact}, where {} tells each from its neighbours", T::NAME));
                }
                let legal = value >= 0.0 && value < extent as f64 && value.fract() == 0.0;
                (!legal).then(|| format!("a whole number below {extent}, as the loss or the model reads it"))
            };
            require(examples, field, named)?;
        }
        Ok(())
    }
}

/// For each field and each place of an example in it, the smallest extent that `graph` reads it as an index with.
fn index_extents(graph: &Graph, fields: &[NodeId], widths: &[usize]) -> Vec<Vec<Option<usize>>> {
    let mut found: Vec<Vec<Option<usize>>> = widths.iter().map(|&width| vec![None; width]).collect();
    for node in graph.nodes() {
        let shapes: Vec<&Shape> = node.inputs.iter().map(|&input| graph.shape(input)).collect();
        for (argument, &input) in node.op.arguments.iter().zip(&node.inputs) {
            let Argument::Index(extent) = argument else { continue };
            let extent = extent(&node.attributes, &shapes);
            for (field, element) in moved(graph, fields, input) {
                let place = element % found[field].len();
                let known = found[field][place].get_or_insert(extent);
                *known = extent.min(*known);
            }
        }
    }
    found
}

/// The fields and elements of them that `id` holds; none if it is more than elements of fields, moved.
fn moved(graph: &Graph, fields: &[NodeId], id: NodeId) -> Vec<(usize, usize)> {
    // Folding adds what arrives at one place.
    let moves = |node: &Node| {
        node.op.class == Class::Movement && node.op != &FOLD && !node.op.arguments.iter().any(Argument::is_fixed)
    };
    let (mut read, mut seen, mut open) = (Vec::new(), HashSet::new(), vec![id]);
    while let Some(id) = open.pop() {
        let node = graph.node(id);
        if !seen.insert(id) {
            continue;
        }
        if let Some(place) = fields.iter().position(|&field| field == id) {
            read.push(place);
        } else if moves(node) || (node.op.class == Class::Leaf && node.op != &INPUT) {
            open.extend(&node.inputs);
        } else {
            return Vec::new();
        }
    }
    read.sort_unstable();
    // Each element is a negative number of its own, so that those which arrive are told from each other and from constants.
    let mut numbered: Vec<(usize, usize)> = Vec::new();
    let mut values = HashMap::new();
    for place in read {
        let (field, shape) = (fields[place], graph.shape(fields[place]));
        let first = numbered.len();
        numbered.extend((0..shape.size()).map(|element| (place, element)));
        let data = (first..numbered.len()).map(|number| -1.0 - number as f64).collect();
        values.insert(field, Tensor::new(shape.clone(), data));
    }
    let arrived = evaluate(graph, &values, &[id]).remove(0).data;
    arrived
        .into_iter()
        .filter_map(|number| numbered.get((-1.0 - number) as usize).filter(|_| number < 0.0))
        .copied()
        .collect()
}

/// That `wrong`, asked with the place in its example and the value, expects nothing else of any value of a field.
fn require<T: Element>(
    examples: &Examples<T>,
    field: usize,
    wrong: impl Fn(usize, f64) -> Option<String>,
) -> Result<(), Error> {
    let values = examples.read(0..examples.len())[field];
    for (example, row) in values.chunks(examples.widths()[field].max(1)).enumerate() {
        for (place, value) in row.iter().enumerate() {
            let got = value.to_f64();
            if let Some(expected) = wrong(place, got) {
                return Err(Error::Value { field, example, place, expected, got });
            }
        }
    }
    Ok(())
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
        let field = |width: usize, values: &[f64]| Field { width, values: values.to_vec().into() };
        let examples = Examples::new(2, vec![field(2, &tokens), field(3, &logits), field(1, &labels)]).unwrap();
        Legal::new(&g, &fields, &examples.widths()).check(&examples).err().map(|error| error.to_string())
    }

    #[test]
    fn indices_that_single_precision_rounds_are_named() {
        let mut g = Graph::new();
        let (table, rows) = (g.input(Shape::new(&[1 << 25, 1])), g.input(Shape::new(&[2])));
        g.take(table, rows).unwrap();
        let examples =
            |rows: [f32; 2]| Examples::new(1, vec![Field { width: 2, values: rows.to_vec().into() }]).unwrap();
        let told =
            |rows| Legal::new(&g, &[rows_of(&g)], &[2]).check(&examples(rows)).err().map(|error| error.to_string());
        assert_eq!(told([16_777_215.0, 3.0]), None);
        let wrong = told([16_777_216.0, 3.0]).unwrap();
        assert!(
            wrong.contains("expected an index below 16777216, where f32 tells each from its neighbours"),
            "{wrong}"
        );
    }

    /// The second input of a graph.
    fn rows_of(g: &Graph) -> NodeId {
        g.ids().nth(1).unwrap()
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

    /// Of a field of a token and a number, only the token is an index; joined to labels that count from another extent.
    #[test]
    fn elements_are_followed_through_slices_and_joins() {
        let mut g = Graph::new();
        let (mixed, labels) = (g.input(Shape::new(&[2, 2])), g.input(Shape::new(&[2])));
        let fields = [mixed, labels];
        let table = g.input(Shape::new(&[7, 4]));
        let tokens = g.slice_axis(mixed, 1, 0, 1).unwrap();
        let flat = g.reshape(tokens, Shape::new(&[2])).unwrap();
        let both = g.concat(flat, labels, 0).unwrap();
        g.take(table, both).unwrap();
        g.one_hot(labels, 3).unwrap();
        let told = |mixed: [f64; 4], labels: [f64; 2]| {
            let field = |width: usize, values: &[f64]| Field { width, values: values.to_vec().into() };
            let examples = Examples::new(2, vec![field(2, &mixed), field(1, &labels)]).unwrap();
            Legal::new(&g, &fields, &examples.widths()).check(&examples).err().map(|error| error.to_string())
        };
        assert_eq!(told([6.0, 0.5, 0.0, -3.0], [2.0, 0.0]), None);
        let wrong = told([6.0, 0.5, 7.0, -3.0], [2.0, 0.0]).unwrap();
        assert!(wrong.starts_with("example 1, value 0 of field 0: expected a whole number below 7"), "{wrong}");
        let wrong = told([6.0, 0.5, 0.0, -3.0], [3.0, 0.0]).unwrap();
        assert!(wrong.starts_with("example 0, value 0 of field 1: expected a whole number below 3"), "{wrong}");
    }
}
