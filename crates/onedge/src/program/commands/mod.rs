//! The commands, one file each.

mod compare;
mod completions;
mod data;
mod demo;
mod evaluate;
mod exhibit;
mod explain;
mod export;
mod figure;
mod fork;
mod generate;
mod list;
mod measure;
mod plan;
mod plot;
mod predict;
mod report;
mod resume;
mod runs;
#[cfg(feature = "serve")]
mod serve;
mod study;
mod sweep;
mod theory;
mod train;

use clap::Subcommand;
use onedge_spec::Catalogue;

use crate::program::code::Code;

pub use completions::ASKED;

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Watch five learning rate rules train the same network, and get a picture of it
    Demo(demo::Args),
    /// Train one network by a spec
    Train(train::Args),
    /// Continue a run that was killed or interrupted, bit-identically, or take it further
    Resume(resume::Args),
    /// Start a variant of a run, with other settings from one of its steps on
    Fork(fork::Args),
    /// Train several and put them side by side; lists in a spec span a grid
    Compare(compare::Args),
    /// Grids and random searches, each run done once, by any number of workers
    Sweep(sweep::Args),
    /// Loss, gradient, curvature and the largest eigenvalues at given parameters
    Measure(measure::Args),
    /// How well a trained model does, on its test examples or on new files
    Evaluate(evaluate::Args),
    /// What a trained model says of new files, as CSV
    Predict(predict::Args),
    /// What the data of a spec are taken as: columns, classes, ranges, first rows, doubts
    Data(data::Args),
    /// What a run will cost before it is started: memory, time of each kind of operation
    Plan(plan::Args),
    /// Let a trained language model speak
    Generate(generate::Args),
    /// All runs: list, find, show, compare, tag, export, delete
    Runs(runs::Args),
    /// A page over all runs, live, in a browser: curves, tables, comparisons
    #[cfg(feature = "serve")]
    Serve(serve::Args),
    /// The step records of runs as CSV, JSON, Parquet or for TensorBoard; the trained model of one as ONNX
    Export(export::Alone),
    /// Draw runs
    Plot(plot::Args),
    /// The simplified model of rate and sharpness: figures, a phase map, your own runs
    Theory(theory::Args),
    /// The figures of the paper: their runs, what they must show judged by numbers, pictures
    Figure(figure::Args),
    /// Studies beyond the paper: a question each, runs, an answer by numbers, a picture
    Study(study::Args),
    /// All figures on one page, with their verdicts
    Report(report::Args),
    /// Every tuner, optimizer, model, loss and data set, with their settings
    List(list::Args),
    /// The documentation of anything that has a name: formula, settings, cost, source
    Explain(explain::Args),
    /// A completion script for a shell
    Completions(completions::Args),
}

impl Command {
    /// Does it, with names looked up in `catalogue`.
    pub fn run(self, catalogue: &Catalogue) -> anyhow::Result<Code> {
        match self {
            Self::Demo(args) => demo::run(&args, catalogue),
            Self::Train(args) => train::run(&args, catalogue),
            Self::Resume(args) => resume::run(&args, catalogue),
            Self::Fork(args) => fork::run(&args, catalogue),
            Self::Compare(args) => compare::run(&args, catalogue),
            Self::Sweep(args) => sweep::run(&args, catalogue),
            Self::Measure(args) => measure::run(&args, catalogue),
            Self::Evaluate(args) => evaluate::run(&args, catalogue),
            Self::Predict(args) => predict::run(&args, catalogue),
            Self::Data(args) => data::run(&args, catalogue),
            Self::Plan(args) => plan::run(&args, catalogue),
            Self::Generate(args) => generate::run(&args, catalogue),
            Self::Runs(args) => runs::run(&args, catalogue),
            #[cfg(feature = "serve")]
            Self::Serve(args) => serve::run(&args, catalogue),
            Self::Export(args) => export::run_alone(&args, catalogue),
            Self::Plot(args) => plot::run(&args, catalogue),
            Self::Theory(args) => theory::run(&args),
            Self::Figure(args) => figure::run(&args),
            Self::Study(args) => study::run(&args),
            Self::Report(args) => report::run(&args),
            Self::List(args) => list::run(&args, catalogue),
            Self::Explain(args) => explain::run(&args, catalogue),
            Self::Completions(args) => completions::run(&args),
        }
    }
}
