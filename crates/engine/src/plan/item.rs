use onedge_graph::{Graph, NodeId};

use super::fuse::Draft;
use super::schedule::operands;
use super::strips::Strip;
use super::uses::Uses;
use crate::kernels::Element;

/// A step before values have places.
pub enum Item<T> {
    /// Elementwise work, in tiles.
    Group(Draft<T>),
    /// Any other node.
    Barrier(NodeId),
    /// The sum of a value, added to a total.
    Total(NodeId, usize),
    /// A value, added to the vector that is summed over chunks, from an element on.
    Accumulate(NodeId, usize),
    /// Several, slice by slice.
    Strip(Strip<T>),
}

impl<T> Item<T> {
    /// The instructions of elementwise work.
    pub fn draft(&self) -> Option<&Draft<T>> {
        match self {
            Self::Group(draft) => Some(draft),
            _ => None,
        }
    }
}

impl<T: Element> Item<T> {
    /// The values that it reads from memory that others write.
    pub fn reads(&self, graph: &Graph, uses: &Uses) -> Vec<NodeId> {
        match self {
            Self::Group(draft) => draft.reads().collect(),
            Self::Barrier(id) => operands(graph, uses, *id),
            Self::Total(id, _) | Self::Accumulate(id, _) => vec![*id],
            Self::Strip(strip) => {
                let reads = strip.items.iter().flat_map(|item| item.reads(graph, uses));
                reads.filter(|id| !strip.private.contains(id)).collect()
            }
        }
    }

    /// The values that it writes to memory that others read.
    pub fn writes(&self) -> Vec<NodeId> {
        match self {
            Self::Group(draft) => draft.writes().collect(),
            Self::Barrier(id) => vec![*id],
            Self::Total(..) | Self::Accumulate(..) => Vec::new(),
            Self::Strip(strip) => {
                strip.items.iter().flat_map(Self::writes).filter(|id| !strip.private.contains(id)).collect()
            }
        }
    }
}
