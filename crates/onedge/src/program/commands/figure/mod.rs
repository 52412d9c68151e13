mod progress;

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use onedge_paper::kept::Kept;
use onedge_paper::runs::{self, Source};
use onedge_paper::{self as figures, EXTENSIONS, Figure, MadeFigure, Preset, Scope, Study, Wanted, estimate};
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
    /// Sizes of models, data and grids: seconds (shows nothing but that it works), minutes and a night on two cores, the paper's
    #[arg(long, value_enum, default_value = "small")]
    preset: Size,
    /// A folder with cifar-10, tiny-shakespeare, ... in it [default: built-in data, for medium and the paper's sizes downloads]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Where runs are kept; those that are there are not done again
    #[arg(long, value_name = "DIR", default_value = "runs/figures")]
    root: PathBuf,
    /// Keep what figures need of finished runs in the folder of the preset's name in DIR, in compact files; runs that are kept there are
    /// not done again
    #[arg(long, value_name = "DIR", conflicts_with = "from")]
    keep: Option<PathBuf>,
    /// Train nothing: make figures of the runs that were kept there, and of those in ROOT
    #[arg(long, value_name = "DIR")]
    from: Option<PathBuf>,
    /// The first of a figure's seeds: with another one its verdicts come from other runs
    #[arg(long, value_name = "N", default_value_t = 0)]
    first_seed: u64,
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
    /// Only say what is done, what is left, and how long that would take
    #[arg(long, visible_alias = "status")]
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
    Medium,
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
        Size::Medium => Preset::Medium,
        Size::Paper => Preset::Paper,
    };
    let scope = Scope { preset, data: args.data.clone(), first_seed: args.first_seed };
    let mut chosen: Vec<Chosen> = Vec::new();
    for entry in wanted(&args.figures)? {
        chosen.push((entry, (entry.build.study)(&scope)?));
    }
    let x = abscissa(args.x, &chosen)?;
    let interrupt = Signals::heed()?;
    let cache = args.cache.clone().or_else(cache_dir);
    let mut data_sets = DataSets::new(cache).stopped_by(interrupt.stop());
    let all = chosen.iter_mut().flat_map(|(_, study)| study.specs_mut()).collect();
    // What is kept is of the data that were there then, which need not be had here.
    if args.from.is_none() || args.data.is_some() {
        identify(all, &args.root, &mut data_sets)?;
    }
    let kept = args.keep.as_ref().or(args.from.as_ref()).map(|folder| folder.join(preset.name()));
    let kept = kept.map(|folder| Kept::read(&folder)).transpose()?;
    let mut source = Source { root: args.root.clone(), kept };
    let all = || chosen.iter().flat_map(|(_, study)| study.runs());
    if args.keep.is_some() {
        source.keep(all())?;
    }
    if args.from.is_some() {
        return from_kept(args, &scope, &chosen, &source, x);
    }
    let wanted = source.open(all());
    let seconds = estimate(&wanted, all(), &source, &mut data_sets)?;
    let open: Vec<Spec> = wanted.iter().map(|run| run.spec.clone()).collect();
    let jobs = args.jobs.map_or_else(|| usual_jobs(preset), usize::from);
    if args.plan || !open.is_empty() {
        plan(&chosen, &wanted, &seconds, &args.root, jobs);
    }
    if args.plan {
        return Ok(Code::Done);
    }
    let out = claim(args, &scope, chosen.iter())?;
    let progress = Progress::new(&open, &seconds, jobs, args.quiet);
    let theme = args.appearance.theme(None);
    let mut made: Vec<MadeFigure> = Vec::new();
    let (mut waiting, mut begun) = (chosen.iter().collect::<Vec<_>>(), 0);
    // Each figure is drawn as soon as its runs are there, and with it all others that need no more.
    loop {
        if args.keep.is_some() {
            source.keep(all())?;
        }
        let is_ready = |figure: &&Chosen| source.open(figure.1.runs()).is_empty();
        let (ready, left): (Vec<_>, Vec<_>) = waiting.into_iter().partition(is_ready);
        waiting = left;
        for (entry, study) in ready {
            if !interrupt.is_set() {
                let figure = figures::make(entry, &scope, study, &source, &out, (x, &theme))?;
                progress.aside(|| console::result(&format!("{}\n", figure.text_within(console::width()))));
                made.push(figure);
            }
        }
        let Some((_, study)) = waiting.first().filter(|_| !interrupt.is_set() && begun < open.len()) else { break };
        // Runs are in the order of the figures, and those of earlier ones are done.
        let own: Vec<PathBuf> = study.runs().map(|run| sweep::folder(&args.root, &run.spec)).collect();
        let is_own = |spec: &&Spec| own.contains(&sweep::folder(&args.root, spec));
        let end = begun + open[begun..].iter().take_while(is_own).count();
        let observe = |event: sweep::Event<'_>| progress.show(&event, begun);
        runs::run(&open[begun..end.max(begun + 1)], &args.root, jobs, &data_sets, &observe, &interrupt)?;
        begun = end.max(begun + 1);
    }
    if let Some((entry, study)) = waiting.first().filter(|_| !interrupt.is_set()) {
        // Somebody has removed runs since: it says how many.
        figures::make(entry, &scope, study, &source, &out, (x, &theme))?;
    }
    progress.finish();
    if interrupt.is_set() {
        console::note("interrupted: what is done is kept; the same command goes on from there");
        return Ok(Code::Interrupted);
    }
    conclude(made, &out);
    Ok(Code::Done)
}

/// Makes those figures whose runs are all there.
fn from_kept(args: &Args, scope: &Scope, chosen: &[Chosen], source: &Source, x: Abscissa) -> anyhow::Result<Code> {
    if args.plan {
        plan(chosen, &source.open(chosen.iter().flat_map(|(_, study)| study.runs())), &[], &args.root, 0);
        return Ok(Code::Done);
    }
    let (ready, lacking): (Vec<&Chosen>, Vec<&Chosen>) =
        chosen.iter().partition(|(_, study)| source.open(study.runs()).is_empty());
    let out = claim(args, scope, ready.iter().copied())?;
    let theme = args.appearance.theme(None);
    let mut made = Vec::new();
    for (entry, study) in ready {
        let figure = figures::make(entry, scope, study, source, &out, (x, &theme))?;
        console::result(&format!("{}\n", figure.text_within(console::width())));
        made.push(figure);
    }
    for (entry, study) in &lacking {
        let (all, missing) = (study.runs().count(), source.open(study.runs()).len());
        console::note(&format!(
            "{}: {missing} of {all} runs are missing; --keep in place of --from does them",
            entry.name
        ));
    }
    if !made.is_empty() {
        conclude(made, &out);
    }
    Ok(if lacking.is_empty() { Code::Done } else { Code::Failed })
}

/// Where the files of figures are to be left, which nothing else has.
fn claim<'a>(args: &Args, scope: &Scope, chosen: impl Iterator<Item = &'a Chosen>) -> anyhow::Result<PathBuf> {
    let out = args.out.clone().unwrap_or_else(|| args.root.join(scope.preset.name()));
    let files = |name: &str| EXTENSIONS.map(|extension| format!("{name}.{extension}"));
    let files: Vec<String> = chosen.flat_map(|(entry, _)| files(entry.name)).collect();
    args.force.claim("figure", &out, &files)?;
    Ok(out)
}

/// Prints what there is in the end.
fn conclude(mut made: Vec<MadeFigure>, out: &Path) {
    made.sort_by_key(|figure| figure.number);
    if made.len() > 1 {
        console::table(&overview(&made));
        console::result("\n");
    }
    console::result(&format!("left in {}, as svg, png, pdf, csv, txt and json\n", out.display()));
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
        Preset::Tiny | Preset::Small | Preset::Medium => std::thread::available_parallelism().map_or(1, usize::from),
        Preset::Paper => 1,
    }
}

/// Prints how many runs are done and to do, figure by figure: runs that several figures share count for the first of them. Times are not
/// known where nothing is to be trained.
fn plan(chosen: &[Chosen], open: &[Wanted], seconds: &[f64], root: &Path, jobs: usize) {
    let place = |run: &Wanted| sweep::folder(root, &run.spec);
    let known = seconds.iter().copied().map(Some).chain(std::iter::repeat(None));
    let todo: HashMap<PathBuf, Option<f64>> = open.iter().map(place).zip(known).collect();
    let mut counted = HashSet::new();
    let mut rows = Vec::new();
    for (entry, study) in chosen {
        let all: HashSet<PathBuf> = study.runs().map(place).collect();
        let left = all.iter().filter(|path| todo.contains_key(*path)).count();
        let new = all.iter().filter(|path| counted.insert((*path).clone()));
        let own: Vec<Option<f64>> = new.filter_map(|path| todo.get(path).copied()).collect();
        let time: Option<f64> = own.iter().copied().sum();
        let time = time.filter(|_| !own.is_empty()).map_or("-".to_owned(), duration);
        let counts = [all.len(), all.len() - left, own.len()].map(|count| count.to_string());
        rows.push([vec![entry.build.number.to_string()], counts.to_vec(), vec![time]].concat());
    }
    console::table(&Table::new(&["figure", "runs", "done", "to do", "time"], &rows));
    console::result(&match (open.is_empty(), seconds.is_empty()) {
        (true, _) => "\nall runs are done\n\n".to_owned(),
        (false, true) => format!("\n{} runs to do\n\n", open.len()),
        (false, false) => format!(
            "\n{} runs to do, about {} of one core's time; {jobs} at a time\n\n",
            open.len(),
            duration(seconds.iter().sum())
        ),
    });
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
