use onedge_objective::Real;
use onedge_registry::{Default, Entry, Error as RegistryError, Kind, Settings, setting};

use super::{Diagnostic, Make, Point, Reading, eigenvalue_error, every, positive, tolerance};
use crate::{Error, GaussNewton, Lanczos, Residual, SharpnessTracker, Spectrum, Wanted};

/// The sharpness of the two parts of the Hessian.
struct Parts<T> {
    products: usize,
    tolerance: f64,
    trackers: Option<[SharpnessTracker<T>; 2]>,
}

pub(super) static ENTRY: Entry<Make> = Entry {
    name: "gauss-newton",
    summary: "sharpness of the Gauss-Newton part and of the residual part of the Hessian",
    doc: "H = G + R with G = J' B J: J the derivative of the model's outputs, B the Hessian of the loss by the outputs. Readings: \
          gauss_newton_sharpness, the largest eigenvalue of G; residual_sharpness, the eigenvalue of R of largest magnitude. \
          Both by Lanczos, started from the last vectors. An L2 term belongs to G. Cost: about 5 evaluations of the loss a \
          product with G, with R that and a product with H. Source: Schraudolph 2002; Papyan 2019, arXiv 1901.08244.",
    settings: &[
        every("gauss_newton_every"),
        eigenvalue_error("gauss_newton_error"),
        setting("gauss_newton_products", Kind::Integer, Default::Is("100"), "products for either part at most"),
    ],
    build: Make {
        f32: |settings| Ok(Box::new(Parts::<f32>::new(settings)?)),
        f64: |settings| Ok(Box::new(Parts::<f64>::new(settings)?)),
    },
};

impl<T> Parts<T> {
    fn new(settings: &Settings) -> Result<Self, RegistryError> {
        let (products, tolerance) =
            (positive(settings, "gauss_newton_products")?, tolerance(settings, "gauss_newton_error")?);
        Ok(Self { products, tolerance, trackers: None })
    }
}

impl<T: Real> Diagnostic<T> for Parts<T> {
    fn measure(&mut self, point: &mut Point<'_, T>) -> Result<Vec<Reading>, Error> {
        let options = |wanted, seed| Lanczos {
            wanted,
            max_products: self.products,
            tolerance: self.tolerance,
            threads: point.threads,
            ..Lanczos::top(1, seed)
        };
        let [first, second] = self.trackers.get_or_insert_with(|| {
            [(Wanted::Algebraic, point.seed), (Wanted::Magnitude, point.seed.wrapping_add(1))]
                .map(|(wanted, seed)| SharpnessTracker::new(options(wanted, seed)))
        });
        let gradient = point.step.gradient;
        let end = |spectrum: Spectrum<T>| spectrum.pairs.first().map(|pair| pair.value);
        let gauss_newton = end(first.measure(&mut GaussNewton::new(point.objective()?), Some(gradient))?);
        // The gradient does not lean towards the ends of this part.
        let residual = end(second.measure(&mut Residual::new(point.objective()?), None)?);
        let readings = [("gauss_newton_sharpness", gauss_newton), ("residual_sharpness", residual)];
        Ok(readings.into_iter().filter_map(|(name, value)| Some(Reading::exact(name, value?))).collect())
    }
}
