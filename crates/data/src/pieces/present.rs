use std::fmt;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use tokenizers::models::TrainerWrapper;
use tokenizers::models::bpe::{BPE, BpeTrainer};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::{ModelWrapper, Tokenizer};

use crate::excerpt::excerpt;
use crate::{Error, FileError};

/// A byte-pair encoding. Equal to another if their files would be.
#[derive(Clone)]
pub struct Pieces {
    tokenizer: Arc<Tokenizer>,
    /// As in a file.
    json: Arc<str>,
    len: usize,
}

impl Pieces {
    /// The encoding in a `tokenizer.json`, as the Python library `tokenizers` writes it. What it would cut or pad is neither, and no token is added to
    /// mark beginnings.
    ///
    /// # Errors
    /// A file that is not there or not such an encoding, or one that encodes at random (`dropout`).
    pub fn read(path: &Path) -> Result<Self, Error> {
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let expected = "a tokenizer.json".to_owned();
                let advice = "the path of one, or `vocabulary = 1000` to train one on the text".to_owned();
                return Err(Error::File(FileError::Missing { path: path.to_owned(), expected, advice }));
            }
            Err(error) => return Err(Error::io(path, "read", error)),
        };
        Self::from_json(&path.display().to_string(), &bytes)
    }

    /// The same from the bytes of such a file, called `origin` in errors.
    ///
    /// # Errors
    /// Bytes that are no such encoding.
    pub fn from_json(origin: &str, bytes: &[u8]) -> Result<Self, Error> {
        let wrong = |got: String| {
            let expected = "a byte-pair encoding without dropout, in the JSON format of `tokenizers`".to_owned();
            Error::File(FileError::Format { origin: origin.to_owned(), what: "content", expected, got })
        };
        let tokenizer = Tokenizer::from_bytes(bytes).map_err(|error| wrong(excerpt(&error.to_string())))?;
        match tokenizer.get_model() {
            ModelWrapper::BPE(BPE { dropout: None, .. }) => {}
            ModelWrapper::BPE(_) => return Err(wrong("one with dropout".to_owned())),
            _ => return Err(wrong("another encoding".to_owned())),
        }
        Self::of(tokenizer).map_err(|error| wrong(excerpt(&error)))
    }

    /// An encoding of bytes with so many tokens, 256 or more, trained on `text`: starting from bytes, the pair that stands side by side most often
    /// becomes a token until there are enough, or no pair is left. Words are told apart by GPT-2's rule. Every text can be encoded.
    ///
    /// # Errors
    /// What the trainer reports.
    pub fn train(origin: &str, text: &str, size: usize) -> Result<Self, Error> {
        let failed = |reason: String| {
            let expected = "a text that an encoding can be trained on".to_owned();
            Error::File(FileError::Format { origin: origin.to_owned(), what: "text", expected, got: reason })
        };
        let mut tokenizer = Tokenizer::new(BPE::default());
        tokenizer.with_pre_tokenizer(Some(ByteLevel::new(false, true, true)));
        tokenizer.with_decoder(Some(ByteLevel::default()));
        let trainer = BpeTrainer::builder()
            .show_progress(false)
            .vocab_size(size)
            .min_frequency(0)
            .initial_alphabet(ByteLevel::alphabet().into_iter().collect())
            .build();
        let mut trainer = TrainerWrapper::BpeTrainer(trainer);
        tokenizer.train(&mut trainer, std::iter::once(text)).map_err(|error| failed(excerpt(&error.to_string())))?;
        Self::of(tokenizer).map_err(|error| failed(excerpt(&error)))
    }

    fn of(mut tokenizer: Tokenizer) -> Result<Self, String> {
        tokenizer.with_truncation(None).map_err(|error| error.to_string())?;
        tokenizer.with_padding(None);
        let json = tokenizer.to_string(false).map_err(|error| error.to_string())?;
        let last = tokenizer.get_vocab(true).into_values().max();
        let len = last.map_or(0, |last| last as usize + 1);
        Ok(Self { tokenizer: Arc::new(tokenizer), json: json.into(), len })
    }

    /// As a `tokenizer.json` has it.
    pub fn json(&self) -> &str {
        &self.json
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The tokens of `text`, or the first character, white space aside, that none of them covers.
    pub(crate) fn encode(&self, text: &str) -> Result<Vec<u32>, char> {
        let first = |text: &str| text.chars().find(|c| !c.is_whitespace()).unwrap_or(' ');
        let Ok(encoding) = self.tokenizer.encode(text, false) else { return Err(first(text)) };
        let mut covered = vec![false; text.len()];
        for &(start, end) in encoding.get_offsets() {
            covered[start..end].fill(true);
        }
        match text.char_indices().find(|&(at, c)| !c.is_whitespace() && !covered[at]) {
            Some((_, c)) => Err(c),
            None => Ok(encoding.get_ids().to_vec()),
        }
    }

    pub(crate) fn decode(&self, tokens: &[u32]) -> String {
        self.tokenizer.decode(tokens, false).unwrap_or_default()
    }
}

impl fmt::Debug for Pieces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pieces({} tokens)", self.len)
    }
}

impl PartialEq for Pieces {
    fn eq(&self, other: &Self) -> bool {
        self.json == other.json
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand: of `ab ab ab ac` the pairs in words are "a b" (once bare, twice after a space), "Ġ a" three times, ... : first `Ġa` or `ab`, each 3 times.
    #[test]
    fn pairs_are_joined_by_how_often_they_stand_together() {
        let pieces = Pieces::train("x", "abab abab abab", 258).unwrap();
        assert_eq!(pieces.len(), 258);
        // `ab` stands together six times, then `abab` three times.
        assert_eq!(pieces.encode("ababab").unwrap().len(), 2);
        assert_eq!(pieces.encode("ba").unwrap().len(), 2);
        assert_eq!(pieces, Pieces::train("x", "abab abab abab", 258).unwrap());
    }

    #[test]
    fn every_text_comes_back() {
        let pieces = Pieces::train("x", lipsum::LIBER_PRIMUS, 400).unwrap();
        for text in ["Quid est, Torquate?", " führt 大 zu\n\n 🦀!", ""] {
            assert_eq!(pieces.decode(&pieces.encode(text).unwrap()), text);
        }
        assert!(pieces.encode("voluptatem").unwrap().len() < 7);
    }

    #[test]
    fn a_file_is_read_as_it_was_written() {
        let pieces = Pieces::train("x", lipsum::LIBER_PRIMUS, 300).unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), pieces.json()).unwrap();
        assert_eq!(Pieces::read(file.path()).unwrap(), pieces);
        let dropout = pieces.json().replace("\"dropout\":null", "\"dropout\":0.1");
        fs::write(file.path(), dropout).unwrap();
        let message = Pieces::read(file.path()).unwrap_err().to_string();
        assert!(
            message.contains("expected a byte-pair encoding without dropout")
                && message.contains("got one with dropout"),
            "{message}"
        );
        fs::write(file.path(), "{}").unwrap();
        assert!(Pieces::read(file.path()).unwrap_err().to_string().contains("wrong content"));
        let message = Pieces::read(Path::new("nowhere.json")).unwrap_err().to_string();
        assert!(message.starts_with("nowhere.json: not found, expected a tokenizer.json; try"), "{message}");
    }
}
