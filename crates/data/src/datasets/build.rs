use std::path::Path;

use onedge_registry::Settings;

use crate::table::TableEncoding;
use crate::{Error, Precision, Split, Watch};

/// Makes the data set that [`Settings`] resolved against its entry describe.
pub type Build = fn(&Settings, &Context<'_>) -> Result<Split, Error>;

/// What a data set may use of the machine.
#[derive(Clone, Copy, Default)]
pub struct Context<'a> {
    /// Where downloads and decoded images are kept, one folder per data set; without it only sets with a `path` are found.
    pub cache_dir: Option<&'a Path>,
    /// Who looks on during a download or while images are decoded, and may end it.
    pub watch: Watch<'a>,
    /// Told in a sentence of what went wrong without harm.
    pub warn: Option<&'a dyn Fn(&str)>,
    /// Told in a sentence how files were taken, where that may be doubted.
    pub tell: Option<&'a dyn Fn(&str)>,
    /// In which precision numbers with fractions are wanted.
    pub precision: Precision,
    /// Threads that may be used; 0 for as many as the machine has. They change no result.
    pub threads: usize,
    /// Whether `download = true` may use the network at all.
    pub allow_download: bool,
    /// How the cells of tables become numbers, where that was learned before; else it is learned of the examples to train on.
    pub encoding: Option<&'a TableEncoding>,
}
