use crate::{Dataset, Error, ExamplesError, dataset};

/// Shrinks images to `height x width` by area averaging, channel by channel.
///
/// Each new pixel is the mean of the source over the rectangle it covers; source pixels that are covered in part count
/// with the covered share of their area, so sizes need not divide and the mean of an image is kept.
///
/// Shapes: `[channels, h, w]` or `[h, w]` to the same with `height, width`.
///
/// # Errors
/// [`ExamplesError::Inapplicable`] if the examples are no images, or a new side is zero or longer than the old one.
pub fn downsample(set: Dataset, height: usize, width: usize) -> Result<Dataset, Error> {
    let (channels, old_height, old_width) = match *set.input_shape() {
        [channels, h, w] => (channels, h, w),
        [h, w] => (1, h, w),
        _ => return Err(inapplicable(&set, height, width, "images", "`side` unset")),
    };
    if height == 0 || width == 0 || height > old_height || width > old_width {
        let expected = format!("sides from 1 to {}", old_height.min(old_width));
        return Err(inapplicable(&set, height, width, &expected, "a smaller `side`"));
    }
    if (height, width) == (old_height, old_width) {
        return Ok(set);
    }
    let (down, across) = (weights(old_height, height), weights(old_width, width));
    let mut inputs = dataset::allocate(set.origin(), &[set.examples(), channels, height, width])?;
    let mut row = vec![0.0f32; old_width];
    for plane in set.inputs().single().chunks_exact(old_height * old_width) {
        for vertical in &down {
            row.fill(0.0);
            for &(y, weight) in vertical {
                let source = &plane[y * old_width..][..old_width];
                row.iter_mut().zip(source).for_each(|(sum, pixel)| *sum += weight * pixel);
            }
            inputs.extend(across.iter().map(|terms| terms.iter().map(|&(x, weight)| weight * row[x]).sum::<f32>()));
        }
    }
    let mut shape = set.input_shape().to_vec();
    let rank = shape.len();
    shape[rank - 2..].copy_from_slice(&[height, width]);
    let full_scale = set.full_scale();
    set.with_inputs(inputs, shape, full_scale)
}

/// For each of `to` new pixels on a line, the old ones of `from` that it covers, each with its share of the length.
fn weights(from: usize, to: usize) -> Vec<Vec<(usize, f32)>> {
    // In units of 1 / to old pixels: old pixel j covers [j to, (j + 1) to), new pixel i covers [i from, (i + 1) from).
    let overlap = |i: usize, j: usize| ((i + 1) * from).min((j + 1) * to) - (i * from).max(j * to);
    let covered = |i: usize| i * from / to..((i + 1) * from).div_ceil(to);
    (0..to).map(|i| covered(i).map(|j| (j, overlap(i, j) as f32 / from as f32)).collect()).collect()
}

fn inapplicable(set: &Dataset, height: usize, width: usize, expected: &str, advice: &'static str) -> Error {
    Error::Examples(ExamplesError::Inapplicable {
        origin: set.origin().to_owned(),
        what: format!("downsampling to {height} x {width}"),
        expected: expected.to_owned(),
        got: format!("inputs {:?}", set.input_shape()),
        advice,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Targets;

    fn set(inputs: &[f32], shape: &[usize]) -> Dataset {
        let examples = inputs.len() / shape.iter().product::<usize>();
        let targets = Targets::Classes { labels: vec![0; examples], classes: 1, names: Vec::new() };
        Dataset::new("set", inputs.to_vec(), shape.to_vec(), targets).unwrap().with_full_scale(255.0)
    }

    #[test]
    fn a_divisor_averages_blocks_of_each_channel() {
        let two_channels = [1.0, 3.0, 10.0, 20.0, 5.0, 7.0, 30.0, 40.0, 0.0, 4.0, 8.0, 12.0, 0.0, 4.0, 8.0, 12.0];
        let small = downsample(set(&two_channels, &[2, 2, 4]), 1, 2).unwrap();
        assert_eq!(small.input_shape(), &[2, 1, 2]);
        assert_eq!(small.inputs(), &[4.0, 25.0, 2.0, 10.0]);
        assert_eq!(small.full_scale(), Some(255.0));
    }

    #[test]
    fn other_sides_count_covered_shares() {
        // Three pixels to two: each new one covers one and a half old ones, (a + b/2) / 1.5 and (b/2 + c) / 1.5.
        let small = downsample(set(&[3.0, 6.0, 12.0, 0.0, 0.0, 0.0], &[1, 3]), 1, 2).unwrap();
        for (got, want) in small.inputs().single().iter().zip([4.0, 10.0, 0.0, 0.0]) {
            assert!((got - want).abs() < 1e-5, "{got} against {want}");
        }
    }

    #[test]
    fn means_are_kept_for_every_side() {
        let image: Vec<f32> = (0..2 * 49).map(|i| ((i * 37) % 101) as f32).collect();
        let mean = |pixels: &[f32]| pixels.iter().map(|&x| f64::from(x)).sum::<f64>() / pixels.len() as f64;
        for height in 1..=7 {
            for width in 1..=7 {
                let small = downsample(set(&image, &[2, 7, 7]), height, width).unwrap();
                for (old, new) in image.chunks(49).zip(small.inputs().single().chunks(height * width)) {
                    assert!((mean(old) - mean(new)).abs() < 1e-4, "{height} x {width}");
                }
            }
        }
    }

    #[test]
    fn says_why_not() {
        assert_eq!(
            downsample(set(&[0.0; 12], &[3, 2, 2]), 3, 3).unwrap_err().to_string(),
            "set: downsampling to 3 x 3 does not apply, expected sides from 1 to 2, got inputs [3, 2, 2]; \
             try a smaller `side`"
        );
        assert_eq!(
            downsample(set(&[0.0; 11], &[11]), 3, 3).unwrap_err().to_string(),
            "set: downsampling to 3 x 3 does not apply, expected images, got inputs [11]; try `side` unset"
        );
    }
}
