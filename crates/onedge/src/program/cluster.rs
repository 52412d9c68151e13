//! The program on several ranks that `mpirun` has started: rank 0 does what the command line says, the others compute their share.

#[cfg(unix)]
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use std::{panic, thread};

use onedge_cluster::{Mpi, Place, Ranks, is_launched, serve};
use onedge_run::DataSets;

use crate::program::code::Code;
use crate::program::console;

/// Those of this job, on rank 0.
static RANKS: OnceLock<Arc<Ranks>> = OnceLock::new();

/// The commands that have something for ranks to do.
const SHARED: [&str; 4] = ["train", "resume", "fork", "measure"];

/// With which `plan` has, too.
const MEASURE: &str = "--measure-network";

/// Does `lead` on rank 0 and the share of this rank on the others; `None` if this is not one process of several.
pub fn take_part(words: &[String], lead: impl FnOnce() -> u8) -> Option<u8> {
    if !is_launched(|name| std::env::var_os(name).is_some()) {
        return None;
    }
    #[cfg(unix)]
    begin_again_without_traces();
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
        let code = match words.get(1).filter(|word| !word.starts_with('-') && !is_shared(word, words)) {
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

/// Called on rank 0 once the run is to end: says for whom it waits if it still does half a second later, and has done for longer. If that rank
/// is lost, the step never ends, and `mpirun`, which has noticed and sent the signal, kills this process after another half. A rank that ends
/// the job with a sentence of its own does so at once.
pub fn tell_who_is_awaited() {
    const PATIENCE: Duration = Duration::from_millis(500);
    const LONG: Duration = Duration::from_millis(1500);
    let Some(ranks) = RANKS.get().cloned() else { return };
    thread::spawn(move || {
        thread::sleep(PATIENCE);
        if let Some((rank, host, since)) = ranks.awaited().filter(|(.., since)| *since >= LONG) {
            let secs = since.as_secs_f64();
            console::note(&format!(
                "no answer from rank {rank} on {host}, or from a rank behind it, for {secs:.1} s: lost, or still at work; if the job ends \
                 before it comes, `onedge resume` continues from the last checkpoint"
            ));
        }
    });
}

/// The ranks of this job, on rank 0, if it has several.
pub fn ranks() -> Option<&'static Arc<Ranks>> {
    RANKS.get()
}

/// Whether ranks have anything to do for a command: for `plan` only what lies between them.
fn is_shared(command: &str, words: &[String]) -> bool {
    SHARED.contains(&command) || (command == "plan" && words.iter().any(|word| word == MEASURE))
}

fn led(ranks: &Arc<Ranks>, words: &[String], lead: impl FnOnce() -> u8) -> u8 {
    let start = Instant::now();
    let _ = RANKS.set(Arc::clone(ranks));
    let code = lead();
    let (all, between) = (start.elapsed().as_secs_f64(), ranks.seconds_between());
    // A plan leaves the others without work.
    let is_plan = words.get(1).is_some_and(|word| word == "plan");
    if between > 0.0 && !is_plan && !words.iter().any(|word| word == "-q" || word == "--quiet") {
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

/// Open MPI prints a stack trace of a process that aborts, as this one does when memory cannot be had, of which the sentence is told. It reads
/// which signals it is to do that for when the process joins, from the environment, which a process cannot change safely for itself.
#[cfg(unix)]
fn begin_again_without_traces() {
    use std::os::unix::process::CommandExt;
    use std::process::Command;
    /// By default SIGABRT, 6, is one of them.
    const TRACED: (&str, &str) = ("OMPI_MCA_opal_signal", "7,8,11");
    let (mut words, program) = (std::env::args_os(), std::env::current_exe());
    if let (None, Ok(program), Some(name)) = (std::env::var_os(TRACED.0), program, words.next()) {
        // Where this fails, traces are all that is different.
        let _ = Command::new(program).arg0(name).args(words).env(TRACED.0, TRACED.1).exec();
    }
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
