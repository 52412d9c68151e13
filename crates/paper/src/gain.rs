//! What CDAT gains over the tuned constant rate, by sigma.

use onedge_plot::Trace;

use crate::claim::Seen;
use crate::judge::graded;
use crate::problems::Problem;
use crate::{Comparison, Error, Results, rules};

/// The sigmas of CDAT that are tried.
pub const SIGMAS: [f64; 7] = [1.0, 1.5, 1.75, 1.9, 2.0, 2.1, 2.25];

/// What the runs of CDAT at this sigma are called.
pub fn series(sigma: f64) -> String {
    format!("σ {sigma}")
}

/// Adds the constant rates of a problem, and CDAT at every sigma.
///
/// # Errors
/// A setting that no spec takes.
pub fn add(comparison: &mut Comparison, problem: &Problem) -> Result<(), Error> {
    comparison.add(problem, "constant", &problem.constants())?;
    SIGMAS.iter().try_for_each(|&sigma| comparison.add(problem, &series(sigma), &[rules::cdat(sigma, 0.0)]))
}

/// The tuned constant's loss over that of CDAT at this sigma; `None` if either failed.
pub fn gain(results: &Results, problem: &str, sigma: f64) -> Option<f64> {
    let loss = |name: &str| results.best(problem, name)?.final_loss();
    Some(loss("constant")? / loss(&series(sigma))?)
}

/// The sigma of the largest gain, and that gain.
pub fn best(results: &Results, problem: &str) -> Option<(f64, f64)> {
    let gains = SIGMAS.iter().filter_map(|&sigma| Some((sigma, gain(results, problem, sigma)?)));
    gains.max_by(|a, b| a.1.total_cmp(&b.1))
}

/// How far best sigmas are apart: shown up to `most`, in part up to `partly`.
pub fn steady(sigmas: impl Iterator<Item = f64>, [most, partly]: [f64; 2], text: String) -> Seen {
    let (low, high) = sigmas.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), s| (low.min(s), high.max(s)));
    // Sigmas are multiples of 0.05 but for rounding.
    let apart = high - low;
    Seen::of(graded(apart < most + 0.001, apart < partly + 0.001), text, apart)
}

/// The gain on a problem by sigma, with the lowest and the highest of a seed round it.
pub fn trace(results: &Results, seeds: &[Results], problem: &str) -> Trace {
    let of = |results: &Results, sigma| gain(results, problem, sigma);
    let points = SIGMAS.iter().map(|&sigma| (sigma, of(results, sigma).unwrap_or(f64::NAN)));
    let band = SIGMAS.iter().filter_map(|&sigma| {
        of(results, sigma)?;
        let gains: Option<Vec<f64>> = seeds.iter().map(|seed| of(seed, sigma)).collect();
        let (low, high) = gains?.into_iter().map(|g| (g, g)).reduce(|(l, h), g| (l.min(g.0), h.max(g.1)))?;
        Some((sigma, low, high))
    });
    Trace { points: points.collect(), band: band.collect(), ..Trace::default() }
}
