use std::path::{Path, PathBuf};

use onedge_registry::{Default, Entry, Kind, Setting, Settings, setting};

use super::build::{Build, Context};
use super::common;
use crate::readers::{self, Text, Tokens};
use crate::{Error, Split};

/// How texts become examples.
pub const SETTINGS: &[Setting] = &[
    setting("context", Kind::Integer, Default::Is("64"), "tokens of an example"),
    setting("tokens", Kind::Text, Default::Absent, "`characters` or `bpe`, a byte-pair encoding; characters if absent"),
    setting("tokenizer", Kind::Path, Default::Absent, "of bpe: the file of one, a tokenizer.json"),
    setting("vocabulary", Kind::Integer, Default::Absent, "of bpe: train one of so many tokens on the training part"),
    setting("test_fraction", Kind::Number, Default::Is("0.1"), "set the last so much of the text aside for testing"),
    setting("first", Kind::Integer, Default::Absent, "train on the first so many examples"),
    setting("random", Kind::Integer, Default::Absent, "train on so many examples, chosen by `seed`"),
    setting("seed", Kind::Integer, Default::Is("0"), "of that choice"),
    setting("test_first", Kind::Integer, Default::Absent, "test on the first so many test examples"),
];

const GROUPS: &[&[Setting]] = &[
    &[setting("path", Kind::Path, Default::Required, "the text, in UTF-8, plain or gzip'd")],
    common::UNPACKED,
    SETTINGS,
];
static ALL: [Setting; common::count(GROUPS)] = common::concat(GROUPS);

/// A text of one's own.
pub static ENTRY: Entry<Build> = Entry {
    name: "text",
    summary: "a text of your own, in characters or pieces",
    doc: "Cut into blocks of `context` tokens; the task is to tell at each place which comes next. Tokens are characters, and the \
          vocabulary every one that occurs but a byte order mark at the beginning. With `tokens = bpe` they are pieces of a byte-pair encoding: of the file `tokenizer`, \
          in the JSON format of Hugging Face's tokenizers, or trained on the text up to `vocabulary` tokens, bytes included. \
          That asks for a program built with the feature `bpe`.",
    settings: &ALL,
    build,
};

fn build(settings: &Settings, _: &Context<'_>) -> Result<Split, Error> {
    common::choose(readers::text(Path::new(settings.text("path")), &how(settings)?)?, settings)
}

/// What the settings say.
///
/// # Errors
/// A context of 0, a fraction out of range.
pub fn how(settings: &Settings) -> Result<Text, Error> {
    let context = settings.count("context")?;
    if context == 0 {
        return Err(settings.out_of_range("context", "a whole number, 1 or more").into());
    }
    let range = |x: f64| (0.0..1.0).contains(&x);
    let test_fraction = settings.number_where("test_fraction", "a number in [0, 1)", range)?;
    Ok(Text { context, test_fraction, tokens: tokens(settings)?, unpacked: common::unpacked(settings)? })
}

fn tokens(settings: &Settings) -> Result<Tokens, Error> {
    /// A token for each byte.
    const BYTES: usize = 256;
    let (file, size) = (settings.optional_text("tokenizer"), settings.optional_count("vocabulary")?);
    match (settings.optional_text("tokens").unwrap_or("characters"), file, size) {
        ("characters", None, None) => Ok(Tokens::Characters),
        ("characters", Some(_), _) => Err(settings.out_of_range("tokenizer", "no value without `tokens = bpe`").into()),
        ("characters", None, _) => Err(settings.out_of_range("vocabulary", "no value without `tokens = bpe`").into()),
        ("bpe", Some(file), None) => Ok(Tokens::File(PathBuf::from(file))),
        ("bpe", None, Some(size)) if size >= BYTES => Ok(Tokens::Trained(size)),
        ("bpe", None, Some(_)) => {
            Err(settings.out_of_range("vocabulary", "256 tokens, one for each byte, or more").into())
        }
        ("bpe", Some(_), Some(_)) => Err(settings.out_of_range("vocabulary", "no value, as `tokenizer` is set").into()),
        ("bpe", None, None) => {
            Err(settings.out_of_range("tokens", "`tokenizer` or `vocabulary` to be set with it").into())
        }
        _ => Err(settings.out_of_range("tokens", "`characters` or `bpe`").into()),
    }
}

#[cfg(test)]
mod tests {
    use crate::datasets::load_text;

    #[test]
    fn settings_that_do_not_go_together_are_named() {
        let of = |settings: &[(&str, &str)]| load_text("cicero", settings).unwrap_err().to_string();
        assert_eq!(of(&[("tokens", "words")]), "cicero.tokens: expected `characters` or `bpe`, got \"words\"");
        assert_eq!(
            of(&[("vocabulary", "300")]),
            "cicero.vocabulary: expected no value without `tokens = bpe`, got 300"
        );
        assert_eq!(
            of(&[("tokens", "bpe")]),
            "cicero.tokens: expected `tokenizer` or `vocabulary` to be set with it, got \"bpe\""
        );
        assert_eq!(
            of(&[("tokens", "bpe"), ("vocabulary", "99")]),
            "cicero.vocabulary: expected 256 tokens, one for each byte, or more, got 99"
        );
    }
}
