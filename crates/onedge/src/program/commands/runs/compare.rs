use std::collections::BTreeSet;
use std::path::PathBuf;

use onedge_record::{RunDirectory, StopReason, Summary};
use onedge_run::Finished;
use onedge_store::{Entry, FieldValue, Status, path_of};
use onedge_sweep::compare::{Group, Point, comparison_table};
use onedge_text::labels::tell_apart;
use onedge_text::table::Table;

use onedge_spec::Catalogue;

use crate::program::code::Code;
use crate::program::console;
use crate::program::finished::remarks;
use crate::program::root::Root;
use crate::program::specs::{CONTENT_KEY, note_different_data};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The runs
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<String>,
}

pub fn run(args: &Args, root: &Root, catalogue: &Catalogue) -> anyhow::Result<Code> {
    let paths: Vec<PathBuf> =
        args.runs.iter().map(|run| path_of(root.path(), run, catalogue)).collect::<Result<_, _>>()?;
    let entries: Vec<Entry> = paths.iter().map(|path| Entry::at(path, catalogue)).collect::<Result<_, _>>()?;
    let names: Vec<String> = entries.iter().map(|entry| entry.text("name").unwrap_or_default().to_owned()).collect();
    let folders = entries.iter().map(|entry| entry.folder.clone()).collect();
    let shown = paths.iter().map(|path| path.display().to_string()).collect();
    let labels = tell_apart(&names, &[folders, shown]);
    let mut groups = Vec::new();
    for ((path, entry), label) in paths.into_iter().zip(&entries).zip(&labels) {
        let points = vec![Point { label: String::new(), runs: vec![finished(path, entry)?] }];
        groups.push(Group { name: label.clone(), points });
    }
    console::table(&comparison_table(&groups));
    for line in remarks(&groups) {
        console::result(&format!("{line}\n"));
    }
    match differences(&entries, &labels) {
        Some(table) => {
            console::result("\n");
            console::table(&table);
        }
        None if entries.len() > 1 => console::result("\nall settings are the same\n"),
        None => {}
    }
    let contents: BTreeSet<&str> = entries.iter().filter_map(|entry| entry.text(CONTENT_KEY)).collect();
    note_different_data(contents.len());
    Ok(Code::Done)
}

/// A run as it is. One without a summary was interrupted, or goes on.
fn finished(folder: PathBuf, entry: &Entry) -> anyhow::Result<Finished> {
    let run = RunDirectory::open(&folder)?;
    let records = run.read_thinned()?.records;
    let left = if entry.status == Status::Running { None } else { run.read_summary()? };
    let summary = left.unwrap_or_else(|| {
        console::note(&format!("note: {}: {}, so this is how far it got", folder.display(), entry.status));
        let known = |key: &str| entry.facts.get(key).and_then(FieldValue::number);
        let steps = known("steps").unwrap_or(0.0) as u64;
        Summary {
            name: entry.text("name").unwrap_or_default().to_owned(),
            version: entry.text("version").unwrap_or_default().to_owned(),
            stop: StopReason::Interrupted { step: steps },
            ended: None,
            steps,
            parameters: 0,
            seconds: known("seconds").unwrap_or(0.0),
            spectrum_seconds: 0.0,
            checkpoint_seconds: 0.0,
            checkpoints_failed: 0,
            cost: known("cost").unwrap_or(0.0),
            first_loss: known("first_loss"),
            final_loss: known("final_loss"),
            best_loss: known("best_loss"),
            best: None,
            events: Default::default(),
            findings: Vec::new(),
            train: Default::default(),
            test: Default::default(),
        }
    });
    Ok(Finished { folder, summary, records, edge: None })
}

/// The settings that are not the same in all runs: a row each, or a row for each run where that is shorter. `None` if all
/// are the same.
fn differences(entries: &[Entry], labels: &[String]) -> Option<Table> {
    let settings = entries.iter().flat_map(Entry::settings).map(|(key, _)| key);
    let keys: BTreeSet<&str> = settings.chain([CONTENT_KEY]).collect();
    let differs = |key: &&str| entries.iter().any(|entry| entry.facts.get(*key) != entries[0].facts.get(*key));
    let keys: Vec<&str> = keys.into_iter().filter(differs).collect();
    if keys.is_empty() {
        return None;
    }
    let cell = |entry: &Entry, key: &str| match entry.facts.get(key) {
        None => "-".to_owned(),
        // The first digits tell two apart.
        Some(FieldValue::Text(sum)) if key == CONTENT_KEY => sum.chars().take(12).collect(),
        Some(value) => value.to_string(),
    };
    let by_run = keys.len() <= entries.len();
    let headings: Vec<&str> = match by_run {
        true => ["run"].into_iter().chain(keys.iter().copied()).collect(),
        false => ["setting"].into_iter().chain(labels.iter().map(String::as_str)).collect(),
    };
    let rows: Vec<Vec<String>> = if by_run {
        let row = |(entry, label): (&Entry, &String)| {
            [label.clone()].into_iter().chain(keys.iter().map(|key| cell(entry, key))).collect()
        };
        entries.iter().zip(labels).map(row).collect()
    } else {
        let row =
            |key: &&str| [(*key).to_owned()].into_iter().chain(entries.iter().map(|entry| cell(entry, key))).collect();
        keys.iter().map(row).collect()
    };
    // The first column says what a row is; of the others the last ones go first.
    let ranks: Vec<u8> = (0..headings.len()).map(|column| u8::try_from(column).unwrap_or(u8::MAX)).collect();
    Some(Table::new(&headings, &rows).ranked(&ranks))
}
