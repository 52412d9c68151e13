use super::Element;

/// The place below `extent` that an index names; `None` for what is no whole number, or names none. Indices that come from the
/// examples were checked beforehand. Those that a graph computes are not: a kernel makes NaN of what it cannot read, and
/// the probe that meets it reports it.
pub fn place<T: Element>(index: T, extent: usize) -> Option<usize> {
    let index = index.to_f64();
    (index >= 0.0 && index < extent as f64 && index.fract() == 0.0).then_some(index as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_names_a_place_is_one() {
        assert_eq!([0.0, 2.0].map(|index| place(index, 3)), [Some(0), Some(2)]);
        for none in [3.0, -1.0, -0.5, 1.5, f64::NAN, f64::INFINITY, 1e300] {
            assert_eq!(place(none, 3), None, "{none}");
        }
        assert_eq!(place(0.0f32, 0), None);
    }
}
