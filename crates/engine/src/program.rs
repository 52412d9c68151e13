use std::collections::HashMap;

use onedge_graph::{Error, Graph, LossGraph, NodeId, Shifted, Tangents, curvature, gradient, hessian_vector};
use onedge_objective::Costs;

/// A loss with all its derivatives in one graph, so that each stage can reuse what an earlier one computed.
pub struct Program {
    /// The graph that holds all nodes below.
    pub graph: Graph,
    /// The parameters.
    pub parameters: Vec<NodeId>,
    /// The direction along which curvature and Hessian-vector product are taken, one input per parameter.
    pub directions: Vec<NodeId>,
    /// Each parameter moved along its direction either way, for polarised products.
    pub shifted: Vec<Shifted>,
    /// The fields of the data.
    pub fields: Vec<NodeId>,
    /// The loss of each example.
    pub losses: NodeId,
    /// Further values of each example.
    pub metrics: Vec<(&'static str, NodeId)>,
    /// The gradient of the sum of the losses.
    pub gradients: Vec<NodeId>,
    /// Terms whose elements sum to `u . H u`.
    pub curvature_terms: Vec<NodeId>,
    /// `H u`
    pub products: Vec<NodeId>,
}

impl Program {
    /// Differentiates `loss`.
    pub fn new(loss: LossGraph) -> Result<Self, Error> {
        loss.check()?;
        let LossGraph { mut graph, parameters, fields, losses, metrics, .. } = loss;
        let mut tangents = Tangents::new();
        let mut directions = Vec::with_capacity(parameters.len());
        for &parameter in &parameters {
            let direction = graph.input(graph.shape(parameter).clone());
            tangents.insert(parameter, direction);
            directions.push(direction);
        }
        let derived = gradient(&mut graph, losses, &parameters)?;
        let inputs = |&parameter: &NodeId| {
            let shape = graph.shape(parameter).clone();
            Shifted::inputs(&mut graph, &shape)
        };
        let shifted: Vec<Shifted> = parameters.iter().map(inputs).collect();
        let by_parameter: HashMap<NodeId, Shifted> = parameters.iter().copied().zip(shifted.iter().copied()).collect();
        // Tangents of their own: those of H v stay as they are.
        let curvature_terms = curvature(&mut graph, losses, &derived, &mut tangents.clone(), &by_parameter)?;
        let products = hessian_vector(&mut graph, &derived, &mut tangents)?;
        let gradients = derived.gradients;
        Ok(Self {
            graph,
            parameters,
            directions,
            shifted,
            fields,
            losses,
            metrics,
            gradients,
            curvature_terms,
            products,
        })
    }

    /// Multiplications and additions in matrix products to compute `roots` when `known` is there.
    pub fn flops(&self, roots: &[NodeId], known: &[NodeId]) -> f64 {
        let (needed, there) = (self.graph.needed_by(roots), self.graph.needed_by(known));
        let flops = |id: NodeId| {
            let node = self.graph.node(id);
            let shapes: Vec<_> = node.inputs.iter().map(|&input| self.graph.shape(input)).collect();
            (node.op.flops)(&node.attributes, &shapes, &node.shape)
        };
        self.graph.ids().filter(|id| needed[id.index()] && !there[id.index()]).map(flops).sum()
    }

    /// The cost of each probe in evaluations of the loss, by products; nominal if there are none.
    pub fn costs(&self) -> Costs {
        let computed: Vec<NodeId> = self.gradients.iter().copied().chain([self.losses]).collect();
        let loss = self.flops(&[self.losses], &[]);
        if loss == 0.0 {
            return Costs::NOMINAL;
        }
        let linearize = self.flops(&computed, &[]) / loss;
        Costs {
            linearize,
            // Tangents forward beside a gradient's passes, nothing kept.
            gauss_newton_vector: linearize + 2.0,
            curvature: self.flops(&self.curvature_terms, &computed) / loss,
            hessian_vector: self.flops(&self.products, &computed) / loss,
        }
    }
}
