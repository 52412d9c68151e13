use std::fmt;
use std::path::PathBuf;

/// At what size figures are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// The sizes of models, data and grids.
    pub preset: Preset,
    /// A folder with the data sets in folders of their own names (`cifar-10`, `tiny-shakespeare`, ...). Without one the
    /// small preset takes what is built in, and the larger ones what is downloaded.
    pub data: Option<PathBuf>,
    /// The first of the seeds that a figure is made of: with another one its verdicts can be had a second time, from other runs.
    pub first_seed: u64,
}

/// The sizes of models, data and grids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preset {
    /// Seconds: the small one with a few steps, one seed and short grids. It shows that everything works, and nothing else.
    Tiny,
    /// Minutes on two cores: reduced models and data, coarser grids, the same comparisons.
    Small,
    /// A night on two cores: real photographs and text, small networks, runs of 1500 steps, three seeds.
    Medium,
    /// The paper's networks and grids, for some steps on few examples with one seed: whether they work here.
    Trial,
    /// The paper's.
    Paper,
}

impl Preset {
    /// Every preset.
    pub const ALL: [Self; 5] = [Self::Tiny, Self::Small, Self::Medium, Self::Trial, Self::Paper];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tiny => "tiny",
            Self::Small => "small",
            Self::Medium => "medium",
            Self::Trial => "trial",
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
        Self { preset: Preset::Small, data: None, first_seed: 0 }
    }

    /// The paper's sizes on downloaded data.
    pub fn paper() -> Self {
        Self { preset: Preset::Paper, data: None, first_seed: 0 }
    }

    /// The medium preset on downloaded data.
    pub fn medium() -> Self {
        Self { preset: Preset::Medium, data: None, first_seed: 0 }
    }

    /// The first in the small presets, the second in the medium one, the third in the paper's.
    pub(super) fn choose<V>(&self, small: V, medium: V, paper: V) -> V {
        match self.preset {
            Preset::Tiny | Preset::Small => small,
            Preset::Medium => medium,
            Preset::Trial | Preset::Paper => paper,
        }
    }
}
