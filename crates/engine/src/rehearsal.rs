use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use onedge_objective::{Error as Failure, Objective};

use crate::chunks::Chunk;
use crate::lanes::Workers;
use crate::objective::{DataObjective, Keeps};
use crate::shifted::shift;
use crate::sweep::Stage;
use crate::tree::share;
use crate::{Element, Error, Peers};

/// What the busiest of several processes has to do for its lanes of a batch, with nothing between the processes: times of stages, measured on some of its
/// chunks, and sizes.
#[derive(Debug, Clone, PartialEq)]
pub struct Rehearsal {
    /// Lanes of the whole batch.
    pub lanes: usize,
    /// Those of the process.
    pub own_lanes: usize,
    /// Its examples.
    pub examples: usize,
    /// Its chunks.
    pub chunks: usize,
    /// Those of which it keeps what later stages need.
    pub chunks_kept: usize,
    /// The processes that have no lane.
    pub idle: usize,
    /// The examples of each process.
    pub examples_of_each: Vec<usize>,
    /// Bytes of its memory beside the examples.
    pub memory_bytes: u64,
    /// Values of an example in each of its fields.
    pub widths: Vec<usize>,
    /// Values of each field that all examples share.
    pub shared: Vec<usize>,
    /// Seconds of a gradient that keeps nothing for later stages.
    pub gradient: f64,
    /// Seconds of one that does.
    pub keeping: f64,
    /// Seconds of a curvature after that.
    pub curvature: f64,
    /// Seconds of a Hessian-vector product.
    pub product: f64,
}

impl Rehearsal {
    /// Takes the times of another one of the same share where they are shorter.
    pub fn take_shorter(&mut self, other: &Self) {
        let own = [&mut self.gradient, &mut self.keeping, &mut self.curvature, &mut self.product];
        let others = [other.gradient, other.keeping, other.curvature, other.product];
        own.into_iter().zip(others).for_each(|(own, other)| *own = own.min(other));
    }
}

/// One of several processes of which there are no others.
struct Alone {
    member: usize,
    members: usize,
}

impl<T> Peers<T> for Alone {
    fn lanes(&self, lanes: usize) -> Range<usize> {
        share(lanes, self.member, self.members)
    }

    fn join(&self, _: usize, _: &mut [T], _: &mut [f64]) -> Result<(), Failure> {
        Ok(())
    }
}

/// Shortest seconds of a gradient, a gradient that keeps, a curvature and a product.
type Times = [f64; 4];

impl<T: Element> DataObjective<T> {
    /// Measures what the busiest of `members` processes would do for the selected examples cut into `lanes` lanes, for about so many `seconds`: on some of its
    /// chunks, from which the others follow. Each time is the shortest of several. The objective is as before, but no longer linearised.
    ///
    /// Cost: a copy of the examples of that process, and two rounds of all stages at least, each over as many chunks as there are threads.
    ///
    /// # Errors
    /// [`Failure::Length`], chunks that cannot be planned, 0 lanes or members.
    pub fn rehearse(
        &mut self,
        (lanes, members): (usize, usize),
        w: &[T],
        u: &[T],
        seconds: f64,
    ) -> Result<Rehearsal, Failure> {
        Failure::require_length("w", self.sweeps.dim, w.len())?;
        Failure::require_length("u", self.sweeps.dim, u.len())?;
        self.require_alone("rehearse").map_err(other)?;
        for (option, got) in [("lanes", lanes), ("members", members)] {
            if got == 0 {
                return Err(other(Error::Option { option, expected: "at least 1", got }));
            }
        }
        let before =
            (self.sweeps.options.clone(), self.sweeps.examples.clone(), self.sweeps.batch.clone(), self.part.take());
        self.sweeps.options.lanes = lanes;
        let measured = self.rehearse_at(members, w, u, seconds);
        (self.sweeps.options, self.sweeps.examples, self.sweeps.batch, self.part) = before;
        (self.sweeps.peers, self.sweeps.all_examples, self.keeps) = (None, None, Keeps::All);
        let restored = self.restart_workers().and_then(|()| self.cut().map_err(other));
        let measured = measured?;
        restored.map(|()| measured)
    }

    fn restart_workers(&mut self) -> Result<(), Failure> {
        let (threads, lanes) = (self.sweeps.options.threads, self.sweeps.options.lanes);
        if !self.sweeps.in_pieces {
            self.sweeps.workers = Workers::new(threads, lanes).map_err(other)?;
        }
        Ok(())
    }

    fn rehearse_at(&mut self, members: usize, w: &[T], u: &[T], seconds: f64) -> Result<Rehearsal, Failure> {
        self.restart_workers()?;
        let (examples, threads) = (self.sweeps.batch().clone(), self.sweeps.options.threads);
        let chunks = self.all_chunks(examples.len(), None);
        let of_lane = lanes_of(&chunks);
        let all_lanes = of_lane.len();
        let own = |member: usize| share(all_lanes, member, members);
        let counts: Vec<usize> = (0..members).map(|member| of_lane[own(member)].iter().sum()).collect();
        // The first of those with as many: rank 0, unless halves are unequal.
        let busiest = (0..members).rev().max_by_key(|&member| busy(&of_lane[own(member)], threads)).unwrap_or(0);
        if members > 1 {
            let own = own(busiest);
            let chunks = chunks.iter().filter(|chunk| own.contains(&chunk.lane));
            let indices: Vec<usize> = chunks.flat_map(|chunk| chunk.start..chunk.start + chunk.len).collect();
            self.sweeps.peers = Some(Arc::new(Alone { member: busiest, members }));
            self.take_share(examples.select(&indices).map_err(other)?, examples.len(), None).map_err(other)?;
        } else {
            self.cut().map_err(other)?;
        }
        let (memory_bytes, chunks_kept) = (self.memory_bytes(), self.sweeps.chunks_kept());
        let all = self.sweeps.chunks.clone();
        let [gradient, keeping, curvature, product] = self.time_stages(&all, chunks_kept, w, u, seconds)?;
        Ok(Rehearsal {
            lanes: all_lanes,
            own_lanes: self.sweeps.lanes.len(),
            examples: counts[busiest],
            chunks: all.len(),
            chunks_kept,
            idle: counts.iter().filter(|&&count| count == 0).count(),
            examples_of_each: counts,
            memory_bytes,
            widths: examples.fields().iter().map(|field| field.width).collect(),
            shared: examples.shared().iter().map(|values| values.len()).collect(),
            gradient,
            keeping,
            curvature,
            product,
        })
    }

    /// The seconds that all chunks take, `chunks_kept` of them kept.
    fn time_stages(
        &mut self,
        all: &[Chunk],
        chunks_kept: usize,
        w: &[T],
        u: &[T],
        seconds: f64,
    ) -> Result<Times, Failure> {
        let threads = self.sweeps.threads();
        let mut order = all.to_vec();
        // The first chunk of each lane, then the second ones: as even a load for the threads as that of all.
        let before = |chunk: &Chunk| all.iter().filter(|c| c.lane == chunk.lane && c.start < chunk.start).count();
        order.sort_by_cached_key(|chunk| (before(chunk), chunk.lane));
        let fixed = self.time_without_chunks(&order, w, u)?;
        let mut sum = [0.0; 4];
        let budget = self.sweeps.options.memory_bytes;
        let kinds = [(budget, chunks_kept), (0, all.len() - chunks_kept)].into_iter().filter(|(_, chunks)| *chunks > 0);
        for (budget, chunks) in kinds {
            self.sweeps.options.memory_bytes = budget;
            let part = chunks as f64 / all.len() as f64;
            let (times, some) = self.time_some(&order[..chunks], seconds * part, w, u)?;
            let scale = busy(&lanes_of(all), threads) as f64 / busy(&lanes_of(&order[..some]), threads).max(1) as f64;
            for ((sum, time), fixed) in sum.iter_mut().zip(times).zip(fixed) {
                *sum += part * (fixed + (time - fixed).max(0.0) * scale);
            }
        }
        Ok(sum)
    }

    /// The seconds that the first so many of `chunks` take, and how many these are.
    fn time_some(&mut self, chunks: &[Chunk], seconds: f64, w: &[T], u: &[T]) -> Result<(Times, usize), Failure> {
        let threads = self.sweeps.threads();
        let mut some = threads.min(chunks.len());
        loop {
            self.sweeps.chunks = chunks[..some].to_vec();
            // The first pass fills caches and memory.
            self.time_once(w, u)?;
            let once: f64 = self.time_once(w, u)?.iter().sum();
            // A few milliseconds tell little: more chunks, while there is time for several rounds of them.
            if some == chunks.len() || once > 0.05 * seconds {
                return Ok((self.time_for(seconds, w, u)?, some));
            }
            let more = (0.1 * seconds / once.max(1e-6)).clamp(2.0, 64.0);
            some = ((some as f64 * more) as usize).next_multiple_of(threads).min(chunks.len());
        }
    }

    fn time_for(&mut self, seconds: f64, w: &[T], u: &[T]) -> Result<Times, Failure> {
        let (start, mut best, mut rounds) = (Instant::now(), [f64::INFINITY; 4], 0);
        while rounds < 2 || (start.elapsed().as_secs_f64() < seconds && rounds < 200) {
            let times = self.time_once(w, u)?;
            best.iter_mut().zip(times).for_each(|(best, time)| *best = best.min(time));
            rounds += 1;
        }
        Ok(best)
    }

    fn time_once(&mut self, w: &[T], u: &[T]) -> Result<Times, Failure> {
        let mut out = vec![T::ZERO; w.len()];
        self.keeps = Keeps::Nothing;
        let gradient = timed(|| self.linearize(w, &mut out))?;
        self.keeps = Keeps::All;
        let keeping = timed(|| self.linearize(w, &mut out))?;
        let curvature = timed(|| self.curvature(u))?;
        let product = timed(|| self.hessian_vector(u, &mut out))?;
        Ok([gradient, keeping, curvature, product])
    }

    /// What stages take whatever the number of examples: sums of lanes, the direction.
    fn time_without_chunks(&mut self, order: &[Chunk], w: &[T], u: &[T]) -> Result<Times, Failure> {
        let (mut out, mut direction) = (vec![T::ZERO; w.len()], Vec::new());
        self.sweeps.chunks = order[..1].to_vec();
        let [mut vector, mut shifted] = [f64::INFINITY; 2];
        for _ in 0..3 {
            let sum = timed(|| {
                self.sweeps.sweep_some(w, &[&[]], 1, Stage::Linearize, &mut [], &|_, _| false)?;
                self.sweeps.reduce(1, &self.sweeps.first_compiled().transposed_gradient, w, &mut out).map(|_| 0.0)
            })?;
            vector = vector.min(sum);
            shifted = shifted.min(timed(|| {
                shift(w, u, &self.sweeps.parameters, &mut direction);
                Ok(())
            })?);
        }
        Ok([vector, vector, shifted, vector])
    }
}

/// The examples of each lane.
fn lanes_of(chunks: &[Chunk]) -> Vec<usize> {
    let mut of_lane = vec![0; chunks.iter().map(|chunk| chunk.lane + 1).max().unwrap_or(0)];
    chunks.iter().for_each(|chunk| of_lane[chunk.lane] += chunk.len);
    of_lane
}

/// The examples of the thread that has most, where each takes the next lane, of so many examples, as soon as it is free.
fn busy(of_lane: &[usize], threads: usize) -> usize {
    let mut of_thread = vec![0; threads.max(1)];
    for examples in of_lane {
        if let Some(least) = of_thread.iter_mut().min() {
            *least += examples;
        }
    }
    of_thread.into_iter().max().unwrap_or(0)
}

/// The seconds that a stage takes. What it comes to does not matter.
fn timed<R>(stage: impl FnOnce() -> Result<R, Failure>) -> Result<f64, Failure> {
    let start = Instant::now();
    match stage() {
        Ok(_) | Err(Failure::NonFinite { .. }) => Ok(start.elapsed().as_secs_f64()),
        Err(error) => Err(error),
    }
}

fn other(error: Error) -> Failure {
    Failure::Other(Box::new(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_take_the_next_lane() {
        let lanes = [32, 16, 16, 8];
        assert_eq!([1, 2, 3, 4, 9].map(|threads| busy(&lanes, threads)), [72, 40, 32, 32, 32]);
        assert_eq!(busy(&[], 2), 0);
    }
}
