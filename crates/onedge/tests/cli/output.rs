use crate::bench::Bench;

#[test]
fn export_gives_csv_and_json() {
    let bench = Bench::new();
    bench.done(&["train", "a.toml", "-q", "--out", "run"]);
    let csv = bench.done(&["export", "run"]).stdout;
    assert_eq!(csv.lines().count(), 13);
    assert!(csv.starts_with("step,loss,learning_rate,gradient_norm,"), "{csv}");
    bench.done(&["export", "run", "--format", "json", "-o", "steps.json"]);
    let records: serde_json::Value = serde_json::from_str(&bench.read("steps.json")).unwrap();
    assert_eq!(records.as_array().unwrap().len(), 12);
    assert_eq!(records[3]["learning_rate"], 0.1);
    bench.done(&["train", "a.toml", "-q"]);
    let several = bench.done(&["export", "run", "constant", "-o", "all.csv"]);
    assert!(several.stdout.is_empty());
    let all = bench.read("all.csv");
    let runs: Vec<&str> = all.lines().map(|line| line.split_once(',').unwrap().0).collect();
    assert_eq!((runs.len(), runs[0], runs[1], runs[13]), (25, "run", "run", "constant"));
    assert_eq!(bench.done(&["runs", "export", "constant"]).stdout, bench.done(&["export", "runs/constant"]).stdout);
    let none = bench.run(&["export", "."]);
    assert_eq!(none.code, Some(2));
    assert!(none.stderr.contains("steps.jsonl"), "{}", none.stderr);
}

#[test]
fn export_for_tensorboard_is_a_folder() {
    let bench = Bench::new();
    bench.done(&["train", "a.toml", "-q"]);
    bench.done(&["export", "constant", "--format", "tensorboard", "-o", "board"]);
    let names = bench.names("board/constant");
    assert!(names.len() == 1 && names[0].starts_with("events.out.tfevents."), "{names:?}");
    let nowhere = bench.run(&["export", "constant", "--format", "tensorboard"]);
    assert_eq!(nowhere.code, Some(2));
    assert!(nowhere.stderr.contains("tensorboard: expected a folder to write to"), "{}", nowhere.stderr);
}

#[test]
fn export_to_onnx_is_the_trained_model() {
    let bench = Bench::new();
    bench.done(&["train", "a.toml", "-q", "--out", "run"]);
    let said = bench.done(&["export", "run", "--format", "onnx", "-o", "m.onnx"]).stderr;
    assert_eq!(said, "the last parameters of run, after 12 steps, in m.onnx\n");
    let file = std::fs::read(bench.path("m.onnx")).unwrap();
    let has = |part: &[u8]| file.windows(part.len()).any(|window| window == part);
    assert!(has(b"layers.0.weight") && has(b"MatMul") && has(b"name = \"mixture\""));
    bench.done(&["export", "run", "--format", "onnx", "-o", "first.onnx", "--initial"]);
    assert_ne!(std::fs::read(bench.path("first.onnx")).unwrap(), file);
    for (args, expected) in [
        (&["export", "run", "--format", "onnx"][..], "onnx: expected one run and a file to write its model to"),
        (&["export", "run", "run", "--format", "onnx", "-o", "x"], "`-o model.onnx`, got 2 runs"),
        (&["export", "run", "--initial"], "--initial: expected `--format onnx` with it, got a format of step records"),
        (&["export", ".", "--format", "onnx", "-o", "x"], "steps.jsonl"),
    ] {
        let output = bench.run(args);
        assert_eq!(output.code, Some(2), "{}", output.stderr);
        assert!(output.stderr.contains(expected), "{}", output.stderr);
    }
}

#[test]
fn export_to_parquet_is_a_feature() {
    let bench = Bench::new();
    bench.done(&["train", "a.toml", "-q"]);
    let output = bench.run(&["export", "constant", "--format", "parquet", "-o", "steps.parquet"]);
    if cfg!(feature = "parquet") {
        assert_eq!(output.code, Some(0), "{}", output.stderr);
        assert!(std::fs::read(bench.path("steps.parquet")).unwrap().starts_with(b"PAR1"));
    } else {
        assert_eq!(output.code, Some(2));
        assert!(output.stderr.contains("the feature of this name"), "{}", output.stderr);
        assert!(!bench.names("").iter().any(|name| name.contains("parquet")));
    }
}

#[test]
fn plot_draws_several_runs() {
    let bench = Bench::new();
    bench.done(&["train", "a.toml", "-q"]);
    bench.done(&["train", "a.toml", "-q", "--set", "tuner.rate=0.3"]);
    bench.done(&["plot", "runs/constant", "runs/constant-2", "-o", "x.svg", "--x", "cost"]);
    let svg = bench.read("x.svg");
    for expected in [">rate = 0.1<", ">rate = 0.3<", "edge 2", "cost in forward passes", "mixture, mlp, gd"] {
        assert!(svg.contains(expected), "{expected}");
    }
    for folder in ["A/run", "B/run"] {
        bench.done(&["train", "a.toml", "-q", "--out", folder]);
    }
    bench.done(&["plot", "A/run", "B/run", "-o", "y.svg"]);
    let svg = bench.read("y.svg");
    assert!(svg.contains("constant (A/run)") && svg.contains("constant (B/run)"));
    bench.done(&["plot", "runs/constant", "-o", "x.png", "--panels", "gradient,turn"]);
    for (args, expected) in [
        (["-o", "x.gif", "--x", "step"], "`.svg`, `.png` or `.pdf`, got `.gif`"),
        (["-o", "w.png", "--font", "Times"], "w.png: expected a name that ends in `.svg`, as other formats have"),
        (["-o", "w.svg", "--size", "800"], "expected width and height from 100 to 10000, like 800x600"),
        (["-o", "w.svg", "--size", "120x120"], "expected a size with room for 4 panels and the legend, got 120x120"),
        (["-o", "w.svg", "--font-size", "2"], "expected a number from 4 to 72"),
        (["-o", "w.svg", "--smooth", "1.5"], "expected a share between 0 and 1, or a whole number of readings from 2"),
        (["-o", "z.svg", "--panels", "los"], "try `loss`"),
        (
            ["-o", "z.svg", "--panels", "loss,trace"],
            "z.svg: panel `trace`: expected runs that measured it, got none; try `diagnostics.trace_every=10` when",
        ),
        (["-o", "z.svg", "--panels", "top_2"], "try `diagnostics.top_every=10` when training"),
    ] {
        let output = bench.run(&[&["plot", "runs/constant"], &args[..]].concat());
        assert_eq!(output.code, Some(2), "{}", output.stderr);
        assert!(output.stderr.contains(expected), "{}", output.stderr);
    }
}

#[test]
fn plot_draws_means_over_seeds_smoothed_curves_and_sizes() {
    let bench = Bench::new();
    for (seed, rate) in [("1", "0.1"), ("2", "0.1"), ("3", "0.1"), ("1", "0.3"), ("2", "1e9")] {
        let settings = [format!("seed={seed}"), format!("tuner.rate={rate}"), format!("name=r{rate}-{seed}")];
        let set: Vec<&str> = settings.iter().flat_map(|setting| ["--set", setting]).collect();
        let output = bench.run(&[&["train", "a.toml", "-q"], &set[..]].concat());
        assert_eq!(output.code, Some(i32::from(rate == "1e9")), "{}", output.stderr);
    }
    let all = ["r0.1-1", "r0.1-2", "r0.1-3", "r0.3-1", "r1e9-2"];
    bench.done(&[&["plot"], &all[..], &["-o", "m.svg", "--mean"]].concat());
    let svg = bench.read("m.svg");
    for expected in [
        ">r0.1-1<",
        ">r0.3-1<",
        "lines in bands: means over 3 seeds, bands: lowest to highest of them",
        "×: diverged there",
    ] {
        assert!(svg.contains(expected), "{expected}: {svg}");
    }
    assert!(!svg.contains("r0.1-2"), "one curve for three seeds");
    bench.done(&["plot", "r0.1-1", "r0.1-2", "-o", "s.svg", "--smooth", "0.9", "--size", "900x700", "--font", "Times"]);
    let svg = bench.read("s.svg");
    for expected in
        ["smoothed (exponential average, 0.9), pale: as recorded", "width=\"900\" height=\"700\"", "Times, "]
    {
        assert!(svg.contains(expected), "{expected}");
    }
    bench.done(&["plot", "r0.1-1", "-o", "p.pdf", "--font-size", "10"]);
    assert!(std::fs::read(bench.path("p.pdf")).unwrap().starts_with(b"%PDF-"));
    std::fs::write(bench.path("runs/r0.3-1/spec.toml"), "= broken").unwrap();
    let output = bench.run(&["plot", "runs/r0.3-1", "-o", "n.svg", "--mean"]);
    assert_eq!(
        (output.code, output.stderr.as_str()),
        (Some(2), "error: --mean: expected runs whose specs can be read, got `runs/r0.3-1`\n")
    );
}

#[test]
fn list_shows_everything_that_a_spec_can_name() {
    let bench = Bench::new();
    let all = bench.done(&["list"]).stdout;
    for name in [
        "cdat",
        "armijo",
        "rmsprop",
        "mlp",
        "gelu",
        "glorot",
        "cross-entropy",
        "red-wine",
        "cifar-10",
        "root",
        "engine",
    ] {
        assert!(all.lines().any(|line| line.starts_with(name)), "{name}");
    }
    let cdat = bench.done(&["list", "tuners", "cdat"]).stdout;
    assert!(cdat.contains("sigma") && cdat.contains("2407.06183"), "{cdat}");
    assert_eq!(bench.done(&["list", "tuner", "cdat"]).stdout, cdat);
    let sections = bench.done(&["list", "sections"]).stdout;
    assert!(["batch", "l2", "top_k", "threads"].iter().all(|key| sections.contains(key)), "{sections}");
    let wrong = bench.run(&["list", "tuners", "cdta"]);
    assert_eq!(wrong.code, Some(2));
    assert_eq!(wrong.stderr, "error: unknown tuner `cdta`, expected one of the known names; try `cdat`\n");
}

#[test]
fn help_is_complete_and_short() {
    let bench = Bench::new();
    let help = bench.done(&["--help"]).stdout;
    assert!(help.lines().count() < 40, "{help}");
    for command in [
        "demo", "train", "resume", "fork", "compare", "sweep", "measure", "evaluate", "predict", "runs", "export",
        "plot", "theory", "figure", "study", "list",
    ] {
        assert!(help.contains(&format!("  {command} ")), "{command}: {help}");
        let own = bench.done(&[command, "--help"]).stdout;
        assert!(own.starts_with(|c: char| c.is_uppercase()) && own.lines().count() < 40, "{own}");
    }
    assert!(help.contains("Exit codes"));
    assert_eq!(bench.done(&["--version"]).stdout, format!("onedge {}\n", env!("CARGO_PKG_VERSION")));
}

/// Every command with a file to name, twice, and with one of a run's own.
#[test]
fn nothing_is_written_over() {
    let bench = Bench::new();
    bench.write("d.csv", "a,y\n1,0\n2,1\n3,0\n4,1\n5,0\n");
    let data = ["--set", "data=csv", "--set", "data.path=d.csv", "--set", "data.column=y"];
    bench.done(&[&["train", "a.toml", "-q", "--out", "r", "--set", "checkpoint_every=4"][..], &data].concat());
    let before: Vec<(String, Vec<u8>)> = bench
        .names("r")
        .into_iter()
        .filter_map(|name| Some((name.clone(), std::fs::read(bench.path("r").join(name)).ok()?)))
        .collect();
    std::fs::create_dir(bench.path("r/sub")).unwrap();
    let commands: [(&[&str], &str, &str); 8] = [
        (&["export", "r"], "-o", "steps.csv"),
        (&["export", "r", "--format", "json"], "-o", "steps.json"),
        (&["export", "r", "--format", "onnx"], "-o", "model.onnx"),
        (&["plot", "r"], "-o", "picture.svg"),
        (&["predict", "r", "d.csv"], "-o", "predicted.csv"),
        (&["train", "a.toml", "-q"], "--save-params", "p1"),
        (&["fork", "r", "--at", "4", "-q"], "--save-params", "p2"),
        (&["report", "--figures", "figures"], "--out", "page.html"),
    ];
    bench.done(&["figure", "9", "-q", "--preset", "tiny", "--out", "figures"]);
    for (command, flag, file) in commands {
        let run = |file: &str, more: &[&str]| bench.run(&[command, &[flag, file], more].concat());
        let first = run(file, &[]);
        assert_eq!(first.code, Some(0), "{command:?}: {}", first.stderr);
        bench.write(file, "mine");
        let again = run(file, &[]);
        assert_eq!((again.code, bench.read(file)), (Some(2), "mine".to_owned()), "{command:?}");
        let said = format!("expected a new file, or `--force` to write over one, got {file}, which is there\n");
        assert!(again.stderr.ends_with(&said), "{}", again.stderr);
        assert_eq!(run(file, &["--force"]).code, Some(0), "{command:?}");
        assert_ne!(std::fs::read(bench.path(file)).unwrap(), b"mine", "{command:?}");
        for own in ["r/steps.jsonl", "r/sub/../summary.json", "r/checkpoints/4.safetensors", "./r/best.safetensors"] {
            let refused = run(own, &["--force"]);
            assert_eq!(refused.code, Some(2), "{command:?} {own}: {}", refused.stderr);
            assert!(refused.stderr.contains("expected a file that is none of a run's own"), "{}", refused.stderr);
        }
    }
    // Folders of what is made again and again say so themselves.
    bench.done(&["figure", "9", "-q", "--preset", "tiny", "--out", "figures"]);
    bench.done(&["report", "--figures", "figures"]);
    bench.done(&["report", "--figures", "figures"]);
    bench.write("figures/made-by-onedge.txt", "figure-9.svg\n");
    assert_eq!(bench.run(&["figure", "9", "-q", "--preset", "tiny", "--out", "figures"]).code, Some(2));
    bench.done(&["export", "r", "--format", "tensorboard", "-o", "board"]);
    assert_eq!(bench.run(&["export", "r", "--format", "tensorboard", "-o", "board"]).code, Some(2));
    bench.done(&["export", "r", "--format", "tensorboard", "-o", "board", "--force"]);
    for (name, bytes) in before {
        assert!(std::fs::read(bench.path("r").join(&name)).unwrap() == bytes, "{name}");
    }
}
