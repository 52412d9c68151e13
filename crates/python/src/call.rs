//! Work without the interpreter's lock: it can be interrupted, and no panic of it reaches Python.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use pyo3::prelude::*;

use crate::errors::{Kind, error};

/// How often Ctrl-C is looked for.
const LOOK: Duration = Duration::from_millis(50);

/// Runs `work` with the interpreter's lock released. On Ctrl-C `stop` is set, and what the signal handler raised is returned once `work` has
/// ended for it.
///
/// Work that is expected to be `short` runs on this thread, as Ctrl-C is seen soon enough when it is done.
pub fn detached<R: Send>(
    py: Python<'_>,
    stop: &AtomicBool,
    short: bool,
    work: impl FnOnce() -> R + Send,
) -> PyResult<R> {
    let caught = move || catch_unwind(AssertUnwindSafe(work));
    let result = if short { py.detach(caught) } else { py.detach(|| watched(stop, caught))? };
    result.map_err(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
        error(Kind::Internal, format!("onedge failed where it must not: {text}; please report it with what you called"))
    })
}

/// Runs `work` on a thread of its own and looks for signals until it is done.
fn watched<R: Send>(stop: &AtomicBool, work: impl FnOnce() -> R + Send) -> PyResult<R> {
    std::thread::scope(|scope| {
        let (done, wait) = channel();
        scope.spawn(move || {
            let result = work();
            // Nobody waits only if this thread panicked.
            let _ = done.send(result);
        });
        let mut raised = None;
        loop {
            match wait.recv_timeout(LOOK) {
                Ok(result) => {
                    stop.store(false, Ordering::Relaxed);
                    return raised.map_or(Ok(result), Err);
                }
                Err(RecvTimeoutError::Timeout) if raised.is_none() => {
                    if let Err(error) = Python::attach(|py| py.check_signals()) {
                        stop.store(true, Ordering::Relaxed);
                        raised = Some(error);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Err(error(Kind::Internal, "a worker of onedge ended")),
            }
        }
    })
}
