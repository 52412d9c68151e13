use std::io::{BufWriter, ErrorKind, Write, stdout};
use std::path::{Path, PathBuf};

use onedge_record::{Error as RecordError, RunDirectory, write_whole};
use onedge_run::onnx::onnx;
use onedge_run::{Moment, Point};
use onedge_spec::{Catalogue, Document, Spec};
use onedge_store::export::{Format, Report, Source, export, export_to, files_of};
use onedge_store::{Error, path_of};

use crate::program::code::Code;
use crate::program::console;
use crate::program::exit::Misuse;
use crate::program::overwrite::Force;
use crate::program::parameters::Parameters;
use crate::program::root::Root;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The runs: folders, or names or ids of runs below the root
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<String>,
    /// What to write; onnx: the trained model
    #[arg(long, short, value_enum, default_value = "csv")]
    format: As,
    /// The file, or for TensorBoard the folder, to write [default: standard output]
    #[arg(long, short, value_name = "PATH")]
    output: Option<PathBuf>,
    #[command(flatten)]
    force: Force,
    #[command(flatten, next_help_heading = "With --format onnx")]
    parameters: Parameters,
}

/// As a command of its own.
#[derive(Debug, clap::Args)]
pub struct Alone {
    // Before those with a heading of their own, which would be its heading, too.
    #[command(flatten)]
    root: Root,
    #[command(flatten)]
    args: Args,
}

/// The names of [`Format`]s.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum As {
    Csv,
    Json,
    Tensorboard,
    Parquet,
    Onnx,
}

pub fn run_alone(alone: &Alone, catalogue: &Catalogue) -> anyhow::Result<Code> {
    run(&alone.args, alone.root.path(), catalogue)
}

pub fn run(args: &Args, root: &Path, catalogue: &Catalogue) -> anyhow::Result<Code> {
    let paths: Vec<PathBuf> = args.runs.iter().map(|run| path_of(root, run, catalogue)).collect::<Result<_, _>>()?;
    if let As::Onnx = args.format {
        return model(args, &paths, catalogue);
    }
    if let Some(option) = args.parameters.given() {
        let (expected, got) = ("`--format onnx` with it".to_owned(), "a format of step records".to_owned());
        return Err(Misuse { option, expected, got }.into());
    }
    let sources = Source::open(&paths)?;
    let format = match args.format {
        As::Csv => Format::Csv,
        As::Json => Format::Json,
        As::Tensorboard => Format::TensorBoard,
        As::Parquet => Format::Parquet,
        As::Onnx => unreachable!("models are written apart"),
    };
    let report = match &args.output {
        Some(path) => {
            let files = files_of(&sources, format, path)?;
            files.iter().try_for_each(|file| args.force.check("--output", file))?;
            export(&sources, format, path)?
        }
        None => to_standard_output(&sources, format)?,
    };
    for run in report.torn {
        console::note(&format!("note: {}: the last record was cut off and is left out", run.display()));
    }
    Ok(Code::Done)
}

/// Writes the model of a run.
fn model(args: &Args, paths: &[PathBuf], catalogue: &Catalogue) -> anyhow::Result<Code> {
    let ([run], Some(output)) = (paths, &args.output) else {
        let expected = "one run and a file to write its model to, as `-o model.onnx`".to_owned();
        let got = match args.output {
            None => "no file".to_owned(),
            Some(_) => format!("{} runs", paths.len()),
        };
        return Err(Misuse { option: "onnx", expected, got }.into());
    };
    RunDirectory::open(run)?;
    args.force.check("--output", output)?;
    let spec = Spec::resolve(&Document::read(&run.join("spec.toml"))?.with_catalogue(catalogue))?;
    let point = args.parameters.point(run)?.unwrap_or(Point::Of(run.clone(), Moment::Last));
    let (bytes, words) = onnx(run, &spec, &point)?;
    write_whole(output, &bytes)?;
    console::note(&format!("{words}, in {}", output.display()));
    Ok(Code::Done)
}

fn to_standard_output(sources: &[Source], format: Format) -> anyhow::Result<Report> {
    let place = Path::new("standard output");
    let mut out = BufWriter::with_capacity(1 << 17, stdout());
    let written = export_to(sources, format, &mut out, place);
    let flush = |report| out.flush().map(|()| report).map_err(|error| RecordError::write(place)(error).into());
    match written.and_then(flush) {
        // Nobody reads on, as with `| head`: that is no failure.
        Err(Error::Record(RecordError::Write { source, .. })) if source.kind() == ErrorKind::BrokenPipe => {
            Ok(Report::default())
        }
        other => Ok(other?),
    }
}
