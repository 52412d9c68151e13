use std::collections::HashMap;
use std::fmt;

use crate::{Attributes, Error, Op, Shape};

/// A hash-consed graph in static single assignment form: the same op on the same inputs is the same node, and the
/// inputs of a node always have smaller ids than the node itself.
#[derive(Debug, Clone, Default)]
pub struct Graph {
    nodes: Vec<Node>,
    index: HashMap<(&'static Op, Attributes, Vec<NodeId>), NodeId>,
    inputs: usize,
}

/// One value of a [`Graph`].
#[derive(Debug, Clone)]
pub struct Node {
    /// The operation.
    pub op: &'static Op,
    /// What it needs to know beside its inputs.
    pub attributes: Attributes,
    /// The values that it reads.
    pub inputs: Vec<NodeId>,
    /// The shape of its value.
    pub shape: Shape,
}

/// The place of a node in its graph, in topological order.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(u32);

impl NodeId {
    /// As an index into [`Graph::nodes`].
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "%{}", self.0)
    }
}

impl Graph {
    /// A graph without nodes.
    pub fn new() -> Self {
        Self::default()
    }

    /// All nodes, each after its inputs.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The node at `id`.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.index()]
    }

    /// The shape of the value at `id`.
    pub fn shape(&self, id: NodeId) -> &Shape {
        &self.node(id).shape
    }

    /// The input of `id` at place `argument`.
    pub fn operand(&self, id: NodeId, argument: usize) -> NodeId {
        self.node(id).inputs[argument]
    }

    /// The ids of all nodes, each after its inputs.
    pub fn ids(&self) -> impl DoubleEndedIterator<Item = NodeId> + use<> {
        (0..self.nodes.len() as u32).map(NodeId)
    }

    /// The node that applies `op`: a simpler equal one, the one that exists, or a new one.
    ///
    /// # Errors
    /// [`Error::Shape`] if the shapes of the inputs do not fit.
    pub fn apply(&mut self, op: &'static Op, attributes: Attributes, inputs: &[NodeId]) -> Result<NodeId, Error> {
        let key = (op, attributes, inputs.to_vec());
        if let Some(&id) = self.index.get(&key) {
            return Ok(id);
        }
        let shapes: Vec<&Shape> = inputs.iter().map(|&input| self.shape(input)).collect();
        let shape = (op.shape)(&key.1, &shapes).map_err(|expected| Error::Shape {
            op: op.name,
            expected,
            got: shapes.into_iter().cloned().collect(),
        })?;
        if let Some(simpler) = (op.simplify)(self, &key.1, inputs)? {
            return Ok(simpler);
        }
        let id = NodeId(u32::try_from(self.nodes.len()).expect("fewer than 2^32 nodes"));
        self.nodes.push(Node { op, attributes: key.1.clone(), inputs: key.2.clone(), shape });
        self.index.insert(key, id);
        Ok(id)
    }

    /// A number for the next input.
    pub(crate) fn next_input(&mut self) -> usize {
        self.inputs += 1;
        self.inputs - 1
    }

    /// For each node, whether any of `roots` depends on it (or is it).
    pub fn needed_by(&self, roots: &[NodeId]) -> Vec<bool> {
        let mut needed = vec![false; self.nodes.len()];
        for root in roots {
            needed[root.index()] = true;
        }
        for index in (0..self.nodes.len()).rev() {
            if needed[index] {
                for input in &self.nodes[index].inputs {
                    needed[input.index()] = true;
                }
            }
        }
        needed
    }

    /// For each node, whether it depends on any of `sources` (or is one) by a path along which derivatives may flow.
    pub fn varies_with(&self, sources: &[NodeId]) -> Vec<bool> {
        let mut varies = vec![false; self.nodes.len()];
        for source in sources {
            varies[source.index()] = true;
        }
        for (index, node) in self.nodes.iter().enumerate() {
            let flows =
                |(argument, input): (usize, &NodeId)| varies[input.index()] && !node.op.arguments[argument].is_fixed();
            varies[index] = varies[index] || node.inputs.iter().enumerate().any(flows);
        }
        varies
    }
}
