//! Sweeps: several processes, kills, Ctrl-C, and what is left.

use crate::bench::{Bench, Output, SPEC};

/// Two batch sizes, three rates, two seeds.
fn grid(bench: &Bench) {
    let spec =
        SPEC.replace("seed = 3", "seed = [3, 4]\nbatch = [10, 15]").replace("rate = 0.1", "rate = [0.05, 0.1, 0.2]");
    bench.write("grid.toml", spec + "[engine]\nthreads = 1\n");
}

/// Finished runs, and all other folders that runs left.
fn folders(bench: &Bench, root: &str) -> (Vec<String>, Vec<String>) {
    let names = bench.names(root).into_iter().filter(|name| name.starts_with("constant-"));
    names.partition(|name| !name.contains('.'))
}

/// How many runs a worker did, by its last lines.
fn done_now(output: &Output) -> usize {
    let (before, _) = output.stdout.split_once(" of them now").unwrap_or_else(|| panic!("{}", output.stdout));
    before.rsplit(' ').next().unwrap().parse().unwrap()
}

#[test]
fn two_processes_share_a_sweep() {
    let bench = Bench::new();
    grid(&bench);
    let start = || {
        bench
            .command(&["sweep", "grid.toml", "-q", "--root", "r"])
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap()
    };
    let (one, two) = (start(), start());
    let outputs = [one, two].map(|child| {
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        let stdout = String::from_utf8(output.stdout).unwrap();
        assert!(stdout.contains("12 runs: 12 done, 0 diverged, 0 given up, 0 open"), "{stdout}");
        Output { code: Some(0), stdout, stderr: String::new() }
    });
    assert_eq!(outputs.iter().map(done_now).sum::<usize>(), 12);
    let (done, others) = folders(&bench, "r");
    assert_eq!((done.len(), others.len()), (12, 0), "{done:?} {others:?}");
    let before: Vec<_> = done.iter().map(|name| bench.read(&format!("r/{name}/steps.jsonl"))).collect();
    assert_eq!(done_now(&bench.done(&["sweep", "grid.toml", "-q", "--root", "r", "--jobs", "2"])), 0);
    let after: Vec<_> = done.iter().map(|name| bench.read(&format!("r/{name}/steps.jsonl"))).collect();
    assert_eq!(before, after);
    assert_eq!(std::fs::read_dir(bench.path("r/.claims")).unwrap().count(), 0);
}

#[test]
fn array_shares_are_disjoint_and_complete() {
    let bench = Bench::new();
    grid(&bench);
    let mut all = 0;
    for index in 1..=5 {
        let output = bench.done(&["sweep", "grid.toml", "-q", "--root", "r", "--array", &format!("{index}/5")]);
        let done = done_now(&output);
        assert!((2..=3).contains(&done));
        all += done;
        assert!(
            output.stdout.contains(&format!("{all} done, 0 diverged, 0 given up, {} open", 12 - all)),
            "{}",
            output.stdout
        );
    }
    assert_eq!((all, folders(&bench, "r").0.len()), (12, 12));
}

#[test]
fn tables_and_maps_tell_the_best() {
    let bench = Bench::new();
    grid(&bench);
    let output = bench.done(&["sweep", "grid.toml", "-q"]);
    let files =
        ["made-by-onedge.txt", "map.csv", "map.png", "map.svg", "plan.json", "points.txt", "runs.csv", "table.txt"];
    assert_eq!(bench.names("runs/grid.sweep"), files);
    let map = bench.read("runs/grid.sweep/map.csv");
    let rows: Vec<Vec<&str>> = map.lines().skip(1).map(|row| row.split(',').collect()).collect();
    assert_eq!(
        map.lines().next().unwrap(),
        "panel,tuner.rate,batch,point,final_loss / first_loss,standard_error,runs,diverged,given_up,best"
    );
    let places: Vec<_> = rows.iter().map(|row| (row[1], row[2], row[6])).collect();
    let expected = [10, 15].map(|batch| ["0.05", "0.1", "0.2"].map(|rate| (rate, batch)));
    let expected: Vec<_> =
        expected.iter().flatten().map(|(rate, batch)| (*rate, if *batch == 10 { "10" } else { "15" }, "2")).collect();
    assert_eq!(places, expected);
    // The best point of the table is the one of smallest final loss over both seeds, in the map and in the runs.
    let runs = bench.read("runs/grid.sweep/runs.csv");
    let column = |name: &str| runs.lines().next().unwrap().split(',').position(|heading| heading == name).unwrap();
    let cells = |row: &str| row.split(',').map(str::to_owned).collect::<Vec<_>>();
    let mut losses = std::collections::BTreeMap::<String, f64>::new();
    for row in runs.lines().skip(1).map(cells) {
        let point = format!("batch={} rate={}", row[column("batch")], row[column("tuner.rate")]);
        *losses.entry(point).or_default() += row[column("final_loss")].parse::<f64>().unwrap() / 2.0;
    }
    let best = losses.iter().min_by(|a, b| a.1.total_cmp(b.1)).unwrap().0;
    assert!(output.stdout.contains(&format!("\nconstant  {best} ")), "{best}: {}", output.stdout);
    assert_eq!(rows.iter().filter(|row| row[9] == "1").map(|row| row[3]).collect::<Vec<_>>(), [best]);
    let mean: f64 = rows.iter().find(|row| row[3] == best).unwrap()[4].parse().unwrap();
    let relative = |row: &Vec<String>| {
        row[column("final_loss")].parse::<f64>().unwrap() / row[column("first_loss")].parse::<f64>().unwrap()
    };
    let of_best =
        |row: &Vec<String>| format!("batch={} rate={}", row[column("batch")], row[column("tuner.rate")]) == *best;
    let expected = runs.lines().skip(1).map(cells).filter(of_best).map(|row| relative(&row)).sum::<f64>() / 2.0;
    assert!((mean - expected).abs() < 1e-12);
    // Drawn again from what is there, over other axes and of another value.
    let again = bench.done(&[
        "sweep",
        "grid.toml",
        "--table-only",
        "--map",
        "tuner.rate,batch,seed",
        "--value",
        "train.accuracy",
    ]);
    assert_eq!(again.stdout.split("\n12 runs").next(), output.stdout.split("\n12 runs").next());
    let map = bench.read("runs/grid.sweep/map.csv");
    assert_eq!((map.lines().count(), map.lines().filter(|row| row.starts_with("seed = 4,")).count()), (13, 6));
    assert!(bench.read("runs/grid.sweep/map.svg").contains(">train.accuracy<"));
}

#[test]
fn diverged_and_hopeless_runs_are_counted() {
    let bench = Bench::new();
    let spec = SPEC.replace("rate = 0.1", "rate = [0.5, 1e-9, 1e9, 0.4]").replace("seed = 3\n", "");
    bench.write("s.toml", format!("{spec}[sweep]\nstop = {{ at = [0.5], margin = 1.05 }}\n"));
    let output = bench.done(&["sweep", "s.toml", "--set", "steps=40"]);
    assert!(
        output.stdout.contains("4 runs: 2 done, 1 diverged, 1 given up, 0 open; 4 of them now"),
        "{}",
        output.stdout
    );
    assert!(output.stderr.contains("[2/4] constant rate=1e-9: given up at step 19, loss "), "{}", output.stderr);
    assert!(output.stdout.contains("given up at step 19\n"), "{}", output.stdout);
    // Without the rule that run is not at its end; alone it has no rival, and a diverged one is no best.
    let args = ["sweep", "s.toml", "-q", "--set", "steps=40", "--set", "~sweep.stop"];
    assert_eq!(done_now(&bench.done(&args)), 1);
    let alone = bench.run(&[&args[..], &["--set", "tuner.rate=1e9"]].concat());
    assert_eq!(alone.code, Some(1), "{}", alone.stderr);
}

#[test]
fn a_random_search_draws_the_same_again() {
    let bench = Bench::new();
    let spec = SPEC.replace("rate = 0.1", "rate = { log_uniform = { min = 1e-3, max = 1 } }");
    bench.write("s.toml", format!("{spec}[sweep]\nrandom = 4\n"));
    bench.done(&["sweep", "s.toml", "-q", "--root", "one"]);
    bench.done(&["sweep", "s.toml", "-q", "--root", "two"]);
    assert_eq!(folders(&bench, "one"), folders(&bench, "two"));
    assert_eq!(folders(&bench, "one").0.len(), 4);
    // Two sweeps of different content in one root.
    bench.write("t.toml", format!("{spec}[sweep]\nrandom = 3\nseed = 5\n"));
    assert_eq!(done_now(&bench.done(&["sweep", "t.toml", "-q", "--root", "one"])), 3);
    assert_eq!(folders(&bench, "one").0.len(), 7);
}

#[test]
fn mistakes_are_told_before_anything_is_run() {
    let bench = Bench::new();
    grid(&bench);
    bench.write("typo.toml", SPEC.to_owned() + "[sweep]\nrepeat = 3\n");
    bench.write("empty.toml", SPEC.replace("rate = 0.1", "rate = []"));
    bench.write(
        "bad.toml",
        SPEC.replace("rate = 0.1", "rate = { uniform = { min = 2, max = 1 } }") + "[sweep]\nrandom = 2\n",
    );
    for (args, expected) in [
        (
            &["typo.toml"][..],
            "error: typo.toml: sweep: unknown key `repeat`, expected one of its settings; try `repeats`\n",
        ),
        (
            &["grid.toml", "--set", "sweep.random=abc"],
            "error: grid.toml with --set: sweep.random: expected a whole number, 1 or more, got \"abc\"\n",
        ),
        (&["empty.toml"], "empty.toml: tuner.rate: expected one value or more, got an empty list"),
        (&["bad.toml"], "bad.toml: tuner.rate: expected min below max, got 2 and 1"),
        (&["missing.toml"], "missing.toml: cannot read"),
        (&["grid.toml", "--set", "tuner.rat=3"], "--set: tuner: unknown key `rat`"),
        (&["grid.toml", "--set", "batch=31"], "batch: expected at most 30"),
        (&["grid.toml", "--array", "5/4"], "expected I/N with I from 1 to N, like 2/8, got 5/4"),
        (&["grid.toml", "--array", "0/4"], "got 0/4"),
        (&["grid.toml", "--array", "all"], "got all"),
        (&["grid.toml", "--jobs", "0"], "0 is not in 1.."),
        (
            &["grid.toml", "--map", "tuner.rate"],
            "--map: expected two settings, or three, like tuner.sigma,batch, got tuner.rate",
        ),
        (&["grid.toml", "--map", "tuner.rate,bach"], "--map: expected settings of some run, like `batch`, got `bach`"),
        (&["grid.toml", "--map", "tuner.name,batch"], "--map: expected settings of numbers along the axes"),
        (
            &["grid.toml", "--value", "finalloss"],
            "--value: expected a number of the summaries, like test.accuracy or `final_loss`, got `finalloss`",
        ),
        (&["grid.toml", "--value", "test.accuracy"], "--value: expected final_loss, best_loss or one of "),
    ] {
        let output = bench.run(&[&["sweep"], args].concat());
        assert_eq!(output.code, Some(2), "{args:?}: {}", output.stderr);
        assert!(output.stderr.contains(expected), "{args:?}: {}", output.stderr);
        assert!(output.stdout.is_empty() && !bench.path("runs").exists(), "{args:?}");
    }
    let output = bench.run(&["train", "typo.toml"]);
    assert!(
        output.stderr.contains("[sweep]: expected one spec, got a sweep of many runs; try running it as a sweep"),
        "{}",
        output.stderr
    );
    // Known before there are summaries.
    let output = bench.run(&["sweep", "grid.toml", "-q", "--value", "test.acuracy"]);
    assert_eq!((output.code, bench.path("runs").exists()), (Some(2), false));
    assert!(output.stderr.contains("like test.accuracy or ") && output.stderr.contains("got `test.acuracy`"));
    let none = bench.run(&["sweep", "grid.toml", "--table-only", "--root", "elsewhere"]);
    assert_eq!(none.code, Some(1), "runs are open");
    assert!(
        none.stdout.contains("12 runs: 0 done, 0 diverged, 0 given up, 12 open\n") && !bench.path("elsewhere").exists()
    );
}

#[test]
fn a_damaged_run_is_named_and_done_again_while_others_stay() {
    let bench = Bench::new();
    grid(&bench);
    let sweep = ["sweep", "grid.toml", "-q", "--set", "checkpoint_every=5"];
    bench.done(&sweep);
    let (done, _) = folders(&bench, "runs");
    let file = |run: usize, name: &str| format!("runs/{}/{name}", done[run]);
    let whole = bench.read(&file(0, "steps.jsonl"));
    bench.write(&file(0, "summary.json"), "{\"name\":");
    bench.write(&file(1, "summary.json"), "\u{fffd}");
    std::fs::remove_dir_all(bench.path(&file(1, "checkpoints"))).unwrap();
    std::fs::remove_file(bench.path(&file(2, "steps.jsonl"))).unwrap();

    let table = bench.run(&[&sweep[..], &["--table-only"]].concat());
    assert_eq!(table.code, Some(1), "runs are open");
    assert!(table.stdout.contains("12 runs: 9 done, 0 diverged, 0 given up, 3 open\n"), "{}", table.stdout);
    for (run, name, what) in [(0, "summary.json", "EOF"), (1, "summary.json", "expected value"), (2, "steps.jsonl", "")]
    {
        let told = format!("warning: {}: cannot be read ({what}", file(run, name));
        assert!(table.stderr.contains(&told), "{told}: {}", table.stderr);
    }
    assert_eq!(table.stderr.matches("so the run counts as open; put the file back").count(), 3, "{}", table.stderr);

    let again = bench.done(&sweep);
    assert_eq!((done_now(&again), again.stderr.matches("so the run counts as open\n").count()), (3, 3));
    // What has its checkpoint is only summed up again; what has none is begun anew, with nothing removed.
    assert_eq!(bench.read(&file(0, "steps.jsonl")), whole);
    let (after, aside) = folders(&bench, "runs");
    assert_eq!((after, aside.clone()), (done.clone(), vec![format!("{}.abandoned-1", done[1])]));
    // One that lost its records alone has everything else.
    assert_eq!(bench.read(&file(2, "steps.jsonl")), "");
    assert_eq!(bench.read(&format!("runs/{}/summary.json", aside[0])), "\u{fffd}");
    assert_eq!(done_now(&bench.done(&sweep)), 0);

    // Interrupted, and then damaged: it goes on from its last checkpoint, without what is lost.
    let unfinished = format!("runs/{}.unfinished-0123456789ab", done[3]);
    std::fs::rename(bench.path(&format!("runs/{}", done[3])), bench.path(&unfinished)).unwrap();
    std::fs::remove_file(bench.path(&format!("{unfinished}/summary.json"))).unwrap();
    bench.write(&format!("{unfinished}/steps.jsonl"), format!("nothing\n{whole}").replacen(":0,", ":1,", 1));
    let again = bench.done(&["sweep", "grid.toml", "--set", "checkpoint_every=5"]);
    for said in [
        ": goes on from the checkpoint at step 12 of 12\n",
        "/steps.jsonl:1: no step record; kept in superseded.jsonl\n",
        "/steps.jsonl: no records of step 0; the run goes on without them\n",
    ] {
        assert!(again.stderr.contains(said), "{}", again.stderr);
    }
    assert_eq!(done_now(&again), 1);
    assert_eq!(folders(&bench, "runs").1.len(), 1);
}

#[cfg(unix)]
mod interrupted {
    use std::process::{Child, Command, Stdio};
    use std::time::{Duration, Instant};

    use super::*;

    /// A run of no time, and one that would take hours.
    fn begin(bench: &Bench) -> Child {
        bench.write("long.toml", SPEC.replace("steps = 12", "steps = [12, 1000000000]"));
        bench.command(&["sweep", "long.toml"]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Once the long run has records, the folder in which it lies.
    fn begun(bench: &Bench, but: &str) -> String {
        let started = Instant::now();
        loop {
            let names = if bench.path("runs").is_dir() { bench.names("runs") } else { Vec::new() };
            let unfinished = names.into_iter().find(|name| name.contains(".unfinished-") && name != but);
            let long = unfinished.filter(|name| {
                std::fs::read_to_string(bench.path(&format!("runs/{name}/spec.toml")))
                    .is_ok_and(|spec| spec.contains("steps = 1000000000"))
            });
            if let Some(name) = long
                && std::fs::metadata(bench.path(&format!("runs/{name}/steps.jsonl"))).is_ok_and(|file| file.len() > 0)
            {
                return name;
            }
            assert!(started.elapsed() < Duration::from_secs(120), "the run was not begun");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn interrupt(child: Child) -> String {
        assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(130));
        String::from_utf8(output.stderr).unwrap()
    }

    #[test]
    fn ctrl_c_leaves_everything_usable_and_the_next_time_goes_on() {
        let bench = Bench::new();
        let child = begin(&bench);
        let left = begun(&bench, "");
        interrupt(child);
        let (done, others) = folders(&bench, "runs");
        assert_eq!((done.len(), &others[..]), (1, &[left.clone()][..]));
        assert!(bench.read(&format!("runs/{left}/summary.json")).contains("\"interrupted\""));
        bench.done(&["export", &format!("runs/{left}")]);
        assert!(bench.read("runs/long.sweep/table.txt").contains("  1\n"), "one run is open");
        let before =
            std::fs::metadata(bench.path(&format!("runs/{}/summary.json", done[0]))).unwrap().modified().unwrap();
        let child = begin(&bench);
        let new = begun(&bench, &left);
        let told = interrupt(child);
        assert!(told.contains("constant steps=1000000000: goes on from the checkpoint at step "), "{told}");
        assert_eq!(folders(&bench, "runs"), (done.clone(), vec![new]));
        let after =
            std::fs::metadata(bench.path(&format!("runs/{}/summary.json", done[0]))).unwrap().modified().unwrap();
        assert_eq!(before, after);
    }

    #[test]
    fn the_run_of_a_killed_worker_is_taken_over() {
        let bench = Bench::new();
        let mut child = begin(&bench);
        let left = begun(&bench, "");
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(std::fs::read_dir(bench.path("runs/.claims")).unwrap().count(), 1);
        let pid = child.id();
        let child = begin(&bench);
        begun(&bench, &left);
        let told = interrupt(child);
        assert!(told.contains(&format!("constant steps=1000000000: taking over from process {pid} of ")), "{told}");
        let (base, _) = left.split_once(".unfinished-").unwrap();
        let records = std::fs::read_to_string(bench.path(&format!("runs/{base}.abandoned-1/steps.jsonl"))).unwrap();
        assert!(records.starts_with("{\"step\":0,"));
        assert_eq!(std::fs::read_dir(bench.path("runs/.claims")).unwrap().count(), 0);
    }
}
