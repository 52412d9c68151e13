//! What `onedge figure` and `onedge study` do: runs that are not there yet, then verdicts and pictures.

mod progress;

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use onedge_paper::kept::Kept;
use onedge_paper::runs::{self, Source};
use onedge_paper::{self as figures, Comparison, EXTENSIONS, Exhibit, Made, Preset, Scope, Wanted, estimate};
use onedge_plot::Abscissa;
use onedge_registry::Entry;
use onedge_run::{DataSets, Interrupt};
use onedge_spec::{Catalogue, Spec};
use onedge_sweep as sweep;
use onedge_text::table::{Table, duration};

use crate::program::appearance::Appearance;
use crate::program::code::Code;
use crate::program::commands::plot::Along;
use crate::program::console;
use crate::program::exit::Misuse;
use crate::program::interrupt::Signals;
use crate::program::overwrite::Force;
use crate::program::served::Serve;
use crate::program::specs::cache_dir;

use progress::Progress;

/// What figures and studies are made with.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Sizes of models, data and grids: seconds (shows nothing but that it works), minutes and a night on two cores, a trial of the
    /// paper's (20 steps on 8 examples), the paper's
    #[arg(long, value_enum, default_value = "small")]
    preset: Size,
    /// A folder with cifar-10, ... in it [default: built-in data or downloads]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Where runs are kept; those that are there are not done again [default: runs/figures or runs/studies]
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// Keep what is needed of finished runs in DIR; runs that are kept there are not done again
    #[arg(long, value_name = "DIR", conflicts_with = "from")]
    keep: Option<PathBuf>,
    /// Train nothing: judge and draw runs that were kept there
    #[arg(long, value_name = "DIR")]
    from: Option<PathBuf>,
    /// The first seed; others give other runs
    #[arg(long, value_name = "N", default_value_t = 0)]
    first_seed: u64,
    /// Where pictures and verdicts are left, over those that were made there [default: the folder of the preset's name in ROOT]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    force: Force,
    /// Runs side by side [default: the number of cores; for the paper's sizes 1, with all threads]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,
    /// The horizontal axis of pictures that show runs [default: step]
    #[arg(long, value_enum)]
    x: Option<Along>,
    #[command(flatten)]
    appearance: Appearance,
    /// Only say what is done, what is left, and how long that would take
    #[arg(long, visible_alias = "status")]
    plan: bool,
    /// Where downloads are kept [default: the user's cache folder]
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,
    #[command(flatten)]
    serve: Serve,
    /// Show no progress
    #[arg(long, short)]
    quiet: bool,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Size {
    Tiny,
    Small,
    Medium,
    Trial,
    Paper,
}

/// A figure or a study with what it is made of.
type Chosen = (&'static Entry<Exhibit>, Comparison);

/// Makes those that were chosen; `command` is which command does.
pub fn run(command: &'static str, entries: &[&'static Entry<Exhibit>], args: &Options) -> anyhow::Result<Code> {
    let preset = match args.preset {
        Size::Tiny => Preset::Tiny,
        Size::Small => Preset::Small,
        Size::Medium => Preset::Medium,
        Size::Trial => Preset::Trial,
        Size::Paper => Preset::Paper,
    };
    let scope = Scope { preset, data: args.data.clone(), first_seed: args.first_seed };
    let mut chosen: Vec<Chosen> = Vec::new();
    for &entry in entries {
        chosen.push((entry, (entry.build.comparison)(&scope)?));
    }
    let x = abscissa(args.x, &chosen)?;
    let usual = if command == "study" { "runs/studies" } else { "runs/figures" };
    let root = args.root.clone().unwrap_or_else(|| usual.into());
    let interrupt = Signals::heed()?;
    let cache = args.cache.clone().or_else(cache_dir);
    let mut data_sets = DataSets::new(cache).stopped_by(interrupt.stop());
    let all = chosen.iter_mut().flat_map(|(_, comparison)| comparison.specs_mut()).collect();
    // What is kept is of the data that were there then, which need not be had here.
    if args.from.is_none() || args.data.is_some() {
        identify(all, &root, &mut data_sets)?;
    }
    let kept = args.keep.as_ref().or(args.from.as_ref()).map(|folder| folder.join(preset.name()));
    let kept = kept.map(|folder| Kept::read(&folder)).transpose()?;
    let mut source = Source { root, kept };
    let all = || chosen.iter().flat_map(|(_, comparison)| comparison.runs());
    if args.keep.is_some() {
        source.keep(all())?;
    }
    if args.from.is_some() {
        return from_kept(command, args, &scope, &chosen, &source, x);
    }
    let wanted = source.open(all());
    let seconds = estimate(&wanted, all(), &source, &mut data_sets)?;
    let open: Vec<Spec> = wanted.iter().map(|run| run.spec.clone()).collect();
    let jobs = args.jobs.map_or_else(|| usual_jobs(preset), usize::from);
    if args.plan || !open.is_empty() {
        plan(&chosen, &wanted, &seconds, &source.root, jobs);
    }
    if args.plan {
        return Ok(Code::Done);
    }
    let out = claim(command, args, &scope, &source.root, chosen.iter())?;
    args.serve.begin(&source.root, &Catalogue::standard());
    let progress = Progress::new(&open, &seconds, jobs, args.quiet);
    let theme = args.appearance.theme(None);
    let mut made: Vec<Made> = Vec::new();
    let (mut waiting, mut begun) = (chosen.iter().collect::<Vec<_>>(), 0);
    // Each figure is drawn as soon as its runs are there, and with it all others that need no more.
    loop {
        if args.keep.is_some() {
            source.keep(all())?;
        }
        let is_ready = |figure: &&Chosen| source.open(figure.1.runs()).is_empty();
        let (ready, left): (Vec<_>, Vec<_>) = waiting.into_iter().partition(is_ready);
        waiting = left;
        for (entry, comparison) in ready {
            if !interrupt.is_set() {
                let figure = figures::make(entry, &scope, comparison, &source, &out, (x, &theme))?;
                progress.aside(|| console::result(&format!("{}\n", figure.text_within(console::width()))));
                made.push(figure);
            }
        }
        let Some((_, comparison)) = waiting.first().filter(|_| !interrupt.is_set() && begun < open.len()) else {
            break;
        };
        // Runs are in the order of the figures, and those of earlier ones are done.
        let own: Vec<PathBuf> = comparison.runs().map(|run| sweep::folder(&source.root, &run.spec)).collect();
        let is_own = |spec: &&Spec| own.contains(&sweep::folder(&source.root, spec));
        let end = begun + open[begun..].iter().take_while(is_own).count();
        let observe = |event: sweep::Event<'_>| progress.show(&event, begun);
        runs::run(&open[begun..end.max(begun + 1)], &source.root, jobs, &data_sets, &observe, &interrupt)?;
        begun = end.max(begun + 1);
    }
    if let Some((entry, comparison)) = waiting.first().filter(|_| !interrupt.is_set()) {
        // Somebody has removed runs since: it says how many.
        figures::make(entry, &scope, comparison, &source, &out, (x, &theme))?;
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
fn from_kept(
    command: &'static str,
    args: &Options,
    scope: &Scope,
    chosen: &[Chosen],
    source: &Source,
    x: Abscissa,
) -> anyhow::Result<Code> {
    if args.plan {
        plan(chosen, &source.open(chosen.iter().flat_map(|(_, comparison)| comparison.runs())), &[], &source.root, 0);
        return Ok(Code::Done);
    }
    let (ready, lacking): (Vec<&Chosen>, Vec<&Chosen>) =
        chosen.iter().partition(|(_, comparison)| source.open(comparison.runs()).is_empty());
    let out = claim(command, args, scope, &source.root, ready.iter().copied())?;
    let theme = args.appearance.theme(None);
    let mut made = Vec::new();
    for (entry, comparison) in ready {
        let figure = figures::make(entry, scope, comparison, source, &out, (x, &theme))?;
        console::result(&format!("{}\n", figure.text_within(console::width())));
        made.push(figure);
    }
    for (entry, comparison) in &lacking {
        let (all, missing) = (comparison.runs().count(), source.open(comparison.runs()).len());
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
fn claim<'a>(
    command: &'static str,
    args: &Options,
    scope: &Scope,
    root: &Path,
    chosen: impl Iterator<Item = &'a Chosen>,
) -> anyhow::Result<PathBuf> {
    let out = args.out.clone().unwrap_or_else(|| root.join(scope.preset.name()));
    let files = |name: &str| EXTENSIONS.map(|extension| format!("{name}.{extension}"));
    let files: Vec<String> = chosen.flat_map(|(entry, _)| files(entry.name)).collect();
    args.force.claim(command, &out, &files)?;
    Ok(out)
}

/// Prints what there is in the end.
fn conclude(mut made: Vec<Made>, out: &Path) {
    let place = |made: &Made| figures::FIGURES.iter().chain(figures::STUDIES).position(|entry| entry.name == made.name);
    made.sort_by_key(place);
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

/// What lies along the horizontal axis. Figures of the simplified model have steps there and nothing else.
fn abscissa(x: Option<Along>, chosen: &[Chosen]) -> anyhow::Result<Abscissa> {
    match x {
        None | Some(Along::Step) => Ok(Abscissa::Step),
        Some(_) if chosen.iter().all(|(_, comparison)| comparison.series.is_empty()) => {
            let expected = "step, as figures of the simplified model have no cost and no time".to_owned();
            Err(Misuse { option: "--x", expected, got: "another axis".to_owned() }.into())
        }
        Some(along) => Ok(along.into()),
    }
}

fn usual_jobs(preset: Preset) -> usize {
    match preset {
        Preset::Tiny | Preset::Small | Preset::Medium => std::thread::available_parallelism().map_or(1, usize::from),
        Preset::Trial | Preset::Paper => 1,
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
    for (entry, comparison) in chosen {
        let all: HashSet<PathBuf> = comparison.runs().map(place).collect();
        let left = all.iter().filter(|path| todo.contains_key(*path)).count();
        let new = all.iter().filter(|path| counted.insert((*path).clone()));
        let own: Vec<Option<f64>> = new.filter_map(|path| todo.get(path).copied()).collect();
        let time: Option<f64> = own.iter().copied().sum();
        let time = time.filter(|_| !own.is_empty()).map_or("-".to_owned(), duration);
        let counts = [all.len(), all.len() - left, own.len()].map(|count| count.to_string());
        rows.push([vec![short_name(entry.build.number(), entry.name)], counts.to_vec(), vec![time]].concat());
    }
    console::table(&Table::new(
        &[
            if chosen.iter().all(|(entry, _)| entry.build.number().is_some()) { "figure" } else { "study" },
            "runs",
            "done",
            "to do",
            "time",
        ],
        &rows,
    ));
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

fn overview(made: &[Made]) -> Table {
    let row = |made: &Made| {
        let [shown, partly, not] = made.counts().map(|count| count.to_string());
        let runs = made.runs.to_string();
        let time = if made.runs == 0 { "-".to_owned() } else { duration(made.seconds) };
        vec![
            short_name(made.number, &made.name),
            made.verdict.clone(),
            shown,
            partly,
            not,
            made.seeds.to_string(),
            runs,
            time,
        ]
    };
    let rows: Vec<Vec<String>> = made.iter().map(row).collect();
    let headings = [
        if made.iter().all(|made| made.number.is_some()) { "figure" } else { "study" },
        "is",
        "claims shown",
        "partly",
        "not",
        "seeds",
        "runs",
        "time",
    ];
    Table::new(&headings, &rows).ranked(&[0, 0, 1, 2, 3, 6, 5, 4])
}

/// A figure by its number, a study by its name.
fn short_name(number: Option<u32>, name: &str) -> String {
    number.map_or_else(|| name.to_owned(), |number| number.to_string())
}
