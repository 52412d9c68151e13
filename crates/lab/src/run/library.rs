use std::path::PathBuf;
use std::sync::Arc;

use onedge_data::{Context, Split, datasets};
use onedge_registry::find;

use crate::Error;
use crate::spec::Part;

/// Data sets by their settings, each read once however many runs need it.
#[derive(Default)]
pub struct Library {
    cache_dir: Option<PathBuf>,
    held: Vec<(Part, Arc<Split>)>,
}

impl Library {
    /// An empty one; downloads that a spec asks for go to `cache_dir`.
    pub fn new(cache_dir: Option<PathBuf>) -> Self {
        Self { cache_dir, held: Vec::new() }
    }

    /// The data set that `part` describes; `progress` is told of downloads.
    ///
    /// # Errors
    /// [`Error::Data`].
    pub fn get(&mut self, part: &Part) -> Result<Arc<Split>, Error> {
        if let Some((_, split)) = self.held.iter().find(|(held, _)| held == part) {
            return Ok(Arc::clone(split));
        }
        let entry = find("data set", datasets::ALL, &part.name).map_err(onedge_data::Error::from)?;
        let context = Context { cache_dir: self.cache_dir.as_deref(), progress: None, allow_download: true };
        let split = Arc::new((entry.build)(&part.settings, &context)?);
        self.held.push((part.clone(), Arc::clone(&split)));
        Ok(split)
    }
}
