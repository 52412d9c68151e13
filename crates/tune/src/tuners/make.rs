use onedge_registry::{Error as SettingError, Settings};

use crate::Tuner;

/// How a tuner is made from its settings.
pub type Make = fn(&Settings) -> Result<Box<dyn Tuner>, SettingError>;
