use kuva::render::render::{Primitive, Scene, TextAnchor};

use crate::plot::Picture;
use crate::plot::axis::{Axis, tick_label};
use crate::plot::curve::{clipped, pieces};
use crate::plot::palette::stroke;
use crate::plot::panel::{Clipping, Panel};

// All lengths are SVG units; at scale 1 a unit is a pixel.
const PANEL: (f64, f64) = (450.0, 250.0);
const LEFT: f64 = 68.0;
const RIGHT: f64 = 24.0;
const ABOVE: f64 = 38.0;
const BELOW: f64 = 46.0;
const HEADING: f64 = 40.0;
const LEGEND_ROW: f64 = 24.0;
const SWATCH: f64 = 26.0;
const GREY: &str = "#d8d8d8";
const INK: &str = "#222222";

/// Lays out the panels in rows of at most two, with one legend under them.
pub fn scene(picture: &Picture, panels: &[&Panel]) -> Scene {
    let columns = panels.len().clamp(1, 2);
    let rows = panels.len().div_ceil(columns);
    let cell = (LEFT + PANEL.0 + RIGHT, ABOVE + PANEL.1 + BELOW);
    let width = cell.0 * columns as f64;
    let legend = legend_rows(&picture.curves.iter().map(|curve| curve.label.as_str()).collect::<Vec<_>>(), width);
    let height = HEADING + cell.1 * rows as f64 + LEGEND_ROW * legend.len() as f64 + 10.0;

    let mut scene = Scene::new(width, height);
    scene.font_family = Some("DejaVu Sans, Helvetica, Arial, sans-serif".to_owned());
    text(&mut scene, (width / 2.0, 27.0), &picture.title, 17, TextAnchor::Middle);
    for (index, panel) in panels.iter().enumerate() {
        let corner = (LEFT + cell.0 * (index % columns) as f64, HEADING + ABOVE + cell.1 * (index / columns) as f64);
        draw_panel(&mut scene, picture, panel, corner);
    }
    let top = HEADING + cell.1 * rows as f64 + 8.0;
    draw_legend(&mut scene, picture, &legend, top);
    scene
}

fn draw_panel(scene: &mut Scene, picture: &Picture, panel: &Panel, corner: (f64, f64)) {
    let x = picture.x_axis();
    let (y, clipping) = panel.axis(&picture.curves);
    let to_scene = |(a, b): (f64, f64)| (corner.0 + a * PANEL.0, corner.1 + (1.0 - b) * PANEL.1);

    draw_grid(scene, &x, &y, to_scene);
    for (index, curve) in picture.curves.iter().enumerate() {
        let look = stroke(index);
        for piece in pieces(&curve.records, picture.x.quantity(), panel.quantity, panel.scale) {
            for points in clipped(&piece, &x, &y) {
                let points: Vec<(f64, f64)> = points.into_iter().map(to_scene).collect();
                draw_points(scene, points, look.color, look.dash);
            }
        }
    }
    let edges = panel.references(&picture.curves);
    for &(value, curve) in &edges {
        let Some(height) = y.place(value) else { continue };
        // One edge is everybody's; of several each has the colour of its run.
        let color = if edges.len() == 1 { INK } else { stroke(curve).color };
        line(scene, to_scene((0.0, height)), to_scene((1.0, height)), color, 1.2, Some("6 4"));
    }
    let frame = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0), (0.0, 0.0)].map(to_scene);
    for side in frame.windows(2) {
        line(scene, side[0], side[1], INK, 0.8, None);
    }
    text(scene, (corner.0, corner.1 - 11.0), &heading(panel, picture, clipping), 14, TextAnchor::Start);
    text(scene, (corner.0 + PANEL.0 / 2.0, corner.1 + PANEL.1 + 36.0), picture.x.label(), 12, TextAnchor::Middle);
}

fn draw_grid(scene: &mut Scene, x: &Axis, y: &Axis, to_scene: impl Fn((f64, f64)) -> (f64, f64)) {
    for tick in x.ticks() {
        let Some(place) = x.place(tick) else { continue };
        let (foot, head) = (to_scene((place, 0.0)), to_scene((place, 1.0)));
        line(scene, foot, head, GREY, 0.6, None);
        text(scene, (foot.0, foot.1 + 17.0), &tick_label(tick), 12, TextAnchor::Middle);
    }
    for tick in y.ticks() {
        let Some(place) = y.place(tick) else { continue };
        let (left, right) = (to_scene((0.0, place)), to_scene((1.0, place)));
        line(scene, left, right, GREY, 0.6, None);
        text(scene, (left.0 - 7.0, left.1 + 4.0), &tick_label(tick), 12, TextAnchor::End);
    }
}

fn heading(panel: &Panel, picture: &Picture, clipping: Clipping) -> String {
    let mut notes: Vec<String> = panel.note(&picture.curves).map(str::to_owned).into_iter().collect();
    match panel.references(&picture.curves)[..] {
        [] => {}
        [(edge, _)] => notes.push(format!("dashed: edge {}", tick_label(edge))),
        _ => notes.push("dashed: edges".to_owned()),
    }
    if clipping == Clipping::CutOff {
        notes.push("spikes cut off".to_owned());
    }
    if notes.is_empty() { panel.title.to_owned() } else { format!("{} ({})", panel.title, notes.join("; ")) }
}

fn draw_legend(scene: &mut Scene, picture: &Picture, rows: &[Vec<(usize, f64)>], top: f64) {
    for (row, entries) in rows.iter().enumerate() {
        let y = top + LEGEND_ROW * row as f64 + 6.0;
        for &(index, x) in entries {
            let look = stroke(index);
            line(scene, (x, y), (x + SWATCH, y), look.color, 2.6, look.dash);
            text(scene, (x + SWATCH + 7.0, y + 4.5), &picture.curves[index].label, 13, TextAnchor::Start);
        }
    }
}

/// The entries of each row with the place where each begins: as many columns of equal width as fit, centred.
fn legend_rows(labels: &[&str], width: f64) -> Vec<Vec<(usize, f64)>> {
    let widest = labels.iter().map(|label| text_width(label, 13)).fold(0.0, f64::max);
    let entry = SWATCH + 7.0 + widest + 26.0;
    let columns = ((width / entry) as usize).clamp(1, labels.len().max(1));
    let left = (width - (entry * columns as f64 - 26.0)).max(0.0) / 2.0;
    let indices: Vec<usize> = (0..labels.len()).collect();
    let place = |(column, &index): (usize, &usize)| (index, left + entry * column as f64);
    indices.chunks(columns).map(|row| row.iter().enumerate().map(place).collect()).collect()
}

/// A slightly generous estimate for DejaVu Sans, a wide typeface.
fn text_width(text: &str, size: u32) -> f64 {
    0.62 * f64::from(size) * text.chars().count() as f64
}

fn draw_points(scene: &mut Scene, points: Vec<(f64, f64)>, color: &str, dash: Option<&str>) {
    if let [(cx, cy)] = points[..] {
        let fill = color.into();
        scene.add(Primitive::Circle { cx, cy, r: 2.2, fill, fill_opacity: None, stroke: None, stroke_width: None });
    } else {
        let stroke_dasharray = dash.map(str::to_owned);
        scene.add(Primitive::PolyLine { points, stroke: color.into(), stroke_width: 1.7, stroke_dasharray });
    }
}

fn line(scene: &mut Scene, from: (f64, f64), to: (f64, f64), color: &str, width: f64, dash: Option<&str>) {
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

fn text(scene: &mut Scene, (x, y): (f64, f64), content: &str, size: u32, anchor: TextAnchor) {
    let content = content.to_owned();
    scene.add(Primitive::Text { x, y, content, size, anchor, rotate: None, bold: false, color: Some(INK.into()) });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plot::Scale;

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

    #[test]
    fn log_panels_never_meet_a_value_without_a_place() {
        let axis = Axis::new(Scale::Log, 1e-3, 1.0);
        assert!(clipped(&[(1.0, 0.0), (2.0, -1.0)], &axis, &axis).is_empty());
    }
}
