use std::collections::BTreeSet;
use std::path::Path;

use onedge_registry::nearest;
use onedge_spectrum::diagnostics;

use crate::axis::{Axis, tick_label};
use crate::chart::DIVERGED;
use crate::draw::{self, ACROSS, Sheet, SheetPanel};
use crate::palette::stroke;
use crate::panel::{ALL, Clipping, OF_SPECTRUM, Panel, USUAL};
use crate::trace::{Readings, Smoothing, Trace};
use crate::{Abscissa, Curve, Error, Scale, Theme, file};

/// Runs side by side.
///
/// # Example
/// ```
/// use onedge_plot::{Abscissa, Curve, Picture};
/// use onedge_record::Record;
///
/// let record = |step: u64| Record { step, loss: 0.9f64.powi(step as i32), learning_rate: 0.1, ..Record::default() };
/// let curve = Curve::of("mine", (0..50).map(record).collect(), Some(2.0));
/// let picture = Picture {
///     title: "A run".to_owned(),
///     x: Abscissa::Step,
///     panels: Vec::new(),
///     curves: vec![curve],
///     smoothing: None,
/// };
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
    /// How curves are smoothed: what was recorded stays below them, pale.
    pub smoothing: Option<Smoothing>,
}

impl Picture {
    /// Draws to `path`, as SVG, PNG or PDF by its extension.
    ///
    /// # Errors
    /// [`Error::Picture`] for another extension, an unknown panel or no data at all; [`Error::Record`].
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        self.save_as(path, &Theme::default())
    }

    /// The same with other sizes and letters.
    ///
    /// # Errors
    /// The same, and [`Error::Picture`] for a theme that it cannot have.
    pub fn save_as(&self, path: &Path, theme: &Theme) -> Result<(), Error> {
        let fail = |message: String| Error::Picture { path: path.to_owned(), message };
        let panels = self.chosen_panels().map_err(fail)?;
        file::save(path, theme, |theme| draw::scene(&self.sheet(&panels), theme))
    }

    fn sheet(&self, panels: &[Panel]) -> Sheet<'_> {
        let panels: Vec<SheetPanel> = panels.iter().map(|panel| self.sheet_panel(panel)).collect();
        let names = self.curves.iter().enumerate();
        Sheet {
            title: &self.title,
            x_label: self.x.label(),
            curves: names.map(|(index, curve)| (curve.label.as_str(), stroke(index))).collect(),
            note: self.note(&panels),
            panels,
            rows: Vec::new(),
        }
    }

    /// What lines, bands, pale lines and crosses are, as far as they are there.
    fn note(&self, panels: &[SheetPanel]) -> String {
        let traces = || panels.iter().flat_map(|panel| &panel.traces);
        let mut notes = vec![what_is_drawn(self.curves.iter().map(|curve| curve.runs.len()), traces())];
        if let Some(smoothing) = self.smoothing {
            notes[0] = over_seeds(self.curves.iter().map(|curve| curve.runs.len()));
            notes.push(format!("smoothed ({}), pale: as recorded", smoothing.label()));
            if traces().any(|trace| trace.pale.len() > 1) {
                notes.push(GOING_ON.to_owned());
            }
        }
        if traces().any(|trace| !trace.crosses.is_empty()) {
            notes.push(DIVERGED.to_owned());
        }
        notes.retain(|note| !note.is_empty());
        notes.join("; ")
    }

    fn sheet_panel(&self, panel: &Panel) -> SheetPanel {
        let traces: Vec<Trace> = self.curves.iter().map(|curve| self.trace(panel, curve)).collect();
        let edges = panel.references(&self.curves);
        let (y, clipping) = panel.axis(&traces, &edges);
        // One edge is everybody's; of several each has the colour of its run.
        let color = |curve| if edges.len() == 1 { ACROSS } else { stroke(curve).color };
        SheetPanel {
            heading: self.heading(panel, &edges, clipping),
            x: self.x_axis(),
            y,
            across: edges.iter().map(|&(value, curve)| (value, color(curve))).collect(),
            traces,
            legend: Vec::new(),
        }
    }

    fn trace(&self, panel: &Panel, curve: &Curve) -> Trace {
        let readings = curve.runs.iter().map(|run| run.readings(self.x.quantity(), |record| panel.value(record)));
        let readings: Vec<Readings> = readings.collect();
        let Some(smoothing) = self.smoothing else { return Trace::over_seeds(&readings) };
        let smooth = |run: &Readings| Readings { of: smoothing.apply(&run.of), ..*run };
        let mut trace = Trace::over_seeds(&readings.iter().map(smooth).collect::<Vec<_>>());
        trace.pale.insert(0, Trace::over_seeds(&readings).points);
        trace
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
                let readings = self.curves.iter().flat_map(Curve::records).flat_map(|r| r.measured.keys());
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
        let values = self.curves.iter().flat_map(|curve| curve.records().filter_map(x)).filter(|v| v.is_finite());
        let (low, high) = values.fold((0.0f64, 0.0f64), |(low, high), v| (low.min(v), high.max(v)));
        Axis::new(Scale::Linear, low, high).padded(0.01)
    }
}

/// What pale lines are where no curve is smoothed.
const GOING_ON: &str = "pale: seeds that go on where another has ended";

/// What lines, bands and pale lines of these traces are, of curves over so many seeds each: as a sentence under a picture.
pub fn what_is_drawn<'a>(
    seeds: impl Iterator<Item = usize>,
    traces: impl Iterator<Item = &'a Trace> + Clone,
) -> String {
    let mut notes = Vec::new();
    if traces.clone().any(|trace| !trace.band.is_empty()) {
        notes.push(over_seeds(seeds));
    }
    if traces.clone().any(|trace| !trace.pale.is_empty()) {
        notes.push(GOING_ON.to_owned());
    }
    notes.join("; ")
}

/// What line and band are.
fn over_seeds(seeds: impl Iterator<Item = usize>) -> String {
    let (mut several, single): (Vec<usize>, Vec<usize>) = seeds.partition(|count| *count > 1);
    several.sort_unstable();
    let (Some(least), Some(most)) = (several.first(), several.last()) else { return String::new() };
    let count = if least < most { format!("{least} to {most}") } else { most.to_string() };
    let lines = if single.is_empty() { "lines" } else { "lines in bands" };
    format!("{lines}: means over {count} seeds, bands: lowest to highest of them")
}

/// That no run has what a panel shows, as its diagnostic, of this cadence, was off.
fn not_measured(panel: &str, every: &str) -> String {
    format!("panel `{panel}`: expected runs that measured it, got none; try `diagnostics.{every}=10` when training")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Course;
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
        let curve = |label: &str, records: Vec<Record>| Curve::of(label, records, Some(2.0));
        let curves = vec![
            curve("cdat, sigma 2.0625", falling.collect()),
            curve("greedy (diverged at step 230)", early.collect()),
            curve("constant 0.125", constant.collect()),
        ];
        let title = "digits, mlp 64-64".to_owned();
        Picture { title, x: Abscissa::Step, panels: Vec::new(), curves, smoothing: None }
    }

    #[test]
    fn draws_both_formats() {
        let folder = tempfile::tempdir().unwrap();
        let [svg, png, pdf] = ["a.svg", "a.png", "a.pdf"].map(|name| folder.path().join(name));
        [&svg, &png, &pdf].into_iter().for_each(|path| picture().save(path).unwrap());
        assert_eq!(&std::fs::read(pdf).unwrap()[..5], b"%PDF-");
        let text = std::fs::read_to_string(svg).unwrap();
        for expected in ["training loss", "edge 2; spikes cut off", "constant 0.125", ">0.001<", "stroke-dasharray"] {
            assert!(text.contains(expected), "{expected}");
        }
        assert!(!text.contains("NaN"));
        assert_eq!(&std::fs::read(png).unwrap()[..4], b"\x89PNG");
    }

    #[test]
    fn seeds_have_a_mean_and_a_band_and_what_is_drawn_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let draw = |picture: &Picture| {
            let path = folder.path().join("a.svg");
            picture.save(&path).unwrap();
            picture.save(&path.with_extension("png")).unwrap();
            std::fs::read_to_string(path).unwrap().replace("&apos;", "'")
        };
        let mut seeds = picture();
        let bare = draw(&seeds);
        assert!(!bare.contains("opacity") && !bare.contains("seeds") && !bare.contains("diverged there"));
        let early = seeds.curves[1].runs[0].records.clone();
        let course = Course { records: early, diverged: true };
        seeds.curves[0].runs.push(course.clone());
        let text = draw(&seeds);
        for expected in [
            "opacity=\"0.2\"",
            "lines in bands: means over 2 seeds, bands: lowest to highest of them",
            "pale: seeds that go on where another has ended",
            "×: diverged there",
        ] {
            assert!(text.contains(expected), "{expected}");
        }
        seeds.curves[1].runs = vec![course.clone(), course.clone(), course];
        seeds.smoothing = Smoothing::of(0.9);
        let text = draw(&seeds);
        for expected in ["means over 2 to 3 seeds", "smoothed (exponential average, 0.9), pale: as recorded"] {
            assert!(text.contains(expected), "{expected}");
        }
    }

    #[test]
    fn a_theme_changes_size_letters_and_typeface() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.svg");
        let theme = Theme { size: Some((640.0, 480.0)), letters: 10.0, font: Some("Times".to_owned()) };
        picture().save_as(&path, &theme).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        for expected in ["width=\"640\" height=\"480\"", "font-family=\"Times, DejaVu Sans", "font-size=\"10\""] {
            assert!(text.contains(expected), "{expected}");
        }
        let message = |path: &str, theme: Theme| picture().save_as(Path::new(path), &theme).unwrap_err().to_string();
        assert_eq!(
            message("x.png", theme.clone()),
            "x.png: expected a name that ends in `.svg`, as other formats have DejaVu Sans alone"
        );
        let bare = Theme { font: None, ..theme };
        let message = |change: fn(&mut Theme)| {
            let mut theme = bare.clone();
            change(&mut theme);
            message("x.png", theme)
        };
        assert!(message(|t| t.size = Some((50.0, 900.0))).ends_with("from 100x100 to 10000x10000, got 50x900"));
        assert!(message(|t| t.size = Some((f64::NAN, 900.0))).contains("got NaNx900"));
        assert!(message(|t| t.letters = 0.5).ends_with("expected letters of 4 to 72 pixels, got 0.5"));
        assert!(message(|t| t.size = Some((300.0, 200.0))).contains("with room for 4 panels"));
    }

    #[test]
    fn says_what_is_wrong() {
        let message = |change: fn(&mut Picture), path: &str| {
            let mut picture = picture();
            change(&mut picture);
            picture.save(Path::new(path)).unwrap_err().to_string()
        };
        assert_eq!(
            message(|_| (), "x.gif"),
            "x.gif: expected a name that ends in `.svg`, `.png` or `.pdf`, got `.gif`"
        );
        assert_eq!(
            message(|p| p.panels = vec!["los".to_owned()], "x.svg"),
            "x.svg: unknown panel `los`, expected one of the known names; try `loss`"
        );
        assert!(message(|p| p.curves.clear(), "x.svg").contains("got no records"));
    }
}
