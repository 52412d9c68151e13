//! Kills at random moments, and disks that are full: nothing written is lost, and the run goes on to the same bits.
#![cfg(unix)]

use std::fs;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Instant;

use onedge_record::RunDirectory;

use crate::bench::{Bench, output, program};
use crate::resume::{left, train};

/// A run of some seconds with a checkpoint at every seventh step.
const LONG: [&str; 2] = ["steps=600", "checkpoint_every=7"];

/// Numbers in [0, 1) that a seed decides: SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let x = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((x ^ (x >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// Kills the run so often, in as many folders as that takes, and finishes it in each.
fn survives(kills: usize, seed: u64) {
    let bench = Bench::new();
    let started = Instant::now();
    bench.done(&train("whole", &LONG));
    let (whole, reference) = (started.elapsed(), left(&bench, "whole"));
    let (mut random, mut killed, mut folder, mut most) = (Random(seed), 0, 0, 0);
    while killed < kills {
        folder += 1;
        let out = format!("run-{folder}");
        let mut args = train(&out, &LONG);
        loop {
            let mut child = bench.command(&args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            sleep(whole.mul_f64(0.4 * random.next()));
            let ended = child.try_wait().unwrap();
            if ended.is_none() && killed < kills {
                child.kill().unwrap();
            }
            let status = child.wait().unwrap();
            if status.success() {
                break;
            }
            assert_eq!(status.code(), None, "{out}: ended by the kill alone");
            killed += 1;
            most = most.max(all_readable(&bench, &out, &reference.0));
            if bench.path(&out).join("spec.toml").is_file() {
                args = vec!["resume", &out, "-q"];
            }
        }
        assert_eq!(left(&bench, &out), reference, "{out} after {killed} kills");
    }
    println!("{killed} kills in {folder} runs of {whole:?}, at up to {most} of {} steps", reference.0.len());
}

/// Whether the folder opens and every record that is complete is right; tells how many there are.
fn all_readable(bench: &Bench, run: &str, whole: &[String]) -> usize {
    if !bench.path(run).join("steps.jsonl").exists() {
        // Killed before its first record could be written, which leaves nothing to be read.
        return 0;
    }
    let directory = RunDirectory::open(&bench.path(run)).unwrap();
    assert!(!directory.is_running());
    let text = fs::read_to_string(directory.steps()).unwrap();
    let lines = text.lines().count();
    let steps = directory.read_steps().unwrap();
    for (record, expected) in steps.records.iter().zip(whole) {
        let mut record = serde_json::to_value(record).unwrap();
        record.as_object_mut().unwrap().remove("seconds");
        assert_eq!(&record.to_string(), expected);
    }
    assert!(lines >= steps.records.len() && lines > 0 || steps.records.is_empty());
    bench.done(&["export", run]);
    steps.records.len()
}

#[test]
fn twenty_kills() {
    survives(20, 1);
}

#[test]
#[ignore = "takes minutes"]
fn two_hundred_kills() {
    survives(200, 2);
}

/// Runs the program with no file allowed beyond so many blocks of 512 bytes.
fn limited(bench: &Bench, blocks: u32, args: &[&str]) -> crate::bench::Output {
    let limit = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
    output(Command::new("sh").args(["-c", &limit]).arg(program()).args(args).current_dir(bench.path("")))
}

#[test]
fn a_checkpoint_that_does_not_fit_on_the_disk_ends_nothing() {
    let bench = Bench::new();
    // 6002 parameters: 24 kB fit into 32, the four vectors of a checkpoint do not.
    let wide = ["model.hidden=[1000]", "checkpoint_every=4"];
    bench.done(&train("whole", &["model.hidden=[1000]"]));
    let run = limited(&bench, 64, &train("full", &wide));
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    let lines: Vec<&str> = run.stderr.lines().collect();
    assert_eq!(lines.len(), 2, "once when it begins, once at the end: {}", run.stderr);
    assert!(lines[0].starts_with("warning: full/checkpoints/4.safetensors: cannot write: "), "{}", lines[0]);
    assert!(lines[0].ends_with("(a checkpoint; the run goes on without)"), "{}", lines[0]);
    assert!(lines[1].starts_with("error: full/checkpoints/12.safetensors: cannot write: "), "{}", lines[1]);
    assert!(run.stdout.contains("full: steps done") || run.stdout.contains("cdat: steps done"), "{}", run.stdout);
    assert!(run.stdout.contains("checkpoints that could not be written: 3\n"), "{}", run.stdout);
    assert_eq!(bench.names("full/checkpoints"), [""; 0], "no part of one is left");
    let ((records, mut summary, parameters), whole) = (left(&bench, "full"), left(&bench, "whole"));
    assert_eq!(std::mem::replace(&mut summary["checkpoints_failed"], 0.into()), 3);
    assert_eq!((records, summary, parameters), whole);
}

#[test]
fn a_run_that_a_full_disk_ended_goes_on_when_there_is_room() {
    let bench = Bench::new();
    bench.done(&train("whole", &LONG));
    let run = limited(&bench, 32, &train("full", &LONG));
    assert_eq!(run.code, Some(1));
    assert!(run.stderr.contains("full/steps.jsonl: cannot write: "), "{}", run.stderr);
    let before = bench.read("full/steps.jsonl");
    bench.done(&["resume", "full", "-q"]);
    assert_eq!(left(&bench, "full"), left(&bench, "whole"));
    let (all, aside) = (bench.read("full/steps.jsonl"), bench.read("full/superseded.jsonl"));
    let stays = before.lines().take_while(|line| all.contains(*line)).count();
    assert!(stays > 0 && before.lines().skip(stays).eq(aside.lines()), "nothing written earlier is lost");
}

#[test]
fn an_interrupted_run_goes_on_where_it_was() {
    let bench = Bench::new();
    let long = ["steps=1000000000", "checkpoint_minutes=1000"];
    let mut child = bench.command(&train("run", &long)).stdout(Stdio::null()).spawn().unwrap();
    while fs::metadata(bench.path("run/steps.jsonl")).map_or(0, |file| file.len()) == 0 {
        assert!(child.try_wait().unwrap().is_none(), "it ended");
        std::thread::yield_now();
    }
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let taken = bench.read("run/steps.jsonl").lines().count();
    assert_eq!(bench.names("run/checkpoints"), [format!("{taken}.safetensors")]);
    let steps = (taken + 10).to_string();
    let resumed = bench.done(&["resume", "run", "--steps", &steps, "-q"]);
    assert!(resumed.stderr.starts_with(&format!("goes on from the checkpoint at step {taken} of {steps}\n")));
    let all = bench.read("run/steps.jsonl");
    assert_eq!(all.lines().count(), taken + 10, "no step is taken twice");
    bench.done(&train("straight", &[&format!("steps={steps}")]));
    assert_eq!(left(&bench, "run"), left(&bench, "straight"));
}
