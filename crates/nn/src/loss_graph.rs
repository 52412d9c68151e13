use onedge_graph::{Graph, LossGraph, NodeId, Shape};

use crate::{Error, Loss, LossError, Model, Target};

/// The loss of `model` on a chunk of `batch` examples.
///
/// Its fields are the inputs `[batch, input shape..]` and the targets, of the shape that [`Target::shape`] gives.
///
/// # Errors
/// [`Error::Chunk`] if there are no examples or too many, [`LossError::Outputs`] if the model has too many or too few
/// outputs, [`LossError::TargetKind`] if the loss does not take such targets.
pub fn loss_graph(model: &Model, loss: &Loss, target: Target, batch: usize) -> Result<LossGraph, Error> {
    // No layer is wider than all parameters, inputs and outputs together, so no size in the graph overflows.
    let widest = model.io().features() + model.io().outputs().saturating_add(model.dim());
    let limit = isize::MAX as usize / size_of::<f64>() / widest;
    if batch == 0 || batch > limit {
        return Err(Error::Chunk { limit, got: batch });
    }
    let mut graph = Graph::new();
    let parameters: Vec<NodeId> =
        model.parameters().iter().map(|parameter| graph.input(parameter.shape.clone())).collect();
    let inputs = graph.input(Shape::from([&[batch], model.io().input_shape()].concat()));
    let targets = graph.input(target.shape(batch));
    let outputs = model.outputs(&mut graph, &parameters, inputs)?;
    if *graph.shape(outputs) != target.output_shape(batch) {
        return Err(LossError::Outputs { target, got: graph.shape(outputs).clone() }.into());
    }
    let nodes = loss.nodes(&mut graph, outputs, targets, target)?;
    let fields = vec![inputs, targets];
    Ok(LossGraph { graph, parameters, fields, outputs, losses: nodes.losses, metrics: nodes.metrics })
}
