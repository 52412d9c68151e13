use std::ops::Range;

use crate::Error;

/// One named parameter tensor and its place in the flat parameter vector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// Its name, `layers.0.weight`.
    pub name: String,
    /// Its shape, row-major; empty for a single number.
    pub shape: Vec<usize>,
    /// Its place in the flat vector.
    pub range: Range<usize>,
}

impl Layer {
    /// The layers of tensors that lie one after the other, from 0 on.
    ///
    /// ```
    /// use onedge_objective::Layer;
    ///
    /// let layers = Layer::in_order([("weight", vec![2, 3]), ("bias", vec![3])]);
    /// assert_eq!(layers[1].range, 6..9);
    /// ```
    pub fn in_order(tensors: impl IntoIterator<Item = (impl Into<String>, Vec<usize>)>) -> Vec<Self> {
        let mut start = 0;
        let layer = |(name, shape): (_, Vec<usize>)| {
            let range = start..start + shape.iter().product::<usize>();
            start = range.end;
            Self { name: Into::into(name), shape, range }
        };
        tensors.into_iter().map(layer).collect()
    }

    /// Checks that `layers` cover a vector of `dim` elements, one after the other, each as large as its shape says.
    ///
    /// # Errors
    /// [`Error::Layer`], which names the first that does not.
    pub fn require_cover(layers: &[Self], dim: usize) -> Result<(), Error> {
        let mut start = 0;
        for layer in layers {
            let expected = start..start + layer.shape.iter().product::<usize>();
            if layer.range != expected || expected.end > dim {
                return Err(Error::Layer { name: layer.name.clone(), expected, got: layer.range.clone(), dim });
            }
            start = expected.end;
        }
        Error::require_length("layers", dim, start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lie_one_after_the_other() {
        let layers = Layer::in_order([("a", vec![2, 3]), ("b", vec![]), ("c", vec![4])]);
        let ranges: Vec<_> = layers.iter().map(|layer| layer.range.clone()).collect();
        assert_eq!(ranges, [0..6, 6..7, 7..11]);
        assert_eq!((layers[0].name.as_str(), &layers[0].shape[..]), ("a", &[2, 3][..]));
    }

    #[test]
    fn cover_the_whole_vector() {
        let layers = Layer::in_order([("a", vec![2, 3]), ("b", vec![4])]);
        Layer::require_cover(&layers, 10).unwrap();
        let message = |layers: &[Layer], dim| Layer::require_cover(layers, dim).unwrap_err().to_string();
        assert_eq!(message(&layers, 11), "layers: expected 11 elements, got 10");
        let beyond = "layer `b`: expected the range 6..10 of the 9 parameters, got 6..10";
        assert!(message(&layers, 9).starts_with(beyond), "{}", message(&layers, 9));
        let mut gap = layers.clone();
        gap[1].range = 7..11;
        assert!(message(&gap, 11).starts_with("layer `b`: expected the range 6..10 of the 11 parameters, got 7..11"));
        let mut small = layers;
        small[0].shape = vec![5];
        assert!(message(&small, 10).starts_with("layer `a`: expected the range 0..5 of the 10 parameters, got 0..6"));
    }
}
