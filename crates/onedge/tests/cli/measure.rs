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
