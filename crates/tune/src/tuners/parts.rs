use onedge_registry::{Default, Error as SettingError, Kind, Setting, Settings, setting};

use crate::bounds::from_one;
use crate::{Error, Line, Needs};

/// Of how much of the batch a curvature is measured: of one of so many equal parts, each in its turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Parts(usize);

pub(super) const PARTS: Setting = setting(
    "curvature_parts",
    Kind::Integer,
    Default::Is("1"),
    "measure u.Hu on one of so many equal parts of the batch, each in its turn",
);

impl Parts {
    /// The whole batch.
    pub(super) const ONE: Self = Self(1);

    /// One of `parts`, 1 or more; `owner` names the tuner in the error.
    pub(super) fn new(owner: &str, parts: usize) -> Result<Self, SettingError> {
        from_one(owner, PARTS.key, parts as u64)?;
        Ok(Self(parts))
    }

    pub(super) fn from_settings(owner: &str, settings: &Settings) -> Result<Self, SettingError> {
        Self::new(owner, settings.count(PARTS.key)?)
    }

    /// Whether there are more than one.
    pub(super) fn are_several(self) -> bool {
        self.0 > 1
    }

    pub(super) fn needs(self) -> Needs {
        Needs { parts: (self.0 > 1).then_some(self.0), ..Needs::default() }
    }

    /// The curvature, of the batch or of a part.
    pub(super) fn curvature(self, line: &mut dyn Line) -> Result<f64, Error> {
        if self.0 > 1 { line.part_curvature() } else { line.curvature() }
    }
}
