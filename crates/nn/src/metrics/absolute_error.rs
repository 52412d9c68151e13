use onedge_graph::{Error, Graph, NodeId};

/// For each example, the mean over its outputs of `|output - target|`.
///
/// Shapes: `outputs: [batch, width]`, `targets: [batch, width]`, result `[batch]`.
///
/// # Errors
/// [`Error::Shape`] if the shapes do not fit.
pub fn absolute_error(g: &mut Graph, outputs: NodeId, targets: NodeId) -> Result<NodeId, Error> {
    let distance = g.sub(outputs, targets)?;
    let reversed = g.sub(targets, outputs)?;
    let absolute = g.maximum(distance, reversed)?;
    g.mean(absolute, &[1])
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use onedge_graph::Shape;
    use onedge_graph::reference::{Tensor, evaluate};

    use super::*;

    #[test]
    fn averages_over_the_outputs() {
        let mut g = Graph::new();
        let shape = Shape::new(&[2, 2]);
        let (outputs, targets) = (g.input(shape.clone()), g.input(shape.clone()));
        let errors = absolute_error(&mut g, outputs, targets).unwrap();
        let values = HashMap::from([
            (outputs, Tensor::new(shape.clone(), vec![1.0, -2.0, 0.5, 0.25])),
            (targets, Tensor::new(shape, vec![1.5, 1.0, 0.5, -0.25])),
        ]);
        assert_eq!(evaluate(&g, &values, &[errors])[0].data, [1.75, 0.25]);
    }
}
