use std::path::Path;

use crate::Error;
use crate::plot::Scale;
use crate::plot::axis::{Axis, readable_range};
use crate::plot::curve::pieces_of;
use crate::plot::draw::{Sheet, SheetPanel, scene};
use crate::plot::file;
use crate::plot::ink::INK;
use crate::plot::palette::{Stroke, stroke};

/// Curves of anything in panels, with the look of a [`Picture`](crate::plot::Picture).
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    /// The heading.
    pub title: String,
    /// What lies along the horizontal axis of all panels.
    pub x_label: String,
    /// The names of the curves and their lines.
    pub curves: Vec<(String, Line)>,
    /// From left to right, then down.
    pub panels: Vec<ChartPanel>,
}

/// How a curve is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    /// Solid.
    Solid,
    /// Dashed, for one that may run on top of another.
    Dashed,
}

/// One panel of it.
#[derive(Debug, Clone, PartialEq)]
pub struct ChartPanel {
    /// Its heading.
    pub title: String,
    /// Its vertical axis.
    pub scale: Scale,
    /// The points of each curve, in their order. A NaN, or what has no place on a log scale, leaves a gap.
    pub curves: Vec<Vec<(f64, f64)>>,
    /// The height of a dashed line across it, and what it is.
    pub across: Option<(f64, &'static str)>,
}

impl Chart {
    /// Draws to `path`, as SVG or PNG by its extension. Where a few values are far from the rest they are cut off, so
    /// that the rest can be read, and the panel says so.
    ///
    /// # Errors
    /// [`Error::Picture`] for another extension or no point at all; [`Error::Write`].
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        let points = || self.panels.iter().flat_map(|panel| panel.curves.iter().flatten());
        let finite = |x: &f64| x.is_finite();
        let (low, high) = points()
            .map(|point| point.0)
            .filter(finite)
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)));
        if low > high {
            return Err(Error::Picture {
                path: path.to_owned(),
                message: "expected points to draw, got none".to_owned(),
            });
        }
        let sheet = Sheet {
            title: &self.title,
            x: Axis::new(Scale::Linear, low, high).padded(0.01),
            x_label: &self.x_label,
            curves: self
                .curves
                .iter()
                .enumerate()
                .map(|(index, (label, line))| (label.as_str(), look(index, *line)))
                .collect(),
            panels: self.panels.iter().map(ChartPanel::sheet_panel).collect(),
        };
        file::save(path, || scene(&sheet))
    }
}

fn look(index: usize, line: Line) -> Stroke {
    match line {
        Line::Solid => stroke(index),
        Line::Dashed => Stroke { dash: Some((8.0, 8.0)), ..stroke(index) },
    }
}

impl ChartPanel {
    fn sheet_panel(&self) -> SheetPanel {
        // What is an outlier is for each curve to say: one that blows up must not hide how it began.
        let ranges =
            self.curves.iter().filter_map(|curve| readable_range(self.scale, curve.iter().map(|point| point.1)));
        let across = self.across.map(|(value, _)| (value, value));
        let (low, high) = ranges
            .map(|(range, _)| range)
            .chain(across)
            .reduce(|(low, high), (l, h)| (low.min(l), high.max(h)))
            .unwrap_or((0.1, 1.0));
        let y = Axis::new(self.scale, low, high).padded(0.04);
        let mut heights = self.curves.iter().flatten().filter_map(|point| y.place(point.1));
        let cut = heights.any(|height| !(0.0..=1.0).contains(&height));
        let notes: Vec<String> = [self.across.map(|(_, what)| format!("dashed: {what}"))]
            .into_iter()
            .flatten()
            .chain(cut.then(|| "spikes cut off".to_owned()))
            .collect();
        let pieces = self.curves.iter().enumerate().flat_map(|(index, curve)| {
            pieces_of(curve.iter().copied(), self.scale).into_iter().map(move |piece| (index, piece))
        });
        SheetPanel {
            heading: if notes.is_empty() {
                self.title.clone()
            } else {
                format!("{} ({})", self.title, notes.join("; "))
            },
            y,
            pieces: pieces.collect(),
            across: self.across.iter().map(|&(value, _)| (value, INK)).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart() -> Chart {
        let wave = (0..200).map(|step| (f64::from(step), if step == 9 { 1e6 } else { (f64::from(step) / 9.0).sin() }));
        let falling = (0..200).map(|step| (f64::from(step), (-f64::from(step)).exp()));
        let panel = |title: &str, scale, curves, across| ChartPanel { title: title.to_owned(), scale, curves, across };
        Chart {
            title: "two curves".to_owned(),
            x_label: "step".to_owned(),
            curves: vec![("wave".to_owned(), Line::Solid), ("falling".to_owned(), Line::Dashed)],
            panels: vec![
                panel("linear", Scale::Linear, vec![wave.collect(), Vec::new()], Some((0.0, "rest"))),
                panel("log", Scale::Log, vec![Vec::new(), falling.collect()], None),
            ],
        }
    }

    #[test]
    fn draws_what_it_is_given() {
        let folder = tempfile::tempdir().unwrap();
        let (svg, png) = (folder.path().join("a.svg"), folder.path().join("a.png"));
        chart().save(&svg).unwrap();
        chart().save(&png).unwrap();
        let text = std::fs::read_to_string(svg).unwrap();
        for expected in ["two curves", "linear (dashed: rest; spikes cut off)", ">log<", ">falling<"] {
            assert!(text.contains(expected), "{expected}");
        }
        assert!(!text.contains("NaN"));
        assert_eq!(&std::fs::read(png).unwrap()[..4], b"\x89PNG");
    }

    #[test]
    fn says_what_is_wrong() {
        let mut empty = chart();
        empty.panels.iter_mut().for_each(|panel| panel.curves.clear());
        assert_eq!(empty.save(Path::new("x.svg")).unwrap_err().to_string(), "x.svg: expected points to draw, got none");
        assert!(chart().save(Path::new("x.pdf")).unwrap_err().to_string().contains("got `.pdf`"));
    }
}
