//! Memory does not grow with the steps of a run: records are in its folder.
#![cfg(target_os = "linux")]

use std::process::Stdio;

use crate::bench::Bench;

/// The most memory that the program had at any time, in kB, as far as it was seen.
fn most_memory(bench: &Bench, args: &[&str]) -> u64 {
    let mut child = bench.command(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let (status, mut most) = (format!("/proc/{}/status", child.id()), 0);
    loop {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        most =
            line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok()).map_or(most, |now: u64| now.max(most));
        if let Some(ended) = child.try_wait().unwrap() {
            assert!(ended.success(), "{args:?}");
            return most;
        }
        std::thread::yield_now();
    }
}

#[test]
fn a_run_of_many_steps_takes_no_more_memory_than_one_of_few() {
    let bench = Bench::new();
    bench.write("t.csv", "a,b,l\n1,2,p\n3,1,q\n0,1,p\n2,0,q\n");
    let train = |steps: &str, out: &str| {
        let sets = ["data=csv", "data.path=t.csv", "model=linear", "engine.threads=1", "diagnostics.sharpness_every=0"];
        let sets = sets.iter().flat_map(|set| ["--set", set]);
        let rate =
            ["--set", "tuner=constant", "--set", "tuner.rate=0.01", "--set", "checkpoint_every=1000", "--set", steps];
        let args: Vec<&str> = ["train", "-q", "--out", out].into_iter().chain(sets).chain(rate).collect();
        most_memory(&bench, &args)
    };
    let (few, many) = (train("steps=4000", "few"), train("steps=64000", "many"));
    // 60,000 records more, of some 300 bytes each, would be 18 MB; what a picture needs of them takes up to 8.
    assert!(many < few + 12_000, "{few} kB for 4,000 steps, {many} kB for 64,000");
    let resumed = most_memory(&bench, &["resume", "many", "--steps", "64005", "-q"]);
    assert!(resumed < few + 12_000, "{few} kB for 4,000 steps, {resumed} kB to go on after 64,000");
    let drawn = most_memory(&bench, &["plot", "many", "-o", "many.svg"]);
    let of_few = most_memory(&bench, &["plot", "few", "-o", "few.svg"]);
    assert!(drawn < of_few + 12_000, "{of_few} kB to draw 4,000 steps, {drawn} kB for 64,000");
}
