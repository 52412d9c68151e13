//! What every picture is drawn with: lengths, colours, lines, text, legends.

use kuva::render::render::{PathData, Primitive, Scene, TextAnchor};
use onedge_text::printable_line;

use crate::theme::Theme;

// All lengths are SVG units; at scale 1 a unit is a pixel. Those that letters stand in grow with them.
pub const HEADING: f64 = 40.0;
pub const LEGEND_ROW: f64 = 24.0;
pub const SWATCH: f64 = 26.0;
/// A line of notes.
pub const NOTE: f64 = 18.0;
pub const GREY: &str = "#d8d8d8";
pub const INK: &str = "#222222";
/// Lines that are no curve.
pub const RULE: &str = "#666666";

const FAMILY: &str = "DejaVu Sans, Helvetica, Arial, sans-serif";

/// A picture that is being drawn.
pub struct Canvas {
    /// What is drawn so far.
    pub scene: Scene,
    factor: f64,
}

impl Canvas {
    /// An empty picture with its heading.
    pub fn titled(title: &str, (width, height): (f64, f64), theme: &Theme) -> Self {
        let mut scene = Scene::new(width, height);
        let own = theme.font.as_ref().map(|font| format!("{font}, {FAMILY}"));
        scene.font_family = Some(own.unwrap_or_else(|| FAMILY.to_owned()));
        let mut canvas = Self { scene, factor: theme.factor() };
        // Smaller, if it would not fit.
        let fits = |size: &u32| text_width(title, *size) * canvas.factor < width - 16.0;
        let size = (9..=17).rev().find(fits).unwrap_or(9);
        canvas.text((width / 2.0, 27.0 * canvas.factor), title, size, TextAnchor::Middle);
        canvas
    }

    /// Text on a line; control characters, which no SVG may have, are written out.
    pub fn text(&mut self, place: (f64, f64), content: &str, size: u32, anchor: TextAnchor) {
        self.put(place, content, size, anchor, false);
    }

    /// The same in bold, from its left end.
    pub fn bold(&mut self, place: (f64, f64), content: &str, size: u32) {
        self.put(place, content, size, TextAnchor::Start, true);
    }

    fn put(&mut self, (x, y): (f64, f64), content: &str, size: u32, anchor: TextAnchor, bold: bool) {
        let content = printable_line(content).into_owned();
        let size = (f64::from(size) * self.factor).round() as u32;
        self.scene.add(Primitive::Text { x, y, content, size, anchor, rotate: None, bold, color: Some(INK.into()) });
    }

    /// A straight line.
    pub fn line(&mut self, from: (f64, f64), to: (f64, f64), color: &str, width: f64, dash: Option<&str>) {
        self.scene.add(Primitive::Line {
            x1: from.0,
            y1: from.1,
            x2: to.0,
            y2: to.1,
            stroke: color.into(),
            stroke_width: width,
            stroke_dasharray: dash.map(str::to_owned),
        });
    }

    /// A line through points.
    pub fn polyline(&mut self, points: Vec<(f64, f64)>, color: &str, width: f64) {
        let stroke = color.into();
        self.scene.add(Primitive::PolyLine { points, stroke, stroke_width: width, stroke_dasharray: None });
    }

    /// What lies within a closed line, so opaque.
    pub fn area(&mut self, corners: &[(f64, f64)], color: &str, opacity: f64) {
        let mut d = String::new();
        for (index, (x, y)) in corners.iter().enumerate() {
            d += &format!("{}{x:.2} {y:.2} ", if index == 0 { 'M' } else { 'L' });
        }
        self.scene.add(Primitive::Path(Box::new(PathData {
            d: d + "Z",
            fill: Some(color.into()),
            stroke: "none".into(),
            stroke_width: 0.0,
            opacity: Some(opacity),
            stroke_dasharray: None,
        })));
    }

    /// A filled rectangle by its upper left corner and its sides.
    pub fn rectangle(&mut self, (x, y): (f64, f64), (width, height): (f64, f64), color: &str) {
        let fill = color.into();
        self.scene.add(Primitive::Rect { x, y, width, height, fill, stroke: None, stroke_width: None, opacity: None });
    }

    /// The sides of a rectangle of two opposite corners.
    pub fn frame(&mut self, (left, top): (f64, f64), (right, bottom): (f64, f64)) {
        let corners = [(left, bottom), (right, bottom), (right, top), (left, top), (left, bottom)];
        for side in corners.windows(2) {
            self.line(side[0], side[1], INK, 0.8, None);
        }
    }

    /// A disc.
    pub fn dot(&mut self, (cx, cy): (f64, f64), r: f64, color: &str) {
        let fill = color.into();
        self.scene.add(Primitive::Circle { cx, cy, r, fill, fill_opacity: None, stroke: None, stroke_width: None });
    }

    /// Two crossing lines.
    pub fn cross(&mut self, (x, y): (f64, f64), r: f64, color: &str, width: f64) {
        self.line((x - r, y - r), (x + r, y + r), color, width, None);
        self.line((x - r, y + r), (x + r, y - r), color, width, None);
    }
}

/// The entries of each row with the place where each begins: as many columns of equal width as fit, centred.
pub fn legend_rows(labels: &[&str], width: f64, factor: f64) -> Vec<Vec<(usize, f64)>> {
    let widest = labels.iter().map(|label| text_width(label, 13) * factor).fold(0.0, f64::max);
    let entry = SWATCH + 7.0 + widest + 26.0;
    let columns = ((width / entry) as usize).clamp(1, labels.len().max(1));
    let left = (width - (entry * columns as f64 - 26.0)).max(0.0) / 2.0;
    let indices: Vec<usize> = (0..labels.len()).collect();
    let place = |(column, &index): (usize, &usize)| (index, left + entry * column as f64);
    indices.chunks(columns).map(|row| row.iter().enumerate().map(place).collect()).collect()
}

/// Sentences in lines of this width.
pub fn note_lines(note: &str, width: f64, factor: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in note.split_whitespace() {
        match lines.last_mut() {
            Some(line) if text_width(&format!("{line} {word}"), 12) * factor < width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// A slightly generous estimate for DejaVu Sans, a wide typeface.
pub fn text_width(text: &str, size: u32) -> f64 {
    0.62 * f64::from(size) * text.chars().count() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_legend_wraps_and_stays_inside() {
        let labels: Vec<String> = (0..9).map(|i| format!("constant rate {i}")).collect();
        let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
        for factor in [1.0, 1.5] {
            let rows = legend_rows(&labels, 1000.0, factor);
            assert!(rows.len() > 1);
            assert_eq!(rows.iter().flatten().map(|entry| entry.0).collect::<Vec<_>>(), (0..9).collect::<Vec<_>>());
            for (index, x) in rows.into_iter().flatten() {
                assert!(x >= 0.0 && x + SWATCH + 7.0 + factor * text_width(labels[index], 13) <= 1000.0);
            }
        }
    }

    #[test]
    fn notes_are_wrapped_between_words() {
        let lines = note_lines("one two three four", 0.62 * 12.0 * 10.0, 1.0);
        assert_eq!(lines, ["one two", "three", "four"]);
        assert!(note_lines("", 100.0, 1.0).is_empty());
    }
}
