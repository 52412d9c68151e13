use onedge_registry::Entry;

use super::activation::Activation;

/// Smooth rectifier, ln(1 + e^x).
pub static ENTRY: Entry<Activation> = Entry {
    name: "softplus",
    summary: "smooth rectifier, ln(1 + e^x)",
    doc: "ln(1 + e^x), without overflow. Smooth. Source: Dugas et al., NIPS 2000.",
    settings: &[],
    build: |g, x| g.softplus(x),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::activations::check::assert_derivatives;

    #[test]
    fn derivatives_by_hand() {
        assert_derivatives(&ENTRY, 3f64.ln(), [4f64.ln(), 0.75, 0.1875]);
        assert_derivatives(&ENTRY, 800.0, [800.0, 1.0, 0.0]);
    }
}
