use std::io::{self, BufRead};

/// The lines of a file one after the other, as bytes without their ends.
pub(crate) struct Lines<R> {
    pub(crate) input: R,
    pub(crate) line: Vec<u8>,
    number: usize,
}

impl<R: BufRead> Lines<R> {
    pub(crate) fn of(input: R) -> Self {
        Self { input, line: Vec::new(), number: 0 }
    }

    /// Goes to the next line and says whether there is one.
    pub(crate) fn advance(&mut self) -> io::Result<bool> {
        self.line.clear();
        let read = self.input.read_until(b'\n', &mut self.line)?;
        if self.line.last() == Some(&b'\n') {
            self.line.pop();
        }
        self.number += usize::from(read > 0);
        Ok(read > 0)
    }

    /// The line, without its end.
    pub(crate) fn line(&self) -> &[u8] {
        &self.line
    }

    /// Its number, from 1.
    pub(crate) fn number(&self) -> usize {
        self.number
    }
}
