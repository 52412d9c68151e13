use crate::draw::Sheet;
use crate::ink::{HEADING, LEGEND_ROW, NOTE, text_width};

/// A panel smaller than this shows nothing.
pub const LEAST: (f64, f64) = (60.0, 40.0);

/// Sizes that depend on how many panels stand in a row: a picture is about as wide in any case, so its letters can be read
/// alike.
pub struct Layout {
    pub columns: usize,
    pub rows: usize,
    pub panel: (f64, f64),
    pub left: f64,
    pub right: f64,
    pub band: f64,
    pub above: f64,
    pub below: f64,
    /// Of the letters of a panel's heading.
    pub letters: u32,
    /// By how much letters are larger than usual.
    pub factor: f64,
}

impl Layout {
    /// For these panels, with letters so much larger than usual.
    pub fn of(sheet: &Sheet, factor: f64) -> Self {
        let band = if sheet.rows.is_empty() { 0.0 } else { 22.0 * factor };
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
        let (above, below) = (14.0 + 24.0 * factor, 6.0 + 40.0 * factor);
        // Labels of seven letters, as 200,000, take what they take.
        let widest = sheet.panels.iter().flat_map(|panel| panel.y.labelled_ticks());
        let widest = widest.map(|(_, label)| factor * text_width(&label, 12) + 12.0).fold(0.0, f64::max);
        Self { columns, rows, panel, left: f64::max(left * factor, widest), right, band, above, below, letters, factor }
    }

    /// The size of a panel with all that stands round it.
    pub fn cell(&self) -> (f64, f64) {
        (self.left + self.panel.0 + self.right, self.band + self.above + self.panel.1 + self.below)
    }

    /// The height of everything but the panels' cells, given the width of the picture.
    pub fn around(&self, legend: usize, notes: usize) -> f64 {
        (HEADING + LEGEND_ROW * legend as f64 + NOTE * notes as f64) * self.factor + 10.0
    }
}
