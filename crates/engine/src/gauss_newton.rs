use std::collections::HashMap;

use onedge_graph::{Graph, LossGraph, NodeId, Tangents, gauss_newton};

use crate::Error;
use crate::kernels::Element;
use crate::plan::{Area, Place, Plan, Stage, Transposed, Uses};

/// The product with the Gauss-Newton matrix, for chunks of one size: from parameters, direction and data alone, as it is
/// seldom asked for.
pub struct GaussNewton<T> {
    /// The steps.
    pub plan: Plan<T>,
    /// What they collect transposed.
    pub transposed: Vec<Transposed>,
}

impl<T: Element> GaussNewton<T> {
    /// Differentiates and plans `loss`, [slice by slice](Stage::in_strips) where that helps.
    pub fn new(loss: LossGraph, in_strips: bool) -> Result<Self, Error> {
        loss.check()?;
        let LossGraph { mut graph, parameters, fields, outputs, losses, .. } = loss;
        let directions: Vec<NodeId> = parameters.iter().map(|&id| graph.input(graph.shape(id).clone())).collect();
        let mut tangents: Tangents = parameters.iter().copied().zip(directions.iter().copied()).collect();
        let products = gauss_newton(&mut graph, losses, outputs, &parameters, &mut tangents)?;
        let uses = Uses::new(&graph, &products)?;
        let known = [in_area(&graph, Area::Parameters, &parameters), in_area(&graph, Area::Direction, &directions)];
        let fields = fields
            .iter()
            .enumerate()
            .map(|(i, &id)| (id, Place { area: Area::Field(i), start: 0, len: graph.shape(id).size() }));
        let starts = known[0].iter().map(|(_, place)| place.start);
        let stage = Stage {
            outputs: products.iter().copied().zip(starts).collect(),
            known: known.iter().flatten().copied().chain(fields).collect::<HashMap<_, _>>(),
            in_strips,
            ..Stage::default()
        };
        Ok(Self { plan: T::plan(&graph, &uses, &stage), transposed: stage.transposed(&graph, &uses) })
    }
}

/// Values one after the other in an area.
fn in_area(graph: &Graph, area: Area, ids: &[NodeId]) -> Vec<(NodeId, Place)> {
    let mut start = 0;
    let mut place = |&id: &NodeId| {
        let place = Place { area, start, len: graph.shape(id).size() };
        start += place.len;
        (id, place)
    };
    ids.iter().map(&mut place).collect()
}
