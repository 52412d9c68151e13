//! Variants of a run from one of its steps on.

use crate::bench::Bench;
use crate::resume::{left, refused, train};

/// The run that is forked, with checkpoints at 4, 8 and 12.
fn forked(bench: &Bench) {
    bench.done(&train("run", &["checkpoint_every=4", "checkpoint_keep=0"]));
}

#[test]
fn a_variant_without_a_change_is_the_run_itself() {
    let bench = Bench::new();
    forked(&bench);
    let (records, mut summary, parameters) = left(&bench, "run");
    // From a checkpoint; from one before; from the beginning; and from the end of what was recorded.
    for (at, from) in
        [("8", ""), ("6", "no checkpoint at step 6: repeats the run from step 4\n"), ("3", "step 0"), ("11", "")]
    {
        let name = format!("fork-{at}");
        let output = bench.done(&["fork", "run", "--at", at, "-q", "--out", &name]);
        assert!(output.stderr.contains(from), "{}", output.stderr);
        let kept = "kept: parameters, optimizer adam, tuner cdat, diagnostic critical-sharpness, diagnostic gauss-newton, \
                    diagnostic sharpening, diagnostic top, order of mini-batches\n";
        assert!(output.stderr.ends_with(kept), "{}", output.stderr);
        summary["name"] = format!("cdat from {at}").into();
        assert_eq!(left(&bench, &name), (records.clone(), summary.clone(), parameters.clone()));
        let provenance = format!("forked_from = \"run\"\nforked_at = {at}\n");
        assert!(bench.read(&format!("{name}/spec.toml")).contains(&provenance));
    }
}

#[test]
fn a_variant_goes_its_own_way_from_its_step_on() {
    let bench = Bench::new();
    forked(&bench);
    let (records, ..) = left(&bench, "run");
    let sets = ["--set", "tuner=greedy", "--set", "steps=15", "--set", "name=tame"];
    let output = bench.done(&[&["fork", "run", "--at", "6", "-q"], &sets[..]].concat());
    assert!(output.stderr.contains("; new: tuner greedy\n"), "{}", output.stderr);
    assert!(output.stdout.contains("left in runs/tame\n"), "{}", output.stdout);
    let (variant, ..) = left(&bench, "runs/tame");
    assert_eq!((variant.len(), &variant[..6]), (15, &records[..6]));
    let loss = |record: &String| serde_json::from_str::<serde_json::Value>(record).unwrap()["loss"].clone();
    assert_eq!(loss(&variant[6]), loss(&records[6]), "the parameters are the same");
    assert_ne!(loss(&variant[7]), loss(&records[7]));

    // A variant can be resumed and forked like any run.
    bench.done(&["resume", "runs/tame", "--steps", "17", "-q"]);
    let again = bench.done(&["fork", "runs/tame", "--at", "16", "-q", "--set", "optimizer=gd", "--out", "second"]);
    assert!(again.stderr.contains("new: optimizer gd\n"), "{}", again.stderr);
    assert_eq!(left(&bench, "second").0[..16], left(&bench, "runs/tame").0[..16]);
}

#[test]
fn every_kind_of_change_is_carried_out() {
    let bench = Bench::new();
    forked(&bench);
    for (i, (set, new)) in [
        ("tuner.sigma=1.5", "kept"),
        ("precision=f64", "kept"),
        ("batch=5", "new: order of mini-batches"),
        ("~batch diagnostics.batch_sharpness_every=0", "kept"),
        ("diagnostics.top_every=0", "kept"),
        ("diagnostics.trace_every=1", "kept"),
        ("data.separation=3", "diagnostic top, order of mini-batches"),
        ("loss.l2=0.01", "new: diagnostic critical-sharpness"),
        ("optimizer=schedule-free-sgd", "new: optimizer schedule-free-sgd"),
        ("tuner=adgd", "new: tuner adgd"),
        ("tuner=dog", "new: tuner dog"),
    ]
    .into_iter()
    .enumerate()
    {
        let out = format!("v{i}");
        let sets = set.split(' ').flat_map(|set| ["--set", set]);
        let args = ["fork", "run", "--at", "7", "-q", "--out", &out].into_iter().chain(sets);
        let output = bench.done(&args.collect::<Vec<_>>());
        assert!(output.stderr.contains(new), "{set}: {}", output.stderr);
        assert_eq!(left(&bench, &out).0.len(), 12, "{set}");
    }
}

#[test]
fn what_cannot_be_is_refused_before_anything_is_written() {
    let bench = Bench::new();
    forked(&bench);
    bench.done(&["train", "a.toml", "-q", "--out", "empty"]);
    bench.write("empty/steps.jsonl", "");
    std::fs::remove_file(bench.path("empty/summary.json")).unwrap();
    let fork = |args: &[&str]| refused(&bench, &[&["fork", "run", "--out", "v"], args].concat());
    for at in ["0", "13"] {
        let expected = format!("error: --at: expected a step from 1 to 12, the steps that run has taken, got {at}\n");
        assert_eq!(fork(&["--at", at]), expected);
    }
    assert_eq!(
        fork(&["--at", "6", "--set", "model.hidden=[5]"]).lines().last().unwrap(),
        "error: run/spec.toml with --set: parameter `layers.0.weight`: expected `layers.0.weight` of shape [3, 4], got \
         `layers.0.weight` of shape [3, 5]; try the model and precision of the run"
    );
    assert!(fork(&["--at", "6", "--set", "data=digits"]).contains("got `layers.0.weight` of shape [64, 4]"));
    assert_eq!(
        fork(&["--at", "6", "--set", "steps=6"]),
        "error: --set steps: expected more than 6, where the fork begins, got 6\n"
    );
    assert_eq!(
        fork(&["--at", "12"]),
        "error: --at: expected fewer than 12, the steps of run, or `steps=N` among the changes with N above 12, got 12\n"
    );
    let empty = refused(&bench, &["fork", "empty", "--out", "v", "--at", "1"]);
    assert_eq!(empty, "error: --at: expected a run that has taken steps, got empty, which has taken none\n");
    assert!(fork(&["--at", "6", "--set", "tuner=gredy"]).contains("try `greedy`"));
    assert!(!bench.path("v").exists());

    let whole = bench.run(&["fork", "run", "--at", "6", "--out", "run"]);
    assert_eq!(whole.code, Some(2));
    assert!(whole.stderr.contains("run: expected a new or empty folder"), "{}", whole.stderr);

    // Without the checkpoint that it begins with, a variant is lost.
    bench.done(&["fork", "run", "--at", "6", "-q", "--out", "v", "--set", "checkpoint_every=0"]);
    std::fs::remove_dir_all(bench.path("v/checkpoints")).unwrap();
    let lost = refused(&bench, &["resume", "v", "--steps", "20"]);
    assert_eq!(lost, "error: v/checkpoints: a fork begins with a checkpoint, got none; try forking the run again\n");
}

#[test]
fn what_cannot_be_a_variant_is_said_before_steps_are_repeated() {
    let bench = Bench::new();
    bench.done(&train("run", &["checkpoint_every=0", "checkpoint_minutes=0"]));
    let taken = refused(&bench, &["fork", "run", "--at", "6", "-q", "--out", "run"]);
    assert!(taken.starts_with("error: run: expected a new or empty folder"), "{taken}");
    let other = refused(&bench, &["fork", "run", "--at", "6", "-q", "--set", "model.hidden=[17]"]);
    assert!(other.contains("parameter `"), "{other}");

    // Records of one run and the state of another do not go together.
    let spec = bench.read("run/spec.toml");
    assert!(spec.contains("cap = 0.01\n"), "{spec}");
    bench.write("run/spec.toml", spec.replace("cap = 0.01\n", "cap = 0.005\n"));
    let changed = refused(&bench, &["fork", "run", "--at", "6", "-q", "--out", "variant"]);
    assert!(changed.contains("run: step 0 was repeated with learning rate "), "{changed}");
    assert!(!bench.path("variant").exists());

    // Nor does a spec that the run did not write.
    bench.write("run/spec.toml", spec.split("[provenance]").next().unwrap());
    for command in [&["resume", "run"][..], &["fork", "run", "--at", "6"]] {
        let cut = refused(&bench, command);
        assert!(cut.contains("run/spec.toml: expected the spec that the run wrote"), "{cut}");
    }
}
