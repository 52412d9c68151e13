use crate::bench::{Bench, SPEC};

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

const EARLY: [&str; 6] =
    ["--set", "evaluation.every=1", "--set", "evaluation.metric=loss", "--set", "evaluation.patience=3"];

#[test]
fn a_run_stops_early_and_keeps_its_best_parameters() {
    let bench = Bench::new();
    let train = |more: &[&str]| bench.done(&[&["train", "a.toml", "-q"][..], &TEST, more].concat());
    let text = train(&[&["--out", "r", "--set", "steps=99"][..], &EARLY].concat()).stdout;
    let summary = json(&bench, "r/summary.json");
    let (step, value) = (summary["best"]["step"].as_u64().unwrap(), summary["best"]["value"].as_f64().unwrap());
    let losses: Vec<f64> = records(&bench, "r").iter().map(|r| r["measured"]["test_loss"].as_f64().unwrap()).collect();
    let first_of_best = losses.iter().position(|x| losses.iter().all(|y| y >= x)).unwrap();
    assert_eq!((first_of_best as u64, losses.len() as u64), (step, step + 4), "{losses:?}");
    assert_eq!(losses[first_of_best], value);
    let end = step + 3;
    assert!(
        text.starts_with(&format!("constant: stopped early at step {end}: test loss was best at step {step} (")),
        "{text}"
    );
    assert!(
        text.contains("), 3 evaluations before\n") && text.contains(&format!(" at step {step}, in best.safetensors\n")),
        "{text}"
    );
    assert_eq!(summary["stop"]["reason"], "no_improvement");

    // The best parameters are those that a run of as many steps ends with.
    train(&["--out", "best", "--set", &format!("steps={step}")]);
    let same = |one: &str, other: &str| {
        assert_eq!(std::fs::read(bench.path(one)).unwrap(), std::fs::read(bench.path(other)).unwrap())
    };
    same("r/best.safetensors", "best/params.safetensors");

    // A run that stopped two evaluations before goes on with its patience.
    let shorter = format!("steps={}", end - 1);
    train(&[&["--out", "again", "--set", "checkpoint_every=1", "--set", &shorter][..], &EARLY].concat());
    bench.done(&["resume", "again", "-q", "--steps", "99"]);
    let again = json(&bench, "again/summary.json");
    assert_eq!((&again["stop"], &again["best"]), (&summary["stop"], &summary["best"]));
    same("r/best.safetensors", "again/best.safetensors");
    same("r/params.safetensors", "again/params.safetensors");

    let over = bench.done(&["resume", "r"]);
    let said = over.stdout + &over.stderr;
    assert!(
        said.starts_with(&format!("r: stopped early at step {end}: ")) && said.contains("nothing to resume"),
        "{said}"
    );
    let fork = bench.done(&["fork", "r", "--at", "5", "--set", "tuner.rate=0.3"]);
    assert!(fork.stderr.contains("new: best evaluation"), "{}", fork.stderr);
    let list = bench.done(&[
        "runs",
        "--root",
        ".",
        "--columns",
        "name,status,best.step,best.value",
        "--where",
        "best.metric=loss",
    ]);
    assert!(list.stdout.contains("done"), "{}", list.stdout);
}

#[test]
fn without_patience_the_end_may_be_the_best() {
    let bench = Bench::new();
    bench.done(&[&["train", "a.toml", "-q", "--out", "r", "--set", "evaluation.every=5"][..], &TEST].concat());
    let summary = json(&bench, "r/summary.json");
    let losses: Vec<f64> = records(&bench, "r").iter().filter_map(|r| r["measured"]["test_loss"].as_f64()).collect();
    let end = summary["test"]["loss"].as_f64().unwrap();
    assert!(losses.iter().all(|loss| *loss > end), "{losses:?} and {end}");
    assert_eq!((summary["best"]["step"].as_u64(), summary["best"]["value"].as_f64()), (Some(12), Some(end)));
    let files =
        ["best.safetensors", "params.safetensors"].map(|file| std::fs::read(bench.path("r").join(file)).unwrap());
    assert_eq!(files[0], files[1]);
}

#[test]
fn what_makes_no_sense_in_an_evaluation_is_said() {
    let bench = Bench::new();
    let message = |set: &[&str]| {
        let set: Vec<&str> = set.iter().flat_map(|set| ["--set", set]).collect();
        let output = bench.run(&[&["train", "a.toml", "-q"][..], &TEST, &set].concat());
        assert_eq!(output.code, Some(2));
        output.stderr.strip_prefix("error: a.toml with --set: evaluation.").unwrap().to_owned()
    };
    for (set, expected) in [
        (
            &["evaluation.patience=3"][..],
            "patience: expected no value, as nothing is evaluated along the way; try `evaluation.every = 10` with it, got 3\n",
        ),
        (
            &["evaluation.metric=loss"],
            "metric: expected no value, as nothing is evaluated along the way; try `evaluation.every = 10` with it, got \"loss\"\n",
        ),
        (&["evaluation.every=1", "evaluation.patience=0"], "patience: expected 1 or more evaluations, got 0\n"),
        (
            &["evaluation.every=1", "evaluation.metric=r-squared"],
            "metric: expected one of the metrics of this run (accuracy, loss), got \"r-squared\"\n",
        ),
    ] {
        assert_eq!(message(set), expected);
    }
}

/// Many labels are wrong, so that the rate which fits them best is not the one which tests best.
fn noisy(bench: &Bench) {
    let spec = SPEC.replace("rate = 0.1", "rate = [0.01, 0.1, 1.0, 3.0]").replace("steps = 12", "steps = 100");
    let spec = spec.replace("hidden = [4]", "hidden = [16]");
    bench.write("noisy.toml", spec.replace("classes = 2", "classes = 2\ntest_fraction = 0.3\nlabel_noise = 0.4"));
}

/// The rates with the smallest number at a path of their summaries, those in folders that begin with `constant`.
fn smallest(bench: &Bench, root: &str, path: &[&str]) -> String {
    let runs = bench.names(root).into_iter().filter(|name| name.starts_with("constant"));
    let numbers = runs.map(|run| {
        let summary = json(bench, &format!("{root}/{run}/summary.json"));
        let number = path.iter().fold(&summary, |value, key| &value[*key]).as_f64().unwrap();
        let spec = bench.read(&format!("{root}/{run}/spec.toml"));
        let rate = spec.lines().find_map(|line| line.strip_prefix("rate = ")).unwrap();
        (number, format!("rate={}", rate))
    });
    numbers.min_by(|a, b| a.0.total_cmp(&b.0)).unwrap().1
}

fn starred(table: &str) -> &str {
    table.lines().find(|line| line.contains(" * ")).unwrap_or_else(|| panic!("{table}"))
}

#[test]
fn the_best_of_several_runs_may_be_chosen_by_the_test_examples() {
    let bench = Bench::new();
    noisy(&bench);
    let output = bench.done(&["compare", "noisy.toml", "-q", "--out", "c", "--metric", "test.loss"]);
    let (by_test, by_train) = (smallest(&bench, "c", &["test", "loss"]), smallest(&bench, "c", &["final_loss"]));
    assert_ne!(by_test, by_train);
    assert!(output.stdout.starts_with("run                  test loss  final loss"), "{}", output.stdout);
    assert!(starred(&output.stdout).starts_with(&format!("constant {by_test} * ")), "{by_test}: {}", output.stdout);
    let usual = bench.done(&["compare", "noisy.toml", "-q", "--out", "u"]).stdout;
    assert!(starred(&usual).starts_with(&format!("constant {by_train} * ")), "{by_train}: {usual}");

    let sweep = ["sweep", "noisy.toml", "-q", "--root", "s", "--set"];
    let table = bench.done(&[&sweep[..], &["sweep.metric=test.loss"]].concat()).stdout;
    assert!(table.contains("test loss ± standard error"), "{table}");
    let best = table.lines().find(|line| line.starts_with("constant  rate=")).unwrap_or_else(|| panic!("{table}"));
    assert!(best.starts_with(&format!("constant  {by_test} ")), "{by_test}: {table}");
    let table = bench.done(&[&sweep[..], &["sweep.repeats=1", "--table-only"]].concat()).stdout;
    assert!(table.contains(&format!("\nconstant  {by_train} ")), "{by_train}: {table}");
}

#[test]
fn a_metric_that_runs_will_not_have_is_refused_before_they_are_done() {
    let bench = Bench::new();
    let message = |args: &[&str]| {
        let output = bench.run(args);
        assert_eq!(output.code, Some(2), "{}", output.stdout);
        output.stderr
    };
    assert_eq!(
        message(&["compare", "a.toml", "-q", "--metric", "test.accuracy"]),
        "error: --metric: expected final_loss, best_loss or one of train.accuracy, train.loss (for a test set try \
         `data.test_fraction = 0.2`), got test.accuracy\n"
    );
    assert_eq!(
        message(&["compare", "a.toml", "-q", "--metric", "f1"]),
        "error: --metric: expected `final_loss`, `best_loss`, or a metric like `test.loss`, `test.accuracy`, \
         `train.r-squared` or `best.loss`, got `f1`\n"
    );
    assert!(bench.names(".").iter().all(|name| name != "runs"));
    let text = message(&["sweep", "a.toml", "-q", "--set", "sweep.metric=best.loss"]);
    assert!(
        text.contains("metric: expected") && text.contains("evaluation.every") && text.ends_with("got best.loss\n"),
        "{text}"
    );
}
