use std::f64::consts::PI;

use onedge_graph::{Error, Graph, NodeId};
use onedge_registry::Entry;

use super::activation::Activation;

/// Gelu with tanh in place of erf.
pub static ENTRY: Entry<Activation> = Entry {
    name: "gelu-tanh",
    summary: "gelu with tanh in place of erf",
    doc: "x (1 + tanh(c (x + 0.044715 x^3))) / 2 with c = sqrt(2 / pi), the approximation of gelu. Smooth. Source: \
          Hendrycks, Gimpel 2016, arXiv 1606.08415, section 2.",
    settings: &[],
    build,
};

fn build(g: &mut Graph, x: NodeId) -> Result<NodeId, Error> {
    // (1 + tanh z) / 2 = sigmoid(2 z): one node instead of three, and no cancellation for negative z.
    let square = g.mul(x, x)?;
    let cubic = g.scale(square, 0.044715)?;
    let one = g.filled_like(1.0, x)?;
    let factor = g.add(cubic, one)?;
    let bent = g.mul(x, factor)?;
    let argument = g.scale(bent, 2.0 * (2.0 / PI).sqrt())?;
    let gate = g.sigmoid(argument)?;
    g.mul(x, gate)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::activations::check::assert_derivatives;

    #[test]
    fn derivatives_by_hand() {
        for x in [-1.7f64, -0.3, 0.0, 0.8, 2.1] {
            let c = (2.0 / PI).sqrt();
            let t = (c * (x + 0.044715 * x.powi(3))).tanh();
            let (z1, z2) = (c * (1.0 + 3.0 * 0.044715 * x * x), c * 6.0 * 0.044715 * x);
            let (t1, t2) = ((1.0 - t * t) * z1, (1.0 - t * t) * (z2 - 2.0 * t * z1 * z1));
            let expected = [x * (1.0 + t) / 2.0, (1.0 + t + x * t1) / 2.0, (2.0 * t1 + x * t2) / 2.0];
            assert_derivatives(&ENTRY, x, expected);
        }
    }
}
