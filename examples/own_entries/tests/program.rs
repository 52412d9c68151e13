//! The program's own entries in specs, records, resumed runs, sweeps, explanations and pictures.

use std::path::Path;
use std::process::{Command, Output};

fn onedge(folder: &Path, args: &[&str]) -> Output {
    let output = Command::new(env!("CARGO_BIN_EXE_own-entries")).args(args).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

fn text(output: Output) -> String {
    String::from_utf8(output.stdout).unwrap()
}

/// The spec of this folder, with fewer steps and checkpoints.
fn spec(folder: &Path) {
    let spec = include_str!("../spiral.toml").replace("steps = 300", "steps = 30\ncheckpoint_every = 10");
    std::fs::write(folder.join("spiral.toml"), spec).unwrap();
}

#[test]
fn they_are_explained_and_listed() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["half-edge", "sign", "scaled-residual", "log-cosh", "spiral", "largest-gradient"] {
        assert!(text(onedge(folder.path(), &["explain", name])).contains(name), "{name}");
    }
    assert!(text(onedge(folder.path(), &["list", "tuners"])).contains("half-edge"));
}

#[test]
fn a_run_of_them_alone_is_recorded_and_taken_further_with_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    spec(folder);
    onedge(folder, &["train", "spiral.toml", "-q", "--out", "whole"]);
    onedge(folder, &["train", "spiral.toml", "-q", "--out", "half", "--set", "steps=10"]);
    onedge(folder, &["resume", "half", "--steps", "30", "-q"]);
    let steps = |run: &str| {
        let text = std::fs::read_to_string(folder.join(run).join("steps.jsonl")).unwrap();
        // All but the seconds, which come last among the numbers that every record has.
        text.lines().map(|line| line.split("\"seconds\"").next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let whole = steps("whole");
    assert_eq!((whole.len(), &whole), (30, &steps("half")));
    let records = std::fs::read_to_string(folder.join("whole/steps.jsonl")).unwrap();
    assert_eq!(records.matches("\"largest_gradient\":").count(), 3);
    onedge(folder, &["plot", "whole", "--panels", "loss,largest_gradient", "-o", "picture.svg"]);
    onedge(folder, &["measure", "whole"]);
}

#[test]
fn they_span_grids() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    spec(folder);
    let swept = onedge(folder, &["sweep", "spiral.toml", "-q", "--root", "grid", "--set", "tuner.share=[0.3, 0.6]"]);
    assert!(text(swept).contains("share=0.6"));
    let listed = text(onedge(
        folder,
        &["runs", "--root", "grid", "--where", "tuner=half-edge", "--columns", "tuner.share,digest"],
    ));
    assert_eq!(listed.lines().count(), 3, "{listed}");
    // A digest is known only where all names are.
    assert!(
        listed.lines().skip(1).all(|line| line.split_whitespace().nth(1).is_some_and(|digest| digest.len() == 64)),
        "{listed}"
    );
}
