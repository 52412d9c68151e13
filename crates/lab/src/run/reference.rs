use std::collections::{BTreeMap, HashMap};
use std::marker::PhantomData;
use std::sync::Arc;

use onedge_data::{Dataset, Targets};
use onedge_graph::reference::{Tensor, evaluate};
use onedge_graph::{Graph, NodeId, Tangents, curvature, gradient, hessian_vector};
use onedge_nn::{Error as NnError, Loss, Model, Target, loss_graph};
use onedge_objective::{Error, Objective, Probe, Real};

use crate::run::Workload;

/// A loss graph run by the plain evaluator: slow, obvious.
pub struct ReferenceObjective<T> {
    model: Arc<Model>,
    loss: Arc<Loss>,
    target: Target,
    inputs: Vec<f64>,
    targets: Vec<f64>,
    examples: usize,
    selected: Option<Vec<usize>>,
    programs: BTreeMap<usize, Program>,
    point: Option<Vec<f64>>,
    float: PhantomData<T>,
}

struct Program {
    graph: Graph,
    parameters: Vec<NodeId>,
    directions: Vec<NodeId>,
    fields: Vec<NodeId>,
    losses: NodeId,
    metrics: Vec<(&'static str, NodeId)>,
    gradients: Vec<NodeId>,
    terms: Vec<NodeId>,
    products: Vec<NodeId>,
}

impl Program {
    fn new(model: &Model, loss: &Loss, target: Target, batch: usize) -> Result<Self, NnError> {
        let parts = loss_graph(model, loss, target, batch)?;
        let mut graph = parts.graph;
        let mut tangents = Tangents::new();
        let mut directions = Vec::new();
        for &parameter in &parts.parameters {
            let direction = graph.input(graph.shape(parameter).clone());
            tangents.insert(parameter, direction);
            directions.push(direction);
        }
        let derived = gradient(&mut graph, parts.losses, &parts.parameters)?;
        let terms = curvature(&mut graph, parts.losses, &derived, &mut tangents)?;
        let products = hessian_vector(&mut graph, &derived, &mut tangents)?;
        let (parameters, fields, losses, metrics) = (parts.parameters, parts.fields, parts.losses, parts.metrics);
        let gradients = derived.gradients;
        Ok(Self { graph, parameters, directions, fields, losses, metrics, gradients, terms, products })
    }
}

impl<T: Real> ReferenceObjective<T> {
    /// The mean loss over the examples of `set`.
    ///
    /// # Errors
    /// A loss that does not suit the targets.
    pub fn new(model: &Arc<Model>, loss: &Arc<Loss>, target: Target, set: &Dataset) -> Result<Self, NnError> {
        let targets = match set.targets() {
            Targets::Classes { labels, .. } => labels.iter().map(|&label| f64::from(label)).collect(),
            Targets::Values { values, .. } => values.iter().map(|&value| f64::from(value)).collect(),
        };
        let examples = set.examples();
        let full = Program::new(model, loss, target, examples)?;
        Ok(Self {
            model: Arc::clone(model),
            loss: Arc::clone(loss),
            target,
            inputs: set.inputs().iter().map(|&x| f64::from(x)).collect(),
            targets,
            examples,
            selected: None,
            programs: BTreeMap::from([(examples, full)]),
            point: None,
            float: PhantomData,
        })
    }

    fn batch(&self) -> usize {
        self.selected.as_ref().map_or(self.examples, Vec::len)
    }

    fn run(&self, w: &[f64], u: Option<&[T]>, roots: impl Fn(&Program) -> Vec<NodeId>) -> Vec<Tensor> {
        let program = &self.programs[&self.batch()];
        let mut values = HashMap::new();
        let mut place = |nodes: &[NodeId], flat: &[f64]| {
            let mut rest = flat;
            for &node in nodes {
                let shape = program.graph.shape(node).clone();
                let (own, others) = rest.split_at(shape.size());
                rest = others;
                values.insert(node, Tensor::new(shape, own.to_vec()));
            }
        };
        place(&program.parameters, w);
        if let Some(u) = u {
            place(&program.directions, &u.iter().map(|x| x.to_f64()).collect::<Vec<_>>());
        }
        for (&field, all) in program.fields.iter().zip([&self.inputs, &self.targets]) {
            let width = all.len() / self.examples;
            let rows: Vec<f64> = match &self.selected {
                None => all.clone(),
                Some(indices) => indices.iter().flat_map(|&i| all[i * width..][..width].to_vec()).collect(),
            };
            place(&[field], &rows);
        }
        evaluate(&program.graph, &values, &roots(program))
    }

    fn write(&self, tensors: &[Tensor], out: &mut [T]) {
        let scale = 1.0 / self.batch() as f64;
        for (out, value) in out.iter_mut().zip(tensors.iter().flat_map(|tensor| &tensor.data)) {
            *out = T::from_f64(scale * value);
        }
    }
}

impl<T: Real> Objective<T> for ReferenceObjective<T> {
    fn dim(&self) -> usize {
        self.model.dim()
    }

    fn linearize(&mut self, w: &[T], gradient: &mut [T]) -> Result<f64, Error> {
        let point: Vec<f64> = w.iter().map(|x| x.to_f64()).collect();
        let values = self.run(&point, None, |p| [&[p.losses], &p.gradients[..]].concat());
        self.write(&values[1..], gradient);
        self.point = Some(point);
        Error::require_finite(Probe::Loss, values[0].data.iter().sum::<f64>() / self.batch() as f64)
    }

    fn curvature(&mut self, u: &[T]) -> Result<f64, Error> {
        let point = self.point.as_ref().ok_or(Error::NotLinearized { probe: Probe::Curvature })?;
        let terms = self.run(point, Some(u), |p| p.terms.clone());
        let sum: f64 = terms.iter().flat_map(|term| &term.data).sum();
        Error::require_finite(Probe::Curvature, sum / self.batch() as f64)
    }

    fn hessian_vector(&mut self, v: &[T], out: &mut [T]) -> Result<(), Error> {
        let point = self.point.as_ref().ok_or(Error::NotLinearized { probe: Probe::HessianVector })?;
        let products = self.run(point, Some(v), |p| p.products.clone());
        self.write(&products, out);
        Ok(())
    }

    fn loss(&mut self, w: &[T]) -> Result<f64, Error> {
        let w: Vec<f64> = w.iter().map(|x| x.to_f64()).collect();
        let losses = self.run(&w, None, |p| vec![p.losses]);
        Error::require_finite(Probe::Loss, losses[0].data.iter().sum::<f64>() / self.batch() as f64)
    }
}

impl<T: Real> Workload<T> for ReferenceObjective<T> {
    fn examples(&self) -> usize {
        self.examples
    }

    fn select(&mut self, indices: Option<&[usize]>) -> Result<(), Error> {
        self.selected = indices.map(<[usize]>::to_vec);
        self.point = None;
        if !self.programs.contains_key(&self.batch()) {
            let program = Program::new(&self.model, &self.loss, self.target, self.batch());
            let program = program.map_err(|error| Error::Other(Box::new(error)))?;
            self.programs.insert(self.batch(), program);
        }
        Ok(())
    }

    fn metrics(&mut self, w: &[T]) -> Result<BTreeMap<String, f64>, Error> {
        let w: Vec<f64> = w.iter().map(|x| x.to_f64()).collect();
        let selected = self.selected.take();
        let mut names = vec!["loss"];
        names.extend(self.programs[&self.examples].metrics.iter().map(|(name, _)| *name));
        let values =
            self.run(&w, None, |p| std::iter::once(p.losses).chain(p.metrics.iter().map(|(_, node)| *node)).collect());
        self.selected = selected;
        let mut means = BTreeMap::new();
        for (name, tensor) in names.into_iter().zip(values) {
            let mean = tensor.data.iter().sum::<f64>() / self.examples as f64;
            means.insert(name.to_owned(), Error::require_finite(Probe::Loss, mean)?);
        }
        Ok(means)
    }
}
