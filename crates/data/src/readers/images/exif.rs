//! Which way up a photograph is: tag 0x0112 of its EXIF data (CIPA DC-008, 4.6.4).

/// How stored pixels become the upright image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Orientation {
    /// Rows and columns change places, first.
    pub transposed: bool,
    /// Then the image is mirrored left to right,
    pub mirrored: bool,
    /// and top to bottom.
    pub flipped: bool,
}

/// The orientation that `exif` states (a TIFF header and its first directory); as stored if it states none.
pub fn orientation(exif: &[u8]) -> Orientation {
    let oriented = |transposed, mirrored, flipped| Orientation { transposed, mirrored, flipped };
    match tag(exif) {
        Some(2) => oriented(false, true, false),
        Some(3) => oriented(false, true, true),
        Some(4) => oriented(false, false, true),
        Some(5) => oriented(true, false, false),
        Some(6) => oriented(true, true, false),
        Some(7) => oriented(true, true, true),
        Some(8) => oriented(true, false, true),
        _ => Orientation::default(),
    }
}

/// The value of the tag, if it is there.
fn tag(exif: &[u8]) -> Option<u16> {
    let big = match exif.get(..4)? {
        b"MM\0*" => true,
        b"II*\0" => false,
        _ => return None,
    };
    let short = |at: usize| {
        let bytes = exif.get(at..)?.first_chunk()?;
        Some(if big { u16::from_be_bytes(*bytes) } else { u16::from_le_bytes(*bytes) })
    };
    let offset = exif.get(4..)?.first_chunk()?;
    let directory = if big { u32::from_be_bytes(*offset) } else { u32::from_le_bytes(*offset) } as usize;
    let entries = usize::from(short(directory)?);
    // An entry: tag, type, count, and the value if it fits.
    let entry = |i: usize| directory + 2 + 12 * i;
    (0..entries).find(|&i| short(entry(i)) == Some(0x0112)).and_then(|i| short(entry(i) + 8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_tag_in_either_order_of_bytes() {
        let big = b"MM\0*\0\0\0\x08\0\x02\x01\x0f\0\x02\0\0\0\x01\0\0\0\0\x01\x12\0\x03\0\0\0\x01\0\x06\0\0";
        let little = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x08\0\0\0";
        assert_eq!((tag(big), tag(little)), (Some(6), Some(8)));
        assert_eq!(orientation(big), Orientation { transposed: true, mirrored: true, flipped: false });
    }

    #[test]
    fn damaged_data_states_nothing() {
        let little = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x08\0\0\0";
        for end in 0..18 {
            assert_eq!(orientation(&little[..end]), Orientation::default());
        }
        assert_eq!(tag(b"II*\0\xff\xff\xff\xff\x01\0"), None);
    }
}
