use crate::bench::Bench;

#[test]
fn bad_tables_are_refused_with_place_and_remedy() {
    let bench = Bench::new();
    for (name, text, expected) in [
        ("nan.csv", "a,y\n1,0\nNaN,1\n", "`missing = \"median\"`"),
        ("text.csv", "a,y\n1,0\nred,1\n", "red"),
        ("ragged.csv", "a,y\n1,0\n1\n", "ragged"),
        ("empty.csv", "a,y\n", "at least one example"),
    ] {
        bench.write(name, text);
        let path = format!("data.path={name}");
        let output = bench.run(&["train", "--set", "data=csv", "--set", &path, "--set", "data.column=y"]);
        assert_eq!(output.code, Some(2), "{name}: {}", output.stderr);
        assert!(output.stderr.contains(name) && output.stderr.contains(expected), "{name}: {}", output.stderr);
        assert!(!bench.path("runs").exists());
    }
}

#[test]
fn a_table_of_texts_leaves_its_encoding_in_the_folder() {
    let bench = Bench::new();
    bench.write("t.csv", "id,size,kind,y\nn1,1,a,no\nn2,,b,yes\nn3,3,a,no\nn4,4,b,yes\n");
    let sets = ["data=csv", "data.path=t.csv", "data.drop=[id]", "data.missing=mean", "steps=2"];
    let sets = sets.iter().flat_map(|set| ["--set", set]);
    bench.done(&["train", "-q", "--out", "r"].into_iter().chain(sets).collect::<Vec<_>>());
    let encoding: serde_json::Value = serde_json::from_str(&bench.read("r/encoding.json")).unwrap();
    assert_eq!(encoding["columns"][0], serde_json::json!({"name": "id", "role": "dropped"}));
    assert_eq!(encoding["columns"][2]["categories"], serde_json::json!(["a", "b"]));
    assert_eq!(encoding["columns"][3]["classes"], serde_json::json!(["no", "yes"]));
    // The mean of 1, 3 and 4 in the place of the second; then the standard deviation of all four.
    let fill = encoding["columns"][1]["fill"].as_f64().unwrap();
    assert!((fill - 8.0 / 3.0).abs() < 1e-15, "{fill}");
    let spec = bench.read("r/spec.toml");
    assert!(spec.contains("drop = [\"id\"]") && spec.contains("missing = \"mean\""), "{spec}");
}

#[test]
fn missing_data_is_refused() {
    let bench = Bench::new();
    let output = bench.run(&["train", "--set", "data=cifar-10", "--set", "data.path=nowhere"]);
    assert_eq!(output.code, Some(2), "{}", output.stderr);
    assert!(output.stderr.contains("nowhere"), "{}", output.stderr);
}

#[test]
fn parameters_that_do_not_fit_are_named() {
    let bench = Bench::new();
    bench.done(&["train", "a.toml", "-q", "--save-params", "p.safetensors"]);
    let fit = |set: &str| bench.run(&["measure", "a.toml", "--params", "p.safetensors", "--set", set]);
    for (set, expected) in [
        ("model.hidden=[5]", "tensor `layers.0.weight`: expected shape [3, 5], got [3, 4]"),
        ("model.hidden=[4, 2]", "tensor `layers.2.weight` is missing, expected one of shape [2, 2]"),
        ("model.hidden=[]", "tensor `layers.0.weight`: expected shape [3, 2], got [3, 4]"),
        ("model.bias=false", "belongs to no parameter of this model"),
    ] {
        let output = fit(set);
        assert_eq!(output.code, Some(2), "{set}: {}", output.stderr);
        assert!(output.stderr.contains("p.safetensors: tensor "), "{set}: {}", output.stderr);
        assert!(output.stderr.contains(expected), "{set}: {}", output.stderr);
    }
    bench.write("q.safetensors", "no tensors");
    let output = bench.run(&["train", "a.toml", "--params", "q.safetensors"]);
    assert_eq!(output.code, Some(2));
    assert!(output.stderr.contains("q.safetensors: expected a safetensors file"), "{}", output.stderr);
}
