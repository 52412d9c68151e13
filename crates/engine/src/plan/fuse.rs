use std::collections::{HashMap, HashSet};

use onedge_graph::{Graph, NodeId};

use super::schedule::{Schedule, is_cheap, is_fused};
use super::step::{Instruction, Kernel, Operand, Place, Write};
use super::uses::Uses;
use crate::kernels::{Element, Elementwise, Kind, Pair, Spread, Sum, entry};

/// A fused step before values have places.
pub struct Draft<T> {
    /// The number of elements of each value.
    pub len: usize,
    /// Tiles that hold one number each.
    pub constants: Vec<(usize, T)>,
    /// What happens to each tile.
    pub instructions: Vec<DraftInstruction<T>>,
    /// Tiles held at once.
    pub registers: usize,
}

/// An instruction before values have places.
pub struct DraftInstruction<T> {
    /// The operation.
    pub kernel: Kernel<T>,
    /// What it reads.
    pub operands: Vec<DraftOperand>,
    /// What it writes.
    pub out: DraftOperand,
}

/// An operand before values have places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DraftOperand {
    /// The tile of this number.
    Tile(usize),
    /// A value in memory.
    Memory(NodeId),
}

impl<T: Element> Draft<T> {
    /// The instructions for the group `nodes`, of which the stored ones, those in `totals` and the inputs of sums are
    /// wanted.
    pub fn new(
        graph: &Graph,
        uses: &Uses,
        schedule: &Schedule,
        nodes: &[NodeId],
        totals: &HashMap<NodeId, Vec<usize>>,
    ) -> Self {
        let level = schedule.level_of[&nodes[0]];
        let len = graph.shape(nodes[0]).size();
        let mut emitter = Emitter { graph, uses, schedule, level, len, done: HashMap::new(), draft: Vec::new() };
        for &node in nodes {
            let slots = totals.get(&node).map_or(&[][..], Vec::as_slice);
            let sums = schedule.sums.get(&node).map_or(&[][..], Vec::as_slice);
            if schedule.stored.contains(&node) || !slots.is_empty() || !sums.is_empty() {
                emitter.emit(node);
            }
            for &id in sums {
                let sum = graph.node(id);
                let spec = Sum::new(graph.shape(sum.inputs[0]), sum.attributes.axes());
                let (kernel, operands) = (Kernel::Sum { spec, write: Write::Replace }, vec![emitter.done[&node]]);
                emitter.draft.push(DraftInstruction { kernel, operands, out: DraftOperand::Memory(id) });
            }
            for &slot in slots {
                let operands = vec![emitter.done[&node]];
                let out = operands[0];
                emitter.draft.push(DraftInstruction { kernel: Kernel::Total(slot), operands, out });
            }
        }
        let instructions = fuse_pairs(emitter.draft);
        allocate_tiles(len, instructions)
    }

    /// The values that it reads from memory.
    pub fn reads(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.instructions.iter().flat_map(|instruction| &instruction.operands).filter_map(|operand| match operand {
            DraftOperand::Memory(id) => Some(*id),
            DraftOperand::Tile(_) => None,
        })
    }

    /// The values that it writes to memory.
    pub fn writes(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.instructions.iter().filter_map(|instruction| match (&instruction.kernel, instruction.out) {
            (Kernel::Total(_), _) | (_, DraftOperand::Tile(_)) => None,
            (_, DraftOperand::Memory(id)) => Some(id),
        })
    }
}

struct Emitter<'a, T> {
    graph: &'a Graph,
    uses: &'a Uses,
    schedule: &'a Schedule,
    level: usize,
    len: usize,
    /// Where each node is once it is emitted; tiles are numbered by their node for now.
    done: HashMap<NodeId, DraftOperand>,
    draft: Vec<DraftInstruction<T>>,
}

impl<T: Element> Emitter<'_, T> {
    /// Emits `id` and what it needs of this group: operands first, without recursion, as groups may be long.
    fn emit(&mut self, id: NodeId) {
        if self.done.contains_key(&id) {
            return;
        }
        let mut open: Vec<(NodeId, Vec<DraftOperand>)> = vec![(id, Vec::new())];
        while let Some((id, operands)) = open.last_mut() {
            let inputs = self.uses.inputs(self.graph.node(*id));
            let (id, missing) = (*id, inputs.get(operands.len()).copied());
            match missing.map(|input| (input, self.operand(id, input))) {
                Some((_, Some(operand))) => operands.push(operand),
                Some((input, None)) => open.push((input, Vec::new())),
                None => {
                    let operands = std::mem::take(operands);
                    open.pop();
                    self.push(id, operands);
                }
            }
        }
    }

    /// The instruction of one node.
    fn push(&mut self, id: NodeId, operands: Vec<DraftOperand>) {
        let node = self.graph.node(id);
        let kernel = match self.uses.kind(id) {
            // A constant is a tile filled beforehand; as an instruction it only marks the tile, or copies it.
            Kind::Constant => Kernel::Elementwise(Elementwise::Scale(T::from_f64(node.attributes.scalar()))),
            Kind::Broadcast => {
                Kernel::Spread { spec: Spread::new(&node.shape, node.attributes.axes()), every: 1, from: 0 }
            }
            kind => {
                let kernel = entry(node.op.name).and_then(|entry| entry.elementwise(&node.attributes));
                Kernel::Elementwise(kernel.unwrap_or_else(|| unreachable!("{} is {kind:?}", node.op.name)))
            }
        };
        let here = self.schedule.stored.contains(&id) && self.schedule.level_of[&id] == self.level;
        let out = if here { DraftOperand::Memory(id) } else { DraftOperand::Tile(id.index()) };
        self.draft.push(DraftInstruction { kernel, operands, out });
        self.done.insert(id, out);
    }

    /// Where an input of `reader` is: in a tile if the group computes it, else in memory. `None` if the group computes it and has not yet.
    fn operand(&self, reader: NodeId, input: NodeId) -> Option<DraftOperand> {
        let computed = is_fused(self.uses, input) && self.schedule.level_of.contains_key(&input);
        if !computed || self.graph.shape(input).size() != self.len || self.uses.kind(reader) == Kind::Broadcast {
            return Some(DraftOperand::Memory(input));
        }
        let elsewhere = self.schedule.level_of[&input] != self.level;
        if elsewhere && (self.schedule.stored.contains(&input) || !is_cheap(self.uses, input)) {
            return Some(DraftOperand::Memory(input));
        }
        self.done.get(&input).copied()
    }
}

/// Joins each sum, difference or product that only one other reads with that one: a tile less to write and read.
fn fuse_pairs<T>(draft: Vec<DraftInstruction<T>>) -> Vec<DraftInstruction<T>> {
    let mut readers: HashMap<usize, Vec<usize>> = HashMap::new();
    for (at, instruction) in draft.iter().enumerate() {
        for operand in &instruction.operands {
            if let DraftOperand::Tile(tile) = operand {
                readers.entry(*tile).or_default().push(at);
            }
        }
    }
    // By the place of a pair's second: the pair and what it reads. No instruction is in two pairs.
    let mut pairs: HashMap<usize, (Pair, Vec<DraftOperand>)> = HashMap::new();
    let mut firsts: HashSet<usize> = HashSet::new();
    for (at, instruction) in draft.iter().enumerate() {
        let Kernel::Elementwise(Elementwise::Binary(first)) = &instruction.kernel else { continue };
        let DraftOperand::Tile(tile) = instruction.out else { continue };
        let Some(&[reader]) = readers.get(&tile).map(Vec::as_slice) else { continue };
        let Kernel::Elementwise(Elementwise::Binary(second)) = &draft[reader].kernel else { continue };
        let left = draft[reader].operands[0] == instruction.out;
        if let Some(pair) = Pair::of(*first, *second, left)
            && !pairs.contains_key(&at)
            && !pairs.contains_key(&reader)
        {
            let third = draft[reader].operands[usize::from(left)];
            pairs.insert(reader, (pair, [&instruction.operands[..], &[third]].concat()));
            firsts.insert(at);
        }
    }
    let kept = draft.into_iter().enumerate().filter(|(at, _)| !firsts.contains(at));
    let joined = kept.map(|(at, instruction)| match pairs.remove(&at) {
        Some((pair, operands)) => DraftInstruction { kernel: Kernel::Pair(pair), operands, out: instruction.out },
        None => instruction,
    });
    joined.collect()
}

/// Gives tiles numbers: a tile is free again after its last reader. Constants keep theirs, and so do broadcasts that
/// are alike in many tiles.
fn allocate_tiles<T: Element>(len: usize, draft: Vec<DraftInstruction<T>>) -> Draft<T> {
    let mut last_read: HashMap<usize, usize> = HashMap::new();
    for (at, instruction) in draft.iter().enumerate() {
        for operand in instruction.operands.iter().chain([&instruction.out]) {
            if let DraftOperand::Tile(tile) = operand {
                last_read.insert(*tile, at);
            }
        }
    }
    let (mut numbers, mut free, mut registers) = (HashMap::new(), Vec::new(), 0);
    let (mut constants, mut instructions) = (Vec::new(), Vec::new());
    let mut lasting: HashSet<usize> = HashSet::new();
    for (at, mut instruction) in draft.into_iter().enumerate() {
        let filled = instruction.operands.is_empty();
        let mut own = filled;
        if let (true, DraftOperand::Tile(tile)) = (filled, instruction.out) {
            lasting.insert(tile);
        }
        if let (Kernel::Spread { spec, every, .. }, DraftOperand::Tile(tile)) =
            (&mut instruction.kernel, instruction.out)
            && let Some(steady) = spec.steady()
        {
            *every = steady;
            own = true;
            lasting.insert(tile);
        }
        if let DraftOperand::Tile(tile) = instruction.out
            && !matches!(instruction.kernel, Kernel::Total(_))
        {
            let number = if own { None } else { free.pop() };
            let number = number.unwrap_or_else(|| {
                registers += 1;
                registers - 1
            });
            numbers.insert(tile, number);
        }
        let read: Vec<DraftOperand> = instruction.operands.clone();
        for operand in instruction.operands.iter_mut().chain([&mut instruction.out]) {
            if let DraftOperand::Tile(tile) = operand {
                *tile = numbers[tile];
            }
        }
        match (filled, &instruction.kernel, instruction.out) {
            (true, Kernel::Elementwise(Elementwise::Scale(value)), DraftOperand::Tile(tile)) => {
                constants.push((tile, *value));
            }
            (true, Kernel::Elementwise(Elementwise::Scale(value)), DraftOperand::Memory(_)) => {
                let tile = registers;
                registers += 1;
                constants.push((tile, *value));
                let operands = vec![DraftOperand::Tile(tile)];
                instructions.push(DraftInstruction { kernel: Kernel::Copy, operands, out: instruction.out });
            }
            _ => instructions.push(instruction),
        }
        for operand in read {
            if let DraftOperand::Tile(tile) = operand
                && last_read[&tile] == at
                && !lasting.contains(&tile)
                && let Some(number) = numbers.remove(&tile)
            {
                free.push(number);
            }
        }
    }
    Draft { len, constants, instructions, registers }
}

impl<T> DraftInstruction<T> {
    /// The instruction with every value at its place; `collected` are sums that it adds to the lane's.
    pub fn place(mut self, place: impl Fn(NodeId) -> Place, collected: impl Fn(NodeId) -> bool) -> Instruction<T> {
        if let (Kernel::Sum { write, .. }, DraftOperand::Memory(id)) = (&mut self.kernel, self.out)
            && collected(id)
        {
            *write = Write::Collect;
        }
        let placed = |operand: DraftOperand| match operand {
            DraftOperand::Tile(tile) => Operand::Tile(tile),
            DraftOperand::Memory(id) => Operand::Memory(place(id)),
        };
        let operands = self.operands.into_iter().map(placed).collect();
        Instruction { kernel: self.kernel, operands, out: placed(self.out) }
    }
}
