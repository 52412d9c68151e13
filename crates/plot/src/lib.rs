//! Pictures as SVG or PNG: runs in panels of curves with one legend ([`Picture`], from step records), curves of anything
//! else ([`Chart`]) and heat maps ([`HeatMap`]), all of one look.
//!
//! Knows nothing of how runs are done or found.
#![forbid(unsafe_code)]

mod axis;
mod chart;
mod curve;
mod density;
mod draw;
mod error;
mod file;
mod heatmap;
mod ink;
mod palette;
mod panel;

use std::collections::BTreeSet;
use std::path::Path;

use onedge_registry::nearest;
use onedge_spectrum::diagnostics;

pub use axis::Scale;
use axis::{Axis, tick_label};
pub use chart::{Chart, ChartPanel, Line, Look};
use curve::pieces;
pub use curve::{Curve, Quantity};
pub use density::density;
use draw::{Sheet, SheetPanel};
pub use error::Error;
pub use heatmap::{HeatCell, HeatMap, HeatPanel, Mark};
use ink::INK;
use palette::stroke;
pub use panel::{ALL, Panel, Reference, USUAL};
use panel::{Clipping, OF_SPECTRUM};

/// What lies along the horizontal axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Abscissa {
    /// Steps.
    Step,
    /// Forward-equivalents: multiples of one evaluation of the loss.
    Cost,
    /// Seconds of training.
    Seconds,
}

impl Abscissa {
    /// What it reads off a record.
    pub fn quantity(self) -> Quantity {
        match self {
            Self::Step => |r| Some(r.step as f64),
            Self::Cost => |r| Some(r.cost),
            Self::Seconds => |r| Some(r.seconds),
        }
    }

    /// What it is called.
    pub fn label(self) -> &'static str {
        match self {
            Self::Step => "step",
            Self::Cost => "cost in forward passes",
            Self::Seconds => "seconds",
        }
    }
}

/// A picture of anything but runs.
#[derive(Debug, Clone, PartialEq)]
pub enum Drawing {
    /// Curves.
    Curves(Chart),
    /// A map over two settings.
    Map(HeatMap),
}

impl Drawing {
    /// Draws to `path`, as SVG or PNG by its extension.
    ///
    /// # Errors
    /// Those of [`Chart::save`] and [`HeatMap::save`].
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        match self {
            Self::Curves(chart) => chart.save(path),
            Self::Map(map) => map.save(path),
        }
    }
}

/// Runs side by side.
///
/// # Example
/// ```
/// use onedge_plot::{Abscissa, Curve, Picture};
/// use onedge_record::Record;
///
/// let record = |step: u64| Record { step, loss: 0.9f64.powi(step as i32), learning_rate: 0.1, ..Record::default() };
/// let curve = Curve { label: "mine".to_owned(), records: (0..50).map(record).collect(), edge: Some(2.0) };
/// let picture = Picture { title: "A run".to_owned(), x: Abscissa::Step, panels: Vec::new(), curves: vec![curve] };
/// # let folder = tempfile::tempdir()?;
/// picture.save(&folder.path().join("picture.svg"))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    /// The heading.
    pub title: String,
    /// The horizontal axis.
    pub x: Abscissa,
    /// The names of the panels; those without data are left out. Empty: the four of [`USUAL`].
    pub panels: Vec<String>,
    /// The runs.
    pub curves: Vec<Curve>,
}

impl Picture {
    /// Draws to `path`, as SVG or PNG by its extension.
    ///
    /// # Errors
    /// [`Error::Picture`] for another extension, an unknown panel or no data at all; [`Error::Record`].
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        let fail = |message: String| Error::Picture { path: path.to_owned(), message };
        let panels = self.chosen_panels().map_err(fail)?;
        file::save(path, || draw::scene(&self.sheet(&panels)))
    }

    fn sheet(&self, panels: &[Panel]) -> Sheet<'_> {
        Sheet {
            title: &self.title,
            x_label: self.x.label(),
            curves: self
                .curves
                .iter()
                .enumerate()
                .map(|(index, curve)| (curve.label.as_str(), stroke(index)))
                .collect(),
            panels: panels.iter().map(|panel| self.sheet_panel(panel)).collect(),
            rows: Vec::new(),
            note: String::new(),
        }
    }

    fn sheet_panel(&self, panel: &Panel) -> SheetPanel {
        let (y, clipping) = panel.axis(&self.curves);
        let of_curve = |(index, curve): (usize, &Curve)| {
            let pieces = pieces(&curve.records, self.x.quantity(), |record| panel.value(record), panel.scale);
            pieces.into_iter().map(move |piece| (index, piece))
        };
        let edges = panel.references(&self.curves);
        // One edge is everybody's; of several each has the colour of its run.
        let color = |curve| if edges.len() == 1 { INK } else { stroke(curve).color };
        SheetPanel {
            heading: self.heading(panel, &edges, clipping),
            x: self.x_axis(),
            y,
            pieces: self.curves.iter().enumerate().flat_map(of_curve).collect(),
            across: edges.iter().map(|&(value, curve)| (value, color(curve))).collect(),
        }
    }

    fn heading(&self, panel: &Panel, edges: &[(f64, usize)], clipping: Clipping) -> String {
        let mut notes: Vec<String> = panel.note(&self.curves).map(str::to_owned).into_iter().collect();
        match edges {
            [] => {}
            [(edge, _)] => notes.push(format!("dashed: edge {}", tick_label(*edge))),
            _ => notes.push("dashed: edges".to_owned()),
        }
        if clipping == Clipping::CutOff {
            notes.push("spikes cut off".to_owned());
        }
        if notes.is_empty() { panel.title.to_string() } else { format!("{} ({})", panel.title, notes.join("; ")) }
    }

    fn chosen_panels(&self) -> Result<Vec<Panel>, String> {
        let named: Vec<&str> =
            if self.panels.is_empty() { USUAL.to_vec() } else { self.panels.iter().map(String::as_str).collect() };
        let mut chosen = Vec::new();
        for name in named {
            if let Some(panel) = ALL.iter().find(|panel| panel.name == name) {
                chosen.extend(panel.has_data(&self.curves).then(|| panel.clone()));
                continue;
            }
            chosen.push(Panel::measured(name, &self.curves).ok_or_else(|| {
                if let Some(entry) = diagnostics::of_reading(name) {
                    return not_measured(name, entry.settings[0].key);
                }
                let readings = self.curves.iter().flat_map(|curve| &curve.records).flat_map(|r| r.measured.keys());
                let mut known: Vec<&str> = ALL.iter().map(|panel| &*panel.name).collect();
                known.extend(readings.map(String::as_str).collect::<BTreeSet<&str>>());
                let nearest: Vec<String> = nearest(name, &known).iter().map(|n| format!("`{n}`")).collect();
                format!("unknown panel `{name}`, expected one of the known names; try {}", nearest.join(" or "))
            })?);
        }
        let of_spectrum = || self.panels.iter().find(|name| OF_SPECTRUM.contains(&name.as_str()));
        if let (true, false, Some(name)) = (chosen.is_empty(), self.curves.is_empty(), of_spectrum()) {
            Err(not_measured(name, "sharpness_every"))
        } else if chosen.is_empty() {
            Err("expected something to draw, got no records with these panels".to_owned())
        } else {
            Ok(chosen)
        }
    }

    fn x_axis(&self) -> Axis {
        let x = self.x.quantity();
        let values = self.curves.iter().flat_map(|curve| curve.records.iter().filter_map(x)).filter(|v| v.is_finite());
        let (low, high) = values.fold((0.0f64, 0.0f64), |(low, high), v| (low.min(v), high.max(v)));
        Axis::new(Scale::Linear, low, high).padded(0.01)
    }
}

/// That no run has what a panel shows, as its diagnostic, of this cadence, was off.
fn not_measured(panel: &str, every: &str) -> String {
    format!("panel `{panel}`: expected runs that measured it, got none; try `diagnostics.{every}=10` when training")
}

#[cfg(test)]
mod tests {
    use super::*;
    use onedge_record::Record;

    /// Three made-up runs: one falls and sharpens, one ends early, one is a constant with a spike and gaps.
    fn picture() -> Picture {
        let record = |step: u64, loss: f64, rate: f64, sharpness: Option<f64>| Record {
            step,
            loss,
            learning_rate: rate,
            sharpness,
            cost: 6.0 * step as f64,
            seconds: 0.01 * step as f64,
            ..Record::default()
        };
        let wave = |step: u64| (step as f64 / 4.0).sin();
        let falling = (0..800).map(|s| {
            let rate = 0.3 * 10f64.powf(-(s as f64) / 300.0);
            record(s, 2.3 * (-(s as f64) / 250.0).exp(), rate, (s % 10 == 0).then_some((2.0 + 0.1 * wave(s)) / rate))
        });
        let early = (0..230).map(|s| record(s, 2.3 - 0.002 * s as f64, 0.05, Some(11.0 + 0.05 * s as f64)));
        let constant = (0..800).map(|s| {
            let loss = if (400..420).contains(&s) { f64::NAN } else { 0.8 + 0.3 * wave(s) };
            record(s, loss, 0.125, Some(if s == 300 { 800.0 } else { 17.0 + 2.0 * wave(s) }))
        });
        let curve = |label: &str, records: Vec<Record>| Curve { label: label.to_owned(), records, edge: Some(2.0) };
        let curves = vec![
            curve("cdat, sigma 2.0625", falling.collect()),
            curve("greedy (diverged at step 230)", early.collect()),
            curve("constant 0.125", constant.collect()),
        ];
        Picture { title: "digits, mlp 64-64".to_owned(), x: Abscissa::Step, panels: Vec::new(), curves }
    }

    #[test]
    fn draws_both_formats() {
        let folder = tempfile::tempdir().unwrap();
        let (svg, png) = (folder.path().join("a.svg"), folder.path().join("a.png"));
        picture().save(&svg).unwrap();
        picture().save(&png).unwrap();
        let text = std::fs::read_to_string(svg).unwrap();
        for expected in ["training loss", "edge 2; spikes cut off", "constant 0.125", ">0.001<", "stroke-dasharray"] {
            assert!(text.contains(expected), "{expected}");
        }
        assert!(!text.contains("NaN"));
        assert_eq!(&std::fs::read(png).unwrap()[..4], b"\x89PNG");
    }

    #[test]
    fn says_what_is_wrong() {
        let message = |change: fn(&mut Picture), path: &str| {
            let mut picture = picture();
            change(&mut picture);
            picture.save(Path::new(path)).unwrap_err().to_string()
        };
        assert_eq!(message(|_| (), "x.pdf"), "x.pdf: expected a name that ends in `.svg` or `.png`, got `.pdf`");
        assert_eq!(
            message(|p| p.panels = vec!["los".to_owned()], "x.svg"),
            "x.svg: unknown panel `los`, expected one of the known names; try `loss`"
        );
        assert!(message(|p| p.curves.clear(), "x.svg").contains("got no records"));
    }
}
