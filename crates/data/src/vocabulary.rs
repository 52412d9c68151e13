use crate::Pieces;

/// What the tokens of a text stand for.
#[derive(Debug, Clone, PartialEq)]
pub enum Vocabulary {
    /// A character each, in the order of code points.
    Characters(Vec<char>),
    /// Pieces of text that a byte-pair encoding joins.
    Pieces(Pieces),
}

impl Vocabulary {
    /// The number of tokens.
    pub fn len(&self) -> usize {
        match self {
            Self::Characters(characters) => characters.len(),
            Self::Pieces(pieces) => pieces.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What one token is called in messages: `characters` or `tokens`.
    pub fn units(&self) -> &'static str {
        match self {
            Self::Characters(_) => "characters",
            Self::Pieces(_) => "tokens",
        }
    }

    /// The tokens of `text`.
    ///
    /// # Errors
    /// The first character that no token stands for.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, char> {
        match self {
            Self::Characters(known) => {
                text.chars().map(|c| known.binary_search(&c).map(|place| place as u32).map_err(|_| c)).collect()
            }
            Self::Pieces(pieces) => pieces.encode(text),
        }
    }

    /// The text of `tokens`. Characters that end in the middle of one, as bytes may, are shown as U+FFFD. Numbers that are no tokens are left out.
    pub fn decode(&self, tokens: &[u32]) -> String {
        match self {
            Self::Characters(known) => tokens.iter().filter_map(|&token| known.get(token as usize)).collect(),
            Self::Pieces(pieces) => pieces.decode(tokens),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_there_and_back() {
        let vocabulary = Vocabulary::Characters(vec!['a', 'b', 'é']);
        assert_eq!(vocabulary.encode("béa").unwrap(), [1, 2, 0]);
        assert_eq!(vocabulary.encode("bca"), Err('c'));
        assert_eq!((vocabulary.decode(&[1, 2, 0]), vocabulary.len()), ("béa".to_owned(), 3));
    }
}
