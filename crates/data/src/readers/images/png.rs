use std::io::{Cursor, ErrorKind};

use png::{BitDepth, ColorType, Decoder, DecodingError, Transformations};

use super::ImageFault;
use super::exif::orientation;
use super::pixels::{Pixels, require_pixels};
use crate::excerpt::excerpt;

/// A PNG image. Palettes and fewer bits than 8 are expanded.
pub fn decode(bytes: &[u8]) -> Result<Pixels, ImageFault> {
    let mut decoder = Decoder::new(Cursor::new(bytes));
    decoder.set_transformations(Transformations::EXPAND);
    let header = decoder.read_header_info().map_err(fault)?;
    let (width, height) = (header.width as usize, header.height as usize);
    require_pixels(width, height)?;
    let mut reader = decoder.read_info().map_err(fault)?;
    let info = reader.info();
    if info.bit_depth == BitDepth::Sixteen {
        return Err(ImageFault::Depth);
    }
    if let Some(frames) = info.animation_control().map(|control| control.num_frames).filter(|&frames| frames > 1) {
        return Err(ImageFault::Animated { frames });
    }
    let channels = match reader.output_color_type().0 {
        ColorType::Grayscale => 1,
        ColorType::GrayscaleAlpha => 2,
        ColorType::Rgb | ColorType::Indexed => 3,
        ColorType::Rgba => 4,
    };
    let mut pixels = vec![0; width * height * channels];
    reader.next_frame(&mut pixels).map_err(fault)?;
    // To its end, where what is cut off shows.
    reader.finish().map_err(fault)?;
    let orientation = reader.info().exif_metadata.as_deref().map(orientation).unwrap_or_default();
    let rgb = match channels {
        3 => pixels,
        1 | 2 => pixels.chunks_exact(channels).flat_map(|pixel| [pixel[0]; 3]).collect(),
        _ => pixels.chunks_exact(channels).flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect(),
    };
    Ok(Pixels { width, height, rgb, orientation })
}

fn fault(error: DecodingError) -> ImageFault {
    match error {
        DecodingError::IoError(error) if error.kind() == ErrorKind::UnexpectedEof => {
            ImageFault::Truncated { format: "PNG" }
        }
        error => ImageFault::Unreadable { format: "PNG", reason: excerpt(&error.to_string()) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::readers::images::samples::{animated, png, png_of};

    #[test]
    fn every_kind_of_pixel_becomes_rgb() {
        let rgb = decode(&png(2, 1, &[1, 2, 3, 250, 251, 252])).unwrap();
        assert_eq!((rgb.width, rgb.height, &rgb.rgb[..]), (2, 1, &[1, 2, 3, 250, 251, 252][..]));
        let grey = png_of(3, 1, ColorType::Grayscale, BitDepth::Eight, &[7, 8, 9]);
        assert_eq!(decode(&grey).unwrap().rgb, [7, 7, 7, 8, 8, 8, 9, 9, 9]);
        // Two bits: levels 0, 1, 2 and 3 of 3.
        let bits = png_of(4, 1, ColorType::Grayscale, BitDepth::Two, &[0b0001_1011]);
        assert_eq!(decode(&bits).unwrap().rgb[..9], [0, 0, 0, 85, 85, 85, 170, 170, 170]);
        let alpha = png_of(1, 1, ColorType::GrayscaleAlpha, BitDepth::Eight, &[40, 0]);
        assert_eq!(decode(&alpha).unwrap().rgb, [40; 3]);
        let alpha = png_of(1, 2, ColorType::Rgba, BitDepth::Eight, &[1, 2, 3, 0, 4, 5, 6, 255]);
        assert_eq!(decode(&alpha).unwrap().rgb, [1, 2, 3, 4, 5, 6]);
    }

    #[test]
    fn sixteen_bits_and_animations_are_refused() {
        let deep = png_of(1, 1, ColorType::Rgb, BitDepth::Sixteen, &[1, 2, 3, 4, 5, 6]);
        assert_eq!(decode(&deep), Err(ImageFault::Depth));
        assert_eq!(decode(&animated(3)), Err(ImageFault::Animated { frames: 3 }));
        assert!(decode(&animated(1)).is_ok());
    }

    #[test]
    fn cut_off_anywhere_it_is_refused() {
        let whole = png(5, 4, &[9; 60]);
        for end in 4..whole.len() {
            let fault = decode(&whole[..end]).unwrap_err();
            let named = matches!(fault, ImageFault::Truncated { .. } | ImageFault::Unreadable { .. });
            assert!(named, "{end}: {fault:?}");
        }
        let mut changed = whole;
        changed[45] ^= 1;
        assert!(matches!(decode(&changed), Err(ImageFault::Unreadable { format: "PNG", .. })));
    }

    #[test]
    fn sizes_are_checked_before_they_are_allocated() {
        let mut huge = png(1, 1, &[1, 2, 3]);
        // Width and height of the header, and the checksum of that chunk.
        huge[16..24].copy_from_slice(&[0x7f, 0, 0, 0, 0x7f, 0, 0, 0]);
        let mut crc = flate2::Crc::new();
        crc.update(&huge[12..29]);
        huge[29..33].copy_from_slice(&crc.sum().to_be_bytes());
        assert!(matches!(decode(&huge), Err(ImageFault::Pixels { width: 0x7f00_0000, .. })), "{:?}", decode(&huge));
    }
}
