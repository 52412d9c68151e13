use std::collections::BTreeMap;

use onedge_store::{FieldValue, Filter, Selection, Sort, canonical};
use onedge_text::table::{Table, duration, number};

use onedge_spec::Catalogue;

use crate::program::code::Code;
use crate::program::console;
use crate::program::root::Root;

#[derive(Debug, clap::Args)]
pub struct Listing {
    /// Only runs that fit, like 'tuner=cdat and final_loss<0.3'; any setting, outcome or tag can be named, with
    /// = != < <= > >= ~ (contains), and, or, not and parentheses
    #[arg(long = "where", value_name = "FILTER")]
    filter: Option<String>,
    /// In the order of this; -KEY for the largest first [default: -started]
    #[arg(long, value_name = "KEY", allow_hyphen_values = true)]
    sort: Option<String>,
    /// At most so many
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    /// What to show of each
    #[arg(long, value_name = "KEYS", value_delimiter = ',')]
    columns: Option<Vec<String>>,
    /// As JSON, with everything that is known unless columns are named; numbers that JSON lacks are the text inf, -inf and NaN
    #[arg(long)]
    json: bool,
}

impl Listing {
    /// An option that was given, if any was.
    pub fn given(&self) -> Option<&'static str> {
        let given = [
            ("--where", self.filter.is_some()),
            ("--sort", self.sort.is_some()),
            ("--limit", self.limit.is_some()),
            ("--columns", self.columns.is_some()),
            ("--json", self.json),
        ];
        given.into_iter().find_map(|(option, given)| given.then_some(option))
    }
}

/// What is shown unless something else is said.
const COLUMNS: [&str; 10] =
    ["id", "folder", "status", "tuner", "steps", "final_loss", "seconds", "started", "tags", NOTE];
/// Shown where some run has one.
const NOTE: &str = "note";
/// How soon each is left out where there is no room.
const RANKS: [u8; 10] = [3, 0, 0, 2, 5, 0, 6, 7, 4, 8];

pub fn run(args: &Listing, root: &Root, catalogue: &Catalogue) -> anyhow::Result<Code> {
    let filter = args.filter.as_deref().map(Filter::parse).transpose()?;
    let sort = args.sort.as_deref().map(Sort::parse);
    let written = || args.columns.clone().unwrap_or_else(|| COLUMNS.map(str::to_owned).to_vec());
    let columns = (!args.json || args.columns.is_some()).then(written);
    let rows = if root.is_yet_to_come() {
        Vec::new()
    } else {
        let limit = args.limit.map(|limit| limit as usize);
        let selection = Selection { filter: filter.as_ref(), sort: sort.as_ref(), limit, columns: columns.as_deref() };
        root.open(catalogue)?.list(&selection)?
    };
    if args.json {
        console::data(&json(&rows)?);
    } else if rows.is_empty() {
        let none = if filter.is_some() { "no run fits, of those" } else { "no runs" };
        console::note(&format!("note: {none} below {}", root.path().display()));
    } else {
        let mut columns = columns.unwrap_or_default();
        let mut usual = RANKS.to_vec();
        if args.columns.is_none() && rows.iter().all(|row| !row.contains_key(NOTE)) {
            columns.pop();
            usual.pop();
        }
        let headings: Vec<&str> = columns.iter().map(String::as_str).collect();
        let cells =
            |row: &BTreeMap<String, FieldValue>| columns.iter().map(|key| cell(key, row.get(canonical(key)))).collect();
        let numeric: Vec<bool> = columns.iter().map(|key| is_numeric(key, &rows)).collect();
        // Of columns that were asked for the last ones go first.
        let in_order = || (0..headings.len()).map(|column| u8::try_from(column).unwrap_or(u8::MAX)).collect();
        let ranks = if args.columns.is_some() { in_order() } else { usual };
        let table = Table::aligned(&headings, &numeric, &rows.iter().map(cells).collect::<Vec<_>>());
        console::table(&table.ranked(&ranks));
    }
    Ok(Code::Done)
}

fn json(rows: &[BTreeMap<String, FieldValue>]) -> serde_json::Result<String> {
    let object = |row: &BTreeMap<String, FieldValue>| -> serde_json::Map<_, _> {
        row.iter().map(|(key, fact)| (key.clone(), fact.to_json())).collect()
    };
    Ok(serde_json::to_string_pretty(&rows.iter().map(object).collect::<Vec<_>>())? + "\n")
}

/// Whether a column holds numbers, and nothing else.
fn is_numeric(key: &str, rows: &[BTreeMap<String, FieldValue>]) -> bool {
    let mut facts = rows.iter().filter_map(|row| row.get(canonical(key))).peekable();
    facts.peek().is_some() && facts.all(|fact| fact.number().is_some())
}

/// A fact as tables show it.
fn cell(key: &str, fact: Option<&FieldValue>) -> String {
    match (key, fact) {
        ("tags" | NOTE, None) => String::new(),
        (_, None) => "-".to_owned(),
        ("seconds" | "spectrum_seconds", Some(fact)) => fact.number().map_or_else(|| fact.to_string(), duration),
        ("started" | "ended", Some(FieldValue::Text(time))) => time.replace('T', " ").trim_end_matches('Z').to_owned(),
        (_, Some(FieldValue::Number(value))) => number(Some(*value)),
        (_, Some(fact)) => fact.to_string(),
    }
}
