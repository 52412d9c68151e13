//! Completions in a real bash, and what other shells are answered.
#![cfg(unix)]

use std::process::Command;

use crate::bench::{Bench, output, program};

/// What bash offers after this line, as its own machinery has it. `None` where there is no bash.
fn offered(bench: &Bench, line: &str) -> Option<Vec<String>> {
    // Words as readline parts them: at blanks, and `=` and `:` are words of their own.
    const ASK: &str = r#"
        source onedge.bash
        COMP_LINE="$1"; COMP_POINT=${#1}; COMP_TYPE=9; COMP_WORDS=(); rest="$1"
        while [[ "$rest" =~ ^[[:space:]]*([=:]+|[^[:space:]=:]+)(.*)$ ]]; do
            COMP_WORDS+=("${BASH_REMATCH[1]}"); rest="${BASH_REMATCH[2]}"
        done
        [[ "$1" == *[[:space:]] ]] && COMP_WORDS+=("")
        COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
        current="${COMP_WORDS[COMP_CWORD]}"
        _onedge onedge "${current//[=:]/}" "${COMP_WORDS[COMP_CWORD-1]}"
        (( ${#COMPREPLY[@]} )) && printf '%s\n' "${COMPREPLY[@]}"
        true
    "#;
    Command::new("bash").arg("--version").output().ok()?;
    let path = format!("{}:{}", program().parent().unwrap().display(), std::env::var("PATH").unwrap());
    let mut bash = Command::new("bash");
    let asked = output(bash.args(["-c", ASK, "bash", line]).env("PATH", path).current_dir(bench.path("")));
    assert_eq!((asked.code, &asked.stderr[..]), (Some(0), ""), "{line}");
    Some(asked.stdout.lines().map(str::to_owned).collect())
}

#[test]
fn bash_offers_commands_runs_keys_and_values() {
    let bench = Bench::new();
    bench.done(&["train", "a.toml", "-q", "--set", "name=alpha"]);
    bench.done(&["train", "a.toml", "-q", "--set", "name=alpine"]);
    bench.write("onedge.bash", bench.done(&["completions", "bash"]).stdout);
    for (line, expected) in [
        ("onedge pl", &["plan", "plot"][..]),
        ("onedge resume alp", &["alpha", "alpine"]),
        ("onedge runs compare alpha alpi", &["alpine"]),
        ("onedge train a.to", &["a.toml"]),
        ("onedge train --set tuner.sig", &["tuner.sigma="]),
        ("onedge train --set precision=", &["f32", "f64"]),
        ("onedge train --set tuner=gre", &["greedy"]),
        ("onedge train --set model.activation=rel", &["relu"]),
        ("onedge train --set data.path=a.t", &["a.toml"]),
        ("onedge sweep --set ~check", &["~checkpoint_every", "~checkpoint_keep", "~checkpoint_minutes"]),
        ("onedge explain schedule-free-s", &["schedule-free-sgd"]),
        ("onedge list optim", &["optimizers"]),
        ("onedge theory figure-1", &["figure-1", "figure-10", "figure-11"]),
        ("onedge compare --metric test.a", &["test.accuracy"]),
    ] {
        let Some(mut got) = offered(&bench, line) else { return };
        got.sort();
        let missing = expected.iter().find(|name| !got.contains(&(**name).to_owned()));
        assert!(missing.is_none() && got.len() < 12, "{line}: {got:?}");
    }
    let Some(none) = offered(&bench, "onedge train --set precision=x") else { return };
    assert!(none.is_empty(), "{none:?}");
}

#[test]
fn every_shell_gets_a_script_that_asks_the_program() {
    let bench = Bench::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = bench.done(&["completions", shell]).stdout;
        assert!(script.contains("onedge") && script.contains("COMPLETE"), "{shell}: {script}");
    }
    for shell in ["zsh", "fish"] {
        let words = ["--", "onedge", "train", "--set", "tuner=gre"];
        let mut asked = bench.command(&words);
        let answer = output(asked.env("COMPLETE", shell).env("_CLAP_COMPLETE_INDEX", "3")).stdout;
        assert!(answer.contains("tuner=greedy"), "{shell}: {answer}");
    }
}
