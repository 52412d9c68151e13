use std::fmt;
use std::path::PathBuf;

/// At what size figures are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// The sizes of models, data and grids.
    pub preset: Preset,
    /// A folder with the data sets in folders of their own names (`cifar-10`, `tiny-shakespeare`, ...). Without one the
    /// small preset takes what is built in, and the paper's what is downloaded.
    pub data: Option<PathBuf>,
}

/// The sizes of models, data and grids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preset {
    /// Seconds: the small one with a few steps, one seed and short grids. It shows that everything works, and nothing else.
    Tiny,
    /// Minutes on two cores: reduced models and data, coarser grids, the same comparisons.
    Small,
    /// The paper's.
    Paper,
}

impl Preset {
    /// Every preset.
    pub const ALL: [Self; 3] = [Self::Tiny, Self::Small, Self::Paper];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tiny => "tiny",
            Self::Small => "small",
            Self::Paper => "paper",
        }
    }
}

impl fmt::Display for Preset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Scope {
    /// The small preset on built-in data.
    pub fn small() -> Self {
        Self { preset: Preset::Small, data: None }
    }

    /// The paper's sizes on downloaded data.
    pub fn paper() -> Self {
        Self { preset: Preset::Paper, data: None }
    }

    /// The first in the small presets, the second in the paper's.
    pub(super) fn choose<V>(&self, small: V, paper: V) -> V {
        match self.preset {
            Preset::Tiny | Preset::Small => small,
            Preset::Paper => paper,
        }
    }
}
