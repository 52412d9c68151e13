//! `evaluate` and `predict`: trained models on examples that they have not seen.

use crate::bench::{Bench, SPEC};

fn json(bench: &Bench, args: &[&str]) -> serde_json::Value {
    serde_json::from_str(&bench.done(&[&["evaluate", "--json"][..], args].concat()).stdout).unwrap()
}

#[track_caller]
fn close(got: &serde_json::Value, expected: f64) {
    let got = got.as_f64().unwrap();
    assert!((got - expected).abs() <= 1e-9 * expected.abs().max(1.0), "{got} and {expected}");
}

fn message(bench: &Bench, args: &[&str]) -> String {
    let output = bench.run(args);
    assert_eq!(output.code, Some(2), "{}", output.stdout);
    output.stderr
}

/// Three sorts that a line tells apart: x below 2, up to 5, beyond.
fn flowers(bench: &Bench) {
    let sort = |x: f64| {
        if x < 2.0 {
            "iris"
        } else if x < 5.0 {
            "rose"
        } else {
            "tulip, wild"
        }
    };
    let rows: String =
        (0..60).map(|i| f64::from(i) * 0.125).map(|x| format!("{x},{},\"{}\"\n", 10.0 - x, sort(x))).collect();
    bench.write("flowers.csv", format!("x,y,sort\n{rows}"));
    let set = ["data=csv", "data.path=flowers.csv", "data.column=sort", "data.test_fraction=0.2", "precision=f64"];
    let more = ["model.hidden=[8]", "steps=60", "evaluation.every=20"];
    let set: Vec<&str> = set.iter().chain(&more).flat_map(|set| ["--set", set]).collect();
    bench.done(&[&["train", "-q", "--out", "r"][..], &set].concat());
}

#[test]
fn a_table_of_classes_is_evaluated_and_predicted() {
    let bench = Bench::new();
    flowers(&bench);
    let summary: serde_json::Value = serde_json::from_str(&bench.read("r/summary.json")).unwrap();
    // Its own test examples: what the summary says.
    let own = json(&bench, &["r"]);
    assert_eq!(
        (&own["on"], &own["at"]),
        (&"the test examples of the run".into(), &"the last parameters of r, after 60 steps".into())
    );
    for metric in ["loss", "accuracy"] {
        close(&own["means"][metric], summary["test"][metric].as_f64().unwrap());
    }
    let best = json(&bench, &["r", "--best"]);
    close(&best["means"]["loss"], summary["best"]["value"].as_f64().unwrap());

    // A new file with the columns in another order, rows of one sort alone, and other moments.
    bench.write("new.csv", "sort,y,x\nrose,7,3\nrose,6.5,3.5\niris,6,4\n");
    let new = json(&bench, &["r", "new.csv"]);
    assert_eq!(new["classes"]["classes"], serde_json::json!(["iris", "rose", "tulip, wild"]));
    assert_eq!(new["classes"]["scores"][1]["support"], 2);
    let text = bench.done(&["predict", "r", "new.csv"]);
    assert_eq!(text.stderr, "predicted with the last parameters of r, after 60 steps\n");
    let lines: Vec<&str> = text.stdout.lines().collect();
    assert_eq!(lines[0], "file,row,predicted,probability of iris,probability of rose,\"probability of tulip, wild\"");
    let predicted: Vec<&str> = lines[1..].iter().map(|line| line.split(',').nth(2).unwrap()).collect();
    assert!(lines[1].starts_with("new.csv,1,rose,"), "{}", text.stdout);
    // Accuracy and loss follow from what is predicted.
    let truth = ["rose", "rose", "iris"];
    let right = predicted.iter().zip(truth).filter(|(one, other)| **one == *other).count();
    close(&new["means"]["accuracy"], right as f64 / 3.0);
    let probability = |line: &str, sort: usize| line.split(',').nth(3 + sort).unwrap().parse::<f64>().unwrap();
    let loss = lines[1..].iter().zip([1, 1, 0]).map(|(line, sort)| -probability(line, sort).ln()).sum::<f64>() / 3.0;
    close(&new["means"]["loss"], loss);
    let sum: f64 = (0..3).map(|sort| probability(lines[1], sort)).sum();
    assert!((sum - 1.0).abs() < 1e-9);

    // The file that it was trained on is not needed any more, and not even the column of answers.
    std::fs::remove_file(bench.path("flowers.csv")).unwrap();
    bench.write("blind.csv", "x,y\n3,7\n3.5,6.5\n4,6\n");
    let out = bench.done(&["predict", "r", "blind.csv", "new.csv", "-o", "p.csv"]).stdout;
    assert_eq!(out, "6 predictions in p.csv, with the last parameters of r, after 60 steps\n");
    let written = bench.read("p.csv").replace("blind.csv", "new.csv");
    let written: Vec<&str> = written.lines().collect();
    assert_eq!((&written[1..4], &written[4..]), (&lines[1..], &lines[1..]));

    let page = bench.done(&["evaluate", "r", "new.csv"]).stdout;
    assert!(page.starts_with("3 examples, new.csv\nwith the last parameters of r, after 60 steps\n\nmean "), "{page}");
    assert!(
        page.contains("\nclass          precision") && page.contains("\ntrue \\ predicted  iris  rose  tulip, wild\n"),
        "{page}"
    );
}

#[test]
fn what_the_run_never_saw_is_named() {
    let bench = Bench::new();
    flowers(&bench);
    bench.write("sort.csv", "x,y,sort\n1,9,lily\n");
    assert_eq!(
        message(&bench, &["evaluate", "r", "sort.csv"]),
        "error: sort.csv:2: column 2 (`sort`): expected the label of a known class, got `lily`; try a training set that \
         has this class\n"
    );
    bench.write("short.csv", "x,sort\n1,iris\n");
    let text = message(&bench, &["predict", "r", "short.csv"]);
    assert!(text.starts_with("error: short.csv: columns differ") && text.contains("`y`"), "{text}");
    bench.write("blind.csv", "x,y\n1,9\n");
    let text = message(&bench, &["evaluate", "r", "blind.csv"]);
    assert!(text.contains("expected a column `sort` to compare with"), "{text}");
    assert!(message(&bench, &["evaluate", "nowhere"]).starts_with("error: nowhere: "));
    std::fs::remove_file(bench.path("r/meaning.json")).unwrap();
    assert_eq!(
        message(&bench, &["predict", "r", "blind.csv"]),
        "error: r/meaning.json: expected what the data of the run mean, which runs leave as they begin, got no such file; \
         try the run anew, with this version\n"
    );
}

#[test]
fn values_are_predicted_in_their_own_units() {
    let bench = Bench::new();
    let rows: String = (0..40).map(|i| format!("{i},{}\n", 1000 + 50 * i)).collect();
    bench.write("prices.csv", format!("size,price\n{rows}"));
    let set = ["data=csv", "data.path=prices.csv", "data.target=values", "loss=squared", "model.hidden=[]"];
    let more = ["steps=200", "tuner=constant", "tuner.rate=0.1", "precision=f64", "data.column=price"];
    let set: Vec<&str> = set.iter().chain(&more).flat_map(|set| ["--set", set]).collect();
    bench.done(&[&["train", "-q", "--out", "r"][..], &set].concat());
    // A line is fitted by a line: the size is scaled as in the first file, where 100 was not.
    bench.write("new.csv", "size,price\n100,6100\n0,1000\n");
    let out = bench.done(&["predict", "r", "new.csv"]).stdout;
    let lines: Vec<Vec<&str>> = out.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(lines[0], ["file", "row", "predicted"]);
    for (line, expected) in lines[1..].iter().zip([6000.0, 1000.0]) {
        assert!((line[2].parse::<f64>().unwrap() - expected).abs() < 1e-3, "{out}");
    }
    // Errors -100 and 0; targets of mean 3550 and deviation 2550.
    let new = json(&bench, &["r", "new.csv"]);
    let near = |key: &str, expected: f64| {
        let got = new["values"][0][key].as_f64().unwrap();
        assert!((got - expected).abs() < 1e-3, "{key}: {got}");
    };
    near("mean_absolute_error", 50.0);
    near("root_mean_squared_error", 5000f64.sqrt());
    near("mean_error", -50.0);
    near("r_squared", 1.0 - 10_000.0 / (2.0 * 2550.0 * 2550.0));
    let text = bench.done(&["evaluate", "r", "new.csv"]).stdout;
    assert!(text.contains("output  mean absolute error  root mean squared error  mean error  r-squared\n"), "{text}");
}

#[test]
fn data_that_are_not_what_they_were_are_not_measured_with() {
    let bench = Bench::new();
    flowers(&bench);
    bench.done(&["measure", "r"]);
    let text = bench.read("flowers.csv").replace("\n0.", "\n1.");
    bench.write("flowers.csv", text);
    for command in ["measure", "evaluate"] {
        assert_eq!(
            message(&bench, &[command, "r"]),
            "error: r/spec.toml: the examples are not those that the run was trained on; try `--set data.path=...`, where \
             these are, or to the new ones, which are then read by what the run has learned\n"
        );
    }
}

#[test]
fn a_run_on_made_up_data_is_evaluated_on_its_own_examples() {
    let bench = Bench::new();
    bench.write("a.toml", SPEC);
    bench.done(&["train", "a.toml", "-q", "--out", "r"]);
    let text = bench.done(&["evaluate", "r"]).stdout;
    assert!(text.starts_with("30 examples, the training examples, as the run has no others\n"), "{text}");
    bench.write("b.csv", "1,2\n");
    let text = message(&bench, &["predict", "r", "b.csv"]);
    assert!(text.starts_with("error: b.csv: data `mixture` is not read from files"), "{text}");
}

/// Images of 2 x 2 levels: class 0 is dark on the left, class 1 on the right. Of the second file all are twice as bright.
#[test]
fn idx_images_are_evaluated_with_their_labels_and_predicted_without() {
    let bench = Bench::new();
    let idx = |sizes: &[u32], bytes: &[u8]| -> Vec<u8> {
        let sizes = sizes.iter().flat_map(|size| size.to_be_bytes());
        [0, 0, 8, sizes.clone().count() as u8 / 4].into_iter().chain(sizes).chain(bytes.iter().copied()).collect()
    };
    let sides = |levels: [u8; 2]| {
        [[levels[0], levels[1], levels[0], levels[1]], [levels[1], levels[0], levels[1], levels[0]]].concat()
    };
    bench.write("x", idx(&[6, 2, 2], &[sides([0, 90]), sides([10, 100]), sides([5, 95])].concat()));
    bench.write("y", idx(&[6], &[0, 1, 0, 1, 0, 1]));
    bench.write("new", idx(&[2, 2, 2], &sides([20, 180])));
    bench.write("labels", idx(&[2], &[0, 0]));
    let set = ["data=idx", "data.images=x", "data.labels=y", "data.scale=standard", "model.hidden=[]", "steps=30"];
    let set: Vec<&str> = set.iter().flat_map(|set| ["--set", set]).collect();
    bench.done(&[&["train", "-q", "--out", "r"][..], &set].concat());
    let new = json(&bench, &["r", "new", "--labels", "labels"]);
    assert_eq!(new["classes"]["confusion"], serde_json::json!([[1, 1], [0, 0]]));
    assert_eq!(new["means"]["accuracy"], 0.5);
    let out = bench.done(&["predict", "r", "new"]).stdout;
    let predicted: Vec<&str> = out.lines().skip(1).map(|line| line.split(',').nth(2).unwrap()).collect();
    assert_eq!(predicted, ["0", "1"], "{out}");
    assert!(message(&bench, &["evaluate", "r", "new"]).contains("expected an IDX file of labels"));
}

#[test]
fn a_language_model_is_evaluated_on_another_text() {
    let bench = Bench::new();
    bench.write("a.txt", "the cat sat on the mat and the dog sat on the cat. ".repeat(20));
    bench.write("b.txt", "the dog sat on the mat. ".repeat(10));
    bench.write("c.txt", "the dog sat on the Mat. ".repeat(10));
    let set = ["data=text", "data.path=a.txt", "data.context=8", "model=nanolm", "model.depth=1", "model.width=8"];
    let more = ["model.heads=2", "model.qkv=8", "model.mlp=8", "steps=10", "diagnostics.sharpness_every=0"];
    let set: Vec<&str> = set.iter().chain(&more).flat_map(|set| ["--set", set]).collect();
    bench.done(&[&["train", "-q", "--out", "r"][..], &set].concat());
    let new = json(&bench, &["r", "b.txt"]);
    assert_eq!(new["examples"], 29);
    assert!(new["means"]["loss"].as_f64().unwrap() > 0.0 && new["classes"].is_null());
    let text = message(&bench, &["evaluate", "r", "c.txt"]);
    assert!(text.contains("got `M`, which it never saw"), "{text}");
    let text = message(&bench, &["predict", "r", "b.txt"]);
    assert!(text.starts_with("error: predict: expected a model of classes or values"), "{text}");
}
