use std::path::Path;

use crate::Error;
use crate::Scale;
use crate::axis::{Axis, readable_range};
use crate::curve::pieces_of;
use crate::draw::{Sheet, SheetPanel, scene};
use crate::file;
use crate::ink::INK;
use crate::palette::{Stroke, stroke};

/// Curves of anything in panels, with the look of a [`Picture`](crate::Picture).
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    /// The heading.
    pub title: String,
    /// What lies along the horizontal axes.
    pub x_label: String,
    /// The names of the curves and how they are drawn.
    pub curves: Vec<(String, Look)>,
    /// From left to right, then down.
    pub panels: Vec<ChartPanel>,
    /// A heading for each row, where the panels form a grid of rows of equal length: then each row has a horizontal axis of
    /// its own. Empty: two panels a row at most, over one axis.
    pub rows: Vec<String>,
}

/// How a curve is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Which colour of the palette, 0 to 6, the last one black; from 7 on the same ones with other dashes.
    pub color: usize,
    /// Its line.
    pub line: Line,
}

/// The line of a curve.
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
    /// [`Error::Picture`] for another extension or no point at all; [`Error::Record`].
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        let fail = |message: &str| Error::Picture { path: path.to_owned(), message: message.to_owned() };
        if range(&self.panels).is_none() {
            return Err(fail("expected points to draw, got none"));
        }
        if !self.rows.is_empty() && !self.panels.len().is_multiple_of(self.rows.len()) {
            let message =
                format!("expected rows of equal length, got {} panels in {}", self.panels.len(), self.rows.len());
            return Err(fail(&message));
        }
        file::save(path, || scene(&self.sheet()))
    }

    fn sheet(&self) -> Sheet<'_> {
        let per_axis = self.panels.len() / self.rows.len().max(1);
        let mut notes: Vec<String> = Vec::new();
        let mut panels = Vec::new();
        for group in self.panels.chunks(per_axis.max(1)) {
            let (low, high) = range(group).unwrap_or((0.0, 1.0));
            let x = Axis::new(Scale::Linear, low, high).padded(0.01);
            for panel in group {
                let (drawn, own) = panel.sheet_panel(x);
                panels.push(match (self.rows.is_empty(), own.is_empty()) {
                    (true, false) => SheetPanel { heading: format!("{} ({})", panel.title, own.join("; ")), ..drawn },
                    _ => drawn,
                });
                notes.extend(own);
            }
        }
        notes.sort();
        notes.dedup();
        Sheet {
            title: &self.title,
            x_label: &self.x_label,
            curves: self.curves.iter().map(|(label, look)| (label.as_str(), look.stroke())).collect(),
            panels,
            rows: self.rows.iter().map(String::as_str).collect(),
            note: if self.rows.is_empty() { String::new() } else { notes.join("; ") },
        }
    }
}

/// From where to where the points of some panels lie along the horizontal axis; `None` if there are none.
fn range(panels: &[ChartPanel]) -> Option<(f64, f64)> {
    let points = panels.iter().flat_map(|panel| panel.curves.iter().flatten());
    let places = points.map(|point| point.0).filter(|x| x.is_finite());
    places.map(|x| (x, x)).reduce(|(low, high), (l, h)| (low.min(l), high.max(h)))
}

impl Look {
    /// A solid line.
    pub fn solid(color: usize) -> Self {
        Self { color, line: Line::Solid }
    }

    /// A dashed line.
    pub fn dashed(color: usize) -> Self {
        Self { color, line: Line::Dashed }
    }

    fn stroke(self) -> Stroke {
        match self.line {
            Line::Solid => stroke(self.color),
            Line::Dashed => Stroke { dash: Some((8.0, 8.0)), ..stroke(self.color) },
        }
    }
}

impl ChartPanel {
    /// Ready to be drawn, with what is to be said of it.
    fn sheet_panel(&self, x: Axis) -> (SheetPanel, Vec<String>) {
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
        let notes = [self.across.map(|(_, what)| format!("dashed: {what}"))]
            .into_iter()
            .flatten()
            .chain(cut.then(|| "spikes cut off".to_owned()))
            .collect();
        let pieces = self.curves.iter().enumerate().flat_map(|(index, curve)| {
            pieces_of(curve.iter().copied(), self.scale).into_iter().map(move |piece| (index, piece))
        });
        let panel = SheetPanel {
            heading: self.title.clone(),
            x,
            y,
            pieces: pieces.collect(),
            across: self.across.iter().map(|&(value, _)| (value, INK)).collect(),
        };
        (panel, notes)
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
            curves: vec![("wave".to_owned(), Look::solid(0)), ("falling".to_owned(), Look::dashed(1))],
            panels: vec![
                panel("linear", Scale::Linear, vec![wave.collect(), Vec::new()], Some((0.0, "rest"))),
                panel("log", Scale::Log, vec![Vec::new(), falling.collect()], None),
            ],
            rows: Vec::new(),
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
    fn rows_have_headings_and_axes_of_their_own() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.svg");
        let mut grid = chart();
        grid.rows = vec!["first row".to_owned(), "second row".to_owned()];
        grid.panels[1].curves[1].truncate(5);
        grid.save(&path).unwrap();
        let text = std::fs::read_to_string(path).unwrap();
        for expected in ["first row", "second row", ">linear<", "dashed: rest; spikes cut off", ">150<", ">4<"] {
            assert!(text.contains(expected), "{expected}");
        }
        grid.rows.push("third row".to_owned());
        let message = grid.save(Path::new("x.svg")).unwrap_err().to_string();
        assert_eq!(message, "x.svg: expected rows of equal length, got 2 panels in 3");
    }

    #[test]
    fn says_what_is_wrong() {
        let mut empty = chart();
        empty.panels.iter_mut().for_each(|panel| panel.curves.clear());
        assert_eq!(empty.save(Path::new("x.svg")).unwrap_err().to_string(), "x.svg: expected points to draw, got none");
        assert!(chart().save(Path::new("x.pdf")).unwrap_err().to_string().contains("got `.pdf`"));
    }
}
