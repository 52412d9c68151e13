use crate::bench::Bench;

/// The one line that the program ends with.
#[track_caller]
fn refused(bench: &Bench, args: &[&str]) -> String {
    let output = bench.run(args);
    assert_eq!(output.code, Some(2), "{args:?}: {}", output.stderr);
    assert!(output.stdout.is_empty());
    assert!(!bench.path("runs").exists(), "nothing is written for a run that cannot start");
    output.stderr.trim_end().to_owned()
}

#[test]
fn wrong_specs_name_file_key_and_remedy() {
    let bench = Bench::new();
    let spec = bench.read("a.toml");
    for (from, to, message) in [
        ("steps", "stpes", "error: a.toml: spec: unknown key `stpes`, expected one of its settings; try `steps`"),
        ("[tuner]", "[tunr]", "error: a.toml: spec: unknown key `[tunr]`, expected one of its settings; try `tuner`"),
        (
            "constant",
            "constnt",
            "error: a.toml: unknown tuner `constnt`, expected one of the known names; try `constant`",
        ),
        ("rate", "rte", "error: a.toml: tuner: unknown key `rte`, expected one of its settings; try `rate`"),
        ("0.1", "\"fast\"", "error: a.toml: tuner.rate: expected a number, got \"fast\""),
        ("12", "0", "error: a.toml: spec.steps: expected 1 or more, got 0"),
        ("12", "1.5", "error: a.toml: spec.steps: expected a whole number, got 1.5"),
        ("[4]", "[4", "error: a.toml:"),
        (
            "0.1",
            "[0.1, 0.2]",
            "error: a.toml: tuner.rate: expected one value, got [0.1, 0.2]; a list spans a grid of runs",
        ),
    ] {
        bench.write("a.toml", spec.replacen(from, to, 1));
        let line = refused(&bench, &["train", "a.toml"]);
        assert!(line.starts_with(message), "{line}");
        assert_eq!(line.lines().count(), 1, "{line}");
    }
}

#[test]
fn wrong_flags_are_named() {
    let bench = Bench::new();
    let set = |assignment: &str| refused(&bench, &["train", "a.toml", "--set", assignment]);
    assert_eq!(set("tuner.rate=fast"), "error: --set: tuner.rate: expected a number, got \"fast\"");
    assert_eq!(set("tunr=cdat"), "error: --set: spec: unknown key `tunr`, expected one of its settings; try `tuner`");
    assert!(set("tuner.rate").contains("got no `=`"));
    assert!(refused(&bench, &["train", "b.toml"]).starts_with("error: b.toml: cannot read: "));
    let clap = bench.run(&["trian"]);
    assert_eq!(clap.code, Some(2));
    assert!(clap.stderr.contains("'train'"), "{}", clap.stderr);
}

#[test]
fn a_batch_larger_than_the_data_is_refused() {
    let bench = Bench::new();
    assert_eq!(
        refused(&bench, &["train", "a.toml", "--set", "batch=31"]),
        "error: batch: expected at most 30, the number of examples, got 31; try leaving it out: all of them"
    );
}

#[test]
fn a_loss_must_suit_the_data() {
    let bench = Bench::new();
    let line = refused(&bench, &["train", "a.toml", "--set", "data=red-wine", "--set", "data.target=values"]);
    assert!(line.contains("cross-entropy"), "{line}");
}

#[test]
#[cfg(unix)]
fn what_cannot_be_written_has_its_own_advice() {
    use onedge_record::Error;
    let message = |kind: std::io::ErrorKind| {
        Error::write(std::path::Path::new("runs/a"))(kind.into()).to_string().rsplit_once("; ").unwrap().1.to_owned()
    };
    assert_eq!(message(std::io::ErrorKind::StorageFull), "try another place, or make room");
    assert_eq!(message(std::io::ErrorKind::PermissionDenied), "try another place, or change its permissions");
    let bench = Bench::new();
    let missing = bench.run(&["train", "a.toml", "-q", "--save-params", "missing/p"]);
    assert!(missing.stderr.ends_with("; try a folder that there is\n"), "{}", missing.stderr);
}

#[test]
fn unwritable_places_are_named() {
    let bench = Bench::new();
    for args in [
        ["train", "a.toml", "-q", "--out", "a.toml/inside"],
        ["train", "a.toml", "-q", "--save-params", "missing/p.safetensors"],
    ] {
        let output = bench.run(&args);
        assert_eq!(output.code, Some(1), "{}", output.stderr);
        assert!(output.stderr.contains(&format!("{}: cannot write: ", args[4])), "{}", output.stderr);
    }
    assert!(!bench.path("runs").exists(), "found before training");
}
