use kuva::render::render::{Scene, TextAnchor};

use crate::axis::Axis;
use crate::curve::{band_pieces, clipped, pieces};
use crate::dashes::dashes;
use crate::ink::{Canvas, GREY, HEADING, LEGEND_ROW, NOTE, RULE, SWATCH, legend_rows, note_lines, text_width};
use crate::layout::{self, Layout};
use crate::palette::Stroke;
use crate::theme::Theme;
use crate::trace::Trace;

/// How opaque bands are: so that lines and other bands show through.
const BAND_OPACITY: f64 = 0.2;
/// How opaque pale lines are, drawn in a colour as they would look on white.
const PALE: f64 = 0.4;

/// Panels of curves, ready to be drawn.
pub struct Sheet<'a> {
    /// The heading.
    pub title: &'a str,
    /// What lies along the horizontal axes.
    pub x_label: &'a str,
    /// The names of the curves and how they are drawn. One without a name is in no legend.
    pub curves: Vec<(&'a str, Stroke)>,
    /// From left to right, then down.
    pub panels: Vec<SheetPanel>,
    /// A heading for each row of panels, if they form a grid; without, rows have two panels at most.
    pub rows: Vec<&'a str>,
    /// What is to be said of all of it, at the bottom, empty for nothing.
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
    /// For each curve, in the units of the axes.
    pub traces: Vec<Trace>,
    /// The heights of dashed lines across it, each with its colour.
    pub across: Vec<(f64, &'static str)>,
    /// What each curve is in this panel, if that differs from panel to panel.
    pub legend: Vec<String>,
}

/// Lays out the panels, with one legend under them.
///
/// # Errors
/// What is wrong with a size that leaves no room for them.
pub fn scene(sheet: &Sheet, theme: &Theme) -> Result<Scene, String> {
    let mut layout = Layout::of(sheet, theme.factor());
    let factor = layout.factor;
    if let Some((width, _)) = theme.size {
        layout.panel.0 = width / layout.columns as f64 - layout.left - layout.right;
    }
    let width = layout.cell().0 * layout.columns as f64;
    let named: Vec<usize> = (0..sheet.curves.len()).filter(|&index| !sheet.curves[index].0.is_empty()).collect();
    let labels: Vec<&str> = named.iter().map(|&index| sheet.curves[index].0).collect();
    let legend = if labels.is_empty() { Vec::new() } else { legend_rows(&labels, width, factor) };
    let notes = note_lines(&sheet.note, width - 24.0, factor);
    let around = layout.around(legend.len(), notes.len());
    if let Some((_, height)) = theme.size {
        layout.panel.1 = (height - around) / layout.rows as f64 - layout.band - layout.above - layout.below;
    }
    if layout.panel.0 < layout::LEAST.0 || layout.panel.1 < layout::LEAST.1 {
        let (width, height) = theme.size.unwrap_or_default();
        let count = sheet.panels.len();
        return Err(format!(
            "expected a size with room for {count} panels and the legend, got {width}x{height}; try a larger one, fewer panels or smaller letters"
        ));
    }
    let cell = layout.cell();
    let height = cell.1 * layout.rows as f64 + around;

    let mut canvas = Canvas::titled(sheet.title, (width, height), theme);
    let heading = HEADING * factor;
    for (index, panel) in sheet.panels.iter().enumerate() {
        let (column, row) = ((index % layout.columns) as f64, (index / layout.columns) as f64);
        let corner = (layout.left + cell.0 * column, heading + layout.band + layout.above + cell.1 * row);
        draw_panel(&mut canvas, sheet, &layout, panel, corner);
    }
    for (row, text) in sheet.rows.iter().enumerate() {
        let y = heading + cell.1 * row as f64 + layout.band - 6.0 * factor;
        canvas.line((12.0, y - 18.0 * factor), (width - 12.0, y - 18.0 * factor), GREY, 0.8, None);
        canvas.bold((12.0, y), text, 14);
    }
    let top = heading + cell.1 * layout.rows as f64 + 8.0;
    for (row, entries) in legend.iter().enumerate() {
        let y = top + factor * (LEGEND_ROW * row as f64 + 6.0);
        for &(index, x) in entries {
            let (label, look) = sheet.curves[named[index]];
            draw_points(&mut canvas, vec![(x, y), (x + SWATCH, y)], (look.color, look.dash), 2.6);
            canvas.text((x + SWATCH + 7.0, y + 4.5 * factor), label, 13, TextAnchor::Start);
        }
    }
    let top = top + factor * (LEGEND_ROW * legend.len() as f64 + 6.0);
    for (row, line) in notes.iter().enumerate() {
        canvas.text((width / 2.0, top + factor * (NOTE * row as f64 + 2.0)), line, 12, TextAnchor::Middle);
    }
    Ok(canvas.scene)
}

fn draw_panel(canvas: &mut Canvas, sheet: &Sheet, layout: &Layout, panel: &SheetPanel, corner: (f64, f64)) {
    let (x, y, size, factor) = (&panel.x, &panel.y, layout.panel, layout.factor);
    let to_scene = |(a, b): (f64, f64)| (corner.0 + a * size.0, corner.1 + (1.0 - b) * size.1);

    draw_grid(canvas, x, y, (size, factor), to_scene);
    let traces = || panel.traces.iter().zip(&sheet.curves).map(|(trace, curve)| (trace, curve.1));
    for (trace, look) in traces() {
        for piece in band_pieces(&trace.band, y.scale()) {
            // What has no place on a log scale lies under it.
            let height = |value: f64| y.place(value).unwrap_or(0.0).clamp(0.0, 1.0);
            let edge = |value: fn(&(f64, f64, f64)) -> f64| {
                piece.iter().filter_map(move |place| Some((x.place(place.0)?, height(value(place)))))
            };
            let round = edge(|place| place.2).chain(edge(|place| place.1).collect::<Vec<_>>().into_iter().rev());
            canvas.area(&round.map(to_scene).collect::<Vec<_>>(), look.color, BAND_OPACITY);
        }
    }
    let mut draw = |points: &[(f64, f64)], look: (&str, Option<(f64, f64)>), width: f64| {
        for piece in pieces(points.iter().copied(), y.scale()) {
            for line in clipped(&piece, x, y) {
                draw_points(canvas, line.into_iter().map(to_scene).collect(), look, width);
            }
        }
    };
    for (trace, look) in traces() {
        let pale = look.paler(PALE);
        trace.pale.iter().for_each(|line| draw(line, (&pale, None), 1.1));
    }
    traces().for_each(|(trace, look)| draw(&trace.points, (look.color, look.dash), 1.7));
    for &(value, color) in &panel.across {
        let Some(height) = y.place(value).filter(|height| (0.0..=1.0).contains(height)) else { continue };
        canvas.line(to_scene((0.0, height)), to_scene((1.0, height)), color, 1.2, Some("6 4"));
    }
    for (trace, look) in traces() {
        for &(at, value) in &trace.crosses {
            let Some(place) = x.place(at) else { continue };
            // On the border, if the end lies beyond it.
            let height = y.place(value).unwrap_or(0.0).clamp(0.0, 1.0);
            canvas.cross(to_scene((place.clamp(0.0, 1.0), height)), 4.5, look.color, 2.0);
        }
    }
    for (trace, look) in traces() {
        for &(at, value) in &trace.dots {
            let place =
                x.place(at).zip(y.place(value)).filter(|(a, b)| (0.0..=1.0).contains(a) && (0.0..=1.0).contains(b));
            place.into_iter().for_each(|place| canvas.dot(to_scene(place), 3.5, look.color));
        }
    }
    canvas.frame(to_scene((0.0, 1.0)), to_scene((1.0, 0.0)));
    canvas.text((corner.0, corner.1 - 11.0), &panel.heading, layout.letters, TextAnchor::Start);
    let foot = corner.1 + size.1 + 4.0 + 32.0 * factor;
    canvas.text((corner.0 + size.0 / 2.0, foot), sheet.x_label, 12, TextAnchor::Middle);
    draw_own_legend(canvas, sheet, panel, (corner, size, factor));
}

/// The legend within a panel, in the corner where it hides the least.
fn draw_own_legend(
    canvas: &mut Canvas,
    sheet: &Sheet,
    panel: &SheetPanel,
    (corner, size, factor): ((f64, f64), (f64, f64), f64),
) {
    const ROW: f64 = 17.0;
    if panel.legend.is_empty() {
        return;
    }
    let widest = panel.legend.iter().map(|label| factor * text_width(label, 12)).fold(0.0, f64::max);
    let box_size = (widest + SWATCH + 16.0, factor * (ROW * panel.legend.len() as f64 + 6.0));
    let share = ((box_size.0 + 10.0) / size.0, (box_size.1 + 10.0) / size.1);
    let hidden = |(right, down): (bool, bool)| {
        let is_hidden = |&(a, b): &(f64, f64)| {
            let place = panel.x.place(a).zip(panel.y.place(b));
            let within = |at: f64, share: f64, end: bool| if end { at > 1.0 - share } else { at < share };
            place.is_some_and(|(a, b)| within(a, share.0, right) && within(b, share.1, !down))
        };
        let band = panel.traces.iter().flat_map(|trace| &trace.band).flat_map(|&(x, l, h)| [(x, l), (x, h)]);
        let points = panel.traces.iter().flat_map(|trace| &trace.points).copied();
        points.chain(band).filter(is_hidden).count()
    };
    let corners = [(false, false), (true, false), (false, true), (true, true)];
    let (right, down) = corners.into_iter().min_by_key(|at| hidden(*at)).unwrap_or((false, false));
    let left = if right { corner.0 + size.0 - box_size.0 - 5.0 } else { corner.0 + 5.0 };
    let top = if down { corner.1 + size.1 - box_size.1 - 5.0 } else { corner.1 + 5.0 };
    canvas.rectangle((left, top), box_size, "#ffffff");
    for (row, (label, (_, look))) in panel.legend.iter().zip(&sheet.curves).enumerate() {
        let y = top + factor * (ROW * (row as f64 + 0.5) + 3.0);
        draw_points(canvas, vec![(left + 5.0, y), (left + 5.0 + SWATCH, y)], (look.color, look.dash), 2.4);
        canvas.text((left + SWATCH + 11.0, y + 4.0 * factor), label, 12, TextAnchor::Start);
    }
}

fn draw_grid(
    canvas: &mut Canvas,
    x: &Axis,
    y: &Axis,
    (size, factor): ((f64, f64), f64),
    to_scene: impl Fn((f64, f64)) -> (f64, f64),
) {
    let ticks = x.labelled_ticks();
    let widest = ticks.iter().map(|(_, label)| factor * text_width(label, 12)).fold(0.0, f64::max);
    let stride = every(ticks.len(), size.0, widest + 8.0);
    for (index, (tick, label)) in ticks.iter().enumerate() {
        let Some(place) = x.place(*tick) else { continue };
        let (foot, head) = (to_scene((place, 0.0)), to_scene((place, 1.0)));
        canvas.line(foot, head, GREY, 0.6, None);
        if index.is_multiple_of(stride) {
            canvas.text((foot.0, foot.1 + 3.0 + 14.0 * factor), label, 12, TextAnchor::Middle);
        }
    }
    let ticks = y.labelled_ticks();
    let stride = every(ticks.len(), size.1, 16.0 * factor);
    for (index, (tick, label)) in ticks.iter().enumerate() {
        let Some(place) = y.place(*tick) else { continue };
        let (left, right) = (to_scene((0.0, place)), to_scene((1.0, place)));
        canvas.line(left, right, GREY, 0.6, None);
        if index.is_multiple_of(stride) {
            canvas.text((left.0 - 7.0, left.1 + 4.0 * factor), label, 12, TextAnchor::End);
        }
    }
}

/// Which of so many ticks along `length` get a label of that width: every first, second, third...
fn every(ticks: usize, length: f64, width: f64) -> usize {
    let fit = ((length / width) as usize).max(1);
    ticks.div_ceil(fit).max(1)
}

fn draw_points(canvas: &mut Canvas, points: Vec<(f64, f64)>, (color, dash): (&str, Option<(f64, f64)>), width: f64) {
    let pieces = match dash {
        None => vec![points],
        // A pattern of the picture's format would start anew at every point of a PNG.
        Some(pattern) => dashes(&points, pattern),
    };
    for points in pieces {
        if let [place] = points[..] {
            canvas.dot(place, 2.2, color);
        } else {
            canvas.polyline(points, color, width);
        }
    }
}

/// Dashed lines across are grey: black is a curve's.
pub const ACROSS: &str = RULE;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Scale;

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

    #[test]
    fn a_size_is_kept_or_refused() {
        let axis = Axis::new(Scale::Linear, 0.0, 1.0);
        let panel = || SheetPanel {
            heading: "loss".to_owned(),
            x: axis,
            y: axis,
            traces: vec![Trace::from(vec![(0.0, 0.0), (1.0, 1.0)])],
            across: Vec::new(),
            legend: Vec::new(),
        };
        let sheet = Sheet {
            title: "t",
            x_label: "step",
            curves: vec![("a", Stroke { color: "#000000", dash: None })],
            panels: vec![panel(), panel()],
            rows: Vec::new(),
            note: "what the band is".to_owned(),
        };
        let theme = |size, letters| Theme { size: Some(size), letters, font: None };
        for letters in [12.0, 18.0] {
            let scene = scene(&sheet, &theme((700.0, 420.0), letters)).unwrap();
            assert!((scene.width - 700.0).abs() < 1e-9 && (scene.height - 420.0).abs() < 1e-9);
        }
        let message = scene(&sheet, &theme((700.0, 150.0), 12.0)).err().unwrap();
        assert!(message.contains("room for 2 panels and the legend, got 700x150"), "{message}");
    }
}
