use onedge_graph::Value;
use onedge_registry::{Default, Entry, Kind, Settings, setting};

use super::build::Build;
use crate::loss::write;
use crate::metrics::of_values;
use crate::{Error, Link, Loss, LossError, LossNodes, Range, Target};

/// Counts with a rate that the model predicts.
pub static ENTRY: Entry<Build> = Entry {
    name: "poisson",
    summary: "negative log-likelihood of counts, of outputs that are log rates",
    doc: "For each example the sum over the outputs of e^z - t z, where the output z is the logarithm of the rate and t, 0 or more, is the count. With \
          `constant` plus ln t!, which changes no derivative but makes it the negative logarithm of the probability (ln Gamma(t + 1) for fractions; PyTorch's \
          `PoissonNLLLoss` with `full` takes Stirling's approximation and leaves out t <= 1). Metrics: `absolute-error` and `r-squared` of the rate \
          e^z. Source: McCullagh, Nelder 1989, Generalized Linear Models, chapter 6; without the constant by default, as PyTorch.",
    settings: &[setting("constant", Kind::Flag, Default::Is("false"), "whether ln t! is added")],
    build,
};

fn build(settings: &Settings) -> Result<Loss, Error> {
    let constant = settings.flag("constant");
    let loss = Loss::new(ENTRY.name, move |g, outputs, targets, known| match known.target {
        Target::Values { .. } => {
            let rates = g.exp(outputs)?;
            let losses = write(g, |f| {
                let (z, t) = (f.value(outputs), f.value(targets));
                let losses = f.value(rates) - t * z;
                if constant { (losses + log_factorial(t)).sum(&[1]) } else { losses.sum(&[1]) }
            })?;
            Ok(LossNodes { losses, metrics: of_values(g, rates, targets, known.spread)? })
        }
        Target::Classes { .. } | Target::Tokens { .. } => {
            let (loss, expected, instead) = (ENTRY.name, "values, the counts,", "cross-entropy");
            Err(LossError::TargetKind { loss, expected, got: known.target, instead }.into())
        }
    });
    Ok(loss.with_range(Range::NonNegative).with_link(Link::Exp))
}

/// ln Gamma(t + 1) for t >= 0, to 1e-10: Stirling's series at x = t + 8, where its first term left out is below 1 / (1188 x^9), and the recurrence
/// down to t + 1. Source: Abramowitz, Stegun 1964, 6.1.41.
fn log_factorial(t: Value<'_>) -> Value<'_> {
    const DOWN: usize = 7;
    let half_log_two_pi = 0.5 * (2.0 * std::f64::consts::PI).ln();
    let x = t + (DOWN + 1) as f64;
    let inverse = x.pow(-1.0);
    let square = inverse.square();
    let series = inverse * (1.0 / 12.0 - square * (1.0 / 360.0 - square * (1.0 / 1260.0 - square * (1.0 / 1680.0))));
    let start = (x - 0.5) * x.log() - x + half_log_two_pi + series;
    (1..=DOWN).fold(start, |sum, i| sum - (t + i as f64).log())
}
