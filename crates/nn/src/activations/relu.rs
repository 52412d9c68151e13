use onedge_registry::Entry;

use super::activation::Activation;

/// Rectifier, max(x, 0).
pub static ENTRY: Entry<Activation> = Entry {
    name: "relu",
    summary: "rectifier, max(x, 0)",
    doc: "max(x, 0). At 0 the derivative is 0; the second derivative is 0 everywhere. Source: Nair, Hinton, ICML \
          2010.",
    settings: &[],
    build: |g, x| g.relu(x),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::activations::check::assert_derivatives;

    #[test]
    fn derivatives_by_hand() {
        assert_derivatives(&ENTRY, 1.5, [1.5, 1.0, 0.0]);
        assert_derivatives(&ENTRY, 0.0, [0.0, 0.0, 0.0]);
        assert_derivatives(&ENTRY, -0.5, [0.0, 0.0, 0.0]);
    }
}
