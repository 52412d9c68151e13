use kuva::render::render::{Scene, TextAnchor};

use super::{Colors, HeatCell, HeatMap, HeatPanel, Mark};
use crate::axis::{Axis, Scale, readable_range, tick_label};
use crate::ink::{Canvas, HEADING, INK, LEGEND_ROW, SWATCH, legend_rows, text_width};
use crate::palette::{hex, lightness, shade};
use crate::theme::Theme;

// Narrow enough that its letters can be read when it is as wide as a column of text.
const MAP: (f64, f64) = (310.0, 230.0);
// In usual letters.
const LEFT: f64 = 74.0;
const BAR: (f64, f64) = (16.0, 14.0);
const RIGHT: f64 = 92.0;
const ABOVE: f64 = 52.0;
const BELOW: f64 = 60.0;
pub const NO_VALUE: &str = "#e8e8e8";

impl HeatMap {
    pub(super) fn scene(&self, theme: &Theme) -> Result<Scene, String> {
        let factor = theme.factor();
        let (count, labels) = (self.panels.len(), self.marks.iter().map(|(_, what)| what.as_str()).collect::<Vec<_>>());
        let mut map = MAP;
        if let Some((width, _)) = theme.size {
            map.0 = width - factor * (LEFT + RIGHT);
        }
        let width = map.0 + factor * (LEFT + RIGHT);
        let legend = legend_rows(&labels, width, factor);
        let around = factor * (HEADING + (ABOVE + BELOW) * count as f64 + LEGEND_ROW * legend.len() as f64) + 8.0;
        if let Some((_, height)) = theme.size {
            map.1 = (height - around) / count as f64;
        }
        if map.0.min(map.1) < 40.0 {
            let (width, height) = theme.size.unwrap_or_default();
            return Err(format!(
                "expected a size with room for {count} maps and the legend, got {width}x{height}; try a larger one or smaller letters"
            ));
        }
        let block = map.1 + factor * (ABOVE + BELOW);
        let mut canvas = Canvas::titled(&self.title, (width, map.1 * count as f64 + around), theme);
        let shared = match (self.colors, self.panels.first()) {
            (Colors::Shared, Some(first)) => Some(axis(first.scale, &self.panels)),
            _ => None,
        };
        for (index, panel) in self.panels.iter().enumerate() {
            let own = shared.unwrap_or_else(|| axis(panel.scale, std::slice::from_ref(panel)));
            let corner = (factor * LEFT, factor * (HEADING + ABOVE) + block * index as f64);
            self.draw_panel(&mut canvas, panel, own, (corner, map, factor));
        }
        let top = factor * HEADING + block * count as f64;
        for (row, entries) in legend.iter().enumerate() {
            let y = top + factor * (LEGEND_ROW * row as f64 + 6.0);
            for &(index, x) in entries {
                let (mark, what) = &self.marks[index];
                draw_mark(&mut canvas, *mark, (x + SWATCH - 9.0, y), 4.5, INK);
                canvas.text((x + SWATCH + 4.0, y + 4.5 * factor), what, 13, TextAnchor::Start);
            }
        }
        Ok(canvas.scene)
    }

    fn draw_panel(
        &self,
        canvas: &mut Canvas,
        panel: &HeatPanel,
        axis: Option<Axis>,
        (corner, map, factor): ((f64, f64), (f64, f64), f64),
    ) {
        let cell = (map.0 / self.columns.len() as f64, map.1 / self.rows.len() as f64);
        for (index, &HeatCell { value, mark }) in panel.cells.iter().enumerate() {
            let (column, row) = (index % self.columns.len(), index / self.columns.len());
            let place = (corner.0 + cell.0 * column as f64, corner.1 + map.1 - cell.1 * (row + 1) as f64);
            let color = axis.zip(value).and_then(|(axis, value)| axis.place(value)).map(shade);
            fill(canvas, place, cell, &color.map_or(NO_VALUE.to_owned(), hex));
            let ink = if color.is_some_and(|color| lightness(color) < 0.5) { "#ffffff" } else { INK };
            let radius = (0.3 * cell.0.min(cell.1)).min(5.0);
            draw_mark(canvas, mark, (place.0 + cell.0 / 2.0, place.1 + cell.1 / 2.0), radius, ink);
        }
        canvas.frame(corner, (corner.0 + map.0, corner.1 + map.1));
        canvas.text((corner.0, corner.1 - 32.0 * factor), &panel.title, 14, TextAnchor::Start);

        let wide = |text: &str| factor * text_width(text, 13);
        let foot = corner.1 + map.1;
        let widest = self.columns.iter().map(|&value| wide(&short(value))).fold(0.0, f64::max);
        for index in labelled(&self.columns, ((widest + 10.0) / cell.0).ceil() as usize) {
            let x = corner.0 + cell.0 * (index as f64 + 0.5);
            canvas.line((x, foot), (x, foot + 4.0), INK, 0.8, None);
            canvas.text((x, foot + 4.0 + 15.0 * factor), &short(self.columns[index]), 13, TextAnchor::Middle);
        }
        for index in labelled(&self.rows, (20.0 * factor / cell.1).ceil() as usize) {
            let y = foot - cell.1 * (index as f64 + 0.5);
            canvas.line((corner.0 - 4.0, y), (corner.0, y), INK, 0.8, None);
            canvas.text((corner.0 - 8.0, y + 4.5 * factor), &short(self.rows[index]), 13, TextAnchor::End);
        }
        canvas.text((corner.0 + map.0 / 2.0, foot + 4.0 + 34.0 * factor), &self.x_label, 13, TextAnchor::Middle);
        // Not along its axis: turned letters are hard to read, above all when small.
        let (x, anchor) = if wide(&self.y_label) < factor * LEFT - 10.0 {
            (corner.0 - 8.0, TextAnchor::End)
        } else {
            (8.0, TextAnchor::Start)
        };
        canvas.text((x, corner.1 - 10.0), &self.y_label, 13, anchor);
        if let Some(axis) = axis {
            draw_bar(canvas, &axis, (corner.0 + map.0 + BAR.0, corner.1), (map.1, factor));
        }
    }
}

/// The scale of the colours of some panels; `None` where they have no value.
pub fn axis(scale: Scale, panels: &[HeatPanel]) -> Option<Axis> {
    let values = panels.iter().flat_map(|panel| panel.cells.iter().filter_map(|cell| cell.value));
    readable_range(scale, values).map(|((low, high), _)| Axis::new(scale, low, high))
}

/// Which colour is which value.
fn draw_bar(canvas: &mut Canvas, axis: &Axis, corner: (f64, f64), (length, factor): (f64, f64)) {
    const STEPS: usize = 92;
    let step = length / STEPS as f64;
    for index in 0..STEPS {
        let place = (corner.0, corner.1 + length - step * (index + 1) as f64);
        fill(canvas, place, (BAR.1, step), &hex(shade((index as f64 + 0.5) / STEPS as f64)));
    }
    canvas.frame(corner, (corner.0 + BAR.1, corner.1 + length));
    for (tick, label) in axis.labelled_ticks() {
        let Some(share) = axis.place(tick) else { continue };
        let (x, y) = (corner.0 + BAR.1, corner.1 + (1.0 - share) * length);
        canvas.line((x, y), (x + 4.0, y), INK, 0.8, None);
        canvas.text((x + 8.0, y + 4.5 * factor), &label, 13, TextAnchor::Start);
    }
}

fn fill(canvas: &mut Canvas, corner: (f64, f64), (width, height): (f64, f64), color: &str) {
    // A little larger than the cell, so that no seam shows between neighbours.
    canvas.rectangle(corner, (width + 0.4, height + 0.4), color);
}

fn draw_mark(canvas: &mut Canvas, mark: Mark, (x, y): (f64, f64), r: f64, ink: &str) {
    // Smaller ones would be dirt.
    if r < 1.0 {
        return;
    }
    match mark {
        Mark::Nothing => {}
        Mark::Dot => canvas.dot((x, y), 0.8 * r, ink),
        Mark::Ring => {
            let round = (0..=24).map(|i| (f64::from(i) * std::f64::consts::TAU / 24.0).sin_cos());
            canvas.polyline(round.map(|(sine, cosine)| (x + r * cosine, y + r * sine)).collect(), ink, 1.3);
            canvas.dot((x, y), 0.35 * r, ink);
        }
        Mark::Cross => canvas.cross((x, y), r, ink, 1.1),
        Mark::Down => {
            canvas.line((x - r, y - 0.6 * r), (x, y + 0.7 * r), ink, 1.5, None);
            canvas.line((x, y + 0.7 * r), (x + r, y - 0.6 * r), ink, 1.5, None);
        }
    }
}

/// The settings that get a label: evenly spaced, at least `apart` from each other, seven at most; if there is a choice,
/// with both ends and in few letters.
pub fn labelled(values: &[f64], apart: usize) -> Vec<usize> {
    let last = values.len() - 1;
    let strides = (apart.max(1)..=last.max(1)).filter(|stride| last / stride <= 6);
    let cost = |stride: &usize| {
        let letters: usize = (0..=last).step_by(*stride).map(|index| short(values[index]).chars().count()).sum();
        let count = last / stride + 1;
        // A few labels tell enough of a scale, two do not.
        (!last.is_multiple_of(*stride), count < 3, letters * 100 / count, usize::MAX - count)
    };
    let stride = strides.min_by_key(cost).unwrap_or(last.max(1));
    (0..=last).step_by(stride).collect()
}

/// A setting as it is, if that is short; else in three digits.
pub fn short(value: f64) -> String {
    let whole = tick_label(value);
    if whole.chars().count() <= 6 { whole } else { tick_label(format!("{value:.2e}").parse().unwrap_or(value)) }
}
