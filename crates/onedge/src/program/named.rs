//! Everything that has a name: the registries as rows of text.

use std::borrow::Cow;

use onedge_paper::Figure;
use onedge_plot as plot;
use onedge_record::COLUMNS;
use onedge_registry::{Default, Entry, Setting};
use onedge_spec::{Catalogue, ROOT, SECTIONS};
use onedge_text::table::table;

use crate::program::glossary::TERMS;

/// A registry without what its entries build.
pub struct Kind {
    /// Its name.
    pub plural: &'static str,
    /// What one of its entries is called.
    pub singular: &'static str,
    /// Its entries.
    pub rows: Vec<Row>,
}

/// An entry.
#[derive(Clone)]
pub struct Row {
    /// Its name.
    pub name: &'static str,
    summary: &'static str,
    doc: Cow<'static, str>,
    /// `None` for what takes none by its nature.
    settings: Option<Vec<Setting>>,
}

impl Row {
    /// Whether its documentation names `name`, as that of a diagnostic names its readings.
    pub fn mentions(&self, name: &str) -> bool {
        self.doc.split(|c: char| !(c.is_alphanumeric() || c == '_')).any(|word| word == name)
    }
}

/// Every registry.
pub fn kinds(catalogue: &Catalogue) -> Vec<Kind> {
    vec![
        Kind { plural: "terms", singular: "term", rows: terms() },
        Kind { plural: "tuners", singular: "tuner", rows: rows(catalogue.tuners()) },
        Kind { plural: "optimizers", singular: "optimizer", rows: rows(catalogue.optimizers()) },
        Kind { plural: "diagnostics", singular: "diagnostic", rows: rows(catalogue.diagnostics()) },
        Kind { plural: "models", singular: "model", rows: rows(catalogue.models()) },
        Kind { plural: "activations", singular: "activation", rows: rows(onedge_nn::activations::ALL) },
        Kind { plural: "initialisations", singular: "initialisation", rows: rows(onedge_nn::inits::ALL) },
        Kind { plural: "losses", singular: "loss", rows: rows(catalogue.losses()) },
        Kind { plural: "datasets", singular: "data set", rows: rows(catalogue.data_sets()) },
        Kind { plural: "theories", singular: "theory", rows: rows(onedge_theory::ALL) },
        Kind { plural: "figures", singular: "figure", rows: figures() },
        Kind { plural: "sections", singular: "section", rows: sections() },
        Kind { plural: "quantities", singular: "quantity", rows: quantities() },
        Kind { plural: "panels", singular: "panel", rows: panels() },
        Kind { plural: "operations", singular: "operation", rows: operations() },
    ]
}

/// The words of the field.
fn terms() -> Vec<Row> {
    TERMS
        .iter()
        .map(|term| Row { name: term.name, summary: term.summary, doc: term.text.into(), settings: None })
        .collect()
}

/// The figures of the paper.
fn figures() -> Vec<Row> {
    let row = |entry: &&Entry<Figure>| Row {
        name: entry.name,
        summary: entry.summary,
        doc: format!(
            "{} Must show: {}. Roulet et al. 2024, arXiv 2407.06183; made by `onedge figure {}`.",
            entry.doc, entry.build.must_show, entry.build.number
        )
        .into(),
        settings: None,
    };
    onedge_paper::ALL.iter().map(row).collect()
}

/// What a record of a step holds.
fn quantities() -> Vec<Row> {
    let row = |column: &onedge_record::Column| Row {
        name: column.name,
        summary: column.doc,
        doc: "Recorded at each step where it is known; a column of exports.".into(),
        settings: None,
    };
    COLUMNS.iter().map(row).collect()
}

/// What a picture of runs can show.
fn panels() -> Vec<Row> {
    let row = |panel: &'static plot::Panel| Row {
        name: &panel.name,
        summary: &panel.title,
        doc: "A panel of `onedge plot --panels`.".into(),
        settings: None,
    };
    plot::ALL.iter().map(row).collect()
}

/// What models are made of: the operations that are differentiated.
fn operations() -> Vec<Row> {
    let row = |op: &&onedge_graph::Op| Row {
        name: op.name,
        summary: match op.class {
            onedge_graph::Class::Leaf => "an operation without inputs",
            onedge_graph::Class::Elementwise => "an elementwise operation",
            onedge_graph::Class::Movement => "an operation that moves elements",
            onedge_graph::Class::Reduction => "an operation that sums up many elements",
            onedge_graph::Class::Product => "a product",
        },
        doc: op.doc().replace('`', "").into(),
        settings: None,
    };
    onedge_graph::ops::ALL.iter().map(row).collect()
}

/// What a spec says beside the entries it names: the keys of its root, and those that its sections add.
fn sections() -> Vec<Row> {
    let mut rows = vec![Row {
        name: "root",
        summary: "keys outside of any section",
        doc: "Written before the first section of a spec; with --set, without a dot.".into(),
        settings: Some(ROOT.to_vec()),
    }];
    rows.extend(SECTIONS.iter().map(|section| Row {
        name: section.key,
        summary: match section.choice {
            None => "keys of this section",
            Some(_) => "`name` says which; its settings, and these",
        },
        doc: "A section of a spec; with --set, its name, a dot and the key.".into(),
        settings: Some(section.own.to_vec()),
    }));
    rows
}

fn rows<B>(entries: &[&'static Entry<B>]) -> Vec<Row> {
    entries
        .iter()
        .map(|e| Row { name: e.name, summary: e.summary, doc: e.doc.into(), settings: Some(e.settings.to_vec()) })
        .collect()
}

/// One line for each entry.
pub fn overview(kind: &Kind) -> String {
    let keys = |row: &Row| {
        let keys = row.settings.iter().flatten().map(|setting| setting.key).collect::<Vec<_>>().join(", ");
        wrapped(&keys, 60)
            .next()
            .map_or(String::new(), |line| if line.len() < keys.len() { line + " ..." } else { line })
    };
    let rows: Vec<Vec<String>> =
        kind.rows.iter().map(|row| vec![row.name.to_owned(), row.summary.to_owned(), keys(row)]).collect();
    table(&[kind.plural, "", "settings"], &rows)
}

/// All that is known of an entry.
pub fn full(row: &Row) -> String {
    let doc = wrapped(&row.doc, 96).map(|line| format!("  {line}\n")).collect::<String>();
    let settings: Vec<Vec<String>> = row
        .settings
        .iter()
        .flatten()
        .map(|s| vec![format!("  {}", s.key), s.kind.to_string(), default(s.default), s.help.to_owned()])
        .collect();
    let settings = match &row.settings {
        None => String::new(),
        Some(_) if settings.is_empty() => "  no settings\n".to_owned(),
        Some(_) => table(&["  setting", "type", "default", ""], &settings),
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
pub fn wrapped(text: &str, width: usize) -> impl Iterator<Item = String> {
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
