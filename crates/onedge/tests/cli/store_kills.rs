//! Kills at any moment, while several processes write.
#![cfg(unix)]

use std::io::Read;
use std::process::{Child, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::bench::Bench;

/// Processes at a time.
const WRITERS: usize = 4;

#[test]
fn a_kill_at_any_moment_leaves_a_store_with_every_completed_record() {
    survive(20);
}

#[test]
#[ignore = "takes minutes; the same with ten times as many kills"]
fn two_hundred_kills_leave_a_store_with_every_completed_record() {
    survive(200);
}

fn survive(kills: usize) {
    let seed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64;
    let (bench, mut random) = (Bench::new(), Random(seed));
    let mut killed = 0;
    while killed < kills {
        let mut children: Vec<Writer> = (0..WRITERS).map(|number| Writer::start(&bench, number, killed)).collect();
        while !children.is_empty() && killed < kills {
            std::thread::sleep(Duration::from_micros(random.below(60_000)));
            let child = children.swap_remove(random.below(children.len() as u64) as usize);
            killed += usize::from(child.kill(&bench));
        }
        for child in children {
            child.kill(&bench);
        }
        look_at(&bench, seed);
    }
    // And it serves on.
    bench.done(&["train", "a.toml", "-q", "--set", "name=last"]);
    let last = bench.done(&["runs", "--where", "name=last and status=done", "--columns", "folder"]);
    assert_eq!((&last.stdout[..], &last.stderr[..]), ("folder\nlast\n", ""), "seed {seed}");
}

/// A process that writes to the store.
struct Writer {
    child: Child,
    /// The folder of its run, if it makes one.
    run: Option<String>,
}

impl Writer {
    /// A run, or someone who makes the index anew.
    fn start(bench: &Bench, number: usize, round: usize) -> Self {
        let name = format!("run-{round}-{number}");
        let (set_name, run) = (format!("name={name}"), format!("runs/{name}"));
        let train = ["train", "a.toml", "--set", "steps=2000", "--set", &set_name];
        let trains = number > 0 || round == 0;
        let args = if trains { &train[..] } else { &["runs", "index"] };
        let child = bench.command(args).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        Self { child, run: trains.then_some(run) }
    }

    /// Kills it, and expects on the disk every record that it had shown. Returns whether it was still at work.
    fn kill(mut self, bench: &Bench) -> bool {
        let at_work = self.child.try_wait().unwrap().is_none();
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        let mut shown = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut shown).unwrap();
        assert!(!shown.contains("warning") && !shown.contains("error"), "{shown}");
        // `run-4-1: step 200/2000  loss ...`
        let steps = shown.lines().filter_map(|line| line.split_once(": step ")?.1.split_once('/')?.0.parse().ok());
        let steps: usize = steps.max().unwrap_or(0);
        if let Some(run) = self.run.filter(|_| steps > 0) {
            let text = bench.read(&format!("{run}/steps.jsonl"));
            let whole = text.matches('\n').count();
            assert!(whole >= steps, "{run}: {whole} records on the disk, {steps} shown");
        }
        at_work
    }
}

/// The store opens, its index is whole, and it has every run with all of its records.
fn look_at(bench: &Bench, seed: u64) {
    let listed = bench.done(&["runs", "--json", "--columns", "folder,status,steps"]);
    assert!(listed.stderr.is_empty(), "seed {seed}: {}", listed.stderr);
    let rows: serde_json::Value = serde_json::from_str(&listed.stdout).unwrap();
    let rows = rows.as_array().unwrap();
    let is_run = |name: &&String| bench.path("runs").join(name).join("spec.toml").is_file();
    let expected = bench.names("runs").iter().filter(is_run).count();
    assert_eq!(rows.len(), expected, "seed {seed}: {}", listed.stdout);
    for row in rows {
        let (folder, status) = (row["folder"].as_str().unwrap(), row["status"].as_str().unwrap());
        assert!(["done", "killed"].contains(&status), "seed {seed}: {row}");
        let path = bench.path("runs").join(folder).join("steps.jsonl");
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let steps = text.split_inclusive('\n').filter(|line| line.ends_with('\n')).enumerate().map(|(number, line)| {
            let record: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!(record["step"], number, "seed {seed}: {folder}");
        });
        assert_eq!(row["steps"].as_u64().unwrap_or(0), steps.count() as u64, "seed {seed}: {row}");
    }
}

/// Xorshift: moments need no better.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}
