//! What shells offer at the tab key: names of runs, keys of specs, names of entries.

use std::ffi::OsStr;

use clap::Command;
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate, PathCompleter, ValueCompleter};
use onedge_registry::{Kind, Setting};
use onedge_spec::{Catalogue, ROOT, SECTIONS};
use onedge_store::Store;

use crate::program::named::kinds;
use crate::program::root::ROOT as RUNS;

/// The command with what its arguments may be; names are those of `catalogue`.
pub fn with_candidates(command: Command, catalogue: &Catalogue) -> Command {
    let is_theory = command.get_name() == "theory";
    let command = command.mut_args(|arg| {
        let known = catalogue.clone();
        let is_run = arg.get_value_names().is_some_and(|names| names.iter().any(|name| name.as_str() == "RUN"));
        match arg.get_id().as_str() {
            "set" if is_theory => arg.add(among(theory_settings)),
            "set" => arg.add(among(move |current| assignments(current, &known))),
            "name" => arg.add(among(move |current| beginning(current, names(&known)))),
            "kind" => arg
                .add(among(move |current| beginning(current, kinds(&known).iter().map(|kind| kind.plural.to_owned())))),
            "panels" => arg
                .add(among(|current| beginning(current, onedge_plot::ALL.iter().map(|panel| panel.name.to_string())))),
            "metric" | "value" => arg.add(among(|current| beginning(current, METRICS.map(str::to_owned)))),
            _ if is_run => arg.add(ArgValueCompleter::new(move |current: &OsStr| runs(current, &known))),
            _ => arg,
        }
    });
    let catalogue = catalogue.clone();
    command.mut_subcommands(move |command| with_candidates(command, &catalogue))
}

/// What runs are most often compared by.
const METRICS: [&str; 7] =
    ["final_loss", "best_loss", "test.accuracy", "test.loss", "train.accuracy", "train.loss", "best.loss"];

fn among(candidates: impl Fn(&str) -> Vec<String> + Send + Sync + 'static) -> ArgValueCompleter {
    ArgValueCompleter::new(move |current: &OsStr| {
        let found = current.to_str().map(&candidates).unwrap_or_default();
        found.into_iter().map(CompletionCandidate::new).collect()
    })
}

fn beginning(current: &str, names: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut found: Vec<String> = names.into_iter().filter(|name| name.starts_with(current)).collect();
    found.sort();
    found.dedup();
    found
}

/// Runs below the root, and paths.
fn runs(current: &OsStr, catalogue: &Catalogue) -> Vec<CompletionCandidate> {
    let known = || Store::open(&root(), catalogue).ok()?.names().ok();
    let named = current.to_str().map(|current| beginning(current, known().unwrap_or_default())).unwrap_or_default();
    let paths = PathCompleter::any().complete(current);
    named.into_iter().map(CompletionCandidate::new).chain(paths).collect()
}

/// The root that the command line names so far.
fn root() -> std::path::PathBuf {
    let words: Vec<std::ffi::OsString> = std::env::args_os().collect();
    let given = words.iter().enumerate().find_map(|(place, word)| {
        let next = || words.get(place + 1).cloned();
        match word.to_str()?.split_once("--root") {
            Some(("", "")) => next(),
            Some(("", value)) => value.strip_prefix('=').map(Into::into),
            _ => None,
        }
    });
    given.map_or_else(|| RUNS.into(), Into::into)
}

/// Whatever can be explained.
fn names(catalogue: &Catalogue) -> Vec<String> {
    kinds(catalogue).iter().flat_map(|kind| kind.rows.iter().map(|row| row.name.to_string())).collect()
}

/// `key=` for the keys of a spec, and then the values that are known.
fn assignments(current: &str, catalogue: &Catalogue) -> Vec<String> {
    if let Some(key) = current.strip_prefix('~') {
        let keys = beginning(key, keys(catalogue).into_iter().map(|(key, _)| key));
        return keys.into_iter().map(|key| format!("~{key}")).collect();
    }
    let Some((key, value)) = current.split_once('=') else {
        return beginning(current, keys(catalogue).into_iter().map(|(key, _)| format!("{key}=")));
    };
    beginning(value, values(key, value, catalogue)).into_iter().map(|value| format!("{key}={value}")).collect()
}

/// The dotted keys of all entries of all sections, and the sections that choose one.
fn keys(catalogue: &Catalogue) -> Vec<(String, Setting)> {
    let mut keys: Vec<(String, Setting)> = ROOT.iter().map(|setting| (setting.key.to_owned(), *setting)).collect();
    for section in SECTIONS {
        if section.choice.is_some() {
            let name = onedge_registry::setting("name", Kind::Text, onedge_registry::Default::Required, "");
            keys.push((section.key.to_owned(), name));
        }
        let entries = if section.choice.is_some() { catalogue.names(section.key) } else { vec![""] };
        for settings in entries.into_iter().filter_map(|name| (section.settings)(catalogue, name).ok()) {
            keys.extend(settings.into_iter().map(|setting| (format!("{}.{}", section.key, setting.key), setting)));
        }
    }
    keys
}

/// The values of a setting, where there are few; of a path, what may follow what is there.
fn values(key: &str, typed: &str, catalogue: &Catalogue) -> Vec<String> {
    let chosen = SECTIONS.iter().find(|section| section.key == key && section.choice.is_some());
    if let Some(section) = chosen {
        return catalogue.names(section.key).into_iter().map(str::to_owned).collect();
    }
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    match key.rsplit('.').next().unwrap_or(key) {
        "activation" => return onedge_nn::activations::ALL.iter().map(|entry| entry.name.to_owned()).collect(),
        "init" | "last_init" | "embed_init" => {
            return onedge_nn::inits::ALL.iter().map(|entry| entry.name.to_owned()).collect();
        }
        "precision" => return owned(&["f32", "f64"]),
        "preset" if key == "tuner.preset" => return owned(&["recommended", "package", "paper"]),
        "preset" if key == "optimizer.preset" => return owned(&["package", "paper"]),
        _ => {}
    }
    match keys(catalogue).iter().find(|(known, _)| known == key) {
        Some((_, setting)) if setting.kind == Kind::Path => paths(typed),
        Some((_, setting)) if setting.kind == Kind::Flag => owned(&["true", "false"]),
        _ => Vec::new(),
    }
}

/// Files and folders that begin like this.
fn paths(typed: &str) -> Vec<String> {
    let found = PathCompleter::any().complete(OsStr::new(typed));
    found.iter().map(|candidate| candidate.get_value().to_string_lossy().into_owned()).collect()
}

/// The same for the simplified model.
fn theory_settings(current: &str) -> Vec<String> {
    let keys = onedge_theory::ALL.iter().flat_map(|entry| entry.settings).map(|setting| format!("{}=", setting.key));
    beginning(current, keys)
}
