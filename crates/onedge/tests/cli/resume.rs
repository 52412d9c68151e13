//! Runs that go on where they stopped.

use std::fs;
use std::process::Stdio;

use crate::bench::{Bench, Output};

/// Mini-batches, an optimizer and diagnostics that keep much.
pub const KEEPING: [&str; 14] = [
    "optimizer=adam",
    "tuner=cdat",
    "tuner.cap=0.01",
    "tuner.beta=0.5",
    // A rate that comes down towards the end depends on where that is.
    "tuner.cooldown=0",
    "batch=8",
    "drop_last=false",
    "diagnostics.sharpness_every=3",
    "diagnostics.top_every=4",
    "diagnostics.top_count=2",
    "diagnostics.critical_sharpness_every=2",
    "diagnostics.sharpening_every=3",
    "diagnostics.gauss_newton_every=5",
    "diagnostics.batch_sharpness_every=6",
];

/// The arguments of a run of `a.toml` in the folder `out`, with `KEEPING` and more.
pub fn train<'a>(out: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let sets = KEEPING.iter().chain(more).flat_map(|set| ["--set", set]);
    ["train", "a.toml", "-q", "--out", out].into_iter().chain(sets).collect()
}

/// All that a run leaves but times: records, summary, parameters.
pub fn left(bench: &Bench, run: &str) -> (Vec<String>, serde_json::Value, Vec<u8>) {
    let records: serde_json::Value =
        serde_json::from_str(&bench.done(&["export", run, "--format", "json"]).stdout).unwrap();
    let timeless = |record: &serde_json::Value| {
        let mut record = record.clone();
        record.as_object_mut().unwrap().remove("seconds");
        record.to_string()
    };
    let mut summary: serde_json::Value = serde_json::from_str(&bench.read(&format!("{run}/summary.json"))).unwrap();
    for key in ["ended", "seconds", "spectrum_seconds", "checkpoint_seconds"] {
        summary.as_object_mut().unwrap().remove(key).unwrap();
    }
    let parameters = fs::read(bench.path(&format!("{run}/params.safetensors"))).unwrap();
    (records.as_array().unwrap().iter().map(timeless).collect(), summary, parameters)
}

#[test]
fn a_finished_run_is_taken_further_to_the_same_bits() {
    let bench = Bench::new();
    bench.done(&train("whole", &["checkpoint_every=3"]));
    // Once from the checkpoint at its end, once from the beginning, as a short run leaves none of itself.
    for (run, set) in [("kept", "checkpoint_every=3"), ("short", "checkpoint_every=0")] {
        bench.done(&train(run, &["steps=7", set]));
        let resumed = bench.done(&["resume", run, "--steps", "12", "-q"]);
        assert!(resumed.stdout.contains("steps done") && resumed.stdout.contains(&format!("left in {run}\n")));
        let from = if run == "kept" { "checkpoint at step 7 of 12" } else { "begins again at step 0" };
        assert!(resumed.stderr.contains(from), "{}", resumed.stderr);
        assert_eq!(left(&bench, run), left(&bench, "whole"), "{run}");
        let line = bench.read(&format!("{run}/resumed.jsonl"));
        let step = if run == "kept" { 7 } else { 0 };
        assert!(line.starts_with(&format!("{{\"step\":{step},\"steps\":12,\"version\":\"")), "{line}");
    }
    assert_eq!(bench.names("kept/checkpoints"), ["12.safetensors", "9.safetensors"]);
    let names = [
        "checkpoints",
        "data.json",
        "lock",
        "meaning.json",
        "params.safetensors",
        "resumed.jsonl",
        "spec.toml",
        "steps.jsonl",
        "summary.before-7.json",
        "summary.json",
    ];
    assert_eq!(bench.names("kept"), names);
    assert_eq!(bench.read("kept/steps.jsonl").lines().count(), 12);
    assert_eq!(bench.read("short/steps.jsonl").lines().count(), 12, "each step once");
    assert_eq!(bench.read("short/superseded.jsonl").lines().count(), 7, "nothing recorded is ever lost");

    let nothing = bench.done(&["resume", "kept"]);
    assert_eq!(nothing.stdout, "kept: steps done; nothing to resume, but with `--steps N` for more of them\n");
    assert_eq!(
        refused(&bench, &["resume", "kept", "--steps", "12"]),
        "error: --steps: expected more than 12, the steps that kept has recorded, got 12\n"
    );
    bench.done(&["resume", "kept", "--steps", "14", "-q"]);
    bench.done(&train("longer", &["steps=14"]));
    assert_eq!(left(&bench, "kept"), left(&bench, "longer"));
}

/// With a rate that came down to an end, more steps are another run: that is said.
#[test]
fn a_rate_that_came_down_rises_again_and_says_so() {
    let bench = Bench::new();
    bench.done(&train("down", &["steps=7", "tuner.cooldown=0.5"]));
    let resumed = bench.done(&["resume", "down", "--steps", "12", "-q"]);
    let said = "note: the learning rate came down towards step 7 and rises again: from the start with 12 steps it would not have\n";
    assert!(resumed.stderr.contains(said), "{}", resumed.stderr);
}

#[track_caller]
pub fn refused(bench: &Bench, args: &[&str]) -> String {
    let Output { code, stderr, .. } = bench.run(args);
    assert_eq!(code, Some(2), "{stderr}");
    stderr
}

#[test]
fn a_run_that_has_failed_for_good_says_so() {
    let bench = Bench::new();
    let diverging = ["train", "a.toml", "-q", "--out", "d", "--set", "tuner.rate=1e6", "--set", "checkpoint_every=1"];
    assert_eq!(bench.run(&diverging).code, Some(1));
    let nothing = bench.run(&["resume", "d"]);
    assert_eq!(nothing.code, Some(1));
    assert!(nothing.stdout.starts_with("d: diverged at step 1: "), "{}", nothing.stdout);
    assert!(
        nothing.stdout.ends_with("nothing to resume; try `onedge fork`, with other settings from an earlier step on\n")
    );
    let fewer = refused(&bench, &["resume", "d", "--steps", "1"]);
    assert_eq!(fewer, "error: --steps: expected more than 2, the steps that d has recorded, got 1\n");
}

#[test]
fn damaged_checkpoints_are_noticed_and_the_one_before_is_used() {
    let bench = Bench::new();
    bench.done(&train("whole", &[]));
    bench.done(&train("cut", &["steps=8", "checkpoint_every=3", "checkpoint_keep=3"]));
    assert_eq!(bench.names("cut/checkpoints"), ["3.safetensors", "6.safetensors", "8.safetensors"]);
    let read = |step: u32| fs::read(bench.path(&format!("cut/checkpoints/{step}.safetensors"))).unwrap();
    let (third, sixth, eighth) = (read(3), read(6), read(8));
    bench.write("cut/checkpoints/8.safetensors", &eighth[..eighth.len() / 2]);
    let mut flipped = sixth.clone();
    flipped[sixth.len() - 3] ^= 4;
    bench.write("cut/checkpoints/6.safetensors", &flipped);
    bench.write("cut/checkpoints/9.safetensors.77.part", "left by a kill");
    bench.write("cut/checkpoints/notes.txt", "mine");

    bench.write("cut/checkpoints/3.safetensors", &third[1..]);
    let lost = bench.run(&["resume", "cut", "--steps", "12", "-q"]);
    assert_eq!(lost.code, Some(1));
    let last = lost.stderr.lines().last().unwrap();
    assert!(
        last.starts_with("error: cut/checkpoints: expected a checkpoint that can be used, got none (cut/checkpoints/8")
    );
    assert!(last.ends_with("try its spec, cut/spec.toml, in a new folder"), "{last}");
    let told: Vec<&str> = lost.stderr.lines().filter_map(|line| Some(line.rsplit_once("; ")?.1)).collect();
    assert_eq!(told[..3], ["the one before is tried", "the one before is tried", "there is none before"]);
    fs::rename(bench.path("cut"), bench.path("cut-0123456789ab.unfinished-ba9876543210")).unwrap();
    let of_a_sweep = bench.run(&["resume", "cut-0123456789ab.unfinished-ba9876543210", "--steps", "12", "-q"]);
    assert!(of_a_sweep.stderr.ends_with("); start its sweep again, which begins it anew\n"), "{}", of_a_sweep.stderr);
    fs::rename(bench.path("cut-0123456789ab.unfinished-ba9876543210"), bench.path("cut")).unwrap();

    bench.write("cut/checkpoints/3.safetensors", &third);
    let resumed = bench.done(&["resume", "cut", "--steps", "12", "-q"]);
    let lines: Vec<&str> = resumed.stderr.lines().collect();
    assert!(lines[0].starts_with("cut/checkpoints/8.safetensors: the checkpoint cannot be used: "), "{}", lines[0]);
    let sum = "6.safetensors: the checkpoint cannot be used: its checksum does not match; the one before is tried";
    assert!(lines[1].ends_with(sum), "{}", lines[1]);
    assert_eq!(lines[2], "goes on from the checkpoint at step 3 of 12");
    assert_eq!(left(&bench, "cut"), left(&bench, "whole"));
    assert_eq!(bench.names("cut/checkpoints"), ["12.safetensors", "6.safetensors", "9.safetensors", "notes.txt"]);
}

#[test]
fn a_run_whose_records_are_damaged_goes_on_from_before() {
    let bench = Bench::new();
    bench.done(&train("whole", &[]));
    bench.done(&train("cut", &["steps=8", "checkpoint_every=3", "checkpoint_keep=3"]));
    let steps = bench.read("cut/steps.jsonl");
    let kept: Vec<&str> = steps.lines().take(4).collect();
    bench.write("cut/steps.jsonl", format!("{}\n{{\"step\":4,\"lo", kept.join("\n")));
    let resumed = bench.done(&["resume", "cut", "--steps", "12", "-q"]);
    assert_eq!(
        resumed.stderr,
        "goes on from the checkpoint at step 3 of 12\n\
         cut/steps.jsonl: no records of steps 4 to 7, which are taken again\n"
    );
    assert_eq!(left(&bench, "cut"), left(&bench, "whole"));
    assert_eq!(bench.read("cut/superseded.jsonl"), format!("{}\n{{\"step\":4,\"lo\n", kept[3]));
}

#[test]
fn what_was_changed_since_is_named() {
    let bench = Bench::new();
    bench.write("d.csv", "a,y\n1,0\n2,1\n3,0\n6,1\n");
    let data = ["data=csv", "data.path=d.csv", "data.column=y", "steps=6", "checkpoint_every=2"];
    let sets = data.iter().flat_map(|set| ["--set", set]);
    bench.done(&["train", "a.toml", "-q", "--out", "r"].into_iter().chain(sets).collect::<Vec<_>>());
    let again = || refused(&bench, &["resume", "r", "--steps", "9"]);

    let spec = bench.read("r/spec.toml");
    bench.write("r/spec.toml", spec.replace("rate = 0.1", "rate = 0.2"));
    assert_eq!(
        again(),
        "error: r/spec.toml: tuner.rate was 0.1 and is 0.2; try setting it back, or a fork of the run to change it\n"
    );
    bench.write("r/spec.toml", spec.replace("hidden = [4]", "hidden = [5]"));
    assert!(again().contains("parameter `layers.0.weight`: expected F32 of shape [1, 5], got F32 of shape [1, 4]"));
    bench.write("r/spec.toml", &spec);

    bench.write("d.csv", "a,y\n1,0\n2,1\n3,0\n5,1\n");
    assert_eq!(
        again(),
        "error: r/spec.toml: the examples are not those that the run was trained on; try `--set data.path=...`, where these \
         are, or a fork of the run at step 6, where its last checkpoint is, which trains on with the examples of now\n"
    );
    bench.write("d.csv", "a,y\n1,0\n2,1\n3,0\n6,1\n");
    // Where threads, length and checkpoints are changed, nothing else is.
    bench.write(
        "r/spec.toml",
        spec.replace("threads = 0", "threads = 1").replace("checkpoint_every = 2", "checkpoint_every = 4"),
    );
    let resumed = bench.done(&["resume", "r", "--steps", "9", "-q"]);
    assert_eq!(resumed.stderr, "goes on from the checkpoint at step 6 of 9\n");
    let processor = spec.lines().find(|line| line.starts_with("processor = ")).unwrap();
    bench.write("r/spec.toml", spec.replace(processor, "processor = \"abacus\""));
    let resumed = bench.done(&["resume", "r", "--steps", "10", "-q"]);
    assert!(resumed.stderr.contains("the run began with processor abacus, now "), "{}", resumed.stderr);

    assert!(refused(&bench, &["resume", "nowhere"]).contains("nowhere: expected a run folder"));
    assert!(!bench.path("nowhere").exists());
}

#[test]
fn a_run_without_a_checkpoint_needs_the_parameters_it_began_with() {
    let bench = Bench::new();
    bench.done(&["train", "a.toml", "-q", "--out", "first", "--save-params", "p"]);
    let from = |out: &'static str, steps| [&train(out, &[steps])[..], &["--params", "p"]].concat();
    bench.done(&from("whole", "steps=12"));
    bench.done(&from("half", "steps=5"));
    let saved = fs::read(bench.path("p")).unwrap();
    bench.done(&["train", "a.toml", "-q", "--set", "seed=8", "--save-params", "p", "--force"]);
    let error = refused(&bench, &["resume", "half", "--steps", "12"]);
    assert!(error.contains("/p: expected the file that the run started from, with SHA-256 "), "{error}");
    bench.write("p", saved);
    bench.done(&["resume", "half", "--steps", "12", "-q", "--save-params", "q"]);
    assert_eq!(left(&bench, "half"), left(&bench, "whole"));
    assert_eq!(fs::read(bench.path("q")).unwrap(), left(&bench, "whole").2);
}

#[test]
fn steps_are_counted_by_what_is_recorded() {
    let bench = Bench::new();
    bench.done(&train("killed", &["checkpoint_every=4"]));
    // Killed after its last checkpoint: eleven records, and the state after eight steps.
    let steps: Vec<String> =
        bench.read("killed/steps.jsonl").lines().take(11).map(|line| format!("{line}\n")).collect();
    bench.write("killed/steps.jsonl", steps.concat());
    for gone in ["summary.json", "checkpoints/12.safetensors"] {
        fs::remove_file(bench.path(&format!("killed/{gone}"))).unwrap();
    }
    assert_eq!(
        refused(&bench, &["resume", "killed", "--steps", "9"]),
        "error: --steps: expected more than 11, the steps that killed has recorded (without it the run goes on to 12), \
         got 9\n"
    );
    let resumed = bench.done(&["resume", "killed", "-q"]);
    assert_eq!(resumed.stderr, "goes on from the checkpoint at step 8 of 12\n");
}

#[test]
fn one_process_at_a_time() {
    let bench = Bench::new();
    let mut child = bench.command(&train("long", &["steps=1000000000"])).stderr(Stdio::null()).spawn().unwrap();
    while !bench.path("long/steps.jsonl").is_file() {
        assert!(child.try_wait().unwrap().is_none(), "it ended");
        std::thread::yield_now();
    }
    let error = refused(&bench, &["resume", "long"]);
    assert_eq!(error, "error: long: another process is at this run; try again when it has ended\n");
    child.kill().unwrap();
    child.wait().unwrap();
    // The system has let go of the lock. What the run was to take can be cut short, too.
    let steps = (bench.read("long/steps.jsonl").lines().count() + 10).to_string();
    bench.done(&["resume", "long", "--steps", &steps, "-q"]);
}
