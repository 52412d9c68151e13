//! The examples in the help of every command work.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::bench::{Bench, output, program};

const SPEC: &str = "\
steps = 60
checkpoint_every = 20
[data]
name = \"digits\"
first = 200
side = 4
test_fraction = 0.2
[model]
hidden = [16]
";

const SPEAKER: &str = "\
name = \"cicero\"
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
";

/// The commands below `path`, as its help lists them.
fn commands(bench: &Bench, path: &[&str]) -> Vec<String> {
    let help = bench.done(&[path, &["--help"]].concat()).stdout;
    let Some((_, list)) = help.split_once("Commands:\n") else { return Vec::new() };
    let lines = list.lines().take_while(|line| !line.is_empty());
    // Summaries that go on are further to the right.
    let names = lines.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    names.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help").map(str::to_owned).collect()
}

fn prepared() -> Bench {
    let bench = Bench::new();
    bench.write("spec.toml", SPEC);
    bench.write("sweep.toml", SPEC.replace("[model]", "[tuner]\nsigma = [1.5, 2.0]\n[model]") + "[sweep]\n");
    bench.write("cicero.toml", SPEAKER);
    let rows: String =
        (0..40).map(|row| format!("{}.5,{},{}\n", row % 7, row * 3 % 11, ["red", "white"][row % 2])).collect();
    bench.write("wine.csv", format!("acid,sugar,kind\n{rows}"));
    bench.write("new.csv", "acid,sugar,kind\n1.5,2,red\n3.5,7,white\n");
    bench.done(&["train", "spec.toml", "-q"]);
    bench.done(&["train", "spec.toml", "-q", "--set", "tuner=greedy"]);
    bench.done(&["train", "spec.toml", "-q", "--set", "name=old"]);
    bench.run(&["train", "cicero.toml", "-q"]);
    let table =
        ["data=csv", "data.path=wine.csv", "data.test_fraction=0.25", "model.hidden=[4]", "name=wine", "steps=8"];
    let set: Vec<&str> = table.iter().flat_map(|setting| ["--set", setting]).collect();
    bench.run(&[&["train", "-q"], &set[..]].concat());
    bench
}

/// Whether a server says where it is; it ends with the test.
#[cfg(unix)]
fn serves(example: &str, bench: &Bench, path: &str) -> bool {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("exec {example}")]).current_dir(bench.path("")).env("PATH", path);
    let mut server = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
    server.kill().unwrap();
    server.wait().unwrap();
    line.starts_with("runs is served at http://127.0.0.1:")
}

#[test]
#[cfg(unix)]
fn every_command_has_an_example_that_works() {
    let bench = prepared();
    let mut examples = Vec::new();
    for name in commands(&bench, &[]) {
        let below = commands(&bench, &[&name]);
        let paths = std::iter::once(vec![name.clone()]).chain(below.into_iter().map(|own| vec![name.clone(), own]));
        for path in paths {
            let path: Vec<&str> = path.iter().map(String::as_str).collect();
            let help = bench.done(&[&path[..], &["--help"]].concat()).stdout;
            let own: Vec<String> = help
                .lines()
                .filter_map(|line| line.strip_prefix("  onedge "))
                .map(|line| format!("onedge {line}"))
                .collect();
            assert!(!own.is_empty(), "no example in the help of {path:?}: {help}");
            examples.extend(own);
        }
    }
    let folder = program().parent().map(Path::display).unwrap();
    let path = format!("{folder}:{}", std::env::var("PATH").unwrap());
    for example in examples {
        if example.starts_with("onedge serve") {
            assert!(serves(&example, &bench, &path), "{example}");
            continue;
        }
        let ended = output(Command::new("sh").args(["-c", &example]).current_dir(bench.path("")).env("PATH", &path));
        assert_eq!(ended.code, Some(0), "{example}: {}{}", ended.stdout, ended.stderr);
    }
}
