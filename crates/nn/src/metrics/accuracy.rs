use onedge_graph::{Error, Graph, NodeId};

/// For each example, whether its label has the largest logit: 1 or 0. Where k logits are largest and equal, and the
/// label's is among them, 1/k: what a fair draw among them would score. So a model of zeros scores 1/classes.
///
/// Shapes: `logits: [.., classes]`, `labels: [..]`, result `[..]`.
///
/// # Errors
/// [`Error::Shape`] if the shapes do not fit.
pub fn accuracy(g: &mut Graph, logits: NodeId, labels: NodeId) -> Result<NodeId, Error> {
    let picked = g.pick(logits, labels)?;
    let last = g.shape(logits).rank() - 1;
    let largest = g.reduce_max(logits, last)?;
    let hit = g.equal(picked, largest)?;
    let spread = g.broadcast_last(largest, logits)?;
    let tied = g.equal(logits, spread)?;
    let count = g.sum(tied, &[last])?;
    g.div(hit, count)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use onedge_graph::Shape;
    use onedge_graph::reference::{Tensor, evaluate};

    use super::*;

    #[test]
    fn counts_hits_and_shares_ties() {
        let mut g = Graph::new();
        let (logits, labels) = (g.input(Shape::new(&[4, 3])), g.input(Shape::new(&[4])));
        let hits = accuracy(&mut g, logits, labels).unwrap();
        let rows = [[0.3, -1.0, 0.2], [0.3, -1.0, 0.2], [0.7, 0.1, 0.7], [0.0, 0.0, 0.0]];
        let values = HashMap::from([
            (logits, Tensor::new(Shape::new(&[4, 3]), rows.concat())),
            (labels, Tensor::new(Shape::new(&[4]), vec![0.0, 2.0, 2.0, 1.0])),
        ]);
        assert_eq!(evaluate(&g, &values, &[hits])[0].data, [1.0, 0.0, 0.5, 1.0 / 3.0]);
    }
}
