/// What is wrong with a text. `origin` is a path or the name of a data set.
#[derive(Debug, thiserror::Error)]
pub enum TextError {
    /// A text that is not UTF-8.
    #[error("{origin}: not UTF-8 at byte {offset}, expected text in UTF-8; try converting it, as with iconv -t UTF-8")]
    NotUtf8 {
        /// The file.
        origin: String,
        /// The first byte that is wrong, from 0.
        offset: usize,
    },
    /// A text with fewer characters than an example needs.
    #[error(
        "{origin}: too short, expected at least {expected} {units} for a context of {context}, got {got}; try a smaller context"
    )]
    ShortText {
        /// The file, or the part of it that is set aside.
        origin: String,
        /// `characters` or `tokens`.
        units: &'static str,
        /// Those that one example needs.
        expected: usize,
        /// Positions of an example.
        context: usize,
        /// Those there are.
        got: usize,
    },
    /// A character that an encoding has no token for.
    #[error("{origin}: no token for `{character}`, expected an encoding of all characters; try another `tokenizer`")]
    NoToken {
        /// The file, or the part of it that is set aside.
        origin: String,
        /// The first such character.
        character: char,
    },
    /// A character that the text which a model was trained on lacks.
    #[error(
        "{origin}: expected characters that the model was trained on, got `{character}`, which it never saw; try leaving it out"
    )]
    Unseen {
        /// The file.
        origin: String,
        /// The first such character.
        character: char,
    },
    /// A byte-pair encoding is asked of a program that has none.
    #[error(
        "{origin}: expected a program with byte-pair encodings, got one built without; try building it with the feature \
         `bpe`, or tokens = characters"
    )]
    NoPieces {
        /// The file.
        origin: String,
    },
}
