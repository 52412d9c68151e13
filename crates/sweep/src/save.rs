use std::path::Path;

use super::axes::Axes;
use super::report::Report;
use crate::Error;
use onedge_record::write_whole;
use onedge_run::file_name;

impl Report<'_> {
    /// Writes into `folder`, which must be there, `table.txt` (the best of each group), `points.txt` (all points),
    /// `runs.csv`, and for each of the axes a map as SVG, PNG and CSV: `map`, or `map-VARIANT` where there are several.
    /// Returns the names of the files.
    ///
    /// # Errors
    /// Those of [`map`](Report::map), before anything is written; [`Error::Record`].
    pub fn save(&self, folder: &Path, axes: &[Axes], value: &str) -> Result<Vec<String>, Error> {
        let maps = axes.iter().map(|axes| Ok((axes, self.map(axes, value)?))).collect::<Result<Vec<_>, Error>>()?;
        let texts = [
            ("table.txt", self.best_table().to_string()),
            ("points.txt", self.point_table().to_string()),
            ("runs.csv", self.csv()),
        ];
        let mut names = Vec::new();
        for (name, text) in texts {
            write_whole(&folder.join(name), text.as_bytes())?;
            names.push(name.to_owned());
        }
        for (axes, map) in maps {
            let Some(map) = map else { continue };
            let variant = axes.variant.as_ref().filter(|_| self.variants().len() > 1);
            let name = variant.map_or("map".to_owned(), |variant| format!("map-{}", file_name(variant)));
            for extension in ["svg", "png"] {
                map.picture().save(&folder.join(format!("{name}.{extension}")))?;
                names.push(format!("{name}.{extension}"));
            }
            write_whole(&folder.join(format!("{name}.csv")), map.csv().as_bytes())?;
            names.push(format!("{name}.csv"));
        }
        Ok(names)
    }
}
