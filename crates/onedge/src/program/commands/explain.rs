use onedge_registry::{Error, nearest};

use onedge_spec::Catalogue;

use crate::program::code::Code;
use crate::program::console;
use crate::program::named::{Kind, Row, full, kinds};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Any tuner, optimizer, diagnostic, model, loss, data set, setting (`tuner.sigma`, `batch`), recorded quantity, field of a
    /// summary, ..., or a term such as `edge`
    name: String,
}

pub fn run(args: &Args, catalogue: &Catalogue) -> anyhow::Result<Code> {
    let (kinds, wanted) = (kinds(catalogue), plain(without_part(&args.name)));
    let rows = kinds.iter().flat_map(|kind| kind.rows.iter().map(move |row| (kind, row)));
    let text = |(kind, row): (&Kind, &Row)| format!("{} {}", kind.singular, full(row, console::width()));
    // A setting is called by its key alone, too.
    let called = |(kind, row): &(&Kind, &Row)| {
        let key = row.name.rsplit('.').next().filter(|_| kind.singular == "setting");
        plain(&row.name) == wanted || key.is_some_and(|key| plain(key) == wanted)
    };
    let mut found: Vec<String> = rows.clone().filter(called).map(text).collect();
    if found.is_empty() && args.name.contains('_') {
        found = rows.filter(|(_, row)| row.mentions(&args.name)).map(text).collect();
    }
    if found.is_empty() {
        let mut known: Vec<&str> = kinds.iter().flat_map(|kind| kind.rows.iter().map(|row| &*row.name)).collect();
        known.sort_unstable();
        known.dedup();
        return Err(
            Error::UnknownName { what: "name", name: args.name.clone(), nearest: nearest(&args.name, &known) }.into()
        );
    }
    console::result(&found.join("\n"));
    Ok(Code::Done)
}

/// A metric is called `test.accuracy` where it says of which examples, and a setting `spec.steps` where it might be a result;
/// counts of events are explained together.
fn without_part(name: &str) -> &str {
    match name.split_once('.') {
        Some(("train" | "test" | "best" | "spec", rest)) => rest,
        Some(("events", _)) => "events",
        _ => name,
    }
}

/// Names are in kebab case in specs and in snake case in records: either will do.
fn plain(name: &str) -> String {
    name.to_lowercase().replace('_', "-")
}
