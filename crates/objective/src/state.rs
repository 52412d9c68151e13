use std::collections::BTreeMap;

use crate::Real;

/// What something must keep to go on later with the same bits: named scalars and named vectors.
#[derive(Debug, Clone, PartialEq)]
pub struct State<T> {
    /// Numbers; counts are whole and below 2^53.
    pub scalars: BTreeMap<String, f64>,
    /// Vectors of the length of the parameters, or empty.
    pub vectors: BTreeMap<String, Vec<T>>,
}

/// A state that does not fit what reads it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{owner}: state `{name}`: expected {expected}, got {got}; try the checkpoint of a run with the same spec")]
pub struct StateError {
    /// Who reads it.
    pub owner: &'static str,
    /// The scalar or vector.
    pub name: String,
    /// What it must be.
    pub expected: String,
    /// What it is.
    pub got: String,
}

impl<T> Default for State<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> State<T> {
    /// Nothing.
    pub fn new() -> Self {
        Self { scalars: BTreeMap::new(), vectors: BTreeMap::new() }
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.scalars.is_empty() && self.vectors.is_empty()
    }

    /// With one scalar more.
    pub fn with_scalar(mut self, name: &str, value: f64) -> Self {
        self.scalars.insert(name.to_owned(), value);
        self
    }

    /// With 64 bits more, such as a seed: two scalars, as one does not hold them all.
    pub fn with_word(self, name: &str, word: u64) -> Self {
        let [high, low] = halves(name);
        self.with_scalar(&high, f64::from((word >> 32) as u32)).with_scalar(&low, f64::from(word as u32))
    }

    /// With one vector more.
    pub fn with_vector(mut self, name: &str, vector: Vec<T>) -> Self {
        self.vectors.insert(name.to_owned(), vector);
        self
    }

    /// With all of `part`, under names that begin with `name.`.
    pub fn with_part(mut self, name: &str, part: Self) -> Self {
        let inside = |inner: String| format!("{name}.{inner}");
        self.scalars.extend(part.scalars.into_iter().map(|(inner, value)| (inside(inner), value)));
        self.vectors.extend(part.vectors.into_iter().map(|(inner, vector)| (inside(inner), vector)));
        self
    }

    /// For reading everything exactly once; `owner` names the reader in errors.
    pub fn reader(self, owner: &'static str) -> Reader<T> {
        Reader { owner, state: self }
    }
}

impl<T: Real> State<T> {
    /// The same in another precision, which rounds where that is the lower one.
    pub fn convert<U: Real>(self) -> State<U> {
        let convert = |vector: Vec<T>| vector.into_iter().map(|x| U::from_f64(x.to_f64())).collect();
        let vectors = self.vectors.into_iter().map(|(name, vector)| (name, convert(vector))).collect();
        State { scalars: self.scalars, vectors }
    }
}

/// Takes a [`State`] apart and complains about what is missing or left over.
#[derive(Debug)]
pub struct Reader<T> {
    owner: &'static str,
    state: State<T>,
}

impl<T> Reader<T> {
    /// The scalar called `name`.
    ///
    /// # Errors
    /// Here and below: [`StateError`] if it is not there or not of the kind asked for.
    pub fn scalar(&mut self, name: &str) -> Result<f64, StateError> {
        self.state.scalars.remove(name).ok_or_else(|| self.error(name, "a scalar", "nothing"))
    }

    /// The scalar called `name`, if it is there.
    pub fn optional_scalar(&mut self, name: &str) -> Option<f64> {
        self.state.scalars.remove(name)
    }

    /// The scalar called `name`, as a count.
    pub fn count(&mut self, name: &str) -> Result<u64, StateError> {
        let value = self.scalar(name)?;
        let exact = value >= 0.0 && value < 2.0_f64.powi(53) && value.fract() == 0.0;
        if exact { Ok(value as u64) } else { Err(self.error(name, "a whole number", &value.to_string())) }
    }

    /// The 64 bits called `name`.
    pub fn word(&mut self, name: &str) -> Result<u64, StateError> {
        let [high, low] = halves(name);
        let mut half = |name: &str| {
            let half = self.count(name)?;
            u32::try_from(half).map_err(|_| self.error(name, "a number below 2^32", &half.to_string()))
        };
        Ok((u64::from(half(&high)?) << 32) | u64::from(half(&low)?))
    }

    /// The vector called `name`.
    pub fn vector(&mut self, name: &str) -> Result<Vec<T>, StateError> {
        self.state.vectors.remove(name).ok_or_else(|| self.error(name, "a vector", "nothing"))
    }

    /// The vector called `name`, if it is there.
    pub fn optional_vector(&mut self, name: &str) -> Option<Vec<T>> {
        self.state.vectors.remove(name)
    }

    /// What [`State::with_part`] put under `name`; empty if there is nothing.
    pub fn part(&mut self, name: &str) -> State<T> {
        let (scalars, vectors) = (take(&mut self.state.scalars, name), take(&mut self.state.vectors, name));
        State { scalars, vectors }
    }

    /// Checks that nothing is left.
    pub fn finish(self) -> Result<(), StateError> {
        match self.state.scalars.keys().chain(self.state.vectors.keys()).next() {
            None => Ok(()),
            Some(name) => Err(self.error(name, "nothing of that name", "a value")),
        }
    }

    fn error(&self, name: &str, expected: &str, got: &str) -> StateError {
        StateError { owner: self.owner, name: name.to_owned(), expected: expected.to_owned(), got: got.to_owned() }
    }
}

fn halves(name: &str) -> [String; 2] {
    [format!("{name}_high"), format!("{name}_low")]
}

/// Takes what belongs to the part `name` out of `values`, under its own names.
fn take<V>(values: &mut BTreeMap<String, V>, name: &str) -> BTreeMap<String, V> {
    let prefix = format!("{name}.");
    let (part, rest) = std::mem::take(values).into_iter().partition(|(key, _): &(String, V)| key.starts_with(&prefix));
    *values = rest;
    let part: BTreeMap<String, V> = part;
    part.into_iter().map(|(key, value)| (key[prefix.len()..].to_owned(), value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> State<f32> {
        State::new().with_scalar("steps", 3.0).with_vector("mean", vec![1.0, 2.0])
    }

    #[test]
    fn gives_back_what_was_put_in() {
        let mut reader = sample().reader("adam");
        assert_eq!(reader.count("steps").unwrap(), 3);
        assert_eq!(reader.vector("mean").unwrap(), [1.0, 2.0]);
        reader.finish().unwrap();
    }

    #[test]
    fn words_keep_all_their_bits() {
        for word in [0, 1, u64::from(u32::MAX), 1 << 32, 0x9e37_79b9_7f4a_7c15, u64::MAX] {
            let mut reader = State::<f32>::new().with_word("seed", word).reader("test");
            assert_eq!(reader.word("seed"), Ok(word));
            reader.finish().unwrap();
        }
    }

    #[test]
    fn parts_keep_to_themselves() {
        let both = sample().with_part("base", sample().with_part("deep", sample()));
        let mut reader = both.reader("test");
        let mut base = reader.part("base").reader("base");
        assert_eq!((base.part("deep"), reader.part("none")), (sample(), State::new()));
        assert_eq!((base.count("steps"), reader.count("steps")), (Ok(3), Ok(3)));
        assert_eq!(reader.vector("mean").unwrap(), base.vector("mean").unwrap());
        assert!(base.finish().is_ok() && reader.finish().is_ok());
    }

    #[test]
    fn converts_without_a_loss_upwards() {
        let narrow = State::<f32>::new().with_scalar("rate", 0.1).with_vector("mean", vec![0.1, f32::INFINITY]);
        let wide: State<f64> = narrow.clone().convert();
        assert_eq!(wide.vectors["mean"], [f64::from(0.1_f32), f64::INFINITY]);
        assert_eq!(wide.convert::<f32>(), narrow);
    }

    #[test]
    fn names_what_does_not_fit() {
        let message = sample().reader("adam").scalar("rate").unwrap_err().to_string();
        let hint = "try the checkpoint of a run with the same spec";
        assert_eq!(message, format!("adam: state `rate`: expected a scalar, got nothing; {hint}"));
        let message = sample().reader("gd").finish().unwrap_err().to_string();
        assert_eq!(message, format!("gd: state `steps`: expected nothing of that name, got a value; {hint}"));
        let broken = State::<f32>::new().with_scalar("steps", 0.5);
        assert!(broken.reader("adam").count("steps").is_err());
        assert!(
            State::<f32>::new().with_scalar("a_high", 0.0).with_scalar("a_low", 1e10).reader("b").word("a").is_err()
        );
    }
}
