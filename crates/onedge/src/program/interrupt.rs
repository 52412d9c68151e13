//! Ctrl-C: once to end the run with everything recorded, twice to end at once. SIGTERM, which schedulers send, is the first.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;

use crate::program::console;

/// From now on the first Ctrl-C sets the flag that comes back, and the second ends the program.
pub fn flag() -> anyhow::Result<Arc<AtomicBool>> {
    let flag = Arc::new(AtomicBool::new(false));
    let shared = Arc::clone(&flag);
    ctrlc::set_handler(move || {
        if shared.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
        console::note("\ninterrupted: ending after this step; press Ctrl-C again to stop at once");
    })
    .context("cannot listen for Ctrl-C")?;
    #[cfg(unix)]
    signal_hook::flag::register(signal_hook::consts::SIGTERM, Arc::clone(&flag))
        .context("cannot listen for SIGTERM")?;
    Ok(flag)
}
