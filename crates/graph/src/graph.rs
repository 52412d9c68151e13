use std::collections::{HashMap, HashSet};
use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};

use crate::{Attributes, Error, Misfit, Op, Shape};

/// A hash-consed graph in static single assignment form: the same op on the same inputs is the same node, and the
/// inputs of a node always have smaller ids than the node itself.
///
/// Ids are of the graph that made them, and of copies that are made afterwards; other graphs refuse them.
#[derive(Debug)]
pub struct Graph {
    nodes: Vec<Node>,
    /// Those of the nodes.
    marks: Vec<Mark>,
    index: HashMap<(&'static Op, Attributes, Vec<NodeId>), NodeId>,
    inputs: usize,
    /// That of new nodes.
    mark: Mark,
}

/// Tells the nodes of different graphs apart: a random number for each graph, also for each copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Mark(u32);

impl Mark {
    fn new() -> Self {
        Self(RandomState::new().build_hasher().finish() as u32)
    }
}

impl Default for Graph {
    fn default() -> Self {
        Self { nodes: Vec::new(), marks: Vec::new(), index: HashMap::new(), inputs: 0, mark: Mark::new() }
    }
}

impl Clone for Graph {
    fn clone(&self) -> Self {
        let Self { nodes, marks, index, inputs, .. } = self;
        Self { nodes: nodes.clone(), marks: marks.clone(), index: index.clone(), inputs: *inputs, mark: Mark::new() }
    }
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
pub struct NodeId {
    place: u32,
    mark: Mark,
}

impl NodeId {
    /// As an index into [`Graph::nodes`].
    pub fn index(self) -> usize {
        self.place as usize
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "%{}", self.place)
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

    /// Whether `id` is a node of this graph.
    pub fn contains(&self, id: NodeId) -> bool {
        self.marks.get(id.index()) == Some(&id.mark)
    }

    /// That all `ids` are nodes of this graph.
    ///
    /// # Errors
    /// [`Error::OtherGraph`] for `op`, if not.
    pub fn require(&self, op: &'static str, ids: impl IntoIterator<Item = NodeId>) -> Result<(), Error> {
        if ids.into_iter().all(|id| self.contains(id)) { Ok(()) } else { Err(Error::OtherGraph { op }) }
    }

    /// The node at `id`.
    ///
    /// # Panics
    /// Here and below: if it is a node of another graph.
    pub fn node(&self, id: NodeId) -> &Node {
        self.own(id);
        &self.nodes[id.index()]
    }

    fn own(&self, id: NodeId) {
        assert!(self.contains(id), "expected a node of this graph, got {id:?} of another; try building all in one");
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
        let marks = self.marks.clone().into_iter().enumerate();
        marks.map(|(place, mark)| NodeId { place: place as u32, mark })
    }

    /// The node that applies `op`: a simpler equal one, the one that exists, or a new one.
    ///
    /// # Errors
    /// [`Error::Shape`] if the shapes of the inputs do not fit, [`Error::TooLarge`] if the result fits no memory, [`Error::Argument`] if there
    /// are more or fewer inputs than the op takes, [`Error::OtherGraph`] if one is of another graph.
    pub fn apply(&mut self, op: &'static Op, attributes: Attributes, inputs: &[NodeId]) -> Result<NodeId, Error> {
        let key = (op, attributes, inputs.to_vec());
        if let Some(&id) = self.index.get(&key) {
            return Ok(id);
        }
        if inputs.len() != op.arguments.len() {
            let (expected, got) = (format!("{} inputs", op.arguments.len()), inputs.len().to_string());
            return Err(Error::Argument {
                op: op.name,
                expected,
                got,
                hint: "the method of Graph that is named for it",
            });
        }
        self.require(op.name, inputs.iter().copied())?;
        let shapes: Vec<&Shape> = inputs.iter().map(|&input| self.shape(input)).collect();
        let shape = (op.shape)(&key.1, &shapes).map_err(|Misfit { expected, hint }| Error::Shape {
            op: op.name,
            expected,
            got: shapes.into_iter().cloned().collect(),
            hint,
        })?;
        if shape.checked_size().is_none() {
            return Err(Error::TooLarge { op: op.name, got: shape });
        }
        if let Some(simpler) = (op.simplify)(self, &key.1, inputs)? {
            return Ok(simpler);
        }
        let place = u32::try_from(self.nodes.len()).expect("fewer than 2^32 nodes");
        let id = NodeId { place, mark: self.mark };
        self.marks.push(self.mark);
        self.nodes.push(Node { op, attributes: key.1.clone(), inputs: key.2.clone(), shape });
        self.index.insert(key, id);
        Ok(id)
    }

    /// A number for the next input.
    pub(crate) fn next_input(&mut self) -> usize {
        self.inputs += 1;
        self.inputs - 1
    }

    /// Has inputs to come be others than the one of this number.
    pub(crate) fn reserve_input(&mut self, number: usize) {
        self.inputs = self.inputs.max(number.saturating_add(1));
    }

    /// For each node, whether any of `roots` depends on it (or is it).
    pub fn needed_by(&self, roots: &[NodeId]) -> Vec<bool> {
        let mut needed = vec![false; self.nodes.len()];
        for &root in roots {
            self.own(root);
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

    /// The nodes that `roots` need, each after its inputs, but none that is older than `oldest` and none at which the search `ends` or that lies
    /// behind such a one. Cost: the nodes found, however large the graph is.
    pub(crate) fn needed_since(
        &self,
        roots: &[NodeId],
        oldest: Option<NodeId>,
        ends: impl Fn(NodeId) -> bool,
    ) -> Vec<NodeId> {
        let mut found = HashSet::new();
        let mut open: Vec<NodeId> = roots.to_vec();
        while let Some(id) = open.pop() {
            if oldest.is_none_or(|oldest| id >= oldest) && !ends(id) && found.insert(id) {
                open.extend(&self.node(id).inputs);
            }
        }
        let mut nodes: Vec<NodeId> = found.into_iter().collect();
        nodes.sort_unstable();
        nodes
    }

    /// For each node, whether it depends on any of `sources` (or is one) by a path along which derivatives may flow.
    pub fn varies_with(&self, sources: &[NodeId]) -> Vec<bool> {
        let mut varies = vec![false; self.nodes.len()];
        for &source in sources {
            self.own(source);
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
