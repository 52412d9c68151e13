use std::path::Path;

use crate::Error;
use crate::Scale;
use crate::axis::{Axis, readable_range};
use crate::draw::{ACROSS, Sheet, SheetPanel, scene};
use crate::file;
use crate::palette::{Stroke, stroke};
use crate::theme::Theme;
use crate::trace::Trace;

/// Curves of anything in panels, with the look of a [`Picture`](crate::Picture).
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    /// The heading.
    pub title: String,
    /// What lies along the horizontal axes.
    pub x_label: String,
    /// The names of the curves and how they are drawn; one without a name is in no legend but that of a panel.
    pub curves: Vec<(String, Look)>,
    /// From left to right, then down.
    pub panels: Vec<ChartPanel>,
    /// A heading for each row, where the panels form a grid of rows of equal length: then each row has a horizontal axis of
    /// its own. Empty: two panels a row at most, over one axis.
    pub rows: Vec<String>,
    /// What is to be said at the bottom, beside what panels say of themselves: what the bands are. Empty for nothing.
    pub note: String,
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
    /// What it shows of each curve.
    pub curves: Vec<Trace>,
    /// The height of a dashed line across it, and what it is.
    pub across: Option<(f64, &'static str)>,
    /// What each curve is in this panel, where that differs from panel to panel; else empty.
    pub legend: Vec<String>,
}

impl Chart {
    /// Draws to `path`, as SVG, PNG or PDF by its extension. Where a few values are far from the rest they are cut off, so
    /// that the rest can be read, and the panel says so.
    ///
    /// # Errors
    /// [`Error::Picture`] for another extension or no point at all; [`Error::Record`].
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        self.save_as(path, &Theme::default())
    }

    /// The same with other sizes and letters.
    ///
    /// # Errors
    /// The same, and [`Error::Picture`] for a theme that it cannot have.
    pub fn save_as(&self, path: &Path, theme: &Theme) -> Result<(), Error> {
        let fail = |message: &str| Error::Picture { path: path.to_owned(), message: message.to_owned() };
        if range(&self.panels).is_none() {
            return Err(fail("expected points to draw, got none"));
        }
        if !self.rows.is_empty() && !self.panels.len().is_multiple_of(self.rows.len()) {
            let message =
                format!("expected rows of equal length, got {} panels in {}", self.panels.len(), self.rows.len());
            return Err(fail(&message));
        }
        file::save(path, theme, |theme| scene(&self.sheet(), theme))
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
                // One note for all panels says in which of them a line is dashed.
                notes.extend(own.into_iter().map(|note| match note.strip_prefix("dashed: ") {
                    Some(what) => format!("dashed in {}: {what}", panel.title),
                    None => note,
                }));
            }
        }
        notes.sort();
        notes.dedup();
        if !self.rows.is_empty() {
            notes.insert(0, self.note.clone());
        } else {
            notes = vec![self.note.clone()];
        }
        if self.panels.iter().flat_map(|panel| &panel.curves).any(|trace| !trace.crosses.is_empty()) {
            notes.push(DIVERGED.to_owned());
        }
        notes.retain(|note| !note.is_empty());
        Sheet {
            title: &self.title,
            x_label: &self.x_label,
            curves: self.curves.iter().map(|(label, look)| (label.as_str(), look.stroke())).collect(),
            panels,
            rows: self.rows.iter().map(String::as_str).collect(),
            note: notes.join("; "),
        }
    }
}

/// What crosses are.
pub const DIVERGED: &str = "×: diverged there";

/// The range that holds both.
fn around((low, high): (f64, f64), (l, h): (f64, f64)) -> (f64, f64) {
    (low.min(l), high.max(h))
}

/// From where to where the points of some panels lie along the horizontal axis; `None` if there are none.
fn range(panels: &[ChartPanel]) -> Option<(f64, f64)> {
    let places = panels.iter().flat_map(|panel| panel.curves.iter().flat_map(Trace::places)).filter(|x| x.is_finite());
    places.map(|x| (x, x)).reduce(around)
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
    /// What is an outlier is for each curve to say: one that blows up must not hide how it began. Only those of a few points beside long ones say
    /// nothing where they would make the range more than four times as wide.
    fn range_of_values(&self) -> (f64, f64) {
        let lines: Vec<Vec<f64>> = self.curves.iter().flat_map(Trace::lines).collect();
        let places = |line: &[f64]| line.iter().filter(|value| value.is_finite()).count();
        let longest = lines.iter().map(|line| places(line)).max().unwrap_or(0);
        let (long, short): (Vec<_>, Vec<_>) = lines.into_iter().partition(|line| 10 * places(line) >= longest);
        let of = |lines: Vec<Vec<f64>>| {
            let ranges = lines.into_iter().filter_map(|line| readable_range(self.scale, line.into_iter()));
            ranges.map(|(range, _)| range).reduce(around)
        };
        let across = self.across.map(|(value, _)| (value, value));
        let long = of(long).into_iter().chain(across).reduce(around);
        let all = long.into_iter().chain(of(short)).reduce(around);
        let width = |(low, high): (f64, f64)| if self.scale == Scale::Log { (high / low).ln() } else { high - low };
        let (Some(long), Some(all)) = (long, all) else { return (0.1, 1.0) };
        if width(all) > 4.0 * width(long) && width(long) > 0.0 { long } else { all }
    }

    /// Ready to be drawn, with what is to be said of it.
    fn sheet_panel(&self, x: Axis) -> (SheetPanel, Vec<String>) {
        let (low, high) = self.range_of_values();
        let y = Axis::new(self.scale, low, high).padded(0.04);
        let mut heights = self.curves.iter().flat_map(Trace::values).filter_map(|value| y.place(value));
        let cut = heights.any(|height| !(0.0..=1.0).contains(&height));
        let notes = [self.across.map(|(_, what)| format!("dashed: {what}"))]
            .into_iter()
            .flatten()
            .chain(cut.then(|| "spikes cut off".to_owned()))
            .collect();
        let panel = SheetPanel {
            heading: self.title.clone(),
            x,
            y,
            traces: self.curves.clone(),
            across: self.across.iter().map(|&(value, _)| (value, ACROSS)).collect(),
            legend: self.legend.clone(),
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
        let panel = |title: &str, scale, curves: Vec<Vec<_>>, across| ChartPanel {
            title: title.to_owned(),
            scale,
            curves: curves.into_iter().map(Trace::from).collect(),
            across,
            legend: Vec::new(),
        };
        Chart {
            title: "two curves".to_owned(),
            x_label: "step".to_owned(),
            curves: vec![("wave".to_owned(), Look::solid(0)), ("falling".to_owned(), Look::dashed(1))],
            panels: vec![
                panel("linear", Scale::Linear, vec![wave.collect(), Vec::new()], Some((0.0, "rest"))),
                panel("log", Scale::Log, vec![Vec::new(), falling.collect()], None),
            ],
            rows: Vec::new(),
            note: String::new(),
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
    fn a_curve_of_a_point_widens_no_range_by_far() {
        let mut panel = chart().panels.remove(0);
        let plain = panel.range_of_values();
        assert!(plain.1 < 3.0, "{plain:?}");
        for (value, expected) in [(3000.0, plain.1), (3.5, 3.5)] {
            panel.curves[1] = Trace::from(vec![(0.0, value)]);
            assert_eq!(panel.range_of_values().1, expected);
        }
        // Alone it has the range that it needs.
        panel.curves.remove(0);
        panel.across = None;
        assert_eq!(panel.range_of_values(), (3.5, 3.5));
    }

    #[test]
    fn rows_have_headings_and_axes_of_their_own() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.svg");
        let mut grid = chart();
        grid.rows = vec!["first row".to_owned(), "second row".to_owned()];
        grid.panels[1].curves[1].points.truncate(5);
        grid.save(&path).unwrap();
        let text = std::fs::read_to_string(path).unwrap();
        for expected in
            ["first row", "second row", ">linear<", "dashed in linear: rest; spikes cut off", ">150<", ">4<"]
        {
            assert!(text.contains(expected), "{expected}");
        }
        grid.rows.push("third row".to_owned());
        let message = grid.save(Path::new("x.svg")).unwrap_err().to_string();
        assert_eq!(message, "x.svg: expected rows of equal length, got 2 panels in 3");
    }

    #[test]
    fn bands_crosses_and_legends_of_panels_are_drawn_and_said() {
        let folder = tempfile::tempdir().unwrap();
        let (svg, png) = (folder.path().join("a.svg"), folder.path().join("a.png"));
        let mut banded = chart();
        banded.note = "band: lowest to highest of 3 seeds".to_owned();
        let trace = &mut banded.panels[1].curves[1];
        trace.band = trace.points.iter().map(|&(x, y)| (x, 0.5 * y, 2.0 * y)).collect();
        trace.crosses = vec![(199.0, f64::MAX)];
        trace.dots = vec![(50.0, 2.0), (60.0, 3.0), (70.0, f64::NAN)];
        banded.panels[0].legend = vec!["width 16".to_owned(), "width 32".to_owned()];
        banded.save(&svg).unwrap();
        banded.save(&png).unwrap();
        let text = std::fs::read_to_string(svg).unwrap();
        for expected in ["opacity=\"0.2\"", "band: lowest to highest of 3 seeds; ×: diverged there", ">width 32<"] {
            assert!(text.contains(expected), "{expected}");
        }
        assert!(text.matches("<circle").count() == 2 && !text.contains("NaN"));
    }

    #[test]
    fn says_what_is_wrong() {
        let mut empty = chart();
        empty.panels.iter_mut().for_each(|panel| panel.curves.clear());
        assert_eq!(empty.save(Path::new("x.svg")).unwrap_err().to_string(), "x.svg: expected points to draw, got none");
        assert!(chart().save(Path::new("x.gif")).unwrap_err().to_string().contains("got `.gif`"));
    }
}
