use std::fs;
use std::path::{Path, PathBuf};

use super::{Entry, FieldValue, Filter, Selection, Sort, Status, Store};
use crate::Error;
use onedge_record::RunLock;
use onedge_spec::{Catalogue, Document, Spec};

/// A root with runs in it that nobody registered, as if they had been copied there.
pub(super) struct Bench {
    root: tempfile::TempDir,
}

const STEPS: &str = "{\"step\":0,\"loss\":3.0,\"learning_rate\":0.5,\"cost\":3.0,\"seconds\":0.25}\n\
                     {\"step\":1,\"loss\":1.0,\"learning_rate\":0.5,\"cost\":6.0,\"seconds\":0.5}\n";

fn summary(stop: &str, loss: f64) -> String {
    format!(
        r#"{{"name": "x", "version": "0", "stop": {stop}, "ended": "2025-11-26T18:00:00Z", "steps": 2, "parameters": 9,
        "seconds": 0.5, "spectrum_seconds": 0.0, "cost": 6.0, "first_loss": 3.0, "final_loss": {loss}, "best_loss": 1.0,
        "events": {{"negative_curvature": 2}}, "train": {{"accuracy": 0.75, "loss": null}}, "test": {{}}}}"#
    )
}

const DONE: &str = r#"{"reason": "steps_done"}"#;

impl Bench {
    pub(super) fn new() -> Self {
        Self { root: tempfile::tempdir().unwrap() }
    }

    pub(super) fn root(&self) -> &Path {
        self.root.path()
    }

    /// A run without a summary.
    pub(super) fn killed(&self, folder: &str, seed: u32) -> PathBuf {
        let path = self.root().join(folder);
        fs::create_dir_all(&path).unwrap();
        let spec = format!(
            "name = \"the {folder}\"\nseed = {seed}\nsteps = 5\n[tuner]\nname = \"cdat\"\nsigma = 2.0\n[model]\nname = \"mlp\"\n\
             hidden = [64]\n[provenance]\nversion = \"0.1.0\"\nthreads = 2\nstarted = \"2025-11-26T17:00:0{seed}Z\"\nstart = \"p\"\n"
        );
        fs::write(path.join("spec.toml"), spec).unwrap();
        fs::write(path.join("steps.jsonl"), STEPS).unwrap();
        path
    }

    /// A run that came to its end.
    pub(super) fn done(&self, folder: &str, seed: u32) -> PathBuf {
        let path = self.killed(folder, seed);
        fs::write(path.join("summary.json"), summary(DONE, f64::from(seed))).unwrap();
        path
    }

    pub(super) fn store(&self) -> Store {
        Store::open(self.root(), &Catalogue::standard()).unwrap()
    }

    /// The folders, as listed by default.
    fn folders(&self) -> Vec<String> {
        folders(&mut self.store(), &Selection::default())
    }

    pub(super) fn index(&self) -> PathBuf {
        self.root().join("index.sqlite")
    }
}

fn folders(store: &mut Store, selection: &Selection<'_>) -> Vec<String> {
    let rows = store.list(selection).unwrap();
    rows.iter().map(|row| row["folder"].to_string()).collect()
}

#[test]
fn a_folder_says_everything() {
    let bench = Bench::new();
    let path = bench.done("a", 3);
    fs::write(path.join("tags"), "good\nold\n").unwrap();
    let entry = Entry::read(bench.root(), "a", &Catalogue::standard());
    let text = |key: &str| entry.facts[key].to_string();
    for (key, expected) in [
        ("name", "the a"),
        ("folder", "a"),
        ("status", "done"),
        ("stop", "steps done"),
        ("started", "2025-11-26T17:00:03Z"),
        ("ended", "2025-11-26T18:00:00Z"),
        ("version", "0.1.0"),
        ("threads", "2"),
        ("provenance.start", "p"),
        ("tags", "good old"),
        ("files", "spec.toml steps.jsonl summary.json tags"),
        ("seed", "3"),
        ("spec.steps", "5"),
        ("steps", "2"),
        ("tuner", "cdat"),
        ("tuner.sigma", "2.0"),
        ("model.hidden", "[64]"),
        ("final_loss", "3"),
        ("train.accuracy", "0.75"),
        ("events.negative_curvature", "2"),
    ] {
        assert_eq!(text(key), expected, "{key}");
    }
    assert!(!entry.facts.contains_key("train.loss") && !entry.facts.contains_key("problem"));
    let settings: Vec<&str> = entry.settings().map(|(key, _)| key).collect();
    assert_eq!(settings, ["model", "model.hidden", "seed", "spec.steps", "tuner", "tuner.sigma"]);
    assert!(entry.outcomes().all(|(key, _)| !settings.contains(&key) && key != "id"));
    assert_eq!(text("id").len(), 8);
}

#[test]
fn the_digest_is_that_of_the_settings() {
    let bench = Bench::new();
    let digest = |folder: &str| Entry::read(bench.root(), folder, &Catalogue::standard()).facts["digest"].to_string();
    bench.done("a", 3);
    bench.killed("b", 3);
    bench.killed("c", 4);
    assert_eq!(digest("a"), digest("b"), "whatever the name is, and how it went");
    assert_ne!(digest("a"), digest("c"));
    let document = Document::read(&bench.root().join("a/spec.toml")).unwrap();
    assert_eq!(digest("a"), Spec::resolve(&document).unwrap().digest());
    // Settings of another version have none.
    fs::write(bench.killed("d", 4).join("spec.toml"), "seed = 4\nno_such_setting = 1\n").unwrap();
    let entry = Entry::read(bench.root(), "d", &Catalogue::standard());
    assert!(!entry.facts.contains_key("digest") && entry.facts["seed"].to_string() == "4");
}

#[test]
fn a_finished_run_that_changed_is_seen() {
    let bench = Bench::new();
    bench.done("a", 1);
    let loss = || bench.store().list(&Selection::default()).unwrap()[0]["final_loss"].to_string();
    assert_eq!(loss(), "1");
    fs::write(bench.root().join("a/summary.json"), summary(DONE, 0.25)).unwrap();
    assert_eq!(loss(), "0.25");
    // Taken further, and killed.
    fs::rename(bench.root().join("a/summary.json"), bench.root().join("a/summary.before-2.json")).unwrap();
    assert_eq!(bench.store().list(&Selection::default()).unwrap()[0]["status"].to_string(), "killed");
}

#[test]
fn status_follows_from_lock_and_summary() {
    let bench = Bench::new();
    let status = || Entry::read(bench.root(), "a", &Catalogue::standard()).status;
    let path = bench.killed("a", 1);
    assert_eq!(status(), Status::Killed);
    for (stop, expected) in [
        (DONE, Status::Done),
        (r#"{"reason": "target_reached", "step": 1}"#, Status::Done),
        (r#"{"reason": "diverged", "step": 1, "loss": 9.0, "limit": 8.0}"#, Status::Diverged),
        (r#"{"reason": "non_finite", "step": 1, "probe": "loss"}"#, Status::Diverged),
        (r#"{"reason": "failed", "step": 1, "error": "no"}"#, Status::Failed),
        (r#"{"reason": "interrupted", "step": 1}"#, Status::Interrupted),
    ] {
        fs::write(path.join("summary.json"), summary(stop, 1.0)).unwrap();
        assert_eq!(status(), expected, "{stop}");
        let name = expected.name();
        assert_eq!(Status::ALL.iter().filter(|status| status.name() == name).count(), 1);
    }
    let lock = RunLock::take(&path).unwrap();
    assert_eq!(status(), Status::Running, "a summary of an earlier process does not count");
    drop(lock);
    assert_eq!(status(), Status::Interrupted);
}

#[test]
fn records_tell_of_a_run_without_a_summary() {
    let bench = Bench::new();
    let path = bench.killed("a", 1);
    let number =
        |key: &str| Entry::read(bench.root(), "a", &Catalogue::standard()).facts.get(key).and_then(FieldValue::number);
    let all = || ["steps", "first_loss", "final_loss", "best_loss", "cost", "seconds"].map(number);
    assert_eq!(all(), [2.0, 3.0, 2.0, 1.0, 6.0, 0.5].map(Some));
    let lock = RunLock::take(&path).unwrap();
    assert_eq!(all(), [2.0, 3.0, 2.0, 1.0, 6.0, 0.5].map(Some));
    assert_eq!(Entry::read(bench.root(), "a", &Catalogue::standard()).facts.get("ended"), None);
    drop(lock);
    fs::write(path.join("steps.jsonl"), "").unwrap();
    assert_eq!(all(), [Some(0.0), None, None, None, None, None]);
}

#[test]
fn what_cannot_be_read_is_told_and_the_rest_is_there() {
    let bench = Bench::new();
    let path = bench.done("a", 1);
    let problem = || Entry::read(bench.root(), "a", &Catalogue::standard()).facts["problem"].to_string();
    fs::write(path.join("summary.json"), "{").unwrap();
    assert!(problem().starts_with("summary.json: "), "{}", problem());
    assert_eq!(Entry::read(bench.root(), "a", &Catalogue::standard()).status, Status::Killed);
    fs::write(path.join("spec.toml"), "seed = \n").unwrap();
    assert!(problem().starts_with("spec.toml: "), "{}", problem());
    assert_eq!(Entry::read(bench.root(), "a", &Catalogue::standard()).facts["steps"], FieldValue::Integer(2));
    fs::remove_file(path.join("spec.toml")).unwrap();
    assert!(problem().starts_with("spec.toml: expected "), "{}", problem());
    assert_eq!(bench.folders(), ["a"]);
}

#[test]
fn the_index_follows_the_folders() {
    let bench = Bench::new();
    assert!(bench.folders().is_empty());
    bench.done("a", 1);
    bench.done("group/b", 2);
    bench.done("group/deep/c", 3);
    bench.done(".hidden/d", 4);
    fs::create_dir_all(bench.root().join("a/inside")).unwrap();
    fs::write(bench.root().join("a/inside/steps.jsonl"), STEPS).unwrap();
    assert_eq!(bench.folders(), ["group/deep/c", "group/b", "a"], "the latest first, none within another");
    bench.done("group/deep/e", 5);
    fs::rename(bench.root().join("a"), bench.root().join("f")).unwrap();
    fs::remove_dir_all(bench.root().join("group/b")).unwrap();
    assert_eq!(bench.folders(), ["group/deep/e", "group/deep/c", "f"]);
    fs::remove_dir_all(bench.root().join("group")).unwrap();
    assert_eq!(bench.folders(), ["f"]);
}

#[test]
fn a_run_that_had_not_ended_is_looked_at_again() {
    let bench = Bench::new();
    let path = bench.killed("a", 1);
    let status = || bench.store().list(&Selection::default()).unwrap()[0]["status"].to_string();
    let lock = RunLock::take(&path).unwrap();
    assert_eq!(status(), "running");
    drop(lock);
    assert_eq!(status(), "killed");
    fs::write(path.join("summary.json"), summary(DONE, 1.0)).unwrap();
    assert_eq!(status(), "done");
    fs::remove_file(path.join("summary.json")).unwrap();
    assert_eq!(status(), "killed");
    Store::rebuild(bench.root(), &Catalogue::standard()).unwrap();
    assert_eq!(status(), "killed");
}

#[test]
fn a_missing_or_broken_or_older_index_is_made_again() {
    let bench = Bench::new();
    for seed in 1..4 {
        bench.done(&format!("r{seed}"), seed);
    }
    let before = bench.store().list(&Selection::default()).unwrap();
    let whole = fs::read(bench.index()).unwrap();
    let of_version = |version: u32| {
        let connection = rusqlite::Connection::open(bench.index()).unwrap();
        connection.execute_batch(&format!("PRAGMA user_version = {version}")).unwrap();
    };
    let without_a_table = || {
        let connection = rusqlite::Connection::open(bench.index()).unwrap();
        connection.execute_batch("DROP TABLE groups").unwrap();
    };
    let zeros_from = |from: usize| {
        let mut bytes = whole.clone();
        bytes[from..].fill(0);
        fs::write(bench.index(), bytes).unwrap();
    };
    let damages: [(&str, &dyn Fn()); 8] = [
        ("missing", &|| fs::remove_file(bench.index()).unwrap()),
        ("empty", &|| fs::write(bench.index(), "").unwrap()),
        ("text", &|| fs::write(bench.index(), "this is no index of runs at all, but a text").unwrap()),
        ("cut", &|| fs::write(bench.index(), &whole[..whole.len() / 2]).unwrap()),
        ("zeros", &|| zeros_from(5000)),
        ("older", &|| of_version(0)),
        ("newer", &|| of_version(99)),
        ("table", &without_a_table),
    ];
    for (damage, act) in damages {
        act();
        let mut store = bench.store();
        assert_eq!(store.list(&Selection::default()).unwrap(), before, "{damage}");
        let told = usize::from(!["missing", "empty"].contains(&damage));
        assert_eq!((store.notes().len(), store.has_index()), (told, true), "{damage}: {:?}", store.notes());
    }
}

#[test]
fn without_an_index_the_folders_are_read() {
    let bench = Bench::new();
    bench.done("a", 1);
    for file in ["index.sqlite", "index.lock"] {
        // Neither to be opened nor to be removed.
        let _ = fs::remove_file(bench.root().join(file));
        fs::create_dir(bench.root().join(file)).unwrap();
        fs::write(bench.root().join(file).join("in-the-way"), "").unwrap();
        let mut store = bench.store();
        assert!(!store.has_index());
        assert!(store.notes()[0].ends_with("; all run folders were read instead"), "{:?}", store.notes());
        assert!(store.notes()[0].contains(file), "{:?}", store.notes());
        assert_eq!(folders(&mut store, &Selection::default()), ["a"]);
        let run = store.find("a").unwrap();
        store.tag(&run, &["good".to_owned()], &[]).unwrap();
        assert_eq!(fs::read_to_string(bench.root().join("a/tags")).unwrap(), "good\n");
    }
}

#[test]
fn filters_orders_and_limits() {
    let bench = Bench::new();
    for (folder, seed) in [("b", 2), ("a", 1), ("c", 3)] {
        bench.done(folder, seed);
    }
    bench.killed("d", 4);
    let mut store = bench.store();
    let mut listed = |filter: &str, sort: &str, limit: Option<usize>| {
        let filter = (!filter.is_empty()).then(|| Filter::parse(filter).unwrap());
        let sort = (!sort.is_empty()).then(|| Sort::parse(sort));
        let selection = Selection { filter: filter.as_ref(), sort: sort.as_ref(), limit, columns: None };
        folders(&mut store, &selection).concat()
    };
    assert_eq!(listed("", "", None), "dcba");
    assert_eq!(listed("", "", Some(2)), "dc");
    assert_eq!(listed("", "seed", None), "abcd");
    assert_eq!(listed("", "-spec.seed", None), "dcba");
    assert_eq!(listed("", "train.accuracy", None).chars().last(), Some('d'), "without it");
    assert_eq!(listed("", "-train.accuracy", None).chars().last(), Some('d'));
    assert_eq!(listed("tuner=cdat and (seed<2 or status=killed)", "seed", None), "ad");
    assert_eq!(listed("final_loss>1.5 and not folder=d", "seed", None), "bc");
    assert_eq!(listed("name~'the a' or tag=x", "", None), "a");
    let columns = ["folder".to_owned(), "tuner.name".to_owned(), "batch".to_owned()];
    let rows = store.list(&Selection { columns: Some(&columns), limit: Some(1), ..Selection::default() }).unwrap();
    assert_eq!(rows[0].keys().collect::<Vec<_>>(), ["folder", "tuner"]);

    let filter = Filter::parse("seed=1 and tuner.sigmaa>2").unwrap();
    let unknown = store.list(&Selection { filter: Some(&filter), ..Selection::default() }).unwrap_err().to_string();
    let expected = "where: column 12: unknown key `tuner.sigmaa`, expected something known of runs; try `tuner.sigma`";
    assert!(unknown.starts_with(expected), "{unknown}");
    let sort = Sort::parse("-los");
    let unknown = store.list(&Selection { sort: Some(&sort), ..Selection::default() }).unwrap_err().to_string();
    assert!(unknown.starts_with("sort: unknown key `los`"), "{unknown}");
}

#[test]
fn runs_are_found_however_they_are_called() {
    let bench = Bench::new();
    bench.done("ab", 1);
    bench.done("abc", 2);
    bench.done("group/z", 3);
    let elsewhere = tempfile::tempdir().unwrap();
    fs::write(elsewhere.path().join("steps.jsonl"), STEPS).unwrap();
    let mut store = bench.store();
    let id = Entry::read(bench.root(), "group/z", &Catalogue::standard()).facts["id"].to_string();
    let path = bench.root().join("group/../abc").display().to_string();
    for (called, folder) in
        [("ab", "ab"), ("abc", "abc"), ("the ab", "ab"), ("group/", "group/z"), ("the g", "group/z"), (&path, "abc")]
    {
        assert_eq!(store.find(called).unwrap().folder, folder, "{called}");
    }
    assert_eq!(store.find(&id).unwrap().folder, "group/z");
    assert_eq!(store.find(&id[..6]).unwrap().folder, "group/z");
    let root = bench.root().display();
    let message = |error: Result<_, Error>| error.unwrap_err().to_string();
    assert_eq!(
        message(store.find("a").map(drop)),
        format!("`a`: expected one run below {root}, got 2; try a folder: `ab` or `abc`")
    );
    let unknown = message(store.find("abd").map(drop));
    assert!(unknown.contains("got none of them; try `ab` or `abc`"), "{unknown}");
    assert!(matches!(store.find(""), Err(Error::UnknownRun { .. })));
    let outside = elsewhere.path().to_str().unwrap();
    assert!(matches!(store.find(outside), Err(Error::NotInStore { .. })));
    assert_eq!(super::path_of(bench.root(), outside, &Catalogue::standard()).unwrap(), elsewhere.path());
    drop(store);
    assert_eq!(super::path_of(bench.root(), "abc", &Catalogue::standard()).unwrap(), bench.root().join("abc"));
    let empty = tempfile::tempdir().unwrap();
    let no_run = super::path_of(bench.root(), empty.path().to_str().unwrap(), &Catalogue::standard());
    assert!(matches!(no_run, Err(Error::Record(onedge_record::Error::NoRun(_)))));
}

#[test]
fn tags_are_in_the_folder_and_in_the_index() {
    let bench = Bench::new();
    bench.done("a", 1);
    let mut store = bench.store();
    let run = store.find("a").unwrap();
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    store.tag(&run, &words(&["good", "old", "good"]), &[]).unwrap();
    let tags = store.tag(&run, &words(&["new"]), &words(&["old", "absent"])).unwrap();
    assert_eq!(tags.into_iter().collect::<Vec<_>>(), ["good", "new"]);
    let filter = Filter::parse("tag=new and tag=good and tag!=old").unwrap();
    assert_eq!(folders(&mut store, &Selection { filter: Some(&filter), ..Selection::default() }), ["a"]);
    assert!(matches!(store.tag(&run, &words(&["a b"]), &[]), Err(Error::Tag(_))));
    drop(store);
    fs::remove_file(bench.index()).unwrap();
    let mut store = bench.store();
    assert_eq!(store.list(&Selection::default()).unwrap()[0]["tags"], FieldValue::Words(words(&["good", "new"])));
}

#[test]
fn a_note_is_in_the_folder_and_in_the_index() {
    let bench = Bench::new();
    let path = bench.done("a", 1);
    let mut store = bench.store();
    let found = store.find("a").unwrap();
    assert_eq!(store.note(&found, " too large\na rate? ").unwrap(), "too large a rate?");
    assert_eq!(fs::read_to_string(path.join("note")).unwrap(), "too large a rate?\n");
    let noted = |store: &mut Store| store.list(&Selection::default()).unwrap()[0].get("note").cloned();
    assert_eq!(noted(&mut store), Some("too large a rate?".to_owned().into()));
    for wrong in ["a\u{1b}[2Jb", &"x".repeat(2001)] {
        let said = store.note(&found, wrong).unwrap_err().to_string();
        assert!(said.starts_with("note: expected at most 2000 characters"), "{said}");
    }
    // Taken away, it is no fact of any run.
    assert_eq!(store.note(&found, "  ").unwrap(), "");
    assert!(!path.join("note").exists() && noted(&mut store).is_none());
    #[cfg(unix)]
    {
        fs::write(bench.root().join("outside"), "other").unwrap();
        std::os::unix::fs::symlink("../outside", path.join("note")).unwrap();
        assert!(store.note(&found, "mine").unwrap_err().to_string().ends_with("got a link that leads elsewhere"));
        assert_eq!(fs::read_to_string(bench.root().join("outside")).unwrap(), "other");
        assert_eq!(noted(&mut bench.store()), None);
    }
}

#[test]
fn deleting_frees_what_it_says_and_spares_running_ones() {
    let bench = Bench::new();
    let path = bench.done("a", 1);
    bench.done("b", 2);
    let mut store = bench.store();
    let run = store.find("a").unwrap();
    let lock = RunLock::take(&path).unwrap();
    let refused = store.delete(&run).unwrap_err().to_string();
    assert!(refused.contains("a: another process is at this run"), "{refused}");
    drop(lock);
    let bytes: u64 = ["spec.toml", "steps.jsonl", "summary.json"]
        .iter()
        .map(|name| fs::metadata(path.join(name)).unwrap().len())
        .sum();
    assert_eq!(store.delete(&run).unwrap(), bytes);
    assert_eq!(folders(&mut store, &Selection::default()), ["b"]);
    assert!(!path.exists());
    drop(store);
    fs::create_dir(bench.root().join(".deleted-1-1")).unwrap();
    let (_, runs) = Store::rebuild(bench.root(), &Catalogue::standard()).unwrap();
    assert_eq!((runs, bench.root().join(".deleted-1-1").exists()), (1, false));
}

#[test]
fn there_must_be_a_folder() {
    let bench = Bench::new();
    let message = Store::open(&bench.root().join("none"), &Catalogue::standard()).err().unwrap().to_string();
    assert!(message.contains("none: expected a folder with runs below it, got none"), "{message}");
}
