use std::path::Path;

use onedge_registry::{Default, Entry, Kind, Setting, Settings, setting};

use super::build::{Build, Context};
use super::common;
use crate::readers::{self, Column, Csv};
use crate::{Error, Split};

const GROUPS: &[&[Setting]] = &[
    &[
        setting("path", Kind::Text, Default::Required, "the table, plain or gzip'd"),
        setting("test_path", Kind::Text, Default::Absent, "a second table to test on, with the same columns"),
        setting("column", Kind::Text, Default::Absent, "the name of the column to predict; the last if not given"),
        setting("column_index", Kind::Integer, Default::Absent, "the same by place, from 0"),
        setting("target", Kind::Text, Default::Is("classes"), "what that column holds: `classes` or `values`"),
        setting("header", Kind::Flag, Default::Is("true"), "whether the first line names the columns"),
        setting("delimiter", Kind::Text, Default::Is(","), "one character, or `tab`"),
        setting("full_scale", Kind::Number, Default::Absent, "the input value that `scale = unit` maps to 1"),
    ],
    common::SUBSET,
    common::SCALE_STANDARD,
];
static SETTINGS: [Setting; common::count(GROUPS)] = common::concat(GROUPS);

/// Any table of numbers.
pub static ENTRY: Entry<Build> = Entry {
    name: "csv",
    summary: "a table of your own with a column to predict",
    doc: "Every other column must hold finite numbers. Class labels may be any text; classes are numbered in ascending \
          order of their labels, as numbers if all are whole numbers. The columns of `test_path` are matched to those of \
          `path` by name, in any order; without a header by place.",
    settings: &SETTINGS,
    build,
};

fn build(settings: &Settings, _: &Context<'_>) -> Result<Split, Error> {
    let target = match (settings.optional_text("column"), settings.optional_count("column_index")?) {
        (Some(_), Some(_)) => return Err(settings.out_of_range("column_index", "no value, as `column` is set").into()),
        (Some(name), None) => Column::Name(name.to_owned()),
        (None, Some(index)) => Column::Index(index),
        (None, None) => Column::Last,
    };
    let delimiter = match settings.text("delimiter").as_bytes() {
        b"tab" | b"\\t" => b'\t',
        // What numbers are written with would cut them in pieces.
        [byte] if (byte.is_ascii_punctuation() || *byte == b' ') && !b"\"+-._".contains(byte) => *byte,
        _ => {
            return Err(settings
                .out_of_range("delimiter", "one ASCII character that is in no number, or `tab`")
                .into());
        }
    };
    let how = Csv { target, task: common::task(settings)?, header: settings.flag("header"), delimiter };
    let test = settings.optional_text("test_path").map(Path::new);
    let mut split = readers::csv_split(Path::new(settings.text("path")), test, &how)?;
    if let Some(full_scale) = settings.optional_number("full_scale") {
        if !(full_scale.is_finite() && full_scale > 0.0) {
            return Err(settings.out_of_range("full_scale", "a finite number above zero").into());
        }
        split = split.try_map(|set| Ok(set.with_full_scale(full_scale as f32)))?;
    }
    common::apply(split, settings)
}
