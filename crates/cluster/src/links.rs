//! Measures what lies between ranks: messages to and fro between neighbours in the tree, and vectors that are summed by all.

use std::thread;
use std::time::{Duration, Instant};

use onedge_engine::Peers;

use crate::call::Call;
use crate::network::pieces;
use crate::ranks::relatives;
use crate::{Error, Network, Ranks};

/// Two ranks, one right below the other in the tree.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Link {
    /// The upper one.
    pub from: usize,
    /// The lower one.
    pub to: usize,
    /// Seconds until a message without content is there.
    pub latency: f64,
    /// Bytes a second.
    pub bandwidth: f64,
}

/// What was measured between the ranks of a job.
#[derive(Debug, Clone, PartialEq)]
pub struct Links {
    /// How many ranks there are.
    pub ranks: usize,
    /// Each rank with the one right above it, with nothing else between ranks at the time.
    pub pairs: Vec<Link>,
    /// What explains best how long sums take over the whole tree, with what ranks do to send and to add.
    pub tree: Network,
}

/// Bytes of messages to and fro; the largest is a piece of a vector in double precision.
const MESSAGES: [usize; 6] = [8, 1 << 10, 1 << 13, 1 << 16, 1 << 18, 1 << 19];
/// Elements of vectors, in single precision: up to sixteen pieces.
const VECTORS: [usize; 6] = [64, 1 << 10, 1 << 13, 1 << 16, 1 << 18, 1 << 20];
const WIDTH: usize = size_of::<f32>();
/// Rounds of small messages, and of large ones.
const ROUNDS: [u64; 2] = [100, 24];
/// Long enough for the other rank to look less often for messages.
const WAIT: Duration = Duration::from_millis(20);

/// Measures, on rank 0 of two or more, while the others [serve](fn@crate::serve). Of each number of bytes it takes the lower quartile of 24 to
/// 100 rounds, so that what else the machines do counts little. Takes about half a second, and 0.1 s for each rank.
///
/// # Errors
/// What goes wrong between the ranks; an answer that is no time.
///
/// # Panics
/// On another rank than 0, or if there is none beside it.
pub fn measure_links(ranks: &Ranks) -> Result<Links, Error> {
    assert!(ranks.rank() == 0 && ranks.size() > 1, "expected rank 0 of two or more");
    let mut pairs = Vec::new();
    for to in 1..ranks.size() {
        let from = relatives(to, ranks.size()).0.unwrap_or(0);
        let mut samples = Vec::new();
        for bytes in MESSAGES {
            let rounds = if bytes > 1 << 16 { ROUNDS[1] } else { ROUNDS[0] };
            samples.push(([1.0, bytes as f64], 0.5 * echo(ranks, (from, to), bytes, rounds, Duration::ZERO)?));
        }
        let (latency, slowness) = fit(&samples);
        pairs.push(Link { from, to, latency, bandwidth: 1.0 / slowness });
    }
    // The first of the other half: the one to whose subtree rank 0 sends first.
    let other_half = ranks.size().div_ceil(2);
    let (quick, late) =
        (echo(ranks, (0, other_half), 8, 10, Duration::ZERO)?, echo(ranks, (0, other_half), 8, 10, WAIT)?);
    let depth = Network::depth(ranks.size()) as f64;
    let mut samples = Vec::new();
    for len in VECTORS {
        let rounds = if len > 1 << 13 { ROUNDS[1] } else { ROUNDS[0] };
        ranks.tell(Call::Sum { len: len as u64, rounds })?;
        let mut vector = vec![1f32; len];
        let seconds = quartile(rounds, || sum(ranks, &mut vector))?;
        samples.push(([2.0 * depth * pieces(len) as f64, 2.0 * depth * (len * WIDTH) as f64], seconds));
    }
    let (latency, slowness) = fit(&samples);
    let tree = Network { latency, bandwidth: 1.0 / slowness, handling: 0.0, wake: (late - quick).max(0.0) };
    Ok(Links { ranks: ranks.size(), pairs, tree })
}

/// Does the part of another rank than 0.
pub(crate) fn answer(ranks: &Ranks, call: Call) -> Result<(), Error> {
    match call {
        Call::Echo { from, to, bytes, rounds, wait_micros } => {
            let (from, to, rank) = (from as usize, to as usize, ranks.rank());
            if rank == to {
                for _ in 0..rounds {
                    let message = ranks.receive(from)?;
                    ranks.send(from, &message)?;
                }
            } else if rank == from {
                let seconds = to_and_fro(ranks, to, bytes as usize, rounds, Duration::from_micros(wait_micros))?;
                ranks.send(0, &seconds.to_le_bytes())?;
            }
        }
        Call::Sum { len, rounds } => {
            let mut vector = Vec::new();
            for _ in 0..rounds {
                ranks.hear_vector::<f32>(len as usize, &mut vector)?;
                join(ranks, &mut vector)?;
            }
        }
        _ => {}
    }
    Ok(())
}

/// The seconds of a message there and back, between two ranks of which the first is told to measure.
fn echo(ranks: &Ranks, (from, to): (usize, usize), bytes: usize, rounds: u64, wait: Duration) -> Result<f64, Error> {
    let [from_word, to_word, bytes_word, wait_micros] = [from, to, bytes, wait.as_micros() as usize].map(|x| x as u64);
    ranks.tell(Call::Echo { from: from_word, to: to_word, bytes: bytes_word, rounds, wait_micros })?;
    if from == 0 {
        return to_and_fro(ranks, to, bytes, rounds, wait);
    }
    let message = ranks.receive(from)?;
    let misfit = Error::Message { rank: 0, expected: "a time" };
    Ok(f64::from_le_bytes(message.try_into().map_err(|_| misfit)?))
}

fn to_and_fro(ranks: &Ranks, to: usize, bytes: usize, rounds: u64, wait: Duration) -> Result<f64, Error> {
    let message = vec![1; bytes];
    quartile(rounds, || {
        thread::sleep(wait);
        let start = Instant::now();
        ranks.send(to, &message)?;
        ranks.receive(to)?;
        Ok(start.elapsed().as_secs_f64())
    })
}

/// The seconds in which a vector goes down the tree and its sum comes up, on rank 0.
fn sum(ranks: &Ranks, vector: &mut [f32]) -> Result<f64, Error> {
    let start = Instant::now();
    ranks.tell_vector(vector)?;
    join(ranks, vector)?;
    Ok(start.elapsed().as_secs_f64())
}

fn join(ranks: &Ranks, vector: &mut [f32]) -> Result<(), Error> {
    let (rank, host) = (ranks.rank(), ranks.host().to_owned());
    let failed = |source: onedge_objective::Error| Error::Share { rank, host, source: Box::new(source) };
    // As many lanes as ranks, so that each has something to add.
    ranks.join(ranks.size(), vector, &mut []).map_err(failed)
}

/// The lower quartile of so many times.
fn quartile(rounds: u64, mut round: impl FnMut() -> Result<f64, Error>) -> Result<f64, Error> {
    let mut times = (0..rounds.max(1)).map(|_| round()).collect::<Result<Vec<f64>, Error>>()?;
    times.sort_by(f64::total_cmp);
    Ok(times[times.len() / 4])
}

/// `a` and `b` of `time = a x + b y` by least squares of relative errors, neither below 0, and b never 0.
fn fit(samples: &[([f64; 2], f64)]) -> (f64, f64) {
    let sum = |term: &dyn Fn(f64, f64) -> f64| -> f64 {
        samples.iter().map(|([x, y], time)| term(x / time.max(1e-12), y / time.max(1e-12))).sum()
    };
    let (xx, xy, yy) = (sum(&|x, _| x * x), sum(&|x, y| x * y), sum(&|_, y| y * y));
    let (x, y) = (sum(&|x, _| x), sum(&|_, y| y));
    let determinant = xx * yy - xy * xy;
    let (a, b) = ((yy * x - xy * y) / determinant, (xx * y - xy * x) / determinant);
    match (a >= 0.0, b > 0.0) {
        (true, true) => (a, b),
        // What cannot be told from noise: without the one, the other alone.
        (_, true) => (0.0, y / yy),
        _ => {
            let slowest = samples.iter().map(|([_, y], time)| time / y).fold(f64::INFINITY, f64::min);
            (if a.is_finite() { (x / xx).max(0.0) } else { 0.0 }, slowest)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::in_threads;

    #[test]
    fn a_line_is_found_again() {
        let line = |a: f64, b: f64| -> Vec<([f64; 2], f64)> {
            [(1.0, 8.0), (1.0, 4096.0), (2.0, 1e6), (5.0, 3e6)].map(|(x, y)| ([x, y], a * x + b * y)).to_vec()
        };
        let (a, b) = fit(&line(5e-6, 1e-10));
        assert!((a / 5e-6 - 1.0).abs() < 1e-9 && (b / 1e-10 - 1.0).abs() < 1e-9, "{a} {b}");
        // Nothing that would be a time before it began.
        let (a, b) = fit(&[([1.0, 8.0], 1e-9), ([1.0, 1000.0], 9e-6), ([1.0, 2000.0], 30e-6)]);
        assert!(a == 0.0 && b > 0.0, "{a} {b}");
        let (a, b) = fit(&[([1.0, 8.0], 9e-6), ([1.0, 1000.0], 8e-6), ([1.0, 9000.0], 7e-6)]);
        assert!(a > 6e-6 && b > 0.0, "{a} {b}");
    }

    #[test]
    fn every_rank_but_the_first_has_a_link() {
        for size in [2, 3, 6] {
            let links = in_threads(size, |ranks| measure_links(ranks)).unwrap().unwrap();
            let pairs: Vec<(usize, usize)> = links.pairs.iter().map(|link| (link.from, link.to)).collect();
            let expected = match size {
                2 => vec![(0, 1)],
                3 => vec![(0, 1), (0, 2)],
                _ => vec![(0, 1), (0, 2), (0, 3), (3, 4), (3, 5)],
            };
            assert_eq!((links.ranks, pairs), (size, expected));
            let fine = |latency: f64, bandwidth: f64| latency >= 0.0 && bandwidth > 0.0 && bandwidth.is_finite();
            assert!(links.pairs.iter().all(|link| fine(link.latency, link.bandwidth)), "{links:?}");
            assert!(fine(links.tree.latency, links.tree.bandwidth), "{links:?}");
        }
    }

    /// What was measured before an objective leaves nothing that it would stumble over.
    #[test]
    fn ranks_go_on_after_it() {
        let sums = in_threads(4, |ranks| {
            measure_links(ranks).unwrap();
            ranks.tell(Call::Sum { len: 3, rounds: 1 }).unwrap();
            let mut vector = [1.0, 2.0, 3.0];
            sum(ranks, &mut vector).unwrap();
            vector
        });
        assert_eq!(sums.unwrap(), [4.0, 8.0, 12.0]);
    }
}
