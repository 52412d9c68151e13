use onedge_registry::Entry;

use super::activation::Activation;

/// Logistic function, 1 / (1 + e^-x).
pub static ENTRY: Entry<Activation> = Entry {
    name: "sigmoid",
    summary: "logistic function, 1 / (1 + e^-x)",
    doc: "1 / (1 + e^-x). Smooth.",
    settings: &[],
    build: |g, x| g.sigmoid(x),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::activations::check::assert_derivatives;

    #[test]
    fn derivatives_by_hand() {
        assert_derivatives(&ENTRY, 3f64.ln(), [0.75, 0.1875, -0.09375]);
    }
}
