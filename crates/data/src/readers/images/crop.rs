use super::decode::Pixels;

/// Writes the middle of an image to `out`, `[3, size, size]`, as whole levels from 0 to 255: the shorter side is brought
/// to `size * 256 / 224` pixels, and the middle `size x size` of that is taken, upright.
///
/// Resized with a triangle (bilinear) filter that widens with the reduction, so that no source pixel is skipped:
///
/// ```text
/// out(i) = sum_x x_pixel t((x + 1/2 - c) / s) / sum_x t((x + 1/2 - c) / s),  c = (i + 1/2) scale,  s = max(scale, 1)
/// ```
pub fn crop(image: &Pixels, size: usize, out: &mut [f32]) {
    let side = image.width.min(image.height);
    let (left, top) = ((image.width - side) / 2, (image.height - side) / 2);
    let taps = taps(side, size);
    // Rows that no output row reaches are left out.
    let used = taps[0].first..taps[size - 1].first + taps[size - 1].weights.len();
    let mut across = vec![0.0f32; used.len() * size * 3];
    for (y, row) in used.clone().zip(across.chunks_exact_mut(size * 3)) {
        let start = ((top + y) * image.width + left) * 3;
        let source = &image.rgb[start..start + side * 3];
        for (tap, pixel) in taps.iter().zip(row.chunks_exact_mut(3)) {
            for (weight, from) in tap.weights.iter().zip(source[tap.first * 3..].chunks_exact(3)) {
                pixel.iter_mut().zip(from).for_each(|(sum, &level)| *sum += weight * f32::from(level));
            }
        }
    }
    let mut row = vec![0.0f32; size * 3];
    for (y, tap) in taps.iter().enumerate() {
        row.fill(0.0);
        for (weight, from) in
            tap.weights.iter().zip(across[(tap.first - used.start) * size * 3..].chunks_exact(size * 3))
        {
            row.iter_mut().zip(from).for_each(|(sum, level)| *sum += weight * level);
        }
        for (x, pixel) in row.chunks_exact(3).enumerate() {
            let at = upright(image, size, [y, x]);
            for (channel, level) in pixel.iter().enumerate() {
                out[channel * size * size + at] = level.round().clamp(0.0, 255.0);
            }
        }
    }
}

/// Where the pixel at row y, column x of the stored square goes.
fn upright(image: &Pixels, size: usize, [mut y, mut x]: [usize; 2]) -> usize {
    let how = image.orientation;
    if how.transposed {
        (y, x) = (x, y);
    }
    if how.mirrored {
        x = size - 1 - x;
    }
    if how.flipped {
        y = size - 1 - y;
    }
    y * size + x
}

/// The source pixels of one output pixel along a line.
struct Taps {
    first: usize,
    weights: Vec<f32>,
}

/// For each of the `size` output pixels on a line its taps among `side` source pixels.
fn taps(side: usize, size: usize) -> Vec<Taps> {
    // size * 256 / 224, to the nearest.
    let resized = (size * 8 + 3) / 7;
    let scale = side as f64 / resized as f64;
    let (reach, margin) = (scale.max(1.0), (resized - size) / 2);
    let tap = |i: usize| {
        let center = ((i + margin) as f64 + 0.5) * scale;
        let first = (center - reach + 0.5).floor().max(0.0) as usize;
        let end = ((center + reach + 0.5).floor() as usize).clamp(first + 1, side);
        let triangle = |x: usize| (1.0 - ((x as f64 + 0.5 - center) / reach).abs()).max(0.0);
        let weights: Vec<f64> = (first..end).map(triangle).collect();
        let total: f64 = weights.iter().sum();
        Taps { first, weights: weights.iter().map(|weight| (weight / total) as f32).collect() }
    };
    (0..size).map(tap).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::readers::images::exif::Orientation;

    fn image(width: usize, height: usize, color: impl Fn(usize, usize) -> [u8; 3]) -> Pixels {
        let rgb = (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).flat_map(|(x, y)| color(x, y)).collect();
        Pixels { width, height, rgb, orientation: Orientation::default() }
    }

    fn cropped(image: &Pixels, size: usize) -> Vec<f32> {
        let mut out = vec![f32::NAN; 3 * size * size];
        crop(image, size, &mut out);
        out
    }

    #[test]
    fn one_colour_stays_one_colour_at_any_size() {
        for (width, height) in [(1, 1), (1, 300), (7, 5), (64, 64), (200, 31)] {
            for size in [1, 2, 7, 28] {
                let out = cropped(&image(width, height, |_, _| [10, 128, 255]), size);
                for (channel, level) in out.chunks(size * size).zip([10.0, 128.0, 255.0]) {
                    assert!(channel.iter().all(|&x| x == level), "{width} x {height} to {size}");
                }
            }
        }
    }

    #[test]
    fn the_middle_is_taken_as_it_is_where_nothing_shrinks() {
        // 8 pixels stay 8, of which the middle 7 are those from 0: the margin is rounded down.
        let out = cropped(&image(12, 8, |x, y| [(10 * x) as u8, (10 * y) as u8, 0]), 7);
        // The square begins at column 2.
        let row: Vec<f32> = (2..9).map(|x| 10.0 * x as f32).collect();
        assert_eq!(out[..7], row);
        assert_eq!((out[49], out[49 + 7]), (0.0, 10.0));
    }

    #[test]
    fn a_ramp_stays_a_ramp() {
        // Away from the borders a symmetric filter keeps a linear function: out(i) = (i + margin + 1/2) scale - 1/2.
        let out = cropped(&image(64, 64, |x, _| [(3 * x) as u8, 0, 0]), 28);
        for i in 1..27 {
            let want = 3.0 * ((i as f32 + 2.0 + 0.5) * 2.0 - 0.5);
            assert!((out[28 * 5 + i] - want).abs() <= 0.5, "{i}: {} against {want}", out[28 * 5 + i]);
        }
    }

    #[test]
    fn photographs_are_put_upright() {
        // A single white corner, top left as stored, and where a viewer shows it for each value of the tag.
        let corner = image(8, 8, |x, y| [if x < 3 && y < 3 { 255 } else { 0 }; 3]);
        let exif = |tag: u8| [&b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0"[..], &[tag, 0]].concat();
        for (tag, at) in [(1, 0), (2, 6), (3, 48), (4, 42), (5, 0), (6, 6), (7, 48), (8, 42)] {
            let turned = Pixels { orientation: super::super::exif::orientation(&exif(tag)), ..corner.clone() };
            assert_eq!(cropped(&turned, 7)[at], 255.0, "{tag}");
        }
        // Turned by a quarter, clockwise, the stored left column is the top row.
        let left = image(8, 8, |x, _| [if x == 0 { 255 } else { 0 }; 3]);
        let turned = Pixels { orientation: super::super::exif::orientation(&exif(6)), ..left };
        assert!(cropped(&turned, 7)[..7].iter().all(|&x| x == 255.0));
    }
}
