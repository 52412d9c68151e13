use std::io;
use std::path::{Path, PathBuf};

use onedge_data::Error as DataError;
use onedge_tune::Error as TuneError;

mod kind;
mod words;

pub use words::advice_on_writing;
use words::{first, hint, quoted, rest};

use crate::checkpoint::Fault;
use crate::run::Finished;

/// What can go wrong around a run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A model too large for this machine.
    #[error(
        "{origin}: {parameters} parameters need {:.1} GiB of memory to train, expected at most {:.1} GiB; try smaller widths",
        *needed as f64 / (1u64 << 30) as f64,
        *available as f64 / (1u64 << 30) as f64
    )]
    Memory {
        /// The spec.
        origin: String,
        /// P.
        parameters: usize,
        /// Bytes.
        needed: u64,
        /// Bytes that there are.
        available: u64,
    },
    /// Chunks too large for this machine.
    #[error(
        "{origin}: chunks of {chunk} examples on {threads} threads need {:.1} GiB of memory, expected at most {:.1} GiB; \
         try a smaller engine.memory_mib, engine.chunk or engine.threads",
        *needed as f64 / (1u64 << 30) as f64,
        *available as f64 / (1u64 << 30) as f64
    )]
    ChunkMemory {
        /// The spec.
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
    /// Text is to be drawn from a model of something else.
    #[error("{origin}: data `{data}` is no text, expected a model of one; try data = cicero, tiny-shakespeare or text")]
    NoText {
        /// The spec.
        origin: String,
        /// The data set.
        data: String,
    },
    /// There are no parameters to draw text with.
    #[error("{origin}: a spec holds no parameters, expected the folder of a run; try --params FILE")]
    NoParameters {
        /// The spec.
        origin: String,
    },
    /// A prompt has a character that the model has never seen.
    #[error("--prompt: `{character}` does not occur in the training text, expected some of {known}")]
    UnknownCharacter {
        /// The character.
        character: char,
        /// Those that occur.
        known: String,
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
    /// The engine refuses a network or its options.
    #[error(transparent)]
    Engine(#[from] onedge_engine::Error),
    /// A file or folder cannot be read.
    #[error("{}: cannot read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file or folder cannot be written.
    #[error("{}: cannot write: {source}; {}", path.display(), advice_on_writing(source))]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// What a run writes to is no longer there.
    #[error("{}: removed or moved while the run went on; do the run anew, or `onedge resume` it where it is now", .0.display())]
    Gone(PathBuf),
    /// A line of a records file that is no record.
    #[error("{}:{line}: expected what a run records, got something else ({source}); put the file back from a copy, or remove the run's folder and do it anew", path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The folder for a new run holds something already.
    #[error("{}: expected a new or empty folder, got one with files in it; try another `--out`", .0.display())]
    RunExists(PathBuf),
    /// Another process does the run.
    #[error("{}: another process is at this run; try again when it has ended", .0.display())]
    Running(PathBuf),
    /// The folder holds no run.
    #[error("{}: expected a run folder with `steps.jsonl` in it, got none; try a folder under `runs`", .0.display())]
    NoRun(PathBuf),
    /// The spec of a run is not what the run wrote.
    #[error("{}: expected the spec that the run wrote, with where it was made under [provenance], got {got}; put it back from a copy, or do the run anew in another folder", path.display())]
    NoSpec {
        /// The file.
        path: PathBuf,
        /// What is there instead.
        got: &'static str,
    },
    /// Something about a run that is to go on.
    #[error(transparent)]
    Checkpoint(#[from] Fault),
    /// A stored state that does not fit.
    #[error(transparent)]
    State(#[from] onedge_objective::StateError),
    /// A run without a single record.
    #[error("{}: expected step records, got none; try a run that took at least one step", .0.display())]
    NoRecords(PathBuf),
    /// Runs that a figure is made of are not there.
    #[error("{}: expected all runs of the figure, {missing} are missing; try `onedge figure`, which does them", root.display())]
    FigureRuns {
        /// Where they were looked for.
        root: PathBuf,
        /// How many are not there.
        missing: usize,
    },
    /// A folder without figures.
    #[error("{}: expected a folder with figures, got none in it; try `onedge figure all`, which makes them", .0.display())]
    NoFigures(PathBuf),
    /// A figure's file that says something else than figures say.
    #[error("{}: no figure: {source}", path.display())]
    Figure {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A run of a figure could not go on.
    #[error("{name}: {stop}")]
    FigureRun {
        /// The run.
        name: String,
        /// What happened.
        stop: String,
    },
    /// A spec that is no TOML, or TOML of the wrong form.
    #[error("{origin}: {message}")]
    Toml {
        /// The file or the flag.
        origin: String,
        /// What is wrong with it, and where.
        message: String,
    },
    /// A spec with a wrong name, key or value.
    #[error("{origin}: {source}")]
    Spec {
        /// The file or the flag.
        origin: String,
        /// What is wrong with it.
        source: Box<onedge_registry::Error>,
    },
    /// A list where one run needs one value.
    #[error("{origin}: {key}: expected one value, got {got}; try `onedge compare`, which runs them all")]
    Grid {
        /// The file or the flag.
        origin: String,
        /// The dotted key.
        key: String,
        /// The list.
        got: String,
    },
    /// No safetensors file.
    #[error("{}: expected a safetensors file, got one that breaks its rules ({source}); try saving it again", path.display())]
    Safetensors {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: safetensors::SafeTensorError,
    },
    /// A parameter without a tensor.
    #[error(
        "{}: tensor `{name}` is missing, expected one of shape {shape:?}; try renaming {}",
        path.display(),
        quoted(nearest)
    )]
    MissingTensor {
        /// The file.
        path: PathBuf,
        /// The parameter.
        name: String,
        /// Its shape.
        shape: Vec<usize>,
        /// What the file holds, nearest name first.
        nearest: Vec<String>,
    },
    /// A tensor without a parameter.
    #[error(
        "{}: tensor `{name}` belongs to no parameter of this model; try removing it or another model (nearest: {})",
        path.display(),
        quoted(nearest)
    )]
    ExtraTensor {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// Parameters of the model, nearest name first.
        nearest: Vec<String>,
    },
    /// A tensor of another shape than its parameter.
    #[error(
        "{}: tensor `{name}`: expected shape {expected:?}, got {got:?}; try transposing it or another model",
        path.display()
    )]
    TensorShape {
        /// The file.
        path: PathBuf,
        /// The parameter.
        name: String,
        /// Its shape.
        expected: Vec<usize>,
        /// That of the tensor.
        got: Vec<usize>,
    },
    /// A tensor of something else than floats.
    #[error("{}: tensor `{name}`: expected elements of type F32 or F64, got {got}; try converting it", path.display())]
    TensorType {
        /// The file.
        path: PathBuf,
        /// The parameter.
        name: String,
        /// The type of the tensor.
        got: String,
    },
    /// A tensor with a NaN or an infinity.
    #[error("{}: tensor `{name}`: expected finite numbers, element {index} is {value}; try an earlier state", path.display())]
    TensorValue {
        /// The file.
        path: PathBuf,
        /// The parameter.
        name: String,
        /// The element, in row-major order.
        index: usize,
        /// NaN, inf or -inf.
        value: f64,
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
    /// A data set cannot be read or made.
    #[error(transparent)]
    Data(Box<DataError>),
    /// A model or loss that does not suit the data, or is set out of range.
    #[error("{origin}: {source}")]
    Network {
        /// The file or the flag.
        origin: String,
        /// What is wrong.
        source: Box<onedge_nn::Error>,
    },
    /// The loss, or a derivative of it, cannot be had.
    #[error(transparent)]
    Objective(#[from] onedge_objective::Error),
    /// A training step failed.
    #[error(transparent)]
    Tune(Box<TuneError>),
    /// A run that came to its end, but not all of it could be written.
    #[error("{source}{}", rest(source, finished))]
    Incomplete {
        /// The run.
        finished: Box<Finished>,
        /// What could not be written, and why.
        source: Box<Error>,
    },
    /// The index of runs cannot be used.
    #[error("{}: the index of runs cannot be used: {source}", path.display())]
    Index {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// Another process has the index of runs, and keeps it.
    #[error("{}: expected the index of runs to be free within 10 s, got one that another process holds", .0.display())]
    IndexBusy(PathBuf),
    /// There is no folder of runs.
    #[error("{}: expected a folder with runs below it, got none; try `onedge train` first, or another --root", .0.display())]
    NoStore(PathBuf),
    /// A filter that cannot be read.
    #[error("--where: column {column}: expected {expected}, got {got}; try --where 'tuner=cdat and final_loss<0.3'")]
    Filter {
        /// Counted in characters from 1.
        column: usize,
        /// What should be there.
        expected: String,
        /// What is.
        got: String,
    },
    /// A key that no run has or could have.
    #[error("{origin}: unknown key `{key}`, expected something known of runs; try {}", quoted(nearest))]
    UnknownKey {
        /// The flag.
        origin: String,
        /// The key.
        key: String,
        /// The nearest keys that there are.
        nearest: Vec<String>,
    },
    /// No run is called so.
    #[error("`{run}`: expected a folder, name or id of a run below {}, got none of them; {}", root.display(), hint(nearest))]
    UnknownRun {
        /// What it was called.
        run: String,
        /// Of the store.
        root: PathBuf,
        /// What runs are called that there are.
        nearest: Vec<String>,
    },
    /// Several runs are called so.
    #[error("`{run}`: expected one run below {}, got {}; try a folder: {}", root.display(), folders.len(), first(folders))]
    AmbiguousRun {
        /// What it was called.
        run: String,
        /// Of the store.
        root: PathBuf,
        /// All that could be meant.
        folders: Vec<String>,
    },
    /// A run that lies elsewhere.
    #[error("{}: expected a run below {}, got one that lies elsewhere; try another --root", run.display(), root.display())]
    NotInStore {
        /// Its folder.
        run: PathBuf,
        /// Of the store.
        root: PathBuf,
    },
    /// A tag that is no plain word.
    #[error(
        "tag `{0}`: expected letters, digits and any of . _ - + : / @ #, beginning with a letter or digit; try `baseline`"
    )]
    Tag(String),
    /// This program was built without Parquet.
    #[error("parquet: expected a program that was built with it, got one without; try `--features parquet`, or csv")]
    NoParquet,
    /// An export of several files to where only one can go.
    #[error("tensorboard: expected a folder to write to, got none; try -o FOLDER")]
    NeedsFolder,
    /// A picture that cannot be drawn.
    #[error("{}: {message}", path.display())]
    Picture {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
}

impl Error {
    /// A wrong name, key or value in the spec that `origin` names.
    pub(crate) fn spec(origin: &str) -> impl Fn(onedge_registry::Error) -> Self + '_ {
        |source| Self::Spec { origin: origin.to_owned(), source: Box::new(source) }
    }

    /// For `map_err` on the index at `path`.
    pub(crate) fn index(path: &Path) -> impl FnOnce(rusqlite::Error) -> Self + '_ {
        move |source| Self::Index { path: path.to_owned(), source }
    }

    /// For `map_err` on reading `path`.
    pub fn read(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |source| Self::Read { path: path.to_owned(), source }
    }

    /// For `map_err` on writing `path`.
    pub fn write(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |source| Self::Write { path: path.to_owned(), source }
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
