//! Everything that the program prints. A reader that went away, or a full disk behind a redirection, never ends a run.

use std::io::{self, Write};
use std::sync::Mutex;

use onedge_text::advice_on_writing;

use crate::program::code::Code;

/// The first failure to write a result, if any.
static FAILED: Mutex<Option<io::Error>> = Mutex::new(None);

/// Prints a result to standard output.
pub fn result(text: &str) {
    let mut out = io::stdout().lock();
    if let Err(error) = out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        // Nobody reads on, as with `| head`: that is no failure.
        if error.kind() != io::ErrorKind::BrokenPipe {
            FAILED.lock().unwrap_or_else(std::sync::PoisonError::into_inner).get_or_insert(error);
        }
    }
}

/// Prints a line on the side, to standard error. There is nowhere left to report that this fails.
pub fn note(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// Asks something, on the side, without ending the line.
pub fn prompt(question: &str) {
    let mut err = io::stderr().lock();
    let _ = write!(err, "{question}").and_then(|()| err.flush());
}

/// How to end, now that everything else is done: a result that could not be written makes a failure of a success.
pub fn ending(code: Code) -> Code {
    let failed = FAILED.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
    let Some(error) = failed else { return code };
    note(&format!("error: standard output: cannot write: {error}; {}", advice_on_writing(&error)));
    if code == Code::Done { Code::Failed } else { code }
}
