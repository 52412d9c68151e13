use std::collections::HashMap;
use std::sync::atomic::AtomicBool;

use onedge_graph::{Graph, NodeId};

use crate::Error;
use crate::areas::Areas;
use crate::kernels::Element;
use crate::lanes::Scratch;
use crate::plan::{Area, Place, Plan, Stage, Uses};

/// Evaluates one value of a graph on one thread: the outputs of a model, for predictions.
pub struct Forward<T> {
    plan: Plan<T>,
    parameters: usize,
    fields: Vec<usize>,
    outputs: Vec<T>,
    scratch: Scratch<T>,
}

impl<T: Element> Forward<T> {
    /// Plans `outputs`, which depends on `parameters`, laid one after the other in a flat vector, and on `fields`.
    ///
    /// # Errors
    /// [`Error::NoKernel`] if it takes an op that has none; [`Error::Graph`] if a node is of another graph.
    pub fn new(graph: &Graph, parameters: &[NodeId], fields: &[NodeId], outputs: NodeId) -> Result<Self, Error> {
        graph.require("forward", parameters.iter().chain(fields).chain([&outputs]).copied())?;
        let size = |id: NodeId| graph.shape(id).size();
        let uses = Uses::new(graph, &[outputs])?;
        let mut known = HashMap::new();
        let mut next = 0;
        for &id in parameters {
            known.insert(id, Place { area: Area::Parameters, start: next, len: size(id) });
            next += size(id);
        }
        for (field, &id) in fields.iter().enumerate() {
            known.insert(id, Place { area: Area::Field(field), start: 0, len: size(id) });
        }
        let keep = HashMap::from([(uses.value(outputs), Place { area: Area::Kept, start: 0, len: size(outputs) })]);
        let plan = T::plan(graph, &uses, &Stage { known, keep, in_strips: true, ..Stage::default() });
        let fields = fields.iter().map(|&id| size(id)).collect();
        let mut scratch = Scratch::default();
        scratch.reserve(&plan);
        Ok(Self { plan, parameters: next, fields, outputs: vec![T::ZERO; size(outputs)], scratch })
    }

    /// The value at the parameters `w` and these fields.
    ///
    /// # Errors
    /// [`Error::Fields`] if there are more or fewer of anything than the graph reads.
    pub fn run(&mut self, w: &[T], fields: &[&[T]]) -> Result<&[T], Error> {
        let got: Vec<usize> = [w].iter().chain(fields).map(|field| field.len()).collect();
        let expected = [&[self.parameters], &self.fields[..]].concat();
        if got != expected {
            return Err(Error::Fields { expected, got });
        }
        T::run(
            &self.plan,
            &mut Areas {
                parameters: w,
                direction: &[],
                fields: fields.to_vec(),
                arena: &mut self.scratch.arena,
                kept: &mut self.outputs,
                output: &mut [],
                totals: &mut [],
                tiles: &mut self.scratch.tiles,
                scratch: &mut self.scratch.kernels,
                first: true,
            },
            &AtomicBool::new(false),
        );
        Ok(&self.outputs)
    }
}
