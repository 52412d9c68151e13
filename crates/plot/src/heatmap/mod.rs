mod draw;

use std::path::Path;

use crate::{Error, Scale, Theme, file};

/// A value for every pair of two settings: one panel above the other, over the same settings.
#[derive(Debug, Clone, PartialEq)]
pub struct HeatMap {
    /// The heading.
    pub title: String,
    /// What lies along the horizontal axis.
    pub x_label: String,
    /// The setting of each column, from left to right.
    pub columns: Vec<f64>,
    /// What lies along the vertical axis.
    pub y_label: String,
    /// The setting of each row, from bottom to top.
    pub rows: Vec<f64>,
    /// From top to bottom.
    pub panels: Vec<HeatPanel>,
    /// Whether panels share their colours.
    pub colors: Colors,
    /// What the marks mean, for the legend.
    pub marks: Vec<(Mark, String)>,
}

/// Whether the same colour is the same value in all panels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colors {
    /// It is: panels show one quantity, on one scale.
    Shared,
    /// Each panel has a scale of its own, as they show different quantities.
    OfEach,
}

/// One panel of it.
#[derive(Debug, Clone, PartialEq)]
pub struct HeatPanel {
    /// Its heading.
    pub title: String,
    /// How values map to colours, of the first panel where they share them. Outliers have the colour of the nearest end.
    pub scale: Scale,
    /// Row by row from the bottom, each from the left.
    pub cells: Vec<HeatCell>,
}

/// One cell of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HeatCell {
    /// Its colour; grey for nothing, or what has no place.
    pub value: Option<f64>,
    /// What is drawn on it, so that kinds of cells are told apart without colours.
    pub mark: Mark,
}

/// A mark on a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// None.
    Nothing,
    /// Two crossing lines.
    Cross,
    /// A disc.
    Dot,
    /// A circle with a dot in it.
    Ring,
    /// An arrow head that points down.
    Down,
}

impl HeatMap {
    /// Draws to `path`, as SVG, PNG or PDF by its extension.
    ///
    /// # Errors
    /// [`Error::Picture`] for another extension, or panels whose cells are not rows times columns; [`Error::Record`].
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        self.save_as(path, &Theme::default())
    }

    /// The same with other sizes and letters.
    ///
    /// # Errors
    /// The same, and [`Error::Picture`] for a theme that it cannot have.
    pub fn save_as(&self, path: &Path, theme: &Theme) -> Result<(), Error> {
        let expected = self.rows.len() * self.columns.len();
        if let Some(panel) = self.panels.iter().find(|panel| panel.cells.len() != expected || expected == 0) {
            let got = panel.cells.len();
            let message = format!("{}: expected {expected} cells, at least one, got {got}", panel.title);
            return Err(Error::Picture { path: path.to_owned(), message });
        }
        file::save(path, theme, |theme| self.scene(theme))
    }
}

#[cfg(test)]
mod tests {
    use super::draw::{NO_VALUE, axis, labelled, short};
    use super::*;

    fn map() -> HeatMap {
        let cell = |index: usize| match index {
            5 => HeatCell { value: None, mark: Mark::Cross },
            7 => HeatCell { value: Some(f64::NAN), mark: Mark::Down },
            _ => HeatCell { value: Some(index as f64), mark: if index == 3 { Mark::Dot } else { Mark::Nothing } },
        };
        HeatMap {
            title: "losses".to_owned(),
            x_label: "sigma".to_owned(),
            columns: vec![1.5, 2.0, 2.5],
            y_label: "batch size".to_owned(),
            rows: vec![64.0, 256.0, 1024.0],
            panels: vec![HeatPanel {
                title: "no average".to_owned(),
                scale: Scale::Linear,
                cells: (0..9).map(cell).collect(),
            }],
            colors: Colors::OfEach,
            marks: vec![(Mark::Cross, "diverged".to_owned()), (Mark::Dot, "best".to_owned())],
        }
    }

    #[test]
    fn draws_both_formats() {
        let folder = tempfile::tempdir().unwrap();
        let (svg, png) = (folder.path().join("a.svg"), folder.path().join("a.png"));
        map().save(&svg).unwrap();
        map().save(&png).unwrap();
        let text = std::fs::read_to_string(svg).unwrap();
        for expected in
            ["losses", ">1024<", ">2.5<", "batch size", "no average", ">diverged<", "#00204d", "#ffea46", NO_VALUE]
        {
            assert!(text.contains(expected), "{expected}");
        }
        assert!(!text.contains("NaN"));
        assert_eq!(&std::fs::read(png).unwrap()[..4], b"\x89PNG");
    }

    #[test]
    fn panels_share_their_colours_if_they_are_to() {
        let mut two = map();
        let mut other = two.panels[0].clone();
        other.cells.iter_mut().for_each(|cell| cell.value = cell.value.map(|value| 100.0 + value));
        two.panels.push(other);
        let own: Vec<_> = two.panels.iter().map(|panel| axis(panel.scale, std::slice::from_ref(panel))).collect();
        let both = axis(Scale::Linear, &two.panels).unwrap();
        assert!(own[0] != own[1] && both.place(0.0) == Some(0.0) && both.place(108.0) == Some(1.0));
        let (folder, path) = (tempfile::tempdir().unwrap(), "a.svg");
        let drawn = |map: &HeatMap| {
            map.save(&folder.path().join(path)).unwrap();
            std::fs::read_to_string(folder.path().join(path)).unwrap()
        };
        // The lightest colour is that of the largest value of each panel, or of both.
        let lightest = |text: &str| text.matches("fill=\"#ffea46\"").count();
        let each = lightest(&drawn(&two));
        two.colors = Colors::Shared;
        assert_eq!((each, lightest(&drawn(&two))), (2, 1));
    }

    #[test]
    fn says_what_is_wrong() {
        let mut short = map();
        short.panels[0].cells.pop();
        let message = short.save(Path::new("x.svg")).unwrap_err().to_string();
        assert_eq!(message, "x.svg: no average: expected 9 cells, at least one, got 8");
        assert!(map().save(Path::new("x.gif")).unwrap_err().to_string().contains("got `.gif`"));
    }

    #[test]
    fn labels_are_few_and_short() {
        let chosen =
            |values: Vec<f64>, apart| labelled(&values, apart).iter().map(|&i| short(values[i])).collect::<Vec<_>>();
        let sigmas = (0..21).map(|i| 1.9 + 0.01 * f64::from(i)).collect();
        assert_eq!(chosen(sigmas, 3), ["1.9", "2", "2.1"]);
        let ratios = (0..13).map(|i| 0.05 * 10f64.powf(f64::from(i) / 4.0)).collect();
        assert_eq!(chosen(ratios, 2), ["0.05", "0.5", "5", "50"]);
        assert_eq!(chosen(vec![0.4, 0.6, 0.8, 1.0], 1), ["0.4", "0.6", "0.8", "1"]);
        assert_eq!(chosen(vec![7.0], 1), ["7"]);
        assert_eq!(chosen(vec![1.0, 2.0], 4), ["1", "2"]);
    }
}
