use onedge_registry::Entry;

use super::activation::Activation;

/// The identity.
pub static ENTRY: Entry<Activation> = Entry {
    name: "identity",
    summary: "x itself, for deep linear networks",
    doc: "x.",
    settings: &[],
    build: |_, x| Ok(x),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::activations::check::assert_derivatives;

    #[test]
    fn derivatives_by_hand() {
        assert_derivatives(&ENTRY, 1.5, [1.5, 1.0, 0.0]);
    }
}
