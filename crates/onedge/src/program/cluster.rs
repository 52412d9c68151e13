//! The program on several ranks that `mpirun` has started: rank 0 does what the command line says, the others compute their share.

use std::panic;
#[cfg(unix)]
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use onedge_cluster::{Mpi, Place, Ranks, is_launched, serve};
use onedge_run::DataSets;

use crate::program::code::Code;
use crate::program::console;

/// Those of this job, on rank 0.
static RANKS: OnceLock<Arc<Ranks>> = OnceLock::new();

/// The commands that have something for ranks to do.
const SHARED: [&str; 4] = ["train", "resume", "fork", "measure"];

/// Does `lead` on rank 0 and the share of this rank on the others; `None` if this is not one process of several.
pub fn take_part(words: &[String], lead: impl FnOnce() -> u8) -> Option<u8> {
    if !is_launched(|name| std::env::var_os(name).is_some()) {
        return None;
    }
    let Some((universe, between)) = Mpi::join() else {
        console::note(
            "error: MPI: expected a library that lets any thread make calls, got another; try Open MPI 4 or later",
        );
        return Some(Code::Failed.number());
    };
    if onedge_cluster::Communicator::size(&between) == 1 {
        return None;
    }
    end_all_on_panic();
    let ranks = Ranks::new(Box::new(between)).map(Arc::new).unwrap_or_else(|error| fail(&error));
    let code = if ranks.rank() > 0 {
        outlive_signals();
        serve(&ranks).unwrap_or_else(|error| fail(&error));
        Code::Done.number()
    } else {
        let code = match words.get(1).filter(|word| !word.starts_with('-') && !SHARED.contains(&word.as_str())) {
            Some(command) => refuse(command, ranks.size()),
            None => led(&ranks, words, lead),
        };
        ranks.end().unwrap_or_else(|error| fail(&error));
        code
    };
    drop(universe);
    Some(code)
}

/// The same data sets, with their examples shared among the ranks of this job, if it has several.
pub fn placed(data_sets: DataSets) -> DataSets {
    match RANKS.get() {
        Some(ranks) => data_sets.placed_at(Box::new(Place(Arc::clone(ranks)))),
        None => data_sets,
    }
}

fn led(ranks: &Arc<Ranks>, words: &[String], lead: impl FnOnce() -> u8) -> u8 {
    let start = Instant::now();
    let _ = RANKS.set(Arc::clone(ranks));
    let code = lead();
    let (all, between) = (start.elapsed().as_secs_f64(), ranks.seconds_between());
    if between > 0.0 && !words.iter().any(|word| word == "-q" || word == "--quiet") {
        let share = 100.0 * between / all;
        let size = ranks.size();
        console::note(&format!(
            "{size} ranks: {share:.0} % of {all:.1} s went to messages and to waiting for other ranks"
        ));
    }
    code
}

fn refuse(command: &str, size: usize) -> u8 {
    let known = SHARED.join(", ");
    console::note(&format!(
        "error: {command}: expected one rank, got {size}; try it without mpirun (ranks share {known})"
    ));
    Code::Misuse.number()
}

/// Ends the job with one sentence.
fn fail(error: &onedge_cluster::Error) -> ! {
    console::note(&format!("error: {error}"));
    Mpi::abort(i32::from(Code::Failed.number()))
}

/// A rank that panics takes the others with it, which would wait for it for ever.
fn end_all_on_panic() {
    let told = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        told(info);
        Mpi::abort(i32::from(Code::Failed.number()));
    }));
}

/// What rank 0 is told by signals, `mpirun` tells all ranks; this one is needed until rank 0 has finished its step.
fn outlive_signals() {
    #[cfg(unix)]
    {
        use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2, SIGXCPU};
        for signal in [SIGINT, SIGTERM, SIGHUP, SIGXCPU, SIGUSR1, SIGUSR2] {
            // Where that cannot be had, the job still ends, only sooner.
            let _ = signal_hook::flag::register(signal, Arc::new(AtomicBool::new(false)));
        }
    }
}
