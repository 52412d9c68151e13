use onedge_registry::Entry;

use super::activation::Activation;

/// Hyperbolic tangent.
pub static ENTRY: Entry<Activation> = Entry {
    name: "tanh",
    summary: "hyperbolic tangent",
    doc: "(e^x - e^-x) / (e^x + e^-x). Smooth.",
    settings: &[],
    build: |g, x| g.tanh(x),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::activations::check::assert_derivatives;

    #[test]
    fn derivatives_by_hand() {
        assert_derivatives(&ENTRY, 2f64.ln(), [0.6, 0.64, -0.768]);
    }
}
