use onedge_registry::Settings;

use crate::{Error, Loss};

/// Makes the loss that [`Settings`] resolved against its entry describe.
pub type Build = fn(&Settings) -> Result<Loss, Error>;
