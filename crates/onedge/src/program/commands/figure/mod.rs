mod progress;

use std::path::{Path, PathBuf};

use onedge_paper::{self as figures, EXTENSIONS, Figure, MadeFigure, Preset, Scope, Study, estimate, runs};
use onedge_plot::Abscissa;
use onedge_registry::Entry;
use onedge_run::{DataSets, Interrupt};
use onedge_spec::Spec;
use onedge_sweep as sweep;
use onedge_text::table::{Table, duration};

use crate::program::appearance::Appearance;
use crate::program::code::Code;
use crate::program::commands::plot::Along;
use crate::program::console;
use crate::program::exit::Misuse;
use crate::program::interrupt::Signals;
use crate::program::overwrite::Force;
use crate::program::specs::cache_dir;

use progress::Progress;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Numbers of figures of the paper, 1 to 21, or all; without one, a list of them
    figures: Vec<String>,
    /// Sizes of models, data and grids: seconds (shows nothing but that it works), minutes on two cores, the paper's
    #[arg(long, value_enum, default_value = "small")]
    preset: Size,
    /// A folder with cifar-10, tiny-shakespeare, ... in it [default: built-in data, for the paper's sizes downloads]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Where runs are kept; those that are there are not done again
    #[arg(long, value_name = "DIR", default_value = "runs/figures")]
    root: PathBuf,
    /// Where figures are left, over those that were made there [default: the folder of the preset's name in ROOT]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    force: Force,
    /// Runs side by side [default: the number of cores; for the paper's sizes 1, with all threads]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,
    /// The horizontal axis of figures that show runs [default: step]
    #[arg(long, value_enum)]
    x: Option<Along>,
    #[command(flatten)]
    appearance: Appearance,
    /// Only say what would be done, and how long it would take
    #[arg(long)]
    plan: bool,
    /// Where downloads and decoded images are kept [default: the user's cache folder]
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,
    /// Show no progress
    #[arg(long, short)]
    quiet: bool,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Size {
    Tiny,
    Small,
    Paper,
}

/// A figure with what it is made of.
type Chosen = (&'static Entry<Figure>, Study);

pub fn run(args: &Args) -> anyhow::Result<Code> {
    if args.figures.is_empty() {
        console::result(&format!("{}\n`onedge explain figure-5` tells what one must show.\n", super::list::figures()));
        return Ok(Code::Done);
    }
    let preset = match args.preset {
        Size::Tiny => Preset::Tiny,
        Size::Small => Preset::Small,
        Size::Paper => Preset::Paper,
    };
    let scope = Scope { preset, data: args.data.clone() };
    let mut chosen: Vec<Chosen> = Vec::new();
    for entry in wanted(&args.figures)? {
        chosen.push((entry, (entry.build.study)(&scope)?));
    }
    let x = abscissa(args.x, &chosen)?;
    let interrupt = Signals::heed()?;
    let cache = args.cache.clone().or_else(cache_dir);
    let mut data_sets = DataSets::new(cache).stopped_by(interrupt.stop());
    let all = chosen.iter_mut().flat_map(|(_, study)| study.specs_mut()).collect();
    identify(all, &args.root, &mut data_sets)?;
    let open = runs::open(chosen.iter().flat_map(|(_, study)| study.specs()), &args.root);
    let seconds = estimate(&open, &mut data_sets)?;
    let jobs = args.jobs.map_or_else(|| usual_jobs(preset), usize::from);
    if args.plan || !open.is_empty() {
        plan(&chosen, &open, &seconds, &args.root, jobs);
    }
    if args.plan {
        return Ok(Code::Done);
    }
    let out = args.out.clone().unwrap_or_else(|| args.root.join(preset.name()));
    let files = |name: &str| EXTENSIONS.map(|extension| format!("{name}.{extension}"));
    let files: Vec<String> = chosen.iter().flat_map(|(entry, _)| files(entry.name)).collect();
    args.force.claim("figure", &out, &files)?;
    let progress = Progress::new(&open, &seconds, jobs, args.quiet);
    let theme = args.appearance.theme(None);
    let mut made: Vec<MadeFigure> = Vec::new();
    let (mut waiting, mut begun) = (chosen.iter().collect::<Vec<_>>(), 0);
    // Each figure is drawn as soon as its runs are there, and with it all others that need no more.
    loop {
        let is_ready = |figure: &&Chosen| runs::open(figure.1.specs(), &args.root).is_empty();
        let (ready, left): (Vec<_>, Vec<_>) = waiting.into_iter().partition(is_ready);
        waiting = left;
        for (entry, study) in ready {
            if !interrupt.is_set() {
                let figure = figures::make(entry, &scope, study, &args.root, &out, (x, &theme))?;
                progress.aside(|| console::result(&format!("{}\n", figure.text_within(console::width()))));
                made.push(figure);
            }
        }
        let Some((_, study)) = waiting.first().filter(|_| !interrupt.is_set() && begun < open.len()) else { break };
        // Runs are in the order of the figures, and those of earlier ones are done.
        let own: Vec<PathBuf> = study.specs().map(|spec| sweep::folder(&args.root, spec)).collect();
        let is_own = |spec: &&Spec| own.contains(&sweep::folder(&args.root, spec));
        let end = begun + open[begun..].iter().take_while(is_own).count();
        let observe = |event: sweep::Event<'_>| progress.show(&event, begun);
        runs::run(&open[begun..end.max(begun + 1)], &args.root, jobs, &data_sets, &observe, &interrupt)?;
        begun = end.max(begun + 1);
    }
    if let Some((entry, study)) = waiting.first().filter(|_| !interrupt.is_set()) {
        // Somebody has removed runs since: it says how many.
        figures::make(entry, &scope, study, &args.root, &out, (x, &theme))?;
    }
    progress.finish();
    if interrupt.is_set() {
        console::note("interrupted: what is done is kept; the same command goes on from there");
        return Ok(Code::Interrupted);
    }
    made.sort_by_key(|figure| figure.number);
    if made.len() > 1 {
        console::table(&overview(&made));
        console::result("\n");
    }
    console::result(&format!("left in {}, as svg, png, pdf, csv, txt and json\n", out.display()));
    Ok(Code::Done)
}

/// Finds out what the data hold, as runs on other data are other runs. Where the data are gone, figures of runs that are there can be drawn still.
fn identify(mut specs: Vec<&mut Spec>, root: &Path, data_sets: &mut DataSets) -> anyhow::Result<()> {
    let Err(error) = data_sets.identify(specs.iter_mut().map(|spec| &mut **spec)) else { return Ok(()) };
    sweep::recall(root, specs.iter_mut().map(|spec| &mut **spec))?;
    if specs.iter().any(|spec| spec.reads_files() && spec.content.is_none()) {
        return Err(error.into());
    }
    console::note(&format!("note: {error}; figures are of runs on the data that were there when they were done"));
    Ok(())
}

/// The figures of these numbers, each once, by their number.
fn wanted(names: &[String]) -> anyhow::Result<Vec<&'static Entry<Figure>>> {
    let mut chosen: Vec<&'static Entry<Figure>> = Vec::new();
    for name in names {
        let of_name = |entry: &&&Entry<Figure>| {
            let number = entry.build.number.to_string();
            name == "all" || *name == number || name == entry.name
        };
        let found: Vec<_> = figures::ALL.iter().filter(of_name).copied().collect();
        if found.is_empty() {
            let expected = format!("numbers from 1 to {}, or all", figures::ALL.len());
            return Err(Misuse { option: "figure", expected, got: name.clone() }.into());
        }
        chosen.extend(found);
    }
    chosen.sort_by_key(|entry| entry.build.number);
    chosen.dedup_by_key(|entry| entry.build.number);
    Ok(chosen)
}

/// What lies along the horizontal axis. Figures of the simplified model have steps there and nothing else.
fn abscissa(x: Option<Along>, chosen: &[Chosen]) -> anyhow::Result<Abscissa> {
    match x {
        None | Some(Along::Step) => Ok(Abscissa::Step),
        Some(_) if chosen.iter().all(|(_, study)| study.series.is_empty()) => {
            let expected = "step, as figures of the simplified model have no cost and no time".to_owned();
            Err(Misuse { option: "--x", expected, got: "another axis".to_owned() }.into())
        }
        Some(along) => Ok(along.into()),
    }
}

fn usual_jobs(preset: Preset) -> usize {
    match preset {
        Preset::Tiny | Preset::Small => std::thread::available_parallelism().map_or(1, usize::from),
        Preset::Paper => 1,
    }
}

/// Prints how many runs there are to do, figure by figure: runs that several figures share count for the first of them.
fn plan(chosen: &[Chosen], open: &[Spec], seconds: &[f64], root: &Path, jobs: usize) {
    let place = |spec: &Spec| sweep::folder(root, spec);
    let todo: std::collections::HashMap<PathBuf, f64> = open.iter().map(place).zip(seconds.iter().copied()).collect();
    let mut counted = std::collections::HashSet::new();
    let mut rows = Vec::new();
    for (entry, study) in chosen {
        let all: std::collections::HashSet<PathBuf> = study.specs().map(place).collect();
        let own: Vec<f64> = all
            .iter()
            .filter(|path| counted.insert((*path).clone()))
            .filter_map(|path| todo.get(path).copied())
            .collect();
        let time = if own.is_empty() { "-".to_owned() } else { duration(own.iter().sum()) };
        rows.push(vec![entry.build.number.to_string(), all.len().to_string(), own.len().to_string(), time]);
    }
    // A sum of none is -0.
    let total = seconds.iter().fold(0.0, |total, seconds| total + seconds);
    console::table(&Table::new(&["figure", "runs", "to do", "time"], &rows));
    console::result(&format!(
        "\n{} runs to do, about {} of one core's time; {jobs} at a time\n\n",
        open.len(),
        duration(total)
    ));
}

fn overview(made: &[MadeFigure]) -> Table {
    let row = |made: &MadeFigure| {
        let [shown, partly, not] = made.counts().map(|count| count.to_string());
        let runs = made.runs.to_string();
        let time = if made.runs == 0 { "-".to_owned() } else { duration(made.seconds) };
        vec![made.number.to_string(), made.verdict.clone(), shown, partly, not, made.seeds.to_string(), runs, time]
    };
    let rows: Vec<Vec<String>> = made.iter().map(row).collect();
    let headings = ["figure", "is", "claims shown", "partly", "not", "seeds", "runs", "time"];
    Table::new(&headings, &rows).ranked(&[0, 0, 1, 2, 3, 6, 5, 4])
}
