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
    /// Independent numbers of mean 0: normal ones, those beyond two of their own deviations drawn again, and the rest scaled so
    /// that `std` is what is left. None is beyond 2.274 `std`.
    Truncated {
        /// Their standard deviation.
        std: f64,
    },
    /// Independent numbers, uniform between `-bound` and `bound`; their variance is `bound^2 / 3`.
    Uniform {
        /// The largest absolute value.
        bound: f64,
    },
}

/// Where a truncated normal is cut, in its own deviations, and the standard deviation of what is left of a standard one:
/// `1 - 2 c phi(c) / (2 Phi(c) - 1)` is its square at the cut c.
const TRUNCATED_AT: f64 = 2.0;
const TRUNCATED_STD: f64 = 0.879_625_661_034_239_8;

impl Init {
    /// One value.
    pub(crate) fn draw(self, random: &mut Random) -> f64 {
        match self {
            Self::Zeros => 0.0,
            Self::Constant(value) => value,
            Self::Normal { std } => std * random.normal(),
            Self::Truncated { std } => {
                let within = std::iter::repeat_with(|| random.normal()).find(|draw| draw.abs() <= TRUNCATED_AT);
                std / TRUNCATED_STD * within.unwrap_or_default()
            }
            Self::Uniform { bound } => bound * (2.0 * random.unit() - 1.0),
        }
    }
}

/// From fan-in and fan-out of a weight (how many inputs reach one output, and how many outputs one input reaches).
pub type Scheme = fn(fan_in: usize, fan_out: usize) -> Init;

/// Every way to choose the first values of a weight.
pub static ALL: &[&Entry<Scheme>] = &[&HE, &LECUN, &LECUN_TRUNCATED, &GLOROT, &GPT, &ZEROS];

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

static LECUN_TRUNCATED: Entry<Scheme> = Entry {
    name: "lecun-truncated",
    summary: "truncated normal, variance 1 / fan-in, as Flax's layers",
    doc: "Normal numbers, drawn again beyond two deviations and scaled to the variance 1 / fan-in: what Flax calls lecun_normal and its dense \
          layers, convolutions and attention start with. Source: flax.linen.default_kernel_init.",
    settings: &[],
    build: |fan_in, _| Init::Truncated { std: (1.0 / fan_in as f64).sqrt() },
};

static GPT: Entry<Scheme> = Entry {
    name: "gpt",
    summary: "normal, deviation 0.02",
    doc: "Of whatever size, for embeddings. Source: Radford et al. 2018, Improving Language Understanding by Generative \
          Pre-Training.",
    settings: &[],
    build: |_, _| Init::Normal { std: 0.02 },
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
