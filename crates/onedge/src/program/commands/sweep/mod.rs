mod live;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::thread::available_parallelism;

use live::Live;
pub use live::unlocked;
use onedge_registry::Value;
use onedge_run::{DataSets, Interrupt, check_all};
use onedge_spec::{Catalogue, Spec};
use onedge_sweep::{
    self as sweep, Axes, Metric, PLAN, Plan, RELATIVE_LOSS, Report, SWEEP_FOLDER, Share, Status, Sweep, Trial, Workers,
    runs_of, survey,
};

use crate::program::code::Code;
use crate::program::console;
use crate::program::exit::Misuse;
use crate::program::interrupt::Signals;
use crate::program::overwrite::Force;
use crate::program::progress::Rows;
use crate::program::served::Serve;
use crate::program::specs::{Overrides, note_different_data, warn_of_foresights};

/// More points than these are left to a file.
const POINTS_SHOWN: usize = 30;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The sweep, a TOML file: a spec with lists, distributions and a section [sweep]
    sweep: PathBuf,
    #[command(flatten)]
    overrides: Overrides,
    /// Where runs live, shared with other sweeps and workers; those at their end are not repeated
    #[arg(long, value_name = "DIR", default_value = "runs")]
    root: PathBuf,
    /// Do so many runs at a time
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: u16,
    /// Do only the I-th of N disjoint shares of the runs, I from 1
    #[arg(long, value_name = "I/N", value_parser = share)]
    array: Option<Share>,
    /// Run nothing: table and maps of what is there
    #[arg(long, conflicts_with_all = ["jobs", "array"])]
    table_only: bool,
    /// Draw a map over these settings, X,Y or X,Y,PANELS [default: over the two or three that vary]
    #[arg(long, value_name = "KEYS", value_delimiter = ',')]
    map: Vec<String>,
    /// What maps show: a number of the summaries, like test.accuracy
    #[arg(long, value_name = "KEY", default_value = RELATIVE_LOSS)]
    value: String,
    #[command(flatten)]
    force: Force,
    #[command(flatten)]
    serve: Serve,
    /// Show no progress
    #[arg(long, short)]
    quiet: bool,
}

pub fn run(args: &Args, catalogue: &Catalogue) -> anyhow::Result<Code> {
    let axes = axes(&args.map)?;
    let interrupt = Signals::heed()?;
    let rows = Rows::new(args.quiet);
    let mut data_sets = args.overrides.data_sets(&rows).stopped_by(interrupt.stop());
    let sweep = Sweep::read(&args.sweep, &args.overrides.set, catalogue)?;
    let mut trials = sweep.trials(&mut data_sets)?;
    identify(&mut trials, args, &mut data_sets, &*rows.warnings())?;
    let specs: Vec<Spec> = trials.iter().map(|trial| trial.spec.clone()).collect();
    let metric = sweep.metric();
    let workers = Workers { jobs: args.jobs.into(), share: args.array, give_up: sweep.give_up(&trials) };
    let here = survey(&specs, &args.root, workers.hopeless())?;
    warn_of_damage(&here, &specs, args, &*rows.warnings());
    // What is wrong with the flags is said before hours are spent.
    if let Some(axes) = &axes {
        Report::new(&trials, &here)?.map(axes, &args.value)?;
    }
    let mut done = None;
    let (statuses, stopped) = if args.table_only {
        (here, Ok(()))
    } else {
        let runs = runs_of(&specs, workers.share);
        let open = || runs.iter().filter(|run| !matches!(here[**run], Status::Done(_))).map(|run| &specs[*run]);
        note_threads(open(), workers.jobs);
        if open().next().is_some() {
            sweep::check_value(&args.value, open(), &mut data_sets)?;
        }
        check_all(open(), &mut data_sets)?;
        metric.check(open(), &mut data_sets)?;
        warn_of_foresights(open(), &*rows.warnings());
        leave_plan(&trials, &metric, workers.give_up.is_some(), args)?;
        args.serve.begin(&args.root, catalogue);
        let live = Live::new(&rows, &trials, &specs, &workers);
        let result = sweep::run(&specs, &args.root, &workers, &data_sets, &|event| live.see(&event), &interrupt);
        done = Some(live.finish());
        match result {
            Ok(statuses) => (statuses, Ok(())),
            Err(error) => (survey(&specs, &args.root, workers.hopeless())?, Err(error)),
        }
    };
    let report = Report::new(&trials, &statuses)?.chosen_by(metric);
    let contents: BTreeSet<&str> = specs.iter().filter_map(|spec| spec.content.as_deref()).collect();
    note_different_data(contents.len());
    let shown = show(&report, axes.as_ref(), args, done);
    stopped?;
    shown?;
    Ok(code(&report, &specs, &statuses, args, &interrupt))
}

/// Finds out what the data hold, as runs on other data are other runs. A table of what is there is to be had without the data.
fn identify(trials: &mut [Trial], args: &Args, data_sets: &mut DataSets, warn: &dyn Fn(&str)) -> anyhow::Result<()> {
    let read = data_sets.identify(trials.iter_mut().map(|trial| &mut trial.spec));
    let Err(error) = read else { return Ok(()) };
    if !args.table_only {
        return Err(error.into());
    }
    let several = sweep::recall(&args.root, trials.iter_mut().map(|trial| &mut trial.spec))?;
    warn(&format!("{error}; the table shows runs on the data that were there when they were done"));
    if several > 0 {
        warn(&format!(
            "{several} runs were done on several data, and are not shown, as it is not known which are meant"
        ));
    }
    Ok(())
}

/// Says which runs were at their end and cannot be read by now.
fn warn_of_damage(statuses: &[Status], specs: &[Spec], args: &Args, warn: &dyn Fn(&str)) {
    let advice = if args.table_only { "; put the file back from a copy, or start the sweep again" } else { "" };
    for run in runs_of(specs, None) {
        if let Status::Damaged(damaged) = &statuses[run] {
            warn(&format!("{damaged}, so the run counts as open{advice}"));
        }
    }
}

/// Jobs that take each other's processors are slower than one after the other.
fn note_threads<'a>(specs: impl Iterator<Item = &'a Spec>, jobs: usize) {
    let machine = available_parallelism().map_or(1, usize::from);
    let threads = specs.map(|spec| match spec.get("engine.threads") {
        Some(Value::Integer(threads @ 1..)) => usize::try_from(threads).unwrap_or(machine),
        _ => machine,
    });
    let threads = threads.max().unwrap_or(0);
    if jobs > 1 && jobs * threads > machine {
        let each = machine / jobs;
        let advice =
            if each == 0 { format!("--jobs {machine}") } else { format!("engine.threads = {each} in the sweep") };
        console::note(&format!("note: jobs {jobs}, threads of each {threads}, processors {machine}; try {advice}"));
    }
}

/// Prints the tables and leaves them with everything else.
fn show(report: &Report<'_>, axes: Option<&Axes>, args: &Args, done: Option<usize>) -> anyhow::Result<()> {
    let counts = report.counts();
    let usual = report.usual_axes();
    let axes = axes.map_or(&usual[..], std::slice::from_ref);
    // What no summary has is told before anything is shown.
    axes.iter().try_for_each(|axes| report.map(axes, &args.value).map(drop))?;
    let points = report.point_table();
    if (2..=POINTS_SHOWN).contains(&points.len()) {
        console::table(&points);
        console::result("\n");
    }
    console::table(&report.best_table());
    let here = done.map_or(String::new(), |done| format!("; {done} of them now"));
    let none = match counts.no_progress {
        0 => String::new(),
        runs => format!(", {runs} without progress"),
    };
    console::result(&format!(
        "\n{} runs: {} done{none}, {} diverged, {} given up, {} open{here}\n",
        counts.runs, counts.done, counts.diverged, counts.given_up, counts.open
    ));
    if counts.open == counts.runs {
        return Ok(());
    }
    let folder = folder(args);
    fs::create_dir_all(&folder).map_err(onedge_record::Error::write(&folder))?;
    let may = |names: &[String]| args.force.claim("sweep", &folder, names);
    let files = report.save(&folder, axes, &args.value, may)?;
    console::result(&format!("left in {}: {}\n", folder.display(), files.join(", ")));
    Ok(())
}

/// Where a sweep leaves what it tells.
fn folder(args: &Args) -> PathBuf {
    let stem = args.sweep.file_stem().unwrap_or(args.sweep.as_os_str());
    args.root.join(format!("{}{SWEEP_FOLDER}", stem.to_string_lossy()))
}

/// Leaves what is to be done, so that a page can show how far it is.
fn leave_plan(trials: &[Trial], metric: &Metric, gives_up: bool, args: &Args) -> anyhow::Result<()> {
    let folder = folder(args);
    args.force.claim("sweep", &folder, &[PLAN])?;
    let called = args.sweep.file_name().unwrap_or(args.sweep.as_os_str()).to_string_lossy();
    Ok(Plan::new(&called, trials, metric, gives_up).write(&folder)?)
}

fn code(report: &Report<'_>, specs: &[Spec], statuses: &[Status], args: &Args, interrupt: &dyn Interrupt) -> Code {
    let ended = |run: &usize| matches!(statuses[*run], Status::Done(_));
    let whole = || report.counts().open == 0 && report.has_all_bests();
    let share = || args.array.is_some() && runs_of(specs, args.array).iter().all(ended);
    match interrupt.is_set() {
        true => Code::Interrupted,
        false if share() || whole() => Code::Done,
        false => Code::Failed,
    }
}

fn axes(keys: &[String]) -> anyhow::Result<Option<Axes>> {
    let (x, y, panels) = match keys {
        [] => return Ok(None),
        [x, y] => (x, y, None),
        [x, y, panels] => (x, y, Some(panels.clone())),
        _ => {
            let expected = "two settings, or three, like tuner.sigma,batch".to_owned();
            return Err(Misuse { option: "--map", expected, got: keys.join(",") }.into());
        }
    };
    Ok(Some(Axes { x: x.clone(), y: y.clone(), panels, variant: None }))
}

fn share(text: &str) -> Result<Share, String> {
    let parts = text.split_once('/').and_then(|(index, of)| Some((index.parse().ok()?, of.parse().ok()?)));
    match parts {
        Some((index, of)) if (1..=of).contains(&index) => Ok(Share { index, of }),
        _ => Err(format!("expected I/N with I from 1 to N, like 2/8, got {text}")),
    }
}

/// What a run is called on the screen.
fn title(trial: &Trial, with_seed: bool) -> String {
    let seed = if with_seed { format!("seed={}", trial.spec.seed) } else { String::new() };
    [trial.group.as_str(), &trial.label, &seed]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}
