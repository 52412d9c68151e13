use onedge_graph::{Error, Graph, NodeId};
use onedge_registry::Entry;

use super::activation::Activation;

/// Sigmoid linear unit.
pub static ENTRY: Entry<Activation> = Entry {
    name: "silu",
    summary: "x times its logistic function (swish)",
    doc: "x sigmoid(x). Smooth. Source: Hendrycks, Gimpel 2016, arXiv 1606.08415; Elfwing, Uchibe, Doya 2017, \
          arXiv 1702.03118.",
    settings: &[],
    build,
};

fn build(g: &mut Graph, x: NodeId) -> Result<NodeId, Error> {
    let gate = g.sigmoid(x)?;
    g.mul(x, gate)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::activations::check::assert_derivatives;

    #[test]
    fn derivatives_by_hand() {
        let x = 3f64.ln();
        assert_derivatives(&ENTRY, x, [0.75 * x, 0.75 + 0.1875 * x, 0.375 - 0.09375 * x]);
    }
}
