use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::rc::Rc;

use super::foreign::{LOOKED_AT, foreign, is_web_page, no_table, wide_encoding};
use super::unpacked::{Bounded, Unpacked};
use crate::excerpt::excerpt;
use crate::{Error, FileError};

/// Bytes from a file or from memory, unpacked on the way if they are gzip'd (seen by their first two bytes).
pub struct Source {
    reader: Box<dyn BufRead>,
    failures: Failures,
}

/// What a failed read of a source means.
#[derive(Clone)]
pub struct Failures {
    origin: String,
    compressed: bool,
    /// Bytes of the file, packed.
    bytes: u64,
    unpacked: Unpacked,
    /// Whether more came out of it than may.
    over: Rc<Cell<bool>>,
}

/// What a file should be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// Lines that people read.
    Table,
    /// Any text, a web page as well.
    Text,
    /// Numbers as bytes.
    Binary,
}

impl Source {
    /// Opens a file, which may hold no more than `unpacked` if it is compressed. `expected` and `advice` complete the sentence if it is
    /// not there.
    pub fn open(path: &Path, expected: &str, advice: &str, unpacked: Unpacked) -> Result<Self, Error> {
        if path.is_dir() {
            let (origin, expected, got) = (path.display().to_string(), expected.to_owned(), "a folder".to_owned());
            return Err(Error::File(FileError::Format { origin, what: "path", expected, got }));
        }
        match File::open(path) {
            Ok(file) => {
                let bytes = file.metadata().map_or(0, |data| data.len());
                Self::new(path.display().to_string(), BufReader::with_capacity(1 << 16, file), bytes, unpacked)
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                let (expected, advice) = (expected.to_owned(), advice.to_owned());
                Err(Error::File(FileError::Missing { path: path.to_owned(), expected, advice }))
            }
            Err(e) => Err(Error::io(path, "open", e)),
        }
    }

    /// Reads from memory.
    pub fn embedded(origin: &str, bytes: &'static [u8]) -> Result<Self, Error> {
        Self::new(origin.to_owned(), bytes, bytes.len() as u64, Unpacked::Usual)
    }

    /// Checks by the first bytes that it is nothing that is known and not read here.
    ///
    /// # Errors
    /// [`FileError::Foreign`], which says what it is.
    pub fn require(&mut self, content: Content, expected: &str) -> Result<(), Error> {
        let failures = self.failures.clone();
        let head = self.reader.fill_buf().map_err(|e| failures.of(e))?;
        let head = &head[..head.len().min(LOOKED_AT)];
        let refused = |got: &str, advice: &str| {
            let (origin, got) = (failures.origin.clone(), got.to_owned());
            let (expected, advice) = (expected.to_owned(), advice.to_owned());
            Err(Error::File(FileError::Foreign { origin, got, expected, advice }))
        };
        if let Some(found) = foreign(head) {
            return refused(found.what, found.advice);
        }
        if content != Content::Text && is_web_page(head) {
            return refused("a web page", "fetching the file itself, which that page may link to");
        }
        if let Some(found) = no_table(head).filter(|_| content == Content::Table) {
            return refused(found.what, found.advice);
        }
        match wide_encoding(head).filter(|_| content != Content::Binary) {
            Some(encoding) => {
                let advice = format!("converting it, as with `iconv -f {encoding} -t UTF-8`");
                refused(&format!("a text in {encoding}"), &advice)
            }
            None => Ok(()),
        }
    }

    /// What it is called in errors.
    pub fn origin(&self) -> &str {
        &self.failures.origin
    }

    /// What a read that fails elsewhere, in a reader that took this one, means.
    pub fn failures(&self) -> Failures {
        self.failures.clone()
    }

    /// The next `n` bytes, of the part called `what`.
    pub fn exactly(&mut self, n: u64, what: &str) -> Result<Vec<u8>, Error> {
        // The size comes from the file itself, so room is only made for what proves to be there.
        let mut bytes = Vec::with_capacity(usize::try_from(n).unwrap_or(usize::MAX).min(1 << 26));
        (&mut self.reader).take(n).read_to_end(&mut bytes).map_err(|e| self.failures.of(e))?;
        let got = bytes.len() as u64;
        if got < n {
            return Err(Error::File(FileError::Truncated {
                origin: self.origin().to_owned(),
                what: what.to_owned(),
                expected: n,
                got,
            }));
        }
        Ok(bytes)
    }

    /// All bytes that are left.
    pub fn rest(&mut self) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        self.reader.read_to_end(&mut bytes).map_err(|e| self.failures.of(e))?;
        Ok(bytes)
    }

    /// All bytes that are left, of a text.
    pub fn text(&mut self) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        loop {
            // A piece at a time, so that a device or a bomb of zeros is refused before it fills the memory.
            let start = bytes.len();
            (&mut self.reader).take(1 << 20).read_to_end(&mut bytes).map_err(|e| self.failures.of(e))?;
            if bytes.len() == start {
                return Ok(bytes);
            }
            if let Some(zero) = bytes[start..].iter().position(|&byte| byte == 0) {
                let (what, expected) = ("content", "text in UTF-8".to_owned());
                let got = format!("a zero byte after {} bytes, which no text has", start + zero);
                return Err(Error::File(FileError::Format { origin: self.origin().to_owned(), what, expected, got }));
            }
        }
    }

    /// Checks that nothing is left after the `n` bytes of `what`; for gzip this also checks the checksum.
    pub fn end(&mut self, n: u64, what: &str) -> Result<(), Error> {
        match self.reader.read(&mut [0]) {
            Ok(0) => Ok(()),
            Ok(_) => Err(Error::File(FileError::Trailing {
                origin: self.origin().to_owned(),
                what: what.to_owned(),
                expected: n,
            })),
            Err(e) => Err(self.failures.of(e)),
        }
    }

    /// Reads to the end of a compressed file, so that its checksum is checked.
    pub fn verify(mut self) -> Result<(), Error> {
        if self.failures.compressed {
            io::copy(&mut self.reader, &mut io::sink()).map_err(|e| self.failures.of(e))?;
        }
        Ok(())
    }

    fn new(origin: String, mut reader: impl BufRead + 'static, bytes: u64, unpacked: Unpacked) -> Result<Self, Error> {
        let compressed = match reader.fill_buf() {
            Ok(head) => head.starts_with(&[0x1f, 0x8b]),
            Err(e) => return Err(Error::io(Path::new(&origin), "read", e)),
        };
        let over = Rc::new(Cell::new(false));
        let reader: Box<dyn BufRead> = if compressed {
            let decoder = flate2::bufread::MultiGzDecoder::new(reader);
            Box::new(BufReader::with_capacity(1 << 16, Bounded::new(decoder, unpacked, bytes, Rc::clone(&over))))
        } else {
            Box::new(reader)
        };
        Ok(Self { reader, failures: Failures { origin, compressed, bytes, unpacked, over } })
    }
}

impl Failures {
    /// The error for a failed read: more than may be unpacked, a damaged stream, or the system's refusal.
    pub fn of(&self, error: io::Error) -> Error {
        if self.over.get() {
            self.unpacked.exceeded(&self.origin, self.bytes)
        } else if self.compressed && error.kind() != io::ErrorKind::OutOfMemory {
            Error::File(FileError::Damaged {
                origin: self.origin.clone(),
                format: "gzip",
                reason: excerpt(&error.to_string()),
            })
        } else {
            Error::io(Path::new(&self.origin), "read", error)
        }
    }

    /// The same where an archive of another `format` is read.
    pub fn of_archive(&self, format: &'static str, error: io::Error) -> Error {
        if self.over.get() {
            return self.of(error);
        }
        // The decoder repeats the bytes that it cannot read.
        let reason = excerpt(&error.to_string());
        Error::File(FileError::Damaged { origin: self.origin.clone(), format, reason })
    }
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.reader.read(buffer)
    }
}
