use onedge_graph::{Class, Graph, Node, NodeId};

/// What a planner needs to know of a graph beyond its nodes: reshapes seen through, and how often each value is read.
///
/// Counted over the whole program and not per stage, so that a product is accumulated in place in every stage or in
/// none, and a recomputed value has the bits of the kept one.
pub struct Uses {
    values: Vec<NodeId>,
    counts: Vec<usize>,
}

impl Uses {
    /// Counts the uses by nodes that `roots` depend on, and by `roots` themselves.
    pub fn new(graph: &Graph, roots: &[NodeId]) -> Self {
        let mut values: Vec<NodeId> = Vec::with_capacity(graph.nodes().len());
        for id in graph.ids() {
            let node = graph.node(id);
            values.push(if node.op.name == "reshape" { values[node.inputs[0].index()] } else { id });
        }
        let mut counts = vec![0; values.len()];
        let needed = graph.needed_by(roots);
        for id in graph.ids().filter(|id| needed[id.index()] && graph.node(*id).op.name != "reshape") {
            for input in &graph.node(id).inputs {
                counts[values[input.index()].index()] += 1;
            }
        }
        for root in roots {
            counts[values[root.index()].index()] += 1;
        }
        Self { values, counts }
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
    pub fn is_private_product(&self, graph: &Graph, id: NodeId) -> bool {
        self.is_private(id) && graph.node(id).op.class == Class::Product
    }

    /// Whether `id` is a sum of two private products, or of one and such a sum: then products write into one buffer.
    pub fn is_sum_of_products(&self, graph: &Graph, id: NodeId) -> bool {
        let node = graph.node(id);
        if node.op.name != "add" {
            return false;
        }
        let inputs = self.inputs(node);
        let private_sum = |id: NodeId| self.is_private(id) && self.is_sum_of_products(graph, id);
        let product = |id: NodeId| self.is_private_product(graph, id);
        inputs.iter().all(|&input| product(input) || private_sum(input))
    }

    /// The products that a sum of products adds up, in order.
    pub fn products(&self, graph: &Graph, id: NodeId) -> Vec<NodeId> {
        if graph.node(id).op.class == Class::Product {
            return vec![id];
        }
        self.inputs(graph.node(id)).into_iter().flat_map(|input| self.products(graph, input)).collect()
    }
}
