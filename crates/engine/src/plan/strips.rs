//! Long values in slices. The scores of attention are as long as the square of a sequence: where each of their values is longer than the caches, a pass
//! waits for memory, step by step. A strip is a run of steps, each of which makes a slice of its result from the same slices of the others' results:
//! all of them are done for one slice, then for the next one. What nobody else reads has memory for a slice alone.
//!
//! The bits are those of whole steps: products and sums of a slice are those of its elements, slices begin where tiles do, and one step alone adds to
//! each total.

use std::collections::{HashMap, HashSet, VecDeque};

use onedge_graph::{Graph, NodeId, Shape};

use super::build::Stage;
use super::fuse::{Draft, DraftInstruction, DraftOperand};
use super::item::Item;
use super::step::Kernel;
use super::uses::Uses;
use crate::kernels::{Element, Kind, Maker, Product, Slice, TILE, Whole, entry};

/// Items that are done slice by slice.
pub struct Strip<T> {
    /// In their order.
    pub items: Vec<Item<T>>,
    /// Into how many equal parts each value that they write is cut.
    pub slices: usize,
    /// The values that they write.
    pub inside: HashSet<NodeId>,
    /// Those of them that nobody else reads.
    pub private: HashSet<NodeId>,
}

/// Values of so many bytes are cut.
const LONG: usize = 1 << 20;
/// Bytes of a slice, about: some of them fit the second cache of a core.
const SLICE: usize = 512 << 10;
/// So many items after the last one of a strip are looked at for another one.
const PATIENCE: usize = 8;

/// Where strips are looked for.
pub struct Strips<'a> {
    graph: &'a Graph,
    uses: &'a Uses,
    stage: &'a Stage,
    /// Outputs that their step adds to the lane's sum itself.
    direct: &'a HashMap<NodeId, usize>,
}

/// What becomes of an item near a strip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Before,
    Inside,
    After,
}

impl<'a> Strips<'a> {
    /// Of the items of `stage`.
    pub fn new(graph: &'a Graph, uses: &'a Uses, stage: &'a Stage, direct: &'a HashMap<NodeId, usize>) -> Self {
        Self { graph, uses, stage, direct }
    }

    /// The items with those joined that a strip can have. A strip begins with a batch of long products.
    pub fn join<T: Element>(&self, items: Vec<Item<T>>) -> Vec<Item<T>> {
        let mut readers: HashMap<NodeId, usize> = HashMap::new();
        for item in &items {
            self.reads(item).into_iter().for_each(|id| *readers.entry(id).or_default() += 1);
        }
        let (mut queue, mut joined) = (VecDeque::from(items), Vec::new());
        while let Some(first) = queue.pop_front() {
            let Some(slices) = self.slices(&first) else {
                joined.push(first);
                continue;
            };
            let (inside, fates) = self.fates(&first, slices, &queue);
            let (mut strip, mut after) = (vec![first], Vec::new());
            for (item, fate) in queue.drain(..fates.len()).zip(fates) {
                match fate {
                    Fate::Before => joined.push(item),
                    Fate::Inside => strip.push(item),
                    Fate::After => after.push(item),
                }
            }
            after.into_iter().rev().for_each(|item| queue.push_front(item));
            if strip.len() == 1 {
                joined.append(&mut strip);
                continue;
            }
            let mut own: HashMap<NodeId, usize> = HashMap::new();
            for item in &strip {
                self.reads(item).into_iter().for_each(|id| *own.entry(id).or_default() += 1);
            }
            let is_private = |id: &NodeId| own.get(id) == readers.get(id) && !self.stage.keep.contains_key(id);
            let private = inside.iter().copied().filter(is_private).collect();
            joined.push(Item::Strip(Strip { items: strip, slices, inside, private }));
        }
        joined
    }

    /// The values that an item reads, each once.
    fn reads<T: Element>(&self, item: &Item<T>) -> HashSet<NodeId> {
        item.reads(self.graph, self.uses).into_iter().collect()
    }

    /// Into how many slices a strip that begins with `item` cuts its values, if it can begin with it.
    fn slices<T: Element>(&self, item: &Item<T>) -> Option<usize> {
        let Item::Barrier(id) = *item else { return None };
        let is_product = self.uses.kind(id) == Kind::Product || self.uses.is_sum_of_products(id);
        let shape = self.graph.shape(id);
        let bytes = shape.size() * size_of::<T>();
        if !is_product || shape.rank() < 3 || bytes < LONG {
            return None;
        }
        let batch: usize = shape[..shape.rank() - 2].iter().product();
        let rows = shape[shape.rank() - 2];
        let divisors = |n: usize| (1..=n).filter(move |d| n.is_multiple_of(*d));
        let by_batch = divisors(batch);
        let by_rows = divisors(rows).skip(1).map(|parts| batch * parts);
        let possible = by_batch.chain(by_rows).filter(|&slices| self.joins(item, slices, &HashSet::new()));
        // The first that is short enough, or the shortest.
        let mut best = None;
        for slices in possible {
            best = Some(slices);
            if bytes / slices <= SLICE {
                break;
            }
        }
        best.filter(|slices| *slices > 1)
    }

    /// What `first` and those that join it write, and what becomes of the items that follow, up to the last one that joins.
    fn fates<T: Element>(
        &self,
        first: &Item<T>,
        slices: usize,
        queue: &VecDeque<Item<T>>,
    ) -> (HashSet<NodeId>, Vec<Fate>) {
        let mut inside: HashSet<NodeId> = first.writes().into_iter().collect();
        let (mut late, mut fates, mut end) = (HashSet::new(), Vec::new(), 0);
        for (at, item) in queue.iter().enumerate() {
            if at >= end + PATIENCE {
                break;
            }
            let reads = self.reads(item);
            let fate = if !reads.is_disjoint(&late) {
                Fate::After
            } else if self.joins(item, slices, &inside) {
                Fate::Inside
            } else if reads.is_disjoint(&inside) {
                Fate::Before
            } else {
                Fate::After
            };
            match fate {
                Fate::Before => {}
                Fate::Inside => {
                    inside.extend(item.writes());
                    end = at + 1;
                }
                Fate::After => late.extend(item.writes()),
            }
            fates.push(fate);
        }
        fates.truncate(end);
        (inside, fates)
    }

    /// Whether slices of what an item writes follow from the same slices of the values `inside`, and whatever it reads of others.
    fn joins<T: Element>(&self, item: &Item<T>, slices: usize, inside: &HashSet<NodeId>) -> bool {
        let is_cut = |id: NodeId| {
            let len = self.graph.shape(id).size();
            len.is_multiple_of(slices) && !self.direct.contains_key(&id)
        };
        // Slices of the results begin where tiles do.
        let in_tiles = |len: usize| len.is_multiple_of(slices) && (len / slices).is_multiple_of(TILE);
        if !item.writes().into_iter().all(is_cut) {
            return false;
        }
        match item {
            Item::Group(draft) => {
                let reads = |draft: &Draft<T>| draft.reads().any(|id| inside.contains(&id));
                in_tiles(draft.len)
                    && reads(draft)
                    && draft.instructions.iter().all(|i| within(i, draft.len / slices, inside))
            }
            Item::Barrier(id) if self.uses.kind(*id) == Kind::Product || self.uses.is_sum_of_products(*id) => {
                let products = self.uses.products(self.graph, *id);
                let joins = |product: NodeId| match self.slice::<T>(product, slices) {
                    Some(slice) => {
                        let right = self.uses.inputs(self.graph.node(product))[1];
                        slice.right == slices || !inside.contains(&right)
                    }
                    None => false,
                };
                in_tiles(self.graph.shape(*id).size()) && products.into_iter().all(joins)
            }
            Item::Barrier(id) => {
                let len = self.graph.shape(*id).size();
                let reads = self.uses.inputs(self.graph.node(*id));
                let works = self.whole::<T>(*id).is_some_and(|whole| whole.works_within(len / slices));
                works && in_tiles(len) && reads.iter().any(|id| inside.contains(id))
            }
            _ => false,
        }
    }

    /// A slice of a product.
    pub fn slice<T: Element>(&self, product: NodeId, slices: usize) -> Option<Slice<T>> {
        let node = self.graph.node(product);
        let shapes: Vec<&Shape> = node.inputs.iter().map(|&input| self.graph.shape(input)).collect();
        match (&shapes[..], entry::<T>(node.op.name).map(|entry| &entry.maker)) {
            (&[left, right], Some(Maker::Product(make))) => Product::slice(&*make(node, [left, right], false), slices),
            _ => None,
        }
    }

    /// The kernel of a reduction or movement.
    pub fn whole<T: Element>(&self, id: NodeId) -> Option<Whole<T>> {
        let node = self.graph.node(id);
        let shapes: Vec<&Shape> = node.inputs.iter().map(|&input| self.graph.shape(input)).collect();
        match entry::<T>(node.op.name).map(|entry| &entry.maker) {
            Some(Maker::Whole(make)) => Some(make(node, &shapes)),
            _ => None,
        }
    }
}

/// Whether an instruction makes `len` elements of its result from the same slices of the values `inside`.
fn within<T>(instruction: &DraftInstruction<T>, len: usize, inside: &HashSet<NodeId>) -> bool {
    let each = |times: Option<usize>| times.is_some_and(|times| len.is_multiple_of(times));
    match (&instruction.kernel, instruction.operands.first()) {
        (Kernel::Sum { spec, .. }, _) => each(spec.neighbours()),
        (Kernel::Spread { spec, .. }, Some(DraftOperand::Memory(id))) if inside.contains(id) => each(spec.times_each()),
        _ => true,
    }
}
