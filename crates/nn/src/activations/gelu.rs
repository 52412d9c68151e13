use onedge_graph::{Error, Graph, NodeId};
use onedge_registry::Entry;

use super::activation::Activation;

/// Gaussian error linear unit.
pub static ENTRY: Entry<Activation> = Entry {
    name: "gelu",
    summary: "x times the normal distribution function",
    doc: "x Phi(x) = x (1 + erf(x / sqrt(2))) / 2, exact. Smooth. Source: Hendrycks, Gimpel 2016, arXiv \
          1606.08415.",
    settings: &[],
    build,
};

fn build(g: &mut Graph, x: NodeId) -> Result<NodeId, Error> {
    let share = g.normal_cdf(x)?;
    g.mul(x, share)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::activations::check::assert_derivatives;

    #[test]
    fn derivatives_by_hand() {
        // Phi(1) and phi(1) from tables of the normal distribution; f' = Phi + x phi, f'' = (2 - x^2) phi.
        let (cumulative, density) = (0.841_344_746_068_542_9, 0.241_970_724_519_143_37);
        assert_derivatives(&ENTRY, 1.0, [cumulative, cumulative + density, density]);
        assert_derivatives(&ENTRY, -1.0, [cumulative - 1.0, 1.0 - cumulative - density, density]);
    }
}
