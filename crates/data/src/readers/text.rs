use std::path::Path;

use super::Source;
use crate::{Dataset, Error, Split, Targets};

/// How a text becomes examples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Text {
    /// Characters that an example shows; its targets are the same, one character on.
    pub context: usize,
    /// The share of the text, from its end, that is set aside for testing; 0 for none.
    pub test_fraction: f64,
}

/// The text in a file, plain or gzip'd, cut into blocks of characters.
///
/// The vocabulary is every character that occurs, in the order of code points; block i begins at character
/// `i * context`, so blocks share no input. What does not fill a block at the end is left out.
///
/// # Errors
/// A file that is not there, not UTF-8 (with the offset), empty, or shorter than one block.
pub fn text(path: &Path, how: &Text) -> Result<Split, Error> {
    let mut source = Source::open(path, "a text in UTF-8", "the path of a text file")?;
    let bytes = source.text()?;
    match std::str::from_utf8(&bytes) {
        Ok(text) => text_of(source.origin(), text, how),
        Err(error) => Err(Error::NotUtf8 { origin: source.origin().to_owned(), offset: error.valid_up_to() }),
    }
}

/// The same for a text in memory, called `origin` in errors.
///
/// # Errors
/// A text that is empty or shorter than one block.
pub fn text_of(origin: &str, text: &str, how: &Text) -> Result<Split, Error> {
    let mut vocabulary: Vec<char> = text.chars().collect();
    let characters = vocabulary.len();
    if characters == 0 {
        return Err(Error::NoExamples { origin: origin.to_owned() });
    }
    vocabulary.sort_unstable();
    vocabulary.dedup();
    let token = |c: char| vocabulary.binary_search(&c).expect("the vocabulary holds every character") as u32;
    let tokens: Vec<u32> = text.chars().map(token).collect();
    let kept = characters - (characters as f64 * how.test_fraction) as usize;
    let (train, test) = tokens.split_at(kept);
    let parted = how.test_fraction > 0.0;
    let name = if parted { format!("{origin}, training part") } else { origin.to_owned() };
    let train = blocks(&name, train, how.context, &vocabulary)?;
    let test = match parted {
        true => Some(blocks(&format!("{origin}, test part"), test, how.context, &vocabulary)?),
        false => None,
    };
    Split::new(train, test)
}

fn blocks(origin: &str, tokens: &[u32], context: usize, vocabulary: &[char]) -> Result<Dataset, Error> {
    let count = tokens.len().saturating_sub(1) / context;
    if count == 0 {
        let (expected, got) = (context.saturating_add(1), tokens.len());
        return Err(Error::ShortText { origin: origin.to_owned(), expected, context, got });
    }
    let inputs = tokens[..count * context].iter().map(|&token| token as f32).collect();
    let tokens = tokens[1..=count * context].to_vec();
    let targets = Targets::Tokens { tokens, length: context, vocabulary: vocabulary.to_vec() };
    Dataset::new(origin, inputs, vec![context], targets)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn blocks_follow_one_another_and_targets_are_one_ahead() {
        let split = text_of("abc", "abcabdé", &Text { context: 2, test_fraction: 0.0 }).unwrap();
        assert_eq!(split.train.inputs(), &[0.0, 1.0, 2.0, 0.0, 1.0, 3.0]);
        let Targets::Tokens { tokens, length: 2, vocabulary } = split.train.targets() else { panic!() };
        assert_eq!((&tokens[..], &vocabulary[..]), (&[1, 2, 0, 1, 3, 4][..], &['a', 'b', 'c', 'd', 'é'][..]));
        assert!(split.test.is_none());
        let split = text_of("abc", "abcabcabca", &Text { context: 2, test_fraction: 0.3 }).unwrap();
        assert_eq!((split.train.examples(), split.test.unwrap().examples()), (3, 1));
    }

    #[test]
    fn bad_texts_are_named() {
        let how = Text { context: 4, test_fraction: 0.0 };
        assert_eq!(
            text_of("x", "abcd", &how).unwrap_err().to_string(),
            "x: too short, expected at least 5 characters for a context of 4, got 4; try a smaller context"
        );
        let parted = Text { context: 9, test_fraction: 0.2 };
        assert_eq!(
            text_of("x", "abcdefghij", &parted).unwrap_err().to_string(),
            "x, training part: too short, expected at least 10 characters for a context of 9, got 8; try a smaller context"
        );
        assert_eq!(
            text_of("x", "", &how).unwrap_err().to_string(),
            "x: expected at least one example, got none; try another file or a larger subset"
        );
        let mut zeros = tempfile::NamedTempFile::new().unwrap();
        zeros.write_all(b"a\0b\0c\0").unwrap();
        let message = text(zeros.path(), &how).unwrap_err().to_string();
        assert!(message.ends_with(
            "wrong content, expected text in UTF-8, got a zero byte after 1 bytes (UTF-16, or no text); try another file or \
             data set name"
        ));
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"abc\xffdef").unwrap();
        let message = text(file.path(), &how).unwrap_err().to_string();
        assert!(
            message.ends_with("not UTF-8 at byte 3, expected text in UTF-8; try converting it, as with iconv -t UTF-8")
        );
        let message = text(Path::new("nowhere.txt"), &how).unwrap_err().to_string();
        assert_eq!(message, "nowhere.txt: not found, expected a text in UTF-8; try the path of a text file");
    }
}
