//! Where pictures go.

use std::path::Path;

use kuva::backend::raster::RasterBackend;
use kuva::backend::svg::SvgBackend;
use kuva::render::render::Scene;

use crate::Error;
use onedge_record::write_whole;

/// Draws to `path`, as SVG or PNG by its extension; a PNG has two pixels a unit.
///
/// # Errors
/// [`Error::Picture`] for another extension; [`Error::Record`].
pub fn save(path: &Path, scene: impl FnOnce() -> Scene) -> Result<(), Error> {
    let fail = |message: String| Error::Picture { path: path.to_owned(), message };
    let bytes = match path.extension().and_then(|extension| extension.to_str()) {
        Some("svg") => SvgBackend::new().render_scene(&scene()).into_bytes(),
        Some("png") => RasterBackend::new().with_scale(2.0).render_scene(&scene()).map_err(fail)?,
        other => {
            let got = other.map_or("no extension".to_owned(), |extension| format!("`.{extension}`"));
            return Err(fail(format!("expected a name that ends in `.svg` or `.png`, got {got}")));
        }
    };
    Ok(write_whole(path, &bytes)?)
}
