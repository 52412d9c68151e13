use onedge_graph::{Error, Graph, NodeId};
use onedge_registry::Entry;

use super::activation::Activation;

/// Exponential linear unit.
pub static ENTRY: Entry<Activation> = Entry {
    name: "elu",
    summary: "x above zero, e^x - 1 below",
    doc: "x for x > 0, e^x - 1 otherwise (alpha = 1). The derivative is 1 at 0 from both sides; the second \
          derivative jumps there, and is taken from the left: 1. Source: Clevert, Unterthiner, Hochreiter 2015, \
          arXiv 1511.07289, equation 15.",
    settings: &[],
    build,
};

fn build(g: &mut Graph, x: NodeId) -> Result<NodeId, Error> {
    // e^min(x, 0) - 1 + max(x, 0): the exponent is never positive, so nothing overflows.
    let above = g.relu(x)?;
    let below = g.sub(x, above)?;
    let grown = g.exp(below)?;
    let one = g.filled_like(1.0, x)?;
    let left = g.sub(grown, one)?;
    g.add(left, above)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::activations::check::assert_derivatives;

    #[test]
    fn derivatives_by_hand() {
        assert_derivatives(&ENTRY, -2f64.ln(), [-0.5, 0.5, 0.5]);
        assert_derivatives(&ENTRY, 0.0, [0.0, 1.0, 1.0]);
        assert_derivatives(&ENTRY, 800.0, [800.0, 1.0, 0.0]);
    }
}
