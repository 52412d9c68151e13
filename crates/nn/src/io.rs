use crate::Error;
use crate::parameter::LIMIT;

/// What goes into a model and what comes out of it, for one example.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Io {
    input_shape: Vec<usize>,
    features: usize,
    outputs: usize,
}

impl Io {
    /// Examples of `input_shape`, row-major, and `outputs` numbers (logits of classes, or values) for each.
    ///
    /// # Errors
    /// [`Error::Input`] if there are no features or too many, [`Error::NoOutputs`].
    pub fn new(input_shape: &[usize], outputs: usize) -> Result<Self, Error> {
        let features = input_shape.iter().try_fold(1usize, |size, &extent| size.checked_mul(extent));
        match features {
            Some(features) if (1..=LIMIT).contains(&features) => match outputs {
                0 => Err(Error::NoOutputs),
                _ => Ok(Self { input_shape: input_shape.to_vec(), features, outputs }),
            },
            _ => Err(Error::Input { limit: LIMIT, got: input_shape.to_vec() }),
        }
    }

    /// The shape of one example.
    pub fn input_shape(&self) -> &[usize] {
        &self.input_shape
    }

    /// The number of elements of one example, at least 1.
    pub fn features(&self) -> usize {
        self.features
    }

    /// The number of outputs for one example, at least 1.
    pub fn outputs(&self) -> usize {
        self.outputs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_cannot_be_a_model() {
        assert_eq!(Io::new(&[3, 4, 2], 5).unwrap().features(), 24);
        assert_eq!(
            Io::new(&[3, 0], 5).unwrap_err().to_string(),
            "model: unusable input shape, expected between 1 and 2147483648 features, got [3, 0]; try other data"
        );
        assert!(Io::new(&[usize::MAX, 3], 5).is_err());
        assert_eq!(
            Io::new(&[3], 0).unwrap_err().to_string(),
            "model: nothing to predict, expected at least one output, got 0; try other data"
        );
    }
}
