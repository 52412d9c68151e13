use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;

use crate::Error;
use crate::kernels::TILE;
use crate::kernels::{Element, accumulate};
use crate::plan::{Plan, Transposed};
use crate::tree;

/// The memory of one lane: its sums over chunks.
#[derive(Debug, Default)]
pub struct Lane<T> {
    /// Sums as long as the parameters, one for each direction of a sweep.
    pub outputs: Vec<Vec<T>>,
    /// Sums of single numbers.
    pub totals: Vec<f64>,
}

/// Memory that a worker needs while it runs a chunk.
#[derive(Debug, Default)]
pub struct Scratch<T> {
    /// For values.
    pub arena: Vec<T>,
    /// For tiles.
    pub tiles: Vec<T>,
    /// For kernels, within one step.
    pub kernels: Vec<T>,
    /// For what is kept of a chunk as long as it is at work.
    pub kept: Vec<T>,
    /// For a gradient that nobody reads.
    pub unread: Vec<T>,
}

impl<T: Element> Scratch<T> {
    /// Grows to what a plan needs.
    pub fn reserve(&mut self, plan: &Plan<T>) {
        let grow = |memory: &mut Vec<T>, len: usize| memory.resize(memory.len().max(len), T::ZERO);
        grow(&mut self.arena, plan.arena_len);
        grow(&mut self.tiles, plan.registers * TILE);
        grow(&mut self.kernels, plan.scratch_len);
    }
}

/// Worker threads and the memory they use.
pub struct Workers<T> {
    pool: rayon::ThreadPool,
    scratch: Mutex<Vec<Scratch<T>>>,
    sums: Mutex<Vec<T>>,
}

/// The workers as those who run pieces of one step at once.
pub struct Team<'a, T> {
    workers: &'a Workers<T>,
    /// Whether to leave out the pieces that are still to come.
    stop: &'a AtomicBool,
}

impl<T: Element> Team<'_, T> {
    /// Runs `work` on every item, each with memory of its own, until the flag to stop is set.
    pub fn for_each<I: Send>(&self, items: &mut [I], work: impl Fn(&mut I, &mut Scratch<T>) + Sync) {
        self.workers.for_each(items, |item, scratch| {
            if !self.stop.load(Ordering::Relaxed) {
                work(item, scratch);
            }
        });
    }

    /// How many they are.
    pub fn threads(&self) -> usize {
        self.workers.pool.current_num_threads()
    }

    /// Lends `len` elements, whatever they hold, that the caller alone uses.
    pub fn with_memory<R>(&self, len: usize, work: impl FnOnce(&mut [T]) -> R) -> R {
        let lock = || self.workers.sums.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut memory = std::mem::take(&mut *lock());
        memory.resize(memory.len().max(len), T::ZERO);
        let result = work(&mut memory[..len]);
        *lock() = memory;
        result
    }
}

impl<T: Element> Workers<T> {
    /// Starts `threads` workers, but no more than there are `lanes`: a thread takes whole lanes, so others would idle.
    pub fn new(threads: usize, lanes: usize) -> Result<Self, Error> {
        Self::team_of(threads.min(lanes))
    }

    /// Starts `threads` workers.
    pub fn team_of(threads: usize) -> Result<Self, Error> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
        Ok(Self { pool, scratch: Mutex::default(), sums: Mutex::default() })
    }

    /// The workers as a team, which ends at the next piece once `stop` is set.
    pub fn team<'a>(&'a self, stop: &'a AtomicBool) -> Team<'a, T> {
        Team { workers: self, stop }
    }

    /// Runs `work` on every item, each with memory of its own.
    pub fn for_each<I: Send>(&self, items: &mut [I], work: impl Fn(&mut I, &mut Scratch<T>) + Sync) {
        let lock = || self.scratch.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        self.pool.install(|| {
            items.par_iter_mut().with_max_len(1).for_each(|item| {
                let mut scratch = lock().pop().unwrap_or_default();
                work(item, &mut scratch);
                lock().push(scratch);
            });
        });
    }

    /// `out <- scale * (sum of the outputs, one of each lane, as a fixed binary tree) + shift * x`, where the outputs hold some matrices
    /// transposed, in the order of their places.
    pub fn reduce(&self, outputs: &[&[T]], transposed: &[Transposed], scale: f64, shift: f64, x: &[T], out: &mut [T]) {
        let (scale, shift) = (T::from_f64(scale), T::from_f64(shift));
        // Reads x only where it counts: these sweeps are bound by memory.
        let finish = |sum: T, x: &T| if shift == T::ZERO { scale * sum } else { scale * sum + shift * *x };
        self.pool.install(|| {
            let (mut done, mut rest) = (0, out);
            for matrix in transposed {
                let (plain, tail) = rest.split_at_mut(matrix.start - done);
                add_plain(outputs, done, plain, x, finish);
                let (turned, tail) = tail.split_at_mut(matrix.rows * matrix.columns);
                add_transposed(outputs, matrix, turned, x, finish);
                (done, rest) = (matrix.start + turned.len(), tail);
            }
            add_plain(outputs, done, rest, x, finish);
        });
    }

    /// `out <- scale * out + shift * x`, what is left to be done to sums that were [reduced](Self::reduce) by 1 and 0, to the same bits.
    pub fn finish(&self, scale: f64, shift: f64, x: &[T], out: &mut [T]) {
        let (scale, shift) = (T::from_f64(scale), T::from_f64(shift));
        self.pool.install(|| {
            out.par_chunks_mut(BLOCK).zip(x.par_chunks(BLOCK)).for_each(|(out, x)| {
                for (out, x) in out.iter_mut().zip(x) {
                    *out = if shift == T::ZERO { scale * *out } else { scale * *out + shift * *x };
                }
            });
        });
    }
}

/// Elements of a parallel piece of work: of each lane, what stays in the cache.
const BLOCK: usize = 4096;

/// `out <- finish(sum of the lanes' outputs, x)` from element `start` on.
fn add_plain<T: Element>(lanes: &[&[T]], start: usize, out: &mut [T], x: &[T], finish: impl Fn(T, &T) -> T + Sync) {
    out.par_chunks_mut(BLOCK).enumerate().for_each(|(i, out)| {
        let range = start + i * BLOCK..start + i * BLOCK + out.len();
        add_block(lanes, &range, out);
        for (out, x) in out.iter_mut().zip(&x[range]) {
            *out = finish(*out, x);
        }
    });
}

/// `out <- sum of a block of the lanes' outputs`: all lanes of a block in one pass, while it stays in the cache.
fn add_block<T: Element>(lanes: &[&[T]], range: &Range<usize>, out: &mut [T]) {
    match lanes {
        [] => out.fill(T::ZERO),
        [lane] => out.copy_from_slice(&lane[range.clone()]),
        _ => {
            let (left, right) = lanes.split_at(tree::left(lanes.len()));
            add_block(left, range, out);
            if let [lane] = right {
                accumulate(&lane[range.clone()], out, true);
            } else {
                let mut block = [T::ZERO; BLOCK];
                add_block(right, range, &mut block[..out.len()]);
                accumulate(&block[..out.len()], out, true);
            }
        }
    }
}

/// The same for a matrix that the lanes hold transposed.
fn add_transposed<T: Element>(
    lanes: &[&[T]],
    matrix: &Transposed,
    out: &mut [T],
    x: &[T],
    finish: impl Fn(T, &T) -> T + Sync,
) {
    /// Rows turned at once: one cache line of each column.
    const ROWS: usize = 16;
    let Transposed { start, rows, columns } = *matrix;
    out.par_chunks_mut(ROWS * columns).enumerate().for_each(|(block, out)| {
        let height = out.len() / columns;
        let x = &x[start + block * ROWS * columns..];
        for column in 0..columns {
            let from = start + column * rows + block * ROWS;
            let part = |lane: &&[T]| {
                let mut part = [T::ZERO; ROWS];
                part[..height].copy_from_slice(&lane[from..from + height]);
                part
            };
            let add = |mut left: [T; ROWS], right: [T; ROWS]| {
                for (left, right) in left.iter_mut().zip(right) {
                    *left += right;
                }
                left
            };
            let sum = tree::fold(lanes, &part, &add).unwrap_or([T::ZERO; ROWS]);
            for (row, sum) in sum[..height].iter().enumerate() {
                let place = row * columns + column;
                out[place] = finish(*sum, &x[place]);
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_threads_than_lanes() {
        assert_eq!(Workers::<f32>::new(100_000, 3).unwrap().pool.current_num_threads(), 3);
        assert_eq!(Workers::<f32>::new(2, 4).unwrap().pool.current_num_threads(), 2);
    }
}
