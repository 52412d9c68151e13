use crate::bench::{Bench, SPEC};

#[test]
fn grids_are_run_and_the_best_is_marked() {
    let bench = Bench::new();
    bench.write(
        "grid.toml",
        SPEC.replace("rate = 0.1", "rate = [0.001, 0.1, 1e9]").replace("seed = 3", "seed = [3, 4]"),
    );
    bench.write("greedy.toml", SPEC.replace("name = \"constant\"\nrate = 0.1", "name = \"greedy\""));
    let output = bench.done(&["compare", "grid.toml", "greedy.toml", "-q", "--out", "c"]);
    let rows: Vec<&str> = output.stdout.lines().collect();
    assert!(rows[0].starts_with("run") && rows[0].contains("final loss"), "{}", output.stdout);
    let row = |start: &str| {
        *rows.iter().find(|row| row.starts_with(start)).unwrap_or_else(|| panic!("{start}: {}", output.stdout))
    };
    assert!(row("constant rate=0.1").starts_with("constant rate=0.1 *"));
    assert!(row("constant rate=0.001").contains("steps done") && row("constant rate=0.001").contains(" ± "));
    assert!(
        row("constant rate=1000000000").contains("diverged")
            && row("constant rate=1000000000").contains("(0 of 2 finished)")
    );
    assert!(row("greedy").contains("steps done"));
    assert!(!output.stderr.contains("note:"), "{}", output.stderr);
    let names = bench.names("c");
    for expected in
        ["constant-rate=0.1", "constant-rate=0.1-2", "greedy", "picture.pdf", "picture.png", "picture.svg", "table.txt"]
    {
        assert!(names.iter().any(|name| name == expected), "{expected}: {names:?}");
    }
    let svg = bench.read("c/picture.svg");
    assert!(svg.contains("constant rate=0.1<") && svg.contains("greedy<") && !svg.contains("rate=0.001"));
    for expected in
        ["the best of each spec by final loss", "lines in bands: means over 2 seeds, bands: lowest to highest of them"]
    {
        assert!(svg.contains(expected), "{expected}");
    }
    assert_eq!(bench.read("c/table.txt"), output.stdout.split("left in").next().unwrap());
}

#[test]
fn nothing_but_failures_is_a_failure() {
    let bench = Bench::new();
    let output = bench.run(&["compare", "a.toml", "-q", "--set", "tuner.rate=1e9"]);
    assert_eq!(output.code, Some(1), "{}", output.stdout);
}

#[test]
fn different_problems_are_noted() {
    let bench = Bench::new();
    bench.write("wide.toml", SPEC.replace("[4]", "[5]"));
    let output = bench.done(&["compare", "a.toml", "wide.toml", "-q"]);
    assert!(output.stderr.contains("note: these specs differ"), "{}", output.stderr);
}

#[test]
fn what_is_wrong_with_any_spec_is_found_before_training() {
    let bench = Bench::new();
    for (to, expected) in [
        ("steps = 12\nbatch = 31", "batch: expected at most 30"),
        ("steps = 12\n[engine]\nlanes = 0", "engine.lanes: expected 1 or more, got 0"),
    ] {
        bench.write("bad.toml", SPEC.replace("seed = 3\n", "").replace("steps = 12", to));
        let output = bench.run(&["compare", "a.toml", "bad.toml"]);
        assert_eq!(output.code, Some(2), "{}", output.stderr);
        assert!(output.stderr.contains(expected) && output.stderr.lines().count() == 1, "{}", output.stderr);
        assert!(output.stdout.is_empty() && !bench.path("runs").exists());
    }
}

#[test]
#[cfg(unix)]
fn a_run_that_cannot_be_kept_leaves_the_table_of_those_before() {
    let bench = Bench::new();
    bench.write("long.toml", SPEC.replace("steps = 12", "steps = 5000"));
    // No file may grow beyond 48 KiB, which the short run stays below.
    let limited = "trap '' XFSZ; ulimit -f 96; exec \"$0\" compare a.toml long.toml -q --out c";
    let mut shell = std::process::Command::new("sh");
    let output =
        crate::bench::output(shell.args(["-c", limited]).arg(crate::bench::program()).current_dir(bench.path("")));
    assert_eq!(output.code, Some(1), "{}", output.stderr);
    assert!(
        output.stdout.lines().any(|line| line.starts_with("constant") && line.contains("steps done")),
        "{}",
        output.stdout
    );
    assert!(output.stderr.contains("steps.jsonl: cannot write: "), "{}", output.stderr);
    assert_eq!(bench.read("c/table.txt"), output.stdout.split("left in").next().unwrap());
    assert!(bench.path("c/picture.svg").is_file());
}

#[test]
fn specs_of_the_same_name_are_told_apart() {
    let bench = Bench::new();
    bench.write("b.toml", SPEC.replace("rate = 0.1", "rate = 0.2"));
    let table = bench.done(&["compare", "a.toml", "b.toml", "-q", "--out", "files"]).stdout;
    assert!(table.contains("\nconstant (a) ") && table.contains("\nconstant (b) "), "{table}");
    assert!(bench.read("files/picture.svg").contains("constant (b)<"));
    let table = bench.done(&["compare", "a.toml", "a.toml", "-q"]).stdout;
    assert!(table.contains("\nconstant  ") && table.contains("\nconstant 2 "), "{table}");
}
