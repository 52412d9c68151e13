//! What a terminal shows fits it. `script` makes one; where it is missing, nothing is tried.
#![cfg(target_os = "linux")]

use std::process::{Command, Stdio};

use crate::bench::{Bench, program};

/// The lines that a terminal of so many columns is sent by standard output, without what moves its cursor.
fn shown(bench: &Bench, columns: usize, args: &str) -> Option<Vec<String>> {
    let line = format!("stty cols {columns} rows 50; exec '{}' {args} 2> messages", program().display());
    let mut script = Command::new("script");
    script.args(["-qec", &line, "/dev/null"]).current_dir(bench.path("")).stdin(Stdio::null());
    let output = script.output().ok()?;
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{args}: {text}{}", bench.read("messages"));
    Some(text.split(['\r', '\n']).filter(|line| !line.is_empty()).map(str::to_owned).collect())
}

#[test]
fn tables_and_sentences_fit_and_break_between_words() {
    let bench = Bench::new();
    let name = "name=a rather long name of a run";
    for seed in ["seed=1", "seed=2"] {
        bench.done(&["train", "a.toml", "-q", "--set", name, "--set", seed, "--set", "data.test_fraction=0.3"]);
    }
    let sweep = bench.read("a.toml").replace("rate = 0.1", "rate = [0.1, 0.2]");
    bench.write("s.toml", sweep + "[sweep]\nrepeats = 2\n");
    bench.done(&["sweep", "s.toml", "-q", "--root", "swept"]);
    let (one, two) = ("a-rather-long-name-of-a-run", "a-rather-long-name-of-a-run-2");
    for columns in [40, 80, 140] {
        for args in [
            "runs",
            "runs --columns id,name,digest,status,tuner,folder,final_loss",
            &format!("runs compare {one} {two}"),
            &format!("evaluate {one}"),
            "sweep s.toml --root swept --table-only",
            "train a.toml -q",
            "compare a.toml -q --set 'seed=[5, 6]'",
            "explain cdat",
            "theory figure-9",
            "figure 9 -q --preset tiny",
            "list tuners",
        ] {
            let Some(lines) = shown(&bench, columns, args) else { return };
            assert!(!lines.is_empty(), "{args}");
            let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
            for line in &lines {
                let longest = words(line).iter().map(|word| word.chars().count()).max().unwrap_or(0);
                // A path or a number stays whole; beside it stands at most an indent.
                let fits = line.chars().count() <= columns || longest + 6 > columns;
                assert!(fits, "{columns} columns, {args}: {line}");
            }
        }
    }
    // Elsewhere nothing is left out.
    let piped = bench.done(&["runs"]).stdout;
    assert!(piped.lines().next().unwrap().ends_with("started              tags"), "{piped}");
}

#[test]
fn what_is_left_out_is_said_and_what_matters_stays() {
    let bench = Bench::new();
    bench.done(&["train", "a.toml", "-q"]);
    let Some(lines) = shown(&bench, 40, "runs") else { return };
    assert!(lines[0].starts_with("folder") && lines[0].contains("status") && lines[0].ends_with("final_loss"));
    assert!(lines[2].starts_with("(no room for the columns id, steps,"), "{lines:?}");
    let Some(lines) = shown(&bench, 60, "runs --columns folder,status,digest") else { return };
    assert!(lines[0].ends_with("status") && lines[2] == "(no room for the column digest)", "{lines:?}");
}
