use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use super::pixels::Pixels;
use super::{ImageFault, jpeg, png};
use crate::readers::foreign::{foreign, is_web_page};
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
        other => Err(of(ImageFault::Content { got: other_format(other) })),
    }
}

/// What a file that is neither PNG nor JPEG is, by its first bytes.
fn other_format(bytes: &[u8]) -> &'static str {
    let brand = bytes.get(4..12).filter(|part| part.starts_with(b"ftyp")).map(|part| &part[4..]);
    match bytes {
        [] => "an empty file",
        [b'G', b'I', b'F', b'8', ..] => "a GIF image",
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => "a WebP image",
        [b'I', b'I', b'*', 0, ..] | [b'M', b'M', 0, b'*', ..] => "a TIFF image",
        [b'B', b'M', ..] => "a BMP image",
        [b'8', b'B', b'P', b'S', ..] => "a Photoshop document",
        [0xff, 0x0a, ..] => "a JPEG XL image",
        _ if matches!(brand, Some(b"avif" | b"avis")) => "an AVIF image",
        _ if matches!(brand, Some(b"heic" | b"heix" | b"mif1" | b"msf1")) => "a HEIC image",
        _ if brand.is_some() => "a video",
        _ if is_web_page(bytes) => "a web page",
        _ if bytes.trim_ascii_start().starts_with(b"<svg") => "an SVG image",
        _ => foreign(bytes).map_or("neither of the two", |foreign| foreign.what),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_formats_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let message = |bytes: &[u8]| {
            let path = dir.path().join("x.jpg");
            fs::write(&path, bytes).unwrap();
            decode(&path).unwrap_err().to_string().replace(&path.display().to_string(), "x.jpg")
        };
        assert_eq!(
            message(b"RIFF\x24\0\0\0WEBPVP8 "),
            "x.jpg: a WebP image by its first bytes, expected PNG or JPEG; try converting it, or fetching it again"
        );
        for (bytes, expected) in [
            (&b""[..], "an empty file"),
            (b"GIF89a", "a GIF image"),
            (b"\0\0\0\x1cftypheic", "a HEIC image"),
            (b"\0\0\0\x1cftypavif", "an AVIF image"),
            (b"<!DOCTYPE html>", "a web page"),
            (b"PK\x03\x04", "a zip archive"),
            (b"version https://git-lfs.github.com/spec/v1", "a pointer of Git LFS"),
            (b"\xff\xd8", "neither of the two"),
        ] {
            assert!(message(bytes).starts_with(&format!("x.jpg: {expected}")), "{}", message(bytes));
        }
    }
}
