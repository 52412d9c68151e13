use crate::bench::Bench;

#[test]
fn figures_are_judged_written_and_drawn() {
    let bench = Bench::new();
    for (name, expected) in [
        ("figure-4", "of 10 claims 9 are shown, 0 partly, 1 not"),
        ("figure-10", "of 14 claims 12 are shown, 0 partly, 2 not"),
        ("figure-9", "of 8 claims 7 are shown, 0 partly, 1 not"),
        ("figure-11", "of 10 claims 9 are shown, 0 partly, 1 not"),
    ] {
        let output = bench.done(&["theory", name]).stdout;
        assert!(output.contains(expected), "{output}");
        let folder = format!("runs/theory-{name}");
        assert!(
            output.ends_with(&format!("left in {folder}, with {name}.csv, {name}.svg and {name}.png\n")),
            "{output}"
        );
        let files: Vec<String> = ["csv", "png", "svg"].iter().map(|extension| format!("{name}.{extension}")).collect();
        assert_eq!(bench.names(&folder), [&files[..], &["settings.toml".to_owned(), "table.txt".to_owned()]].concat());
        assert!(bench.read(&format!("{folder}/{name}.csv")).starts_with("run,step,eta,lambda,y,x,p,q\n"));
        let svg = bench.read(&format!("{folder}/{name}.svg"));
        assert!(svg.contains("λ, sharpness") && svg.contains("dashed: edge") && !svg.contains("NaN"));
        assert_eq!(bench.read(&format!("{folder}/table.txt")), output.split("left in").next().unwrap());
    }
    let table = bench.read("runs/theory-figure-9/table.txt");
    let row = |start: &str| table.lines().find(|line| line.starts_with(start)).unwrap_or_default().to_owned();
    assert!(row("sigma 2 ").contains("30.46"), "{table}");
    assert!(bench.read("runs/theory-figure-9/settings.toml").contains("sigma = [2.0, 1.9]\n"));
}

#[test]
fn settings_change_the_run_and_repeat_it() {
    let bench = Bench::new();
    let set = ["theory", "run", "--set", "sigma=1.5", "--set", "gradient_noise=0.1", "--set", "steps=100"];
    let first = bench.done(&[&set[..], &["--out", "a"]].concat()).stdout;
    assert!(first.contains("CDAT, sigma 1.5") && first.contains("(our addition)"), "{first}");
    bench.done(&[&set[..], &["--out", "b"]].concat());
    assert_eq!(bench.read("a/run.csv"), bench.read("b/run.csv"));
    bench.done(&[&set[..], &["--out", "c", "--set", "seed=1"]].concat());
    assert_ne!(bench.read("a/run.csv"), bench.read("c/run.csv"));
}

#[test]
fn a_run_that_diverges_is_a_failure() {
    let bench = Bench::new();
    let output = bench.run(&["theory", "run", "--set", "sigma=2.5", "--out", "a"]);
    assert_eq!(output.code, Some(1));
    assert!(output.stderr.starts_with("error: run: diverged at step "), "{}", output.stderr);
    assert!(bench.path("a/run.png").is_file());
}

#[test]
fn the_map_is_drawn_at_any_resolution() {
    let bench = Bench::new();
    let small = ["--set", "sigma_cells=5", "--set", "ratio_cells=3", "--set", "steps=2000"];
    let output = bench.done(&[&["theory", "phase"], &small[..]].concat()).stdout;
    for fate in ["grows", "diverged"] {
        assert!(output.lines().any(|line| line.starts_with(fate)), "{output}");
    }
    assert!(!output.contains("noise"), "{output}");
    assert_eq!(bench.read("runs/theory-phase/phase.csv").lines().count(), 16);
    let svg = bench.read("runs/theory-phase/phase.svg");
    assert!(["λ settles", "a / b", ">2.1<"].iter().all(|text| svg.contains(text)));
    let noisy = [&["theory", "phase", "--set", "gradient_noise=0.1"], &small[..]].concat();
    let output = bench.done(&noisy).stdout;
    assert!(output.contains("noise, an addition of ours that is not in the paper: gradient 0.1"), "{output}");
    assert!(bench.read("runs/theory-phase-2/phase.svg").contains("with noise (our addition)"));
}

#[test]
fn batches_have_their_best_sigma() {
    let bench = Bench::new();
    let small = ["--set", "batches=[16, 64]", "--set", "examples=128", "--set", "epochs=20", "--set", "seeds=2"];
    let output = bench.done(&[&["theory", "batches"], &small[..]].concat()).stdout;
    assert!(output.contains("an addition of ours that is not in the paper; 2 runs a cell"), "{output}");
    for start in ["16", "64"] {
        assert!(output.lines().any(|line| line.trim_start().starts_with(start)), "{output}");
    }
    assert_eq!(bench.read("runs/theory-batches/batches.csv").lines().count(), 1 + 2 * 7);
    assert!(bench.read("runs/theory-batches/batches.svg").contains("batch size"));
    let refused = bench.run(&["theory", "batches", "--set", "batches=[64, 2048]"]);
    let expected = "error: --set: batches.batches: expected no more than the 1024 examples";
    assert!(refused.code == Some(2) && refused.stderr.starts_with(expected), "{}", refused.stderr);
}

#[test]
fn without_a_name_it_says_what_there_is() {
    let bench = Bench::new();
    let list = bench.done(&["theory"]).stdout;
    for name in ["figure-4", "figure-9", "figure-10", "figure-11", "phase", "batches", "run"] {
        assert!(list.lines().any(|line| line.starts_with(name)), "{name}: {list}");
    }
    let one = bench.done(&["list", "theories", "figure-9"]).stdout;
    assert!(one.contains("2407.06183") && one.contains("lambda0"), "{one}");
    assert!(!bench.path("runs").exists());
}

#[test]
fn mistakes_are_named_in_one_line() {
    let bench = Bench::new();
    bench.write("file", "");
    for (args, code, expected) in [
        (&["figure-5"][..], 2, "error: unknown theory `figure-5`, expected one of the known names; try `figure-"),
        (
            &["figure-9", "--set", "sgma=2"],
            2,
            "error: --set: figure-9: unknown key `sgma`, expected one of its settings; try `sigma`",
        ),
        (
            &["figure-9", "--set", "steps=many"],
            2,
            "error: --set: figure-9.steps: expected a whole number, got \"many\"",
        ),
        (&["figure-9", "--set", "steps=3"], 2, "error: --set: figure-9.steps: expected 20 to 2000000, got 3"),
        (&["figure-9", "--set", "a=nan"], 2, "error: --set: figure-9.a: expected a number from 1e-9 to 1e9, got NaN"),
        (&["figure-9", "--set", "sigma=2"], 2, "error: --set: figure-9.sigma: expected a list of numbers, got 2"),
        (&["figure-4", "--set", "time=new"], 2, "error: --set: figure-4.time: expected printed, semi-implicit or both"),
        (
            &["phase", "--set", "sigma_max=1"],
            2,
            "error: --set: phase.sigma_max: expected more than sigma_min, which is 1.9",
        ),
        (&["run", "--set", "steps"], 2, "error: --set steps: expected `key=value`, got no `=`"),
        (&["run", "--out", "."], 2, "error: .: expected a new or empty folder, got one with files in it"),
        (&["run", "--out", "file/inside"], 1, "error: file/inside: cannot write: "),
    ] {
        let output = bench.run(&[&["theory"], args].concat());
        assert_eq!(output.code, Some(code), "{args:?}: {}", output.stderr);
        assert!(output.stderr.starts_with(expected), "{}", output.stderr);
        assert!(output.stdout.is_empty() && output.stderr.lines().count() == 1, "{}", output.stderr);
    }
    assert_eq!(bench.run(&["theory", "--out", "x"]).code, Some(2));
    assert!(!bench.path("runs").exists(), "nothing is written for what cannot start");
}
