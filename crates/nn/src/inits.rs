//! First values of parameters, and the registry of the ways to choose those of a weight.

use onedge_random::Random;
use onedge_registry::Entry;

/// How the first values of a parameter are drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Init {
    /// All zero.
    Zeros,
    /// All the same number.
    Constant(f64),
    /// Independent normal numbers of mean 0.
    Normal {
        /// Their standard deviation.
        std: f64,
    },
    /// Independent numbers, uniform between `-bound` and `bound`; their variance is `bound^2 / 3`.
    Uniform {
        /// The largest absolute value.
        bound: f64,
    },
}

impl Init {
    /// One value.
    pub(crate) fn draw(self, random: &mut Random) -> f64 {
        match self {
            Self::Zeros => 0.0,
            Self::Constant(value) => value,
            Self::Normal { std } => std * random.normal(),
            Self::Uniform { bound } => bound * (2.0 * random.unit() - 1.0),
        }
    }
}

/// From fan-in and fan-out of a weight (how many inputs reach one output, and how many outputs one input reaches).
pub type Scheme = fn(fan_in: usize, fan_out: usize) -> Init;

/// Every way to choose the first values of a weight.
pub static ALL: &[&Entry<Scheme>] = &[&HE, &LECUN, &GLOROT, &ZEROS];

/// The scheme called `name`.
///
/// # Errors
/// An unknown name.
pub fn find(name: &str) -> Result<Scheme, onedge_registry::Error> {
    onedge_registry::find("initialisation", ALL, name).map(|entry| entry.build)
}

static HE: Entry<Scheme> = Entry {
    name: "he",
    summary: "normal, variance 2 / fan-in",
    doc: "Keeps the second moment of activations through layers of relu. Source: He, Zhang, Ren, Sun 2015, \
          arXiv 1502.01852, equation 10.",
    settings: &[],
    build: |fan_in, _| Init::Normal { std: (2.0 / fan_in as f64).sqrt() },
};

static LECUN: Entry<Scheme> = Entry {
    name: "lecun",
    summary: "normal, variance 1 / fan-in",
    doc: "Keeps the variance through linear layers. Source: LeCun, Bottou, Orr, Mueller 1998, Efficient BackProp, \
          equation 16.",
    settings: &[],
    build: |fan_in, _| Init::Normal { std: (1.0 / fan_in as f64).sqrt() },
};

static GLOROT: Entry<Scheme> = Entry {
    name: "glorot",
    summary: "uniform, variance 2 / (fan-in + fan-out)",
    doc: "Uniform between -b and b, b = sqrt(6 / (fan-in + fan-out)): a compromise between forward and backward \
          variance. Source: Glorot, Bengio, AISTATS 2010, equation 16.",
    settings: &[],
    build: |fan_in, fan_out| Init::Uniform { bound: (6.0 / (fan_in as f64 + fan_out as f64)).sqrt() },
};

static ZEROS: Entry<Scheme> = Entry {
    name: "zeros",
    summary: "all zero",
    doc: "For models that are linear in their weights: a layer of zeros under a hidden layer would not learn.",
    settings: &[],
    build: |_, _| Init::Zeros,
};
