use std::path::Path;

use onedge_registry::{Default, Entry, Kind, Setting, Settings, setting};

use super::{Build, Context, common};
use crate::readers::{self, Text};
use crate::{Error, Split};

/// How texts become examples.
pub const SETTINGS: &[Setting] = &[
    setting("context", Kind::Integer, Default::Is("64"), "characters of an example"),
    setting("test_fraction", Kind::Number, Default::Is("0.1"), "set the last so much of the text aside for testing"),
    setting("first", Kind::Integer, Default::Absent, "train on the first so many examples"),
    setting("random", Kind::Integer, Default::Absent, "train on so many examples, chosen by `seed`"),
    setting("seed", Kind::Integer, Default::Is("0"), "of that choice"),
    setting("test_first", Kind::Integer, Default::Absent, "test on the first so many test examples"),
];

const GROUPS: &[&[Setting]] =
    &[&[setting("path", Kind::Text, Default::Required, "the text, in UTF-8, plain or gzip'd")], SETTINGS];
static ALL: [Setting; common::count(GROUPS)] = common::concat(GROUPS);

/// A text of one's own.
pub static ENTRY: Entry<Build> = Entry {
    name: "text",
    summary: "a text of your own, character by character",
    doc: "Cut into blocks of `context` characters; the task is to tell at each place which character comes next. The \
          vocabulary is every character that occurs.",
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
    Ok(Text { context, test_fraction: settings.number_where("test_fraction", "a number in [0, 1)", range)? })
}
