use onedge_objective::{Error as ObjectiveError, Objective, Real, vector};
use onedge_registry::Entry;

use super::diagnostic::Diagnostic;
use super::make::Make;
use super::point::Point;
use super::reading::Reading;
use super::settings::every;
use crate::Error;

/// The loss that a step on edge would lead to, over that of the greedy step.
#[derive(Debug)]
struct EdgeAgainstGreedy;

pub(super) static ENTRY: Entry<Make> = Entry {
    name: "edge-against-greedy",
    summary: "how much worse one step on edge is than the greedy one: f(w + 2 r u) - f(w + r u)",
    doc: "r = -g . u / |u . H u| is the greedy rate along the update u, 2 r the one on edge. Reading: edge_against_greedy, positive \
          where the greedy step is the better one; none for an update that is no descent direction, a curvature of zero, or a \
          loss that is not finite at one of the two. Cost: a curvature and two losses. Source: Roulet et al. 2024, arXiv \
          2407.06183, figure 16.",
    settings: &[every("edge_against_greedy_every")],
    build: Make {
        readings: &["edge_against_greedy"],
        f32: |_| Ok(Box::new(EdgeAgainstGreedy)),
        f64: |_| Ok(Box::new(EdgeAgainstGreedy)),
    },
};

impl<T: Real> Diagnostic<T> for EdgeAgainstGreedy {
    fn measure(&mut self, point: &mut Point<'_, T>) -> Result<Vec<Reading>, Error> {
        let (w, update) = (point.step.w, point.step.update);
        let descent = -vector::dot(point.step.gradient, update);
        let objective = point.objective()?;
        let greedy = descent / objective.curvature(update)?.abs();
        if !(greedy > 0.0 && greedy.is_finite()) {
            return Err(Error::NoValue("the update is no descent direction, or has no curvature"));
        }
        let mut trial = w.to_vec();
        let mut after = |rate: f64| {
            vector::add_scaled(w, rate, update, &mut trial);
            loss(objective, &trial)
        };
        let losses = (after(2.0 * greedy)?, after(greedy)?);
        let difference = losses.0.zip(losses.1).map(|(edge, greedy)| edge - greedy);
        let difference = difference.ok_or(Error::NoValue("the loss is not finite at one of the two steps"))?;
        Ok(vec![Reading::exact("edge_against_greedy", difference)])
    }
}

/// The loss at a point, `None` if it is not finite.
fn loss<T: Real>(objective: &mut dyn Objective<T>, w: &[T]) -> Result<Option<f64>, Error> {
    match objective.loss(w) {
        Ok(value) => Ok(Some(value)),
        Err(ObjectiveError::NonFinite { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
