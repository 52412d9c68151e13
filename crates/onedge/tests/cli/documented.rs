//! What docs/RUNS.md says of the files of a run, against what runs write: nothing that is not described, and nothing described
//! that no run writes.

use std::collections::BTreeSet;
use std::fs;

use onedge_record::{Finding, StopReason};
use serde_json::Value;

use crate::bench::Bench;

const DOCUMENT: &str = include_str!("../../../../docs/RUNS.md");

/// The names in the first column of the table with this heading.
fn described(heading: &str) -> BTreeSet<String> {
    let table = DOCUMENT.split(&format!("\n| {heading} | what |\n|---|---|\n")).nth(1).expect(heading);
    let rows = table.lines().take_while(|line| line.starts_with('|'));
    let names = rows.flat_map(|row| row.split('|').nth(1).unwrap().split('`').skip(1).step_by(2));
    names.map(str::to_owned).collect()
}

/// Whether a written name is one that is described, in which words in capitals stand for any.
fn is(written: &str, described: &str) -> bool {
    let parts = |name: &str| name.split(['.', '/']).map(str::to_owned).collect::<Vec<_>>();
    let stands = |part: &str| part.chars().all(|c| c.is_ascii_uppercase());
    let (written, described) = (parts(written), parts(described));
    let same = |(written, described): (&String, &String)| written == described || stands(described);
    match described.last().is_some_and(|last| stands(last)) {
        // A name may have such parts itself.
        true => written.len() >= described.len() && written.iter().zip(&described).all(same),
        false => written.len() == described.len() && written.iter().zip(&described).all(same),
    }
}

#[track_caller]
fn agree(heading: &str, written: &BTreeSet<String>, but: &[&str]) {
    let described = described(heading);
    for name in written {
        assert!(described.iter().any(|known| is(name, known)), "{heading}: `{name}` is written and not described");
    }
    for name in described.iter().filter(|name| !but.contains(&name.as_str())) {
        assert!(written.iter().any(|known| is(known, name)), "{heading}: `{name}` is described, and no run writes it");
    }
}

/// The dotted paths of all that is no object; what is in a list counts for the list.
fn paths(value: &Value, at: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(key, value)| {
            paths(value, &if at.is_empty() { key.clone() } else { format!("{at}.{key}") }, found);
        }),
        Value::Array(items) if items.iter().any(Value::is_object) => {
            items.iter().for_each(|item| paths(item, at, found));
        }
        _ => drop(found.insert(at.to_owned())),
    }
}

/// The runs that leave all there is to leave.
struct Left {
    bench: Bench,
    runs: Vec<&'static str>,
}

impl Left {
    fn new() -> Self {
        let mut left = Self { bench: Bench::new(), runs: Vec::new() };
        let rows =
            ["id,size,town,kind", "1,2.5,Ulm,a", "2,,Bonn,b", "3,1.5,Ulm,a", "4,3.5,,b", "5,0.5,Bonn,a", "6,2,Ulm,b"];
        left.bench.write("t.csv", rows.join("\n"));
        left.bench.write("v.csv", "x,y\n1,2.5\n2,3.5\n3,1\n4,0\n");
        left.bench.write("text", "quo usque tandem abutere patientia nostra ".repeat(20));
        left.train("plain", "--save-params p");
        left.train(
            "all",
            "--set optimizer=adam --set tuner=cdat --set tuner.cap=0.01 --set batch=8 --set drop_last=false --set data.test_fraction=0.2 \
             --set evaluation.every=4 --set checkpoint_every=4 --set diagnostics.sharpness_every=2 --set diagnostics.hessian=true \
             --set diagnostics.magnitude=true --set diagnostics.top_k=2 --set diagnostics.density_every=5 \
             --set diagnostics.trace_every=3",
        );
        let table = "--set data=csv --set data.path=t.csv --set data.drop=[id] --set data.missing=mean \
                     --set data.missing_indicator=true --set data.column=kind --set steps=3";
        left.train("table", table);
        left.bench.write("w.csv", "x,y\n1,2\n2,3\n3,4\n4,1\n");
        let values = "--set data=csv --set data.path=v.csv --set data.column=y --set data.target=values --set loss=squared \
                      --set steps=3 --set checkpoint_every=1";
        left.train("values", values);
        fs::copy(left.bench.path("v.csv"), left.bench.path("moved.csv")).unwrap();
        left.done("resume values --steps 5 --set data.path=moved.csv -q", "values");
        left.done("fork values --at 5 --out on-others --set data.path=w.csv --set steps=7 -q", "on-others");
        left.train("images", "--set data=digits --set data.first=20 --set steps=2 --set data.scale=unit");
        left.train("scaled", "--set data=digits --set data.first=20 --set steps=2 --set data.scale=standard");
        left.train("text-run", "--set data=text --set data.path=text --set model=nanolm --set steps=1");
        left.train(
            "started",
            "--params p --set steps=2 --set optimizer=momentum --set tuner=constant --set tuner.rate=0.1",
        );
        left.done("resume all --steps 14 -q", "all");
        // Killed after its last checkpoint.
        let records = left.bench.read("all/steps.jsonl");
        left.bench.write("all/steps.jsonl", records.clone() + "{\"step\":");
        left.done("resume all --steps 15 -q", "all");
        left.done("fork all --at 12 --out branch -q --set steps=14", "branch");
        left.done("runs --root . tag all good", "all");
        left.done("runs --root . note all remarkable", "all");
        left.done("fork all --at 12 --out lost -q --set steps=14 --set checkpoint_every=1", "lost");
        fs::remove_file(left.bench.path("lost/spec.toml")).unwrap();
        left.done("resume lost --steps 16 -q", "lost");
        left
    }

    fn train(&mut self, name: &'static str, more: &str) {
        self.done(&format!("train a.toml -q --out {name} {more}"), name);
    }

    fn done(&mut self, args: &str, run: &'static str) {
        let args: Vec<&str> = args.split_whitespace().collect();
        self.bench.run(&args);
        assert!(self.bench.path(run).join("summary.json").is_file(), "{args:?}");
        if !self.runs.contains(&run) {
            self.runs.push(run);
        }
    }

    /// What the files of this name in all runs hold.
    fn files(&self, name: &str) -> Vec<String> {
        let paths = self.runs.iter().map(|run| self.bench.path(run).join(name));
        paths.filter_map(|path| fs::read_to_string(path).ok()).collect()
    }

    /// The paths of all that JSON files of this name hold.
    fn fields(&self, name: &str) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        let files = self.files(name);
        let texts = files.iter().flat_map(|text| match name.ends_with(".jsonl") {
            true => text.lines().collect::<Vec<_>>(),
            false => vec![&text[..]],
        });
        texts.for_each(|text| paths(&serde_json::from_str(text).unwrap(), "", &mut found));
        found
    }

    /// Metadata and tensors of all checkpoints.
    fn checkpoints(&self) -> (BTreeSet<String>, BTreeSet<String>) {
        let (mut about, mut tensors) = (BTreeSet::new(), BTreeSet::new());
        for run in &self.runs {
            for file in fs::read_dir(self.bench.path(run).join("checkpoints")).into_iter().flatten() {
                let bytes = fs::read(file.unwrap().path()).unwrap();
                let length = u64::from_le_bytes(*bytes.first_chunk().unwrap()) as usize;
                let head: serde_json::Map<String, Value> = serde_json::from_slice(&bytes[8..8 + length]).unwrap();
                about.extend(head["__metadata__"].as_object().unwrap().keys().cloned());
                tensors.extend(head.keys().filter(|key| *key != "__metadata__").cloned());
            }
        }
        (about, tensors)
    }
}

/// All files below a folder.
fn below(bench: &Bench, folder: &str) -> BTreeSet<String> {
    let (mut found, mut folders) = (BTreeSet::new(), vec![String::new()]);
    while let Some(inner) = folders.pop() {
        for name in bench.names(&format!("{folder}/{inner}")) {
            let path = format!("{inner}{name}");
            match bench.path(&format!("{folder}/{path}")).is_dir() {
                true => folders.push(path + "/"),
                false => drop(found.insert(path)),
            }
        }
    }
    found
}

/// Numbers in names of files as the document has them.
fn general(name: &str) -> String {
    let is_number = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    match (name.strip_prefix("checkpoints/"), name.strip_prefix("summary.before-")) {
        (Some(rest), _) if rest.strip_suffix(".safetensors").is_some_and(is_number) => {
            "checkpoints/STEP.safetensors".to_owned()
        }
        (_, Some(rest)) if rest.strip_suffix(".json").is_some_and(is_number) => "summary.before-STEP.json".to_owned(),
        _ => name.to_owned(),
    }
}

#[test]
fn every_file_of_a_run_is_described_field_by_field() {
    let left = Left::new();
    let mut files: BTreeSet<String> =
        left.runs.iter().flat_map(|run| below(&left.bench, run)).map(|name| general(&name)).collect();
    // A request is there until it is honoured.
    files.insert("stop".to_owned());
    assert_eq!(described("file"), files);

    let mut provenance = BTreeSet::new();
    for text in left.files("spec.toml") {
        let section = text.split("[provenance]\n").nth(1).unwrap();
        provenance.extend(section.lines().filter_map(|line| Some(line.split_once(" = ")?.0.to_owned())));
    }
    agree("provenance", &provenance, &[]);
    agree("meaning", &left.fields("meaning.json"), &["target.vocabulary.pieces"]);
    agree("encoding", &left.fields("encoding.json"), &[]);
    // None of these runs tests on values.
    let of_values = ["test.values.smallest", "test.values.largest", "test.values.mean"];
    agree("data", &left.fields("data.json"), &of_values);
    agree("record", &left.fields("steps.jsonl"), &[]);
    agree("resumption", &left.fields("resumed.jsonl"), &[]);
    let (about, tensors) = left.checkpoints();
    agree("checkpoint", &about, &[]);
    agree("tensor", &tensors, &[]);

    // Why a run stops and what is found of it are many things; the types know all of them.
    let mut summary = left.fields("summary.json");
    stops().iter().for_each(|stop| paths(&serde_json::to_value(stop).unwrap(), "stop", &mut summary));
    findings().iter().for_each(|finding| paths(&serde_json::to_value(finding).unwrap(), "findings", &mut summary));
    agree("summary", &summary, &[]);
    let row = |field: &str| DOCUMENT.lines().find(|line| line.starts_with(&format!("| `{field}` |"))).unwrap();
    for stop in stops() {
        let reason = serde_json::to_value(&stop).unwrap()["reason"].as_str().unwrap().to_owned();
        assert!(row("stop.reason").contains(&format!("`{reason}`")), "{reason}");
    }
    for finding in findings() {
        let name = serde_json::to_value(&finding).unwrap()["finding"].as_str().unwrap().to_owned();
        assert!(row("findings.finding").contains(&format!("`{name}`")), "{name}");
    }
}

#[test]
fn what_lies_beside_runs_is_described() {
    let bench = Bench::new();
    let spec = crate::bench::SPEC.replace("rate = 0.1", "rate = [0.1, 0.2]").replace("seed = 3", "batch = [8, 16]");
    bench.write("grid.toml", spec);
    bench.done(&["sweep", "grid.toml", "-q", "--root", "r"]);
    bench.done(&["runs", "--root", "r"]);
    let beside = |name: &String| !name.split('/').next().unwrap().contains("constant-");
    let mut found: BTreeSet<String> = below(&bench, "r").into_iter().filter(beside).collect();
    found = found.iter().map(|name| name.replace("grid.sweep", "SWEEP.sweep")).collect();
    // A claim is there while its run is done.
    found.insert(".claims/DIGEST".to_owned());
    assert_eq!(described("beside"), found);
}

/// Every reason to stop: a new one is missed here by the compiler.
fn stops() -> Vec<StopReason> {
    let all = vec![
        StopReason::StepsDone,
        StopReason::TargetReached { step: 7 },
        StopReason::NoImprovement { step: 9, metric: "loss".to_owned(), best: 0.5, best_step: 7, patience: 2 },
        StopReason::Diverged { step: 7, loss: 1e9, limit: 1e6 },
        StopReason::Hopeless { step: 7, loss: 2.0, limit: 1.5 },
        StopReason::NonFinite { step: 7, probe: "curvature".to_owned() },
        StopReason::Failed { step: 7, error: "no".to_owned() },
        StopReason::Interrupted { step: 7 },
    ];
    for stop in &all {
        match stop {
            StopReason::StepsDone
            | StopReason::TargetReached { .. }
            | StopReason::NoImprovement { .. }
            | StopReason::Diverged { .. }
            | StopReason::Hopeless { .. }
            | StopReason::NonFinite { .. }
            | StopReason::Failed { .. }
            | StopReason::Interrupted { .. } => {}
        }
    }
    all
}

/// The same of findings.
fn findings() -> Vec<Finding> {
    let all = vec![
        Finding::StoodStill { steps: 9, event: None },
        Finding::HardlyMoved { steps: 9, first: 2.0, last: 2.0, longer: 10.0 },
        Finding::Guessing { loss: 2.0, guess: 2.3, classes: 10 },
        Finding::EndedAbove { first: 1.0, last: 2.0 },
        Finding::Often { event: "capped".to_owned(), times: 8, steps: 9 },
        Finding::Stopped { from: 5, steps: 9 },
        Finding::LeftOut { reading: "trace".to_owned(), times: 3, reason: "no number".to_owned() },
        Finding::Oscillated { loss: 1.0 },
    ];
    for finding in &all {
        match finding {
            Finding::StoodStill { .. }
            | Finding::HardlyMoved { .. }
            | Finding::Guessing { .. }
            | Finding::EndedAbove { .. }
            | Finding::Often { .. }
            | Finding::Stopped { .. }
            | Finding::LeftOut { .. }
            | Finding::Oscillated { .. } => {}
        }
    }
    all
}
