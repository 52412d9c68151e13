use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use crate::excerpt::excerpt;
use crate::{Error, FileError};

/// Bytes from a file or from memory, unpacked on the way if they are gzip'd (seen by their first two bytes).
pub struct Source {
    origin: String,
    reader: Box<dyn Read>,
    compressed: bool,
}

impl Source {
    /// Opens a file. `expected` and `advice` complete the sentence if it is not there.
    pub fn open(path: &Path, expected: &str, advice: &str) -> Result<Self, Error> {
        if path.is_dir() {
            let (origin, expected, got) = (path.display().to_string(), expected.to_owned(), "a folder".to_owned());
            return Err(Error::File(FileError::Format { origin, what: "path", expected, got }));
        }
        match File::open(path) {
            Ok(file) => Self::new(path.display().to_string(), BufReader::with_capacity(1 << 16, file)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                let (expected, advice) = (expected.to_owned(), advice.to_owned());
                Err(Error::File(FileError::Missing { path: path.to_owned(), expected, advice }))
            }
            Err(e) => Err(Error::io(path, "open", e)),
        }
    }

    /// Reads from memory.
    pub fn embedded(origin: &str, bytes: &'static [u8]) -> Result<Self, Error> {
        Self::new(origin.to_owned(), bytes)
    }

    /// What it is called in errors.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The next `n` bytes, of the part called `what`.
    pub fn exactly(&mut self, n: u64, what: &str) -> Result<Vec<u8>, Error> {
        // The size comes from the file itself, so room is only made for what proves to be there.
        let mut bytes = Vec::with_capacity(usize::try_from(n).unwrap_or(usize::MAX).min(1 << 26));
        (&mut self.reader).take(n).read_to_end(&mut bytes).map_err(|e| self.failed(e))?;
        let got = bytes.len() as u64;
        if got < n {
            return Err(Error::File(FileError::Truncated {
                origin: self.origin.clone(),
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
        self.reader.read_to_end(&mut bytes).map_err(|e| self.failed(e))?;
        Ok(bytes)
    }

    /// All bytes that are left, of a text.
    pub fn text(&mut self) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        loop {
            // A piece at a time, so that a device or a bomb of zeros is refused before it fills the memory.
            let start = bytes.len();
            (&mut self.reader).take(1 << 20).read_to_end(&mut bytes).map_err(|e| self.failed(e))?;
            if bytes.len() == start {
                return Ok(bytes);
            }
            if let Some(zero) = bytes[start..].iter().position(|&byte| byte == 0) {
                let (what, expected) = ("content", "text in UTF-8".to_owned());
                let got = format!("a zero byte after {} bytes (UTF-16, or no text)", start + zero);
                return Err(Error::File(FileError::Format { origin: self.origin.clone(), what, expected, got }));
            }
        }
    }

    /// Checks that nothing is left after the `n` bytes of `what`; for gzip this also checks the checksum.
    pub fn end(&mut self, n: u64, what: &str) -> Result<(), Error> {
        match self.reader.read(&mut [0]) {
            Ok(0) => Ok(()),
            Ok(_) => Err(Error::File(FileError::Trailing {
                origin: self.origin.clone(),
                what: what.to_owned(),
                expected: n,
            })),
            Err(e) => Err(self.failed(e)),
        }
    }

    /// Reads to the end of a compressed file, so that its checksum is checked.
    pub fn verify(mut self) -> Result<(), Error> {
        if self.compressed {
            io::copy(&mut self.reader, &mut io::sink()).map_err(|e| self.failed(e))?;
        }
        Ok(())
    }

    /// The error for a failed read: a damaged stream, or the system's refusal.
    pub fn failed(&self, error: io::Error) -> Error {
        if self.compressed && error.kind() != io::ErrorKind::OutOfMemory {
            Error::File(FileError::Damaged {
                origin: self.origin.clone(),
                format: "gzip",
                reason: excerpt(&error.to_string()),
            })
        } else {
            Error::io(Path::new(&self.origin), "read", error)
        }
    }

    fn new(origin: String, mut reader: impl BufRead + 'static) -> Result<Self, Error> {
        let compressed = match reader.fill_buf() {
            Ok(head) => head.starts_with(&[0x1f, 0x8b]),
            Err(e) => return Err(Error::io(Path::new(&origin), "read", e)),
        };
        let reader: Box<dyn Read> =
            if compressed { Box::new(flate2::bufread::MultiGzDecoder::new(reader)) } else { Box::new(reader) };
        Ok(Self { origin, reader, compressed })
    }
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.reader.read(buffer)
    }
}
