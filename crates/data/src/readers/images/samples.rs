//! Images made for tests.

use jpeg_encoder::{ColorType as JpegColor, Encoder as JpegEncoder};
use png::{BitDepth, ColorType, Encoder};

/// A PNG image in RGB.
pub fn png(width: u32, height: u32, rgb: &[u8]) -> Vec<u8> {
    png_of(width, height, ColorType::Rgb, BitDepth::Eight, rgb)
}

/// A PNG image of any kind.
pub fn png_of(width: u32, height: u32, color: ColorType, depth: BitDepth, data: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, width, height);
    encoder.set_color(color);
    encoder.set_depth(depth);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(data).unwrap();
    writer.finish().unwrap();
    bytes
}

/// A PNG image of one pixel with so many frames.
pub fn animated(frames: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, 1, 1);
    encoder.set_color(ColorType::Rgb);
    encoder.set_animated(frames, 0).unwrap();
    let mut writer = encoder.write_header().unwrap();
    for frame in 0..frames {
        writer.write_image_data(&[frame as u8, 2, 3]).unwrap();
    }
    writer.finish().unwrap();
    bytes
}

/// What varies between JPEG files.
#[derive(Default)]
pub struct Jpeg {
    pub progressive: bool,
    pub grey: bool,
    /// The payload of an APP1 segment.
    pub exif: Vec<u8>,
    /// The payload of an APP9 segment.
    pub comment: Vec<u8>,
}

/// A JPEG image of the colours that `color(x, y)` gives.
pub fn jpeg(width: u16, height: u16, color: impl Fn(u32, u32) -> [u8; 3], how: Jpeg) -> Vec<u8> {
    let (w, h) = (u32::from(width), u32::from(height));
    let rgb = (0..h).flat_map(|y| (0..w).map(move |x| (x, y))).map(|(x, y)| color(x, y));
    let (data, kind): (Vec<u8>, _) = match how.grey {
        true => (rgb.map(|pixel| pixel[0]).collect(), JpegColor::Luma),
        false => (rgb.flatten().collect(), JpegColor::Rgb),
    };
    let mut bytes = Vec::new();
    let mut encoder = JpegEncoder::new(&mut bytes, 95);
    encoder.set_progressive(how.progressive);
    for (segment, payload) in [(1, &how.exif), (9, &how.comment)] {
        if !payload.is_empty() {
            encoder.add_app_segment(segment, payload).unwrap();
        }
    }
    encoder.encode(&data, width, height, kind).unwrap();
    bytes
}
