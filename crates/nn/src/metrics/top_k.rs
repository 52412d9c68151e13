use onedge_graph::{Error, Graph, NodeId};

/// For each example, whether its label is among the `k` largest logits: 1 or 0. Where the label's logit is equal to others the places left are
/// drawn among them: with m larger logits and e equal ones (its own counted) it is `(k - m) / e`, cut to 0 .. 1.
///
/// Shapes: `logits: [.., classes]`, `labels: [..]`, result `[..]`.
///
/// # Errors
/// [`Error::Shape`] if the shapes do not fit.
pub fn top_k(g: &mut Graph, logits: NodeId, labels: NodeId, k: usize) -> Result<NodeId, Error> {
    let picked = g.pick(logits, labels)?;
    let last = g.shape(logits).rank() - 1;
    let spread = g.broadcast_last(picked, logits)?;
    let (larger, equal) = (g.greater(logits, spread)?, g.equal(logits, spread)?);
    let (larger, equal) = (g.sum(larger, &[last])?, g.sum(equal, &[last])?);
    let places = g.filled_like(k as f64, larger)?;
    let left = g.sub(places, larger)?;
    let share = g.div(left, equal)?;
    let (zero, one) = (g.filled_like(0.0, share)?, g.filled_like(1.0, share)?);
    let share = g.maximum(share, zero)?;
    g.minimum(share, one)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use onedge_graph::Shape;
    use onedge_graph::reference::{Tensor, evaluate};

    use super::*;

    #[test]
    fn counts_the_labels_among_the_largest() {
        let mut g = Graph::new();
        let (logits, labels) = (g.input(Shape::new(&[5, 4])), g.input(Shape::new(&[5])));
        let hits = top_k(&mut g, logits, labels, 2).unwrap();
        let row = [0.3, -1.0, 0.2, 0.1];
        let rows = [row, row, row, [0.7, 0.1, 0.1, 0.1], [0.0; 4]];
        let values = HashMap::from([
            (logits, Tensor::new(Shape::new(&[5, 4]), rows.concat())),
            (labels, Tensor::new(Shape::new(&[5]), vec![0.0, 2.0, 3.0, 2.0, 1.0])),
        ]);
        assert_eq!(evaluate(&g, &values, &[hits])[0].data, [1.0, 1.0, 0.0, 1.0 / 3.0, 0.5]);
    }
}
