//! Schedules that do not fit the steps are told before the first of them.

use crate::bench::Bench;

const COSINE: [&str; 4] = ["--set", "tuner=warmup-cosine", "--set", "tuner.rate=0.2"];

fn warnings(text: &str) -> Vec<&str> {
    text.lines().filter(|line| line.starts_with("warning: ")).collect()
}

#[test]
fn a_schedule_that_ends_before_the_run_is_told_by_every_command() {
    let bench = Bench::new();
    let over = "warning: tuner.horizon: the schedule ends at step 9 of 30, so the rate is 0 at the last 21 steps; try \
                `tuner.horizon = 30`";
    let flags = [&COSINE[..], &["--set", "tuner.horizon=9", "--set", "steps=30"]].concat();
    let trained = bench.done(&[&["train", "a.toml", "-q", "--out", "run"], &flags[..]].concat());
    assert_eq!(warnings(&trained.stderr), [over]);
    // And at the end, by what the rates were.
    assert!(trained.stdout.contains("warning: the rate was 0 from step 9 on, so the last 21 of 30 steps moved"));
    assert!(bench.read("run/summary.json").contains("\"finding\": \"stopped\""));
    let planned = bench.done(&[&["plan", "a.toml"], &flags[..]].concat());
    assert_eq!(warnings(&planned.stderr), [over]);
    let compared = bench.done(&[&["compare", "a.toml", "-q"], &flags[..], &["--set", "seed=[1, 2, 3]"]].concat());
    let also = over.replace("; try", ", and so in 2 other runs; try");
    assert_eq!(warnings(&compared.stderr), [also]);
    bench.write("s.toml", bench.read("a.toml") + "[sweep]\nrepeats = 2\n");
    let swept = bench.done(&[&["sweep", "s.toml", "-q"], &flags[..]].concat());
    assert_eq!(warnings(&swept.stderr), [over.replace("; try", ", and so in another run; try")]);
    let fits = bench.done(&[&["train", "a.toml", "-q"], &flags[..], &["--set", "tuner.horizon=30"]].concat());
    assert!(warnings(&fits.stderr).is_empty() && !fits.stdout.contains("warning"), "{}", fits.stderr);
}

/// A run that goes on has the schedule that it had: what mends it is a fork.
#[test]
fn a_run_taken_further_than_its_schedule_is_told_what_helps() {
    let bench = Bench::new();
    let flags = [&COSINE[..], &["--set", "tuner.horizon=12", "--set", "checkpoint_every=6"]].concat();
    bench.done(&[&["train", "a.toml", "-q", "--out", "run"], &flags[..]].concat());
    let resumed = bench.done(&["resume", "run", "-q", "--steps", "20"]);
    assert_eq!(
        warnings(&resumed.stderr),
        [
            "warning: tuner.horizon: the schedule ends at step 12 of 20, so the rate is 0 at the last 8 steps; try `onedge \
          fork run --at 12 --set tuner.horizon=...` for another"
        ]
    );
    let forked = bench.done(&["fork", "run", "-q", "--at", "12", "--set", "tuner.horizon=20", "--set", "steps=20"]);
    assert!(warnings(&forked.stderr).is_empty(), "{}", forked.stderr);
}

#[test]
fn every_schedule_that_does_not_fit_is_told() {
    let bench = Bench::new();
    for (settings, expected) in [
        ("tuner=warmup-linear tuner.rate=0.1 tuner.horizon=400", "tuner.horizon: the warm-up takes 40 steps and"),
        ("tuner=warmup-constant tuner.rate=0.1 tuner.horizon=200", "tuner.horizon: the warm-up takes 20 steps and"),
        (
            "tuner=warmup-linear tuner.rate=0.1 tuner.horizon=30",
            "tuner.horizon: the run ends at step 12 of a schedule of",
        ),
        ("tuner=step tuner.rate=0.1 tuner.period=12", "tuner.period: the rate is first cut at step 12"),
        (
            "tuner=step tuner.rate=0.1 tuner.period=1 tuner.factor=0.05",
            "tuner.factor: the rate is below 1e-8 of its first value from step 7",
        ),
        (
            "tuner=exponential tuner.rate=0.1 tuner.factor=0.05",
            "tuner.factor: the rate is below 1e-8 of its first value",
        ),
        (
            "optimizer=schedule-free-sgd optimizer.warmup=13",
            "optimizer.warmup: the warm-up takes 13 steps and the run has",
        ),
    ] {
        let set = settings.split(' ').flat_map(|setting| ["--set", setting]).collect::<Vec<_>>();
        let output = bench.run(&[&["plan", "a.toml"], &set[..]].concat());
        assert_eq!(output.code, Some(0), "{settings}: {}", output.stderr);
        let [line] = warnings(&output.stderr)[..] else { panic!("{settings}: {}", output.stderr) };
        assert!(line.starts_with(&format!("warning: {expected}")) && line.contains("; try "), "{line}");
    }
}

/// A share of the steps is rounded, and how is said.
#[test]
fn how_long_a_warm_up_is_is_said_before_the_first_step() {
    let bench = Bench::new();
    for (horizon, expected) in [
        ("25", "tuner: warmup-cosine, peak 0.2: warm-up over 3 of 25 steps, rounded from 2.5\n"),
        ("30", "tuner: warmup-cosine, peak 0.2: warm-up over 3 of 30 steps\n"),
        ("4", "tuner: warmup-cosine, peak 0.2: warm-up over 0 of 4 steps, rounded from 0.4\n"),
    ] {
        let (steps, horizon) = (format!("steps={horizon}"), format!("tuner.horizon={horizon}"));
        let flags = [&COSINE[..], &["--set", &steps, "--set", &horizon]].concat();
        let trained = bench.done(&[&["train", "a.toml"], &flags[..]].concat());
        assert!(trained.stderr.contains(expected), "{}", trained.stderr);
    }
    assert!(bench.done(&["explain", "warmup-cosine"]).stdout.contains("rounded to the nearest whole step"));
}
