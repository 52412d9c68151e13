use std::fmt::Write;
use std::path::PathBuf;

use onedge_cluster::{Links, Network};
use onedge_run::forecast::{Forecast, MOST_RANKS, OverRanks, forecast, over_ranks};
use onedge_spec::{Catalogue, Spec};
use onedge_text::table::number;
use serde_json::{Value, json};

use crate::program::code::Code;
use crate::program::console;
use crate::program::exit::Misuse;
use crate::program::progress::Rows;
use crate::program::specs::{Overrides, warn_of_foresights};
use crate::program::units;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The spec of the run: a TOML file, or another run (folder, name or id) [default: the defaults]
    spec: Option<PathBuf>,
    #[command(flatten)]
    overrides: Overrides,
    /// Predict a step on so many ranks, too, like 1,2,8,64
    #[arg(long, value_name = "LIST")]
    ranks: Option<String>,
    /// How long a message takes between two ranks, like 5us or 0.1ms; with --ranks
    #[arg(long, value_name = "TIME", conflicts_with = "measure_network")]
    latency: Option<String>,
    /// How much goes from one rank to another in a second, like 10GB/s or 25Gbit/s; with --ranks
    #[arg(long, value_name = "RATE", conflicts_with = "measure_network")]
    bandwidth: Option<String>,
    /// Measure both between the ranks of this job: under mpirun, in a program with the feature mpi [--ranks: its powers of two]
    #[arg(long)]
    measure_network: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What is predicted over ranks, and how the network is known.
struct Asked {
    ranks: Vec<usize>,
    network: Network,
    links: Option<Links>,
}

pub fn run(args: &Args, catalogue: &Catalogue) -> anyhow::Result<Code> {
    let ranks = args.ranks.as_deref().map(ranks_of).transpose()?;
    let named = args.network(ranks.is_some())?;
    let spec = Spec::resolve(&args.overrides.document(args.spec.as_deref(), catalogue)?)?;
    let rows = Rows::new(false);
    warn_of_foresights([&spec], &*rows.warnings());
    // The share of one process is measured here, whoever else there is.
    let mut data_sets = args.overrides.cache.own_data_sets(&rows);
    let asked = if args.measure_network {
        let links = measured()?;
        let ranks = ranks.unwrap_or_else(|| powers_to(links.ranks));
        Some(Asked { ranks, network: links.tree, links: Some(links) })
    } else {
        let of_named =
            |((latency, bandwidth), ranks)| Asked { ranks, network: Network::new(latency, bandwidth), links: None };
        named.zip(ranks).map(of_named)
    };
    let forecast = forecast(&spec, &mut data_sets)?;
    let over =
        asked.as_ref().map(|asked| over_ranks(&spec, &mut data_sets, &asked.ranks, &asked.network)).transpose()?;
    let links = asked.and_then(|asked| asked.links);
    if args.json {
        console::data(&(serde_json::to_string_pretty(&to_json(&forecast, over.as_ref(), links.as_ref())?)? + "\n"));
    } else {
        let links = links.as_ref().map(text_of).unwrap_or_default();
        let over = over.map(|over| format!("\n{links}{}", over.to_text())).unwrap_or_default();
        console::result(&(forecast.to_text() + &over));
    }
    Ok(Code::Done)
}

impl Args {
    /// Latency and bandwidth, where the command line names them.
    fn network(&self, has_ranks: bool) -> Result<Option<(f64, f64)>, Misuse> {
        let wrong =
            |option, expected: &str, got: &str| Misuse { option, expected: expected.to_owned(), got: got.to_owned() };
        let latency = self.latency.as_deref().map(|text| {
            units::seconds(text)
                .ok_or_else(|| wrong("--latency", "a time above 0 with its unit, like 5us, 0.1ms or 1s", text))
        });
        let bandwidth = self.bandwidth.as_deref().map(|text| {
            let expected = "a rate above 0 with its unit, like 10GB/s, 800MB/s, 1GiB/s or 25Gbit/s";
            units::bytes_a_second(text).ok_or_else(|| wrong("--bandwidth", expected, text))
        });
        match (latency.transpose()?, bandwidth.transpose()?) {
            (Some(latency), Some(bandwidth)) if has_ranks => Ok(Some((latency, bandwidth))),
            (None, None) if !has_ranks || self.measure_network => Ok(None),
            (latency, bandwidth) if has_ranks => {
                let missing = match (latency, bandwidth) {
                    (Some(_), _) => "no --bandwidth",
                    (_, Some(_)) => "no --latency",
                    _ => "neither",
                };
                Err(wrong("--ranks", "--latency and --bandwidth beside it, or --measure-network under mpirun", missing))
            }
            _ => Err(wrong("--ranks", "a list like 1,2,8,64 with --latency and --bandwidth", "none")),
        }
    }
}

fn ranks_of(list: &str) -> Result<Vec<usize>, Misuse> {
    let number = |text: &str| text.trim().parse().ok().filter(|ranks| (1..=MOST_RANKS).contains(ranks));
    let ranks: Option<Vec<usize>> = list.split(',').map(number).collect();
    ranks.ok_or_else(|| {
        let expected = format!("numbers from 1 to {MOST_RANKS} with commas between, like 1,2,8,64");
        let got = if list.is_empty() { "nothing" } else { list };
        Misuse { option: "--ranks", expected, got: got.to_owned() }
    })
}

/// 1, 2, 4, ... and the number itself.
fn powers_to(most: usize) -> Vec<usize> {
    (0..usize::BITS).map(|power| 1 << power).take_while(|ranks| *ranks < most).chain([most]).collect()
}

#[cfg(feature = "mpi")]
fn measured() -> anyhow::Result<Links> {
    let ranks = crate::program::cluster::ranks().ok_or_else(|| Misuse {
        option: "--measure-network",
        expected: "two ranks or more, like `mpirun -n 2 onedge plan --measure-network`".to_owned(),
        got: "one process".to_owned(),
    })?;
    Ok(onedge_cluster::measure_links(ranks)?)
}

#[cfg(not(feature = "mpi"))]
fn measured() -> anyhow::Result<Links> {
    Err(Misuse {
        option: "--measure-network",
        expected: "a program with the feature mpi (`cargo build --release -p onedge --features mpi`) under mpirun, or --latency and \
                   --bandwidth in its place"
            .to_owned(),
        got: "a program without it".to_owned(),
    }
    .into())
}

fn to_json(forecast: &Forecast, over: Option<&OverRanks>, links: Option<&Links>) -> serde_json::Result<Value> {
    let mut value = serde_json::to_value(forecast)?;
    if let Some(over) = over {
        value["over_ranks"] = serde_json::to_value(over)?;
    }
    if let Some(links) = links {
        let pair = |link: &onedge_cluster::Link| json!({ "from": link.from, "to": link.to, "latency": link.latency, "bandwidth": link.bandwidth });
        let Network { latency, bandwidth, wake, .. } = links.tree;
        value["network"] = json!({
            "ranks": links.ranks,
            "pairs": links.pairs.iter().map(pair).collect::<Vec<_>>(),
            "tree": { "latency": latency, "bandwidth": bandwidth, "wake": wake },
        });
    }
    Ok(value)
}

/// What was measured: of pairs the quickest and the slowest.
fn text_of(links: &Links) -> String {
    let mut out = format!("measured between {} ranks:\n", links.ranks);
    let microseconds = |seconds: f64| number(Some(1e6 * seconds));
    let rate = |bandwidth: f64| number(Some(bandwidth / 1e9));
    let bounds = |of: fn(&onedge_cluster::Link) -> f64| {
        let all = links.pairs.iter().map(of);
        (all.clone().fold(f64::INFINITY, f64::min), all.fold(0.0, f64::max))
    };
    let ((quick, slow), (narrow, wide)) = (bounds(|link| link.latency), bounds(|link| link.bandwidth));
    let _ = match links.pairs.len() {
        1 => writeln!(out, "  a message to and fro: {} us and {} GB/s", microseconds(quick), rate(wide)),
        pairs => writeln!(
            out,
            "  a message to and fro, of {pairs} pairs: {} to {} us and {} to {} GB/s",
            microseconds(quick),
            microseconds(slow),
            rate(narrow),
            rate(wide)
        ),
    };
    let Network { latency, bandwidth, wake, .. } = links.tree;
    let _ = writeln!(
        out,
        "  a sum over all, by level of the tree: {} us and {} GB/s, with packing and adding; {} us more after a long wait\n",
        microseconds(latency),
        rate(bandwidth),
        microseconds(wake)
    );
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_ranks() {
        assert_eq!(ranks_of("1,2, 8,64,1024").unwrap(), [1, 2, 8, 64, 1024]);
        for list in ["", "0", "1,,2", "2,-1", "two", "1.5", "65537", "1 2"] {
            let error = ranks_of(list).unwrap_err().to_string();
            assert!(error.starts_with("--ranks: expected numbers from 1 to 65536 with commas between"), "{error}");
        }
        assert_eq!(powers_to(2), [1, 2]);
        assert_eq!(powers_to(6), [1, 2, 4, 6]);
    }
}
