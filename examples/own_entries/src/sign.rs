//! An optimizer: the sign of the gradient.

use onedge::objective::Real;
use onedge::registry::Entry;
use onedge::tune::optimizers::Make;
use onedge::tune::{Error, Optimizer, State};

/// `u = -sign(g)`, 0 where g is.
#[derive(Clone)]
struct Sign;

pub static ENTRY: Entry<Make> = Entry {
    name: "sign",
    summary: "the sign of the gradient",
    doc: "u_i = -sign(g_i). There is no edge of stability in the usual sense, as the update does not shrink with the gradient. \
          Source: Bernstein et al. 2018, arXiv 1802.04434.",
    settings: &[],
    build: Make { f32: |_| Ok(Box::new(Sign)), f64: |_| Ok(Box::new(Sign)) },
};

impl<T: Real> Optimizer<T> for Sign {
    fn direction(&mut self, _: &[T], g: &[T], u: &mut [T]) -> Result<(), Error> {
        for (u, g) in u.iter_mut().zip(g) {
            let g = g.to_f64();
            *u = T::from_f64(if g == 0.0 { 0.0 } else { -g.signum() });
        }
        Ok(())
    }

    fn preconditioner(&self) -> Option<&[T]> {
        None
    }

    fn edge(&self) -> Option<f64> {
        None
    }

    fn duplicate(&self) -> Box<dyn Optimizer<T>> {
        Box::new(self.clone())
    }

    fn state(&self) -> State<T> {
        State::new()
    }

    fn restore(&mut self, state: State<T>) -> Result<(), Error> {
        Ok(state.reader("sign").finish()?)
    }
}
