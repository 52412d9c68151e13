/// What the outputs of a model mean for a loss: how predictions follow from them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// They are predictions themselves: values, or scores of which the largest decides.
    Identity,
    /// Logits of classes: `softmax(z)` is the probability of each.
    Softmax,
    /// Logits of yes or no, each by itself: `1 / (1 + exp(-z))` is the probability of yes.
    Sigmoid,
    /// Logarithms of rates: `exp(z)`.
    Exp,
}

impl Link {
    /// Whether predictions are probabilities.
    pub fn is_probability(self) -> bool {
        matches!(self, Self::Softmax | Self::Sigmoid)
    }

    /// From the outputs of one example to predictions, in place.
    pub fn apply(self, outputs: &mut [f64]) {
        match self {
            Self::Identity => {}
            Self::Softmax => {
                let largest = outputs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                outputs.iter_mut().for_each(|z| *z = (*z - largest).exp());
                let sum: f64 = outputs.iter().sum();
                outputs.iter_mut().for_each(|p| *p /= sum);
            }
            // Of either sign without an overflow.
            Self::Sigmoid => outputs.iter_mut().for_each(|z| {
                let small = (-z.abs()).exp();
                *z = if *z >= 0.0 { 1.0 / (1.0 + small) } else { small / (1.0 + small) };
            }),
            Self::Exp => outputs.iter_mut().for_each(|z| *z = z.exp()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(link: Link, mut outputs: Vec<f64>) -> Vec<f64> {
        link.apply(&mut outputs);
        outputs
    }

    #[test]
    fn predictions_are_what_algebra_says() {
        let thirds = applied(Link::Softmax, vec![1000.0, 1000.0 + 2f64.ln()]);
        assert!((thirds[0] - 1.0 / 3.0).abs() < 1e-12 && (thirds[1] - 2.0 / 3.0).abs() < 1e-12, "{thirds:?}");
        let sides = applied(Link::Sigmoid, vec![3f64.ln(), -(3f64.ln()), -1000.0, 1000.0]);
        assert!((sides[0] - 0.75).abs() < 1e-12 && (sides[1] - 0.25).abs() < 1e-12, "{sides:?}");
        assert_eq!(sides[2..], [0.0, 1.0]);
        assert!((applied(Link::Exp, vec![5f64.ln()])[0] - 5.0).abs() < 1e-12);
        assert_eq!(applied(Link::Identity, vec![-2.5]), [-2.5]);
    }
}
