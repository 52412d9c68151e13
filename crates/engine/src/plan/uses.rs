use onedge_graph::ops::add::ADD;
use onedge_graph::{Graph, Node, NodeId};

use crate::Error;
use crate::kernels::{Kind, entry};

/// What a planner needs to know of a graph beyond its nodes: how it deals with each, reshapes seen through, and how often
/// each value is read.
///
/// Counted over the whole program and not per stage, so that a product is accumulated in place in every stage or in
/// none, and a recomputed value has the bits of the kept one.
pub struct Uses {
    kinds: Vec<Option<Kind>>,
    values: Vec<NodeId>,
    counts: Vec<usize>,
    /// Whether each node is a sum of products.
    sums: Vec<bool>,
}

impl Uses {
    /// Counts the uses by nodes that `roots` depend on, and by `roots` themselves.
    ///
    /// # Errors
    /// [`Error::NoKernel`] if such a node is of an op that has none.
    pub fn new(graph: &Graph, roots: &[NodeId]) -> Result<Self, Error> {
        let needed = graph.needed_by(roots);
        let mut kinds = Vec::with_capacity(needed.len());
        let mut values: Vec<NodeId> = Vec::with_capacity(needed.len());
        for (id, node) in graph.ids().zip(graph.nodes()) {
            // A kernel is of both precisions.
            let kind = entry::<f32>(node.op.name).map(|entry| entry.kind);
            if kind.is_none() && needed[id.index()] {
                return Err(Error::NoKernel { op: node.op.name });
            }
            kinds.push(kind);
            values.push(if kind == Some(Kind::View) { values[node.inputs[0].index()] } else { id });
        }
        let mut counts = vec![0; values.len()];
        for id in graph.ids().filter(|id| needed[id.index()] && kinds[id.index()] != Some(Kind::View)) {
            for input in &graph.node(id).inputs {
                counts[values[input.index()].index()] += 1;
            }
        }
        for root in roots {
            counts[values[root.index()].index()] += 1;
        }
        let mut uses = Self { kinds, values, counts, sums: vec![false; needed.len()] };
        for id in graph.ids().filter(|id| needed[id.index()]) {
            uses.sums[id.index()] = uses.sums_products(graph.node(id));
        }
        Ok(uses)
    }

    /// Whether a node is a sum of products, for one whose inputs are known.
    fn sums_products(&self, node: &Node) -> bool {
        let private_sum = |id: NodeId| self.is_private(id) && self.sums[id.index()];
        node.op == &ADD
            && node.inputs.iter().map(|&id| self.value(id)).all(|id| self.is_private_product(id) || private_sum(id))
    }

    /// How a plan deals with `id`, which a root depends on.
    pub fn kind(&self, id: NodeId) -> Kind {
        self.kinds[id.index()].expect("of a node that a root depends on, checked when they were counted")
    }

    /// The node whose elements `id` has, in the same order: `id` itself unless it is a reshape.
    pub fn value(&self, id: NodeId) -> NodeId {
        self.values[id.index()]
    }

    /// The values that a node reads.
    pub fn inputs(&self, node: &Node) -> Vec<NodeId> {
        node.inputs.iter().map(|&input| self.value(input)).collect()
    }

    /// Whether `id` has only one reader.
    pub fn is_private(&self, id: NodeId) -> bool {
        self.counts[id.index()] == 1
    }

    /// Whether `id` is a matrix product that only one reader has: it can be added to another value where it is made.
    pub fn is_private_product(&self, id: NodeId) -> bool {
        self.is_private(id) && self.kind(id) == Kind::Product
    }

    /// Whether `id` is a sum of two private products, or of one and such a sum: then products write into one buffer.
    pub fn is_sum_of_products(&self, id: NodeId) -> bool {
        self.sums[id.index()]
    }

    /// The products that a sum of products adds up, in order.
    pub fn products(&self, graph: &Graph, id: NodeId) -> Vec<NodeId> {
        let (mut products, mut open) = (Vec::new(), vec![id]);
        while let Some(id) = open.pop() {
            if self.kind(id) == Kind::Product {
                products.push(id);
            } else {
                open.extend(self.inputs(graph.node(id)).into_iter().rev());
            }
        }
        products
    }
}
