//! `onedge runs`, and what it leaves.

use std::collections::BTreeSet;
use std::fs;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::bench::{Bench, Output};

fn json(output: &Output) -> Value {
    serde_json::from_str(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", output.stdout))
}

/// Three runs: `constant`, `constant-2` of another seed, and `fast`, which diverged.
fn three() -> Bench {
    let bench = Bench::new();
    bench.done(&["train", "a.toml", "-q"]);
    bench.done(&["train", "a.toml", "-q", "--set", "seed=4", "--set", "tuner.rate=0.2"]);
    let fast = bench.run(&["train", "a.toml", "-q", "--set", "tuner.rate=1e6", "--out", "runs/fast"]);
    assert_eq!(fast.code, Some(1));
    bench
}

#[test]
fn runs_are_listed_and_filtered() {
    let bench = three();
    let listed = bench.done(&["runs"]);
    assert!(listed.stderr.is_empty(), "{}", listed.stderr);
    let lines: Vec<&str> = listed.stdout.lines().collect();
    let headings: Vec<&str> = lines[0].split_whitespace().collect();
    assert_eq!(headings, ["id", "folder", "status", "tuner", "steps", "final_loss", "seconds", "started", "tags"]);
    // Times are text, whatever they begin with.
    let aligned = bench.done(&["runs", "--columns", "started,steps", "--where", "status=done"]).stdout;
    assert!(aligned.starts_with("started              steps\n20"), "{aligned}");
    assert_eq!(lines.len(), 4);
    assert!(lines.iter().any(|line| line.contains("fast") && line.contains("diverged")), "{}", listed.stdout);

    let folders = |args: &[&str]| -> Vec<String> {
        let all = [&["runs", "--json", "--columns", "folder,final_loss"], args].concat();
        let rows = json(&bench.done(&all));
        rows.as_array().unwrap().iter().map(|row| row["folder"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(folders(&["--where", "status=done and tuner.rate>0.1"]), ["constant-2"]);
    assert_eq!(folders(&["--where", "seed=3 or status=diverged", "--sort", "folder"]), ["constant", "fast"]);
    assert_eq!(folders(&["--sort", "-folder", "--limit", "2"]), ["fast", "constant-2"]);
    assert_eq!(bench.done(&["runs", "list"]).stdout, listed.stdout);
    assert_eq!(
        bench.done(&["runs", "list", "--columns", "folder", "--where", "seed=4"]).stdout,
        "folder\nconstant-2\n"
    );
    let none = bench.done(&["runs", "--where", "tuner=greedy"]);
    assert_eq!((&none.stdout[..], &none.stderr[..]), ("", "note: no run fits, of those below runs\n"));

    let everything = json(&bench.done(&["runs", "--json", "--where", "folder=constant"]));
    let run = &everything[0];
    assert_eq!((&run["tuner"], &run["tuner.rate"], &run["spec.steps"]), (&"constant".into(), &0.1.into(), &12.into()));
    assert_eq!((&run["drop_last"], &run["model.hidden"]), (&true.into(), &serde_json::json!([4])));
    assert_eq!(
        run["files"],
        serde_json::json!([
            "data.json",
            "meaning.json",
            "params.safetensors",
            "spec.toml",
            "steps.jsonl",
            "summary.json"
        ])
    );
    assert!(run["train.accuracy"].is_number() && run["digest"].as_str().unwrap().len() == 64);
    assert!(run["started"].as_str().unwrap() <= run["ended"].as_str().unwrap());
}

#[test]
fn a_project_without_runs_has_none() {
    let bench = Bench::new();
    assert_eq!(bench.done(&["runs"]).stderr, "note: no runs below runs\n");
    assert_eq!(bench.done(&["runs", "--json"]).stdout, "[]\n");
    assert!(!bench.path("runs").exists());
    let missing = bench.run(&["runs", "--root", "else"]);
    assert_eq!(missing.code, Some(2));
    assert!(missing.stderr.starts_with("error: else: expected a folder with runs below it"), "{}", missing.stderr);
}

#[test]
fn show_tells_everything_of_one() {
    let bench = three();
    let shown = bench.done(&["runs", "show", "constant"]).stdout;
    for expected in ["run\n", "\nresults\n", "\nsettings\n", "\nfiles\n", "steps done", "0.1", "params.safetensors"] {
        assert!(shown.contains(expected), "{expected}: {shown}");
    }
    let id = json(&bench.done(&["runs", "--json", "--where", "folder=fast"]))[0]["id"].as_str().unwrap().to_owned();
    for args in [vec!["runs", "show", &id, "--json"], vec!["runs", "--root", "runs", "show", &id[..7], "--json"]] {
        let run = json(&bench.done(&args));
        assert_eq!((&run["name"], &run["status"]), (&"constant".into(), &"diverged".into()));
        assert!(run["files"]["summary.json"].as_u64().unwrap() > 100);
    }
    // The id stays with the run, wherever it goes.
    fs::rename(bench.path("runs/fast"), bench.path("runs/moved")).unwrap();
    assert_eq!(json(&bench.done(&["runs", "show", &id, "--json"]))["folder"], "moved");
}

#[test]
fn compare_puts_runs_side_by_side_with_their_differences() {
    let bench = three();
    fs::remove_file(bench.path("runs/constant-2/summary.json")).unwrap();
    let output = bench.done(&["runs", "compare", "runs/constant", "constant-2", "fast"]);
    let lines: Vec<&str> = output.stdout.lines().collect();
    assert!(lines[0].starts_with("run") && lines[1].starts_with("constant (constant)"), "{}", output.stdout);
    assert!(
        lines[2].ends_with("interrupted before step 12") && lines[3].ends_with("diverged at step 1"),
        "{}",
        output.stdout
    );
    assert_eq!(output.stderr, "note: runs/constant-2: killed, so this is how far it got\n");
    assert_eq!(lines[5].split_whitespace().collect::<Vec<_>>(), ["run", "seed", "tuner.rate"]);
    assert!(lines[7].ends_with("   4         0.2"), "{}", output.stdout);
}

#[test]
fn tags_come_and_go() {
    let bench = three();
    assert_eq!(bench.done(&["runs", "tag", "fast", "bad", "lr/1e6"]).stdout, "fast: bad lr/1e6\n");
    assert_eq!(bench.read("runs/fast/tags"), "bad\nlr/1e6\n");
    let tagged = bench.done(&["runs", "--where", "tag=bad", "--columns", "folder,tags"]).stdout;
    assert_eq!(tagged, "folder  tags\nfast    bad lr/1e6\n");
    assert_eq!(bench.done(&["runs", "untag", "fast", "bad", "lr/1e6"]).stdout, "fast: no tags\n");
    assert_eq!(bench.done(&["runs", "note", "fast", "too fast"]).stdout, "fast: too fast\n");
    let listed = bench.done(&["runs", "--columns", "folder,note", "--where", "note~fast"]).stdout;
    assert!(listed.lines().count() == 2 && listed.contains("too fast"), "{listed}");
    assert!(bench.done(&["runs", "show", "fast"]).stdout.contains("too fast"));
    assert_eq!(bench.done(&["runs", "note", "fast", ""]).stdout, "fast: no note\n");
    let wrong = bench.run(&["runs", "tag", "fast", "a b"]);
    assert_eq!(wrong.code, Some(2));
    assert!(wrong.stderr.starts_with("error: tag `a b`: expected letters"), "{}", wrong.stderr);
}

#[test]
fn delete_asks_and_says_what_is_free() {
    let bench = three();
    let unasked = bench.run(&["runs", "delete", "fast"]);
    assert_eq!(unasked.code, Some(2));
    assert_eq!(
        unasked.stderr,
        "error: runs delete: expected a terminal to ask at, got none; try `--yes`, which does not ask\n"
    );
    // The beginning of a name is not enough for what cannot be undone.
    let beginning = bench.run(&["runs", "delete", "--yes", "fas"]);
    assert_eq!(beginning.code, Some(2));
    assert!(
        beginning.stderr.contains("`fas`: expected a folder, name or id of a run below runs"),
        "{}",
        beginning.stderr
    );
    assert!(beginning.stderr.ends_with("try `fast`\n"), "{}", beginning.stderr);
    let gone = bench.done(&["runs", "delete", "--yes", "fast", "constant-2", "fast"]).stdout;
    assert!(gone.starts_with("deleted fast\ndeleted constant-2\n") && gone.ends_with(" are free again\n"), "{gone}");
    assert_eq!(bench.names("runs"), ["constant", "index.lock", "index.sqlite"]);
    let again = bench.run(&["runs", "delete", "--yes", "fast"]);
    assert_eq!(again.code, Some(2));
    assert!(again.stderr.contains("`fast`: expected a folder, name or id of a run below runs"), "{}", again.stderr);
}

#[test]
fn mistakes_are_named() {
    let bench = three();
    for (args, expected) in [
        (&["--where", "tuner="][..], "--where: column 7: expected a value, got the end; try `tuner=cdat"),
        (
            &["--where", "tunr=cdat"],
            "--where: column 1: unknown key `tunr`, expected something known of runs; try `tuner`",
        ),
        (
            &["--where", "status=done and final_loss < abc"],
            "--where: column 30: expected a number to compare `final_loss` with, got text, `abc`; try `tuner",
        ),
        (&["--limit", "0"], "invalid value '0' for '--limit <N>'"),
        (&["--sort", "final_los"], "--sort: unknown key `final_los`"),
        (&["--columns", "folder,sede"], "--columns: unknown key `sede`"),
        (
            &["show", "fats"],
            "`fats`: expected a folder, name or id of a run below runs, got none of them; try `fast`\n",
        ),
        (&["show", "constan-3"], "got none of them; try `constant` or `constant-2`\n"),
        (&["show", "nothing"], "`nothing`: expected a folder, name or id of a run"),
        (
            &["compare", "const"],
            "`const`: expected one run below runs, got 2; try a folder: `constant` or `constant-2`",
        ),
        (
            &["--limit", "3", "show", "fast"],
            "--limit: expected no command beside it, as it is about the list of runs, got one",
        ),
    ] {
        let output = bench.run(&[&["runs"], args].concat());
        assert_eq!(output.code, Some(2), "{args:?}: {}", output.stderr);
        assert!(output.stderr.contains(expected), "{args:?}: {}", output.stderr);
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn runs_of_comparisons_and_elsewhere() {
    let bench = Bench::new();
    bench.done(&["compare", "a.toml", "-q", "--set", "seed=[0, 1]"]);
    bench.done(&["train", "a.toml", "-q", "--out", "mine"]);
    let folders = bench.done(&["runs", "--columns", "folder", "--sort", "folder"]).stdout;
    assert_eq!(folders, "folder\ncompare/constant\ncompare/constant-2\n");
    assert!(bench.done(&["runs", "show", "mine"]).stdout.contains("steps done"));
    let elsewhere = bench.run(&["runs", "delete", "--yes", "mine"]);
    assert_eq!(elsewhere.code, Some(2));
    assert!(
        elsewhere.stderr.contains("mine: expected a run below runs, got one that lies elsewhere"),
        "{}",
        elsewhere.stderr
    );
    let copy = Command::new("cp").args(["-r", "mine", "runs/mine"]).current_dir(bench.path("")).status();
    assert!(copy.unwrap().success());
    assert_eq!(bench.done(&["runs", "--where", "folder=mine", "--columns", "folder"]).stdout, "folder\nmine\n");
    assert_eq!(bench.done(&["runs", "index"]).stdout, "3 runs below runs\n");
}

#[test]
fn an_index_that_cannot_be_had_stops_nothing() {
    let bench = Bench::new();
    fs::create_dir_all(bench.path("runs/index.sqlite/in-the-way")).unwrap();
    let trained = bench.done(&["train", "a.toml", "-q"]);
    assert!(
        trained.stderr.starts_with("warning: runs/index.sqlite: the index of runs cannot be used: "),
        "{}",
        trained.stderr
    );
    assert!(trained.stdout.contains("steps done"));
    let listed = bench.done(&["runs", "--columns", "folder"]);
    assert_eq!(listed.stdout, "folder\nconstant\n");
    assert!(listed.stderr.contains("; all run folders were read instead"), "{}", listed.stderr);
    assert_eq!(bench.run(&["runs", "index"]).code, Some(1));
    fs::remove_dir_all(bench.path("runs/index.sqlite")).unwrap();
    bench.write("runs/index.sqlite", "not what it should be, and rather long, so that it is looked at");
    let trained = bench.done(&["train", "a.toml", "-q"]);
    assert!(trained.stderr.is_empty(), "{}", trained.stderr);
    assert_eq!(bench.done(&["runs", "--columns", "folder"]).stdout.lines().count(), 3);
}

#[test]
fn many_register_at_once() {
    let bench = Bench::new();
    let start = |_| {
        let mut command = bench.command(&["train", "a.toml", "-q"]);
        command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let children: Vec<_> = (0..8).map(start).collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let listed = bench.done(&["runs", "--json", "--columns", "status,id"]);
    assert!(listed.stderr.is_empty(), "{}", listed.stderr);
    let rows = json(&listed);
    let rows = rows.as_array().unwrap();
    assert_eq!(rows.len(), 8);
    assert!(rows.iter().all(|row| row["status"] == "done"));
    let ids: BTreeSet<&str> = rows.iter().map(|row| row["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), 8);
}
