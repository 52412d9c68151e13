use std::path::PathBuf;

use onedge_data::table::{ColumnSummary, TableSummary};
use onedge_data::{NumbersSummary, PartSummary, Summary};
use onedge_spec::{Catalogue, Spec};
use onedge_text::table::{number, table};

use crate::program::code::Code;
use crate::program::console;
use crate::program::progress::Rows;
use crate::program::specs::Overrides;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The spec: a TOML file or a run folder [default: the defaults]
    spec: Option<PathBuf>,
    #[command(flatten)]
    overrides: Overrides,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args, catalogue: &Catalogue) -> anyhow::Result<Code> {
    let spec = Spec::resolve(&args.overrides.document(args.spec.as_deref(), catalogue)?)?;
    // What would be told along the way is part of the summary.
    let mut data_sets = args.overrides.data_sets(&Rows::new(false)).warned_by(|_| {}).told_by(|_| {});
    let split = data_sets.get(&spec, 0)?;
    let summary = Summary::of(&spec.data.name, &split);
    if args.json {
        console::data(&(serde_json::to_string_pretty(&summary)? + "\n"));
    } else {
        console::result(&to_text(&summary));
    }
    Ok(Code::Done)
}

/// Lines are cut to this width.
const WIDTH: usize = 80;
/// The most classes that are listed.
const MOST_CLASSES: usize = 30;
/// The most of a cell that is shown.
const CELL: usize = 24;

fn to_text(summary: &Summary) -> String {
    let mut out = format!("data {}\n", summary.data);
    let part = |name: &str, part: &PartSummary| {
        let PartSummary { origin, examples, inputs, .. } = part;
        format!("{name}: {examples} examples of {}, inputs {}\n", shown(origin), range(inputs))
    };
    out += &part("to train on", &summary.train);
    out += &summary.test.as_ref().map_or("to test on: none\n".to_owned(), |test| part("to test on", test));
    let shape: Vec<String> = summary.input_shape.iter().map(ToString::to_string).collect();
    out += &format!("inputs of an example: {}\n", shape.join(" x "));
    out += &match (&summary.train.values, summary.vocabulary) {
        (Some(values), _) => format!("predicted: numbers {}\n", range(values)),
        (None, Some(tokens)) => format!("predicted: the next of {tokens} tokens\n"),
        (None, None) => format!("predicted: one of {} classes\n", summary.classes.len()),
    };
    if let Some(characters) = &summary.characters {
        out += &format!("characters: {}\n", shown(characters));
    }
    if let Some(columns) = &summary.table {
        out += &format!("\n{}\nfirst rows\n{}", columns_of(columns), first_rows(columns));
    }
    if !summary.classes.is_empty() {
        out += &format!("\n{}", classes(summary));
    }
    let text: String = out.lines().map(|line| cut(line, WIDTH) + "\n").collect();
    let warnings: String = summary.warnings.iter().map(|warning| format!("warning: {warning}\n")).collect();
    if warnings.is_empty() { text } else { format!("{text}\n{warnings}") }
}

fn classes(summary: &Summary) -> String {
    let count = |part: &PartSummary, class: usize| part.counts.get(class).copied().unwrap_or(0).to_string();
    let row = |(class, name): (usize, &String)| {
        let test = summary.test.as_ref().map(|test| count(test, class));
        [cut(&shown(name), CELL), count(&summary.train, class)].into_iter().chain(test).collect::<Vec<_>>()
    };
    let rows: Vec<Vec<String>> = summary.classes.iter().enumerate().map(row).take(MOST_CLASSES).collect();
    let headings = ["class", "train", "test"];
    let mut text = table(&headings[..if summary.test.is_some() { 3 } else { 2 }], &rows);
    if let Some(more @ 1..) = summary.classes.len().checked_sub(MOST_CLASSES) {
        text += &format!("and {more} more\n");
    }
    text
}

fn columns_of(columns: &TableSummary) -> String {
    let row = |(place, column): (usize, &ColumnSummary)| {
        vec![
            place.to_string(),
            cut(&shown(&column.name), CELL),
            column.taken_as.to_owned(),
            column.inputs.to_string(),
            column.missing.to_string(),
            column.different.to_string(),
            values_of(column),
        ]
    };
    let rows: Vec<Vec<String>> = columns.columns.iter().enumerate().map(row).collect();
    let left_out = match columns.left_out {
        0 => String::new(),
        rows => format!(", {rows} left out"),
    };
    let header = if columns.header { "the first line names the columns" } else { "without a header" };
    let text = table(&["", "column", "taken as", "inputs", "missing", "different", "values"], &rows);
    format!(
        "{} rows{left_out}; {header}; cells end at `{}`\n{text}",
        columns.rows,
        shown(&columns.delimiter.to_string())
    )
}

fn values_of(column: &ColumnSummary) -> String {
    if let (Some(smallest), Some(largest), Some(mean)) = (column.smallest, column.largest, column.mean) {
        return range(&NumbersSummary { smallest, largest, mean });
    }
    let counts = column.counts.iter().map(|counted| format!("{} {}", cut(&shown(&counted.label), CELL), counted.rows));
    counts.take(MOST_CLASSES).collect::<Vec<_>>().join(", ")
}

fn first_rows(columns: &TableSummary) -> String {
    let headings: Vec<String> = columns.columns.iter().map(|column| cut(&shown(&column.name), CELL)).collect();
    let headings: Vec<&str> = headings.iter().map(String::as_str).collect();
    let cells = |row: &Vec<String>| row.iter().map(|cell| cut(&shown(cell), CELL)).collect();
    table(&headings, &columns.first_rows.iter().map(cells).collect::<Vec<Vec<String>>>())
}

fn range(numbers: &NumbersSummary) -> String {
    let show = |x: f64| number(Some(x));
    format!("{} to {}, mean {}", show(numbers.smallest), show(numbers.largest), show(numbers.mean))
}

/// On one line, with nothing in it that moves the cursor.
fn shown(text: &str) -> String {
    let escaped = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    text.chars().map(escaped).collect()
}

/// No wider than `width`.
fn cut(text: &str, width: usize) -> String {
    match text.chars().count() {
        length if length <= width => text.to_owned(),
        _ => text.chars().take(width - 1).chain(['…']).collect(),
    }
}
