use std::borrow::Cow;

use super::ImageFault;

/// The bytes of a JPEG file as a strict decoder takes them, up to its first scan: without bytes between segments, which libjpeg
/// skips, and without an Adobe marker where another one has the say on colours.
///
/// libjpeg takes three channels as YCbCr where a JFIF marker is; else as an Adobe marker says; else as the names of the channels say.
/// The decoder here knows no JFIF, so that the Adobe marker must go.
///
/// # Errors
/// Channels called R, G and B in a file with a JFIF marker, which decoders read in two ways.
pub fn tidied(bytes: &[u8]) -> Result<Cow<'_, [u8]>, ImageFault> {
    let Some(headers) = headers(bytes) else { return Ok(Cow::Borrowed(bytes)) };
    let of = |marker: u8, begin: &[u8]| {
        headers.segments.iter().find(|segment| segment[1] == marker && segment[4..].starts_with(begin)).copied()
    };
    let jfif = of(0xe0, b"JFIF\0").is_some();
    let frame = headers.segments.iter().find(|segment| matches!(segment[1], 0xc0..=0xc2)).copied();
    // Length, precision, height and width come before the number of channels, and three bytes are each of them.
    let channels = frame.and_then(|frame| Some((frame.get(9)?, frame.get(10..)?)));
    let three = channels.is_some_and(|(&count, _)| count == 3);
    if jfif && three && channels.is_some_and(|(_, each)| each.iter().step_by(3).take(3).eq(b"RGB")) {
        let reason = "its JFIF marker says YCbCr, its channels are called R, G and B".to_owned();
        return Err(ImageFault::Unreadable { format: "JPEG", reason });
    }
    let is_overruled = |segment: &[u8]| jfif && three && segment[1] == 0xee && segment[4..].starts_with(b"Adobe");
    if !headers.stray && !headers.segments.iter().any(|segment| is_overruled(segment)) {
        return Ok(Cow::Borrowed(bytes));
    }
    let mut tidy = bytes[..2].to_vec();
    let kept = headers.segments.iter().filter(|segment| !is_overruled(segment));
    kept.for_each(|segment| tidy.extend_from_slice(segment));
    tidy.extend_from_slice(headers.rest);
    Ok(Cow::Owned(tidy))
}

struct Headers<'a> {
    /// Those before the first scan, each with its marker and length: four bytes at least.
    segments: Vec<&'a [u8]>,
    /// Whether anything else is between them.
    stray: bool,
    /// From the first scan on.
    rest: &'a [u8],
}

/// The headers of a file; none if they do not lead to a scan.
fn headers(bytes: &[u8]) -> Option<Headers<'_>> {
    let (mut segments, mut stray, mut at) = (Vec::new(), false, 2);
    loop {
        let start = at + bytes.get(at..)?.iter().position(|&byte| byte == 0xff)?;
        let code = start + bytes[start..].iter().position(|&byte| byte != 0xff)?;
        stray |= start > at;
        match bytes[code] {
            // No marker but a byte of data, or one that stands alone.
            0x00 | 0x01 | 0xd0..=0xd8 => {
                (stray, at) = (true, code + 1);
            }
            0xda => return Some(Headers { segments, stray, rest: &bytes[code - 1..] }),
            0xd9 => return None,
            _ => {
                let length = usize::from(u16::from_be_bytes([*bytes.get(code + 1)?, *bytes.get(code + 2)?]));
                at = code + 1 + length;
                segments.push(bytes.get(code - 1..at).filter(|segment| segment.len() >= 4)?);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: &[u8] = b"\xff\xc0\0\x11\x08\0\x01\0\x01\x03\x01\x11\0\x02\x11\0\x03\x11\0";

    #[test]
    fn what_needs_no_change_is_not_copied() {
        let file = [&b"\xff\xd8\xff\xe0\0\x07JFIF\0"[..], FRAME, b"\xff\xda\xff\xff\0"].concat();
        assert!(matches!(tidied(&file), Ok(Cow::Borrowed(same)) if same == file));
        for broken in [&b"\xff\xd8"[..], b"\xff\xd8\xff\xe0\0\x01", b"\xff\xd8\xff\xe0\xff\xff", b"\xff\xd8\xff\xd9"] {
            assert!(matches!(tidied(broken), Ok(Cow::Borrowed(same)) if same == broken), "{broken:?}");
        }
    }

    #[test]
    fn what_is_between_is_left_out_and_the_scan_kept() {
        let file = [&b"\xff\xd8ab\xff\xff\xe1\0\x03x\xff\0"[..], FRAME, b"\xff\xff\xda\xff\0\xffz"].concat();
        let expected = [&b"\xff\xd8\xff\xe1\0\x03x"[..], FRAME, b"\xff\xda\xff\0\xffz"].concat();
        assert_eq!(&tidied(&file).unwrap()[..], &expected[..]);
    }

    #[test]
    fn colours_that_are_read_in_two_ways_are_refused() {
        let named = FRAME.iter().enumerate().map(|(at, &byte)| match at {
            10 => b'R',
            13 => b'G',
            16 => b'B',
            _ => byte,
        });
        let named: Vec<u8> = named.collect();
        let file = |head: &[u8]| [head, &named, b"\xff\xda"].concat();
        assert!(tidied(&file(b"\xff\xd8")).is_ok());
        let message = tidied(&file(b"\xff\xd8\xff\xe0\0\x07JFIF\0")).unwrap_err().to_string();
        assert!(message.contains("its JFIF marker says YCbCr"), "{message}");
    }
}
