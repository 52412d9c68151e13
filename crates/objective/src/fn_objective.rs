use crate::{Costs, Error, Objective, Probe, vector};

/// A loss of w.
type Loss<'a> = dyn FnMut(&[f64]) -> f64 + 'a;

/// Returns the loss at w and writes its gradient.
type Gradient<'a> = dyn FnMut(&[f64], &mut [f64]) -> f64 + 'a;

/// Writes `H(w) v` from w and v.
type Product<'a> = dyn FnMut(&[f64], &[f64], &mut [f64]) + 'a;

/// An [`Objective`] made of closures, in f64: of a loss alone, or of a loss with its gradient.
///
/// What the closures do not give is taken by differences along a line, with a step h in proportion to the size of the parameters:
///
/// ```text
/// f'(x)  ~ (f(x - 2h) - 8 f(x - h) + 8 f(x + h) - f(x + 2h)) / 12h              h = 8e-4 max(1, |x|)
/// f''(x) ~ (-f(x - 2h) + 16 f(x - h) - 30 f(x) + 16 f(x + h) - f(x + 2h)) / 12h^2   h = 3e-3 max(1, |x|)
/// ```
///
/// | given | gradient | `u . H u` | `H v` | relative error |
/// |---|---|---|---|---|
/// | loss | 4P losses | 4 losses | 16P losses | gradient 1e-12, curvature 1e-10, H v 1e-9 |
/// | loss and gradient | given | 4 gradients | 4 gradients | 1e-12 |
/// | `H v` too | given | one product | given | that of the product |
///
/// The errors are those of smooth functions whose values and derivatives are near 1, without cancellation in the loss itself. A loss that is not smooth, or is
/// computed in single precision, has no useful differences: give its derivatives.
///
/// # Example
/// ```
/// use onedge_objective::{FnObjective, Objective};
///
/// let mut valley = FnObjective::of_loss(2, |w| (1.0 - w[0]).powi(2) + 100.0 * (w[1] - w[0] * w[0]).powi(2))?;
/// let mut gradient = [0.0; 2];
/// assert_eq!(valley.linearize(&[0.0, 0.0], &mut gradient)?, 1.0);
/// assert!((gradient[0] + 2.0).abs() < 1e-9 && gradient[1].abs() < 1e-9);
/// assert!((valley.curvature(&[1.0, 1.0])? - 202.0).abs() < 1e-6);
/// # Ok::<(), onedge_objective::Error>(())
/// ```
pub struct FnObjective<'a> {
    dim: usize,
    first: First<'a>,
    product: Option<Box<Product<'a>>>,
    /// Where it is linearised, with the loss there.
    point: Option<(Vec<f64>, f64)>,
}

/// What is given of the loss and its first derivative.
enum First<'a> {
    Loss(Box<Loss<'a>>),
    Gradient(Box<Gradient<'a>>),
}

/// Steps of the differences: the fifth and the sixth root of the rounding of f64, rounded.
const FIRST_STEP: f64 = 8e-4;
const SECOND_STEP: f64 = 3e-3;

impl<'a> FnObjective<'a> {
    /// Of `dim` parameters and a loss alone. All derivatives are differences.
    ///
    /// # Errors
    /// [`Error::Length`] if there are no parameters.
    pub fn of_loss(dim: usize, loss: impl FnMut(&[f64]) -> f64 + 'a) -> Result<Self, Error> {
        Self::new(dim, First::Loss(Box::new(loss)))
    }

    /// Of `dim` parameters and a closure that returns the loss and writes the gradient, each element of it. Second derivatives are differences of
    /// gradients.
    ///
    /// # Errors
    /// [`Error::Length`] if there are no parameters.
    pub fn of_gradient(dim: usize, gradient: impl FnMut(&[f64], &mut [f64]) -> f64 + 'a) -> Result<Self, Error> {
        Self::new(dim, First::Gradient(Box::new(gradient)))
    }

    /// The same with `product`, which writes `H(w) v` from w and v; the curvature is then `u . (H u)`.
    pub fn with_hessian_vector(self, product: impl FnMut(&[f64], &[f64], &mut [f64]) + 'a) -> Self {
        Self { product: Some(Box::new(product)), ..self }
    }

    fn new(dim: usize, first: First<'a>) -> Result<Self, Error> {
        if dim == 0 {
            return Err(Error::Length { what: "parameters", expected: 1, got: 0 });
        }
        Ok(Self { dim, first, product: None, point: None })
    }

    /// The loss at `w`, finite or not.
    fn value(&mut self, w: &[f64]) -> f64 {
        match &mut self.first {
            First::Loss(loss) => loss(w),
            First::Gradient(gradient) => gradient(w, &mut vec![0.0; w.len()]),
        }
    }

    /// The loss at `w`, finite or not; writes the gradient.
    fn gradient(&mut self, w: &[f64], out: &mut [f64]) -> f64 {
        let loss = match &mut self.first {
            // What the closure leaves out is no zero.
            First::Gradient(gradient) => {
                out.fill(f64::NAN);
                return gradient(w, out);
            }
            First::Loss(loss) => loss,
        };
        let mut moved = w.to_vec();
        for (i, out) in out.iter_mut().enumerate() {
            let h = FIRST_STEP * w[i].abs().max(1.0);
            let mut at = |steps: f64| {
                moved[i] = w[i] + steps * h;
                loss(&moved)
            };
            *out = (at(-2.0) - 8.0 * at(-1.0) + 8.0 * at(1.0) - at(2.0)) / (12.0 * h);
            moved[i] = w[i];
        }
        loss(w)
    }

    /// The linearised point and the loss there, for the time of a probe.
    fn take_point(&mut self, probe: Probe) -> Result<(Vec<f64>, f64), Error> {
        self.point.take().ok_or(Error::NotLinearized { probe })
    }
}

/// The step along `v` that moves the parameters by `relative` of their size; 0 along a zero vector.
fn step(relative: f64, w: &[f64], v: &[f64]) -> f64 {
    let length = vector::norm(v);
    if length == 0.0 { 0.0 } else { relative * vector::norm(w).max(1.0) / length }
}

impl Objective<f64> for FnObjective<'_> {
    fn dim(&self) -> usize {
        self.dim
    }

    fn linearize(&mut self, w: &[f64], gradient: &mut [f64]) -> Result<f64, Error> {
        Error::require_length("w", self.dim, w.len())?;
        Error::require_length("gradient", self.dim, gradient.len())?;
        self.point = None;
        let loss = Error::require_finite(Probe::Loss, self.gradient(w, gradient))?;
        for &slope in &*gradient {
            Error::require_finite(Probe::Gradient, slope)?;
        }
        self.point = Some((w.to_vec(), loss));
        Ok(loss)
    }

    fn curvature(&mut self, u: &[f64]) -> Result<f64, Error> {
        Error::require_length("u", self.dim, u.len())?;
        if self.product.is_some() || matches!(self.first, First::Gradient(_)) {
            let mut hu = vec![0.0; self.dim];
            self.hessian_vector(u, &mut hu)?;
            return Error::require_finite(Probe::Curvature, vector::dot(u, &hu));
        }
        let (w, loss) = self.take_point(Probe::Curvature)?;
        let h = step(SECOND_STEP, &w, u);
        let mut moved = w.clone();
        let mut at = |steps: f64| {
            vector::add_scaled(&w, steps * h, u, &mut moved);
            self.value(&moved)
        };
        let sum = 16.0 * (at(-1.0) + at(1.0)) - (at(-2.0) + at(2.0)) - 30.0 * loss;
        self.point = Some((w, loss));
        let curvature = if h == 0.0 { 0.0 } else { sum / (12.0 * h * h) };
        Error::require_finite(Probe::Curvature, curvature)
    }

    fn hessian_vector(&mut self, v: &[f64], out: &mut [f64]) -> Result<(), Error> {
        Error::require_length("v", self.dim, v.len())?;
        Error::require_length("out", self.dim, out.len())?;
        let (w, loss) = self.take_point(Probe::HessianVector)?;
        if let Some(product) = &mut self.product {
            out.fill(f64::NAN);
            product(&w, v, out);
        } else {
            let h = step(FIRST_STEP, &w, v);
            let (mut moved, mut gradient) = (w.clone(), vec![0.0; self.dim]);
            out.fill(0.0);
            for (steps, weight) in [(-2.0, 1.0), (-1.0, -8.0), (1.0, 8.0), (2.0, -1.0)] {
                if h != 0.0 {
                    vector::add_scaled(&w, steps * h, v, &mut moved);
                    self.gradient(&moved, &mut gradient);
                    vector::axpy(weight / (12.0 * h), &gradient, out);
                }
            }
        }
        self.point = Some((w, loss));
        out.iter().try_for_each(|&x| Error::require_finite(Probe::HessianVector, x).map(drop))
    }

    fn loss(&mut self, w: &[f64]) -> Result<f64, Error> {
        Error::require_length("w", self.dim, w.len())?;
        Error::require_finite(Probe::TrialLoss, self.value(w))
    }

    fn costs(&self) -> Costs {
        let linearize = match self.first {
            First::Loss(_) => 4.0 * self.dim as f64 + 1.0,
            First::Gradient(_) => Costs::NOMINAL.linearize,
        };
        let hessian_vector = if self.product.is_some() { Costs::NOMINAL.hessian_vector } else { 4.0 * linearize };
        let differences = matches!(self.first, First::Loss(_)) && self.product.is_none();
        Costs { linearize, hessian_vector, curvature: if differences { 4.0 } else { hessian_vector }, ..Costs::NOMINAL }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `exp(x) y + x^2 sin(z)`, with everything by hand at a point in general position.
    fn loss(w: &[f64]) -> f64 {
        w[0].exp() * w[1] + w[0] * w[0] * w[2].sin()
    }

    fn gradient(w: &[f64], g: &mut [f64]) -> f64 {
        let [x, y, z] = [w[0], w[1], w[2]];
        g.copy_from_slice(&[x.exp() * y + 2.0 * x * z.sin(), x.exp(), x * x * z.cos()]);
        loss(w)
    }

    fn product(w: &[f64], v: &[f64], out: &mut [f64]) {
        let [x, y, z] = [w[0], w[1], w[2]];
        let (xx, xy, xz, zz) = (x.exp() * y + 2.0 * z.sin(), x.exp(), 2.0 * x * z.cos(), -x * x * z.sin());
        out[0] = xx * v[0] + xy * v[1] + xz * v[2];
        out[1] = xy * v[0];
        out[2] = xz * v[0] + zz * v[2];
    }

    const W: [f64; 3] = [0.7, -1.3, 2.1];
    const V: [f64; 3] = [0.4, 1.9, -0.8];

    fn check(mut objective: FnObjective<'_>, [first, second, curved]: [f64; 3]) {
        let (mut g, mut expected_g, mut hv, mut expected_hv) = ([0.0; 3], [0.0; 3], [0.0; 3], [0.0; 3]);
        assert_eq!(objective.linearize(&W, &mut g).unwrap(), gradient(&W, &mut expected_g));
        product(&W, &V, &mut expected_hv);
        objective.hessian_vector(&V, &mut hv).unwrap();
        for i in 0..3 {
            assert!((g[i] - expected_g[i]).abs() < first, "gradient {i}: {} is not {}", g[i], expected_g[i]);
            assert!((hv[i] - expected_hv[i]).abs() < second, "H v {i}: {} is not {}", hv[i], expected_hv[i]);
        }
        let (curvature, expected) = (objective.curvature(&V).unwrap(), vector::dot(&V, &expected_hv));
        assert!((curvature - expected).abs() < curved, "curvature: {curvature} is not {expected}");
        // The length of a direction is none of the step's.
        let long = V.map(|x| 1e6 * x);
        assert!((objective.curvature(&long).unwrap() / 1e12 - expected).abs() < curved);
        assert_eq!(objective.curvature(&[0.0; 3]).unwrap(), 0.0);
    }

    #[test]
    fn differences_agree_with_derivatives_by_hand() {
        check(FnObjective::of_loss(3, loss).unwrap(), [1e-11, 1e-7, 1e-8]);
        check(FnObjective::of_gradient(3, gradient).unwrap(), [1e-15, 1e-10, 1e-10]);
        let given = FnObjective::of_gradient(3, gradient).unwrap().with_hessian_vector(product);
        check(given, [1e-15, 1e-15, 1e-13]);
    }

    #[test]
    fn what_is_not_finite_or_not_there_is_an_error() {
        let message = |error: Error| error.to_string();
        assert!(FnObjective::of_loss(0, |_| 0.0).is_err());
        let mut root = FnObjective::of_loss(1, |w| w[0].sqrt()).unwrap();
        let not_there = message(root.curvature(&[1.0]).unwrap_err());
        assert_eq!(not_there, "curvature: expected a linearised point, got none; call `linearize` first");
        assert!(
            message(root.loss(&[-1.0]).unwrap_err()).starts_with("loss at a trial point: expected a finite number")
        );
        // At 0 the loss is 0 and its differences are of negative numbers.
        assert!(message(root.linearize(&[0.0], &mut [0.0]).unwrap_err()).starts_with("gradient: expected a finite"));
        assert!(root.curvature(&[1.0]).is_err(), "a point that failed is none");
        let mut forgetful = FnObjective::of_gradient(2, |w, g| {
            g[0] = w[0];
            0.5 * w[0] * w[0]
        })
        .unwrap();
        assert!(message(forgetful.linearize(&[1.0, 1.0], &mut [0.0; 2]).unwrap_err()).starts_with("gradient"));
        assert!(matches!(forgetful.loss(&[1.0]), Err(Error::Length { expected: 2, got: 1, .. })));
    }

    /// Counted calls agree with the costs that are stated.
    #[test]
    fn costs_are_what_is_called() {
        let calls = std::cell::Cell::new(0.0);
        let mut counted = FnObjective::of_loss(3, |w| {
            calls.set(calls.get() + 1.0);
            loss(w)
        })
        .unwrap();
        let costs = counted.costs();
        let mut out = [0.0; 3];
        counted.linearize(&W, &mut out).unwrap();
        assert_eq!(calls.replace(0.0), costs.linearize);
        counted.curvature(&V).unwrap();
        assert_eq!(calls.replace(0.0), costs.curvature);
        counted.hessian_vector(&V, &mut out).unwrap();
        assert_eq!(calls.replace(0.0), costs.hessian_vector);
    }
}
