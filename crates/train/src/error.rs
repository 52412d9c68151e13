use onedge_data::Error as DataError;
use onedge_tune::Error as TuneError;

/// What can be wrong with what is to be trained.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A model too large for this machine.
    #[error(
        "{origin}: {parameters} parameters on {lanes} lanes need {:.1} GiB of memory to train, expected at most {:.1} GiB; \
         try {}",
        gibibytes(needed),
        gibibytes(available),
        if *fitting == 0 { "smaller widths".to_owned() } else { format!("engine.lanes = {fitting}") }
    )]
    Memory {
        /// What describes the model.
        origin: String,
        /// P.
        parameters: usize,
        /// Each has a sum as long as the parameters.
        lanes: usize,
        /// How many would do; 0 if not even one fits.
        fitting: u64,
        /// Bytes.
        needed: u64,
        /// Bytes that there are.
        available: u64,
    },
    /// Chunks too large for this machine.
    #[error(
        "{origin}: chunks of {chunk} examples on {threads} threads need {:.1} GiB of memory, expected at most {:.1} GiB; \
         try a smaller engine.memory_mib, engine.chunk or engine.threads",
        gibibytes(needed),
        gibibytes(available)
    )]
    ChunkMemory {
        /// What describes the model.
        origin: String,
        /// Examples.
        chunk: usize,
        /// Threads.
        threads: usize,
        /// Bytes.
        needed: u64,
        /// Bytes that there are.
        available: u64,
    },
    /// An option has an impossible value.
    #[error("{option}: expected {expected}, got {got}")]
    Option {
        /// The option.
        option: &'static str,
        /// What it must be.
        expected: String,
        /// What it is.
        got: String,
    },
    /// More examples in a batch than there are.
    #[error("batch: expected at most {examples}, the number of examples, got {batch}; try leaving it out: all of them")]
    Batch {
        /// The size of a batch.
        batch: usize,
        /// The number of examples.
        examples: usize,
    },
    /// Random changes to what are no images.
    #[error("{key}: expected images [channels, height, width] to change, got inputs {shape:?}; try leaving it out")]
    NoImages {
        /// The setting.
        key: &'static str,
        /// Of one example.
        shape: Vec<usize>,
    },
    /// A crop that might leave nothing of an image.
    #[error("crop: expected less than a side of the images, which are {height} x {width}, got {crop}; try 4")]
    Crop {
        /// Pixels of padding.
        crop: usize,
        /// Of an image.
        height: usize,
        /// Of an image.
        width: usize,
    },
    /// A model or loss that does not suit the data, or is set out of range.
    #[error("{origin}: {source}")]
    Network {
        /// What describes it.
        origin: String,
        /// What is wrong.
        source: Box<onedge_nn::Error>,
    },
    /// A setting of a diagnostic.
    #[error(transparent)]
    Setting(#[from] onedge_registry::Error),
    /// Examples to train and to test on that do not go together.
    #[error(transparent)]
    Data(Box<DataError>),
    /// The engine refuses a network or its options.
    #[error(transparent)]
    Engine(#[from] onedge_engine::Error),
    /// A stored state that does not fit.
    #[error(transparent)]
    State(#[from] onedge_objective::StateError),
    /// The loss, or a derivative of it, cannot be had.
    #[error(transparent)]
    Objective(#[from] onedge_objective::Error),
    /// A training step failed.
    #[error(transparent)]
    Tune(Box<TuneError>),
}

impl Error {
    /// Whether the request was wrong (a value, a model that does not fit), rather than that something failed on the way.
    pub fn is_misuse(&self) -> bool {
        !matches!(self, Self::Objective(_) | Self::Tune(_))
    }

    /// For `map_err`: a model or loss that `origin` describes.
    pub fn network(origin: &str) -> impl Fn(onedge_nn::Error) -> Self + '_ {
        |source| Self::Network { origin: origin.to_owned(), source: Box::new(source) }
    }
}

impl From<DataError> for Error {
    fn from(error: DataError) -> Self {
        Self::Data(Box::new(error))
    }
}

impl From<TuneError> for Error {
    fn from(error: TuneError) -> Self {
        Self::Tune(Box::new(error))
    }
}

fn gibibytes(bytes: &u64) -> f64 {
    *bytes as f64 / (1u64 << 30) as f64
}
