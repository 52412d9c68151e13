//! A file system that gives no locks: every command says so once and goes on.
#![cfg(target_os = "linux")]

use std::path::PathBuf;
use std::process::Command;

use crate::bench::{Bench, Output, output};

/// `flock` that fails with the number in `LOCK_ERROR`, as NFS without its lock daemon has it.
const NO_FLOCK: &str = "
#include <errno.h>
#include <stdlib.h>
int flock(int fd, int how) { (void)fd; (void)how; errno = atoi(getenv(\"LOCK_ERROR\")); return -1; }
";

struct WithoutLocks {
    bench: Bench,
    library: PathBuf,
    code: i32,
}

impl WithoutLocks {
    fn new(code: i32) -> Self {
        let bench = Bench::new();
        bench.write("flock.c", NO_FLOCK);
        let library = bench.path("flock.so");
        // Whoever builds Rust programs here has a linker of this name.
        let made =
            Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(bench.path("flock.c")).status();
        assert!(made.unwrap().success());
        Self { bench, library, code }
    }

    /// Runs the program, which must end well and say once that there are no locks, or not at all.
    #[track_caller]
    fn done(&self, args: &[&str], says: usize) -> Output {
        let mut command = self.bench.command(args);
        let out = output(command.env("LD_PRELOAD", &self.library).env("LOCK_ERROR", self.code.to_string()));
        assert_eq!(out.code, Some(0), "{args:?}: {}", out.stderr);
        let said = out.stderr.lines().filter(|line| line.contains(": cannot lock: ")).count();
        assert_eq!(said, says, "{args:?}: {}", out.stderr);
        out
    }
}

/// ENOLCK, ENOSYS, EOPNOTSUPP.
#[test]
fn without_locks_every_command_goes_on() {
    for code in [37, 38, 95] {
        let there = WithoutLocks::new(code);
        there.bench.write("sweep.toml", "steps = 3\n[data]\nname = \"mixture\"\nexamples = 8\n[model]\nhidden = [2]\n[tuner]\nname = \"constant\"\nrate = [0.1, 0.2]\n");
        there.done(&["train", "a.toml", "-q", "--set", "steps=4", "--set", "checkpoint_every=2"], 1);
        let run =
            there.bench.names("runs").into_iter().find(|name| there.bench.path("runs").join(name).is_dir()).unwrap();
        let path = format!("runs/{run}");
        there.done(&["resume", &path, "--steps", "6", "-q"], 1);
        there.done(&["fork", &path, "--at", "2", "-q", "--out", "runs/branch"], 1);
        there.done(&["sweep", "sweep.toml", "--root", "runs/swept"], 1);
        there.done(&["runs"], 0);
        there.done(&["runs", "show", &path], 0);
        there.done(&["runs", "index"], 0);
        there.done(&["export", &path], 0);
        there.done(&["runs", "delete", &path, "runs/branch", "--yes"], 1);
        assert!(!there.bench.path(&path).exists() && !there.bench.path("runs/branch").exists());
    }
}
