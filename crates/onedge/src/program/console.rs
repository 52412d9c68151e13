//! Everything that the program prints. A reader that went away, or a full disk behind a redirection, never ends a run; no
//! name that came from a file gives orders to the terminal; lines fit its width.

use std::io::{self, IsTerminal, Write};
use std::sync::Mutex;

use onedge_text::table::Table;
use onedge_text::{advice_on_writing, fitted, printable};
use terminal_size::{Width, terminal_size_of};

use crate::program::code::Code;

/// The first failure to write a result, if any.
static FAILED: Mutex<Option<io::Error>> = Mutex::new(None);

/// A terminal that tells no width has this one, and none is taken to be narrower than the second.
const USUAL: usize = 80;
const LEAST: usize = 24;

/// Prints a result for people to standard output.
pub fn result(text: &str) {
    put(&fitted(&printable(text), width()));
}

/// Prints a table to standard output, with as many columns as there is room for.
pub fn table(table: &Table) {
    put(&table.fitted(width()));
}

/// Prints a result for programs to standard output: not one byte of it is changed, unless a terminal is there instead.
pub fn data(text: &str) {
    stream(text);
}

/// The same for a part of a result that goes on, and whether anybody still reads it.
pub fn stream(text: &str) -> bool {
    if io::stdout().is_terminal() { put(&printable(text)) } else { put(text) }
}

fn put(text: &str) -> bool {
    let mut out = io::stdout().lock();
    let Err(error) = out.write_all(text.as_bytes()).and_then(|()| out.flush()) else { return true };
    // Nobody reads on, as with `| head`: that is no failure.
    if error.kind() != io::ErrorKind::BrokenPipe {
        FAILED.lock().unwrap_or_else(std::sync::PoisonError::into_inner).get_or_insert(error);
    }
    false
}

/// Prints a line on the side, to standard error. There is nowhere left to report that this fails.
pub fn note(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{}", fitted(&printable(line), error_width()));
}

/// Asks something, on the side, without ending the line.
pub fn prompt(question: &str) {
    let mut err = io::stderr().lock();
    let _ = write!(err, "{}", printable(question)).and_then(|()| err.flush());
}

/// The characters of a line on standard output; without end where no terminal is.
pub fn width() -> usize {
    let terminal = io::stdout().is_terminal().then(|| terminal_size_of(io::stdout()));
    terminal.map_or(usize::MAX, columns)
}

/// The same of standard error.
pub fn error_width() -> usize {
    let terminal = io::stderr().is_terminal().then(|| terminal_size_of(io::stderr()));
    terminal.map_or(usize::MAX, columns)
}

fn columns<H>(size: Option<(Width, H)>) -> usize {
    match size {
        None | Some((Width(0), _)) => USUAL,
        Some((Width(columns), _)) => usize::from(columns).max(LEAST),
    }
}

/// How to end, now that everything else is done: a result that could not be written makes a failure of a success.
pub fn ending(code: Code) -> Code {
    let failed = FAILED.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
    let Some(error) = failed else { return code };
    note(&format!("error: standard output: cannot write: {error}; {}", advice_on_writing(&error)));
    if code == Code::Done { Code::Failed } else { code }
}
