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
