//! Kills, Ctrl-C and a full disk.
#![cfg(unix)]

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::bench::{Bench, output, program};

/// A run that would take hours, once it has written a few records.
fn long_run(bench: &Bench) -> std::process::Child {
    began(bench, &["train", "a.toml", "-q", "--set", "steps=1000000000", "--out", "long"], Stdio::null)
}

fn began(bench: &Bench, args: &[&str], output: fn() -> Stdio) -> std::process::Child {
    let child = bench.command(args).stdout(output()).stderr(output()).spawn().unwrap();
    let started = Instant::now();
    while std::fs::metadata(bench.path("long/steps.jsonl")).map_or(0, |file| file.len()) < 2000 {
        assert!(started.elapsed() < Duration::from_secs(120), "no records came");
        std::thread::yield_now();
    }
    child
}

#[test]
fn a_kill_leaves_records_that_can_be_read() {
    let bench = Bench::new();
    let mut child = long_run(&bench);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(bench.names("long"), ["data.json", "lock", "meaning.json", "spec.toml", "steps.jsonl"]);
    // Torn in the middle of a record, as a kill may do at any moment.
    let steps = bench.read("long/steps.jsonl");
    let whole = steps.trim_end().lines().count();
    bench.write("long/steps.jsonl", &steps.trim_end()[..steps.trim_end().len() - 20]);
    let exported = bench.done(&["export", "long"]);
    assert_eq!(exported.stdout.lines().count(), whole, "a heading, and all records but the torn one");
    assert!(exported.stderr.contains("last record was cut off"), "{}", exported.stderr);
    bench.done(&["plot", "long", "-o", "long.svg"]);
}

#[test]
fn ctrl_c_and_sigterm_end_the_run_with_everything_recorded() {
    for signal in ["-INT", "-TERM"] {
        ends_with_everything_recorded(signal);
    }
}

fn ends_with_everything_recorded(signal: &str) {
    let bench = Bench::new();
    let mut child = long_run(&bench);
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130), "{signal}");
    assert!(bench.read("long/summary.json").contains("\"interrupted\""));
    assert!(bench.path("long/params.safetensors").is_file());
    let summary: serde_json::Value = serde_json::from_str(&bench.read("long/summary.json")).unwrap();
    assert_eq!(summary["steps"], bench.read("long/steps.jsonl").lines().count());
}

#[test]
fn a_run_whose_folder_is_removed_or_moved_says_so_and_stops() {
    let bench = Bench::new();
    let (long, moved) = (bench.path("long"), bench.path("moved"));
    for remove in [true, false] {
        let args =
            ["train", "a.toml", "-q", "--set", "steps=1000000000", "--out", "long", "--save-params", "p", "--force"];
        let child = began(&bench, &args, Stdio::piped);
        if remove {
            // It may write while it is removed.
            while std::fs::remove_dir_all(&long).is_err() && long.exists() {}
        } else {
            std::fs::rename(&long, &moved).unwrap();
        }
        let ended = child.wait_with_output().unwrap();
        let [stdout, stderr] = [ended.stdout, ended.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
        assert_eq!(ended.status.code(), Some(1), "{stderr}");
        let gone = |what: &str| {
            format!(
                "error: {what}: removed or moved while the run went on; do the run anew, or resume it where it is now\n"
            )
        };
        // A folder is removed file by file, and the run may look in between.
        assert!(stderr == gone("long") || remove && stderr == gone("long/steps.jsonl"), "{stderr}");
        assert!(stdout.contains("constant: failed at step ") && !stdout.contains("left in"), "{stdout}");
        assert!(!long.exists() && bench.path("p").is_file(), "what goes elsewhere is left there");
    }
    let steps = (bench.read("moved/steps.jsonl").lines().count() + 3).to_string();
    bench.done(&["resume", "moved", "-q", "--steps", &steps]);
}

#[test]
fn a_full_disk_ends_the_run_and_keeps_what_was_written() {
    let bench = Bench::new();
    // No file may grow beyond 16 blocks of 512 bytes; the signal that would kill the program is ignored.
    let limited = "trap '' XFSZ; ulimit -f 16; \
                   exec \"$0\" train a.toml -q --out full --set steps=5000 --save-params p.safetensors";
    let mut shell = Command::new("sh");
    let output = output(shell.args(["-c", limited]).arg(program()).current_dir(bench.path("")));
    assert_eq!(output.code, Some(1), "{}", output.stderr);
    assert!(output.stderr.starts_with("error: full/steps.jsonl: cannot write: "), "{}", output.stderr);
    assert!(output.stderr.ends_with("(everything else of this run is in full)\n"), "{}", output.stderr);
    assert!(output.stdout.contains("failed at step "), "{}", output.stdout);
    assert_eq!(
        bench.names("full"),
        ["data.json", "lock", "meaning.json", "params.safetensors", "spec.toml", "steps.jsonl", "summary.json"]
    );
    let saved = |name: &str| std::fs::read(bench.path(name)).unwrap();
    assert_eq!(saved("p.safetensors"), saved("full/params.safetensors"));
    let kept = bench.done(&["export", "full"]).stdout.lines().count();
    assert!(kept > 10, "{kept} lines");
}

#[test]
fn parameters_that_do_not_fit_on_one_disk_still_reach_the_other() {
    let bench = Bench::new();
    // 8 KiB a file: too little for 10,000 parameters, enough for a summary and a few steps; a pipe takes all.
    let limited = "trap '' XFSZ; ulimit -f 16; \
                   \"$0\" train a.toml -q --out full --set model.hidden=[1000] --set steps=3 --save-params /dev/stdout | cat";
    let mut shell = Command::new("sh");
    let shell = shell.args(["-c", limited]).arg(program()).current_dir(bench.path("")).output().unwrap();
    let message = String::from_utf8(shell.stderr).unwrap();
    assert!(message.starts_with("error: full/params.safetensors: cannot write: "), "{message}");
    assert_eq!(bench.names("full"), ["data.json", "lock", "meaning.json", "spec.toml", "steps.jsonl", "summary.json"]);
    assert!(shell.stdout.len() > 4 * 6000, "{} bytes", shell.stdout.len());
}
