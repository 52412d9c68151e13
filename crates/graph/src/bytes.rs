//! A loss graph as bytes, for another process of the same program: its nodes one after the other, as they were built.

use crate::ops::ALL;
use crate::{Attributes, Graph, LossGraph, Margins, Matmul, NodeId, Op, Scan, Shape, Window};

/// What the metrics of a graph that came as bytes are called: names are for those who print them.
const METRIC: &str = "metric";

impl LossGraph {
    /// The graph as bytes. Ops go by their places in [`ALL`], so only the same version of the library reads them.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut words = Words::default();
        words.list(self.graph.nodes(), |words, node| {
            words.number(ALL.iter().position(|op| *op == node.op).expect("every op is listed"));
            words.attributes(&node.attributes);
            words.ids(&node.inputs);
        });
        words.ids(&self.parameters);
        words.ids(&self.fields);
        words.ids(&[self.outputs, self.losses]);
        words.ids(&self.metrics.iter().map(|(_, id)| *id).collect::<Vec<_>>());
        words.0.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    /// The graph that [`to_bytes`](Self::to_bytes) wrote, node by node the same; its metrics have lost their names. `None` if the bytes are of
    /// anything else.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut read = Read { words: bytes.chunks_exact(8), graph: Graph::new(), ids: Vec::new() };
        for _ in 0..read.number()? {
            let op: &'static Op = ALL.get(read.number()?)?;
            let attributes = read.attributes()?;
            let inputs = read.ids()?;
            if let Attributes::Input(number, _) = attributes {
                read.graph.reserve_input(number);
            }
            let id = read.graph.apply(op, attributes, &inputs).ok()?;
            // What is in a graph is in its simplest form, and there once.
            (id.index() == read.ids.len()).then(|| read.ids.push(id))?;
        }
        let (parameters, fields, roots, metrics) = (read.ids()?, read.ids()?, read.ids()?, read.ids()?);
        let [outputs, losses] = roots[..] else { return None };
        let metrics = metrics.into_iter().map(|id| (METRIC, id)).collect();
        Some(Self { graph: read.graph, parameters, fields, outputs, losses, metrics })
    }
}

/// What is written, in words of eight bytes.
#[derive(Default)]
struct Words(Vec<u64>);

impl Words {
    fn number(&mut self, number: usize) {
        self.0.push(number as u64);
    }

    fn list<I>(&mut self, items: &[I], mut write: impl FnMut(&mut Self, &I)) {
        self.number(items.len());
        items.iter().for_each(|item| write(self, item));
    }

    fn numbers(&mut self, numbers: &[usize]) {
        self.list(numbers, |words, number| words.number(*number));
    }

    fn ids(&mut self, ids: &[NodeId]) {
        self.list(ids, |words, id| words.number(id.index()));
    }

    /// The place of the kind in the enum, and what it carries.
    fn attributes(&mut self, attributes: &Attributes) {
        match attributes {
            Attributes::None => self.number(0),
            Attributes::Scalar(bits) => self.0.extend([1, *bits]),
            Attributes::Filled(bits, shape) => {
                self.0.extend([2, *bits]);
                self.numbers(shape);
            }
            Attributes::Axes(axes) => {
                self.number(3);
                self.numbers(axes);
            }
            Attributes::Shape(shape) => {
                self.number(4);
                self.numbers(shape);
            }
            Attributes::Broadcast(shape, axes) => {
                self.number(5);
                self.numbers(shape);
                self.numbers(axes);
            }
            Attributes::Matmul(Matmul { left, right }) => {
                self.0.extend([6, u64::from(*left), u64::from(*right)]);
            }
            Attributes::Classes(classes) => self.0.extend([7, *classes as u64]),
            Attributes::Rows(rows) => self.0.extend([8, *rows as u64]),
            Attributes::Window(Window { image, kernel, stride, padding, dilation, groups }) => {
                self.number(9);
                [image, kernel, stride, padding, dilation]
                    .into_iter()
                    .flatten()
                    .for_each(|number| self.number(*number));
                self.number(*groups);
            }
            Attributes::Margins(Margins { before, after, fill }) => {
                self.number(10);
                self.numbers(before);
                self.numbers(after);
                self.0.push(*fill);
            }
            Attributes::Along(shape, axis) => {
                self.number(11);
                self.numbers(shape);
                self.number(*axis);
            }
            Attributes::Scan(Scan { axis, reverse }) => self.0.extend([12, *axis as u64, u64::from(*reverse)]),
            Attributes::Input(number, shape) => {
                self.0.extend([13, *number as u64]);
                self.numbers(shape);
            }
        }
    }
}

/// What is left to be read, and what was read so far.
struct Read<'a> {
    words: std::slice::ChunksExact<'a, u8>,
    graph: Graph,
    /// Those of the nodes, by their places.
    ids: Vec<NodeId>,
}

impl Read<'_> {
    fn word(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(self.words.next()?.try_into().ok()?))
    }

    fn number(&mut self) -> Option<usize> {
        usize::try_from(self.word()?).ok()
    }

    fn flag(&mut self) -> Option<bool> {
        Some(self.word()? != 0)
    }

    fn numbers(&mut self) -> Option<Vec<usize>> {
        (0..self.number()?).map(|_| self.number()).collect()
    }

    fn shape(&mut self) -> Option<Shape> {
        self.numbers().map(Shape::from)
    }

    fn pair(&mut self) -> Option<[usize; 2]> {
        Some([self.number()?, self.number()?])
    }

    fn ids(&mut self) -> Option<Vec<NodeId>> {
        let places = self.numbers()?;
        places.into_iter().map(|place| self.ids.get(place).copied()).collect()
    }

    fn attributes(&mut self) -> Option<Attributes> {
        Some(match self.word()? {
            0 => Attributes::None,
            1 => Attributes::Scalar(self.word()?),
            2 => Attributes::Filled(self.word()?, self.shape()?),
            3 => Attributes::Axes(self.numbers()?),
            4 => Attributes::Shape(self.shape()?),
            5 => Attributes::Broadcast(self.shape()?, self.numbers()?),
            6 => Attributes::Matmul(Matmul { left: self.flag()?, right: self.flag()? }),
            7 => Attributes::Classes(self.number()?),
            8 => Attributes::Rows(self.number()?),
            9 => Attributes::Window(Window {
                image: self.pair()?,
                kernel: self.pair()?,
                stride: self.pair()?,
                padding: self.pair()?,
                dilation: self.pair()?,
                groups: self.number()?,
            }),
            10 => Attributes::Margins(Margins { before: self.numbers()?, after: self.numbers()?, fill: self.word()? }),
            11 => Attributes::Along(self.shape()?, self.number()?),
            12 => Attributes::Scan(Scan { axis: self.number()?, reverse: self.flag()? }),
            13 => Attributes::Input(self.number()?, self.shape()?),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every case of every op, whose attributes are of every kind, comes back as it was, and only the bytes of a graph make one.
    #[test]
    fn graphs_come_back_node_by_node() {
        let mut graph = Graph::new();
        let mut inputs = Vec::new();
        for op in ALL {
            for case in (op.cases)() {
                let made: Vec<NodeId> = case.inputs.iter().map(|(shape, _)| graph.input(shape.clone())).collect();
                graph.apply(op, case.attributes, &made).unwrap();
                inputs.extend(made);
            }
        }
        let last = graph.ids().next_back().unwrap();
        let (parameters, fields) = (vec![inputs[0]], inputs[1..4].to_vec());
        let metrics = vec![("accuracy", last)];
        let loss = LossGraph { graph, parameters, fields, outputs: inputs[5], losses: last, metrics };
        let bytes = loss.to_bytes();
        let mut again = LossGraph::from_bytes(&bytes).unwrap();
        assert_eq!(again.to_bytes(), bytes);
        again.check().unwrap();
        assert!(again.graph.nodes().iter().zip(loss.graph.nodes()).all(|(a, b)| a.op == b.op && a.shape == b.shape));
        assert_eq!(again.metrics[0].0, "metric");
        // New inputs are others than those that came.
        let new = again.graph.input(Shape::new(&[3]));
        assert_eq!(new.index(), loss.graph.nodes().len());
        assert!(LossGraph::from_bytes(&bytes[..bytes.len() - 8]).is_none());
        assert!(LossGraph::from_bytes(b"of something else").is_none());
    }
}
