use std::path::Path;

use crate::{Error, TextError};

/// A byte-pair encoding; none can be made, as the program was built without the feature `bpe`.
#[derive(Debug, Clone, PartialEq)]
pub enum Pieces {}

impl Pieces {
    /// The encoding in a file.
    ///
    /// # Errors
    /// [`TextError::NoPieces`]
    pub fn read(path: &Path) -> Result<Self, Error> {
        Err(Error::Text(TextError::NoPieces { origin: path.display().to_string() }))
    }

    /// An encoding of `text`, called `origin` in errors.
    ///
    /// # Errors
    /// [`TextError::NoPieces`]
    pub fn train(origin: &str, _: &str, _: usize) -> Result<Self, Error> {
        Err(Error::Text(TextError::NoPieces { origin: origin.to_owned() }))
    }

    /// The encoding in a text, called `origin` in errors.
    ///
    /// # Errors
    /// [`TextError::NoPieces`]
    pub fn from_json(origin: &str, _: &[u8]) -> Result<Self, Error> {
        Err(Error::Text(TextError::NoPieces { origin: origin.to_owned() }))
    }

    /// As a `tokenizer.json` has it.
    pub fn json(&self) -> &str {
        match *self {}
    }

    pub(crate) fn len(&self) -> usize {
        match *self {}
    }

    pub(crate) fn encode(&self, _: &str) -> Result<Vec<u32>, char> {
        match *self {}
    }

    pub(crate) fn decode(&self, _: &[u32]) -> String {
        match *self {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_without_them_says_so() {
        let message = Pieces::train("x.txt", "", 300).unwrap_err().to_string();
        assert_eq!(
            message,
            "x.txt: expected a program with byte-pair encodings, got one built without; try building it with the feature \
             `bpe`, or tokens = characters"
        );
    }
}
