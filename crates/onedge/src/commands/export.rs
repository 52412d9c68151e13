use std::path::PathBuf;

use onedge_lab::export::{Format, export};
use onedge_lab::records::{RunDirectory, write_whole};

use crate::console;
use crate::exit::Code;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The folder of a run
    run: PathBuf,
    /// What to write
    #[arg(long, short, value_enum, default_value = "csv")]
    format: As,
    /// Where to write [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// `csv` or `json`
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum As {
    Csv,
    Json,
}

pub fn run(args: &Args) -> anyhow::Result<Code> {
    let steps = RunDirectory::open(&args.run)?.read_steps()?;
    if steps.torn {
        console::note(&format!("note: {}: the last record was cut off and is left out", args.run.display()));
    }
    let format = match args.format {
        As::Csv => Format::Csv,
        As::Json => Format::Json,
    };
    let mut text = Vec::new();
    export(&steps.records, format, &mut text)?;
    match &args.output {
        Some(path) => write_whole(path, &text)?,
        None => console::result(&String::from_utf8_lossy(&text)),
    }
    Ok(Code::Done)
}
