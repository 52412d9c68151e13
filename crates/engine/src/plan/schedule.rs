use std::collections::{BTreeMap, HashMap, HashSet};

use onedge_graph::{Graph, NodeId};

use super::uses::Uses;
use crate::kernels::{Cost, Kind};

/// When each node of a stage is computed.
///
/// Time is cut into levels. In each level the fused groups run first, one per size of values, then the barriers:
/// products, reductions, movements. Sums of a group's values are taken within the group. A barrier runs as early as its inputs allow, elementwise work as late as its
/// readers allow, so that what is cheap is computed beside its use. Cheap nodes are computed again in every group that
/// reads them, unless they are stored for another reason.
pub struct Schedule {
    /// The groups and barriers of each level.
    pub levels: Vec<Level>,
    /// Elementwise nodes that must be written to memory.
    pub stored: HashSet<NodeId>,
    /// The level of each elementwise node.
    pub level_of: HashMap<NodeId, usize>,
    /// The sums that the group of an elementwise node takes of it, tile by tile.
    pub sums: HashMap<NodeId, Vec<NodeId>>,
}

/// One level of a [`Schedule`].
#[derive(Debug, Default)]
pub struct Level {
    /// Elementwise nodes by the size of their values, in topological order.
    pub groups: BTreeMap<usize, Vec<NodeId>>,
    /// All other nodes, in topological order.
    pub barriers: Vec<NodeId>,
}

impl Schedule {
    /// Schedules all that `roots` need and that is not `known`; `stored_roots` are those wanted in memory.
    pub fn new(graph: &Graph, uses: &Uses, roots: &[NodeId], stored_roots: &[NodeId], known: &HashSet<NodeId>) -> Self {
        let nodes = needed(graph, uses, roots, known);
        let computed: HashSet<NodeId> = nodes.iter().copied().collect();
        let early = earliest(graph, uses, &nodes, &computed);
        let late = latest(graph, uses, &nodes, &computed, &early, roots);
        let (mut levels, mut sums): (Vec<Level>, HashMap<NodeId, Vec<NodeId>>) = Default::default();
        for &id in &nodes {
            let level = late[&id];
            levels.resize_with(levels.len().max(level + 1), Level::default);
            if is_fused(uses, id) {
                levels[level].groups.entry(graph.shape(id).size()).or_default().push(id);
            } else if let Some(input) = summed(graph, uses, &computed, id) {
                sums.entry(input).or_default().push(id);
            } else {
                levels[level].barriers.push(id);
            }
        }
        let mut schedule = Self { levels, stored: HashSet::new(), level_of: late, sums };
        for &root in stored_roots.iter().filter(|root| computed.contains(root)) {
            schedule.stored.insert(root);
        }
        for &id in nodes.iter().filter(|&&id| summed(graph, uses, &computed, id).is_none()) {
            schedule.store_inputs(graph, uses, &computed, id);
        }
        schedule
    }

    /// Marks what the group (or the barrier) of `reader` reads from memory, for itself and for the cheap nodes that it computes again.
    fn store_inputs(&mut self, graph: &Graph, uses: &Uses, computed: &HashSet<NodeId>, reader: NodeId) {
        let reader_is_fused = is_fused(uses, reader);
        let (mut again, mut open) = (HashSet::new(), vec![reader]);
        while let Some(id) = open.pop() {
            let fused = reader_is_fused && uses.kind(id) != Kind::Broadcast;
            for input in operands(graph, uses, id) {
                if !computed.contains(&input) || !is_fused(uses, input) {
                    continue;
                }
                if fused && self.together(graph, input, reader) {
                    continue;
                }
                if !(fused && is_cheap(uses, input)) {
                    self.stored.insert(input);
                } else if again.insert(input) {
                    open.push(input);
                }
            }
        }
    }

    /// Whether two elementwise nodes are in one group.
    pub fn together(&self, graph: &Graph, a: NodeId, b: NodeId) -> bool {
        self.level_of[&a] == self.level_of[&b] && graph.shape(a).size() == graph.shape(b).size()
    }
}

/// The elementwise value of which `id` is a sum that the group of that value takes: both are always of one level.
fn summed(graph: &Graph, uses: &Uses, computed: &HashSet<NodeId>, id: NodeId) -> Option<NodeId> {
    let node = graph.node(id);
    let input = *uses.inputs(node).first().filter(|_| uses.kind(id) == Kind::Sum)?;
    (computed.contains(&input) && is_fused(uses, input)).then_some(input)
}

/// Whether a node is computed in a fused group: element by element, and not a sum that products write themselves.
pub fn is_fused(uses: &Uses, id: NodeId) -> bool {
    uses.kind(id).cost().is_some() && !uses.is_sum_of_products(id)
}

/// Whether computing a node again costs less than storing it.
pub fn is_cheap(uses: &Uses, id: NodeId) -> bool {
    matches!(uses.kind(id).cost(), Some(Cost::Nothing | Cost::Less))
}

/// The values that a node's step reads: its inputs, or those of all products for a sum of products.
pub fn operands(graph: &Graph, uses: &Uses, id: NodeId) -> Vec<NodeId> {
    if uses.is_sum_of_products(id) {
        let products = uses.products(graph, id);
        return products.into_iter().flat_map(|product| uses.inputs(graph.node(product))).collect();
    }
    uses.inputs(graph.node(id))
}

/// What `roots` need, in topological order, seen through reshapes and sums of products.
fn needed(graph: &Graph, uses: &Uses, roots: &[NodeId], known: &HashSet<NodeId>) -> Vec<NodeId> {
    let mut found = HashSet::new();
    let mut open: Vec<NodeId> = roots.to_vec();
    while let Some(id) = open.pop() {
        if uses.kind(id) != Kind::Input && !known.contains(&id) && found.insert(id) {
            open.extend(operands(graph, uses, id));
        }
    }
    let mut nodes: Vec<NodeId> = found.into_iter().collect();
    nodes.sort_unstable();
    nodes
}

/// The first level at which each node can be computed.
fn earliest(graph: &Graph, uses: &Uses, nodes: &[NodeId], computed: &HashSet<NodeId>) -> HashMap<NodeId, usize> {
    let mut early: HashMap<NodeId, usize> = HashMap::new();
    for &id in nodes {
        let reader_is_fused = is_fused(uses, id);
        let ready = |input: NodeId| {
            if !computed.contains(&input) {
                return 0;
            }
            // A group of another size, or a group after a barrier, must wait for the next level.
            let waits = !is_fused(uses, input) || (reader_is_fused && uses.kind(id) == Kind::Broadcast);
            early[&input] + usize::from(waits)
        };
        let level = operands(graph, uses, id).into_iter().map(ready).max().unwrap_or(0);
        early.insert(id, level);
    }
    early
}

/// The last level at which each elementwise node can be computed; barriers keep their first.
fn latest(
    graph: &Graph,
    uses: &Uses,
    nodes: &[NodeId],
    computed: &HashSet<NodeId>,
    early: &HashMap<NodeId, usize>,
    roots: &[NodeId],
) -> HashMap<NodeId, usize> {
    let mut late: HashMap<NodeId, usize> = HashMap::new();
    for root in roots.iter().filter(|root| computed.contains(root)) {
        late.insert(*root, early[root]);
    }
    for &id in nodes.iter().rev() {
        let level = if is_fused(uses, id) { late.get(&id).copied().unwrap_or(early[&id]) } else { early[&id] };
        late.insert(id, level);
        let before = usize::from(uses.kind(id) == Kind::Broadcast);
        for input in operands(graph, uses, id) {
            if computed.contains(&input) {
                let limit = level - before.min(level);
                late.entry(input).and_modify(|known| *known = limit.min(*known)).or_insert(limit);
            }
        }
    }
    late
}
