use onedge_objective::{Real, State};
use onedge_registry::Entry;

use super::checks::check_lengths;
use super::make::Make;
use crate::{Error, Optimizer};

/// Gradient descent, `u = -g`. Stable on a quadratic while `eta lambda < 2`.
///
/// Source: Cauchy 1847.
#[derive(Debug, Clone, Copy)]
pub struct Gd;

impl Gd {
    /// There is nothing to set.
    ///
    /// Source: Roulet et al. 2024, arXiv 2407.06183, section 2.
    pub fn paper() -> Self {
        Self
    }
}

pub(super) static ENTRY: Entry<Make> = Entry {
    name: "gd",
    summary: "gradient descent",
    doc: "u = -g. Edge of stability at 2 / eta. Source: Cauchy 1847.",
    settings: &[],
    build: Make { f32: |_| Ok(Box::new(Gd)), f64: |_| Ok(Box::new(Gd)) },
};

impl<T: Real> Optimizer<T> for Gd {
    fn direction(&mut self, w: &[T], g: &[T], u: &mut [T]) -> Result<(), Error> {
        check_lengths(w, g, u, &[])?;
        for (u, &g) in u.iter_mut().zip(g) {
            *u = -g;
        }
        Ok(())
    }

    fn preconditioner(&self) -> Option<&[T]> {
        None
    }

    fn edge(&self) -> Option<f64> {
        Some(2.0)
    }

    fn duplicate(&self) -> Box<dyn Optimizer<T>> {
        Box::new(*self)
    }

    fn state(&self) -> State<T> {
        State::new()
    }

    fn restore(&mut self, state: State<T>) -> Result<(), Error> {
        Ok(state.reader("gd").finish()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        let mut u = [0.0; 2];
        Gd::paper().direction(&[5.0, 6.0], &[1.5, -2.0], &mut u).unwrap();
        assert_eq!(u, [-1.5, 2.0]);
        assert!(Gd.direction(&[5.0], &[1.5, -2.0], &mut u).is_err());
    }
}
