//! What is printed gives no orders to a terminal, and quotes on the command line are as in TOML.

use crate::bench::Bench;

const RED: &str = "a\u{1b}[31m\u{7}red\u{202e}";

#[test]
fn control_characters_of_names_are_written_out() {
    let bench = Bench::new();
    let name = format!("name={RED}");
    let trained = bench.done(&["train", "a.toml", "--set", &name, "--out", "runs/red"]);
    let compared = bench.done(&["compare", "a.toml", "--set", &name, "--set", "seed=[1, 2]"]);
    bench.write("s.toml", bench.read("a.toml") + "[sweep]\nrepeats = 2\n");
    let swept = bench.done(&["sweep", "s.toml", "--set", &name, "--root", "swept"]);
    bench.write("bad\u{1b}[31m.toml", "steps = \"\u{7}\"");
    let outputs = [
        trained,
        compared,
        swept,
        bench.done(&["runs", "--columns", "name,folder"]),
        bench.done(&["runs", "show", "red"]),
        bench.done(&["runs", "compare", "red", "red"]),
        bench.done(&["resume", "red"]),
        bench.run(&["resume", RED]),
        bench.run(&["train", "bad\u{1b}[31m.toml"]),
        bench.run(&["train", "--set", &format!("tuner={RED}")]),
        bench.run(&["train", "--set", &format!("{RED}=1")]),
        bench.run(&["explain", RED]),
        bench.run(&["runs", "--where", &format!("name={RED} and")]),
    ];
    for output in outputs {
        for text in [output.stdout, output.stderr] {
            assert!(!text.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{text:?}");
        }
    }
    assert!(bench.done(&["runs", "--columns", "name"]).stdout.contains("a\\u{1b}[31m\\u{7}red\\u{202e}"));
    // What programs read is as it is.
    let shown = bench.done(&["runs", "show", "red", "--json"]).stdout;
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["name"], RED);
    bench.done(&["plot", "red", "-o", "red.svg"]);
    assert!(!bench.read("red.svg").contains(['\u{1b}', '\u{7}']), "no SVG may have them");
}

#[test]
fn quotes_are_taken_off_and_make_text_of_anything() {
    let bench = Bench::new();
    std::fs::create_dir(bench.path("my data")).unwrap();
    bench.write("my data/x.csv", "a,b,y\n1,2,p\n2,1,q\n3,5,p\n4,4,q\n");
    let table = ["data=csv", "steps=2", "model.hidden=[2]", "tuner=constant", "tuner.rate=0.1"];
    let set: Vec<&str> = table.iter().flat_map(|setting| ["--set", setting]).collect();
    for path in ["data.path='my data/x.csv'", "data.path=\"my data/x.csv\"", "data.path=my data/x.csv"] {
        bench.done(&[&["train", "-q"], &set[..], &["--set", path, "--set", "name='7'"]].concat());
    }
    assert!(bench.read("runs/7/spec.toml").contains("name = \"7\""));
    let hidden = bench.done(&["compare", "a.toml", "-q", "--set", "model.hidden=[[3], [2, 2]]"]);
    assert!(hidden.stdout.contains("hidden=[2, 2]"), "{}", hidden.stdout);
}

#[test]
fn an_empty_value_is_refused_by_every_command() {
    let bench = Bench::new();
    bench.done(&["train", "a.toml", "-q", "--out", "run"]);
    bench.write("s.toml", bench.read("a.toml") + "[sweep]\nrepeats = 2\n");
    for args in [
        &["train", "a.toml"][..],
        &["compare", "a.toml"],
        &["sweep", "s.toml"],
        &["plan", "a.toml"],
        &["measure", "run"],
        &["fork", "run", "--at", "3"],
        &["theory", "figure-9"],
    ] {
        for empty in ["steps=", "steps= "] {
            let output = bench.run(&[args, &["--set", empty]].concat());
            assert_eq!(output.code, Some(2), "{args:?}: {}", output.stderr);
            let expected = format!("error: --set {empty}: expected a value after `=`, got none");
            assert!(output.stderr.starts_with(&expected), "{args:?}: {}", output.stderr);
        }
    }
    let emptied = bench.run(&["sweep", "s.toml", "--set", "sweep.repeats="]);
    assert_eq!(emptied.code, Some(2), "{}", emptied.stderr);
    // With the default of 200 steps in place of 12.
    let shown = bench.done(&["plan", "a.toml", "--set", "~steps"]).stdout;
    assert!(shown.contains("predicted for 200 steps"), "{shown}");
}
