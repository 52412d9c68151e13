//! Step records in other formats, read and written record by record, so that their number does not matter.

mod csv;
mod json;
#[cfg(feature = "parquet")]
mod parquet;
#[cfg(test)]
mod samples;
mod tensorboard;

use std::io::Write;
use std::path::{Path, PathBuf};

use crate::Error;
use onedge_record::{RunDirectory, write_through};
use onedge_text::labels::tell_apart;

/// A format to export to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A heading and one line per step; cells that were not measured are empty. The points of a density are left out. Several
    /// runs follow one another, told apart by a first column `run`.
    Csv,
    /// One array with an object per step; keys that were not measured are absent. Several runs are an object of such arrays.
    Json,
    /// The columns of CSV, in a file of Apache Parquet. Needs the cargo feature `parquet`.
    Parquet,
    /// A folder for TensorBoard: in a folder for each run, an event file with every column as scalars, and the settings as
    /// hyper-parameters and text. A time is when the run started, and the seconds of training so far.
    TensorBoard,
}

/// A run to be exported.
#[derive(Debug, Clone)]
pub struct Source {
    /// What it is called where there are several.
    pub label: String,
    /// Its folder.
    pub run: RunDirectory,
}

/// What there is to say of an export.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Records written.
    pub records: u64,
    /// Runs whose last record was cut off, and left out.
    pub torn: Vec<PathBuf>,
}

impl Source {
    /// The runs in the folders `paths`, called by the names of these or, where some are the same, by their paths.
    ///
    /// # Errors
    /// [`NoRun`](onedge_record::Error::NoRun).
    pub fn open(paths: &[PathBuf]) -> Result<Vec<Self>, Error> {
        let name = |path: &PathBuf| path.file_name().map(|name| name.to_string_lossy().into_owned());
        let shown = |path: &PathBuf| path.display().to_string();
        let names: Vec<String> = paths.iter().map(|path| name(path).unwrap_or_else(|| shown(path))).collect();
        let all_differ = names.iter().enumerate().all(|(index, name)| !names[..index].contains(name));
        let labels = if all_differ { names } else { tell_apart(&paths.iter().map(shown).collect::<Vec<_>>(), &[]) };
        let open = |(path, label): (&PathBuf, String)| Ok(Self { label, run: RunDirectory::open(path)? });
        paths.iter().zip(labels).map(open).collect()
    }
}

impl Format {
    /// Whether it is a folder rather than a file.
    pub fn is_folder(self) -> bool {
        self == Self::TensorBoard
    }
}

/// The files that [`export`] writes.
///
/// # Errors
/// [`Read`](onedge_record::Error::Read).
pub fn files_of(sources: &[Source], format: Format, path: &Path) -> Result<Vec<PathBuf>, Error> {
    match format {
        Format::TensorBoard => sources.iter().map(|source| tensorboard::file(source, path)).collect(),
        _ => Ok(vec![path.to_owned()]),
    }
}

/// Writes the records of `sources` to the file or folder `path`, a file whole or not at all.
///
/// # Errors
/// [`Write`](onedge_record::Error::Write); whatever is wrong with a run's records; [`ExportError::NoParquet`](crate::ExportError::NoParquet).
pub fn export(sources: &[Source], format: Format, path: &Path) -> Result<Report, Error> {
    match format {
        Format::TensorBoard => tensorboard::write(sources, path),
        _ => write_through(path, |out| export_to(sources, format, out, path)),
    }
}

/// Writes the records of `sources` to `out`, which `place` names in errors.
///
/// # Errors
/// As [`export`]; [`ExportError::NeedsFolder`](crate::ExportError::NeedsFolder) for a format that is no single file.
pub fn export_to(
    sources: &[Source],
    format: Format,
    out: &mut (dyn Write + Send),
    place: &Path,
) -> Result<Report, Error> {
    match format {
        Format::Csv => csv::write(sources, out, place),
        Format::Json => json::write(sources, out, place),
        #[cfg(feature = "parquet")]
        Format::Parquet => parquet::write(sources, out, place),
        #[cfg(not(feature = "parquet"))]
        Format::Parquet => Err(crate::ExportError::NoParquet.into()),
        Format::TensorBoard => Err(crate::ExportError::NeedsFolder.into()),
    }
}
