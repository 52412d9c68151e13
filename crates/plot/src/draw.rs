use kuva::render::render::{Primitive, Scene, TextAnchor};

use crate::axis::{Axis, tick_labels};
use crate::curve::clipped;
use crate::ink::{GREY, HEADING, LEGEND_ROW, SWATCH, bold, dot, frame, legend_rows, line, text, text_width, titled};
use crate::palette::Stroke;

const ABOVE: f64 = 38.0;
const BELOW: f64 = 46.0;
/// The heading of a row.
const BAND: f64 = 22.0;
/// A line of notes under the legend.
const NOTE: f64 = 20.0;

/// Panels of curves, ready to be drawn.
pub struct Sheet<'a> {
    /// The heading.
    pub title: &'a str,
    /// What lies along the horizontal axes.
    pub x_label: &'a str,
    /// The names of the curves and how they are drawn.
    pub curves: Vec<(&'a str, Stroke)>,
    /// From left to right, then down.
    pub panels: Vec<SheetPanel>,
    /// A heading for each row of panels, if they form a grid; without, rows have two panels at most.
    pub rows: Vec<&'a str>,
    /// A line at the bottom, empty for none.
    pub note: String,
}

/// One of them.
pub struct SheetPanel {
    /// Its heading.
    pub heading: String,
    /// Its horizontal axis.
    pub x: Axis,
    /// Its vertical axis.
    pub y: Axis,
    /// Pieces of curves, each with the number of its curve, in the units of the axes.
    pub pieces: Vec<(usize, Vec<(f64, f64)>)>,
    /// The heights of dashed lines across it, each with its colour.
    pub across: Vec<(f64, &'static str)>,
}

/// Sizes that depend on how many panels stand in a row: a picture is about as wide in any case, so its letters can be read
/// alike.
struct Layout {
    columns: usize,
    rows: usize,
    panel: (f64, f64),
    left: f64,
    right: f64,
    band: f64,
    /// Of the letters of a panel's heading.
    letters: u32,
}

impl Layout {
    fn of(sheet: &Sheet) -> Self {
        let band = if sheet.rows.is_empty() { 0.0 } else { BAND };
        let columns = match sheet.rows.len() {
            0 => sheet.panels.len().clamp(1, 2),
            rows => sheet.panels.len().div_ceil(rows).max(1),
        };
        let rows = sheet.panels.len().div_ceil(columns);
        let (panel, left, right, letters) = match columns {
            1 | 2 => ((450.0, 250.0), 68.0, 24.0, 14),
            3 => ((286.0, 190.0), 58.0, 18.0, 13),
            _ => ((206.0, 160.0), 56.0, 14.0, 13),
        };
        Self { columns, rows, panel, left, right, band, letters }
    }

    fn cell(&self) -> (f64, f64) {
        (self.left + self.panel.0 + self.right, self.band + ABOVE + self.panel.1 + BELOW)
    }
}

/// Lays out the panels, with one legend under them.
pub fn scene(sheet: &Sheet) -> Scene {
    let layout = Layout::of(sheet);
    let cell = layout.cell();
    let width = cell.0 * layout.columns as f64;
    let legend = legend_rows(&sheet.curves.iter().map(|(label, _)| *label).collect::<Vec<_>>(), width);
    let note = if sheet.note.is_empty() { 0.0 } else { NOTE };
    let height = HEADING + cell.1 * layout.rows as f64 + LEGEND_ROW * legend.len() as f64 + note + 10.0;

    let mut scene = titled(sheet.title, width, height);
    for (index, panel) in sheet.panels.iter().enumerate() {
        let (column, row) = ((index % layout.columns) as f64, (index / layout.columns) as f64);
        let corner = (layout.left + cell.0 * column, HEADING + layout.band + ABOVE + cell.1 * row);
        draw_panel(&mut scene, sheet, &layout, panel, corner);
    }
    for (row, heading) in sheet.rows.iter().enumerate() {
        let y = HEADING + cell.1 * row as f64 + BAND - 6.0;
        line(&mut scene, (12.0, y - 18.0), (width - 12.0, y - 18.0), GREY, 0.8, None);
        bold(&mut scene, (12.0, y), heading, 14);
    }
    let top = HEADING + cell.1 * layout.rows as f64 + 8.0;
    for (row, entries) in legend.iter().enumerate() {
        let y = top + LEGEND_ROW * row as f64 + 6.0;
        for &(index, x) in entries {
            let (label, look) = sheet.curves[index];
            draw_points(&mut scene, vec![(x, y), (x + SWATCH, y)], look, 2.6);
            text(&mut scene, (x + SWATCH + 7.0, y + 4.5), label, 13, TextAnchor::Start);
        }
    }
    if !sheet.note.is_empty() {
        text(&mut scene, (width / 2.0, height - 12.0), &sheet.note, 12, TextAnchor::Middle);
    }
    scene
}

fn draw_panel(scene: &mut Scene, sheet: &Sheet, layout: &Layout, panel: &SheetPanel, corner: (f64, f64)) {
    let (x, y, size) = (&panel.x, &panel.y, layout.panel);
    let to_scene = |(a, b): (f64, f64)| (corner.0 + a * size.0, corner.1 + (1.0 - b) * size.1);

    draw_grid(scene, x, y, size, to_scene);
    for (index, piece) in &panel.pieces {
        let look = sheet.curves[*index].1;
        for points in clipped(piece, x, y) {
            let points: Vec<(f64, f64)> = points.into_iter().map(to_scene).collect();
            draw_points(scene, points, look, 1.7);
        }
    }
    for &(value, color) in &panel.across {
        let Some(height) = y.place(value).filter(|height| (0.0..=1.0).contains(height)) else { continue };
        line(scene, to_scene((0.0, height)), to_scene((1.0, height)), color, 1.2, Some("6 4"));
    }
    frame(scene, to_scene((0.0, 1.0)), to_scene((1.0, 0.0)));
    text(scene, (corner.0, corner.1 - 11.0), &panel.heading, layout.letters, TextAnchor::Start);
    text(scene, (corner.0 + size.0 / 2.0, corner.1 + size.1 + 36.0), sheet.x_label, 12, TextAnchor::Middle);
}

fn draw_grid(scene: &mut Scene, x: &Axis, y: &Axis, size: (f64, f64), to_scene: impl Fn((f64, f64)) -> (f64, f64)) {
    let ticks = x.ticks();
    let labels = tick_labels(&ticks);
    let widest = labels.iter().map(|label| text_width(label, 12)).fold(0.0, f64::max);
    let stride = every(ticks.len(), size.0, widest + 8.0);
    for (index, &tick) in ticks.iter().enumerate() {
        let Some(place) = x.place(tick) else { continue };
        let (foot, head) = (to_scene((place, 0.0)), to_scene((place, 1.0)));
        line(scene, foot, head, GREY, 0.6, None);
        if index.is_multiple_of(stride) {
            text(scene, (foot.0, foot.1 + 17.0), &labels[index], 12, TextAnchor::Middle);
        }
    }
    let ticks = y.ticks();
    for (&tick, label) in ticks.iter().zip(tick_labels(&ticks)) {
        let Some(place) = y.place(tick) else { continue };
        let (left, right) = (to_scene((0.0, place)), to_scene((1.0, place)));
        line(scene, left, right, GREY, 0.6, None);
        text(scene, (left.0 - 7.0, left.1 + 4.0), &label, 12, TextAnchor::End);
    }
}

/// Which of so many ticks along `length` get a label of that width: every first, second, third...
fn every(ticks: usize, length: f64, width: f64) -> usize {
    let fit = ((length / width) as usize).max(1);
    ticks.div_ceil(fit).max(1)
}

fn draw_points(scene: &mut Scene, points: Vec<(f64, f64)>, look: Stroke, width: f64) {
    let pieces = match look.dash {
        None => vec![points],
        // A pattern of the picture's format would start anew at every point of a PNG.
        Some(pattern) => dashes(&points, pattern),
    };
    for points in pieces {
        if let [place] = points[..] {
            dot(scene, place, 2.2, look.color);
        } else {
            let stroke = look.color.into();
            scene.add(Primitive::PolyLine { points, stroke, stroke_width: width, stroke_dasharray: None });
        }
    }
}

/// A line cut into dashes of length `on` with gaps of length `off`.
fn dashes(points: &[(f64, f64)], (on, off): (f64, f64)) -> Vec<Vec<(f64, f64)>> {
    let Some(&first) = points.first() else { return Vec::new() };
    let (mut pieces, mut drawing, mut left) = (vec![vec![first]], true, on);
    for pair in points.windows(2) {
        let ((x, y), (to_x, to_y)) = (pair[0], pair[1]);
        let length = (to_x - x).hypot(to_y - y);
        let mut done = 0.0;
        while length - done > left {
            done += left;
            let share = done / length;
            let place = (x + (to_x - x) * share, y + (to_y - y) * share);
            match pieces.last_mut() {
                Some(piece) if drawing => piece.push(place),
                _ => pieces.push(vec![place]),
            }
            drawing = !drawing;
            left = if drawing { on } else { off };
        }
        left -= length - done;
        if let Some(piece) = pieces.last_mut()
            && drawing
        {
            piece.push(pair[1]);
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Scale;

    #[test]
    fn dashes_follow_the_length_of_the_line() {
        // 10 units in steps of 1.25, and back upwards: dashes of 3, gaps of 2.
        let there = (0..=8).map(|i| (1.25 * f64::from(i), 0.0));
        let line: Vec<(f64, f64)> = there.chain([(10.0, 4.0)]).collect();
        let pieces = dashes(&line, (3.0, 2.0));
        let ends: Vec<_> = pieces.iter().map(|piece| (piece[0], piece[piece.len() - 1])).collect();
        assert_eq!(ends, [((0.0, 0.0), (3.0, 0.0)), ((5.0, 0.0), (8.0, 0.0)), ((10.0, 0.0), (10.0, 3.0))]);
        assert_eq!(pieces[0], [(0.0, 0.0), (1.25, 0.0), (2.5, 0.0), (3.0, 0.0)]);
    }

    #[test]
    fn labels_are_left_out_where_they_would_meet() {
        assert_eq!(
            (every(6, 450.0, 40.0), every(6, 200.0, 40.0), every(6, 30.0, 40.0), every(0, 9.0, 40.0)),
            (1, 2, 6, 1)
        );
    }

    #[test]
    fn log_panels_never_meet_a_value_without_a_place() {
        let axis = Axis::new(Scale::Log, 1e-3, 1.0);
        assert!(clipped(&[(1.0, 0.0), (2.0, -1.0)], &axis, &axis).is_empty());
    }
}
