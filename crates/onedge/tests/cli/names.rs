//! A run is called by its folder, name or id wherever one is asked for.

use crate::bench::Bench;

fn with_two_runs() -> (Bench, String) {
    let bench = Bench::new();
    bench.done(&["train", "a.toml", "-q", "--set", "name=alpha", "--set", "checkpoint_every=4"]);
    bench.done(&["train", "a.toml", "-q", "--set", "name=beta", "--set", "seed=8"]);
    let shown: serde_json::Value =
        serde_json::from_str(&bench.done(&["runs", "show", "alpha", "--json"]).stdout).unwrap();
    let id = shown["id"].as_str().unwrap().to_owned();
    (bench, id)
}

#[test]
fn names_ids_and_their_beginnings_are_taken_by_every_command() {
    let (bench, id) = with_two_runs();
    for run in ["alpha", "alp", &id, &id[..6], "runs/alpha", "./runs/alpha/"] {
        let commands: [&[&str]; 8] = [
            &["measure", run],
            &["evaluate", run, "--json"],
            &["plot", run, "beta", "-o", "picture.svg", "--force"],
            &["export", run],
            &["compare", run, "beta", "-q", "--set", "steps=2"],
            &["plan", run],
            &["train", run, "-q", "--set", "steps=2", "--set", "name=gamma"],
            &["fork", run, "-q", "--at", "8", "--set", "steps=10", "--set", "name=delta"],
        ];
        for args in commands {
            let output = bench.run(args);
            // Data without test examples are another matter.
            let has_no_test = args[0] == "evaluate" && output.stderr.contains("no test examples");
            assert!(output.code == Some(0) || has_no_test, "{args:?}: {}", output.stderr);
        }
    }
    for (steps, run) in ["14", "16", "18"].into_iter().zip(["alpha", "alp", &id]) {
        bench.done(&["resume", run, "-q", "--steps", steps]);
    }
    assert_eq!(bench.read("runs/alpha/steps.jsonl").lines().count(), 18);
}

#[test]
fn another_root_is_named() {
    let (bench, _) = with_two_runs();
    std::fs::rename(bench.path("runs"), bench.path("elsewhere")).unwrap();
    assert_eq!(bench.run(&["measure", "alpha"]).code, Some(2));
    bench.done(&["measure", "alpha", "--root", "elsewhere"]);
    bench.done(&["resume", "alpha", "-q", "--steps", "15", "--root", "elsewhere"]);
    bench.done(&["fork", "beta", "-q", "--at", "5", "--root", "elsewhere"]);
    assert!(bench.path("elsewhere/beta-from-5").is_dir() && !bench.path("runs").exists());
}

#[test]
fn what_is_meant_by_several_runs_or_by_none_is_told() {
    let (bench, _) = with_two_runs();
    bench.done(&["train", "a.toml", "-q", "--set", "name=alpine"]);
    for command in
        [&["measure"][..], &["resume"], &["plot", "-o", "x.svg"], &["fork", "--at", "3"], &["predict", "x.csv"]]
    {
        let with = |run| bench.run(&[&command[..1], &[run], &command[1..]].concat());
        let several = with("alp");
        assert_eq!(several.code, Some(2), "{command:?}: {}", several.stderr);
        assert_eq!(
            several.stderr,
            "error: `alp`: expected one run below runs, got 2; try a folder: `alpha` or `alpine`\n"
        );
        let none = with("bta");
        assert_eq!(none.code, Some(2));
        assert_eq!(
            none.stderr,
            "error: `bta`: expected a folder, name or id of a run below runs, got none of them; try `beta`\n"
        );
    }
}
