use onedge_objective::Real;
use onedge_registry::{Default, Entry, Error as RegistryError, Kind, Settings, setting};

use super::diagnostic::Diagnostic;
use super::make::Make;
use super::point::Point;
use super::reading::Reading;
use super::settings::{every, positive};
use crate::{Error, Shares, density};

/// The density of the Hessian's eigenvalues, by [`density`].
#[derive(Debug)]
struct SpectralDensity {
    steps: usize,
    vectors: usize,
}

pub(super) static ENTRY: Entry<Make> = Entry {
    name: "density",
    summary: "density of all eigenvalues of the Hessian",
    doc: "Stochastic Lanczos quadrature: Ritz values of Lanczos runs from random signs, each with the square of the first \
          element of its vector for weight. Readings: density (its mean eigenvalue, with the points kept beside it), \
          negative_share, zero_share and positive_share: the shares of all eigenvalues that are negative, zero and positive. Within 1e-5 \
          of the largest absolute value in single precision, 1e-12 in double, an eigenvalue counts as zero. A share is the middle of \
          the bounds that Gauss-Radau rules give; its standard error covers what they leave open, which is much until Lanczos has \
          found nearly all eigenvalues beside zero, and what the vectors scatter. Cost: density_steps x density_vectors products with H. \
          Source: Lin, Saad, Yang 2016; Ghorbani, Krishnan, Xiao 2019, arXiv 1901.10159; \
          Golub 1973 for the bounds.",
    settings: &[
        every("density_every"),
        setting("density_steps", Kind::Integer, Default::Is("64"), "Lanczos products from each vector"),
        setting("density_vectors", Kind::Integer, Default::Is("4"), "random vectors"),
    ],
    build: Make {
        readings: &["density", "negative_share", "zero_share", "positive_share"],
        f32: |settings| Ok(Box::new(make(settings)?)),
        f64: |settings| Ok(Box::new(make(settings)?)),
    },
};

fn make(settings: &Settings) -> Result<SpectralDensity, RegistryError> {
    Ok(SpectralDensity { steps: positive(settings, "density_steps")?, vectors: positive(settings, "density_vectors")? })
}

impl<T: Real> Diagnostic<T> for SpectralDensity {
    fn measure(&mut self, point: &mut Point<'_, T>) -> Result<Vec<Reading>, Error> {
        let (seed, threads) = (point.seed, point.threads);
        let found = point.with_hessian(|hessian| density(hessian, self.steps, self.vectors, seed, threads))?;
        let mean = Reading { nodes: found.density.nodes, ..Reading::sampled("density", found.mean) };
        let Shares { negative, zero, positive, .. } = found.shares;
        let shares = [("negative_share", negative), ("zero_share", zero), ("positive_share", positive)];
        Ok([mean].into_iter().chain(shares.map(|(name, share)| Reading::sampled(name, share))).collect())
    }
}
