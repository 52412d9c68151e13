use std::collections::{HashMap, HashSet};

use onedge_graph::ops::matmul::MATMUL;
use onedge_graph::{Graph, NodeId, Shape};

use super::arena::Arena;
use super::fuse::Draft;
use super::item::Item;
use super::schedule::Schedule;
use super::share::share;
use super::slicing::Slicing;
use super::step::{Area, Fused, Place, Plan, Step, Write};
use super::strips::{Strip, Strips};
use super::uses::Uses;
use crate::kernels::{Element, Kind, Maker, Sum, entry};

/// What a stage is to compute from what.
#[derive(Debug, Clone, Default)]
pub struct Stage {
    /// Values that are there: parameters, directions, fields, what an earlier stage kept.
    pub known: HashMap<NodeId, Place>,
    /// Values whose elements are summed over all chunks, each with the place of its total.
    pub totals: Vec<(NodeId, usize)>,
    /// Values that are summed over chunks into a vector, each with its first element there.
    pub outputs: Vec<(NodeId, usize)>,
    /// Values to keep, each with its place.
    pub keep: HashMap<NodeId, Place>,
    /// Whether steps with long values may be done slice by slice.
    pub in_strips: bool,
}

/// A matrix of `[rows, columns]` that lies transposed, `[columns, rows]`, in a lane's sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transposed {
    /// Its first element.
    pub start: usize,
    /// Its rows.
    pub rows: usize,
    /// Its columns.
    pub columns: usize,
}

impl Stage {
    /// The values that it is to compute.
    pub fn roots(&self, uses: &Uses) -> Vec<NodeId> {
        let wanted = self.totals.iter().chain(&self.outputs).map(|(id, _)| uses.value(*id));
        let mut roots: Vec<NodeId> = wanted.chain(self.keep.keys().copied()).collect();
        roots.sort_unstable();
        roots.dedup();
        roots
    }

    /// The schedule for what it is to compute.
    pub fn schedule(&self, graph: &Graph, uses: &Uses) -> Schedule {
        let known: HashSet<NodeId> = self.known.keys().copied().collect();
        let outputs = self.outputs.iter().map(|(id, _)| uses.value(*id));
        let stored: Vec<NodeId> = outputs.chain(self.keep.keys().copied()).collect();
        Schedule::new(graph, uses, &self.roots(uses), &stored, &known)
    }

    /// Outputs that their step adds to the sum itself, without a value of their own.
    pub fn direct(&self, uses: &Uses) -> HashMap<NodeId, usize> {
        let alone = |id: NodeId| uses.is_private(id);
        let collects = |id: NodeId| {
            let sum = uses.kind(id) == Kind::Sum && alone(id);
            sum || uses.is_private_product(id) || (alone(id) && uses.is_sum_of_products(id))
        };
        let outputs = self.outputs.iter().map(|&(id, start)| (uses.value(id), start));
        outputs.filter(|&(id, _)| collects(id) && !self.known.contains_key(&id)).collect()
    }

    /// The outputs that are collected transposed, by their first element.
    pub fn transposed(&self, graph: &Graph, uses: &Uses) -> Vec<Transposed> {
        let products = |id: NodeId| uses.kind(id) == Kind::Product || uses.is_sum_of_products(id);
        let tall = self.direct(uses).into_iter().filter(|&(id, _)| products(id) && is_tall(graph, uses, id));
        let place = |(id, start): (NodeId, usize)| {
            let [rows, columns] = as_matrix(graph.shape(id));
            Transposed { start, rows, columns }
        };
        let mut transposed: Vec<Transposed> = tall.map(place).collect();
        transposed.sort_unstable_by_key(|t| t.start);
        transposed
    }
}

/// A matrix or kernel as a matrix: the last axis is that of columns.
fn as_matrix(shape: &Shape) -> [usize; 2] {
    let columns = shape.last().copied().unwrap_or(1);
    [shape.size() / columns.max(1), columns]
}

/// Whether the sum `id` of products, a weight's gradient, is collected transposed: it has more rows than columns. A product that is reshaped before it
/// is added is another matrix, of which the transposed has its elements in another order.
fn is_tall(graph: &Graph, uses: &Uses, id: NodeId) -> bool {
    let [rows, columns] = as_matrix(graph.shape(id));
    let turns = |product: NodeId| {
        let node = graph.node(product);
        node.op == &MATMUL && node.shape[..] == [rows, columns]
    };
    rows > columns && uses.products(graph, id).into_iter().all(turns)
}

/// The steps of `stage`.
pub fn build<T: Element>(graph: &Graph, uses: &Uses, stage: &Stage) -> Plan<T> {
    let schedule = stage.schedule(graph, uses);
    let mut totals: HashMap<NodeId, Vec<usize>> = HashMap::new();
    for &(id, slot) in &stage.totals {
        totals.entry(uses.value(id)).or_default().push(slot);
    }
    let total = |id: NodeId| totals.get(&id).into_iter().flatten().map(move |&slot| Item::Total(id, slot));
    let direct = stage.direct(uses);
    let mut items: Vec<Item<T>> = Vec::new();
    for level in &schedule.levels {
        for nodes in level.groups.values() {
            let draft = Draft::new(graph, uses, &schedule, nodes, &totals);
            if !draft.instructions.is_empty() {
                items.push(Item::Group(draft));
            }
            let sums = nodes.iter().filter_map(|node| schedule.sums.get(node)).flatten();
            items.extend(sums.flat_map(|&id| total(id)));
        }
        for &id in &level.barriers {
            items.push(Item::Barrier(id));
            items.extend(total(id));
        }
    }
    for &(id, slot) in &stage.totals {
        if stage.known.contains_key(&uses.value(id)) {
            items.push(Item::Total(uses.value(id), slot));
        }
    }
    let indirect = stage.outputs.iter().filter(|(id, _)| !direct.contains_key(&uses.value(*id)));
    items.extend(indirect.map(|&(id, start)| Item::Accumulate(uses.value(id), start)));
    let strips = Strips::new(graph, uses, stage, &direct);
    let items = if stage.in_strips { strips.join(items) } else { items };
    Placer { graph, uses, stage, direct: &direct, strips, arena: Arena::default(), places: stage.known.clone() }
        .run(items)
}

impl<T: Element> Step<T> {
    /// Elements that its kernel needs for itself.
    fn scratch_len(&self) -> usize {
        match self {
            Self::Product { kernel, .. } => kernel.scratch_len(),
            Self::Whole { kernel, .. } => kernel.scratch_len(),
            _ => 0,
        }
    }
}

/// Gives every value a place, from the step that writes it to the last that reads it.
struct Placer<'a> {
    graph: &'a Graph,
    uses: &'a Uses,
    stage: &'a Stage,
    direct: &'a HashMap<NodeId, usize>,
    strips: Strips<'a>,
    arena: Arena,
    places: HashMap<NodeId, Place>,
}

impl Placer<'_> {
    fn run<T: Element>(mut self, items: Vec<Item<T>>) -> Plan<T> {
        let mut last_read: HashMap<NodeId, usize> = HashMap::new();
        for (at, item) in items.iter().enumerate() {
            for id in item.writes().into_iter().chain(item.reads(self.graph, self.uses)) {
                last_read.insert(id, at);
            }
        }
        let (mut steps, mut registers) = (Vec::new(), 0);
        for (at, item) in items.into_iter().enumerate() {
            let (reads, writes) = (item.reads(self.graph, self.uses), item.writes());
            for &id in &writes {
                let place = self.allocate(id);
                self.places.insert(id, place);
            }
            match item {
                Item::Group(draft) => {
                    registers = registers.max(draft.registers);
                    let place = |id: NodeId| self.places[&id];
                    let collected = |id: NodeId| self.direct.contains_key(&id);
                    let instructions = draft.instructions.into_iter().map(|i| i.place(place, collected)).collect();
                    steps.push(Step::Fused(Fused { len: draft.len, constants: draft.constants, instructions }));
                }
                Item::Strip(strip) => {
                    let drafts = strip.items.iter().filter_map(Item::draft);
                    registers = drafts.map(|draft| draft.registers).fold(registers, usize::max);
                    self.strip(&strip, &mut steps);
                }
                Item::Barrier(id) => self.barrier(id, &mut steps),
                Item::Total(id, slot) => steps.push(Step::Total { x: self.places[&id], slot }),
                Item::Accumulate(id, start) => {
                    let x = self.places[&id];
                    steps.push(Step::Accumulate { x, out: Place { area: Area::Output, start, len: x.len } });
                }
            }
            let mut finished: Vec<NodeId> = reads.into_iter().chain(writes).filter(|id| last_read[id] == at).collect();
            finished.sort_unstable();
            finished.dedup();
            for id in finished {
                let place = self.places[&id];
                if place.area == Area::Arena {
                    self.arena.free(place.start, place.len);
                }
            }
        }
        let arena_len = share(&mut steps, self.arena.len());
        let scratch_len = steps.iter().map(Step::scratch_len).max().unwrap_or(0);
        let totals = self.stage.totals.iter().map(|(_, slot)| slot + 1).max().unwrap_or(0);
        Plan { steps, arena_len, registers, scratch_len, totals }
    }

    fn allocate(&mut self, id: NodeId) -> Place {
        let len = self.graph.shape(id).size();
        if let Some(&start) = self.direct.get(&id) {
            return Place { area: Area::Output, start, len };
        }
        match self.stage.keep.get(&id) {
            Some(&place) => place,
            None => Place { area: Area::Arena, start: self.arena.allocate(len), len },
        }
    }

    /// Emits the steps of a strip, for one slice after the other.
    fn strip<T: Element>(&mut self, strip: &Strip<T>, steps: &mut Vec<Step<T>>) {
        // Slices of what is private have the same place, one after the other.
        let mut last_read: HashMap<NodeId, usize> = HashMap::new();
        for (at, item) in strip.items.iter().enumerate() {
            item.reads(self.graph, self.uses).into_iter().chain(item.writes()).for_each(|id| {
                last_read.insert(id, at);
            });
        }
        let mut private: HashMap<NodeId, Place> = HashMap::new();
        for (at, item) in strip.items.iter().enumerate() {
            for id in item.writes().into_iter().filter(|id| strip.private.contains(id)) {
                let len = self.graph.shape(id).size() / strip.slices;
                private.insert(id, Place { area: Area::Arena, start: self.arena.allocate(len), len });
            }
            for place in private.iter().filter(|(id, _)| last_read[id] == at).map(|(_, place)| place) {
                self.arena.free(place.start, place.len);
            }
        }
        for slice in 0..strip.slices {
            let slice = Slicing { places: &self.places, private: &private, strip, slice };
            for item in &strip.items {
                match item {
                    Item::Group(draft) => steps.push(Step::Fused(slice.group(draft))),
                    Item::Barrier(id) => self.barrier_slice(*id, &slice, steps),
                    Item::Total(..) | Item::Accumulate(..) | Item::Strip(_) => unreachable!("no strip has such items"),
                }
            }
        }
    }

    /// Emits the steps of a node of a strip that is not fused, for one slice.
    fn barrier_slice<T: Element>(&self, id: NodeId, slice: &Slicing<'_, T>, steps: &mut Vec<Step<T>>) {
        let inputs = |id: NodeId| self.uses.inputs(self.graph.node(id));
        let out = slice.part(id);
        if let Some(kernel) = self.strips.whole(id) {
            let operands = inputs(id).into_iter().map(|id| slice.part(id)).collect();
            steps.push(Step::Whole { op: self.graph.node(id).op.name, kernel, operands, out });
            return;
        }
        for (i, product) in self.uses.products(self.graph, id).into_iter().enumerate() {
            let of = self.strips.slice(product, slice.strip.slices).expect("asked when the strip was made");
            let (left, right) = (inputs(product)[0], inputs(product)[1]);
            let write = if i == 0 { Write::Replace } else { Write::Add };
            let operands = [slice.part(left), slice.part_of(right, of.right)];
            steps.push(Step::Product { kernel: of.kernel, operands, out, write });
        }
    }

    /// Emits the step (or, for a sum of products, the steps) of a node that is not fused.
    fn barrier<T: Element>(&self, id: NodeId, steps: &mut Vec<Step<T>>) {
        let out = self.places[&id];
        let first = if self.direct.contains_key(&id) { Write::Collect } else { Write::Replace };
        if self.uses.kind(id) == Kind::Product || self.uses.is_sum_of_products(id) {
            let tall = self.direct.contains_key(&id) && is_tall(self.graph, self.uses, id);
            for (i, product) in self.uses.products(self.graph, id).into_iter().enumerate() {
                let write = if i == 0 { first } else { Write::Add };
                steps.push(self.step(product, out, write, tall));
            }
        } else {
            steps.push(self.step(id, out, first, false));
        }
    }

    /// The step of one node that is not fused; `tall` if it is a product whose result is collected transposed.
    fn step<T: Element>(&self, id: NodeId, out: Place, write: Write, tall: bool) -> Step<T> {
        let node = self.graph.node(id);
        let places: Vec<Place> = self.uses.inputs(node).iter().map(|input| self.places[input]).collect();
        let shapes: Vec<&Shape> = node.inputs.iter().map(|&input| self.graph.shape(input)).collect();
        match (&places[..], &shapes[..], entry(node.op.name).map(|entry| &entry.maker)) {
            (&[a, b], &[left, right], Some(Maker::Product(make))) => {
                Step::Product { kernel: make(node, [left, right], tall), operands: [a, b], out, write }
            }
            (_, shapes, Some(Maker::Whole(make))) => {
                Step::Whole { op: node.op.name, kernel: make(node, shapes), operands: places, out }
            }
            (&[x], &[shape], _) if self.uses.kind(id) == Kind::Sum => {
                Step::Sum { spec: Sum::new(shape, node.attributes.axes()), x, out, write }
            }
            _ => unreachable!("{} is elementwise", node.op.name),
        }
    }
}
