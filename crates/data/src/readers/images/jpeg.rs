use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::ImageFault;
use super::exif::orientation;
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
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
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
}
