use crate::bench::Bench;

#[test]
fn a_point_of_a_run_measures_as_the_run_recorded_it() {
    let bench = Bench::new();
    // The parameters after 5 steps are the point at which step 5 measures.
    bench.done(&["train", "a.toml", "-q", "--set", "precision=f64", "--set", "steps=5", "--save-params", "p"]);
    bench.done(&[
        "train",
        "a.toml",
        "-q",
        "--set",
        "precision=f64",
        "--out",
        "long",
        "--set",
        "diagnostics.curvature=true",
    ]);
    let output = bench.done(&["measure", "a.toml", "--set", "precision=f64", "--params", "p", "--json"]);
    let measured: serde_json::Value = serde_json::from_str(&output.stdout).unwrap();
    let steps = bench.read("long/steps.jsonl");
    let record: serde_json::Value = serde_json::from_str(steps.lines().nth(5).unwrap()).unwrap();
    for key in ["loss", "slope", "curvature", "gradient_norm", "update_norm"] {
        let (a, b) = (measured[key].as_f64().unwrap(), record[key].as_f64().unwrap());
        assert!((a - b).abs() <= 1e-12 * b.abs(), "{key}: {a} and {b}");
    }
    let (a, b) = (measured["eigenvalues"][0]["value"].as_f64().unwrap(), record["sharpness"].as_f64().unwrap());
    assert!((a - b).abs() <= 1e-3 * b.abs(), "sharpness: {a} and {b}");
    assert_eq!(measured["parameters"], 3 * 4 + 4 + 4 * 2 + 2);
}

#[test]
fn text_shows_preconditioned_eigenvalues_where_there_are_any() {
    let bench = Bench::new();
    let plain = bench.done(&["measure", "a.toml"]).stdout;
    assert!(plain.contains("eigenvalue 1") && !plain.contains("preconditioned"), "{plain}");
    let adam = bench.done(&["measure", "a.toml", "--set", "optimizer=adam", "--set", "diagnostics.top_k=3"]).stdout;
    assert!(adam.contains("preconditioned eigenvalue 3"), "{adam}");
}

#[test]
fn diagnostics_are_measured_where_a_spec_asks_for_them() {
    let bench = Bench::new();
    let asked = ["--set", "diagnostics.trace_every=1", "--set", "diagnostics.noise_scale_every=1"];
    let sized = [&["measure", "a.toml", "--set", "diagnostics.noise_scale_batch=2"][..], &asked].concat();
    let text = bench.done(&sized).stdout;
    assert!(text.contains("trace") && text.contains("noise_scale") && text.contains("standard error"), "{text}");
    let output = bench.run(&[&["measure", "a.toml"][..], &asked].concat());
    assert_eq!(output.code, Some(2));
    assert!(output.stderr.contains("noise_scale_batch") && output.stderr.contains("`batch`"), "{}", output.stderr);
    let output = bench.run(&[&["train", "a.toml", "-q"][..], &asked].concat());
    assert_eq!(output.code, Some(2), "{}", output.stderr);
    assert!(bench.names(".").iter().all(|name| name != "runs"), "nothing is left of a run that cannot start");
    let output =
        bench.run(&["measure", "a.toml", "--set", "diagnostics.trace_samples=3", "--set", "diagnostics.trace_every=1"]);
    assert_eq!(output.code, Some(2));
    assert!(output.stderr.contains("trace_samples") && output.stderr.contains("4 or more"), "{}", output.stderr);
    let top = ["measure", "a.toml", "--set", "diagnostics.top_every=1", "--set"];
    let text = bench.done(&[&top[..], &["diagnostics.top_batch=2"]].concat()).stdout;
    assert!(text.contains("top_1") && text.contains("top_above_1") && text.contains("standard error"), "{text}");
    let output = bench.run(&[&top[..], &["diagnostics.top_batch=1000"]].concat());
    assert_eq!(output.code, Some(2));
    assert!(output.stderr.contains("top_batch") && output.stderr.contains("half of all"), "{}", output.stderr);
}

#[test]
fn what_diagnostics_read_is_exported_and_drawn() {
    let bench = Bench::new();
    let every = ["--set", "diagnostics.frobenius_every=2", "--set", "diagnostics.density_every=4"];
    bench.done(&[&["train", "a.toml", "-q", "--out", "r"][..], &every].concat());
    let csv = bench.done(&["export", "r", "--format", "csv"]).stdout;
    let heading: Vec<&str> = csv.lines().next().unwrap().split(',').collect();
    for name in ["frobenius", "frobenius_error", "density", "negative_share", "diagnostics_cost"] {
        assert!(heading.contains(&name), "{name}: {heading:?}");
    }
    bench.done(&["plot", "r", "-o", "p.svg", "--panels", "loss,frobenius"]);
    assert!(bench.read("p.svg").contains("frobenius"));
    bench.done(&["plot", "r", "-o", "d.svg", "--density"]);
    assert!(bench.read("d.svg").contains("eigenvalue"));
    bench.done(&["train", "a.toml", "-q", "--out", "bare"]);
    let output = bench.run(&["plot", "bare", "-o", "e.svg", "--density"]);
    assert!(output.code == Some(2) && output.stderr.contains("density_every"), "{}", output.stderr);
}

const EXACT: [&str; 6] = ["--set", "precision=f64", "--set", "checkpoint_every=5", "--set", "checkpoint_keep=0"];

fn measured(bench: &Bench, args: &[&str]) -> serde_json::Value {
    let output = bench.done(&[&["measure", "--json"][..], args].concat());
    serde_json::from_str(&output.stdout).unwrap()
}

#[track_caller]
fn close(got: &serde_json::Value, expected: &serde_json::Value) {
    let (got, expected) = (got.as_f64().unwrap(), expected.as_f64().unwrap());
    assert!((got - expected).abs() <= 1e-12 * expected.abs(), "{got} and {expected}");
}

#[test]
fn of_a_run_the_last_parameters_are_meant_unless_others_are_asked_for() {
    let bench = Bench::new();
    let evaluated = ["--set", "data.test_fraction=0.2", "--set", "evaluation.every=1"];
    bench.done(&[&["train", "a.toml", "-q", "--out", "r"][..], &EXACT, &evaluated].concat());
    let summary: serde_json::Value = serde_json::from_str(&bench.read("r/summary.json")).unwrap();
    let steps = bench.read("r/steps.jsonl");
    let record = |step: usize| -> serde_json::Value { serde_json::from_str(steps.lines().nth(step).unwrap()).unwrap() };

    let last = measured(&bench, &["r"]);
    assert_eq!(last["at"], "the last parameters of r, after 12 steps");
    close(&last["loss"], &summary["train"]["loss"]);
    close(&last["test"]["loss"], &summary["test"]["loss"]);
    let initial = measured(&bench, &["r", "--initial"]);
    assert_eq!(initial["at"], "the initial parameters of r");
    close(&initial["loss"], &record(0)["loss"]);
    let fifth = measured(&bench, &["r", "--step", "5"]);
    assert_eq!(fifth["at"], "the parameters of r after 5 steps");
    close(&fifth["loss"], &record(5)["loss"]);
    close(&fifth["gradient_norm"], &record(5)["gradient_norm"]);
    assert_eq!(measured(&bench, &["r", "--step", "12"])["loss"], last["loss"]);
    let best = measured(&bench, &["r", "--best"]);
    let said = best["at"].as_str().unwrap();
    assert!(
        said.starts_with(&format!("the best parameters of r, after {} steps with test loss ", summary["best"]["step"])),
        "{said}"
    );
    close(&best["test"]["loss"], &summary["best"]["value"]);
    let text = bench.done(&["measure", "r"]).stdout;
    assert!(text.starts_with("at the last parameters of r, after 12 steps\nquantity "), "{text}");
    let text = bench.done(&["measure", "a.toml"]).stdout;
    assert!(text.starts_with("at the random parameters of seed 3\n"), "{text}");
}

#[test]
fn parameters_that_a_run_does_not_have_are_refused() {
    let bench = Bench::new();
    bench.done(&[&["train", "a.toml", "-q", "--out", "r"][..], &EXACT].concat());
    let message = |args: &[&str]| {
        let output = bench.run(&[&["measure"][..], args].concat());
        assert_eq!(output.code, Some(2), "{}", output.stderr);
        output.stderr
    };
    assert_eq!(
        message(&["r", "--step", "7"]),
        "error: --step: expected one of the steps of which r has parameters (0, 5, 10, 12; `checkpoint_every` and \
         `checkpoint_keep` leave more), got 7\n"
    );
    assert_eq!(
        message(&["r", "--best"]),
        "error: --best: expected a run with `evaluation.every` that has come to its end, got r, which has no \
         best.safetensors\n"
    );
    assert_eq!(
        message(&["a.toml", "--best"]),
        "error: --best: expected the folder of a run, got a.toml, which is none\n"
    );
    bench.done(&["fork", "r", "--at", "10", "--out", "f", "-q", "--set", "steps=20"]);
    assert_eq!(
        message(&["f", "--initial"]),
        "error: --initial: expected a run that began at step 0; try the run that it was forked from, r, got f, a fork\n"
    );
    // As a kill leaves it.
    std::fs::remove_file(bench.path("r/summary.json")).unwrap();
    std::fs::remove_file(bench.path("r/params.safetensors")).unwrap();
    assert_eq!(measured(&bench, &["r"])["at"], "the parameters of r after 12 steps, its last checkpoint so far");
    std::fs::remove_dir_all(bench.path("r/checkpoints")).unwrap();
    assert_eq!(
        message(&["r"]),
        "error: --initial: expected to be asked for, as r has neither ended nor left a checkpoint, got nothing\n"
    );
}

/// The average is where such a method is evaluated, not where its gradients are taken.
#[test]
fn a_checkpoint_of_an_averaging_method_is_measured_where_the_run_would_be_evaluated() {
    let bench = Bench::new();
    let free = ["--set", "optimizer=schedule-free-sgd", "--set", "optimizer.rate=0.5"];
    bench.done(&[&["train", "a.toml", "-q", "--out", "r"][..], &EXACT, &free].concat());
    bench.done(&[&["train", "a.toml", "-q", "--out", "short", "--set", "steps=5"][..], &EXACT, &free].concat());
    assert_eq!(measured(&bench, &["r", "--step", "5"])["loss"], measured(&bench, &["short"])["loss"]);
}

/// Of an optimizer that keeps anything, the end of a run is the point from which a longer one goes on.
#[test]
fn the_end_of_a_run_is_measured_with_what_its_optimizer_kept() {
    for optimizer in ["momentum", "rmsprop", "adam"] {
        let bench = Bench::new();
        let chosen = format!("optimizer={optimizer}");
        let train = |out: &str, more: &[&str]| {
            let setting =
                ["--set", "precision=f64", "--set", &chosen, "--set", "tuner=constant", "--set", "tuner.rate=0.01"];
            let every = ["--set", "diagnostics.sharpness_every=1", "--set", "diagnostics.step_sharpness_every=7"];
            bench.done(&[&["train", "a.toml", "-q", "--out", out][..], &setting, &every, more].concat());
        };
        train("long", &["--set", "steps=8"]);
        train("r", &["--set", "steps=7"]);
        let steps = bench.read("long/steps.jsonl");
        let record: serde_json::Value = serde_json::from_str(steps.lines().nth(7).unwrap()).unwrap();
        let target = format!("target_loss={}", record["loss"].as_f64().unwrap() * (1.0 + 1e-12));
        train("reached", &["--set", "steps=99", "--set", &target]);
        let stop: serde_json::Value = serde_json::from_str(&bench.read("reached/summary.json")).unwrap();
        assert_eq!((&stop["stop"]["reason"], &stop["steps"]), (&"target_reached".into(), &7.into()), "{optimizer}");
        for run in ["r", "reached"] {
            let end = measured(&bench, &[run]);
            assert_eq!(
                (&end["at"], &end["step"]),
                (&format!("the last parameters of {run}, after 7 steps").into(), &7.into())
            );
            for key in ["loss", "slope", "gradient_norm", "update_norm"] {
                close(&end[key], &record[key]);
            }
            close(&end["measured"]["step_sharpness"], &record["measured"]["step_sharpness"]);
            let (of_end, of_record) = match optimizer {
                "momentum" => (&end["eigenvalues"][0]["value"], &record["sharpness"]),
                _ => (&end["preconditioned"][0]["value"], &record["preconditioned_sharpness"]),
            };
            let (a, b) = (of_end.as_f64().unwrap(), of_record.as_f64().unwrap());
            assert!((a - b).abs() <= 2e-3 * b.abs(), "{optimizer}: {a} and {b}");
        }
        // A run of a version that did not leave it.
        std::fs::remove_file(bench.path("r/state.safetensors")).unwrap();
        let said = measured(&bench, &["r"])["at"].clone();
        assert_eq!(said, "the last parameters of r, after 7 steps, with the optimizer at its first step");
        let said = measured(&bench, &["reached", "--set", "optimizer=nesterov"])["at"].clone();
        let other = "after 7 steps, with the optimizer at its first step, as that of the run was another";
        assert!(optimizer == "momentum" || said.as_str().unwrap().ends_with(other), "{said}");
    }
}

/// Where every gradient is zero most ratios do not exist; whatever the data, no diagnostic ends a run.
#[test]
fn no_diagnostic_ends_a_run() {
    let bench = Bench::new();
    let tables = [
        ("zeros", "x,y\n0,0\n0,0\n0,0\n", "data.target=values", 3),
        ("class", "x,l\n1,a\n2,a\n3,a\n", "data.target=classes", 3),
        ("one", "x,y\n1,2\n", "data.target=values", 1),
    ];
    for (name, table, target, examples) in tables {
        std::fs::write(bench.path("t.csv"), table).unwrap();
        let loss = if name == "class" { "loss=cross-entropy" } else { "loss=squared" };
        let mut args =
            vec!["--set", "data=csv", "--set", "data.path=t.csv", "--set", "data.scale=none", "--set", target];
        args.extend(["--set", loss, "--set", "model=linear", "--set", "model.bias=false", "--set", "steps=3"]);
        args.extend(["--set", "tuner=constant", "--set", "tuner.rate=0.1"]);
        args.extend(["--set", "diagnostics.sharpness_every=1", "--set", "diagnostics.curvature=true"]);
        let every = [
            "top",
            "trace",
            "frobenius",
            "density",
            "gauss_newton",
            "layers",
            "step_sharpness",
            "critical_sharpness",
            "edge_against_greedy",
            "sharpening",
            "batch_sharpness",
            "update_batch_sharpness",
            "noise_scale",
        ];
        let every: Vec<String> = every.iter().map(|name| format!("diagnostics.{name}_every=1")).collect();
        args.extend(every.iter().filter(|key| examples > 1 || !key.contains("noise")).flat_map(|key| ["--set", key]));
        args.extend([
            "--set",
            "diagnostics.batch_sharpness_batch=1",
            "--set",
            "diagnostics.update_batch_sharpness_batch=1",
        ]);
        args.extend(["--set", "diagnostics.noise_scale_batch=1"].into_iter().filter(|_| examples > 1));
        for precision in ["precision=f32", "precision=f64"] {
            let out = format!("{name}-{precision}");
            let ran = bench.run(&[&["train", "a.toml", "-q", "--out", &out, "--set", precision][..], &args].concat());
            assert!(ran.code == Some(0) || ran.stderr.contains("without progress"), "{out}: {}", ran.stderr);
            assert_eq!(bench.read(&format!("{out}/steps.jsonl")).lines().count(), 3, "{out}");
            let summary: serde_json::Value = serde_json::from_str(&bench.read(&format!("{out}/summary.json"))).unwrap();
            assert_eq!(summary["stop"]["reason"], "steps_done", "{out}");
            let missing = |reading: &str| {
                let of = |finding: &&serde_json::Value| finding["reading"] == reading;
                summary["findings"].as_array().and_then(|all| all.iter().find(of).cloned())
            };
            if examples > 1 {
                assert_eq!(missing("batch-sharpness").unwrap()["times"], 3, "{out}: {summary}");
                let measured = bench.done(&["measure", &out]).stdout;
                assert!(measured.contains("batch-sharpness") && measured.contains("eigenvalue 1"), "{measured}");
                let plain = measured.lines().find(|line| line.starts_with("noise-scale")).unwrap();
                assert!(plain.contains("none") && plain.contains("gradient over all examples is zero"), "{plain}");
            } else {
                assert_eq!(missing("batch-sharpness"), None, "{out}: {summary}");
            }
        }
    }
}

/// Such a method keeps an average, and it is by its loss that it is compared.
#[test]
fn the_final_loss_of_an_averaging_method_is_that_of_what_is_kept() {
    let bench = Bench::new();
    for optimizer in ["schedule-free-sgd", "schedule-free-adamw"] {
        for batch in [&[][..], &["--set", "batch=2"]] {
            let chosen = format!("optimizer={optimizer}");
            bench.done(
                &[&["train", "a.toml", "-q", "--out", "r", "--set", &chosen, "--set", "steps=9"][..], batch].concat(),
            );
            let summary: serde_json::Value = serde_json::from_str(&bench.read("r/summary.json")).unwrap();
            let evaluated = bench.done(&["evaluate", "r", "--json"]).stdout;
            let evaluated: serde_json::Value = serde_json::from_str(&evaluated).unwrap();
            let (a, b) = (summary["final_loss"].as_f64().unwrap(), summary["train"]["loss"].as_f64().unwrap());
            assert!((a - b).abs() <= 1e-6 * b, "{optimizer}: {a} and {b}; {evaluated}");
            std::fs::remove_dir_all(bench.path("r")).unwrap();
        }
    }
}
