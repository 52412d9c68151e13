//! How pictures look, as commands are told.

use onedge_plot::Theme;

/// Size and letters of pictures.
#[derive(Debug, clap::Args)]
pub struct Appearance {
    /// Width and height in pixels, like 800x600 [default: by the number of panels]
    #[arg(long, value_name = "WxH", value_parser = size)]
    size: Option<(f64, f64)>,
    /// The size of the numbers along the axes in pixels, 4 to 72; all other letters follow
    #[arg(long, value_name = "PIXELS", default_value = "12", value_parser = letters)]
    font_size: f64,
}

impl Appearance {
    /// With a typeface of an SVG.
    pub fn theme(&self, font: Option<&String>) -> Theme {
        Theme { size: self.size, letters: self.font_size, font: font.cloned() }
    }
}

fn size(text: &str) -> Result<(f64, f64), String> {
    let side = |text: &str| text.trim().parse::<u32>().ok().filter(|side| (100..=10_000).contains(side)).map(f64::from);
    let sides = text.split_once(['x', '×']).and_then(|(width, height)| Some((side(width)?, side(height)?)));
    sides.ok_or_else(|| "expected width and height from 100 to 10000, like 800x600".to_owned())
}

fn letters(text: &str) -> Result<f64, String> {
    let size = text.parse::<f64>().ok().filter(|size| (4.0..=72.0).contains(size));
    size.ok_or_else(|| "expected a number from 4 to 72".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_or_refused() {
        assert_eq!((size("800x600"), size("640×480")), (Ok((800.0, 600.0)), Ok((640.0, 480.0))));
        for wrong in ["800", "800x", "x", "99x600", "800x10001", "8e2x600", "-800x600", "NaNxNaN"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
        assert_eq!(letters("9.5"), Ok(9.5));
        assert!(["3", "73", "NaN", "big"].iter().all(|wrong| letters(wrong).is_err()));
    }
}
