use onedge_lab::spec::{ROOT, SECTIONS};
use onedge_lab::table::table;
use onedge_registry::{Default, Entry, Error, Setting, nearest};

use crate::console;
use crate::exit::Code;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// tuners, optimizers, models, activations, initialisations, losses, datasets, sections or theories
    kind: Option<String>,
    /// One of them, in full
    name: Option<String>,
}

/// A registry without what its entries build.
struct Kind {
    plural: &'static str,
    singular: &'static str,
    rows: Vec<Row>,
}

#[derive(Clone)]
struct Row {
    name: &'static str,
    summary: &'static str,
    doc: &'static str,
    settings: Vec<Setting>,
}

pub fn run(args: &Args) -> anyhow::Result<Code> {
    let kinds = kinds();
    let text = match (&args.kind, &args.name) {
        (None, _) => kinds.iter().map(overview).collect::<Vec<_>>().join("\n"),
        (Some(kind), None) => {
            let kind = pick(&kinds, kind)?;
            kind.rows.iter().map(full).collect::<Vec<_>>().join("\n")
        }
        (Some(kind), Some(name)) => {
            let kind = pick(&kinds, kind)?;
            let known: Vec<&str> = kind.rows.iter().map(|row| row.name).collect();
            let row = kind.rows.iter().find(|row| row.name == name);
            full(row.ok_or_else(|| Error::UnknownName {
                what: kind.singular,
                name: name.clone(),
                nearest: nearest(name, &known),
            })?)
        }
    };
    console::result(&text);
    Ok(Code::Done)
}

/// What `onedge theory` knows, one line each.
pub fn theories() -> String {
    kinds().iter().filter(|kind| kind.singular == "theory").map(overview).collect()
}

fn kinds() -> Vec<Kind> {
    vec![
        Kind { plural: "tuners", singular: "tuner", rows: rows(onedge_tune::tuners::ALL) },
        Kind { plural: "optimizers", singular: "optimizer", rows: rows(onedge_tune::optimizers::ALL) },
        Kind { plural: "models", singular: "model", rows: rows(onedge_nn::models::ALL) },
        Kind { plural: "activations", singular: "activation", rows: rows(onedge_nn::activations::ALL) },
        Kind { plural: "initialisations", singular: "initialisation", rows: rows(onedge_nn::inits::ALL) },
        Kind { plural: "losses", singular: "loss", rows: rows(onedge_nn::losses::ALL) },
        Kind { plural: "datasets", singular: "data set", rows: rows(onedge_data::datasets::ALL) },
        Kind { plural: "theories", singular: "theory", rows: rows(onedge_theory::ALL) },
        Kind { plural: "sections", singular: "section", rows: sections() },
    ]
}

/// What a spec says beside the entries it names: the keys of its root, and those that its sections add.
fn sections() -> Vec<Row> {
    let mut rows = vec![Row {
        name: "root",
        summary: "keys outside of any section",
        doc: "Written before the first section of a spec; with --set, without a dot.",
        settings: ROOT.to_vec(),
    }];
    rows.extend(SECTIONS.iter().map(|section| Row {
        name: section.key,
        summary: match section.choice {
            None => "keys of this section",
            Some(_) => "`name` says which; its settings, and these",
        },
        doc: "A section of a spec; with --set, its name, a dot and the key.",
        settings: section.own.to_vec(),
    }));
    rows
}

fn rows<B>(entries: &'static [&'static Entry<B>]) -> Vec<Row> {
    entries
        .iter()
        .map(|e| Row { name: e.name, summary: e.summary, doc: e.doc, settings: e.settings.to_vec() })
        .collect()
}

fn pick<'a>(kinds: &'a [Kind], name: &str) -> Result<&'a Kind, Error> {
    kinds.iter().find(|kind| kind.plural == name || kind.singular == name).ok_or_else(|| {
        let known: Vec<&str> = kinds.iter().map(|kind| kind.plural).collect();
        Error::UnknownName { what: "kind", name: name.to_owned(), nearest: nearest(name, &known) }
    })
}

fn overview(kind: &Kind) -> String {
    let keys = |row: &Row| {
        let keys = row.settings.iter().map(|setting| setting.key).collect::<Vec<_>>().join(", ");
        wrapped(&keys, 60)
            .next()
            .map_or(String::new(), |line| if line.len() < keys.len() { line + " ..." } else { line })
    };
    let rows: Vec<Vec<String>> =
        kind.rows.iter().map(|row| vec![row.name.to_owned(), row.summary.to_owned(), keys(row)]).collect();
    table(&[kind.plural, "", "settings"], &rows)
}

fn full(row: &Row) -> String {
    let doc = wrapped(row.doc, 96).map(|line| format!("  {line}\n")).collect::<String>();
    let settings: Vec<Vec<String>> = row
        .settings
        .iter()
        .map(|s| vec![format!("  {}", s.key), s.kind.to_string(), default(s.default), s.help.to_owned()])
        .collect();
    let settings = if settings.is_empty() {
        "  no settings\n".to_owned()
    } else {
        table(&["  setting", "type", "default", ""], &settings)
    };
    format!("{}: {}\n{doc}{settings}", row.name, row.summary)
}

fn default(default: Default) -> String {
    match default {
        Default::Required => "required".to_owned(),
        Default::Absent => "none".to_owned(),
        Default::Is(text) => text.to_owned(),
    }
}

/// The words of `text` in lines of so many characters at most, but one word at least.
fn wrapped(text: &str, width: usize) -> impl Iterator<Item = String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines.into_iter()
}
