//! What a run shows while it goes: a live line on a terminal, occasional plain lines elsewhere.

use std::io::{IsTerminal, stderr};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use onedge_data::Progress;
use onedge_record::{Record, StopReason, Summary};
use onedge_text::table::{duration, number};
use onedge_text::{beside, printable_line, shortened};

use crate::program::{console, downloads};

/// The live line is rewritten this often at most.
const REDRAW_EVERY: Duration = Duration::from_millis(60);
/// Without a terminal: a line for every tenth of the run, or after this time.
const PLAIN_EVERY: Duration = Duration::from_secs(30);

/// One row per run.
pub struct Rows {
    bars: MultiProgress,
    terminal: bool,
    quiet: bool,
}

/// The row of one run.
pub struct Row {
    bar: ProgressBar,
    terminal: bool,
    quiet: bool,
    name: String,
    steps: u64,
    drawn: Instant,
    started: Instant,
    /// The first step that was shown.
    first: Option<u64>,
    last: Option<Record>,
    measured: Option<Measured>,
    /// The last loss of the test examples.
    test: Option<f64>,
}

/// What was measured last, as it is not measured at every step.
#[derive(Debug, Clone, Copy)]
struct Measured {
    step: u64,
    sharpness: Option<f64>,
    product: f64,
}

impl Rows {
    /// No rows yet; `quiet` shows none at all.
    pub fn new(quiet: bool) -> Self {
        let terminal = stderr().is_terminal();
        let target = if terminal && !quiet { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        Self { bars: MultiProgress::with_draw_target(target), terminal, quiet }
    }

    /// A row called `name`, in a column of `width`, for a run of so many steps.
    pub fn row(&self, name: &str, width: usize, steps: u64) -> Row {
        let name = &printable_line(name)[..];
        let bar = self.line(&called(name, width), steps);
        let now = Instant::now();
        Row {
            bar,
            terminal: self.terminal,
            quiet: self.quiet,
            name: name.to_owned(),
            steps,
            drawn: now,
            started: now,
            first: None,
            last: None,
            measured: None,
            test: None,
        }
    }

    /// A line of its own, for what is counted up to `length`.
    pub fn line(&self, name: &str, length: u64) -> ProgressBar {
        let bar = self.bars.add(ProgressBar::new(length));
        bar.set_style(style(console::error_width()));
        bar.set_prefix(name.to_owned());
        bar.set_message("");
        bar
    }

    /// Whether lines are rewritten, rather than printed one after the other.
    pub fn is_live(&self) -> bool {
        self.terminal
    }

    /// Shows a sentence above the rows.
    pub fn tell(&self, line: &str) {
        if !self.quiet {
            self.bars.suspend(|| console::note(line));
        }
    }

    /// Ends the last line, so that what is printed next begins one of its own.
    pub fn leave(&self) {
        if self.terminal && !self.quiet {
            console::prompt("\n");
        }
    }

    /// Shows a sentence above the rows, even where progress is not wanted.
    pub fn warnings(&self) -> Box<dyn Fn(&str)> {
        let bars = self.bars.clone();
        Box::new(move |warning| bars.suspend(|| console::note(&format!("warning: {warning}"))))
    }

    /// Shows a sentence above the rows, where progress is wanted.
    pub fn remarks(&self) -> Box<dyn Fn(&str)> {
        match self.quiet {
            true => Box::new(|_| {}),
            false => self.notes(),
        }
    }

    /// Shows a sentence above the rows.
    pub fn notes(&self) -> Box<dyn Fn(&str)> {
        let bars = self.bars.clone();
        Box::new(move |sentence| bars.suspend(|| console::note(sentence)))
    }

    /// Shows how far downloads are, above or between the rows.
    pub fn downloads(&self) -> Box<dyn Fn(Progress<'_>)> {
        match (self.quiet, self.terminal) {
            (true, _) => Box::new(|_| {}),
            (false, true) => Box::new(downloads::on_terminal(self.bars.clone())),
            (false, false) => Box::new(downloads::in_lines()),
        }
    }
}

/// A bar in a terminal of so many columns.
fn style(width: usize) -> ProgressStyle {
    let template = match bar(width) {
        16 => "{prefix} {bar:16} {pos:>6}/{len} {msg}",
        8 => "{prefix} {bar:8} {pos:>6}/{len} {msg}",
        _ => "{prefix} {pos:>6}/{len} {msg}",
    };
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// How long a bar is.
fn bar(width: usize) -> usize {
    match width {
        100.. => 16,
        56.. => 8,
        _ => 0,
    }
}

/// A name in a column of `column`, cut where it would take more than a third of the terminal.
pub fn called(name: &str, column: usize) -> String {
    let most = console::error_width() / 3;
    format!("{:<1$}", shortened(name, most), column.min(most))
}

/// The columns that are left for the message of a bar.
pub fn room(bar_line: &ProgressBar) -> usize {
    let width = console::error_width();
    let digits = bar_line.length().unwrap_or_default().to_string().len();
    let bar = bar(width);
    let taken = bar_line.prefix().chars().count() + 1 + bar + usize::from(bar > 0) + digits.max(6) + 1 + digits + 1;
    // The last column is left free: some terminals begin a new line after it.
    width.saturating_sub(taken + 1)
}

impl Row {
    /// Shows a record, unless another was shown just now.
    pub fn show(&mut self, record: &Record) {
        if self.quiet {
            return;
        }
        if self.first.is_none() {
            (self.first, self.started) = (Some(record.step), Instant::now());
        }
        if let Some(product) = record.edge() {
            let sharpness = record.preconditioned_sharpness.or(record.sharpness);
            self.measured = Some(Measured { step: record.step, sharpness, product });
        }
        self.test = record.measured.get("test_loss").copied().or(self.test);
        self.last = Some(record.clone());
        let (done, elapsed) = (record.step + 1, self.drawn.elapsed());
        if self.terminal {
            if elapsed >= REDRAW_EVERY || self.first == Some(record.step) {
                self.bar.set_position(done);
                self.bar.set_message(beside(&self.message(record, done), room(&self.bar)));
                self.drawn = Instant::now();
            }
        } else if done * 10 / self.steps > record.step * 10 / self.steps || elapsed >= PLAIN_EVERY {
            let message = beside(&self.message(record, done), usize::MAX);
            console::note(&format!("{}: step {done}/{}  {message}", self.name, self.steps));
            self.drawn = Instant::now();
        }
    }

    /// Ends the line of the last row, as [`Rows::leave`].
    pub fn leave(&self) {
        if self.terminal && !self.quiet {
            console::prompt("\n");
        }
    }

    /// Leaves the row as it is, with a last word on how the run ended.
    pub fn finish(&mut self, summary: &Summary) {
        if self.quiet {
            return;
        }
        let word = match &summary.stop {
            stop if stop.is_success() && !summary.is_success() => "no progress",
            StopReason::StepsDone | StopReason::TargetReached { .. } => "done",
            StopReason::NoImprovement { .. } => "stopped early",
            StopReason::Interrupted { .. } => "interrupted",
            StopReason::Diverged { .. } => "diverged",
            StopReason::Hopeless { .. } => "given up",
            StopReason::NonFinite { .. } | StopReason::Failed { .. } => "failed",
        };
        // The last loss is the one that tables and sentences have, too.
        let (done, mut parts) = match &self.last {
            Some(last) => (last.step + 1, self.numbers(last, ("final loss", summary.final_loss))),
            None => (0, vec![(0, "no step taken".to_owned())]),
        };
        if self.terminal {
            parts.push((0, word.to_owned()));
            self.bar.set_position(done);
            self.bar.abandon_with_message(beside(&parts, room(&self.bar)));
        } else {
            console::note(&format!("{}: {word}  {}", self.name, beside(&parts, usize::MAX)));
        }
    }

    /// What is shown of a step, with how soon it is left out where there is no room.
    fn message(&self, record: &Record, done: u64) -> Vec<(u8, String)> {
        let secs = self.started.elapsed().as_secs_f64();
        let since = record.step.saturating_sub(self.first.unwrap_or_default());
        let rate = since as f64 / secs.max(1e-9);
        let left = if since == 0 { "-".to_owned() } else { duration((self.steps - done) as f64 / rate) };
        let speed = if since == 0 { "-".to_owned() } else { format!("{rate:.1}") };
        let mut parts = self.numbers(record, ("loss", Some(record.loss)));
        parts.extend([(6, format!("{speed:>6} steps/s")), (1, format!("{left} left"))]);
        parts
    }

    fn numbers(&self, record: &Record, (name, loss): (&str, Option<f64>)) -> Vec<(u8, String)> {
        let show = |value: Option<f64>| number(value.filter(|value| value.is_finite()));
        let measured = self.measured;
        // A product with the rate of another step would be none that ever was.
        let since = measured.filter(|measured| measured.step != record.step);
        let since = since.map_or(String::new(), |measured| format!(" at step {}", measured.step));
        let product = show(measured.map(|measured| measured.product));
        vec![
            (0, format!("{name} {:>9}", show(loss))),
            (2, self.test.map_or(String::new(), |loss| format!("test loss {:>9}", number(Some(loss))))),
            (3, format!("rate {:>9}", show(Some(record.learning_rate)))),
            (5, format!("sharpness {:>9}", show(measured.and_then(|measured| measured.sharpness)))),
            (4, format!("rate x sharpness {product:>6}{since}")),
        ]
    }
}
