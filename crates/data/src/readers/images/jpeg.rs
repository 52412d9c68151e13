use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::ImageFault;
use super::exif::orientation;
use super::jpeg_headers::tidied;
use super::pixels::{Pixels, require_pixels};
use crate::excerpt::excerpt;

/// A JPEG image, baseline or progressive.
pub fn decode(bytes: &[u8]) -> Result<Pixels, ImageFault> {
    // The decoder would fill what is cut off with grey.
    if !is_whole(bytes) {
        return Err(ImageFault::Truncated { format: "JPEG" });
    }
    let options = DecoderOptions::default()
        .set_strict_mode(true)
        .set_max_width(usize::MAX)
        .set_max_height(usize::MAX)
        .jpeg_set_out_colorspace(ColorSpace::RGB);
    let bytes = tidied(bytes)?;
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(&bytes[..]), options);
    decoder.decode_headers().map_err(fault)?;
    let Some((width, height)) = decoder.dimensions() else {
        return Err(ImageFault::Unreadable { format: "JPEG", reason: "it states no size".to_owned() });
    };
    require_pixels(width, height)?;
    let rgb = decoder.decode().map_err(fault)?;
    if rgb.len() != 3 * width * height {
        return Err(ImageFault::Unreadable { format: "JPEG", reason: "of no known colours".to_owned() });
    }
    let orientation = decoder.exif().map(|exif| orientation(exif)).unwrap_or_default();
    Ok(Pixels { width, height, rgb, orientation })
}

/// Whether the segments of a file lead to its end marker. Segments are skipped by their length, as a thumbnail in one of
/// them has an end marker too.
fn is_whole(bytes: &[u8]) -> bool {
    let mut at = 2;
    while let Some(step) = bytes.get(at..).and_then(|rest| rest.iter().position(|&byte| byte == 0xff)) {
        at += step + 1;
        match bytes.get(at..) {
            Some([0xd9, ..]) => return true,
            // Stuffing within coded data, restart markers, fill bytes: no segment follows.
            Some([0x00 | 0x01 | 0xd0..=0xd7 | 0xff, ..]) => {}
            Some([_, high, low, ..]) => at += 1 + usize::from(u16::from_be_bytes([*high, *low])),
            _ => return false,
        }
    }
    false
}

fn fault(error: DecodeErrors) -> ImageFault {
    ImageFault::Unreadable { format: "JPEG", reason: excerpt(&format!("{error:?}")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::readers::images::exif::Orientation;
    use crate::readers::images::samples::{Jpeg, jpeg};

    #[test]
    fn colours_come_back_nearly() {
        for progressive in [false, true] {
            let bytes = jpeg(9, 17, |_, _| [200, 100, 50], Jpeg { progressive, ..Jpeg::default() });
            let image = decode(&bytes).unwrap();
            assert_eq!((image.width, image.height, image.rgb.len()), (9, 17, 3 * 9 * 17));
            for pixel in image.rgb.chunks(3) {
                for (got, want) in pixel.iter().zip([200u8, 100, 50]) {
                    assert!(got.abs_diff(want) <= 3, "{pixel:?}");
                }
            }
        }
        let grey = decode(&jpeg(8, 8, |_, _| [90; 3], Jpeg { grey: true, ..Jpeg::default() })).unwrap();
        assert!(grey.rgb.len() == 192 && grey.rgb.iter().all(|byte| byte.abs_diff(90) <= 1));
    }

    #[test]
    fn cut_off_anywhere_it_is_refused() {
        for progressive in [false, true] {
            let whole =
                jpeg(33, 20, |x, y| [(7 * x) as u8, (11 * y) as u8, 90], Jpeg { progressive, ..Jpeg::default() });
            for end in 3..whole.len() - 1 {
                assert_eq!(decode(&whole[..end]), Err(ImageFault::Truncated { format: "JPEG" }), "{end}");
            }
            assert!(decode(&[&whole[..], b"trailing"].concat()).is_ok());
        }
    }

    #[test]
    fn a_thumbnail_does_not_hide_that_the_end_is_missing() {
        let thumbnail = jpeg(4, 4, |_, _| [1, 2, 3], Jpeg::default());
        let whole = jpeg(16, 16, |_, _| [1, 2, 3], Jpeg { comment: thumbnail, ..Jpeg::default() });
        assert!(decode(&whole).is_ok());
        assert_eq!(decode(&whole[..whole.len() - 2]), Err(ImageFault::Truncated { format: "JPEG" }));
    }

    #[test]
    fn data_that_make_no_sense_are_refused() {
        let mut bytes = jpeg(32, 32, |x, y| [(x * y) as u8, 3, 90], Jpeg::default());
        let length = bytes.len();
        // A marker that has no place within coded data.
        bytes[length - 12..length - 10].copy_from_slice(&[0xff, 0xc8]);
        assert!(decode(&bytes).is_err());
    }

    #[test]
    fn the_orientation_is_read() {
        let exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0".to_vec();
        let bytes = jpeg(8, 8, |_, _| [1, 2, 3], Jpeg { exif, ..Jpeg::default() });
        let expected = Orientation { transposed: true, mirrored: true, flipped: false };
        assert_eq!(decode(&bytes).unwrap().orientation, expected);
    }

    /// Where the first segment of this kind begins.
    fn segment(bytes: &[u8], marker: u8) -> usize {
        bytes.windows(2).position(|pair| pair == [0xff, marker]).unwrap()
    }

    fn with(bytes: &[u8], at: usize, more: &[u8]) -> Vec<u8> {
        [&bytes[..at], more, &bytes[at..]].concat()
    }

    const ADOBE: [u8; 16] = *b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0\0";

    #[test]
    fn bytes_between_headers_are_skipped() {
        for progressive in [false, true] {
            let bytes =
                jpeg(20, 12, |x, y| [(9 * x) as u8, (5 * y) as u8, 70], Jpeg { progressive, ..Jpeg::default() });
            let expected = decode(&bytes).unwrap();
            for marker in [0xdb, 0xc4, if progressive { 0xc2 } else { 0xc0 }, 0xda] {
                let at = segment(&bytes, marker);
                for stray in [&[0][..], &[7, 9, 200], &[0xff], &[1, 0xff, 0, 2], &[0; 300]] {
                    assert_eq!(decode(&with(&bytes, at, stray)).as_ref(), Ok(&expected), "{marker:x} {stray:?}");
                }
            }
        }
    }

    /// As libjpeg has it: what says JFIF is YCbCr, whatever an Adobe marker says; alone that marker decides.
    #[test]
    fn jfif_decides_on_colours_before_adobe() {
        let bytes = jpeg(16, 16, |_, _| [200, 40, 60], Jpeg::default());
        let expected = decode(&bytes).unwrap();
        assert!(expected.rgb[0].abs_diff(200) <= 3 && expected.rgb[1].abs_diff(40) <= 3);
        let jfif = segment(&bytes, 0xe0);
        let end = jfif + 2 + usize::from(bytes[jfif + 3]);
        for at in [jfif, end, segment(&bytes, 0xda)] {
            assert_eq!(decode(&with(&bytes, at, &ADOBE)).as_ref(), Ok(&expected), "{at}");
        }
        // Without JFIF its channels are red, green and blue as they are: Y, Cb and Cr of that colour.
        let bare = [&bytes[..jfif], &bytes[end..]].concat();
        assert_eq!(decode(&bare).unwrap(), expected);
        let rgb = decode(&with(&bare, 2, &ADOBE)).unwrap().rgb;
        let [red, green, blue] = [200.0f64, 40.0, 60.0];
        let y = 0.299 * red + 0.587 * green + 0.114 * blue;
        let channels = [y, 128.0 + (blue - y) / 1.772, 128.0 + (red - y) / 1.402];
        for (got, expected) in rgb[..3].iter().zip(channels) {
            assert!((f64::from(*got) - expected).abs() <= 3.0, "{:?} {channels:?}", &rgb[..3]);
        }
    }
}
