//! What every picture is drawn with: lengths, colours, lines, text, legends.

use kuva::render::render::{Primitive, Scene, TextAnchor};
use onedge_text::printable_line;

// All lengths are SVG units; at scale 1 a unit is a pixel.
pub const HEADING: f64 = 40.0;
pub const LEGEND_ROW: f64 = 24.0;
pub const SWATCH: f64 = 26.0;
pub const GREY: &str = "#d8d8d8";
pub const INK: &str = "#222222";

/// An empty picture with its heading.
pub fn titled(title: &str, width: f64, height: f64) -> Scene {
    let mut scene = Scene::new(width, height);
    scene.font_family = Some("DejaVu Sans, Helvetica, Arial, sans-serif".to_owned());
    // Smaller, if it would not fit.
    let size = (13..=17).rev().find(|&size| text_width(title, size) < width - 16.0).unwrap_or(12);
    text(&mut scene, (width / 2.0, 27.0), title, size, TextAnchor::Middle);
    scene
}

/// The entries of each row with the place where each begins: as many columns of equal width as fit, centred.
pub fn legend_rows(labels: &[&str], width: f64) -> Vec<Vec<(usize, f64)>> {
    let widest = labels.iter().map(|label| text_width(label, 13)).fold(0.0, f64::max);
    let entry = SWATCH + 7.0 + widest + 26.0;
    let columns = ((width / entry) as usize).clamp(1, labels.len().max(1));
    let left = (width - (entry * columns as f64 - 26.0)).max(0.0) / 2.0;
    let indices: Vec<usize> = (0..labels.len()).collect();
    let place = |(column, &index): (usize, &usize)| (index, left + entry * column as f64);
    indices.chunks(columns).map(|row| row.iter().enumerate().map(place).collect()).collect()
}

/// A slightly generous estimate for DejaVu Sans, a wide typeface.
pub fn text_width(text: &str, size: u32) -> f64 {
    0.62 * f64::from(size) * text.chars().count() as f64
}

/// A straight line.
pub fn line(scene: &mut Scene, from: (f64, f64), to: (f64, f64), color: &str, width: f64, dash: Option<&str>) {
    scene.add(Primitive::Line {
        x1: from.0,
        y1: from.1,
        x2: to.0,
        y2: to.1,
        stroke: color.into(),
        stroke_width: width,
        stroke_dasharray: dash.map(str::to_owned),
    });
}

/// A rectangle of two opposite corners, by its sides.
pub fn frame(scene: &mut Scene, (left, top): (f64, f64), (right, bottom): (f64, f64)) {
    let corners = [(left, bottom), (right, bottom), (right, top), (left, top), (left, bottom)];
    for side in corners.windows(2) {
        line(scene, side[0], side[1], INK, 0.8, None);
    }
}

/// A disc.
pub fn dot(scene: &mut Scene, (cx, cy): (f64, f64), r: f64, color: &str) {
    let fill = color.into();
    scene.add(Primitive::Circle { cx, cy, r, fill, fill_opacity: None, stroke: None, stroke_width: None });
}

/// Text on a line; control characters, which no SVG may have, are written out.
pub fn text(scene: &mut Scene, (x, y): (f64, f64), content: &str, size: u32, anchor: TextAnchor) {
    let content = printable_line(content).into_owned();
    scene.add(Primitive::Text { x, y, content, size, anchor, rotate: None, bold: false, color: Some(INK.into()) });
}

/// The same in bold, from its left end.
pub fn bold(scene: &mut Scene, (x, y): (f64, f64), content: &str, size: u32) {
    let (content, anchor) = (printable_line(content).into_owned(), TextAnchor::Start);
    scene.add(Primitive::Text { x, y, content, size, anchor, rotate: None, bold: true, color: Some(INK.into()) });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_legend_wraps_and_stays_inside() {
        let labels: Vec<String> = (0..9).map(|i| format!("constant rate {i}")).collect();
        let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
        let rows = legend_rows(&labels, 1000.0);
        assert!(rows.len() > 1);
        assert_eq!(rows.iter().flatten().map(|entry| entry.0).collect::<Vec<_>>(), (0..9).collect::<Vec<_>>());
        for (index, x) in rows.into_iter().flatten() {
            assert!(x >= 0.0 && x + SWATCH + 7.0 + text_width(labels[index], 13) <= 1000.0);
        }
    }
}
