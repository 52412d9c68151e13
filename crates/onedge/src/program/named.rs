//! Everything that has a name: the registries as rows of text.

use std::borrow::Cow;
use std::collections::BTreeMap;

use onedge_paper::Exhibit;
use onedge_plot as plot;
use onedge_record::{COLUMNS, SUMMARY};
use onedge_registry::{Default, Entry, Setting};
use onedge_spec::{Catalogue, ROOT, SECTIONS};
use onedge_store::OF_A_RUN;
use onedge_text::table::Table;
use onedge_text::wrapped;

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
    pub name: Cow<'static, str>,
    summary: Cow<'static, str>,
    doc: Cow<'static, str>,
    /// `None` for what takes none by its nature.
    settings: Option<Vec<Setting>>,
}

impl Row {
    /// Its name, what it is in a line, and all else that is known of it.
    #[cfg(feature = "serve")]
    pub fn explained(&self) -> [String; 3] {
        [&self.name, &self.summary, &self.doc].map(|text| text.to_string())
    }

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
        Kind { plural: "figures", singular: "figure", rows: exhibits(onedge_paper::FIGURES) },
        Kind { plural: "studies", singular: "study", rows: exhibits(onedge_paper::STUDIES) },
        Kind { plural: "sections", singular: "section", rows: sections() },
        Kind { plural: "settings", singular: "setting", rows: settings(catalogue) },
        Kind { plural: "quantities", singular: "quantity", rows: quantities() },
        Kind { plural: "outcomes", singular: "outcome", rows: outcomes() },
        Kind { plural: "panels", singular: "panel", rows: panels() },
        Kind { plural: "operations", singular: "operation", rows: operations() },
    ]
}

/// The words of the field.
fn terms() -> Vec<Row> {
    TERMS
        .iter()
        .map(|term| Row { name: term.name.into(), summary: term.summary.into(), doc: term.text.into(), settings: None })
        .collect()
}

/// Figures of the paper, or studies of our own.
fn exhibits(all: &[&Entry<Exhibit>]) -> Vec<Row> {
    let row = |entry: &&Entry<Exhibit>| {
        let about = entry.build.about();
        let doc = match entry.build.number() {
            Some(number) => format!(
                "{} Must show: {about}. Roulet et al. 2024, arXiv 2407.06183; made by `onedge figure {number}`.",
                entry.doc
            ),
            None => format!("{about} {} Made by `onedge study {}`.", entry.doc, entry.name),
        };
        Row { name: entry.name.into(), summary: entry.summary.into(), doc: doc.into(), settings: None }
    };
    all.iter().map(row).collect()
}

/// What a record of a step holds.
fn quantities() -> Vec<Row> {
    let row = |name: &'static str, summary: &'static str| Row {
        name: name.into(),
        summary: summary.into(),
        doc: "Recorded at each step where it is known, in steps.jsonl; a column of exports.".into(),
        settings: None,
    };
    let mut rows: Vec<Row> = COLUMNS.iter().map(|column| row(column.name, column.doc)).collect();
    rows.push(row("eigenvalues", "the largest eigenvalues of the step, as many as `diagnostics.top_k` asks for"));
    rows.push(row("density", "points of the density of eigenvalues"));
    rows
}

/// What is known of a run: its summary, and what the list of runs adds.
fn outcomes() -> Vec<Row> {
    let of_summary =
        SUMMARY.iter().map(|(name, doc)| (*name, *doc, "A field of summary.json; a key of `onedge runs`."));
    let of_runs = OF_A_RUN.iter().filter(|(name, _)| SUMMARY.iter().all(|(known, _)| known != name));
    let of_runs = of_runs.map(|(name, doc)| (*name, *doc, "A key of `onedge runs`."));
    let row = |(name, summary, doc): (&'static str, &'static str, &'static str)| Row {
        name: name.into(),
        summary: summary.into(),
        doc: doc.into(),
        settings: None,
    };
    of_summary.chain(of_runs).map(row).collect()
}

/// Every setting, under its dotted key, with the entries that take it.
fn settings(catalogue: &Catalogue) -> Vec<Row> {
    let mut found: BTreeMap<String, Vec<(Option<&'static str>, Setting)>> = BTreeMap::new();
    for setting in ROOT {
        found.entry(setting.key.to_owned()).or_default().push((None, *setting));
    }
    for section in SECTIONS {
        let names = catalogue.names(section.key);
        let entries = if section.choice.is_some() { names.into_iter().map(Some).collect() } else { vec![None] };
        for entry in entries {
            let settings = (section.settings)(catalogue, entry.unwrap_or_default()).unwrap_or_default();
            for setting in settings {
                let is_own = section.own.iter().any(|own| own.key == setting.key);
                let users = found.entry(format!("{}.{}", section.key, setting.key)).or_default();
                if !(is_own && users.iter().any(|(entry, _)| entry.is_none())) {
                    users.push((entry.filter(|_| !is_own), setting));
                }
            }
        }
    }
    let of_specs = found.into_iter().map(|(key, users)| setting_row(key, &users));
    let of_sweeps = onedge_sweep::KEYS.iter().map(|(key, doc)| Row {
        name: format!("sweep.{key}").into(),
        summary: (*doc).into(),
        doc: "A key of the section [sweep] of a sweep. docs/SWEEPS.md has all of them with examples.".into(),
        settings: None,
    });
    of_specs.chain(of_sweeps).collect()
}

/// What a setting is, alike or not in all entries that take it.
fn setting_row(key: String, users: &[(Option<&'static str>, Setting)]) -> Row {
    let (place, example) = match key.split_once('.') {
        None => ("A key of a spec, before its first section".to_owned(), &key),
        Some((section, _)) => (format!("A key of the section [{section}] of a spec"), &key),
    };
    let kind = |setting: &Setting| match setting.default {
        Default::Required => format!("{}, which must be given", setting.kind),
        Default::Absent => format!("{}, which may be left out", setting.kind),
        Default::Is(text) => format!("{}, {text} by default", setting.kind),
        Default::Presets(values) => format!("{}, by default {}", setting.kind, by_preset(values)),
    };
    let said = |(entry, setting): &(Option<&str>, Setting)| {
        format!(" With {}: {}; {}.", entry.unwrap_or("all"), kind(setting), setting.help)
    };
    let alike = |(_, other): &(Option<&str>, Setting)| {
        let (_, first) = &users[0];
        (other.help, other.kind, other.default) == (first.help, first.kind, first.default)
    };
    let said = if users.iter().all(alike) {
        let entries: Vec<&str> = users.iter().filter_map(|(entry, _)| *entry).collect();
        let of = if entries.is_empty() { String::new() } else { format!(" Of {}.", entries.join(", ")) };
        format!(" It is {}.{of}", kind(&users[0].1))
    } else {
        users.iter().map(said).collect()
    };
    let doc = format!("{place}; on the command line --set {example}=VALUE.{said}");
    Row { name: key.into(), summary: users[0].1.help.into(), doc: doc.into(), settings: None }
}

/// What a picture of runs can show.
fn panels() -> Vec<Row> {
    let row = |panel: &'static plot::Panel| Row {
        name: Cow::Borrowed(&*panel.name),
        summary: Cow::Borrowed(&*panel.title),
        doc: "A panel of `onedge plot --panels`.".into(),
        settings: None,
    };
    plot::ALL.iter().map(row).collect()
}

/// What models are made of: the operations that are differentiated.
fn operations() -> Vec<Row> {
    let row = |op: &&onedge_graph::Op| Row {
        name: op.name.into(),
        summary: match op.class {
            onedge_graph::Class::Leaf => "an operation without inputs",
            onedge_graph::Class::Elementwise => "an elementwise operation",
            onedge_graph::Class::Movement => "an operation that moves elements",
            onedge_graph::Class::Reduction => "an operation that sums up many elements",
            onedge_graph::Class::Product => "a product",
        }
        .into(),
        doc: op.doc().replace('`', "").into(),
        settings: None,
    };
    onedge_graph::ops::ALL.iter().map(row).collect()
}

/// What a spec says beside the entries it names: the keys of its root, and those that its sections add.
fn sections() -> Vec<Row> {
    let mut rows = vec![Row {
        name: "root".into(),
        summary: "keys outside of any section".into(),
        doc: "Written before the first section of a spec; with --set, without a dot.".into(),
        settings: Some(ROOT.to_vec()),
    }];
    let keys: Vec<String> = onedge_sweep::KEYS.iter().map(|(key, doc)| format!("{key}: {doc}.")).collect();
    rows.push(Row {
        name: "sweep".into(),
        summary: "many runs of one spec, whose settings may be lists and distributions".into(),
        doc: format!(
            "A section of a sweep, which `onedge sweep` does; with --set, `sweep`, a dot and the key. {} docs/SWEEPS.md has all \
             of them with examples.",
            keys.join(" ")
        )
        .into(),
        settings: None,
    });
    rows.extend(SECTIONS.iter().map(|section| Row {
        name: section.key.into(),
        summary: match section.choice {
            None => "keys of this section".into(),
            Some(_) => "`name` says which; its settings, and these".into(),
        },
        doc: "A section of a spec; with --set, its name, a dot and the key.".into(),
        settings: Some(section.own.to_vec()),
    }));
    rows
}

fn rows<B>(entries: &[&'static Entry<B>]) -> Vec<Row> {
    entries
        .iter()
        .map(|e| Row {
            name: e.name.into(),
            summary: e.summary.into(),
            doc: e.doc.into(),
            settings: Some(e.settings.to_vec()),
        })
        .collect()
}

/// One line for each entry, in so many columns of the terminal.
pub fn overview(kind: &Kind, width: usize) -> String {
    let keys = |row: &Row| {
        let keys = row.settings.iter().flatten().map(|setting| setting.key).collect::<Vec<_>>().join(", ");
        wrapped(&keys, 60)
            .next()
            .map_or(String::new(), |line| if line.len() < keys.len() { line + " ..." } else { line })
    };
    let rows: Vec<Vec<String>> =
        kind.rows.iter().map(|row| vec![row.name.to_string(), row.summary.to_string(), keys(row)]).collect();
    Table::new(&[kind.plural, "", "settings"], &rows).ranked(&[0, 0, 1]).within(width).0
}

/// All that is known of an entry, in so many columns of the terminal.
pub fn full(row: &Row, width: usize) -> String {
    let doc = wrapped(&row.doc, width.min(98) - 2).map(|line| format!("  {line}\n")).collect::<String>();
    let settings = match &row.settings {
        None => String::new(),
        Some(settings) if settings.is_empty() => "  no settings\n".to_owned(),
        Some(settings) => settings_of(settings, width),
    };
    format!("{}: {}\n{doc}{settings}", row.name, row.summary)
}

/// A row for each setting; its help below it where there is no room beside.
fn settings_of(settings: &[Setting], width: usize) -> String {
    let row = |s: &Setting| [format!("  {}", s.key), s.kind.to_string(), default(s.default)];
    let rows: Vec<Vec<String>> = settings.iter().map(|s| [&row(s)[..], &[s.help.to_owned()]].concat()).collect();
    let table = Table::new(&["  setting", "type", "default", ""], &rows).to_string();
    if table.lines().all(|line| line.chars().count() <= width) {
        return table;
    }
    let rows: Vec<Vec<String>> = settings.iter().map(|s| row(s).to_vec()).collect();
    let (table, _) = Table::new(&["  setting", "type", "default"], &rows).within(width);
    let (mut lines, mut out) = (table.lines(), String::new());
    out.extend(lines.next().map(|heading| format!("{heading}\n")));
    for (line, setting) in lines.zip(settings) {
        out += &format!("{line}\n");
        out.extend(wrapped(setting.help, width - 6).map(|line| format!("      {line}\n")));
    }
    out
}

fn default(default: Default) -> String {
    match default {
        Default::Required => "required".to_owned(),
        Default::Absent => "none".to_owned(),
        Default::Is(text) => text.to_owned(),
        Default::Presets(values) => by_preset(values),
    }
}

/// What each preset says: `0.01 (package), 1e-5 (paper)`.
fn by_preset(values: &[(&str, &str)]) -> String {
    let said: Vec<String> = values.iter().map(|(preset, text)| format!("{text} ({preset})")).collect();
    said.join(", ")
}
