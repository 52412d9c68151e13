//! What a sweep shows while it goes: on a terminal a line for the sweep and one for each job; elsewhere a line for each
//! run that came to its end.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use onedge_record::{Record, StopReason, Summary};
use onedge_spec::Spec;
use onedge_sweep::{Event, Owner, Trial, Workers, runs_of};
use onedge_text::table::{duration, number};
use onedge_text::{beside, printable_line};

use super::title;
use crate::program::progress::{Rows, called, room};

const REDRAW_EVERY: Duration = Duration::from_millis(100);

/// The lines of a sweep.
pub struct Live<'a> {
    rows: &'a Rows,
    titles: Vec<String>,
    /// Of the longest title.
    width: usize,
    steps: Vec<u64>,
    /// How many runs there are for this process.
    total: usize,
    state: Mutex<State>,
}

struct State {
    started: Instant,
    whole: ProgressBar,
    jobs: Vec<Job>,
    found: usize,
    /// Brought to their end here.
    ended: usize,
    diverged: usize,
    given_up: usize,
}

struct Job {
    bar: ProgressBar,
    began: Instant,
    drawn: Instant,
}

impl<'a> Live<'a> {
    /// Nothing done yet.
    pub fn new(rows: &'a Rows, trials: &[Trial], specs: &[Spec], workers: &Workers) -> Self {
        let total = runs_of(specs, workers.share).len();
        let with_seed = trials.iter().map(|trial| trial.spec.seed).collect::<BTreeSet<_>>().len() > 1;
        let titles = trials.iter().map(|trial| printable_line(&title(trial, with_seed)).into_owned());
        let titles: Vec<String> = titles.collect();
        let width = titles.iter().map(|title| title.chars().count()).max().unwrap_or(0);
        let whole = rows.line(&called("sweep", width), total as u64);
        let job = |_| Job { bar: rows.line("", 0), began: Instant::now(), drawn: Instant::now() };
        let jobs = (0..workers.jobs.min(total)).map(job).collect();
        let (started, steps) = (Instant::now(), specs.iter().map(|spec| spec.steps).collect());
        let state = State { started, whole, jobs, found: 0, ended: 0, diverged: 0, given_up: 0 };
        Self { rows, titles, width, steps, total, state: Mutex::new(state) }
    }

    /// Shows what happened.
    pub fn see(&self, event: &Event<'_>) {
        let mut state = self.lock();
        match *event {
            Event::Found { .. } => {
                state.found += 1;
                self.show_whole(&state);
            }
            Event::Started { run, job, after, aside } => {
                self.tell_start(run, after, aside);
                let job = &mut state.jobs[job];
                (job.began, job.drawn) = (Instant::now(), Instant::now());
                job.bar.set_length(self.steps[run]);
                job.bar.set_position(0);
                job.bar.set_prefix(called(&self.titles[run], self.width));
                job.bar.set_message("");
            }
            Event::Told { run, sentence } => self.tell(&format!("{}: {sentence}", self.titles[run])),
            Event::Step { job, record, .. } => self.show_step(&mut state.jobs[job], record),
            Event::Ended { run, summary, .. } => self.end(&mut state, run, summary),
            Event::Unlocked { root, error } => self.tell(&unlocked(root, error)),
            Event::Lost { run, .. } => self.tell(&format!("{}: another worker has taken it over", self.titles[run])),
            Event::Waiting { runs } => {
                self.show_whole(&state);
                self.tell(&format!("waiting for {} of other workers", plural(runs, "run")));
            }
        }
    }

    /// Takes the lines away, and says how many runs were brought to their end.
    pub fn finish(self) -> usize {
        let state = self.lock();
        for job in &state.jobs {
            job.bar.finish_and_clear();
        }
        state.whole.finish_and_clear();
        state.ended
    }

    fn end(&self, state: &mut State, run: usize, summary: &Summary) {
        let name = &self.titles[run];
        match summary.stop {
            StopReason::Interrupted { .. } | StopReason::Failed { .. } => {
                return self.tell(&format!("{name}: {}", summary.stop));
            }
            StopReason::Diverged { .. } | StopReason::NonFinite { .. } => state.diverged += 1,
            StopReason::Hopeless { .. } => state.given_up += 1,
            StopReason::StepsDone | StopReason::TargetReached { .. } | StopReason::NoImprovement { .. } => {}
        }
        state.ended += 1;
        self.show_whole(state);
        if !self.rows.is_live() {
            let (done, loss) = (state.found + state.ended, number(summary.final_loss));
            let seconds = duration(summary.seconds + summary.spectrum_seconds);
            let ending = summary.ending();
            self.tell(&format!("[{done}/{}] {name}: {ending}, loss {loss}, {seconds}", self.total));
        }
    }

    fn tell_start(&self, run: usize, after: Option<&Owner>, aside: usize) {
        let name = &self.titles[run];
        if let Some(owner) = after {
            let (machine, pid) = (owner.machine(), owner.pid);
            self.tell(&format!("{name}: taking over from process {pid} of {machine}, which is gone"));
        }
        if aside > 0 {
            self.tell(&format!("{name}: begun anew; {} set aside", plural(aside, "earlier attempt")));
        }
    }

    fn show_step(&self, job: &mut Job, record: &Record) {
        if job.drawn.elapsed() < REDRAW_EVERY {
            return;
        }
        job.drawn = Instant::now();
        let speed = record.step as f64 / job.began.elapsed().as_secs_f64().max(1e-9);
        let show = |value: f64| number(Some(value).filter(|value| value.is_finite()));
        let (loss, rate) = (show(record.loss), show(record.learning_rate));
        job.bar.set_position(record.step + 1);
        let parts =
            [(0, format!("loss {loss:>9}")), (1, format!("rate {rate:>9}")), (2, format!("{speed:>6.1} steps/s"))];
        job.bar.set_message(beside(&parts, room(&job.bar)));
    }

    fn show_whole(&self, state: &State) {
        let done = state.found + state.ended;
        let each = state.started.elapsed().as_secs_f64() / state.ended.max(1) as f64;
        let left = match (state.ended, self.total.saturating_sub(done)) {
            (0, _) | (_, 0) => String::new(),
            (_, runs) => format!("{} left", duration(each * runs as f64)),
        };
        let (diverged, given_up) = (state.diverged, state.given_up);
        state.whole.set_position(done as u64);
        let parts = [(1, format!("{diverged} diverged")), (2, format!("{given_up} given up")), (0, left)];
        state.whole.set_message(beside(&parts, room(&state.whole)));
    }

    fn tell(&self, line: &str) {
        self.rows.tell(line);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn plural(count: usize, what: &str) -> String {
    if count == 1 { format!("{count} {what}") } else { format!("{count} {what}s") }
}

/// That the file system of the runs gives no locks.
pub fn unlocked(root: &Path, error: &io::Error) -> String {
    format!("warning: {}: cannot lock: {error}; whether a process is at a run cannot be told here", root.display())
}
