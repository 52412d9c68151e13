//! Requests beyond any measure end at once, with a sentence.

use crate::bench::Bench;

fn list(n: usize) -> String {
    format!("{:?}", (0..n).collect::<Vec<_>>())
}

#[test]
fn a_grid_is_counted_before_it_is_grown() {
    let bench = Bench::new();
    let grid = |bench: &Bench| bench.read("a.toml").replace("seed = 3", &format!("seed = {}", list(300)));
    let grown = grid(&bench).replace("rate = 0.1", &format!("rate = {}", list(400)));
    bench.write("grid.toml", grown.replace("sharpness_every = 5", &format!("sharpness_every = {}", list(80))));
    let compared = bench.run(&["compare", "grid.toml"]);
    assert_eq!(compared.code, Some(2));
    assert_eq!(
        compared.stderr,
        "error: grid.toml: the lists span a grid of 9600000 runs, expected at most 10000; try shorter lists\n"
    );
    let swept = bench.run(&["sweep", "grid.toml"]);
    assert_eq!(swept.code, Some(2));
    assert_eq!(
        swept.stderr,
        "error: grid.toml: sweep.limit: expected at most 10000 runs, got 9600000; try shorter lists, or a higher limit\n"
    );
    assert!(!bench.path("runs").exists());
}

#[test]
fn lanes_that_no_memory_holds_are_named() {
    let bench = Bench::new();
    let output = bench.run(&["train", "a.toml", "--set", "engine.lanes=100000000000000"]);
    assert_eq!(output.code, Some(2), "{}", output.stderr);
    let (_, advice) = output.stderr.split_once("; try ").unwrap();
    assert!(advice.starts_with("engine.lanes = "), "{}", output.stderr);
}

#[test]
#[cfg(unix)]
fn text_without_end_stops_when_nobody_reads() {
    use std::io::Read;
    use std::process::Stdio;

    let bench = Bench::new();
    bench.write("speaker.toml", SPEAKER);
    bench.done(&["train", "speaker.toml", "-q", "--out", "run"]);
    let endless = ["generate", "run", "-n", "99999999999999", "--seed", "5"];
    let mut child = bench.command(&endless).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut heard = [0; 40];
    child.stdout.take().unwrap().read_exact(&mut heard).unwrap();
    let ended = child.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(0), "{}", String::from_utf8_lossy(&ended.stderr));
    let short = bench.done(&["generate", "run", "-n", "80", "--seed", "5"]).stdout;
    assert!(short.as_bytes().starts_with(&heard), "{short}");
}

const SPEAKER: &str = "\
steps = 2
[data]
name = \"cicero\"
context = 8
first = 40
[model]
name = \"nanolm\"
depth = 1
width = 8
heads = 2
qkv = 8
mlp = 8
[tuner]
name = \"constant\"
rate = 0.1
";
