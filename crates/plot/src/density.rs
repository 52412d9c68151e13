use std::path::Path;

use onedge_spectrum::Density;

use crate::Error;
use crate::{Chart, ChartPanel, Curve, Look, Scale, Theme, Trace};

/// Places at which a density is drawn.
const POINTS: usize = 600;

/// The width of the Gaussians that smooth it, as a share of the range of eigenvalues.
const WIDTH: f64 = 0.01;

/// Densities below this share of the largest are not drawn: they are tails of Gaussians.
const FAINTEST: f64 = 1e-7;

/// Draws the last spectral density of each run (the first seed's, of several) to `path`: how eigenvalues lie, smoothed by Gaussians of 1 % of their range.
///
/// # Errors
/// [`Error::Picture`] if no run has one, or for an extension other than svg, png and pdf; [`Error::Record`].
pub fn density(title: &str, curves: &[Curve], path: &Path, theme: &Theme) -> Result<(), Error> {
    let mut drawn = Vec::new();
    for curve in curves {
        let records = curve.runs.iter().flat_map(|run| run.records.iter().rev());
        let Some(record) = records.into_iter().find(|record| !record.density.is_empty()) else { continue };
        let density = Density { nodes: record.density.clone() };
        let points = density.curve(POINTS, WIDTH);
        let largest = points.iter().map(|point| point.1).fold(0.0, f64::max);
        let points: Vec<_> =
            points.into_iter().map(|(x, y)| (x, if y < FAINTEST * largest { f64::NAN } else { y })).collect();
        drawn.push((format!("{}, step {}", curve.label, record.step), Trace::from(points)));
    }
    if drawn.is_empty() {
        let message =
            "expected runs that measured a density, got none; try `diagnostics.density_every=10` when training"
                .to_owned();
        return Err(Error::Picture { path: path.to_owned(), message });
    }
    let (labels, points): (Vec<String>, Vec<Trace>) = drawn.into_iter().unzip();
    let panel = ChartPanel {
        title: "density of the Hessian's eigenvalues".to_owned(),
        scale: Scale::Log,
        curves: points,
        across: None,
        legend: Vec::new(),
    };
    let chart = Chart {
        title: title.to_owned(),
        x_label: "eigenvalue".to_owned(),
        curves: labels.into_iter().enumerate().map(|(index, label)| (label, Look::solid(index))).collect(),
        panels: vec![panel],
        rows: Vec::new(),
        note: String::new(),
    };
    chart.save_as(path, theme)
}
