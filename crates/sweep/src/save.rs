use std::path::Path;

use super::axes::Axes;
use super::report::Report;
use crate::Error;
use onedge_record::write_whole;
use onedge_run::file_name;

impl Report<'_> {
    /// Writes into `folder`, which must be there, `table.txt` (the best of each group), `points.txt` (all points),
    /// `runs.csv`, and for each of the axes a map as SVG, PNG and CSV: `map`, or `map-VARIANT` where there are several.
    /// Returns the names of the files; `may` is asked before any of them is written.
    ///
    /// # Errors
    /// Those of [`map`](Report::map) and of `may`, before anything is written; [`Error::Record`].
    pub fn save<E: From<Error>>(
        &self,
        folder: &Path,
        axes: &[Axes],
        value: &str,
        may: impl FnOnce(&[String]) -> Result<(), E>,
    ) -> Result<Vec<String>, E> {
        let texts = [
            ("table.txt", self.best_table().to_string()),
            ("points.txt", self.point_table().to_string()),
            ("runs.csv", self.csv()),
        ];
        let mut names: Vec<String> = texts.iter().map(|(name, _)| (*name).to_owned()).collect();
        let mut maps = Vec::new();
        for axes in axes {
            let Some(map) = self.map(axes, value)? else { continue };
            let variant = axes.variant.as_ref().filter(|_| self.variants().len() > 1);
            let name = variant.map_or("map".to_owned(), |variant| format!("map-{}", file_name(variant)));
            names.extend(["svg", "png", "csv"].map(|extension| format!("{name}.{extension}")));
            maps.push((name, map));
        }
        may(&names)?;
        let write = || {
            for (name, text) in &texts {
                write_whole(&folder.join(name), text.as_bytes())?;
            }
            for (name, map) in &maps {
                for extension in ["svg", "png"] {
                    map.picture().save(&folder.join(format!("{name}.{extension}")))?;
                }
                write_whole(&folder.join(format!("{name}.csv")), map.csv().as_bytes())?;
            }
            Ok::<_, Error>(())
        };
        write()?;
        Ok(names)
    }
}
