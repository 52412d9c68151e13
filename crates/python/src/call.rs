//! Work without the interpreter's lock: it can be interrupted, and no panic of it reaches Python.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel, sync_channel};
use std::time::{Duration, Instant};

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
    result.map_err(|panic| of_panic(&*panic))
}

/// Runs `work`, which has no point at which it could be interrupted, with the interpreter's lock released. On Ctrl-C what the signal handler raised is
/// returned at once; the work goes on by itself, and what it gives is dropped.
pub fn left_alone<R: Send + 'static>(py: Python<'_>, work: impl FnOnce() -> R + Send + 'static) -> PyResult<R> {
    py.detach(|| {
        let (done, result) = sync_channel(1);
        // Nobody waits if it was left alone.
        std::thread::spawn(move || drop(done.send(catch_unwind(AssertUnwindSafe(work)))));
        loop {
            match result.recv_timeout(LOOK) {
                Ok(result) => return result.map_err(|panic| of_panic(&*panic)),
                Err(RecvTimeoutError::Timeout) => Python::attach(|py| py.check_signals())?,
                Err(RecvTimeoutError::Disconnected) => return Err(error(Kind::Internal, "a worker of onedge ended")),
            }
        }
    })
}

/// What a panic is to Python.
pub fn of_panic(panic: &(dyn Any + Send)) -> PyErr {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
    error(Kind::Internal, format!("onedge failed where it must not: {text}; please report it with what you called"))
}

/// Runs `work` on a thread of its own and looks for signals until it is done.
fn watched<R: Send>(stop: &AtomicBool, work: impl FnOnce() -> R + Send) -> PyResult<R> {
    let (result, raised) = attended(&mut |_, _| Ok(()), &|_| stop.store(true, Ordering::Relaxed), |_| work())?;
    stop.store(false, Ordering::Relaxed);
    raised.map_or(Ok(result), Err)
}

/// Something to be done with the interpreter.
type Job = Box<dyn FnOnce(Python<'_>) + Send>;

/// How work on another thread reaches the thread that called, which has the interpreter.
#[derive(Clone)]
pub struct Caller(#[cfg_attr(not(feature = "runs"), expect(dead_code, reason = "training alone calls"))] Sender<Job>);

#[cfg(feature = "runs")]
impl Caller {
    /// What `work` gives on the thread that called; `None` if nobody is there any more.
    pub fn call<V: Send + 'static>(&self, work: impl FnOnce(Python<'_>) -> V + Send + 'static) -> Option<V> {
        let (answer, wait) = sync_channel(1);
        self.0.send(Box::new(move |py| drop(answer.send(work(py))))).ok()?;
        wait.recv().ok()
    }
}

/// Runs `work` on a thread of its own, while this one does what the work calls for, looks for signals and calls `tick` now and then, which gets
/// what the work does not have to wait for. `interrupt` is told how long ago a signal, or `tick`, raised something, again and again until the
/// work ends; what was raised is returned beside the result. The interpreter's lock must be released.
pub fn attended<R: Send>(
    tick: &mut dyn FnMut(Python<'_>, bool) -> PyResult<()>,
    interrupt: &dyn Fn(Duration),
    work: impl FnOnce(&Caller) -> R + Send,
) -> PyResult<(R, Option<PyErr>)> {
    std::thread::scope(|scope| {
        let (jobs, waiting) = channel::<Job>();
        let (done, result) = sync_channel(1);
        let caller = Caller(jobs);
        scope.spawn(move || {
            let result = work(&caller);
            // Nobody waits only if this thread panicked. The caller goes last: its end is the sign that the result is there.
            let _ = done.send(result);
            drop(caller);
        });
        let (mut raised, mut looked): (Option<(PyErr, Instant)>, _) = (None, Instant::now());
        let gone = loop {
            let gone = match waiting.recv_timeout(LOOK) {
                Ok(job) => {
                    Python::attach(job);
                    false
                }
                Err(RecvTimeoutError::Timeout) => false,
                Err(RecvTimeoutError::Disconnected) => true,
            };
            if gone {
                break result.recv();
            }
            if looked.elapsed() < LOOK {
                continue;
            }
            looked = Instant::now();
            match &raised {
                Some((_, since)) => interrupt(since.elapsed()),
                None => {
                    if let Err(error) = Python::attach(|py| py.check_signals().and_then(|()| tick(py, false))) {
                        interrupt(Duration::ZERO);
                        raised = Some((error, Instant::now()));
                    }
                }
            }
        };
        let result = gone.map_err(|_| error(Kind::Internal, "a worker of onedge ended"))?;
        let last = if raised.is_none() { Python::attach(|py| tick(py, true)).err() } else { None };
        Ok((result, raised.map(|(error, _)| error).or(last)))
    })
}
