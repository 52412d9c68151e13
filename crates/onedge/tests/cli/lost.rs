//! Runs of which something was lost: they go on from what is whole, keep what there is, and say what is missing.

use std::fs;
use std::path::Path;

use crate::bench::Bench;
use crate::resume::{left, refused, train};

/// A run of 9 steps with checkpoints at 4, 8 and 9, and `whole`, which took 13 at once.
fn bench() -> Bench {
    let bench = Bench::new();
    bench.done(&train("whole", &["steps=13"]));
    bench.done(&train("run", &["steps=9", "checkpoint_every=4", "checkpoint_keep=3"]));
    assert_eq!(bench.names("run/checkpoints"), ["4.safetensors", "8.safetensors", "9.safetensors"]);
    bench
}

fn remove(bench: &Bench, file: &str) {
    fs::remove_file(bench.path(file)).unwrap();
}

/// The steps in a file of records, line by line.
fn steps(text: &str) -> Vec<u64> {
    let step = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap()["step"].as_u64().unwrap();
    text.lines().map(step).collect()
}

#[track_caller]
fn goes_on(bench: &Bench, said: &str) {
    let resumed = bench.done(&["resume", "run", "--steps", "13", "-q"]);
    assert_eq!(resumed.stderr, said);
    let (records, summary, parameters) = left(bench, "run");
    let (expected, whole_summary, whole_parameters) = left(bench, "whole");
    assert!(records.iter().all(|record| expected.contains(record)) && parameters == whole_parameters);
    for key in ["steps", "cost", "train", "events"] {
        assert_eq!(summary[key], whole_summary[key], "{key}");
    }
    let all = steps(&bench.read("run/steps.jsonl"));
    assert!(all.windows(2).all(|pair| pair[0] < pair[1]), "{all:?}");
}

#[test]
fn a_run_without_its_records_goes_on_from_its_last_checkpoint() {
    for lose in [|path: &Path| fs::remove_file(path).unwrap(), |path: &Path| fs::write(path, "").unwrap()] {
        let bench = bench();
        lose(&bench.path("run/steps.jsonl"));
        let missing = "run/steps.jsonl: no records of steps 0 to 8; the run goes on without them\n";
        goes_on(&bench, &format!("goes on from the checkpoint at step 9 of 13\n{missing}"));
        assert_eq!(steps(&bench.read("run/steps.jsonl")), [9, 10, 11, 12]);
        // How it went is in the checkpoint, too.
        let summary = |run: &str| left(&bench, run).1;
        for key in ["first_loss", "final_loss", "best_loss", "findings"] {
            assert_eq!(summary("run")[key], summary("whole")[key], "{key}");
        }
        assert_eq!(bench.done(&["export", "run"]).stdout.lines().count(), 1 + 4);
        bench.done(&["plot", "run", "-o", "picture.svg"]);
        bench.done(&["compare", "run", "whole"]);
        // And once more.
        let again = bench.done(&["resume", "run", "--steps", "14", "-q"]);
        assert!(again.stderr.starts_with("goes on from the checkpoint at step 13 of 14\n"), "{}", again.stderr);
        assert_eq!(steps(&bench.read("run/steps.jsonl")), [9, 10, 11, 12, 13]);
    }
}

#[test]
fn damaged_lines_are_kept_aside() {
    let bench = bench();
    let records: Vec<String> = bench.read("run/steps.jsonl").lines().map(str::to_owned).collect();
    // A hole in the middle of the file, as a bad block leaves it, and no checkpoint before it that is whole.
    let hole = "\0".repeat(40);
    bench.write("run/steps.jsonl", [&records[..2], std::slice::from_ref(&hole), &records[5..]].concat().join("\n"));
    let strict = bench.run(&["plot", "run", "-o", "picture.svg"]);
    assert!(strict.stderr.contains("run/steps.jsonl:3: expected what a run records"), "{}", strict.stderr);
    goes_on(
        &bench,
        "goes on from the checkpoint at step 9 of 13\n\
         run/steps.jsonl:3: no step record; kept in superseded.jsonl\n\
         run/steps.jsonl: no records of steps 2 to 4; the run goes on without them\n",
    );
    assert_eq!(steps(&bench.read("run/steps.jsonl")), [0, 1, 5, 6, 7, 8, 9, 10, 11, 12]);
    assert_eq!(bench.read("run/superseded.jsonl"), hole + "\n");
}

#[test]
fn records_that_are_lost_after_a_checkpoint_are_taken_again() {
    let bench = bench();
    let records: Vec<String> = bench.read("run/steps.jsonl").lines().map(str::to_owned).collect();
    bench.write("run/steps.jsonl", records[..6].join("\n"));
    goes_on(
        &bench,
        "goes on from the checkpoint at step 4 of 13\n\
         run/steps.jsonl: no records of steps 6 to 8, which are taken again\n",
    );
    assert_eq!(steps(&bench.read("run/steps.jsonl")), (0..13).collect::<Vec<_>>());
    assert_eq!(bench.read("run/superseded.jsonl"), records[4..6].join("\n") + "\n");
}

#[test]
fn records_are_cut_back_when_a_run_goes_on() {
    let bench = bench();
    // Killed after eight steps, with a checkpoint at four, twice.
    let records = bench.read("run/steps.jsonl");
    let killed = |count: usize| {
        let kept: Vec<&str> = records.lines().take(count).collect();
        bench.write("run/steps.jsonl", kept.join("\n") + "\n{\"step\":8,\"lo");
        remove(&bench, "run/summary.json");
    };
    killed(8);
    ["8", "9"].iter().for_each(|step| remove(&bench, &format!("run/checkpoints/{step}.safetensors")));
    goes_on(&bench, "goes on from the checkpoint at step 4 of 13\n");
    assert_eq!(steps(&bench.read("run/steps.jsonl")), (0..13).collect::<Vec<_>>());
    let aside = bench.read("run/superseded.jsonl");
    assert_eq!(steps(&aside[..aside.find("{\"step\":8").unwrap()]), [4, 5, 6, 7]);
}

#[test]
fn the_newest_checkpoint_damaged_and_the_records_lost() {
    let bench = bench();
    let whole = fs::read(bench.path("run/checkpoints/9.safetensors")).unwrap();
    bench.write("run/checkpoints/9.safetensors", &whole[..whole.len() - 1]);
    remove(&bench, "run/steps.jsonl");
    let resumed = bench.done(&["resume", "run", "--steps", "13", "-q"]);
    let lines: Vec<&str> = resumed.stderr.lines().collect();
    assert!(lines[0].starts_with("run/checkpoints/9.safetensors: the checkpoint cannot be used: "), "{}", lines[0]);
    assert!(lines[0].ends_with("; the one before is tried"), "{}", lines[0]);
    assert_eq!(lines[1], "goes on from the checkpoint at step 8 of 13");
    assert_eq!(steps(&bench.read("run/steps.jsonl")), [8, 9, 10, 11, 12]);
    assert_eq!(left(&bench, "run").2, left(&bench, "whole").2);
}

#[test]
fn a_spec_that_is_lost_is_in_the_checkpoints() {
    let bench = bench();
    let before = bench.read("run/spec.toml");
    remove(&bench, "run/spec.toml");
    let forked = bench.done(&["fork", "run", "--at", "6", "--out", "branch", "-q"]);
    assert!(forked.stdout.contains("steps done"), "{}", forked.stdout);
    goes_on(
        &bench,
        "goes on from the checkpoint at step 9 of 13\n\
         run/spec.toml: lost; written anew, with the settings that run/checkpoints/9.safetensors has\n",
    );
    let settings = |text: &str| text.split("\n[provenance]").next().unwrap().to_owned();
    assert_eq!(settings(&bench.read("run/spec.toml")), settings(&before));
    assert!(bench.read("run/spec.toml").contains("restored_from = \"run/checkpoints/9.safetensors\"\n"));
    assert_eq!(bench.done(&["resume", "run", "--steps", "14", "-q"]).code, Some(0));

    // Empty, or full of zeros, it is as good as lost.
    for nothing in ["", "\0\0\0\0"] {
        bench.write("run/spec.toml", nothing);
        let steps = if nothing.is_empty() { "15" } else { "16" };
        let resumed = bench.done(&["resume", "run", "--steps", steps, "-q"]);
        assert!(resumed.stderr.contains("run/spec.toml: lost; written anew"), "{}", resumed.stderr);
    }

    // One that was cut off, or put there by somebody, is not replaced; and without checkpoints there is nothing to go by.
    bench.write("run/spec.toml", &before[..before.find("[provenance]").unwrap()]);
    let cut = refused(&bench, &["resume", "run", "--steps", "17"]);
    assert!(cut.ends_with(
        "got none of that; put it back from a copy, remove it if there are checkpoints, which have the settings too, or do \
         the run anew in another folder\n"
    ));
    remove(&bench, "run/spec.toml");
    fs::remove_dir_all(bench.path("run/checkpoints")).unwrap();
    let none = refused(&bench, &["resume", "run", "--steps", "17"]);
    assert!(none.starts_with("error: run/spec.toml: expected the spec that the run wrote"), "{none}");
}

/// A folder with nothing but checkpoints and a summary in it.
#[test]
fn checkpoints_alone_are_enough() {
    let bench = bench();
    ["spec.toml", "steps.jsonl", "meaning.json", "params.safetensors", "lock"]
        .iter()
        .for_each(|name| remove(&bench, &format!("run/{name}")));
    goes_on(
        &bench,
        "goes on from the checkpoint at step 9 of 13\n\
         run/steps.jsonl: no records of steps 0 to 8; the run goes on without them\n\
         run/spec.toml: lost; written anew, with the settings that run/checkpoints/9.safetensors has\n",
    );
    let listed = bench.done(&["runs", "--root", "."]).stdout;
    assert!(listed.contains("run"), "{listed}");
}

#[test]
fn a_summary_that_is_damaged_is_written_anew() {
    let bench = bench();
    let summary = bench.read("run/summary.json");
    bench.write("run/summary.json", &summary[..summary.len() / 2]);
    let resumed = bench.done(&["resume", "run", "-q"]);
    let damaged = "goes on from the checkpoint at step 9 of 9\nrun/summary.json: damaged (";
    assert!(resumed.stderr.starts_with(damaged), "{}", resumed.stderr);
    assert!(resumed.stderr.ends_with("); a new one is written at the end\n"), "{}", resumed.stderr);
    let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    for key in ["stop", "steps", "cost", "first_loss", "final_loss", "best_loss", "train"] {
        assert_eq!(json(&bench.read("run/summary.json"))[key], json(&summary)[key], "{key}");
    }
    assert_eq!(bench.read("run/summary.before-9.json"), summary[..summary.len() / 2]);
}

#[test]
fn a_fork_of_a_run_without_records_says_so() {
    let bench = bench();
    remove(&bench, "run/steps.jsonl");
    let forked = bench.done(&["fork", "run", "--at", "8", "--set", "tuner.cap=0.02", "--out", "branch", "-q"]);
    let said = "run/steps.jsonl: no records of steps 0 to 7; the fork begins without them\n";
    assert!(forked.stderr.contains(said), "{}", forked.stderr);
    assert_eq!(steps(&bench.read("branch/steps.jsonl")), [8]);
    let beyond = refused(&bench, &["fork", "run", "--at", "10"]);
    assert!(beyond.contains("expected a step from 1 to 9"), "{beyond}");
}
