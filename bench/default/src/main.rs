//! The suite that chose the default tuner, and judges it: cells of problem, optimizer and batch size from real data, and rivals
//! that need no learning rate, at equal cost.
#![forbid(unsafe_code)]

mod cells;
mod methods;
mod photographs;
mod report;
mod results;
mod sources;
mod trial;

use std::error::Error;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use clap::Parser;
use onedge_run::DataSets;

use cells::{Half, Suite};
use methods::{Method, methods};
use results::Results;
use sources::Sources;

#[derive(Parser)]
#[command(
    about = "Runs the methods of methods.toml on the cells of cells.toml; what is in the results already is not run again"
)]
struct Arguments {
    /// Results, one line for each run; appended to
    #[arg(long, default_value = "bench/default/results.csv")]
    results: PathBuf,
    /// Folder that holds cifar-10, fashion-mnist and tiny-shakespeare; without it only cells with built-in data run
    #[arg(long)]
    data: Option<PathBuf>,
    /// Where to write what is needed between runs
    #[arg(long, default_value = "target/default-suite")]
    work: PathBuf,
    /// Which cells
    #[arg(long, value_enum, default_value = "all")]
    half: Half,
    /// Methods of methods.toml whose names begin with one of these, separated by commas; all if not given
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// A method of one's own, as NAME: CURVATURES A STEP: assignments separated by spaces; may be repeated
    #[arg(long)]
    method: Vec<String>,
    /// Cells whose names contain one of these, separated by commas
    #[arg(long, value_delimiter = ',')]
    cells: Vec<String>,
    /// Seeds 0 to this, exclusive
    #[arg(long, default_value_t = 3)]
    seeds: u64,
    /// Runs at a time, each on one thread
    #[arg(long, default_value_t = 2)]
    jobs: usize,
    /// Run nothing: print the tables of the results that are there
    #[arg(long)]
    report: bool,
    /// With --report, draw the performance profile here (SVG or PNG)
    #[arg(long)]
    picture: Option<PathBuf>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let suite = Suite::new();
    if arguments.report {
        print!("{}", report::report(&suite, &arguments.results, arguments.half, arguments.picture.as_deref())?);
        return Ok(());
    }
    let sources = Sources::new(arguments.data.as_deref(), &arguments.work)?;
    let own = arguments.method.iter().map(|text| own(text)).collect::<Result<Vec<_>, _>>()?;
    let mut jobs = Vec::new();
    let results = Mutex::new(Results::open(&arguments.results)?);
    for cell in suite.cells(arguments.half) {
        if !sources.has(&cell.problem, &suite)
            || !(arguments.cells.is_empty() || arguments.cells.iter().any(|part| cell.name().contains(part.as_str())))
        {
            continue;
        }
        let known = methods(cell).into_iter().filter(|method| {
            let wanted = arguments.only.iter().any(|begin| method.name.starts_with(begin.as_str()));
            wanted || arguments.only.is_empty() && own.is_empty()
        });
        for method in known.chain(own.iter().cloned()) {
            for seed in 0..arguments.seeds {
                if !results.lock().expect("no run panics").has(&cell.name(), &method.name, seed) {
                    jobs.push((cell, method.clone(), seed));
                }
            }
        }
    }
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..arguments.jobs {
            scope.spawn(|| {
                let mut data = DataSets::new(Some(arguments.work.clone()));
                while let Some((cell, method, seed)) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    match trial::run(&suite, cell, method, *seed, &sources, &mut data) {
                        Ok(trial) => {
                            results.lock().expect("no run panics").add(&cell.name(), &method.name, *seed, &trial)
                        }
                        Err(error) => eprintln!("{}, {}, seed {seed}: {error}", cell.name(), method.name),
                    }
                }
            });
        }
    });
    Ok(())
}

/// `NAME: CURVATURES A STEP: assignments`.
fn own(text: &str) -> Result<Method, Box<dyn Error>> {
    let parts: Vec<&str> = text.splitn(3, ':').map(str::trim).collect();
    let [name, curvature, set] = parts[..] else {
        return Err(format!("--method: expected `NAME: CURVATURES A STEP: assignments`, got `{text}`").into());
    };
    let set = set.split_whitespace().map(str::to_owned).collect();
    Ok(Method { name: name.to_owned(), set, adaptive: Vec::new(), plain: Vec::new(), curvature: curvature.parse()? })
}
