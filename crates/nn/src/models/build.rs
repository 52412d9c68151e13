use onedge_registry::Settings;

use crate::{Error, Io, Model};

/// Makes the model that [`Settings`] resolved against its entry describe.
pub type Build = fn(&Settings, &Io) -> Result<Model, Error>;
