use onedge_graph::Shape;
use onedge_objective::Real;
use onedge_random::Random;

use crate::{Error, Init};

/// The largest number of elements of all parameters together: 8 GiB in f32.
pub(crate) const LIMIT: usize = 1 << 31;

/// One tensor of a model that is trained.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// Its name, unique in the model: `layers.0.weight`.
    pub name: String,
    /// Its shape.
    pub shape: Shape,
    /// How its first values are drawn.
    pub init: Init,
}

/// The parameters of a model while it is built, in the order in which they lie in the flat vector.
#[derive(Debug, Default)]
pub struct Parameters {
    list: Vec<Parameter>,
    size: usize,
}

impl Parameters {
    /// No parameters.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a parameter and returns its place in the list.
    ///
    /// # Errors
    /// [`Error::TooManyParameters`] if all together would have more than 2^31 elements, [`Error::NameTaken`].
    pub fn add(&mut self, name: String, extents: &[usize], init: Init) -> Result<usize, Error> {
        if self.list.iter().any(|other| other.name == name) {
            return Err(Error::NameTaken { name });
        }
        let elements = extents.iter().try_fold(1usize, |size, &extent| size.checked_mul(extent));
        match elements.and_then(|elements| self.size.checked_add(elements)) {
            Some(size) if size <= LIMIT => self.size = size,
            _ => return Err(Error::TooManyParameters { name, limit: LIMIT, got: extents.to_vec() }),
        }
        self.list.push(Parameter { name, shape: Shape::new(extents), init });
        Ok(self.list.len() - 1)
    }

    /// The finished list.
    pub fn into_list(self) -> Vec<Parameter> {
        self.list
    }
}

/// The first values of all parameters, one after the other, row-major.
///
/// Each parameter draws from a ChaCha8 stream of its own, chosen by its name, so that adding a parameter leaves the
/// values of the others alone. Values are drawn in f64 and rounded, so that runs in f32 and f64 start alike.
pub fn initial_parameters<T: Real>(parameters: &[Parameter], seed: u64) -> Vec<T> {
    let mut values = Vec::with_capacity(parameters.iter().map(|parameter| parameter.shape.size()).sum());
    for parameter in parameters {
        let mut random = Random::new(seed).stream(fnv1a(parameter.name.as_bytes()));
        values.extend((0..parameter.shape.size()).map(|_| T::from_f64(parameter.init.draw(&mut random))));
    }
    values
}

/// The 64-bit hash FNV-1a (Fowler, Noll, Vo): the same on every machine and for every version of this crate.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inits;

    fn parameter(name: &str, init: Init) -> Parameter {
        Parameter { name: name.to_owned(), shape: Shape::new(&[200, 300]), init }
    }

    fn mean(values: &[f64]) -> f64 {
        values.iter().sum::<f64>() / values.len() as f64
    }

    /// 60,000 draws: the mean is good to 5 standard errors, the variance to 3 %.
    #[test]
    fn draws_have_the_stated_moments() {
        for (name, variance) in
            [("he", 2.0 / 50.0), ("lecun", 1.0 / 50.0), ("lecun-truncated", 1.0 / 50.0), ("glorot", 2.0 / 120.0)]
        {
            let init = inits::find(name).unwrap()(50, 70);
            let values: Vec<f64> = initial_parameters(&[parameter("w", init)], 7);
            let squares: Vec<f64> = values.iter().map(|x| x * x).collect();
            assert!(mean(&values).abs() < 5.0 * (variance / 60_000f64).sqrt(), "{name}: mean {}", mean(&values));
            assert!((mean(&squares) / variance - 1.0).abs() < 0.03, "{name}: variance {}", mean(&squares));
            let fourths: Vec<f64> = squares.iter().map(|x| x * x).collect();
            // The fourth moment over the squared variance: 3 for a normal distribution, 9/5 for a uniform one, and, by parts,
            // (3 - 14 q) / (1 - 2 q)^2 for one that is cut at 2, with q = 2 phi(2) / (2 Phi(2) - 1).
            let q = 2.0 * 0.053_990_966_513_188_06 / 0.954_499_736_103_641_6;
            let kurtosis = match name {
                "glorot" => 1.8,
                "lecun-truncated" => (3.0 - 14.0 * q) / (1.0_f64 - 2.0 * q).powi(2),
                _ => 3.0,
            };
            assert!((mean(&fourths) / (variance * variance) / kurtosis - 1.0).abs() < 0.06, "{name}: shape");
        }
        let constants: Vec<f64> = initial_parameters(&[parameter("w", Init::Constant(0.5))], 7);
        assert!(constants.iter().all(|&x| x == 0.5));
        let zeros: Vec<f64> = initial_parameters(&[parameter("w", Init::Zeros)], 7);
        assert!(zeros.iter().all(|&x| x == 0.0));
    }

    #[test]
    fn a_parameter_depends_on_seed_and_name_alone() {
        let init = Init::Normal { std: 1.0 };
        let (a, b) = (parameter("a", init), parameter("b", init));
        let draw = |list: &[Parameter], seed| initial_parameters::<f32>(list, seed);
        let alone = draw(std::slice::from_ref(&b), 3);
        assert_eq!(draw(&[a.clone(), b.clone()], 3)[60_000..], alone);
        assert_ne!(draw(std::slice::from_ref(&a), 3), alone);
        assert_ne!(draw(std::slice::from_ref(&b), 4), alone);
        let precise = initial_parameters::<f64>(&[b], 3);
        assert!(precise.iter().zip(&alone).all(|(x, y)| *x as f32 == *y));
    }

    /// Values published with the hash.
    #[test]
    fn streams_are_chosen_by_a_fixed_hash() {
        assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv1a(b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn sizes_that_overflow_are_refused() {
        let mut parameters = Parameters::new();
        parameters.add("a".to_owned(), &[1 << 30, 2], Init::Zeros).unwrap();
        let message = parameters.add("b".to_owned(), &[3], Init::Zeros).unwrap_err().to_string();
        assert_eq!(
            message,
            "b: too large, expected at most 2147483648 parameters in all, got shape [3]; try smaller widths"
        );
        assert!(parameters.add("c".to_owned(), &[usize::MAX, 3], Init::Zeros).is_err());
        assert_eq!(parameters.into_list().len(), 1);
    }
}
