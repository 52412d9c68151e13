use onedge_registry::{Default, Error as SettingError, Kind, PRESET, Setting, Settings, setting};

/// Whose defaults and formula an entry takes where a method's paper and the package that people run differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preset {
    /// The package that the method's users run today.
    Package,
    /// The paper that describes the method.
    Paper,
}

/// The setting that chooses. Its help is the entry's own: it says what differs.
pub(crate) const fn preset(help: &'static str) -> Setting {
    setting(PRESET, Kind::Text, Default::Is("package"), help)
}

/// A default that differs.
pub(crate) const fn differs(values: &'static [(&'static str, &'static str)]) -> Default {
    Default::Presets(values)
}

impl Preset {
    /// That of the setting [`preset`].
    pub(crate) fn from_settings(settings: &Settings) -> Result<Self, SettingError> {
        match settings.text(PRESET) {
            "package" => Ok(Self::Package),
            "paper" => Ok(Self::Paper),
            _ => Err(settings.out_of_range(PRESET, "`package` or `paper`")),
        }
    }
}
