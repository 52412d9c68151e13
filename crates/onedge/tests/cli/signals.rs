//! What schedulers and terminals send.
#![cfg(unix)]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::bench::{Bench, program};

const ENDLESS: [&str; 4] = ["--set", "steps=1000000000", "--set", "diagnostics.sharpness_every=0"];

fn begun(bench: &Bench, args: &[&str]) -> Child {
    bench.command(args).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

fn until(what: &str, holds: impl Fn() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < Duration::from_secs(120), "{what}");
        std::thread::yield_now();
    }
}

fn send(child: &Child, signal: &str) {
    assert!(Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]).status().unwrap().success());
}

/// The first file whose path below `folder` ends like this.
fn found(folder: &Path, end: &str) -> Option<PathBuf> {
    let entries = std::fs::read_dir(folder).ok()?;
    entries.filter_map(Result::ok).map(|entry| entry.path()).find_map(|path| match path.is_dir() {
        true => found(&path, end),
        false => path.to_string_lossy().ends_with(end).then_some(path),
    })
}

fn checkpoints(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder.join("checkpoints")) else { return Vec::new() };
    let whole = entries.filter_map(Result::ok).map(|entry| entry.path());
    whole.filter(|path| path.extension().is_some_and(|end| end == "safetensors")).collect()
}

fn has_records(run: &Path) -> bool {
    std::fs::metadata(run.join("steps.jsonl")).is_ok_and(|file| file.len() > 2000)
}

#[test]
fn some_signals_ask_for_a_checkpoint_and_the_run_goes_on() {
    let bench = Bench::new();
    let run = bench.path("long");
    let mut child = begun(&bench, &[&["train", "a.toml", "-q", "--out", "long"], &ENDLESS[..]].concat());
    until("no records came", || has_records(&run));
    for signal in ["USR1", "USR2"] {
        let before = checkpoints(&run);
        send(&child, signal);
        until("no checkpoint came", || checkpoints(&run).iter().any(|path| !before.contains(path)));
        assert!(child.try_wait().unwrap().is_none(), "{signal} ended it");
    }
    send(&child, "TERM");
    let ended = child.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(130));
    let said = String::from_utf8(ended.stderr).unwrap();
    let lines = ["USR1: a checkpoint after this step, and on", "USR2: a checkpoint", "TERM: ending after this step"];
    assert!(lines.iter().all(|line| said.contains(&format!("signal {line}"))), "{said}");
}

#[test]
fn every_signal_that_ends_a_run_leaves_a_checkpoint_to_resume_from() {
    for signal in ["HUP", "XCPU", "TERM", "INT"] {
        let bench = Bench::new();
        let run = bench.path("long");
        let child = begun(&bench, &[&["train", "a.toml", "-q", "--out", "long"], &ENDLESS[..]].concat());
        until("no records came", || has_records(&run));
        send(&child, signal);
        assert_eq!(child.wait_with_output().unwrap().status.code(), Some(130), "{signal}");
        let steps = bench.read("long/steps.jsonl").lines().count();
        assert!(run.join(format!("checkpoints/{steps}.safetensors")).is_file(), "{signal}");
        let resumed = bench.done(&["resume", "long", "-q", "--steps", &(steps + 2).to_string()]);
        assert!(resumed.stdout.contains("steps done"), "{}", resumed.stdout);
        assert_eq!(bench.read("long/steps.jsonl").lines().count(), steps + 2, "{signal}: no step twice");
    }
}

#[test]
fn a_resumed_run_and_a_fork_heed_signals_too() {
    let bench = Bench::new();
    bench.done(&["train", "a.toml", "-q", "--out", "short", "--set", "checkpoint_every=4"]);
    let commands: [&[&str]; 2] = [
        &["resume", "short", "-q", "--steps", "1000000000"],
        &["fork", "short", "-q", "--at", "8", "--set", "steps=1000000000", "--out", "fork"],
    ];
    for (args, folder) in commands.into_iter().zip(["short", "fork"]) {
        let run = bench.path(folder);
        let mut child = begun(&bench, args);
        until("no records came", || std::fs::metadata(run.join("steps.jsonl")).is_ok_and(|file| file.len() > 9000));
        let before = checkpoints(&run);
        send(&child, "USR2");
        until("no checkpoint came", || checkpoints(&run).iter().any(|path| !before.contains(path)));
        assert!(child.try_wait().unwrap().is_none(), "{args:?}");
        send(&child, "XCPU");
        assert_eq!(child.wait().unwrap().code(), Some(130), "{args:?}");
    }
}

#[test]
fn workers_of_sweeps_and_figures_heed_them() {
    let bench = Bench::new();
    let endless = bench.read("a.toml").replace("steps = 12", "steps = 1000000000\ncheckpoint_minutes = 1000.0");
    bench.write("s.toml", format!("{endless}[sweep]\nrepeats = 2\n"));
    let mut child = begun(&bench, &["sweep", "s.toml", "-q", "--jobs", "2"]);
    let root = bench.path("runs");
    until("no records came", || found(&root, "steps.jsonl").is_some_and(|path| has_records(path.parent().unwrap())));
    send(&child, "USR1");
    until("no checkpoint came", || found(&root, ".safetensors").is_some());
    assert!(child.try_wait().unwrap().is_none());
    send(&child, "HUP");
    assert_eq!(child.wait().unwrap().code(), Some(130));
    // Small as they are, the runs of a figure take longer than a signal.
    let child = begun(&bench, &["figure", "6", "-q", "--preset", "small", "--jobs", "1", "--root", "figures"]);
    let root = bench.path("figures");
    until("no records came", || found(&root, "steps.jsonl").is_some_and(|path| has_records(path.parent().unwrap())));
    send(&child, "TERM");
    let ended = child.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(130));
    assert!(String::from_utf8(ended.stderr).unwrap().contains("the same command goes on from there"));
}

/// `nohup` makes a program deaf to a closed terminal, and so it must stay.
#[test]
#[cfg(target_os = "linux")]
fn what_is_ignored_from_the_start_stays_ignored() {
    let bench = Bench::new();
    let run = bench.path("long");
    let mut deaf = Command::new("sh");
    deaf.args(["-c", "trap '' HUP; exec \"$0\" \"$@\""]).arg(program());
    deaf.args(["train", "a.toml", "-q", "--out", "long"]).args(ENDLESS);
    let mut child = deaf.current_dir(bench.path("")).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    until("no records came", || has_records(&run));
    send(&child, "HUP");
    send(&child, "USR1");
    until("no checkpoint came", || !checkpoints(&run).is_empty());
    assert!(child.try_wait().unwrap().is_none(), "it heard the first signal");
    send(&child, "TERM");
    assert_eq!(child.wait().unwrap().code(), Some(130));
}
