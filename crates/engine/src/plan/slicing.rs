use std::collections::HashMap;

use onedge_graph::NodeId;

use super::fuse::{Draft, DraftInstruction, DraftOperand};
use super::step::{Fused, Instruction, Kernel, Operand, Place};
use super::strips::Strip;

/// One slice of the values of a strip.
pub struct Slicing<'a, T> {
    /// Whole values.
    pub places: &'a HashMap<NodeId, Place>,
    /// Slices of the values that no step of others reads: there is one of each at a time.
    pub private: &'a HashMap<NodeId, Place>,
    /// The strip.
    pub strip: &'a Strip<T>,
    /// Which one.
    pub slice: usize,
}

impl<T: Clone> Slicing<'_, T> {
    /// The slice of a value.
    pub fn part(&self, id: NodeId) -> Place {
        self.part_of(id, self.strip.slices)
    }

    /// The part of a value that the slice reads, if it is cut into so many.
    pub fn part_of(&self, id: NodeId, parts: usize) -> Place {
        if let Some(place) = self.private.get(&id) {
            return *place;
        }
        let whole = self.places[&id];
        let len = whole.len / parts;
        Place { start: whole.start + self.slice * parts / self.strip.slices * len, len, ..whole }
    }

    /// Elementwise work.
    pub fn group(&self, draft: &Draft<T>) -> Fused<T> {
        let len = draft.len / self.strip.slices;
        let instructions = draft.instructions.iter().map(|instruction| self.instruction(instruction, len)).collect();
        Fused { len, constants: draft.constants.clone(), instructions }
    }

    fn instruction(&self, instruction: &DraftInstruction<T>, len: usize) -> Instruction<T> {
        let mut kernel = instruction.kernel.clone();
        let part = |operand: DraftOperand| match operand {
            DraftOperand::Tile(tile) => Operand::Tile(tile),
            DraftOperand::Memory(id) => Operand::Memory(self.part(id)),
        };
        let mut operands: Vec<Operand> = instruction.operands.iter().map(|operand| part(*operand)).collect();
        // What is broadcast may lie in any order, unless a slice of it is all there is.
        if let (Kernel::Spread { from, .. }, Some(DraftOperand::Memory(id))) =
            (&mut kernel, instruction.operands.first())
            && !self.strip.inside.contains(id)
        {
            *from = self.slice * len;
            operands[0] = Operand::Memory(self.places[id]);
        }
        Instruction { kernel, operands, out: part(instruction.out) }
    }
}
