use onedge_objective::{Real, State};
use onedge_registry::{Default, Entry, Error as RegistryError, Kind, Settings, setting};

use super::diagnostic::Diagnostic;
use super::make::Make;
use super::point::Point;
use super::reading::Reading;
use super::settings::{eigenvalue_error, every, positive, tolerance};
use crate::{Error, GaussNewton, Lanczos, Residual, SharpnessTracker, Spectrum, Wanted};

/// The sharpness of the two parts of the Hessian.
struct Parts {
    products: usize,
    tolerance: f64,
    trackers: Option<[SharpnessTracker; 2]>,
}

pub(super) static ENTRY: Entry<Make> = Entry {
    name: "gauss-newton",
    summary: "sharpness of the Gauss-Newton part and of the residual part of the Hessian",
    doc: "H = G + R with G = J' B J: J the derivative of the model's outputs, B the Hessian of the loss by the outputs. Readings: \
          gauss_newton_sharpness, the largest eigenvalue of G; residual_sharpness, the eigenvalue of R of largest magnitude. \
          Both by Lanczos. An L2 term belongs to G. Cost: about 5 evaluations of the loss a \
          product with G, with R that and a product with H. Source: Schraudolph 2002; Papyan 2019, arXiv 1901.08244.",
    settings: &[
        every("gauss_newton_every"),
        eigenvalue_error("gauss_newton_error"),
        setting("gauss_newton_products", Kind::Integer, Default::Is("100"), "products for either part at most"),
    ],
    build: Make {
        readings: &["gauss_newton_sharpness", "residual_sharpness"],
        f32: |settings| Ok(Box::new(Parts::new(settings)?)),
        f64: |settings| Ok(Box::new(Parts::new(settings)?)),
    },
};

impl Parts {
    fn new(settings: &Settings) -> Result<Self, RegistryError> {
        let (products, tolerance) =
            (positive(settings, "gauss_newton_products")?, tolerance(settings, "gauss_newton_error")?);
        Ok(Self { products, tolerance, trackers: None })
    }

    /// Trackers that have measured nothing yet.
    fn fresh(&self, seed: u64) -> [SharpnessTracker; 2] {
        let (max_products, tolerance) = (self.products, self.tolerance);
        let tracker =
            |wanted, seed| SharpnessTracker::new(Lanczos { wanted, max_products, tolerance, ..Lanczos::top(1, seed) });
        [tracker(Wanted::Algebraic, seed), tracker(Wanted::Magnitude, seed.wrapping_add(1))]
    }
}

impl<T: Real> Diagnostic<T> for Parts {
    fn measure(&mut self, point: &mut Point<'_, T>) -> Result<Vec<Reading>, Error> {
        let [mut first, mut second] = self.trackers.take().unwrap_or_else(|| self.fresh(point.seed));
        first.set_threads(point.threads);
        second.set_threads(point.threads);
        let end = |spectrum: Spectrum<T>| spectrum.pairs.first().map(|pair| pair.value);
        let gauss_newton = end(first.measure(&mut GaussNewton::new(point.objective()?))?);
        let residual = end(second.measure(&mut Residual::new(point.objective()?))?);
        self.trackers = Some([first, second]);
        let readings = [("gauss_newton_sharpness", gauss_newton), ("residual_sharpness", residual)];
        Ok(readings.into_iter().filter_map(|(name, value)| Some(Reading::exact(name, value?))).collect())
    }

    fn state(&self) -> State<T> {
        let Some([first, second]) = &self.trackers else { return State::new() };
        State::new().with_part("gauss_newton", first.state()).with_part("residual", second.state())
    }

    fn restore(&mut self, state: State<T>) -> Result<(), Error> {
        self.trackers = None;
        if !state.is_empty() {
            let mut reader = state.reader("gauss-newton");
            let [mut first, mut second] = self.fresh(0);
            first.restore(reader.part("gauss_newton"))?;
            second.restore(reader.part("residual"))?;
            reader.finish()?;
            self.trackers = Some([first, second]);
        }
        Ok(())
    }
}
