use crate::bench::Bench;

const TEST: [&str; 4] = ["--set", "data.test_fraction=0.2", "--set", "precision=f64"];

fn records(bench: &Bench, run: &str) -> Vec<serde_json::Value> {
    bench.read(&format!("{run}/steps.jsonl")).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn json(bench: &Bench, file: &str) -> serde_json::Value {
    serde_json::from_str(&bench.read(file)).unwrap()
}

#[test]
fn the_metrics_of_the_test_set_are_recorded_along_the_run_and_change_no_bit() {
    let bench = Bench::new();
    let train = |more: &[&str]| bench.done(&[&["train", "a.toml", "-q"][..], &TEST, more].concat());
    train(&["--out", "bare"]);
    train(&["--out", "r", "--set", "evaluation.every=5"]);
    train(&["--out", "short", "--set", "steps=5"]);
    let steps = records(&bench, "r");
    let evaluated: Vec<u64> =
        steps.iter().filter(|r| r["measured"]["test_loss"].is_f64()).map(|r| r["step"].as_u64().unwrap()).collect();
    assert_eq!(evaluated, [0, 5, 10]);
    // What a run of five steps says in its end is what the longer one records before its sixth.
    let end = json(&bench, "short/summary.json");
    for metric in ["loss", "accuracy"] {
        assert_eq!(steps[5]["measured"][format!("test_{metric}")], end["test"][metric], "{metric}");
    }
    assert_eq!(
        std::fs::read(bench.path("r/params.safetensors")).unwrap(),
        std::fs::read(bench.path("bare/params.safetensors")).unwrap()
    );
    assert_eq!(json(&bench, "r/summary.json")["cost"], json(&bench, "bare/summary.json")["cost"]);

    let csv = bench.done(&["export", "r", "--format", "csv"]).stdout;
    assert!(csv.lines().next().unwrap().contains(",test_accuracy,test_loss"), "{csv}");
    bench.done(&["plot", "r", "-o", "p.svg", "--panels", "loss,test_loss"]);
    assert!(bench.read("p.svg").contains("test loss"));
}

#[test]
fn evaluations_need_test_examples() {
    let bench = Bench::new();
    let output = bench.run(&["train", "a.toml", "-q", "--set", "evaluation.every=5"]);
    assert_eq!(output.code, Some(2));
    assert_eq!(
        output.stderr,
        "error: a.toml with --set: evaluation.every: expected 0, as data `mixture` has no test examples; try \
         `data.test_fraction = 0.2`, got 5\n"
    );
}

#[test]
fn progress_shows_the_last_evaluation() {
    let bench = Bench::new();
    let output = bench.done(&[&["train", "a.toml", "--set", "evaluation.every=5"][..], &TEST].concat());
    assert!(output.stderr.lines().all(|line| line.contains("test loss")), "{}", output.stderr);
}
