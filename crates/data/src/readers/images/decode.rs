use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use super::pixels::Pixels;
use super::{ImageFault, jpeg, png};
use crate::{Error, ImageError};

/// The longest file that is read.
const MOST_BYTES: u64 = 1 << 28;

/// The image in a file, told by its first bytes, in RGB of 8 bits a channel. Grey is repeated, alpha is left out, CMYK is
/// converted; colour profiles are ignored.
///
/// # Errors
/// A file that cannot be read, [`ImageError::File`].
pub fn decode(path: &Path) -> Result<Pixels, Error> {
    let failed = |e| Error::io(path, "read", e);
    let of = |fault| Error::Image(ImageError::File { path: path.to_owned(), fault });
    let data = fs::metadata(path).map_err(failed)?;
    if !data.is_file() {
        return Err(of(ImageFault::Special));
    }
    if data.len() > MOST_BYTES {
        return Err(of(ImageFault::Bytes { bytes: data.len(), most: MOST_BYTES }));
    }
    let mut bytes = Vec::with_capacity(data.len() as usize);
    File::open(path).map_err(failed)?.take(MOST_BYTES).read_to_end(&mut bytes).map_err(failed)?;
    match &bytes[..] {
        [0x89, b'P', b'N', b'G', ..] => png::decode(&bytes).map_err(of),
        [0xff, 0xd8, 0xff, ..] => jpeg::decode(&bytes).map_err(of),
        _ => Err(of(ImageFault::Content)),
    }
}
