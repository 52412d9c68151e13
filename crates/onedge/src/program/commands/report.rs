use std::path::PathBuf;

use onedge_paper::report;
use onedge_record::write_whole;

use crate::program::code::Code;
use crate::program::console;
use crate::program::overwrite::Force;

/// The page, if no other file is named.
const PAGE: &str = "report.html";

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The folder in which `onedge figure` left figures
    #[arg(long, value_name = "DIR", default_value = "runs/figures/small")]
    figures: PathBuf,
    /// The page [default: report.html, in the folder of the figures]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    force: Force,
    /// Markdown without pictures instead, printed unless --out names a file
    #[arg(long)]
    markdown: bool,
}

pub fn run(args: &Args) -> anyhow::Result<Code> {
    let pages = report::read(&args.figures)?;
    let text = if args.markdown { report::markdown(&pages) } else { report::html(&pages) };
    match (&args.out, args.markdown) {
        (None, true) => console::data(&text),
        (out, _) => {
            let path = match out {
                Some(path) => args.force.check("--out", path).map(|()| path.clone())?,
                None => {
                    args.force.claim("report", &args.figures, &[PAGE])?;
                    args.figures.join(PAGE)
                }
            };
            write_whole(&path, text.as_bytes())?;
            console::result(&format!("{} figures in {}\n", pages.len(), path.display()));
        }
    }
    Ok(Code::Done)
}
