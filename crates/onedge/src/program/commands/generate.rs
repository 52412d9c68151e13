use std::path::PathBuf;

use onedge_run::generate::{Options, generate};
use onedge_spec::{Catalogue, Spec};

use crate::program::code::Code;
use crate::program::console;
use crate::program::exit::Misuse;
use crate::program::parameters::Parameters;
use crate::program::progress::Rows;
use crate::program::root::Root;
use crate::program::specs::Overrides;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// A run that trained a language model (folder, name or id), or its spec with --params
    #[arg(value_name = "RUN")]
    run: PathBuf,
    #[command(flatten)]
    overrides: Overrides,
    #[command(flatten)]
    parameters: Parameters,
    /// What the text begins with
    #[arg(long, short, default_value = "")]
    prompt: String,
    /// How many characters to draw
    #[arg(long, short = 'n', default_value_t = 500)]
    length: usize,
    /// Less than 1 is tamer, more is wilder, 0 always takes the likeliest character
    #[arg(long, short, default_value_t = 0.8)]
    temperature: f64,
    /// Let only so many of the likeliest characters follow
    #[arg(long, value_name = "K")]
    top_k: Option<usize>,
    #[command(flatten)]
    root: Root,
    /// Of the draws
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

pub fn run(args: &Args, catalogue: &Catalogue) -> anyhow::Result<Code> {
    let run = args.root.spec_or_run(&args.run, catalogue)?;
    let spec = Spec::resolve(&args.overrides.document(Some(&run), catalogue)?)?;
    let Some(point) = args.parameters.point(&run)? else {
        let (expected, got) = ("the folder of a run, or `--params FILE` beside a spec", "a spec without".to_owned());
        return Err(Misuse { option: "generate", expected: expected.to_owned(), got }.into());
    };
    let options = Options {
        prompt: args.prompt.clone(),
        length: args.length,
        temperature: args.temperature,
        top_k: args.top_k,
        seed: args.seed,
    };
    let mut data_sets = args.overrides.data_sets(&Rows::new(false));
    generate(&spec, run.is_dir().then_some(run.as_path()), &point, &mut data_sets, &options, |c| {
        // Nobody reads on, or nothing more can be written: then there is nothing more to say.
        console::stream(c.encode_utf8(&mut [0; 4]))
    })?;
    console::data("\n");
    Ok(Code::Done)
}
