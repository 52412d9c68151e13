use onedge_objective::{Real, Sampled, vector};

use crate::batches::{over_batches, select};
use crate::{Error, Hessian, Lanczos, lanczos};

/// How exactly the sample is looked at: its eigenvectors differ from those of all examples by far more.
const TOLERANCE: f64 = 1e-2;

/// A sample that pays for [`coarse_start`]: a sixteenth of the examples, if that is 64 or more.
pub fn coarse_sample(examples: usize) -> Option<usize> {
    Some(examples / 16).filter(|sample| *sample >= 64)
}

/// Where [`lanczos()`] for the Hessian of a mean over many examples may start: the sum of the unit eigenvectors that `options` asks
/// for, of the mean over a `sample` of them, drawn without replacement.
///
/// The ends of a Hessian are mostly outliers that a fraction of the examples shows well, so that the vectors can be had for that
/// fraction of the cost: nested iteration. The values come from all examples alone. Lanczos's method is not quicker for it: that no
/// larger eigenvalue hides beside the start takes as many products as a random start.
///
/// Leaves all examples selected and the objective not linearised.
///
/// # Errors
/// A sample of none or of more than all; those of the objective and of [`lanczos()`].
///
/// Cost: a gradient and some ten products with H, each on the sample.
pub fn coarse_start<T: Real>(
    objective: &mut dyn Sampled<T>,
    w: &[T],
    sample: usize,
    options: &Lanczos,
) -> Result<Vec<T>, Error> {
    let options = Lanczos { tolerance: options.tolerance.max(TOLERANCE), ..*options };
    let mut sum = vec![T::ZERO; w.len()];
    over_batches(objective, sample, |objective| {
        select(objective, sample, options.seed)?;
        let mut gradient = vec![T::ZERO; w.len()];
        objective.linearize(w, &mut gradient)?;
        let found = lanczos(&mut Hessian::new(objective), &options, Some(&gradient))?;
        found.pairs.iter().for_each(|pair| vector::axpy(1.0, &pair.vector, &mut sum));
        Ok(())
    })?;
    Ok(sum)
}

#[cfg(test)]
pub(crate) mod tests {
    use onedge_objective::{Error as ObjectiveError, Objective};

    use super::*;
    use crate::Wanted;
    use crate::seeded::uniform;

    pub(crate) const DIM: usize = 200;

    /// The mean of `0.5 (a_i . w)^2` over examples a_i with one large direction in common.
    pub(crate) struct Rows {
        pub(crate) rows: Vec<Vec<f64>>,
        selected: Vec<usize>,
    }

    impl Rows {
        pub(crate) fn new(count: u64) -> Self {
            // Directions fade, the first stands out.
            let scale = |j: u64| if j == 0 { 1.2 } else { 1.0 / (1.0 + 0.01 * j as f64) };
            let row = |i: u64| (0..DIM as u64).map(|j| scale(j) * uniform(i, j)).collect();
            Self { rows: (0..count).map(row).collect(), selected: (0..count as usize).collect() }
        }
    }

    impl Objective<f64> for Rows {
        fn dim(&self) -> usize {
            DIM
        }
        fn linearize(&mut self, w: &[f64], gradient: &mut [f64]) -> Result<f64, ObjectiveError> {
            self.hessian_vector(w, gradient)?;
            Ok(0.5 * vector::dot(w, gradient))
        }
        fn curvature(&mut self, u: &[f64]) -> Result<f64, ObjectiveError> {
            let mut product = vec![0.0; DIM];
            self.hessian_vector(u, &mut product)?;
            Ok(vector::dot(u, &product))
        }
        fn hessian_vector(&mut self, v: &[f64], out: &mut [f64]) -> Result<(), ObjectiveError> {
            out.fill(0.0);
            let share = 1.0 / self.selected.len() as f64;
            for row in self.selected.iter().map(|&i| &self.rows[i]) {
                vector::axpy(share * vector::dot(row, v), row, out);
            }
            Ok(())
        }
        fn loss(&mut self, w: &[f64]) -> Result<f64, ObjectiveError> {
            self.linearize(w, &mut [0.0; DIM])
        }
    }

    impl Sampled<f64> for Rows {
        fn examples(&self) -> usize {
            self.rows.len()
        }
        fn select(&mut self, indices: Option<&[usize]>) -> Result<(), ObjectiveError> {
            self.selected = indices.map_or_else(|| (0..self.rows.len()).collect(), <[usize]>::to_vec);
            Ok(())
        }
    }

    #[test]
    fn leans_towards_the_top_and_changes_no_value() {
        let w: Vec<f64> = (0..DIM as u64).map(|i| uniform(9, i)).collect();
        let options = Lanczos { wanted: Wanted::Algebraic, tolerance: 1e-4, ..Lanczos::top(1, 3) };
        let mut cold = Rows::new(4000);
        let found = lanczos(&mut Hessian::new(&mut cold), &options, None).unwrap();
        let mut warm = Rows::new(4000);
        let start = coarse_start(&mut warm, &w, 400, &options).unwrap();
        let again = lanczos(&mut Hessian::new(&mut warm), &options, Some(&start)).unwrap();
        let [cold_value, value] = [&found, &again].map(|spectrum| spectrum.largest().unwrap().value);
        assert!((value / cold_value - 1.0).abs() < 1e-4, "{value} {cold_value}");
        assert!(vector::cosine(&start, &again.largest().unwrap().vector).abs() > 0.8);
    }

    #[test]
    fn leaves_all_examples_selected() {
        let (mut rows, w, options) = (Rows::new(50), vec![1.0; DIM], Lanczos::top(1, 3));
        let first = coarse_start(&mut rows, &w, 10, &options).unwrap();
        assert_eq!((rows.selected.len(), rows.selected[49]), (50, 49));
        assert_eq!(coarse_start(&mut rows, &w, 10, &options).unwrap(), first, "the same seed draws the same sample");
        let message = coarse_start(&mut rows, &w, 51, &options).unwrap_err().to_string();
        assert!(message.contains("1 to 50 examples"), "{message}");
    }
}
