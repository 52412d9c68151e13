use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sha2::{Digest, Sha256};

use super::keys::OF_A_RUN;
use super::progress::Progress;
use super::{FieldValue, Status, note, own_file, tag_file};
use crate::Error;
use onedge_record::{Finding, RUN_LOCK, RunDirectory, RunLock, StopReason};
use onedge_spec::{CONTENT, Catalogue, Document, PROVENANCE, Spec};

/// What a run folder says of its run.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Relative to the root, with `/` between names.
    pub folder: String,
    /// How far the run is.
    pub status: Status,
    /// Changes whenever one of the files that were read does, or the lock.
    pub stamp: String,
    /// Everything known, by key: what it is (`id`, `name`, `started`, ...), every setting of its resolved spec (`seed`, `tuner`,
    /// `tuner.sigma`, ...), what came out (`final_loss`, `test.accuracy`, ...).
    pub facts: BTreeMap<String, FieldValue>,
    settings: BTreeSet<String>,
    path: PathBuf,
}

const RECORDS: &str = "steps.jsonl";
/// Files of a run that say something of it.
const READ: [&str; 5] = ["spec.toml", RECORDS, "summary.json", tag_file::FILE, note::FILE];
/// Files of a run may lie so deep in its folder.
const DEPTH: usize = 4;

/// Whether a folder is that of a run.
pub(super) fn is_run(path: &Path) -> bool {
    RunDirectory::is_run(path)
}

/// See [`Entry::stamp`].
pub(super) fn stamp(path: &Path) -> String {
    let mut stamp = String::from(if RunLock::is_held(path) { "held" } else { "free" });
    for name in READ {
        if let Ok(file) = fs::metadata(path.join(name)) {
            stamp += &part(name, &file);
        }
    }
    stamp
}

fn part(name: &str, file: &fs::Metadata) -> String {
    format!(" {name} {} {}", file.len(), modified(file).as_nanos())
}

/// Whether the summary in a folder is the one that was stamped. Whatever changes a finished run changes that.
pub(super) fn has_summary_of(path: &Path, stamp: &str) -> bool {
    const SUMMARY: &str = "summary.json";
    fs::metadata(path.join(SUMMARY)).is_ok_and(|file| stamp.contains(&part(SUMMARY, &file)))
}

/// When a file was last changed, since 1970.
pub(super) fn modified(file: &fs::Metadata) -> Duration {
    let since = |time: SystemTime| time.duration_since(UNIX_EPOCH).ok();
    file.modified().ok().and_then(since).unwrap_or_default()
}

impl Entry {
    /// Reads the run in `root/folder`, whose spec may name what is in `catalogue`. What cannot be read of it is left out and told by the fact
    /// `problem`; so is what a link of the folder leads to outside of it. On the way from the root to the folder there are no links, or nothing is read.
    pub fn read(root: &Path, folder: &str, catalogue: &Catalogue) -> Self {
        let path = root.join(folder);
        // First of all: what changes afterwards is then seen to have changed.
        let stamp = stamp(&path);
        if !own_file::is_straight(root, folder) {
            return Self::elsewhere(folder, stamp);
        }
        let running = stamp.starts_with("held");
        let mut reading =
            Reading { path: path.clone(), facts: BTreeMap::new(), settings: BTreeSet::new(), problem: None };
        let spec = reading.spec(catalogue);
        let (stop, findings) = reading.summary(running);
        if running || stop.is_none() {
            reading.progress(running);
        }
        reading.times(running, stop.is_some());
        reading.put("folder", folder.to_owned().into());
        let status = if running { Status::Running } else { Status::ended(stop.as_ref(), &findings) };
        reading.put("status", status.name().into());
        reading.facts.entry("id".to_owned()).or_insert_with(|| id(folder, &spec));
        reading.facts.entry("name".to_owned()).or_insert_with(|| name(folder));
        reading.tags();
        reading.note();
        reading.files();
        if let Some(problem) = reading.problem.take() {
            reading.put("problem", problem.into());
        }
        Self { folder: folder.to_owned(), status, stamp, facts: reading.facts, settings: reading.settings, path }
    }

    /// The settings alone of the run in `root/folder`, by key: nothing of it is read but its spec. None where that cannot be read.
    pub fn settings_of(root: &Path, folder: &str, catalogue: &Catalogue) -> BTreeMap<String, FieldValue> {
        let mut reading =
            Reading { path: root.join(folder), facts: BTreeMap::new(), settings: BTreeSet::new(), problem: None };
        if own_file::is_straight(root, folder) {
            reading.spec(catalogue);
        }
        let Reading { mut facts, settings, .. } = reading;
        facts.retain(|key, _| settings.contains(key));
        facts
    }

    /// Whether no file of the run has changed since it was read, nor its lock.
    pub fn is_current(&self) -> bool {
        stamp(&self.path) == self.stamp
    }

    /// Nothing is known of what a link leads to.
    fn elsewhere(folder: &str, stamp: String) -> Self {
        let problem = format!("{folder}: expected a folder below the root, got a link or nothing");
        let status = Status::Killed;
        let facts: [(&str, FieldValue); 5] = [
            ("folder", folder.to_owned().into()),
            ("status", status.name().into()),
            ("id", id(folder, "")),
            ("name", name(folder)),
            ("problem", problem.into()),
        ];
        let facts = facts.into_iter().map(|(key, fact)| (key.to_owned(), fact)).collect();
        Self { folder: folder.to_owned(), status, stamp, facts, settings: BTreeSet::new(), path: PathBuf::new() }
    }

    /// Reads the run in the folder `path`, wherever that is.
    ///
    /// # Errors
    /// [`NoRun`](onedge_record::Error::NoRun) if it has no name, as the root of a file system.
    pub fn at(path: &Path, catalogue: &Catalogue) -> Result<Self, Error> {
        let path = path.canonicalize().map_err(Error::read(path))?;
        match (path.parent(), path.file_name().and_then(|name| name.to_str())) {
            (Some(root), Some(name)) => Ok(Self::read(root, name, catalogue)),
            _ => Err(onedge_record::Error::NoRun(path).into()),
        }
    }

    /// The fact called `key`, as text.
    pub fn text(&self, key: &str) -> Option<&str> {
        match self.facts.get(key) {
            Some(FieldValue::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// What the run is: who ran it when and where, and how far it is.
    pub fn of_the_run(&self) -> impl Iterator<Item = (&str, &FieldValue)> {
        let sources = self.facts.range(PROVENANCE.to_owned()..).take_while(|(key, _)| key.starts_with(PROVENANCE));
        let known = OF_A_RUN.iter().filter_map(|(key, _)| Some((*key, self.facts.get(*key)?)));
        known.chain(sources.map(|(key, fact)| (&key[..], fact)))
    }

    /// What came out.
    pub fn outcomes(&self) -> impl Iterator<Item = (&str, &FieldValue)> {
        let known = |key: &str| {
            let of_the_run = OF_A_RUN.iter().any(|(of, _)| *of == key) || key.starts_with(PROVENANCE);
            of_the_run || self.settings.contains(key)
        };
        self.facts.iter().filter(move |(key, _)| !known(key)).map(|(key, fact)| (&key[..], fact))
    }

    /// Its settings.
    pub fn settings(&self) -> impl Iterator<Item = (&str, &FieldValue)> {
        self.settings.iter().filter_map(|key| Some((&key[..], self.facts.get(key)?)))
    }

    /// Its files, each with its size in bytes, by name.
    pub fn files(&self) -> Vec<(String, u64)> {
        files(&self.path)
    }
}

struct Reading {
    path: PathBuf,
    facts: BTreeMap<String, FieldValue>,
    settings: BTreeSet<String>,
    problem: Option<String>,
}

impl Reading {
    fn put(&mut self, key: &str, fact: FieldValue) {
        self.facts.insert(key.to_owned(), fact);
    }

    /// The first problem is the one to tell.
    fn failed(&mut self, problem: String) {
        self.problem.get_or_insert(problem.replace('\n', " "));
    }

    /// A file as text; empty if there is none.
    fn text(&mut self, name: &str) -> String {
        own_file::read(&self.path, name).unwrap_or_else(|error| {
            self.failed(error.to_string());
            String::new()
        })
    }

    /// Settings, their digest ([`Spec::digest`]), and where the run was made. Returns the text of the spec.
    fn spec(&mut self, catalogue: &Catalogue) -> String {
        let text = self.text("spec.toml");
        let table: toml::Table = match text.parse() {
            Ok(table) => table,
            Err(error) => {
                self.failed(format!("spec.toml: {}", toml::de::Error::message(&error)));
                return text;
            }
        };
        let mut settings = BTreeMap::new();
        for (key, value) in &table {
            match value {
                toml::Value::Table(section) if key == PROVENANCE => {
                    for (key, value) in section {
                        let own = ["id", "started", "version", "host", "system", "processor", "threads"];
                        let known = own.contains(&key.as_str());
                        let key = if known { key.clone() } else { format!("{PROVENANCE}.{key}") };
                        self.facts.extend(FieldValue::from_toml(value).map(|fact| (key, fact)));
                    }
                }
                toml::Value::Table(section) => settings.extend(section.iter().filter_map(|(inner, value)| {
                    let key = if inner == "name" { key.clone() } else { format!("{key}.{inner}") };
                    Some((key, FieldValue::from_toml(value)?))
                })),
                value => {
                    let key = if key == "steps" { "spec.steps" } else { key };
                    settings.extend(FieldValue::from_toml(value).map(|fact| (key.to_owned(), fact)));
                }
            }
        }
        let name = settings.remove("name");
        if settings.is_empty() && self.problem.is_none() {
            self.failed("spec.toml: expected the settings of the run, got none".to_owned());
        }
        // Settings of another version may be none of this one's.
        let spec =
            Document::parse("spec.toml", &text).and_then(|document| Spec::resolve(&document.with_catalogue(catalogue)));
        if let Ok(mut spec) = spec {
            spec.content = table
                .get(PROVENANCE)
                .and_then(|section| section.get(CONTENT))
                .and_then(|content| content.as_str().map(str::to_owned));
            self.put("digest", spec.digest().into());
        }
        self.settings.extend(settings.keys().cloned());
        self.facts.extend(settings);
        self.facts.extend(name.map(|name| ("name".to_owned(), name)));
        text
    }

    /// What came out, unless the run goes on: then that is what an earlier process left. Returns how it ended.
    fn summary(&mut self, running: bool) -> (Option<StopReason>, Vec<Finding>) {
        let text = if running { String::new() } else { self.text("summary.json") };
        if text.is_empty() {
            return (None, Vec::new());
        }
        let summary: serde_json::Map<String, serde_json::Value> = match serde_json::from_str(&text) {
            Ok(summary) => summary,
            Err(error) => {
                self.failed(format!("summary.json: {error}"));
                return (None, Vec::new());
            }
        };
        let (mut stop, mut findings) = (None, Vec::new());
        for (key, value) in &summary {
            match value {
                serde_json::Value::Object(_) if key == "stop" => match serde_json::from_value(value.clone()) {
                    Ok(reason) => stop = Some(reason),
                    Err(error) => self.failed(format!("summary.json: stop: {error}")),
                },
                serde_json::Value::Array(all) if key == "findings" => {
                    // Those of a later version may be unknown here.
                    findings = all.iter().filter_map(|one| serde_json::from_value(one.clone()).ok()).collect();
                }
                serde_json::Value::Object(means) => {
                    let means = means
                        .iter()
                        .filter_map(|(inner, value)| Some((format!("{key}.{inner}"), FieldValue::from_json(value)?)));
                    self.facts.extend(means);
                }
                // The spec has said these.
                value if !self.facts.contains_key(key) => {
                    self.facts.extend(FieldValue::from_json(value).map(|fact| (key.clone(), fact)));
                }
                _ => {}
            }
        }
        if let Some(stop) = &stop {
            self.put("stop", StopReason::to_string(stop).into());
        }
        if !findings.is_empty() {
            let names: Vec<String> = findings.iter().map(Finding::name).collect();
            self.put("findings", names.join(", ").into());
        }
        (stop, findings)
    }

    /// What the records say of a run without a summary.
    fn progress(&mut self, running: bool) {
        let read = own_file::find(&self.path, RECORDS).and_then(|_| {
            let run = RunDirectory::open(&self.path)?;
            Progress::read(&run, running)
        });
        let progress = match read {
            Ok(progress) if progress.steps > 0 => progress,
            Ok(_) => return self.put("steps", FieldValue::Integer(0)),
            Err(error) => return self.failed(error.to_string()),
        };
        self.put("steps", FieldValue::Integer(progress.steps as i64));
        let losses = [
            ("first_loss", progress.first_loss),
            ("final_loss", progress.final_loss),
            ("best_loss", progress.best_loss),
            ("cost", Some(progress.cost)),
            ("seconds", Some(progress.seconds)),
        ];
        for (key, value) in losses {
            self.facts
                .extend(value.filter(|value| !value.is_nan()).map(|value| (key.to_owned(), FieldValue::Number(value))));
        }
    }

    /// Runs of earlier versions do not say when; the times of their files do, while nobody copies them.
    fn times(&mut self, running: bool, summarised: bool) {
        let of = |name: &str| {
            let file = fs::metadata(self.path.join(name)).ok()?;
            Some(humantime::format_rfc3339_seconds(UNIX_EPOCH + modified(&file)).to_string())
        };
        let started = of("spec.toml").or_else(|| of("steps.jsonl"));
        let ended = if summarised { of("summary.json") } else { of("steps.jsonl") };
        let missing = [("started", started), ("ended", ended.filter(|_| !running))];
        for (key, time) in missing {
            if let (false, Some(time)) = (self.facts.contains_key(key), time) {
                self.put(key, time.into());
            }
        }
    }

    fn tags(&mut self) {
        match tag_file::read(&self.path) {
            Ok(tags) if tags.is_empty() => {}
            Ok(tags) => self.put("tags", FieldValue::Words(tags.into_iter().collect())),
            Err(error) => self.failed(error.to_string()),
        }
    }

    fn note(&mut self) {
        match note::read(&self.path) {
            Ok(note) => self.facts.extend(note.map(|note| ("note".to_owned(), note.into()))),
            Err(error) => self.failed(error.to_string()),
        }
    }

    fn files(&mut self) {
        let files = files(&self.path);
        self.put("bytes", FieldValue::Integer(files.iter().map(|(_, bytes)| *bytes as i64).sum()));
        self.put("files", FieldValue::Words(files.into_iter().map(|(name, _)| name).collect()));
    }
}

/// Of a run whose spec has none.
fn id(folder: &str, spec: &str) -> FieldValue {
    sha256(format!("{folder}\n{spec}").as_bytes())[..8].into()
}

/// Of a run whose spec has none.
fn name(folder: &str) -> FieldValue {
    folder.rsplit('/').next().unwrap_or(folder).into()
}

/// In hexadecimal digits.
pub(super) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The files in a folder and the folders in it, by name, the empty lock left out; what cannot be read is left out, too.
fn files(path: &Path) -> Vec<(String, u64)> {
    let (mut found, mut folders) = (Vec::new(), vec![(path.to_owned(), String::new(), 0)]);
    while let Some((path, prefix, depth)) = folders.pop() {
        for child in fs::read_dir(path).into_iter().flatten().flatten() {
            let Ok(metadata) = child.metadata() else { continue };
            let name = format!("{prefix}{}", child.file_name().to_string_lossy());
            if metadata.is_dir() && depth < DEPTH {
                folders.push((child.path(), format!("{name}/"), depth + 1));
            } else if metadata.is_file() && name != RUN_LOCK {
                found.push((name, metadata.len()));
            }
        }
    }
    found.sort();
    found
}
