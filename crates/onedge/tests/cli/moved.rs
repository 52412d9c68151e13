//! Data that were moved, changed or exchanged after a run began.

use std::fs;

use crate::bench::{Bench, Output};

/// A table of one column: `x` and a label each.
fn table(rows: &[(f64, &str)]) -> String {
    let lines = rows.iter().map(|(x, label)| format!("{x},{label}\n"));
    std::iter::once("x,y\n".to_owned()).chain(lines).collect()
}

/// Arguments of a run of a linear model on a table.
fn train<'a>(out: &'a str, sets: &[&'a str]) -> Vec<&'a str> {
    const SETS: [&str; 5] = ["data=csv", "model=linear", "tuner=constant", "tuner.rate=1", "checkpoint_every=5"];
    let sets = SETS.iter().chain(sets).flat_map(|set| ["--set", set]);
    ["train", "-q", "--out", out].into_iter().chain(sets).collect()
}

const ROWS: [(f64, &str); 4] = [(0.0, "low"), (2.0, "low"), (8.0, "top"), (10.0, "top")];

fn run_on(bench: &Bench, path: &str, steps: &str) {
    bench.write(path, table(&ROWS));
    bench.done(&train("r", &[&format!("data.path={path}"), &format!("steps={steps}")]));
}

#[track_caller]
fn refused(output: &Output) -> &str {
    assert_eq!(output.code, Some(2), "{}", output.stderr);
    output.stderr.trim_end()
}

fn last_loss(bench: &Bench, run: &str) -> f64 {
    let summary: serde_json::Value = serde_json::from_str(&bench.read(&format!("{run}/summary.json"))).unwrap();
    summary["final_loss"].as_f64().unwrap()
}

const SWEEP: &str = "steps = 6\n[data]\nname = \"csv\"\npath = \"t.csv\"\n[model]\nname = \"linear\"\n\
                     [tuner]\nname = \"constant\"\nrate = [0.5, 0.25]\n[sweep]\n";

/// How many runs a sweep did, and the losses of its table.
fn swept(bench: &Bench, sweep: &str, root: &str) -> (String, Vec<String>) {
    let output = bench.done(&["sweep", sweep, "-q", "--root", root]);
    let rows = output.stdout.lines().filter(|line| line.starts_with("constant rate=0"));
    let losses = rows.filter_map(|line| line.split_whitespace().find(|cell| cell.starts_with("0.") && cell.len() > 4));
    let now = output.stdout.lines().find_map(|line| Some(line.split_once("; ")?.1.to_owned())).unwrap_or_default();
    (now, losses.map(str::to_owned).collect())
}

#[test]
fn a_sweep_on_other_data_does_its_runs_again() {
    let bench = Bench::new();
    bench.write("s.toml", SWEEP);
    bench.write("t.csv", table(&ROWS));
    let (now, first) = swept(&bench, "s.toml", "runs");
    assert_eq!((now.as_str(), first.len()), ("2 of them now", 2), "{first:?}");
    let size = fs::metadata(bench.path("t.csv")).unwrap().len();
    bench.write("t.csv", table(&[(0.0, "low"), (2.0, "top"), (8.0, "low"), (10.0, "top")]));
    assert_eq!(fs::metadata(bench.path("t.csv")).unwrap().len(), size, "no size tells them apart");
    let (now, second) = swept(&bench, "s.toml", "runs");
    let (_, fresh) = swept(&bench, "s.toml", "other");
    assert_eq!((now.as_str(), &second), ("2 of them now", &fresh));
    assert_ne!(first, second);
    // The runs on the first table are still there for whoever has it, under any name.
    bench.write("u.csv", table(&ROWS));
    bench.write("u.toml", SWEEP.replace("t.csv", "u.csv"));
    let (now, again) = swept(&bench, "u.toml", "runs");
    assert_eq!((now.as_str(), &again), ("0 of them now", &first));
    // Without data a table is had of what is there, if that is clear.
    fs::remove_file(bench.path("t.csv")).unwrap();
    let shown = bench.done(&["sweep", "s.toml", "--table-only", "--root", "other"]);
    assert!(shown.stdout.contains("2 runs: 2 done"), "{}", shown.stdout);
    assert!(shown.stderr.contains("t.csv: not found"), "{}", shown.stderr);
    let unclear = bench.run(&["sweep", "s.toml", "--table-only", "--root", "runs"]);
    assert!(unclear.stderr.contains("2 runs were done on several data"), "{}", unclear.stderr);
    assert!(unclear.stdout.contains("0 done"), "{}", unclear.stdout);
}

#[test]
fn texts_of_other_letters_are_other_data() {
    let bench = Bench::new();
    let sweep = "steps = 2\n[data]\nname = \"text\"\npath = \"t.txt\"\ncontext = 4\n[model]\nname = \"nanolm\"\ndepth = 1\n\
                 width = 8\nheads = 1\nqkv = 8\nmlp = 8\n[tuner]\nname = \"constant\"\nrate = [0.1, 0.2]\n[sweep]\n";
    bench.write("s.toml", sweep);
    for text in ["kiki koko ".repeat(20), "mimi momo ".repeat(20)] {
        bench.write("t.txt", text);
        assert_eq!(swept(&bench, "s.toml", "runs").0, "2 of them now", "tokens are the same numbers in both");
    }
    assert_eq!(swept(&bench, "s.toml", "runs").0, "0 of them now");
}

#[test]
fn a_run_finds_its_data_from_any_folder() {
    let bench = Bench::new();
    run_on(&bench, "t.csv", "5");
    fs::create_dir(bench.path("sub")).unwrap();
    let there = |args: &[&str]| {
        let mut command = bench.command(args);
        crate::bench::output(command.current_dir(bench.path("sub")))
    };
    let resumed = there(&["resume", "../r", "--steps", "7", "-q"]);
    assert_eq!(resumed.code, Some(0), "{}", resumed.stderr);
    for args in [&["measure", "../r"][..], &["evaluate", "../r"], &["fork", "../r", "--at", "6", "-q", "--out", "f"]] {
        let output = there(args);
        assert_eq!(output.code, Some(0), "{args:?}: {}", output.stderr);
    }
    // A spec finds what lies beside it.
    bench.write("near.toml", "steps = 2\n[data]\nname = \"csv\"\npath = \"t.csv\"\n");
    let output = there(&["train", "../near.toml", "-q", "--out", "n"]);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    fs::write(bench.path("sub/t.csv"), table(&ROWS[..3])).unwrap();
    let two = there(&["train", "../near.toml", "-q", "--out", "m"]);
    let text = refused(&two);
    assert!(text.starts_with("error: ../near.toml: data.path: expected one file, got two of that name: "), "{text}");
    // The folder as a whole, moved.
    fs::rename(bench.path("sub/n"), bench.path("sub/moved")).unwrap();
    let output = there(&["measure", "moved"]);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
}

#[test]
fn a_run_is_told_where_its_data_are_by_now() {
    let bench = Bench::new();
    run_on(&bench, "t.csv", "5");
    fs::rename(bench.path("t.csv"), bench.path("kept.csv")).unwrap();
    let lost = bench.run(&["resume", "r", "--steps", "7", "-q"]);
    let text = refused(&lost);
    assert!(
        text.contains("t.csv: not found, expected ") && text.ends_with("try `--set data.path=...`, where it is now"),
        "{text}"
    );
    let no_file = bench.run(&["resume", "r", "--steps", "7", "--set", "data.path=no.csv"]);
    assert_eq!(
        refused(&no_file),
        "error: --set: expected the place of a file or folder for data.path, as seen from the current folder, got no.csv, \
         where there is none"
    );
    let other = bench.run(&["resume", "r", "--steps", "7", "--set", "tuner.rate=2"]);
    assert_eq!(
        refused(&other),
        "error: --set: expected one of data.path, data.test_path, engine.threads, engine.memory_mib, as a run goes on with \
         its settings; try a fork to change others, got tuner.rate=2"
    );
    let sets = ["--set", "data.path=kept.csv", "--set", "engine.threads=1"];
    bench.done(&[&["resume", "r", "--steps", "7", "-q"][..], &sets].concat());
    for command in ["measure", "evaluate"] {
        bench.done(&[command, "r", "--set", "data.path=kept.csv"]);
    }
    // It is kept.
    bench.done(&["resume", "r", "--steps", "9", "-q"]);
    bench.done(&["evaluate", "r"]);
    bench.done(&["fork", "r", "--at", "6", "-q", "--out", "f"]);
    assert_eq!(last_loss(&bench, "f"), last_loss(&bench, "r"));
}

#[test]
fn data_that_changed_are_told_and_the_advice_works() {
    let bench = Bench::new();
    run_on(&bench, "t.csv", "7");
    let others = [(1.0, "top"), (3.0, "low"), (7.0, "top"), (9.0, "low"), (20.0, "low")];
    bench.write("t.csv", table(&others));
    let changed = bench.run(&["resume", "r", "--steps", "9", "-q"]);
    assert_eq!(
        refused(&changed),
        "error: r/spec.toml: the examples are not those that the run was trained on; try `--set data.path=...`, where these \
         are, or a fork of the run at step 7, where its last checkpoint is, which trains on with the examples of now"
    );
    let forked = bench.done(&["fork", "r", "--at", "7", "--set", "steps=9", "-q", "--out", "f"]);
    let told = "the data are others than those of the run; inputs are scaled and classes numbered as they were there\n";
    assert!(forked.stderr.contains(told), "{}", forked.stderr);
    // The scale of the run: mean 5, variance (25 + 9 + 9 + 25) / 4.
    for run in ["r", "f"] {
        let encoding: serde_json::Value = serde_json::from_str(&bench.read(&format!("{run}/encoding.json"))).unwrap();
        let column = &encoding["columns"][0];
        assert!((column["mean"].as_f64().unwrap() - 5.0).abs() < 1e-12, "{run}: {column}");
        assert!((column["scale"].as_f64().unwrap() - 17f64.sqrt()).abs() < 1e-12, "{run}: {column}");
    }
    // It goes on with that.
    bench.done(&["resume", "f", "--steps", "11", "-q"]);
    bench.done(&["fork", "f", "--at", "10", "-q", "--out", "g"]);
    let measured: serde_json::Value = serde_json::from_str(&bench.done(&["measure", "f", "--json"]).stdout).unwrap();
    assert_eq!(measured["examples"], 5);
    // Steps cannot be repeated with other data.
    let repeated = bench.run(&["fork", "r", "--at", "6", "-q"]);
    assert!(
        refused(&repeated).contains("the examples are not those that the run was trained on"),
        "{}",
        repeated.stderr
    );
    // A class that the run never saw.
    bench.write("t.csv", table(&[(1.0, "top"), (3.0, "low"), (7.0, "mid")]));
    let unknown = bench.run(&["fork", "r", "--at", "7", "--set", "steps=9", "-q", "--out", "h"]);
    assert!(refused(&unknown).contains("`mid`"), "{}", unknown.stderr);
}

#[test]
fn a_fork_at_a_checkpoint_needs_no_data_of_the_run() {
    let bench = Bench::new();
    run_on(&bench, "t.csv", "10");
    fs::rename(bench.path("t.csv"), bench.path("u.csv")).unwrap();
    let args = ["fork", "r", "--at", "5", "--set", "data.path=u.csv", "-q", "--out", "f"];
    let forked = bench.done(&args);
    assert!(!forked.stderr.contains("others"), "the examples are the same: {}", forked.stderr);
    assert_eq!(last_loss(&bench, "f"), last_loss(&bench, "r"));
}

#[test]
fn new_tables_are_measured_by_what_the_run_learned() {
    let bench = Bench::new();
    bench.write("t.csv", table(&ROWS));
    bench.done(&train("r", &["data.path=t.csv", "steps=200"]));
    // Between 2 and 8 lies the border, so all are `top`; by themselves half of them would lie below their mean.
    bench.write("new.csv", table(&[(9.0, "top"), (11.0, "top"), (30.0, "top")]));
    for more in [&[][..], &["--params", "r/params.safetensors"]] {
        let args = [&["measure", "r", "--json", "--set", "data.path=new.csv"][..], more].concat();
        let measured: serde_json::Value = serde_json::from_str(&bench.done(&args).stdout).unwrap();
        assert_eq!((&measured["train"]["accuracy"], &measured["examples"]), (&1.0.into(), &3.into()), "{more:?}");
    }
    // The file of parameters knows it, too.
    bench.write("new.toml", "[data]\nname = \"csv\"\npath = \"new.csv\"\n[model]\nname = \"linear\"\n");
    let args = ["measure", "new.toml", "--json", "--params", "r/params.safetensors"];
    let measured: serde_json::Value = serde_json::from_str(&bench.done(&args).stdout).unwrap();
    assert_eq!(measured["train"]["accuracy"], 1.0);
    // A part of the run's own examples is scaled as all of them were.
    let args = ["measure", "r", "--json", "--set", "data.first=2"];
    let part: serde_json::Value = serde_json::from_str(&bench.done(&args).stdout).unwrap();
    assert_eq!((&part["train"]["accuracy"], &part["examples"]), (&1.0.into(), &2.into()));
    bench.write("new.csv", table(&[(9.0, "top"), (11.0, "other")]));
    let unknown = bench.run(&["measure", "r", "--set", "data.path=new.csv"]);
    assert!(refused(&unknown).contains("`other`"), "{}", unknown.stderr);
    // A file that changed in its place is not taken for what it was.
    bench.write("t.csv", table(&[(0.0, "low"), (2.0, "top"), (8.0, "low"), (10.0, "top")]));
    let text = bench.run(&["measure", "r"]);
    assert!(refused(&text).contains("the examples are not those that the run was trained on"), "{}", text.stderr);
    bench.done(&["measure", "r", "--set", "data.path=t.csv"]);
}

#[test]
fn a_language_model_speaks_the_letters_that_it_has_learned() {
    let bench = Bench::new();
    bench.write("t.txt", "opqr rqpo ".repeat(30));
    let sets = [
        "data=text",
        "data.path=t.txt",
        "data.context=6",
        "model=nanolm",
        "model.depth=1",
        "model.width=8",
        "model.heads=1",
        "model.qkv=8",
        "model.mlp=8",
        "steps=3",
    ];
    let sets = sets.iter().flat_map(|set| ["--set", set]);
    bench.done(&["train", "-q", "--out", "r"].into_iter().chain(sets).collect::<Vec<_>>());
    let spoken = bench.done(&["generate", "r", "-n", "30"]).stdout;
    assert!(spoken.trim_end_matches('\n').chars().all(|c| "opqr ".contains(c)), "{spoken}");
    bench.write("t.txt", "stuv vuts ".repeat(30));
    assert_eq!(bench.done(&["generate", "r", "-n", "30"]).stdout, spoken);
    fs::remove_file(bench.path("t.txt")).unwrap();
    assert_eq!(bench.done(&["generate", "r", "-n", "30"]).stdout, spoken);
    fs::copy(bench.path("r/params.safetensors"), bench.path("p.safetensors")).unwrap();
    let spec = bench.read("r/spec.toml");
    bench.write("s.toml", spec.split("\n# Where").next().unwrap());
    assert_eq!(bench.done(&["generate", "s.toml", "--params", "p.safetensors", "-n", "30"]).stdout, spoken);
}

#[test]
fn runs_on_different_data_are_not_put_side_by_side_in_silence() {
    let bench = Bench::new();
    run_on(&bench, "t.csv", "3");
    bench.write("t.csv", table(&ROWS[1..]));
    bench.done(&train("s", &["data.path=t.csv", "steps=3"]));
    let told = "note: these runs saw different data, so their losses do not compare directly\n";
    let compared = bench.done(&["runs", "compare", "r", "s"]);
    assert_eq!(compared.stderr, told);
    assert!(compared.stdout.contains("provenance.data_sha256"), "{}", compared.stdout);
    assert_eq!(bench.done(&["plot", "r", "s", "-o", "p.svg"]).stderr, told);
    assert_eq!(bench.done(&["plot", "r", "r", "-o", "q.svg"]).stderr, "");
}

#[test]
fn categories_of_other_names_are_other_data() {
    let bench = Bench::new();
    let rows = |names: [&str; 3]| {
        let lines = (0..12).map(|i| format!("{},{},{}\n", names[i % 3], i * i % 7, if i % 3 == 1 { "p" } else { "q" }));
        std::iter::once("c,x,y\n".to_owned()).chain(lines).collect::<String>()
    };
    bench.write("t.csv", rows(["Bonn", "Kiel", "Ulm"]));
    bench.done(&train("r", &["data.path=t.csv", "steps=6"]));
    // The inputs are the same numbers.
    bench.write("u.csv", rows(["Kiel", "Trier", "Ulm"]));
    let unknown = bench.run(&["measure", "r", "--set", "data.path=u.csv"]);
    assert!(refused(&unknown).contains("Trier"), "{}", unknown.stderr);
    bench.write("t.csv", rows(["Kiel", "Trier", "Ulm"]));
    let changed = bench.run(&["resume", "r", "--steps", "8", "-q"]);
    assert!(refused(&changed).contains("the examples are not those that the run was trained on"), "{}", changed.stderr);
}

#[test]
fn a_number_that_marks_what_is_missing_does_so_in_any_spelling() {
    let bench = Bench::new();
    bench.write("t.csv", "x,y\n1,a\n-99.0,b\n3,a\n-99,b\n-9.9e1,a\n7,b\n");
    let sets = ["data=csv", "data.path=t.csv", "data.missing=mean", "data.missing_marks=[\"-99\"]"];
    let args: Vec<&str> = ["data", "--json"].into_iter().chain(sets.iter().flat_map(|set| ["--set", set])).collect();
    let shown: serde_json::Value = serde_json::from_str(&bench.done(&args).stdout).unwrap();
    assert_eq!(shown["table"]["columns"][0]["missing"], 3, "{shown}");
}

#[cfg(unix)]
#[test]
fn images_that_were_exchanged_are_not_taken_from_the_cache() {
    use std::time::{Duration, SystemTime};
    let bench = Bench::new();
    let grey = |level: u8| {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, 4, 4);
        encoder.set_color(png::ColorType::Grayscale);
        // No filter and no packing, so that all have one size.
        encoder.set_compression(png::Compression::NoCompression);
        encoder.write_header().unwrap().write_image_data(&[level; 16]).unwrap();
        bytes
    };
    let past = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    let put = |class: &str, level: u8| {
        fs::create_dir_all(bench.path(&format!("images/{class}"))).unwrap();
        let path = bench.path(&format!("images/{class}/1.png"));
        fs::write(&path, grey(level)).unwrap();
        fs::File::options().write(true).open(&path).unwrap().set_modified(past).unwrap();
        fs::metadata(path).unwrap().len()
    };
    let read = || {
        let sets = ["data=image-folder", "data.path=images", "data.size=4", "data.scale=none"];
        let args: Vec<&str> = ["data", "--json", "--cache", "cache"]
            .into_iter()
            .chain(sets.iter().flat_map(|set| ["--set", set]))
            .collect();
        let shown: serde_json::Value = serde_json::from_str(&bench.done(&args).stdout).unwrap();
        shown["train"]["inputs"]["largest"].as_f64().unwrap()
    };
    let sizes = (put("a", 10), put("b", 40));
    assert_eq!(read(), 40.0);
    assert_eq!(
        (put("a", 90), put("b", 20)),
        sizes,
        "nothing but their content tells them apart, and when that changed"
    );
    assert_eq!(read(), 90.0);
}
