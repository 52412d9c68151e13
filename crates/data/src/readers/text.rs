use std::path::{Path, PathBuf};

use super::{Content, Source, Unpacked};
use crate::{Dataset, Error, ExamplesError, Pieces, Split, Targets, TextError, Vocabulary};

/// How a text becomes examples.
#[derive(Debug, Clone, PartialEq)]
pub struct Text {
    /// Tokens that an example shows; its targets are the same, one token on.
    pub context: usize,
    /// The share of the text's characters, from its end, that is set aside for testing; 0 for none.
    pub test_fraction: f64,
    /// What tokens are.
    pub tokens: Tokens,
    /// How much a compressed file may hold.
    pub unpacked: Unpacked,
}

/// What the tokens of a text are.
#[derive(Debug, Clone, PartialEq)]
pub enum Tokens {
    /// Characters.
    Characters,
    /// Those of the byte-pair encoding in this file.
    File(PathBuf),
    /// Those of a byte-pair encoding trained on the training part of the text, so many.
    Trained(usize),
}

/// The text in a file, plain or gzip'd, cut into blocks of tokens. A byte order mark is no character of it.
///
/// The vocabulary of characters is every one that occurs, in the order of code points; block i begins at token
/// `i * context`, so blocks share no input. What does not fill a block at the end is left out.
///
/// # Errors
/// A file that is not there, not UTF-8 (with the offset), empty, or shorter than one block; [`TextError::NoPieces`] for a byte-pair encoding without the feature `bpe`.
pub fn text(path: &Path, how: &Text) -> Result<Split, Error> {
    let (origin, text) = whole(path, how.unpacked)?;
    text_of(&origin, &text, how)
}

/// All of the text in a file, plain or gzip'd, cut into blocks of `context` tokens of a vocabulary that is known.
///
/// # Errors
/// As [`text`]; [`TextError::Unseen`] for a character that the vocabulary has no token for.
pub fn text_with(path: &Path, context: usize, vocabulary: &Vocabulary, unpacked: Unpacked) -> Result<Dataset, Error> {
    let (origin, text) = whole(path, unpacked)?;
    blocks(&origin, &text, context, vocabulary).map_err(|error| match error {
        Error::Text(TextError::NoToken { origin, character }) => Error::Text(TextError::Unseen { origin, character }),
        other => other,
    })
}

/// What a file is called, and its text without the byte order mark that some editors begin it with.
fn whole(path: &Path, unpacked: Unpacked) -> Result<(String, String), Error> {
    const EXPECTED: &str = "a text in UTF-8";
    let mut source = Source::open(path, EXPECTED, "the path of a text file", unpacked)?;
    source.require(Content::Text, EXPECTED)?;
    let bytes = source.text()?;
    let origin = source.origin().to_owned();
    match std::str::from_utf8(&bytes) {
        Ok(text) => Ok((origin, text.strip_prefix('\u{feff}').unwrap_or(text).to_owned())),
        Err(error) => Err(Error::Text(TextError::NotUtf8 { origin, offset: error.valid_up_to() })),
    }
}

/// The same for a text in memory, called `origin` in errors.
///
/// # Errors
/// A text that is empty or shorter than one block.
pub fn text_of(origin: &str, text: &str, how: &Text) -> Result<Split, Error> {
    let characters = text.chars().count();
    if characters == 0 {
        return Err(Error::Examples(ExamplesError::NoExamples { origin: origin.to_owned() }));
    }
    let kept = characters - (characters as f64 * how.test_fraction) as usize;
    let end = text.char_indices().nth(kept).map_or(text.len(), |(at, _)| at);
    let (train, test) = text.split_at(end);
    let vocabulary = match &how.tokens {
        Tokens::Characters => characters_of(text),
        Tokens::File(path) => Vocabulary::Pieces(Pieces::read(path)?),
        Tokens::Trained(size) => Vocabulary::Pieces(Pieces::train(origin, train, *size)?),
    };
    let parted = how.test_fraction > 0.0;
    let name = if parted { format!("{origin}, training part") } else { origin.to_owned() };
    let train = blocks(&name, train, how.context, &vocabulary)?;
    let test = match parted {
        true => Some(blocks(&format!("{origin}, test part"), test, how.context, &vocabulary)?),
        false => None,
    };
    Split::new(train, test)
}

fn characters_of(text: &str) -> Vocabulary {
    let mut characters: Vec<char> = text.chars().collect();
    characters.sort_unstable();
    characters.dedup();
    Vocabulary::Characters(characters)
}

fn blocks(origin: &str, text: &str, context: usize, vocabulary: &Vocabulary) -> Result<Dataset, Error> {
    let tokens = vocabulary
        .encode(text)
        .map_err(|character| Error::Text(TextError::NoToken { origin: origin.to_owned(), character }))?;
    let count = tokens.len().saturating_sub(1) / context;
    if count == 0 {
        let (units, expected, got) = (vocabulary.units(), context.saturating_add(1), tokens.len());
        return Err(Error::Text(TextError::ShortText { origin: origin.to_owned(), units, expected, context, got }));
    }
    let inputs = tokens[..count * context].iter().map(|&token| token as f32).collect();
    let tokens = tokens[1..=count * context].to_vec();
    let targets = Targets::Tokens { tokens, length: context, vocabulary: vocabulary.clone() };
    Dataset::new(origin, inputs, vec![context], targets)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn characters(context: usize, test_fraction: f64) -> Text {
        Text { context, test_fraction, tokens: Tokens::Characters, unpacked: Unpacked::Usual }
    }

    /// Trained on the first half alone, so the second takes more tokens for as many characters.
    #[cfg(feature = "bpe")]
    #[test]
    fn pieces_of_a_text_in_two_parts() {
        let text = "the cat ".repeat(50) + &"one dog ".repeat(50);
        let how = Text { context: 4, test_fraction: 0.5, tokens: Tokens::Trained(270), unpacked: Unpacked::Usual };
        let split = text_of("x", &text, &how).unwrap();
        let Targets::Tokens { tokens, vocabulary, .. } = split.train.targets() else { panic!() };
        assert!(text.contains(&vocabulary.decode(tokens)) && vocabulary.len() <= 270);
        assert!(split.test.as_ref().unwrap().examples() > 2 * split.train.examples());
    }

    #[test]
    fn blocks_follow_one_another_and_targets_are_one_ahead() {
        let split = text_of("abc", "abcabdé", &characters(2, 0.0)).unwrap();
        assert_eq!(split.train.inputs(), &[0.0, 1.0, 2.0, 0.0, 1.0, 3.0]);
        let Targets::Tokens { tokens, length: 2, vocabulary } = split.train.targets() else { panic!() };
        assert_eq!(tokens, &[1, 2, 0, 1, 3, 4]);
        assert_eq!(vocabulary, &Vocabulary::Characters(vec!['a', 'b', 'c', 'd', 'é']));
        assert!(split.test.is_none());
        let split = text_of("abc", "abcabcabca", &characters(2, 0.3)).unwrap();
        assert_eq!((split.train.examples(), split.test.unwrap().examples()), (3, 1));
    }

    #[test]
    fn bad_texts_are_named() {
        let how = characters(4, 0.0);
        assert_eq!(
            text_of("x", "abcd", &how).unwrap_err().to_string(),
            "x: too short, expected at least 5 characters for a context of 4, got 4; try a smaller context"
        );
        let parted = characters(9, 0.2);
        assert_eq!(
            text_of("x", "abcdefghij", &parted).unwrap_err().to_string(),
            "x, training part: too short, expected at least 10 characters for a context of 9, got 8; try a smaller context"
        );
        assert_eq!(
            text_of("x", "", &how).unwrap_err().to_string(),
            "x: expected at least one example, got none; try another file or a larger subset"
        );
        let mut zeros = tempfile::NamedTempFile::new().unwrap();
        zeros.write_all(b"words\0words").unwrap();
        let message = text(zeros.path(), &how).unwrap_err().to_string();
        assert!(
            message.ends_with(
                "wrong content, expected text in UTF-8, got a zero byte after 5 bytes, which no text has; try another file \
                 or data set name"
            ),
            "{message}"
        );
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"abc\xffdef").unwrap();
        let message = text(file.path(), &how).unwrap_err().to_string();
        assert!(
            message.ends_with("not UTF-8 at byte 3, expected text in UTF-8; try converting it, as with iconv -t UTF-8")
        );
        let message = text(Path::new("nowhere.txt"), &how).unwrap_err().to_string();
        assert_eq!(message, "nowhere.txt: not found, expected a text in UTF-8; try the path of a text file");
    }

    #[test]
    fn a_byte_order_mark_is_no_character() {
        let dir = tempfile::tempdir().unwrap();
        let read = |bytes: &[u8]| {
            let path = dir.path().join("t.txt");
            std::fs::write(&path, bytes).unwrap();
            text(&path, &characters(3, 0.0)).map_err(|e| e.to_string().replace(&path.display().to_string(), "t.txt"))
        };
        let plain = "um aber und um";
        let marked = format!("\u{feff}{plain}");
        let of = |split: Split| split.train.into_parts();
        assert_eq!(of(read(marked.as_bytes()).unwrap()), of(read(plain.as_bytes()).unwrap()));
        assert_eq!(of(read(&crate::readers::gzip(marked.as_bytes())).unwrap()), of(read(plain.as_bytes()).unwrap()));
        // Elsewhere it is one as any other.
        let inside = read("um\u{feff} aber und um".as_bytes()).unwrap();
        assert_eq!(inside.train.targets().outputs(), read(plain.as_bytes()).unwrap().train.targets().outputs() + 1);
        assert!(read("\u{feff}".as_bytes()).unwrap_err().contains("at least one example"));
        let wide: Vec<u8> = marked.encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!(
            read(&wide).unwrap_err(),
            "t.txt: a text in UTF-16BE, expected a text in UTF-8; try converting it, as with `iconv -f UTF-16BE -t UTF-8`"
        );
        // A page is a text as well, a packed file is none.
        assert!(read(b"<html>abc</html>").is_ok());
        assert!(
            read(b"BZh91AY&SY").unwrap_err().starts_with("t.txt: a bzip2 file, expected a text in UTF-8; try unpack")
        );
    }

    #[test]
    fn a_compressed_text_holds_no_more_than_it_may() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.txt.gz");
        std::fs::write(&path, crate::readers::gzip(&vec![b'a'; 3 << 20])).unwrap();
        let read = |mib| text(&path, &Text { unpacked: Unpacked::Mib(mib), ..characters(4, 0.0) });
        assert_eq!(read(3).unwrap().train.examples(), ((3 << 20) - 1) / 4);
        assert_eq!(
            read(2).unwrap_err().to_string().replace(&path.display().to_string(), "t.txt.gz"),
            "t.txt.gz: more than 2 MiB once unpacked, expected at most the 2 MiB of `unpacked_mib`; try a larger \
             `unpacked_mib`, or unpacking it first, as with `gunzip`"
        );
    }
}
