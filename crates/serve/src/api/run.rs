use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use axum::extract::{Query, State};
use axum::response::Response;
use onedge_record::{RunDirectory, Summary, checkpoint::Checkpoints};
use onedge_spec::{Document, Spec};
use onedge_store::{Entry, FieldValue, Status};
use serde_json::{Value, json};

use super::answer::{Pairs, all, answer, needed};
use crate::app::{App, Shared};
use crate::error::Refusal;

/// The settings of so many runs may be asked for at once.
const MOST: usize = 256;
/// A spec or summary of more bytes is not read.
const LONGEST: u64 = 16 << 20;

/// All that a run says of itself but its records: `run`.
pub async fn run(State(app): State<Shared>, Query(pairs): Pairs) -> Response {
    answer(app, move |app| {
        let name = needed(&pairs, "run")?;
        let path = app.run(name)?;
        let entry = app.entry(name);
        let summary = summary(app, &path).filter(|_| entry.status != Status::Running);
        let list = |facts: Vec<(&str, &FieldValue)>| -> Vec<Value> {
            facts.into_iter().map(|(key, fact)| json!([key, fact.to_json()])).collect()
        };
        let hidden = ["files", "bytes"];
        let checkpoints = checkpoints(app, &path);
        Ok(json!({
            "run": name,
            "status": entry.status.name(),
            "facts": list(entry.of_the_run().filter(|(key, _)| !hidden.contains(key)).collect()),
            "settings": list(entry.settings().collect()),
            "outcomes": list(entry.outcomes().collect()),
            "problem": entry.text("problem"),
            "files": entry.files(),
            "ended": summary.as_ref().map(|summary| summary.stop.to_string()),
            "findings": summary.iter().flat_map(|summary| &summary.findings).map(|finding| {
                json!({ "name": finding.name(), "says": finding.to_string(), "failure": finding.is_failure() })
            }).collect::<Vec<_>>(),
            "events": summary.iter().flat_map(|summary| &summary.events).filter(|(_, count)| **count > 0).map(|(event, count)| {
                let (met, advice) = onedge_record::event_in_words(event);
                json!({ "name": event, "count": count, "met": met, "advice": advice })
            }).collect::<Vec<_>>(),
            "asked_to_stop": asked_to_stop(&path),
            "edge": edge(app, &path),
            "checkpoints": checkpoints,
            "commands": commands(app, name, &entry, &checkpoints),
        }))
    })
    .await
}

/// The settings of some runs: `run` (several).
pub async fn settings(State(app): State<Shared>, Query(pairs): Pairs) -> Response {
    answer(app, move |app| {
        let of = |name: &String| -> Result<Value, Refusal> {
            let path = app.run(name)?;
            let settings: Vec<Value> =
                settings_of(app, name).iter().map(|(key, fact)| json!([key, fact.to_json()])).collect();
            Ok(json!({ "run": name, "settings": settings, "edge": edge(app, &path) }))
        };
        // A run that is gone meanwhile has none.
        let runs: Vec<Value> = all(&pairs, "run").iter().take(MOST).filter_map(|name| of(name).ok()).collect();
        Ok(json!({ "runs": runs }))
    })
    .await
}

/// Settings in which two runs differ: `run`, `other`.
pub async fn difference(State(app): State<Shared>, Query(pairs): Pairs) -> Response {
    answer(app, move |app| {
        let read = |parameter: &str| {
            let name = needed(&pairs, parameter)?;
            app.run(name).map(|_| settings_of(app, name))
        };
        let (run, other) = (read("run")?, read("other")?);
        let keys: BTreeSet<&String> = run.keys().chain(other.keys()).collect();
        let of = |settings: &Settings, key: &str| settings.get(key).map_or(Value::Null, FieldValue::to_json);
        let differs = |key: &&String| run.get(*key) != other.get(*key);
        let rows: Vec<Value> =
            keys.into_iter().filter(differs).map(|key| json!([key, of(&run, key), of(&other, key)])).collect();
        Ok(json!({ "rows": rows }))
    })
    .await
}

type Settings = BTreeMap<String, FieldValue>;

fn settings_of(app: &App, name: &str) -> Settings {
    Entry::settings_of(&app.root, name, &app.catalogue)
}

fn summary(app: &App, path: &Path) -> Option<Summary> {
    let directory = RunDirectory::at(path);
    short(app, &directory.summary())?;
    directory.read_summary().ok().flatten()
}

/// A file that lies below the root, and is one that can be read at once.
fn short(app: &App, path: &Path) -> Option<PathBuf> {
    app.inside(path).filter(|path| fs::metadata(path).is_ok_and(|file| file.is_file() && file.len() < LONGEST))
}

/// How many seconds ago the end of the run was asked for, if it was and nobody has looked yet.
fn asked_to_stop(path: &Path) -> Option<f64> {
    let file = RunDirectory::at(path).stop_request().symlink_metadata().ok().filter(|file| file.is_file())?;
    Some(file.modified().ok()?.elapsed().unwrap_or_default().as_secs_f64())
}

/// The steps of its checkpoints, from the first on.
fn checkpoints(app: &App, path: &Path) -> Vec<u64> {
    let folder = app.inside(&RunDirectory::at(path).checkpoints());
    folder.and_then(|folder| Checkpoints::in_folder(&folder).steps().ok()).unwrap_or_default()
}

/// Where learning rate times sharpness has its edge.
fn edge(app: &App, path: &Path) -> Option<f64> {
    let text = fs::read_to_string(short(app, &RunDirectory::at(path).spec())?).ok()?;
    Spec::edge_of(&Document::parse("spec.toml", &text).ok()?.with_catalogue(&app.catalogue))
}

/// What to type to go on with it, each with what it does.
fn commands(app: &App, name: &str, entry: &Entry, checkpoints: &[u64]) -> Vec<[String; 2]> {
    let folder = quoted(&app.called.join(name).to_string_lossy());
    let mut commands = Vec::new();
    if !matches!(entry.status, Status::Running | Status::Done) {
        commands.push(["continue it where it stopped".to_owned(), format!("onedge resume {folder}")]);
    } else if entry.status == Status::Done {
        let steps = entry.facts.get("steps").and_then(FieldValue::number).unwrap_or(0.0);
        commands.push(["take it further".to_owned(), format!("onedge resume {folder} --steps {}", 2.0 * steps)]);
    }
    if let Some(step) = checkpoints.last() {
        let fork = format!("onedge fork {folder} --at {step} --set tuner=greedy");
        commands.push(["start a variant from its last checkpoint".to_owned(), fork]);
    }
    commands.push(["its records as a table".to_owned(), format!("onedge export {folder} -o steps.csv")]);
    commands
}

/// As a shell takes it for one word.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=:@%".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_takes_names_as_they_are() {
        for (name, word) in [
            ("runs/a-1", "runs/a-1"),
            ("a b", "'a b'"),
            ("$(rm -rf ~)", "'$(rm -rf ~)'"),
            ("it's", r"'it'\''s'"),
            ("<script>", "'<script>'"),
        ] {
            assert_eq!(quoted(name), word);
        }
    }
}
