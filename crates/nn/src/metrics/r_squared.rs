use onedge_graph::{Error, Graph, NodeId};

/// For each example, what its predictions add to R^2: `1 - |prediction - target|^2 / spread`, where the spread is the mean over the
/// examples of the squared distance of targets from their mean, summed over the outputs.
///
/// Its mean over those examples is R^2, the share of the targets' variance that is explained: 1 for a perfect fit, 0 for the best constant,
/// negative for worse. With several outputs that is the mean of their R^2 weighted by their variances (scikit-learn's `variance_weighted`).
///
/// Shapes: `predictions: [batch, width]`, `targets: [batch, width]`, result `[batch]`.
///
/// # Errors
/// [`Error::Shape`] if the shapes do not fit.
pub fn r_squared(g: &mut Graph, predictions: NodeId, targets: NodeId, spread: f64) -> Result<NodeId, Error> {
    let distance = g.sub(predictions, targets)?;
    let square = g.mul(distance, distance)?;
    let sum = g.sum(square, &[1])?;
    let unexplained = g.scale(sum, 1.0 / spread)?;
    let one = g.filled_like(1.0, unexplained)?;
    g.sub(one, unexplained)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashMap};

    use onedge_graph::Shape;
    use onedge_graph::reference::{Tensor, evaluate};

    use super::*;
    use crate::{Target, losses};

    /// scikit-learn's documentation: `r2_score([[0.5, 1], [-1, 1], [7, -6]], [[0, 2], [-1, 2], [8, -5]],
    /// multioutput="variance_weighted")` is 0.938...; by hand 1 - 4.25 / (38.1666... + 98/3).
    #[test]
    fn is_the_share_of_the_variance() {
        let truth = [0.5, 1.0, -1.0, 1.0, 7.0, -6.0];
        let target = Target::Values { width: 2 };
        let loss = losses::build("squared", BTreeMap::new()).unwrap().on(target, &truth).unwrap();
        let mut g = Graph::new();
        let shape = Shape::new(&[3, 2]);
        let (outputs, targets) = (g.input(shape.clone()), g.input(shape.clone()));
        let nodes = loss.nodes(&mut g, outputs, targets, target).unwrap();
        let (name, node) = nodes.metrics[1];
        let values = HashMap::from([
            (outputs, Tensor::new(shape.clone(), vec![0.0, 2.0, -1.0, 2.0, 8.0, -5.0])),
            (targets, Tensor::new(shape, truth.to_vec())),
        ]);
        let mean = evaluate(&g, &values, &[node])[0].data.iter().sum::<f64>() / 3.0;
        let total = (0.25 + 1.0 + 49.0 - 6.5 * 6.5 / 3.0) + (1.0 + 1.0 + 36.0 - 16.0 / 3.0);
        assert_eq!(name, "r-squared");
        assert!((mean - (1.0 - 4.25 / total)).abs() < 1e-14 && (mean - 0.938_257).abs() < 1e-6, "{mean}");
    }
}
