//! Where pictures go.

use std::path::Path;

use kuva::backend::raster::RasterBackend;
use kuva::backend::svg::SvgBackend;
use kuva::render::render::Scene;

use crate::Error;
use crate::pdf::pdf;
use crate::theme::Theme;
use onedge_record::write_whole;

/// Draws to `path`, as SVG, PNG or PDF by its extension; a PNG has two pixels a unit, a PDF 96 units an inch.
///
/// # Errors
/// [`Error::Picture`] for another extension, or a theme that it cannot have; [`Error::Record`].
pub fn save(path: &Path, theme: &Theme, scene: impl FnOnce(&Theme) -> Result<Scene, String>) -> Result<(), Error> {
    let fail = |message: String| Error::Picture { path: path.to_owned(), message };
    let drawn = || theme.check(path).and_then(|()| scene(theme).map_err(fail));
    let bytes = match path.extension().and_then(|extension| extension.to_str()) {
        Some("svg") => SvgBackend::new().render_scene(&drawn()?).into_bytes(),
        Some("png") => RasterBackend::new().with_scale(2.0).render_scene(&drawn()?).map_err(fail)?,
        Some("pdf") => pdf(&drawn()?).map_err(fail)?,
        other => {
            let got = other.map_or("no extension".to_owned(), |extension| format!("`.{extension}`"));
            return Err(fail(format!("expected a name that ends in `.svg`, `.png` or `.pdf`, got {got}")));
        }
    };
    Ok(write_whole(path, &bytes)?)
}
