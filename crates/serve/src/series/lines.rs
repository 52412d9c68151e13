use std::fs::File;
use std::io::{self, BufRead, BufReader, Seek, SeekFrom};

/// A record takes at most so many bytes; a longer line is none, and no memory is spent on it.
const LONGEST: usize = 1 << 22;

/// The lines of a file from some place on, with where they begin.
pub struct LinesFrom {
    input: BufReader<File>,
    line: Vec<u8>,
    /// Where the next line begins.
    pub at: u64,
}

/// What was found.
pub enum Next {
    /// A line, with its end.
    Whole,
    /// Some bytes without an end: what follows was not written yet, or never will be.
    Torn,
    /// Nothing.
    End,
}

impl LinesFrom {
    pub fn new(mut file: File, at: u64) -> io::Result<Self> {
        file.seek(SeekFrom::Start(at))?;
        Ok(Self { input: BufReader::with_capacity(1 << 17, file), line: Vec::new(), at })
    }

    /// Goes to the next line. Only of a whole one [`at`](Self::at) goes on.
    pub fn advance(&mut self) -> io::Result<Next> {
        self.line.clear();
        let mut length = 0;
        loop {
            let bytes = self.input.fill_buf()?;
            if bytes.is_empty() {
                return Ok(if length == 0 { Next::End } else { Next::Torn });
            }
            let end = memchr::memchr(b'\n', bytes);
            let part = &bytes[..end.unwrap_or(bytes.len())];
            if self.line.len() + part.len() <= LONGEST {
                self.line.extend_from_slice(part);
            }
            let used = part.len() + usize::from(end.is_some());
            self.input.consume(used);
            length += used as u64;
            if end.is_some() {
                self.at += length;
                return Ok(Next::Whole);
            }
        }
    }

    /// The line, without its end.
    pub fn line(&self) -> &[u8] {
        &self.line
    }
}
