use std::path::Path;

use onedge_registry::{Default, Entry, Kind, Setting, Settings, setting};

use super::build::{Build, Context};
use super::common;
use crate::readers;
use crate::table::{CATEGORIES, Column, Format, MARKS, Missing, Rules, Table, Unknown};
use crate::{Error, Split};

const GROUPS: &[&[Setting]] = &[
    &[
        setting("path", Kind::Path, Default::Required, "the table, plain or gzip'd"),
        setting("test_path", Kind::Path, Default::Absent, "a second table to test on, with the same columns"),
        setting("column", Kind::Text, Default::Absent, "the name of the column to predict; the last if not given"),
        setting("column_index", Kind::Integer, Default::Absent, "the same by place, from 0"),
        setting("target", Kind::Text, Default::Is("classes"), "what that column holds: `classes` or `values`"),
        setting("any_label", Kind::Flag, Default::Absent, ANY_LABEL_HELP),
        setting("header", Kind::Flag, Default::Is("true"), "whether the first line names the columns"),
        setting("delimiter", Kind::Text, Default::Is(","), "one character, or `tab`"),
        setting("full_scale", Kind::Number, Default::Absent, "the input value that `scale = unit` maps to 1"),
        setting("drop", Kind::Texts, Default::Absent, "columns to leave out, such as ids"),
        setting("categorical", Kind::Texts, Default::Absent, "columns of numbers that stand for categories"),
        setting("categories", Kind::Integer, Default::Absent, "the most categories of a column; 100 if not given"),
        setting("unknown", Kind::Text, Default::Absent, UNKNOWN_HELP),
        setting("missing", Kind::Text, Default::Absent, MISSING_HELP),
        setting("missing_marks", Kind::Texts, Default::Absent, MARKS_HELP),
        setting("missing_indicator", Kind::Flag, Default::Absent, "an input more for each column that lacks numbers"),
    ],
    common::UNPACKED,
    common::SUBSET,
    common::SCALE_STANDARD,
];
static SETTINGS: [Setting; common::count(GROUPS)] = common::concat(GROUPS);

const ANY_LABEL_HELP: &str =
    "whether any text is a class: 1.5 and 2.7, NA, 1 and 1.0, a label for each row; false if not given";
const UNKNOWN_HELP: &str =
    "what a category becomes that no training row has: `error` (if not given), or all its columns `zeros`";
const MISSING_HELP: &str =
    "what becomes of a missing value: `error` (if not given), the `mean` or `median` of the training rows, `drop-row`";
const MARKS_HELP: &str =
    "what stands for a missing value beside nothing; NA, N/A, NaN, nan, NULL, null, #N/A, ? if not given";

/// Any table.
pub static ENTRY: Entry<Build> = Entry {
    name: "csv",
    summary: "a table of your own with a column to predict",
    doc: "A column of numbers is an input, scaled as `scale` says. A column without a number is one of categories: an input \
          for each, 1 for that of the row and 0 for the others, in ascending order. A column of both is an error. Class \
          labels are texts or whole numbers; classes are numbered in ascending order of their labels, as numbers if all are \
          whole numbers. What looks like an amount, an id or a missing label is refused, unless `any_label` says otherwise. Where `missing` fills in numbers, a missing text is a category of its own. All of that is learned from \
          the examples to train on, classes apart, which are those of the whole file; it is left in the folder of a run as \
          encoding.json. Numbers are read and scaled in double precision and rounded last; a run of precision f64 keeps \
          all their digits. The columns of `test_path` are matched to those of `path` by name, in any order; without a header by \
          place, and columns are then called 0, 1 and so on.",
    settings: &SETTINGS,
    build,
};

fn build(settings: &Settings, context: &Context<'_>) -> Result<Split, Error> {
    let rules = Rules { precision: context.precision, ..rules(settings)? };
    let format = Format { header: settings.flag("header"), delimiter: delimiter(settings)? };
    let unpacked = common::unpacked(settings)?;
    let read = |path: &str| Table::read_up_to(Path::new(path), format, unpacked);
    let train = read(settings.text("path"))?;
    let test = settings.optional_text("test_path").map(read).transpose()?;
    if let Some(encoding) = context.encoding {
        let choose = |places| common::take(places, settings);
        return readers::split_table_by(&train, test.as_ref(), encoding, context.precision, choose);
    }
    let listeners = readers::Listeners { warn: context.warn, tell: context.tell };
    readers::split_table(&train, test.as_ref(), &rules, listeners, |places| common::take(places, settings))
}

fn rules(settings: &Settings) -> Result<Rules, Error> {
    let target = match (settings.optional_text("column"), settings.optional_count("column_index")?) {
        (Some(_), Some(_)) => return Err(settings.out_of_range("column_index", "no value, as `column` is set").into()),
        (Some(name), None) => Column::Name(name.to_owned()),
        (None, Some(index)) => Column::Index(index),
        (None, None) => Column::Last,
    };
    let missing = match settings.optional_text("missing") {
        None | Some("error") => Missing::Error,
        Some("mean") => Missing::Mean,
        Some("median") => Missing::Median,
        Some("drop-row") => Missing::DropRow,
        Some(_) => return Err(settings.out_of_range("missing", "`error`, `mean`, `median` or `drop-row`").into()),
    };
    let unknown = match settings.optional_text("unknown") {
        None | Some("error") => Unknown::Error,
        Some("zeros") => Unknown::Zeros,
        Some(_) => return Err(settings.out_of_range("unknown", "`error` or `zeros`").into()),
    };
    let missing_indicator = settings.optional_flag("missing_indicator").unwrap_or(false);
    if missing_indicator && !matches!(missing, Missing::Mean | Missing::Median) {
        let expected = "false, or `missing` set to `mean` or `median`";
        return Err(settings.out_of_range("missing_indicator", expected).into());
    }
    let full_scale = settings.optional_number("full_scale");
    if full_scale.is_some_and(|full_scale| !(full_scale.is_finite() && full_scale > 0.0)) {
        return Err(settings.out_of_range("full_scale", "a finite number above zero").into());
    }
    let scale = common::scale(settings)?;
    Ok(Rules {
        any_label: settings.optional_flag("any_label").unwrap_or(false),
        drop: settings.optional_texts("drop").unwrap_or_default(),
        categorical: settings.optional_texts("categorical").unwrap_or_default(),
        missing,
        missing_marks: settings.optional_texts("missing_marks").unwrap_or_else(|| MARKS.map(str::to_owned).to_vec()),
        missing_indicator,
        unknown,
        categories: settings.optional_count("categories")?.unwrap_or(CATEGORIES),
        scale,
        full_scale: full_scale.map(|full_scale| full_scale as f32),
        ..Rules::plain(target, common::task(settings)?)
    })
}

fn delimiter(settings: &Settings) -> Result<u8, Error> {
    match settings.text("delimiter").as_bytes() {
        b"tab" | b"\\t" => Ok(b'\t'),
        // What numbers are written with would cut them in pieces.
        [byte] if (byte.is_ascii_punctuation() || *byte == b' ') && !b"\"+-._".contains(byte) => Ok(*byte),
        _ => Err(settings.out_of_range("delimiter", "one ASCII character that is in no number, or `tab`").into()),
    }
}
