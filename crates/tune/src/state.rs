use std::collections::BTreeMap;

use crate::Error;

/// The state of an optimizer or tuner, to be stored: named scalars and named vectors, bits kept.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct State<T> {
    /// Numbers; counts are whole and below 2^53.
    pub scalars: BTreeMap<String, f64>,
    /// Vectors of the length of the parameters.
    pub vectors: BTreeMap<String, Vec<T>>,
}

impl<T> State<T> {
    /// Nothing.
    pub fn new() -> Self {
        Self { scalars: BTreeMap::new(), vectors: BTreeMap::new() }
    }

    /// With one scalar more.
    pub fn with_scalar(mut self, name: &str, value: f64) -> Self {
        self.scalars.insert(name.to_owned(), value);
        self
    }

    /// With one vector more.
    pub fn with_vector(mut self, name: &str, vector: Vec<T>) -> Self {
        self.vectors.insert(name.to_owned(), vector);
        self
    }

    /// For reading everything exactly once; `owner` names the reader in errors.
    pub fn reader(self, owner: &'static str) -> Reader<T> {
        Reader { owner, state: self }
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
    /// Here and below: [`Error::State`] if it is not there or not of the kind asked for.
    pub fn scalar(&mut self, name: &str) -> Result<f64, Error> {
        self.state.scalars.remove(name).ok_or_else(|| self.error(name, "a scalar", "nothing"))
    }

    /// The scalar called `name`, if it is there.
    pub fn optional_scalar(&mut self, name: &str) -> Option<f64> {
        self.state.scalars.remove(name)
    }

    /// The scalar called `name`, as a count.
    pub fn count(&mut self, name: &str) -> Result<u64, Error> {
        let value = self.scalar(name)?;
        let exact = value >= 0.0 && value < 2.0_f64.powi(53) && value.fract() == 0.0;
        if exact { Ok(value as u64) } else { Err(self.error(name, "a whole number", &value.to_string())) }
    }

    /// The vector called `name`.
    pub fn vector(&mut self, name: &str) -> Result<Vec<T>, Error> {
        self.state.vectors.remove(name).ok_or_else(|| self.error(name, "a vector", "nothing"))
    }

    /// The vector called `name`, if it is there.
    pub fn optional_vector(&mut self, name: &str) -> Option<Vec<T>> {
        self.state.vectors.remove(name)
    }

    /// Checks that nothing is left.
    pub fn finish(self) -> Result<(), Error> {
        match self.state.scalars.keys().chain(self.state.vectors.keys()).next() {
            None => Ok(()),
            Some(name) => Err(self.error(name, "nothing of that name", "a value")),
        }
    }

    fn error(&self, name: &str, expected: &str, got: &str) -> Error {
        Error::State { owner: self.owner, name: name.to_owned(), expected: expected.to_owned(), got: got.to_owned() }
    }
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
    fn names_what_does_not_fit() {
        let message = sample().reader("adam").scalar("rate").unwrap_err().to_string();
        let hint = "try the checkpoint of a run with the same spec";
        assert_eq!(message, format!("adam: state `rate`: expected a scalar, got nothing; {hint}"));
        let message = sample().reader("gd").finish().unwrap_err().to_string();
        assert_eq!(message, format!("gd: state `steps`: expected nothing of that name, got a value; {hint}"));
        let broken = State::<f32>::new().with_scalar("steps", 0.5);
        assert!(broken.reader("adam").count("steps").is_err());
    }
}
