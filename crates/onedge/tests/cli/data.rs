//! What data are taken as, before a run and at its start.

use crate::bench::Bench;

const FLOWERS: &str = "length,width,kind\n5.1,3.5,setosa\n4.9,3,setosa\n6.1,2.9,virginica\n6.3,3.4,virginica\n";

#[test]
fn a_table_is_shown_column_by_column() {
    let bench = Bench::new();
    bench.write("t.csv", FLOWERS);
    let sets = ["--set", "data=csv", "--set", "data.path=t.csv", "--set", "data.drop=[width]"];
    let shown = bench.done(&[&["data"][..], &sets].concat());
    for part in [
        "to train on: 4 examples of t.csv, inputs ",
        "4 rows; the first line names the columns; cells end at `,`",
        "0  length  number",
        "4.900 to 6.300, mean 5.600",
        "1  width   dropped",
        "setosa 2, virginica 2",
        "predicted: one of 2 classes",
        "6.1    2.9  virginica",
    ] {
        assert!(shown.stdout.contains(part), "{part}: {}", shown.stdout);
    }
    assert!(shown.stdout.lines().all(|line| line.chars().count() <= 80), "{}", shown.stdout);
    assert_eq!(shown.stderr, "");
    let json = bench.done(&[&["data", "--json"][..], &sets].concat());
    let json: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(json["table"]["columns"][1]["taken_as"], "dropped");
    assert_eq!(json["train"]["counts"], serde_json::json!([2, 2]));
    // The run leaves the same, and keeps it.
    bench.done(&[&["train", "-q", "--out", "r", "--set", "steps=2"][..], &sets].concat());
    let left: serde_json::Value = serde_json::from_str(&bench.read("r/data.json")).unwrap();
    assert_eq!(left, json);
    let again = bench.done(&["data", "r", "--json"]);
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&again.stdout).unwrap()["table"]["columns"],
        json["table"]["columns"]
    );
}

#[test]
fn other_data_say_what_they_are() {
    let bench = Bench::new();
    for (name, expected) in [
        ("digits", "predicted: one of 10 classes"),
        ("red-wine", "predicted: numbers 3.000 to 8.000"),
        ("cicero", "tokens\ncharacters: "),
        ("teacher", "inputs of an example: "),
    ] {
        let shown = bench.done(&["data", "--set", &format!("data={name}")]).stdout;
        assert!(shown.contains(expected), "{name}: {shown}");
        assert!(shown.lines().all(|line| line.chars().count() <= 80), "{shown}");
    }
    assert!(bench.done(&["data", "a.toml"]).stdout.starts_with("data mixture\n"));
    assert_eq!(bench.run(&["data", "--set", "data=csv", "--set", "data.path=no.csv"]).code, Some(2));
}

#[test]
fn what_may_be_taken_for_something_else_is_told_at_the_start() {
    let bench = Bench::new();
    bench.write("t.csv", ",length,kind\n0,5.1,a\n1,4.9,a\n2,6.1,b\n3,6.3,b\n");
    let train = ["train", "--set", "data=csv", "--set", "data.path=t.csv", "--set", "steps=1", "--out"];
    let told = bench.done(&[&train[..], &["r"]].concat()).stderr;
    assert!(told.contains("warning: t.csv: column 0 (``): counts the rows; "), "{told}");
    assert!(
        told.contains("t.csv: `kind` is predicted, one of 2 classes: `a`, `b`; from numbers ``, `length`"),
        "{told}"
    );
    let warnings: serde_json::Value = serde_json::from_str(&bench.read("r/data.json")).unwrap();
    assert_eq!(warnings["warnings"].as_array().unwrap().len(), 1);
    // The advice is good, and nothing is told where nothing may be doubted.
    let told = bench.done(&[&train[..], &["s", "--set", "data.drop=[\"\"]"]].concat()).stderr;
    assert!(!told.contains("t.csv"), "{told}");
    let quiet = bench.done(&[&train[..], &["q", "-q"]].concat()).stderr;
    assert!(quiet.contains("warning: ") && !quiet.contains("is predicted"), "{quiet}");
}

#[test]
fn a_first_row_that_is_an_example_is_no_header() {
    let bench = Bench::new();
    // A label among the names: there is no doubt.
    bench.write("a.csv", "6.1,2.9,b\n5.1,3.5,a\n4.9,3.0,a\n6.3,3.3,b\n");
    // Another label: it may be a name.
    bench.write("b.csv", "6.1,2.9,c\n5.1,3.5,a\n4.9,3.0,a\n6.3,3.3,b\n");
    let train = |table: &str, set: &str| {
        let path = format!("data.path={table}");
        bench.run(&["train", "--set", "data=csv", "--set", &path, "--set", "steps=1", "--set", set])
    };
    let refused = train("a.csv", "seed=1");
    assert_eq!(refused.code, Some(2));
    assert!(
        refused
            .stderr
            .contains("a.csv:1: column 0 (`6.1`): expected the name of a column, got `6.1`; try `header = false`"),
        "{}",
        refused.stderr
    );
    assert!(
        train("b.csv", "seed=1").stderr.contains("warning: b.csv: the first line is taken as the names of columns")
    );
    for table in ["a.csv", "b.csv"] {
        let told = train(table, "data.header=false").stderr;
        assert!(!told.contains("warning: "), "{told}");
    }
}

#[test]
fn digits_survive_in_double_precision_and_outliers_in_either() {
    let bench = Bench::new();
    // Zero weights: the loss is the mean of the squared targets over two, and the gradient of the weight -mean(x y).
    bench.write("t.csv", "x,y\n0.3,0.7\n0.1,0.9\n0.6,0.2\n");
    let sets = [
        "data=csv",
        "data.path=t.csv",
        "data.target=values",
        "data.scale=none",
        "loss=squared",
        "model=linear",
        "model.init=zeros",
        "precision=f64",
        "steps=1",
        "tuner=constant",
        "tuner.rate=0",
    ];
    let first = |sets: &[&str], out: &str| -> serde_json::Value {
        let sets = sets.iter().flat_map(|set| ["--set", set]);
        bench.run(&["train", "-q", "--out", out].into_iter().chain(sets).collect::<Vec<_>>());
        serde_json::from_str(bench.read(&format!("{out}/steps.jsonl")).lines().next().unwrap()).unwrap()
    };
    let record = first(&sets, "a");
    let loss = (0.7f64.powi(2) + 0.9f64.powi(2) + 0.2f64.powi(2)) / 6.0;
    assert!((record["loss"].as_f64().unwrap() - loss).abs() < 1e-15, "{record}");
    let gradient: [f64; 2] = [(0.3 * 0.7 + 0.1 * 0.9 + 0.6 * 0.2) / 3.0, (0.7 + 0.9 + 0.2) / 3.0];
    let norm = gradient[0].hypot(gradient[1]);
    assert!((record["gradient_norm"].as_f64().unwrap() - norm).abs() < 1e-15, "{record}");
    // Standardised, all three columns are -1, 1, 1, -1: at zero weights the two logits of each example have the gradients
    // (p - t) x = +-1/2 x, so each weight has 1/2 and |g| = sqrt(3 * 2) / 2 = sqrt(1.5); the biases have 0.
    bench.write("u.csv", "a,b,c,l\n-3e70,1e-70,1754000000,n\n3e70,3e-70,1754000002,y\n3e70,3e-70,1754000002,y\n-3e70,1e-70,1754000000,n\n");
    for precision in ["f32", "f64"] {
        let set = format!("precision={precision}");
        let sets = [
            "data=csv",
            "data.path=u.csv",
            "model=linear",
            "model.init=zeros",
            "steps=1",
            "tuner=constant",
            "tuner.rate=0",
            &set,
        ];
        let record = first(&sets, precision);
        let norm = record["gradient_norm"].as_f64().unwrap();
        assert!((norm - 1.5f64.sqrt()).abs() < 1e-6, "{precision}: {record}");
    }
}
