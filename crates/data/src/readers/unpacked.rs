use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

use crate::{Error, FileError};

/// How much a compressed file may hold. Packed zeros can be a thousandth of what they unpack to, so without a limit a small file could
/// take all memory. Files that are not compressed have none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Unpacked {
    /// [`LEAST_MIB`], or [`TIMES`] the size of the file if that is more.
    #[default]
    Usual,
    /// So many MiB.
    Mib(u64),
}

/// What any compressed file may hold, in MiB.
pub const LEAST_MIB: u64 = 32;

/// How many times its size a compressed file may hold. Ours: tables and texts reach 5 to 20, one-hot tables 40 to 50. Rows of four bytes take up to
/// twenty times what they unpack to, so that a file of a mebibyte stays below a gibibyte.
pub const TIMES: u64 = 48;

const MIB: u64 = 1 << 20;

impl Unpacked {
    /// The limit in bytes for a file of so many.
    fn bytes(self, packed: u64) -> u64 {
        match self {
            Self::Usual => packed.saturating_mul(TIMES).max(LEAST_MIB * MIB),
            Self::Mib(mib) => mib.saturating_mul(MIB),
        }
    }

    /// The error for a file of so many bytes that holds more.
    pub(super) fn exceeded(self, origin: &str, packed: u64) -> Error {
        let most = self.bytes(packed) / MIB;
        let bound = match self {
            Self::Usual if most > LEAST_MIB => format!("{TIMES} times its size"),
            Self::Usual => format!("{LEAST_MIB} MiB, as the file is small"),
            Self::Mib(mib) => format!("the {mib} MiB of `unpacked_mib`"),
        };
        let advice = "a larger `unpacked_mib`, or unpacking it first, as with `gunzip`".to_owned();
        Error::File(FileError::Unpacked { origin: origin.to_owned(), most, bound, advice })
    }
}

/// Reads no more than a limit, and then fails.
pub struct Bounded<R> {
    reader: R,
    left: u64,
    over: Rc<Cell<bool>>,
}

impl<R> Bounded<R> {
    /// What `reader` unpacks of a file of `packed` bytes; `over` becomes true where that is more than `unpacked`.
    pub fn new(reader: R, unpacked: Unpacked, packed: u64, over: Rc<Cell<bool>>) -> Self {
        Self { reader, left: unpacked.bytes(packed), over }
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = self.reader.read(buffer)? as u64;
        match self.left.checked_sub(got) {
            Some(left) => {
                self.left = left;
                Ok(got as usize)
            }
            None => {
                self.over.set(true);
                Err(io::Error::other("more than may be unpacked"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_limit_grows_with_the_file() {
        assert_eq!(Unpacked::Usual.bytes(0), 32 << 20);
        assert_eq!(Unpacked::Usual.bytes(1 << 20), 48 << 20);
        assert_eq!(Unpacked::Usual.bytes(4 << 20), 192 << 20);
        assert_eq!(Unpacked::Usual.bytes(u64::MAX), u64::MAX);
        assert_eq!(Unpacked::Mib(3).bytes(1 << 40), 3 << 20);
    }

    #[test]
    fn all_up_to_the_limit_is_read() {
        let over = Rc::new(Cell::new(false));
        let bounded =
            |bytes: usize| Bounded::new(io::repeat(7).take(bytes as u64), Unpacked::Mib(1), 9, Rc::clone(&over));
        assert_eq!(io::copy(&mut bounded(1 << 20), &mut io::sink()).unwrap(), 1 << 20);
        assert!(!over.get());
        assert!(io::copy(&mut bounded((1 << 20) + 1), &mut io::sink()).is_err() && over.get());
    }
}
