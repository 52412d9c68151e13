use onedge_objective::Real;
use onedge_random::Random;

use crate::Error;

/// Random changes to the images of a mini-batch: padded by zeros and cropped back at a random place, mirrored left to
/// right for every other one.
///
/// What happens to an image depends on the seed and on how many were drawn before it, on nothing else: there is no state
/// but the [`Position`](super::Position) of the batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Augment {
    /// Channels, height, width.
    shape: [usize; 3],
    crop: usize,
    flip: bool,
}

/// Keeps these choices apart from the initial parameters and the order of examples.
const STREAM: u64 = 2;
/// Numbers of the generator that belong to one image: a block of it.
const NUMBERS: u128 = 16;

impl Augment {
    /// For inputs of `shape`: pads by `crop` pixels on each side, and mirrors if `flip`; `None` if neither is asked for.
    ///
    /// # Errors
    /// [`Error::NoImages`] if the inputs are not `[channels, height, width]`; [`Error::Crop`] if nothing of an image might
    /// be left.
    pub fn new(shape: &[usize], crop: usize, flip: bool) -> Result<Option<Self>, Error> {
        if crop == 0 && !flip {
            return Ok(None);
        }
        let &[channels, height, width] = shape else {
            let key = if crop > 0 { "crop" } else { "flip" };
            return Err(Error::NoImages { key, shape: shape.to_vec() });
        };
        match crop < height.min(width) {
            true => Ok(Some(Self { shape: [channels, height, width], crop, flip })),
            false => Err(Error::Crop { crop, height, width }),
        }
    }

    /// Changes the image that is drawn as number `number` of a run, in place.
    pub fn apply<T: Real>(&self, seed: u64, number: u64, image: &mut [T]) {
        let mut random = Random::new(seed).stream(STREAM).at(NUMBERS * u128::from(number));
        let mut place = || random.range(0, 2 * self.crop + 1);
        let (down, right) = (place(), place());
        let mirrored = self.flip && random.flag();
        self.change(down, right, mirrored, image);
    }

    /// Crops the padded image at row `down`, column `right`, then mirrors it.
    fn change<T: Real>(&self, down: usize, right: usize, mirrored: bool, image: &mut [T]) {
        let [_, height, width] = self.shape;
        let mut old = vec![T::ZERO; height * width];
        for plane in image.chunks_exact_mut(height * width) {
            old.copy_from_slice(plane);
            for (y, row) in plane.chunks_exact_mut(width).enumerate() {
                row.fill(T::ZERO);
                let Some(from) = (y + down).checked_sub(self.crop).filter(|&y| y < height) else { continue };
                let from = &old[from * width..][..width];
                // Columns of the new row whose source lies within the old one.
                let start = self.crop.saturating_sub(right);
                let end = width.min(width + self.crop - right);
                row[start..end].copy_from_slice(&from[start + right - self.crop..end + right - self.crop]);
                if mirrored {
                    row.reverse();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two channels of 3 x 4.
    fn image() -> Vec<f32> {
        (1..=24).map(|i| i as f32).collect()
    }

    fn changed(crop: usize, down: usize, right: usize, mirrored: bool) -> Vec<f32> {
        let mut image = image();
        Augment { shape: [2, 3, 4], crop, flip: true }.change(down, right, mirrored, &mut image);
        image
    }

    #[test]
    fn crops_move_the_image_and_fill_with_zeros() {
        assert_eq!(changed(2, 2, 2, false), image());
        // One row down and two columns to the right of the unpadded place: rows and columns come in from there.
        let moved = changed(2, 3, 4, false);
        assert_eq!(moved[..12], [7.0, 8.0, 0.0, 0.0, 11.0, 12.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
        assert_eq!(moved[12..16], [19.0, 20.0, 0.0, 0.0]);
        let moved = changed(2, 0, 1, false);
        assert_eq!(moved[..12], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 2.0, 3.0]);
    }

    #[test]
    fn a_mirror_turns_every_row() {
        let mirrored = changed(0, 0, 0, true);
        assert_eq!(mirrored[..4], [4.0, 3.0, 2.0, 1.0]);
        assert_eq!(mirrored[20..], [24.0, 23.0, 22.0, 21.0]);
    }

    #[test]
    fn every_place_and_both_sides_occur_alike_and_by_the_seed_alone() {
        let augment = Augment::new(&[1, 5, 5], 1, true).unwrap().unwrap();
        // Pixels 1 to 25: the middle one tells place and mirror, as the image is asymmetric around it.
        let drawn = |seed, number| {
            let mut image: Vec<f64> = (1..=25).map(f64::from).collect();
            augment.apply(seed, number, &mut image);
            image
        };
        let mut counts = std::collections::BTreeMap::new();
        for number in 0..1800 {
            assert_eq!(drawn(3, number), drawn(3, number));
            let image = drawn(3, number);
            *counts.entry((image[12] as u32, image[11] < image[12])).or_insert(0usize) += 1;
        }
        // 9 places times 2 sides; each count is binomial with mean 100 and deviation 9.7.
        assert_eq!(counts.len(), 18);
        assert!(counts.values().all(|&count| count.abs_diff(100) < 50), "{counts:?}");
        assert!((0..20).any(|number| drawn(3, number) != drawn(4, number)));
    }

    #[test]
    fn only_images_can_be_changed() {
        assert_eq!(Augment::new(&[11], 0, false).unwrap(), None);
        let message = |shape: &[usize], crop, flip| Augment::new(shape, crop, flip).unwrap_err().to_string();
        assert_eq!(
            message(&[11], 4, true),
            "crop: expected images [channels, height, width] to change, got inputs [11]; try leaving it out"
        );
        assert_eq!(
            message(&[8, 8], 0, true),
            "flip: expected images [channels, height, width] to change, got inputs [8, 8]; try leaving it out"
        );
        assert_eq!(
            message(&[3, 8, 6], 6, true),
            "crop: expected less than a side of the images, which are 8 x 6, got 6; try 4"
        );
    }
}
