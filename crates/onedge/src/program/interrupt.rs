//! What the outside asks of a run that goes on. Ctrl-C ends it with everything recorded, and pressed again ends it at once.
//! So do, the first time, the signals with which schedulers and terminals end a program: TERM, HUP and XCPU. USR1 and USR2,
//! which schedulers send some time before that, ask for a checkpoint, and the run goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use anyhow::Context;
use onedge_run::Interrupt;

use crate::program::console;

/// What was asked for so far.
#[derive(Debug, Clone, Default)]
pub struct Signals {
    stop: Arc<AtomicBool>,
    checkpoints: Arc<AtomicU64>,
}

impl Signals {
    /// From now on signals are heeded.
    pub fn heed() -> anyhow::Result<Self> {
        let signals = Self::default();
        let stop = Arc::clone(&signals.stop);
        ctrlc::set_handler(move || {
            if stop.swap(true, Ordering::Relaxed) {
                std::process::exit(130);
            }
            console::note("\ninterrupted: ending after this step; press Ctrl-C again to stop at once");
            #[cfg(feature = "mpi")]
            crate::program::cluster::tell_who_is_awaited();
        })
        .context("cannot listen for Ctrl-C")?;
        #[cfg(unix)]
        unix::listen(&signals).context("cannot listen for signals")?;
        Ok(signals)
    }

    /// Set once the program is to end.
    pub fn stop(&self) -> &Arc<AtomicBool> {
        &self.stop
    }
}

impl Interrupt for Signals {
    fn is_set(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn checkpoints_asked(&self) -> u64 {
        self.checkpoints.load(Ordering::Relaxed)
    }
}

#[cfg(unix)]
mod unix {
    use std::io;
    use std::sync::atomic::Ordering;

    use signal_hook::consts::{SIGHUP, SIGTERM, SIGUSR1, SIGUSR2, SIGXCPU};
    use signal_hook::iterator;

    use super::Signals;
    use crate::program::console;

    /// Those that end a run.
    const ENDS: [(i32, &str); 3] = [(SIGTERM, "TERM"), (SIGHUP, "HUP"), (SIGXCPU, "XCPU")];
    /// Those that ask for a checkpoint.
    const ASKS: [(i32, &str); 2] = [(SIGUSR1, "USR1"), (SIGUSR2, "USR2")];

    /// Heeds them on a thread of its own, so that what they ask for can be told.
    pub fn listen(signals: &Signals) -> io::Result<()> {
        // What `nohup` makes the program deaf to it stays deaf to.
        let heeded = ENDS.iter().chain(&ASKS).map(|(signal, _)| *signal).filter(|signal| !is_ignored(*signal));
        let mut arriving = iterator::Signals::new(heeded)?;
        let signals = signals.clone();
        std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
            for signal in arriving.forever() {
                if let Some((_, name)) = ASKS.iter().find(|(asks, _)| *asks == signal) {
                    signals.checkpoints.fetch_add(1, Ordering::Relaxed);
                    console::note(&format!("signal {name}: a checkpoint after this step, and on"));
                } else if let Some((_, name)) = ENDS.iter().find(|(ends, _)| *ends == signal)
                    && !signals.stop.swap(true, Ordering::Relaxed)
                {
                    console::note(&format!("signal {name}: ending after this step"));
                    #[cfg(feature = "mpi")]
                    crate::program::cluster::tell_who_is_awaited();
                }
            }
        })?;
        Ok(())
    }

    /// Whether whoever started the program made it ignore the signal, as far as the system tells.
    fn is_ignored(signal: i32) -> bool {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let mask = status.lines().find_map(|line| u64::from_str_radix(line.strip_prefix("SigIgn:")?.trim(), 16).ok());
        mask.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
    }
}
