use super::pixels::Pixels;

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
    let how = image.orientation;
    let (turns_columns, turns_rows) =
        if how.transposed { (how.flipped, how.mirrored) } else { (how.mirrored, how.flipped) };
    let columns = taps(image.width, side, size, Rounding::of(turns_columns));
    let rows = taps(image.height, side, size, Rounding::of(turns_rows));
    // Rows that no output row reaches are left out.
    let used = rows[0].first..rows[size - 1].first + rows[size - 1].weights.len();
    let mut across = vec![0.0f32; used.len() * size * 3];
    for (y, row) in used.clone().zip(across.chunks_exact_mut(size * 3)) {
        let source = &image.rgb[y * image.width * 3..][..image.width * 3];
        for (tap, pixel) in columns.iter().zip(row.chunks_exact_mut(3)) {
            for (weight, from) in tap.weights.iter().zip(source[tap.first * 3..].chunks_exact(3)) {
                pixel.iter_mut().zip(from).for_each(|(sum, &level)| *sum += weight * f32::from(level));
            }
        }
    }
    let mut row = vec![0.0f32; size * 3];
    for (y, tap) in rows.iter().enumerate() {
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

/// To which side the middle leans where there is none: left and top of the upright image, so the other end of a line that
/// is turned round later.
#[derive(Debug, Clone, Copy)]
enum Rounding {
    Down,
    Up,
}

impl Rounding {
    fn of(turned: bool) -> Self {
        if turned { Self::Up } else { Self::Down }
    }

    fn half(self, length: usize) -> usize {
        match self {
            Self::Down => length / 2,
            Self::Up => length.div_ceil(2),
        }
    }
}

/// The source pixels of one output pixel along a line.
struct Taps {
    first: usize,
    weights: Vec<f32>,
}

/// For each of the `size` output pixels on a line its taps among `length` source pixels, the middle `side` of which are
/// resized.
fn taps(length: usize, side: usize, size: usize, rounding: Rounding) -> Vec<Taps> {
    // size * 256 / 224, to the nearest.
    let resized = (size * 8 + 3) / 7;
    let scale = side as f64 / resized as f64;
    let (reach, margin, start) = (scale.max(1.0), rounding.half(resized - size), rounding.half(length - side));
    let tap = |i: usize| {
        let center = start as f64 + ((i + margin) as f64 + 0.5) * scale;
        let first = (center - reach + 0.5).floor().max(0.0) as usize;
        let end = ((center + reach + 0.5).floor() as usize).clamp(first + 1, length);
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
    use crate::readers::images::exif::{Orientation, orientation};

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

    /// Red of the middle of `Image.resize((8, 8), BILINEAR, box=square)` in Pillow 12, which keeps bytes between its two
    /// passes and so may differ by one level.
    #[test]
    fn agrees_with_pillow() {
        let pillow: [(usize, usize, [u8; 49]); 3] = [
            (
                30,
                20,
                [
                    143, 75, 159, 128, 98, 168, 84, 109, 112, 153, 81, 147, 129, 110, 92, 152, 108, 119, 148, 89, 161,
                    103, 149, 87, 157, 110, 145, 124, 135, 131, 118, 123, 106, 148, 106, 163, 107, 158, 102, 156, 115,
                    151, 162, 112, 152, 118, 126, 121, 131,
                ],
            ),
            (
                17,
                45,
                [
                    161, 77, 150, 137, 118, 170, 101, 180, 95, 174, 108, 153, 117, 131, 135, 108, 167, 96, 148, 84,
                    166, 121, 129, 121, 121, 138, 112, 151, 116, 156, 118, 151, 94, 147, 103, 70, 151, 96, 145, 90,
                    163, 113, 95, 160, 112, 159, 119, 151, 124,
                ],
            ),
            (
                5,
                4,
                [
                    0, 9, 28, 46, 65, 83, 102, 3, 12, 31, 49, 68, 87, 106, 8, 18, 37, 56, 75, 94, 113, 14, 24, 43, 62,
                    81, 100, 119, 19, 29, 48, 68, 87, 107, 126, 25, 35, 54, 74, 93, 113, 133, 30, 40, 60, 80, 100, 120,
                    140,
                ],
            ),
        ];
        for (width, height, red) in pillow {
            let color = |x: usize, y: usize| [((37 * x + 11 * y + x * y) % 256) as u8, 0, 0];
            let out = cropped(&image(width, height, color), 7);
            for (i, (got, want)) in out.iter().zip(red).enumerate() {
                assert!((got - f32::from(want)).abs() <= 1.0, "{width} x {height}, {i}: {got} against {want}");
            }
        }
    }

    #[test]
    fn photographs_are_put_upright() {
        let exif = |tag: u8| [&b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0"[..], &[tag, 0]].concat();
        // What is stored of an image for each value of the tag, EXIF 2.3, 4.6.4: where row 0 and column 0 are seen.
        let upright = image(13, 8, |x, y| [(17 * x + 3 * y) as u8, (x * y) as u8, 5]);
        let at = |x: usize, y: usize| <[u8; 3]>::try_from(&upright.rgb[(y * 13 + x) * 3..][..3]).unwrap();
        let stored = [
            image(13, 8, at),
            image(13, 8, |x, y| at(12 - x, y)),
            image(13, 8, |x, y| at(12 - x, 7 - y)),
            image(13, 8, |x, y| at(x, 7 - y)),
            image(8, 13, |x, y| at(y, x)),
            image(8, 13, |x, y| at(12 - y, x)),
            image(8, 13, |x, y| at(12 - y, 7 - x)),
            image(8, 13, |x, y| at(y, 7 - x)),
        ];
        let expected = cropped(&upright, 7);
        for (stored, tag) in stored.into_iter().zip(1..) {
            let turned = Pixels { orientation: orientation(&exif(tag)), ..stored };
            assert_eq!(cropped(&turned, 7), expected, "{tag}");
        }
    }
}
