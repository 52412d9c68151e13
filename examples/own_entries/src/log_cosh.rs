//! A loss: the logarithm of the hyperbolic cosine of the distance.

use onedge::graph::Formula;
use onedge::nn::{Error, Loss, LossError, LossNodes, Target, losses};
use onedge::registry::{Entry, Settings};

pub static ENTRY: Entry<losses::Build> = Entry {
    name: "log-cosh",
    summary: "log cosh of the distance to real targets",
    doc: "For each example the sum over the outputs of log cosh(z - t): half the square near 0, |r| - log 2 far out, smooth everywhere.",
    settings: &[],
    build,
};

fn build(_: &Settings) -> Result<Loss, Error> {
    Ok(Loss::new("log-cosh", |graph, outputs, targets, known| {
        if !matches!(known.target, Target::Values { .. }) {
            let (loss, expected, instead) = ("log-cosh", "values", "cross-entropy");
            return Err(LossError::TargetKind { loss, expected, got: known.target, instead }.into());
        }
        let formula = Formula::on(std::mem::take(graph));
        // |r| + log((1 + exp(-2 |r|)) / 2) does not overflow where cosh does.
        let distance = (formula.value(outputs) - formula.value(targets)).abs();
        let losses = (distance + (((distance * -2.0).exp() + 1.0) * 0.5).log()).sum(&[1]);
        let (finished, [losses]) = formula.finish([losses])?;
        *graph = finished;
        Ok(LossNodes { losses, metrics: Vec::new() })
    }))
}
