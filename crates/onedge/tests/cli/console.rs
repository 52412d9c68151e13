//! Readers that go away and redirections to a full disk.
#![cfg(target_os = "linux")]

use std::process::Stdio;

use crate::bench::Bench;

fn full() -> Stdio {
    std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap().into()
}

/// A pipe whose reading end is closed.
fn closed() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

#[test]
fn a_run_survives_a_standard_error_that_takes_nothing() {
    let bench = Bench::new();
    for (out, stderr) in [("full", full()), ("closed", closed())] {
        let status = bench.command(&["train", "a.toml", "--out", out]).stdout(Stdio::null()).stderr(stderr).status();
        assert_eq!(status.unwrap().code(), Some(0), "{out}");
        assert_eq!(
            bench.names(out),
            ["data.json", "lock", "meaning.json", "params.safetensors", "spec.toml", "steps.jsonl", "summary.json"]
        );
    }
    let compare = bench.command(&["compare", "a.toml", "--out", "c"]).stdout(Stdio::null()).stderr(full()).status();
    assert_eq!(compare.unwrap().code(), Some(0));
    let missing = bench.command(&["train", "none.toml"]).stdout(Stdio::null()).stderr(full()).status();
    assert_eq!(missing.unwrap().code(), Some(2));
}

#[test]
fn a_closed_standard_output_is_no_failure_and_a_full_one_is() {
    let bench = Bench::new();
    bench.done(&["train", "a.toml", "-q", "--out", "run"]);
    let commands: [&[&str]; 6] = [
        &["train", "a.toml", "-q"],
        &["compare", "a.toml", "-q"],
        &["measure", "a.toml", "--json"],
        &["export", "run"],
        &["list"],
        &["completions", "bash"],
    ];
    for args in commands {
        let end = |stdout: Stdio| {
            let child = bench.command(args).stdout(stdout).stderr(Stdio::piped()).spawn().unwrap();
            let output = child.wait_with_output().unwrap();
            (output.status.code(), String::from_utf8(output.stderr).unwrap())
        };
        assert_eq!(end(closed()), (Some(0), String::new()), "{args:?}");
        let (code, message) = end(full());
        assert_eq!(code, Some(1), "{args:?}: {message}");
        assert!(message.starts_with("error: standard output: cannot write: "), "{args:?}: {message}");
    }
    assert_eq!(bench.names("runs/constant-2").len(), 7, "the run itself is whole");
}
