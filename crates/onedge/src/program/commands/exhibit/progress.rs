//! How far the runs of figures are: one bar for all, one line for each that is being done.

use std::io::{IsTerminal, stderr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use onedge_spec::Spec;
use onedge_sweep::Event;
use onedge_text::shortened;
use onedge_text::table::{duration, number};

use crate::program::commands::sweep::unlocked;
use crate::program::console;

/// A line is rewritten this often at most.
const REDRAW_EVERY: Duration = Duration::from_millis(100);

/// What is shown while runs are done.
pub struct Progress<'a> {
    specs: &'a [Spec],
    /// What each was thought to take.
    seconds: &'a [f64],
    jobs: usize,
    quiet: bool,
    terminal: bool,
    bars: MultiProgress,
    all: ProgressBar,
    lines: Vec<ProgressBar>,
    state: Mutex<State>,
}

struct State {
    started: Instant,
    done: usize,
    /// What the runs that are done were thought to take.
    passed: f64,
    drawn: Vec<Instant>,
}

impl<'a> Progress<'a> {
    /// Of `specs`, thought to take so long, so many at a time.
    pub fn new(specs: &'a [Spec], seconds: &'a [f64], jobs: usize, quiet: bool) -> Self {
        let terminal = stderr().is_terminal();
        let shown = terminal && !quiet && !specs.is_empty();
        let bars = MultiProgress::with_draw_target(if shown {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        });
        let bar = |template: &str, length: u64| {
            let bar = bars.add(ProgressBar::new(length));
            bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar
        };
        let (of_all, of_one) = match console::error_width() {
            72.. => ("{bar:32} {pos:>4}/{len} runs  {msg}", "  {bar:16} {pos:>5}/{len} {msg}"),
            _ => ("{pos:>4}/{len} runs  {msg}", "  {pos:>5}/{len} {msg}"),
        };
        let all = bar(of_all, specs.len() as u64);
        let lines = (0..jobs.min(specs.len())).map(|_| bar(of_one, 1)).collect();
        let now = Instant::now();
        let state = State { started: now, done: 0, passed: 0.0, drawn: vec![now; jobs] };
        Self { specs, seconds, jobs, quiet, terminal, bars: bars.clone(), all, lines, state: Mutex::new(state) }
    }

    /// Prints something while the bars are away.
    pub fn aside(&self, print: impl FnOnce()) {
        self.bars.suspend(print);
    }

    /// Shows what happens with the runs from number `first` on.
    pub fn show(&self, event: &Event<'_>, first: usize) {
        if self.quiet {
            return;
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match *event {
            Event::Started { run, job, .. } => {
                let Some(line) = self.lines.get(job) else { return };
                let run = first + run;
                line.set_length(self.specs[run].steps);
                line.set_position(0);
                line.set_message(shortened(&self.title(run), room()));
            }
            Event::Told { run, sentence } => console::note(&format!("{}: {sentence}", self.title(first + run))),
            Event::Step { run, job, record } => {
                if self.terminal && state.drawn[job].elapsed() >= REDRAW_EVERY {
                    state.drawn[job] = Instant::now();
                    self.lines[job].set_position(record.step + 1);
                    let loss = format!("  loss {}", number(Some(record.loss)));
                    let title = shortened(&self.title(first + run), room().saturating_sub(loss.len()));
                    self.lines[job].set_message(format!("{title}{loss}"));
                }
            }
            Event::Ended { run, summary, .. } => {
                let run = first + run;
                state.done += 1;
                state.passed += self.seconds[run];
                let left = self.left(&state);
                self.all.set_position(state.done as u64);
                self.all.set_message(format!("{left} left"));
                if !self.terminal {
                    let ended = summary.ending();
                    let seconds = duration(summary.seconds + summary.spectrum_seconds);
                    let loss = number(summary.final_loss);
                    let (done, of) = (state.done, self.specs.len());
                    console::note(&format!(
                        "{done}/{of} {}: {ended}, loss {loss}, {seconds}; {left} left",
                        self.title(run)
                    ));
                }
            }
            Event::Found { run } | Event::Lost { run, .. } => state.passed += self.seconds[first + run],
            Event::Unlocked { root, error } => console::note(&unlocked(root, error)),
            Event::Waiting { runs } => console::note(&format!("{runs} runs are being done by other processes")),
        }
    }

    /// Clears what was shown.
    pub fn finish(&self) {
        self.lines.iter().chain([&self.all]).for_each(ProgressBar::finish_and_clear);
    }

    /// The time left, by the pace so far: first guesses are of one core alone.
    fn left(&self, state: &State) -> String {
        let todo = self.seconds.iter().sum::<f64>() - state.passed;
        let pace = if state.passed > 0.0 {
            state.started.elapsed().as_secs_f64() / state.passed
        } else {
            1.0 / self.jobs as f64
        };
        duration(todo * pace)
    }

    fn title(&self, run: usize) -> String {
        format!("{}, seed {}", self.specs[run].name, self.specs[run].seed)
    }
}

/// What the terminal has left for words beside a bar of a run.
fn room() -> usize {
    let width = console::error_width();
    width.saturating_sub(if width >= 72 { 34 } else { 17 })
}
