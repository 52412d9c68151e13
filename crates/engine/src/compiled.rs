use std::collections::{BTreeSet, HashMap, HashSet};

use onedge_graph::{Graph, LossGraph, NodeId};
use onedge_objective::Costs;

use crate::Error;
use crate::kernels::{Element, TILE};
use crate::plan::{Area, Place, Plan, Stage, Transposed, Uses, is_fused, padded};
use crate::program::Program;
use crate::shifted::Layout;

/// All stages of a program for chunks of one size.
pub struct Compiled<T> {
    loss: Plan<T>,
    linearize: Pair<T>,
    curvature: Pair<T>,
    hessian_vector: Pair<T>,
    /// What the gradient's pass collects transposed.
    pub transposed_gradient: Vec<Transposed>,
    /// What the Hessian-vector product's pass collects transposed.
    pub transposed_product: Vec<Transposed>,
    /// The number of totals that add up to the curvature.
    pub curvature_terms: usize,
    /// Elements kept of a chunk.
    pub kept_len: usize,
    /// What each stage costs.
    pub costs: Costs,
    /// The names of the metrics.
    pub metrics: Vec<&'static str>,
}

/// A stage with memory of what the gradient's pass kept, and without.
struct Pair<T> {
    kept: Plan<T>,
    fresh: Plan<T>,
}

/// Whether there is memory of what the gradient's pass computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Memory {
    /// It is kept (or to be kept, in that pass).
    Kept,
    /// It is not: a stage starts from parameters and data alone.
    Fresh,
}

impl<T: Element> Compiled<T> {
    /// Differentiates and plans `loss`, which is for a chunk of some size, [slice by slice](Stage::in_strips) where that helps.
    pub fn new(loss: LossGraph, in_strips: bool) -> Result<Self, Error> {
        let program = Program::new(loss)?;
        let graph = &program.graph;
        let starts = program.parameter_starts();
        let outputs = |ids: &[NodeId]| ids.iter().copied().zip(starts.iter().copied()).collect::<Vec<_>>();
        let uses = Uses::new(graph, &program.roots())?;

        let known = program.leaves(&starts);
        let empty = Stage { known, in_strips, ..Stage::default() };
        let losses = Stage { totals: vec![(program.losses, 0)], ..empty.clone() };
        let metrics = program.metrics.iter().enumerate().map(|(i, (_, id))| (*id, i + 1));
        let measured = Stage { totals: losses.totals.iter().copied().chain(metrics).collect(), ..losses.clone() };
        let linearize = Stage { outputs: outputs(&program.gradients), ..losses };
        // A total for each term: added up in one, their order would depend on what is kept.
        let totals = program.curvature_terms.iter().enumerate().map(|(slot, &id)| (id, slot)).collect();
        let curvature = Stage { totals, ..empty.clone() };
        let products = Stage { outputs: outputs(&program.products), ..empty };

        let later = [curvature.roots(&uses), products.roots(&uses)].concat();
        let (keep, kept_len) = kept(&program, &uses, &linearize, &later);
        let from_kept = |stage: &Stage| {
            let mut stage = stage.clone();
            stage.known.extend(keep.iter().map(|(&id, &place)| (id, place)));
            T::plan(graph, &uses, &stage)
        };
        Ok(Self {
            loss: T::plan(graph, &uses, &measured),
            linearize: Pair {
                kept: T::plan(graph, &uses, &Stage { keep: keep.clone(), ..linearize.clone() }),
                fresh: T::plan(graph, &uses, &linearize),
            },
            curvature: Pair { kept: from_kept(&curvature), fresh: T::plan(graph, &uses, &curvature) },
            hessian_vector: Pair { kept: from_kept(&products), fresh: T::plan(graph, &uses, &products) },
            transposed_gradient: linearize.transposed(graph, &uses),
            transposed_product: products.transposed(graph, &uses),
            curvature_terms: program.curvature_terms.len(),
            kept_len,
            costs: program.costs(),
            metrics: program.metrics.iter().map(|(name, _)| *name).collect(),
        })
    }

    /// The stages that there are with and without memory, each with its name.
    pub fn stages(&self, memory: Memory) -> [(&'static str, &Plan<T>); 3] {
        [
            ("gradient", self.linearize(memory)),
            ("curvature", self.curvature(memory)),
            ("hessian-vector", self.hessian_vector(memory)),
        ]
    }

    /// Bytes of scratch memory that every stage can run in.
    pub fn scratch_bytes(&self) -> usize {
        let stages = [Memory::Kept, Memory::Fresh].map(|memory| self.stages(memory));
        let plans = stages.iter().flatten().map(|(_, plan)| *plan).chain([&self.loss]);
        plans
            .map(|plan| (plan.arena_len + plan.registers * TILE + plan.scratch_len) * size_of::<T>())
            .max()
            .unwrap_or(0)
    }

    /// Bytes of it that each thread needs for its pieces of a step.
    pub fn piece_bytes(&self) -> usize {
        let stages = [Memory::Kept, Memory::Fresh].map(|memory| self.stages(memory));
        let plans = stages.iter().flatten().map(|(_, plan)| *plan).chain([&self.loss]);
        plans.map(|plan| (plan.registers * TILE + plan.scratch_len) * size_of::<T>()).max().unwrap_or(0)
    }

    /// The losses alone. Totals: the loss, then each metric.
    pub fn loss(&self, _: Memory) -> &Plan<T> {
        &self.loss
    }

    /// Loss and gradient. Total: the loss.
    pub fn linearize(&self, memory: Memory) -> &Plan<T> {
        self.linearize.plan(memory)
    }

    /// `u . H u`, the sum of all totals.
    pub fn curvature(&self, memory: Memory) -> &Plan<T> {
        self.curvature.plan(memory)
    }

    /// `H v`
    pub fn hessian_vector(&self, memory: Memory) -> &Plan<T> {
        self.hessian_vector.plan(memory)
    }
}

impl<T> Pair<T> {
    fn plan(&self, memory: Memory) -> &Plan<T> {
        match memory {
            Memory::Kept => &self.kept,
            Memory::Fresh => &self.fresh,
        }
    }
}

/// What the gradient's pass is to keep for `later` roots: of all that they need and it computes, the values nearest to
/// the roots that it has in memory anyway, but for those that little elementwise work makes of other kept ones: writing
/// and reading memory beyond the cache takes longer. What lies between is elementwise work, done again.
fn kept(program: &Program, uses: &Uses, linearize: &Stage, later: &[NodeId]) -> (HashMap<NodeId, Place>, usize) {
    let graph = &program.graph;
    let schedule = linearize.schedule(graph, uses);
    let direct = linearize.direct(uses);
    let barriers = schedule.levels.iter().flat_map(|level| &level.barriers);
    let written = barriers.chain(&schedule.stored).chain(schedule.sums.values().flatten());
    let stored: HashSet<NodeId> = written.copied().filter(|id| !direct.contains_key(id)).collect();
    let (mut keep, mut seen) = (BTreeSet::new(), HashSet::new());
    let mut open: Vec<NodeId> = later.to_vec();
    while let Some(id) = open.pop() {
        if !seen.insert(id) || linearize.known.contains_key(&id) {
            continue;
        }
        if stored.contains(&id) {
            keep.insert(id);
        } else {
            open.extend(uses.inputs(graph.node(id)));
        }
    }
    for id in keep.iter().copied().collect::<Vec<_>>() {
        let there = |other: NodeId| other != id && (keep.contains(&other) || linearize.known.contains_key(&other));
        if is_fused(uses, id) && work(graph, uses, id, &there).is_some_and(|work| work <= LITTLE) {
            keep.remove(&id);
        }
    }
    let (mut places, mut len) = (HashMap::new(), 0);
    for id in keep {
        let size = graph.shape(id).size();
        places.insert(id, Place { area: Area::Kept, start: len, len: size });
        len += padded(size);
    }
    (places, len)
}

/// Elementwise steps, functions counted fivefold, that cost less than to keep their result.
const LITTLE: usize = 16;

/// The elementwise work to compute `id` from what is `there`; `None` if it takes anything else.
fn work(graph: &Graph, uses: &Uses, id: NodeId, there: &impl Fn(NodeId) -> bool) -> Option<usize> {
    let (mut total, mut seen, mut open) = (0, HashSet::new(), vec![id]);
    while let Some(id) = open.pop() {
        if there(id) || !seen.insert(id) {
            continue;
        }
        let cost = uses.kind(id).cost().filter(|_| is_fused(uses, id) && total <= LITTLE)?;
        total += cost.steps();
        open.extend(uses.inputs(graph.node(id)));
    }
    Some(total)
}

impl Program {
    /// The first element of each parameter in the flat vector.
    fn parameter_starts(&self) -> Vec<usize> {
        let mut next = 0;
        let mut start = |id: &NodeId| {
            let start = next;
            next += self.graph.shape(*id).size();
            start
        };
        self.parameters.iter().map(&mut start).collect()
    }

    /// Everything that any stage computes.
    fn roots(&self) -> Vec<NodeId> {
        let metrics = self.metrics.iter().map(|(_, id)| *id);
        let lists = [&self.gradients, &self.curvature_terms, &self.products];
        lists.into_iter().flatten().copied().chain(metrics).chain([self.losses]).collect()
    }

    /// The places of all inputs.
    fn leaves(&self, starts: &[usize]) -> HashMap<NodeId, Place> {
        let place =
            |area: Area, start: usize, id: &NodeId| (*id, Place { area, start, len: self.graph.shape(*id).size() });
        let vector = |area: Area, ids: &[NodeId]| {
            ids.iter().zip(starts).map(|(id, &start)| place(area, start, id)).collect::<Vec<_>>()
        };
        let fields = self.fields.iter().enumerate().map(|(i, id)| place(Area::Field(i), 0, id));
        let parameters = vector(Area::Parameters, &self.parameters);
        let directions = vector(Area::Direction, &self.directions);
        let dim = self.parameters.iter().map(|id| self.graph.shape(*id).size()).sum();
        let layout = Layout::new(dim, self.shifted.len());
        let shifted = self.shifted.iter().zip(starts).enumerate().flat_map(|(i, (shifted, start))| {
            let scalars = [shifted.step, shifted.half_inverse, shifted.inverse_square];
            let scalars = scalars.into_iter().zip(layout.scalars).map(move |(id, list)| (id, list + i));
            [(shifted.plus, layout.plus + start), (shifted.minus, layout.minus + start)].into_iter().chain(scalars)
        });
        let shifted = shifted.map(|(id, start)| place(Area::Direction, start, &id));
        parameters.into_iter().chain(directions).chain(shifted).chain(fields).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::atomic::AtomicBool;

    use onedge_nn::{Io, Target, loss_graph, losses, models};
    use onedge_registry::Value;

    use super::*;
    use crate::areas::Areas;
    use crate::lanes::Scratch;
    use crate::shifted::shift;

    const VOCABULARY: usize = 11;

    /// A small language model on so many examples of so many tokens.
    fn language_model(examples: usize, length: usize, heads: i64) -> LossGraph {
        let io = Io::new(&[length], VOCABULARY).unwrap();
        let settings = [("depth", 2), ("width", 16), ("heads", heads), ("qkv", 4 * heads), ("mlp", 16)];
        let settings = settings.map(|(key, value)| (key.to_owned(), Value::Integer(value)));
        let model = models::build("nanolm", BTreeMap::from(settings), &io).unwrap();
        let loss = losses::build("cross-entropy", BTreeMap::new()).unwrap();
        loss_graph(&model, &loss, Target::Tokens { count: VOCABULARY, length }, examples).unwrap()
    }

    /// What all plans leave, run one after the other: totals, outputs, what is kept; and the memory and the steps that they take.
    fn run<T: Element>(loss: &LossGraph, in_strips: bool) -> (Vec<f64>, Vec<T>, [usize; 2]) {
        let compiled = Compiled::<T>::new(loss.clone(), in_strips).unwrap();
        let dim: usize = loss.parameters.iter().map(|&id| loss.graph.shape(id).size()).sum();
        let wave = |i: usize, k: usize| T::from_f64(((i * k % 101) as f64 - 50.0) / 200.0);
        let (w, u): (Vec<T>, Vec<T>) = (0..dim).map(|i| (wave(i, 37), wave(i, 53))).unzip();
        let fields: Vec<Vec<T>> = (0..2)
            .map(|field| {
                let len = loss.graph.shape(loss.fields[field]).size();
                (0..len).map(|i| T::from_f64((i * 7 % (VOCABULARY - field)) as f64)).collect()
            })
            .collect();
        let sizes: Vec<usize> = loss.parameters.iter().map(|&id| loss.graph.shape(id).size()).collect();
        let mut shifted = Vec::new();
        shift(&w, &u, &sizes, &mut shifted);
        let mut kept = vec![T::ZERO; compiled.kept_len];
        let (mut all_totals, mut all, mut cost) = (Vec::new(), Vec::new(), [0, 0]);
        let plans = [Memory::Kept, Memory::Fresh].map(|memory| compiled.stages(memory));
        for (name, plan) in plans.into_iter().flatten().chain([("loss", compiled.loss(Memory::Fresh))]) {
            let (mut scratch, mut totals, mut output) = (Scratch::default(), vec![0.0; plan.totals], vec![T::ONE; dim]);
            scratch.reserve(plan);
            // What is not written before it is read must not be there by chance.
            scratch.arena.fill(T::from_f64(f64::NAN));
            let mut areas = Areas {
                parameters: &w,
                direction: if name == "hessian-vector" { &u } else { &shifted },
                fields: fields.iter().map(Vec::as_slice).collect(),
                arena: &mut scratch.arena,
                kept: &mut kept,
                output: &mut output,
                totals: &mut totals,
                tiles: &mut scratch.tiles,
                scratch: &mut scratch.kernels,
                first: false,
            };
            T::run(plan, &mut areas, &AtomicBool::new(false));
            assert!(totals.iter().all(|total| total.is_finite()) && output.iter().all(|x| x.is_finite()), "{name}");
            all_totals.extend(totals);
            all.extend(output);
            cost = [cost[0].max(plan.arena_len), cost[1] + plan.steps.len()];
        }
        all.extend(kept);
        (all_totals, all, cost)
    }

    fn check<T: Element>(loss: &LossGraph) {
        let ((totals, values, whole), (in_strips, sliced, strips)) = (run::<T>(loss, false), run::<T>(loss, true));
        assert!(totals == in_strips && values == sliced, "other bits");
        assert!(strips[0] < whole[0] && strips[1] > whole[1], "{strips:?} and {whole:?}");
    }

    #[test]
    fn strips_have_the_bits_of_whole_steps_and_less_memory() {
        // Cut by heads, by examples and heads, by rows of a head.
        check::<f32>(&language_model(1, 256, 8));
        check::<f32>(&language_model(3, 128, 16));
        check::<f32>(&language_model(1, 1024, 1));
        check::<f64>(&language_model(1, 512, 2));
    }

    #[test]
    fn what_is_short_stays_whole() {
        let loss = language_model(2, 64, 4);
        assert_eq!(run::<f32>(&loss, true).2, run::<f32>(&loss, false).2);
    }
}
