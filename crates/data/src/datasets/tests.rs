use std::collections::BTreeSet;
use std::fs;

use super::*;
use crate::Targets;
use crate::download::server::{Answer, serve};

fn message(name: &str, given: &[(&str, &str)]) -> String {
    load_text(name, given).unwrap_err().to_string()
}

#[test]
fn every_entry_is_documented_and_its_defaults_fit_their_kinds() {
    let mut names = BTreeSet::new();
    for entry in ALL {
        assert!(names.insert(entry.name), "{} is there twice", entry.name);
        for text in [entry.summary, entry.doc].into_iter().chain(entry.settings.iter().map(|s| s.help)) {
            assert!(!text.is_empty() && !text.contains("  "), "{}: `{text}`", entry.name);
        }
        let keys: BTreeSet<&str> = entry.settings.iter().map(|setting| setting.key).collect();
        assert_eq!(keys.len(), entry.settings.len(), "{}: a key is there twice", entry.name);
        let required = ["path", "images", "labels"].map(|key| (key.to_owned(), Value::Text("x".to_owned())));
        let given = required.into_iter().filter(|(key, _)| {
            entry.settings.iter().any(|s| s.key == key && s.default == onedge_registry::Default::Required)
        });
        Settings::resolve(entry, given.collect()).unwrap();
    }
}

#[test]
fn sets_that_need_no_file_load_with_every_shared_setting() {
    for name in ["digits", "red-wine", "teacher", "mixture"] {
        let whole = load_text(name, &[]).unwrap();
        assert!(whole.test.is_none());
        let given =
            [("random", "40"), ("seed", "3"), ("test_fraction", "0.25"), ("test_first", "20"), ("scale", "standard")];
        let split = load_text(name, &given).unwrap();
        assert_eq!((split.train.examples(), split.test.as_ref().unwrap().examples()), (40, 20));
        assert_eq!(split, load_text(name, &given).unwrap());
        for feature in 0..split.train.features() {
            let mean = (0..40).map(|i| f64::from(split.train.input(i)[feature])).sum::<f64>() / 40.0;
            assert!(mean.abs() < 1e-5, "{name}: {mean}");
        }
    }
}

#[test]
fn digits_are_scaled_shrunk_and_balanced() {
    let given = [("first", "100"), ("balanced", "true"), ("side", "4")];
    let set = load_text("digits", &given).unwrap().train;
    assert_eq!((set.examples(), set.input_shape(), set.full_scale()), (100, &[1, 4, 4][..], Some(1.0)));
    // The first image is balanced in; its top left 4 x 4 pixels are 0 0 5 13 9 1 0 0 / 0 0 13 15 10 15 5 0.
    assert_eq!(set.input(0)[..2], [0.0, (5.0 + 13.0 + 13.0 + 15.0) / 64.0]);
    let Targets::Classes { labels, .. } = set.targets() else { panic!("expected classes") };
    assert!((0..10).all(|digit| labels.iter().filter(|&&label| label == digit).count() == 10));
}

#[test]
fn skipped_examples_make_disjoint_subsets_and_labels_can_be_drawn_anew() {
    let part = |skip: &str| load_text("digits", &[("skip", skip), ("first", "100")]).unwrap().train;
    let whole = load_text("digits", &[("first", "200")]).unwrap().train;
    assert_eq!(*whole.inputs(), [part("0").inputs().single(), part("100").inputs().single()].concat());
    let labels = |given: &[(&str, &str)]| match load_text("digits", given).unwrap().train.targets() {
        Targets::Classes { labels, .. } => labels.clone(),
        other => panic!("expected classes, got {other:?}"),
    };
    let (clean, noisy) = (labels(&[]), labels(&[("label_noise", "0.5")]));
    let changed = clean.iter().zip(&noisy).filter(|(a, b)| a != b).count();
    // 899 are drawn anew, of which nine tenths change: a deviation of 9 around 809.
    assert!(changed.abs_diff(809) < 45, "{changed}");
}

#[test]
fn settings_that_exclude_each_other_or_do_not_apply_are_refused() {
    for (name, given, expected) in [
        (
            "digits",
            &[("first", "3"), ("random", "3")][..],
            "digits.random: expected no value, as `first` is set, got 3",
        ),
        (
            "digits",
            &[("balanced", "true")],
            "digits.balanced: expected `first` or `random` to be set with it, got true",
        ),
        ("digits", &[("scale", "half")], "digits.scale: expected `none`, `unit` or `standard`, got \"half\""),
        (
            "digits",
            &[("test_first", "3")],
            "digits.test_first: expected a test set to take from; try `test_fraction = 0.2`, got 3",
        ),
        (
            "digits",
            &[("first", "1798")],
            "digits: subset too large, expected at most 1797 examples of all, got 1798; try fewer",
        ),
        (
            "digits",
            &[("side", "9")],
            "digits: downsampling to 9 x 9 does not apply, expected sides from 1 to 8, got inputs [1, 8, 8]; \
             try a smaller `side`",
        ),
        ("red-wine", &[("target", "colour")], "red-wine.target: expected `classes` or `values`, got \"colour\""),
        (
            "red-wine",
            &[("side", "3")],
            "red-wine: unknown key `side`, expected one of its settings; try `scale` or `skip` or `seed`",
        ),
        ("digits", &[("skip", "1797")], "digits.skip: expected less than the 1797 examples, got 1797"),
        ("cifar-100", &[("labels", "rough")], "cifar-100.labels: expected `fine` or `coarse`, got \"rough\""),
        ("teacher", &[("noise", "-1")], "teacher.noise: expected a number from 0 to 1e6, got -1.0"),
        ("csv", &[], "csv: `path` is not set, expected a path; try `path = ...`"),
        ("minst", &[], "unknown data set `minst`, expected one of the known names; try `mnist`"),
    ] {
        assert_eq!(message(name, given), expected);
    }
}

#[test]
fn what_is_not_there_is_named_and_never_fetched_unasked() {
    for (name, file) in [
        ("mnist", "train-images-idx3-ubyte.gz of mnist"),
        ("fashion-mnist", "train-images-idx3-ubyte.gz of fashion-mnist"),
    ] {
        assert_eq!(
            message(name, &[("path", "no/such")]),
            format!(
                "no/such/train-images-idx3-ubyte.gz: not found, expected {file}; try `download = true`, or `path` set \
                 to the folder that holds them"
            )
        );
    }
    assert_eq!(
        message("cifar-10", &[]),
        "cifar-10: not found, expected its files, or a cache folder; try `download = true`, or `path` set to the folder \
         that holds them"
    );
    assert_eq!(
        message("cifar-10", &[("path", "no/such"), ("download", "true")]),
        "cifar-10.download: expected false, as downloads are not allowed here, got true"
    );
}

#[test]
fn downloads_go_to_the_cache_and_are_checked() {
    let (base, requests) = serve(vec![Answer::Status("404 Not Found")]);
    let dir = tempfile::tempdir().unwrap();
    let context = Context { cache_dir: Some(dir.path()), allow_download: true, ..Context::default() };
    let given = [("download", "true"), ("mirror", &format!("{base}/mirror/"))];
    let error = load_with("mnist", &given, &context).unwrap_err().to_string();
    assert_eq!(
        error.replace(&base, "BASE"),
        "BASE/mirror/train-images-idx3-ubyte.gz: download failed, expected status 200 or 206, got status 404; \
         try again later or another `mirror`"
    );
    assert!(requests.recv().unwrap().starts_with("get /mirror/train-images-idx3-ubyte.gz "));
    assert!(dir.path().join("mnist").is_dir());
}

#[test]
fn idx_files_of_ones_own() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| {
        fs::write(dir.path().join(name), bytes).unwrap();
        dir.path().join(name).display().to_string()
    };
    let images = write("x", &[0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 0, 51, 102, 255]);
    let labels = write("y", &[0, 0, 8, 1, 0, 0, 0, 2, 3, 0]);
    let given = [("images", images.as_str()), ("labels", &labels)];
    let split =
        load_text("idx", &[&given[..], &[("test_images", &images), ("test_labels", &labels)]].concat()).unwrap();
    assert_eq!(split.train.inputs(), &[0.0, 0.2, 0.4, 1.0]);
    assert_eq!((split.train.targets().outputs(), split.test.unwrap().examples()), (4, 2));
    assert_eq!(
        message("idx", &[&given[..], &[("test_images", "z")]].concat()),
        "idx.test_labels: expected a path, as `test_images` is set, got nothing"
    );
}

#[test]
fn tables_of_ones_own() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t.csv").display().to_string();
    fs::write(&path, "y;a;b\n1;0;10\n2;5;20\n").unwrap();
    let given = [("path", path.as_str()), ("delimiter", ";"), ("column", "y"), ("target", "values")];
    let scaled = [&given[..], &[("scale", "unit"), ("full_scale", "20"), ("test_path", &path)]].concat();
    let split = load_text("csv", &scaled).unwrap();
    assert_eq!(split.train.inputs(), &[0.0, 0.5, 0.25, 1.0]);
    assert_eq!(split.train.targets(), &Targets::Values { values: vec![1.0, 2.0], width: 1 });
    assert_eq!(
        message("csv", &[&given[..], &[("column_index", "0")]].concat()),
        "csv.column_index: expected no value, as `column` is set, got 0"
    );
    for delimiter in ["ab", "-", "x", "\u{7}", "é"] {
        assert_eq!(
            message("csv", &[("path", &path), ("delimiter", delimiter)]),
            format!("csv.delimiter: expected one ASCII character that is in no number, or `tab`, got \"{delimiter}\"")
        );
    }
    assert_eq!(
        message("idx", &[("images", &path), ("labels", &path), ("classes", "1000000000000")]),
        "idx.classes: expected 1 to 256, as labels are bytes, got 1000000000000"
    );
    assert_eq!(
        message("csv", &[&scaled[..], &[("test_fraction", "0.5")]].concat()),
        "csv.test_fraction: expected no value, as this set has a test part of its own, got 0.5"
    );
}

#[test]
fn tables_of_texts_with_missing_values() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t.csv").display().to_string();
    let rows: String = (0..40)
        .map(|i| {
            format!("n{i},{},{},{}\n", if i == 7 { String::new() } else { i.to_string() }, ["a", "b"][i % 2], i % 3)
        })
        .collect();
    fs::write(&path, format!("id,size,kind,y\n{rows}")).unwrap();
    let given = |more: &[(&'static str, &'static str)]| -> Vec<(String, String)> {
        let own = [("path", path.as_str()), ("drop", "[id]")];
        own.iter().chain(more).map(|&(key, value)| (key.to_owned(), value.to_owned())).collect()
    };
    let load = |more: &[(&'static str, &'static str)]| {
        let given = given(more);
        let given: Vec<(&str, &str)> = given.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        load_text("csv", &given).map_err(|e| e.to_string().replace(&path, "t.csv"))
    };
    assert_eq!(
        load(&[]).unwrap_err(),
        "t.csv:9: column 1 (`size`): expected a value, got ``; try `missing = \"median\"` or `missing = \"drop-row\"`, or \
         correcting the cell"
    );
    // Told apart before anything is learned: mean and deviation are those of the rows to train on.
    let split = load(&[("missing", "median"), ("test_fraction", "0.25"), ("seed", "3")]).unwrap();
    let test = split.test.as_ref().unwrap();
    assert_eq!((split.train.examples(), test.examples(), split.train.input_shape()), (30, 10, &[3][..]));
    let sizes =
        |set: &crate::Dataset| set.inputs().single().iter().step_by(3).map(|&x| f64::from(x)).collect::<Vec<_>>();
    let mean = |of: &[f64]| of.iter().sum::<f64>() / of.len() as f64;
    let (train, tested) = (sizes(&split.train), sizes(test));
    assert!(mean(&train).abs() < 1e-6 && mean(&tested).abs() > 1e-3, "{train:?} {tested:?}");
    assert!((mean(&train.iter().map(|x| x * x).collect::<Vec<_>>()) - 1.0).abs() < 1e-6);
    assert_eq!(split.encoding.as_ref().unwrap().input_names(), ["size", "kind = a", "kind = b"]);
    // Without new settings the encoding is of no consequence for the examples.
    let dropped = load(&[("missing", "drop-row"), ("first", "20")]).unwrap();
    assert_eq!(dropped.train.examples(), 20);
    let warned = std::cell::RefCell::new(Vec::new());
    let warn = |text: &str| warned.borrow_mut().push(text.replace(&path, "t.csv"));
    let context = Context { warn: Some(&warn), ..Context::default() };
    load_with("csv", &[("path", &path), ("drop", "[id]"), ("missing", "drop-row")], &context).unwrap();
    let warned = warned.into_inner();
    assert_eq!((warned.len(), &warned[0][..]), (2, "t.csv: 1 of 40 rows left out, as they lack a value"));
    assert!(warned[1].starts_with("t.csv: column 1 (`size`): counts the rows; "), "{warned:?}");
    for (key, value, expected) in [
        ("missing", "zero", "csv.missing: expected `error`, `mean`, `median` or `drop-row`, got \"zero\""),
        ("unknown", "none", "csv.unknown: expected `error` or `zeros`, got \"none\""),
        (
            "missing_indicator",
            "true",
            "csv.missing_indicator: expected false, or `missing` set to `mean` or `median`, got true",
        ),
    ] {
        assert_eq!(load(&[(key, value)]).unwrap_err(), expected);
    }
}

#[test]
fn red_wine_as_a_table_of_ones_own_is_the_built_in_set() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("wine.csv.gz").display().to_string();
    fs::write(&path, include_bytes!("../../embedded/winequality-red.csv.gz")).unwrap();
    for more in [&[][..], &[("test_fraction", "0.2"), ("seed", "4")], &[("scale", "none")]] {
        let own = load_text("csv", &[&[("path", path.as_str()), ("target", "values")], more].concat()).unwrap();
        let built_in = load_text("red-wine", more).unwrap();
        assert_eq!(own.train.inputs(), built_in.train.inputs());
        assert_eq!(own.train.targets(), built_in.train.targets());
        assert_eq!(own.test.map(|test| test.into_parts()), built_in.test.map(|test| test.into_parts()));
    }
}
