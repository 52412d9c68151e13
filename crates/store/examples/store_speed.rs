//! What recording, listing and exporting cost: the three figures of the README.
//!
//!     cargo run --release -p onedge-store --example store_speed -- [FOLDER]
//!
//! Makes 10,000 runs and a run of 1,000,000 records in FOLDER (a new one among temporary files unless it is said), about
//! 800 MB, and removes them in the end. If `onedge` is built in the same profile, it is timed, too. On Linux, time that was spent
//! waiting for a processor that others use is left out.

use std::error::Error;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use onedge_record::{Record, RunDirectory, StepWriter, StopReason};
use onedge_run::{DataSets, build_problem, plan};
use onedge_spec::{Catalogue, Document, Spec};
use onedge_store::export::{Format, Source, export};
use onedge_store::{Filter, Selection, Store};
use onedge_train::{Instruments, train};

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let folder = std::env::args_os()
        .nth(1)
        .map_or_else(|| std::env::temp_dir().join(format!("onedge-store-speed-{}", std::process::id())), PathBuf::from);
    fs::create_dir_all(&folder)?;
    let measured = recording(&folder).and_then(|()| listing(&folder)).and_then(|()| exporting(&folder));
    fs::remove_dir_all(&folder)?;
    measured
}

/// Time that passes while this thread computes, reads or writes, but not while it waits for a processor.
struct Watch {
    started: Instant,
    waited: Duration,
}

impl Watch {
    fn start() -> Self {
        Self { started: Instant::now(), waited: waited() }
    }

    fn secs(&self) -> f64 {
        (self.started.elapsed() - (waited() - self.waited)).as_secs_f64()
    }
}

/// How long this thread has waited for a processor so far, where the system tells.
fn waited() -> Duration {
    let told = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = told.split(' ').nth(1).and_then(|nanos| nanos.parse().ok());
    Duration::from_nanos(nanos.unwrap_or(0))
}

fn spec(settings: &[&str]) -> Outcome<Spec> {
    let mut document = Document::empty("store_speed");
    settings.iter().try_for_each(|setting| document.set(setting))?;
    Ok(Spec::resolve(&document)?)
}

/// A run with its records written and kept and the same without, in turn. The fastest of each are compared, as everything
/// that disturbs a run makes it slower.
fn recording(folder: &Path) -> Outcome<()> {
    let small = ["data.first=1500", "model.hidden=[16]", "steps=500", "engine.threads=1"];
    let settings = [&small[..], &["diagnostics.sharpness_every=0", "diagnostics.curvature=true"]].concat();
    let spec = spec(&settings)?;
    let mut problem = build_problem::<f32>(&spec, &mut DataSets::new(None))?;
    let plan = plan(&spec)?;
    let mut once = |record: &mut dyn FnMut(&Record) -> ControlFlow<StopReason>| -> Outcome<f64> {
        let mut w = problem.initial(0);
        let method = (spec.build_optimizer()?, spec.build_tuner()?);
        let watch = Watch::start();
        train(&plan, &mut *problem.train, &mut w, method, &mut Instruments::none(), record)?;
        Ok(watch.secs() / spec.steps as f64)
    };
    let (mut with, mut without, mut inside) = (f64::INFINITY, f64::INFINITY, Vec::new());
    for round in 0..20 {
        without = without.min(once(&mut |_| ControlFlow::Continue(()))?);
        let mut writer = StepWriter::create(&folder.join(format!("steps-{round}.jsonl")))?;
        let (mut kept, mut spent) = (Vec::new(), Duration::ZERO);
        with = with.min(once(&mut |record| {
            let started = Instant::now();
            kept.push(record.clone());
            let written = writer.append(record);
            spent += started.elapsed();
            match written {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => ControlFlow::Break(StopReason::Failed { step: record.step, error: error.to_string() }),
            }
        })?);
        inside.push(spent.as_secs_f64() / spec.steps as f64);
    }
    let inside = median(inside);
    println!("recording: {:.0} steps per second without it", 1.0 / without);
    let more = 100.0 * (with / without - 1.0);
    println!("  {:.1} us a step without, {:.1} us with: {more:+.2} % (to reach: 2)", without * 1e6, with * 1e6);
    println!("  {:.1} us for a record: {:.2} % of 1000 steps per second", inside * 1e6, inside * 1e5);
    Ok(())
}

/// 10,000 runs, which nobody has registered.
fn listing(folder: &Path) -> Outcome<()> {
    let root = folder.join("runs");
    let tuners = ["cdat", "greedy", "armijo", "polyak"];
    let texts = tuners.map(|tuner| spec(&[&format!("tuner={tuner}")]).map(|spec| spec.to_toml()));
    let record = Record { loss: 2.5, learning_rate: 0.1, cost: 3.0, seconds: 0.1, ..Record::default() };
    for number in 0..10_000 {
        let run = RunDirectory::create(&root.join(format!("run-{number}")))?;
        let text = texts[number % tuners.len()].as_ref().map_err(ToString::to_string)?;
        fs::write(run.spec(), text.replace("seed = 0\n", &format!("seed = {number}\n")))?;
        StepWriter::create(&run.steps())?.append(&record)?;
        let loss = 1.0 / (1.0 + number as f64);
        fs::write(run.summary(), SUMMARY.replace("LOSS", &loss.to_string()))?;
    }
    let watch = Watch::start();
    let (_, runs) = Store::rebuild(&root, &Catalogue::standard())?;
    let index = root.join("index.sqlite");
    println!("listing: {runs} runs, indexed in {:.1} s", watch.secs());
    println!("  index of {:.1} MB", fs::metadata(&index)?.len() as f64 / 1e6);

    let columns = ["id", "folder", "status", "tuner", "steps", "final_loss", "seconds", "started", "tags"];
    let columns = columns.map(str::to_owned);
    let filter = Filter::parse("tuner=cdat and final_loss<0.3 and not seed>9000")?;
    for (what, filter) in [("all of them", None), ("those that fit a filter", Some(&filter))] {
        let selection = Selection { filter, columns: Some(&columns), ..Selection::default() };
        let list = || -> Outcome<(usize, f64)> {
            let watch = Watch::start();
            let rows = Store::open(&root, &Catalogue::standard())?.list(&selection)?;
            Ok((rows.len(), watch.secs()))
        };
        let forgotten = forget(&index);
        let (rows, cold) = list()?;
        let warm = median((0..9).map(|_| Ok(list()?.1)).collect::<Outcome<Vec<_>>>()?);
        let cold_word = if forgotten { "cold" } else { "first" };
        println!("  {what}, {rows}: {:.0} ms {cold_word}, {:.0} ms warm (to reach: 200)", cold * 1e3, warm * 1e3);
    }
    let program = std::env::current_exe()?.with_file_name("../onedge");
    if program.is_file() {
        let mut times = Vec::new();
        for _ in 0..9 {
            let started = Instant::now();
            let status = Command::new(&program).arg("runs").arg("--root").arg(&root).stdout(Stdio::null()).status()?;
            assert!(status.success());
            times.push(started.elapsed().as_secs_f64());
        }
        println!("  the whole program `onedge runs`: {:.0} ms warm, waiting included", median(times) * 1e3);
    }
    Ok(())
}

/// Makes the system forget what it has of a file in memory, where it has the usual tool for that.
fn forget(path: &Path) -> bool {
    let file = format!("of={}", path.display());
    let options = ["oflag=nocache", "conv=notrunc,fdatasync", "count=0", "status=none"];
    Command::new("dd").arg(file).args(options).status().is_ok_and(|status| status.success())
}

fn exporting(folder: &Path) -> Outcome<()> {
    let run = RunDirectory::create(&folder.join("long"))?;
    let mut writer = StepWriter::create(&run.steps())?;
    let records = 1_000_000;
    for step in 0..records {
        // Numbers with all their digits, as runs have them.
        let x = 1.0 / (1.0 + step as f64);
        let spectrum = (step % 10 == 0).then_some(3.0 + x);
        writer.append(&Record {
            step,
            loss: 0.1 + x,
            learning_rate: 0.3 - 0.1 * x,
            gradient_norm: Some(x.sqrt()),
            update_norm: Some(x.sqrt()),
            slope: Some(-x),
            curvature: Some(7.0 * x),
            sharpness: spectrum,
            residual: spectrum.map(|value| value * 1e-4),
            update_cosine: Some(x.sin()),
            products: spectrum.map(|_| 7),
            cost: 3.5 * step as f64,
            seconds: 0.001 * step as f64,
            ..Record::default()
        })?;
    }
    let bytes = fs::metadata(run.steps())?.len();
    println!("exporting: {records} records, {:.0} MB", bytes as f64 / 1e6);
    let sources = [Source { label: "long".to_owned(), run }];
    let mut formats = vec![(Format::Csv, "csv", " (to reach: 2)"), (Format::Json, "json", " (to reach: 2)")];
    formats.push((Format::TensorBoard, "tensorboard", ""));
    if cfg!(feature = "parquet") {
        formats.push((Format::Parquet, "parquet", ""));
    }
    for (format, name, target) in formats {
        let mut times = Vec::new();
        for round in 0..3 {
            let path = folder.join(format!("{name}-{round}"));
            let watch = Watch::start();
            let report = export(&sources, format, &path)?;
            times.push(watch.secs());
            assert_eq!(report.records, records);
            if format.is_folder() { fs::remove_dir_all(&path)? } else { fs::remove_file(&path)? }
        }
        println!("  {name}: {:.2} s{target}", median(times));
    }
    Ok(())
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

const SUMMARY: &str = r#"{
  "name": "cdat", "version": "0.1.0", "stop": {"reason": "steps_done"}, "ended": "2025-11-26T18:00:00Z", "steps": 200,
  "parameters": 9162, "seconds": 1.25, "spectrum_seconds": 0.25, "cost": 800.0, "first_loss": 2.3, "final_loss": LOSS,
  "best_loss": LOSS, "events": {"non_descent": 0, "negative_curvature": 3, "vanishing_denominator": 0},
  "train": {"accuracy": 0.99, "loss": LOSS}, "test": {"accuracy": 0.97, "loss": LOSS}
}
"#;
