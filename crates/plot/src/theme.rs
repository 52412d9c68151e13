use crate::Error;
use std::path::Path;

/// Sizes and letters of a picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Theme {
    /// Width and height in pixels (of a PNG two each way); by the number of panels if absent.
    pub size: Option<(f64, f64)>,
    /// The size of the numbers along the axes, in pixels; all other letters follow.
    pub letters: f64,
    /// The typeface of an SVG, where the reader's machine has it. PNG and PDF have DejaVu Sans alone.
    pub font: Option<String>,
}

/// The usual size of the numbers along the axes.
pub const LETTERS: f64 = 12.0;

impl Default for Theme {
    fn default() -> Self {
        Self { size: None, letters: LETTERS, font: None }
    }
}

impl Theme {
    /// By how much letters are larger than usual.
    pub(crate) fn factor(&self) -> f64 {
        self.letters / LETTERS
    }

    /// Whether a picture at `path` can look so.
    ///
    /// # Errors
    /// [`Error::Picture`] for sizes that cannot be read or held, or a typeface for a format other than SVG.
    pub(crate) fn check(&self, path: &Path) -> Result<(), Error> {
        let fail = |message: String| Err(Error::Picture { path: path.to_owned(), message });
        if !(4.0..=72.0).contains(&self.letters) {
            return fail(format!("expected letters of 4 to 72 pixels, got {}", self.letters));
        }
        if let Some((width, height)) = self.size
            && ![width, height].iter().all(|side| (100.0..=10_000.0).contains(side))
        {
            return fail(format!("expected a size from 100x100 to 10000x10000, got {width}x{height}"));
        }
        if self.font.is_some() && path.extension().is_none_or(|extension| extension != "svg") {
            return fail("expected a name that ends in `.svg`, as other formats have DejaVu Sans alone".to_owned());
        }
        Ok(())
    }
}
