use onedge_graph::{Error, Graph, NodeId};

/// For each example, the share of its outputs on the right side of 0: logits above 0 say 1, below 0 say 0, and a logit of 0 scores 1/2. A target above 1/2
/// counts as 1, others as 0.
///
/// Shapes: `logits: [batch, width]`, `targets: [batch, width]`, result `[batch]`.
///
/// # Errors
/// [`Error::Shape`] if the shapes do not fit.
pub fn binary_accuracy(g: &mut Graph, logits: NodeId, targets: NodeId) -> Result<NodeId, Error> {
    let half = g.filled_like(0.5, targets)?;
    let above = g.greater(targets, half)?;
    // 1 or -1 for the truth, and 1, 0 or -1 for what is said: the score is (1 + product) / 2.
    let truth = g.sub(above, half)?;
    let minus = g.neg(logits)?;
    let (yes, no) = (g.step(logits)?, g.step(minus)?);
    let said = g.sub(yes, no)?;
    let agreed = g.mul(truth, said)?;
    let score = g.add(agreed, half)?;
    g.mean(score, &[1])
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use onedge_graph::Shape;
    use onedge_graph::reference::{Tensor, evaluate};

    use super::*;

    #[test]
    fn counts_the_right_sides() {
        let mut g = Graph::new();
        let shape = Shape::new(&[4, 2]);
        let (logits, targets) = (g.input(shape.clone()), g.input(shape.clone()));
        let hits = binary_accuracy(&mut g, logits, targets).unwrap();
        let values = HashMap::from([
            (logits, Tensor::new(shape.clone(), vec![2.0, -3.0, 2.0, -3.0, 0.0, 1.0, -1.0, 0.1])),
            (targets, Tensor::new(shape, vec![1.0, 0.0, 0.0, 0.0, 1.0, 0.7, 0.5, 0.2])),
        ]);
        assert_eq!(evaluate(&g, &values, &[hits])[0].data, [1.0, 0.5, 0.75, 0.5]);
    }
}
