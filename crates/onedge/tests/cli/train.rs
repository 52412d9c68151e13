use crate::bench::{Bench, SPEC};

#[test]
fn a_run_leaves_its_folder() {
    let bench = Bench::new();
    let output = bench.done(&["train", "a.toml"]);
    assert!(
        output.stdout.contains("steps done") && output.stdout.contains("left in runs/constant"),
        "{}",
        output.stdout
    );
    assert_eq!(
        bench.names("runs/constant"),
        ["data.json", "lock", "meaning.json", "params.safetensors", "spec.toml", "steps.jsonl", "summary.json"]
    );
    let steps = bench.read("runs/constant/steps.jsonl");
    assert_eq!(steps.lines().count(), 12);
    let measured = steps.lines().filter(|line| line.contains("\"sharpness\"")).count();
    assert_eq!(measured, 3, "at steps 0, 5 and 10");
    assert!(bench.read("runs/constant/summary.json").contains("\"reason\": \"steps_done\""));
}

#[test]
fn runs_are_never_overwritten() {
    let bench = Bench::new();
    bench.done(&["train", "a.toml", "-q"]);
    bench.done(&["train", "a.toml", "-q"]);
    assert_eq!(bench.names("runs"), ["constant", "constant-2", "index.lock", "index.sqlite"]);
    bench.done(&["train", "a.toml", "-q", "--out", "mine"]);
    let again = bench.run(&["train", "a.toml", "-q", "--out", "mine"]);
    assert_eq!(again.code, Some(2));
    assert_eq!(
        again.stderr,
        "error: mine: expected a new or empty folder, got one with files in it; try another folder\n"
    );
}

/// Everything of a record but the time that passed.
fn timeless(steps: &str) -> Vec<String> {
    steps.lines().map(|line| line.split(",\"seconds\"").next().unwrap().to_owned()).collect()
}

#[test]
fn the_resolved_spec_gives_the_same_run() {
    let bench = Bench::new();
    bench.done(&["train", "a.toml", "-q", "--out", "first", "--set", "batch=8", "--set", "optimizer=adam"]);
    bench.done(&["train", "first/spec.toml", "-q", "--out", "second"]);
    bench.done(&["train", "first", "-q", "--out", "third", "--set", "seed=4"]);
    let steps = |run: &str| timeless(&bench.read(&format!("{run}/steps.jsonl")));
    assert_eq!(steps("first"), steps("second"));
    assert_ne!(steps("first"), steps("third"));
}

#[test]
fn flags_alone_describe_a_run() {
    let bench = Bench::new();
    let by_file = bench.done(&["train", "a.toml", "-q", "--out", "file"]);
    let flags = [
        "steps=12",
        "seed=3",
        "data=mixture",
        "data.examples=30",
        "data.features=3",
        "data.classes=2",
        "model.hidden=[4]",
        "tuner=constant",
        "tuner.rate=0.1",
        "diagnostics.sharpness_every=5",
    ];
    let mut args = vec!["train", "-q", "--out", "flags"];
    args.extend(flags.iter().flat_map(|flag| ["--set", flag]));
    bench.done(&args);
    assert!(by_file.stderr.is_empty());
    assert_eq!(timeless(&bench.read("file/steps.jsonl")), timeless(&bench.read("flags/steps.jsonl")));
}

#[test]
fn a_run_goes_on_from_saved_parameters() {
    let bench = Bench::new();
    bench.done(&["train", "a.toml", "-q", "--out", "whole", "--set", "precision=f64"]);
    bench.done(&[
        "train",
        "a.toml",
        "-q",
        "--out",
        "half",
        "--set",
        "precision=f64",
        "--set",
        "steps=7",
        "--save-params",
        "p",
    ]);
    bench.done(&[
        "train",
        "a.toml",
        "-q",
        "--out",
        "rest",
        "--set",
        "precision=f64",
        "--set",
        "steps=5",
        "--params",
        "p",
    ]);
    // What `sha256sum` of coreutils says, if it is there.
    let spec = bench.read("rest/spec.toml");
    assert!(spec.contains("/p\"\nstart_sha256 = \""), "{spec}");
    if let Ok(sum) = std::process::Command::new("sha256sum").arg(bench.path("p")).output() {
        assert!(spec.contains(&String::from_utf8_lossy(&sum.stdout)[..64]), "{spec}");
    }
    assert!(!bench.read("whole/spec.toml").contains("start = "));
    let last = |run: &str| bench.read(&format!("{run}/steps.jsonl")).lines().last().unwrap().to_owned();
    let loss = |line: String| line.split_once("\"loss\":").unwrap().1.split(',').next().unwrap().to_owned();
    assert_eq!(loss(last("whole")), loss(last("rest")));
    assert_eq!(
        std::fs::read(bench.path("whole/params.safetensors")).unwrap(),
        std::fs::read(bench.path("rest/params.safetensors")).unwrap()
    );
}

#[test]
fn stop_reasons_have_exit_codes() {
    let bench = Bench::new();
    let diverged = bench.run(&["train", "a.toml", "-q", "--set", "tuner.rate=1e6", "--out", "d"]);
    assert_eq!(diverged.code, Some(1));
    assert!(diverged.stderr.contains("error: constant: diverged at step 1: loss"), "{}", diverged.stderr);
    assert!(bench.read("d/summary.json").contains("\"diverged\""));
    assert_eq!(bench.read("d/steps.jsonl").lines().count(), 2);

    let set = ["tuner.rate=1e30", "diverge_factor=inf"];
    let lost = bench.run(&["train", "a.toml", "-q", "--set", set[0], "--set", set[1], "--out", "n"]);
    assert_eq!(lost.code, Some(1));
    assert!(lost.stderr.contains("error: constant: non-finite "), "{}", lost.stderr);

    assert!(!lost.stdout.contains("NaN") && !bench.read("n/summary.json").contains("null"), "{}", lost.stdout);

    let reached =
        bench.done(&["train", "a.toml", "-q", "--set", "target_loss=0.7", "--set", "steps=10000", "--out", "t"]);
    assert!(reached.stdout.contains("target reached at step "), "{}", reached.stdout);
}

#[test]
fn progress_without_a_terminal_is_a_few_plain_lines() {
    let bench = Bench::new();
    let output = bench.done(&["train", "a.toml", "--set", "steps=1000"]);
    let lines: Vec<&str> = output.stderr.lines().collect();
    assert_eq!(lines.len(), 11, "{}", output.stderr);
    assert!(lines[0].starts_with("constant: step 100/1000  loss ") && lines[0].contains("steps/s"), "{}", lines[0]);
    assert!(!output.stderr.contains('\u{1b}'));
    // The sharpness is measured every 5 steps; the product is that of the step at which it was.
    assert!(lines[0].contains(" at step 95  "), "{}", lines[0]);
    assert!(lines[10].starts_with("constant: done  final loss "), "{}", lines[10]);

    bench.write("huge.csv", "a,y\n1e30,0\n-1e30,1\n");
    let set = ["data=csv", "data.path=huge.csv", "data.column=y", "data.scale=none"];
    let mut args = vec!["train", "--set", "tuner=cdat", "--set", "loss=squared"];
    args.extend(set.iter().flat_map(|set| ["--set", set]));
    let output = bench.run(&args);
    assert!(output.stderr.contains("cdat: failed  no step taken"), "{}", output.stderr);
}

#[test]
fn every_tuner_trains_with_every_optimizer() {
    let bench = Bench::new();
    // Two hidden layers, as muon wants a matrix between them.
    let spec = SPEC.replace("hidden = [4]", "hidden = [4, 3]");
    bench.write("b.toml", spec.replace("name = \"constant\"\nrate = 0.1", "name = \"greedy\""));
    for optimizer in onedge_tune::optimizers::ALL {
        for tuner in onedge_tune::tuners::ALL {
            let out = format!("{}-{}", optimizer.name, tuner.name);
            let (o, t) = (format!("optimizer={}", optimizer.name), format!("tuner={}", tuner.name));
            let mut args = vec!["train", "b.toml", "-q", "--out", &out, "--set", &o, "--set", &t, "--set", "steps=3"];
            let required =
                tuner.settings.iter().filter(|setting| setting.default == onedge_registry::Default::Required);
            let value = |key: &str| match key {
                "rate" => "0.001",
                "factor" => "0.5",
                _ => "10",
            };
            let required: Vec<String> = required.map(|s| format!("tuner.{}={}", s.key, value(s.key))).collect();
            args.extend(required.iter().flat_map(|set| ["--set", set.as_str()]));
            let output = bench.run(&args);
            // Some of these combinations diverge, which is a fair end.
            assert!(matches!(output.code, Some(0 | 1)), "{out}: {}", output.stderr);
            assert!(bench.path(&out).join("summary.json").is_file(), "{out}: {}", output.stderr);
        }
    }
}

/// What a run says that took all steps for nothing, or with a policy of its tuner: in lines for a narrow terminal.
#[test]
fn how_a_run_ended_is_told() {
    let bench = Bench::new();
    let train = |out: &str, settings: &[&str]| {
        let mut args = vec!["train", "a.toml", "-q", "--out", out, "--set", "steps=60"];
        args.extend(settings.iter().flat_map(|setting| ["--set", setting]));
        let output = bench.run(&args);
        assert!(output.stdout.lines().all(|line| line.chars().count() <= 80), "{}", output.stdout);
        output
    };
    let said = |stdout: &str| {
        let start = stdout.find("no progress: ").or(stdout.find("warning: ")).unwrap_or_else(|| panic!("{stdout}"));
        stdout[start..stdout.find("left in ").unwrap()].replace("\n  ", " ")
    };
    let slow = train("slow", &["tuner.rate=1e-9"]);
    assert_eq!((slow.code, &slow.stderr[..]), (Some(1), "error: constant: no progress: steps too short\n"));
    assert!(slow.stdout.starts_with("constant: steps done, without progress\n"), "{}", slow.stdout);
    assert!(said(&slow.stdout).contains("try a rate 1e5 times as large"), "{}", slow.stdout);
    let still = train("still", &["tuner.rate=0"]);
    assert_eq!(still.code, Some(1));
    assert_eq!(
        said(&still.stdout),
        "no progress: no step was taken: the rate was 0 at all 60 steps; try a larger rate, or the tuner `cdat`\n"
    );
    let capped = train("capped", &["tuner=polyak", "tuner.cap=0.1"]);
    assert_eq!((capped.code, &capped.stderr[..]), (Some(0), ""));
    assert_eq!(
        said(&capped.stdout),
        "warning: the rate or its growth was cut, 60 times in 60 steps; try a larger `cap`, or where the tuner has none another one, as `cdat`\n"
    );
    let good = train("good", &[]);
    assert_eq!(good.code, Some(0));
    assert!(!good.stdout.contains("progress") && !good.stdout.contains("warning"), "{}", good.stdout);

    // Listings know.
    bench.run(&["train", "a.toml", "-q", "--set", "steps=60", "--set", "tuner.rate=0"]);
    let listed = bench.done(&["runs", "--columns", "status,findings"]).stdout;
    assert!(listed.contains("no-progress  no progress: rate 0"), "{listed}");
    let shown = bench.done(&["runs", "compare", "runs/constant"]).stdout;
    assert!(shown.contains("no progress: constant: no step was taken"), "{shown}");
    let again = bench.run(&["resume", "runs/constant"]);
    assert_eq!(again.code, Some(1), "{}", again.stdout);
    let both = bench.run(&["compare", "a.toml", "-q", "--set", "tuner.rate=0", "--set", "steps=60"]);
    assert!(both.code == Some(1) && both.stdout.contains("no progress: rate 0"), "{}", both.stdout);
}
