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
        row("constant rate=1000000000").contains("diverged") && row("constant rate=1000000000").contains("(2 of 2)")
    );
    assert!(row("greedy").contains("steps done"));
    assert!(!output.stderr.contains("note:"), "{}", output.stderr);
    let names = bench.names("c");
    for expected in ["constant-rate=0.1", "constant-rate=0.1-2", "greedy", "picture.png", "picture.svg", "table.txt"] {
        assert!(names.iter().any(|name| name == expected), "{expected}: {names:?}");
    }
    let svg = bench.read("c/picture.svg");
    assert!(svg.contains("constant rate=0.1<") && svg.contains("greedy<") && !svg.contains("rate=0.001"));
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
