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
    /// The folder in which `onedge figure` or `onedge study` left its files
    #[arg(long, value_name = "DIR", default_value = "runs/figures/small")]
    figures: PathBuf,
    /// Another such folder, of another size or of other seeds, whose verdicts stand beside; may be given several times
    #[arg(long, value_name = "DIR")]
    beside: Vec<PathBuf>,
    /// The page [default: report.html, in the folder of the figures]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    force: Force,
    /// Markdown instead, printed unless --out names a file
    #[arg(long)]
    markdown: bool,
    /// The folder of the pictures, as seen from the page, whose links to it name `figure-5.svg` and the like there
    #[arg(long, value_name = "PATH", requires = "markdown")]
    pictures: Option<String>,
    /// A folder of texts for the page, in which that on figure 5 is `figure-5.md`
    #[arg(long, value_name = "DIR", requires = "markdown")]
    notes: Option<PathBuf>,
}

pub fn run(args: &Args) -> anyhow::Result<Code> {
    let mut pages = report::read(&args.figures, &args.beside)?;
    if let Some(notes) = &args.notes {
        report::annotate(&mut pages, notes)?;
    }
    let text = if args.markdown { report::markdown(&pages, args.pictures.as_deref()) } else { report::html(&pages) };
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
            let what = if pages.iter().all(|page| page.made.number.is_some()) { "figures" } else { "studies" };
            console::result(&format!("{} {what} in {}\n", pages.len(), path.display()));
        }
    }
    Ok(Code::Done)
}
