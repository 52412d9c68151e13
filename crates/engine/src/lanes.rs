use std::sync::Mutex;

use rayon::prelude::*;

use crate::Error;
use crate::kernels::Element;
use crate::run::TILE;

/// The memory of one lane: its sums over chunks.
#[derive(Debug, Default)]
pub struct Lane<T> {
    /// A sum as long as the parameters.
    pub output: Vec<T>,
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
}

impl<T: Element> Scratch<T> {
    /// Grows to what a plan needs.
    pub fn reserve(&mut self, arena_len: usize, registers: usize) {
        let grow = |memory: &mut Vec<T>, len: usize| memory.resize(memory.len().max(len), T::ZERO);
        grow(&mut self.arena, arena_len);
        grow(&mut self.tiles, registers * TILE);
    }
}

/// Worker threads and the memory they use.
pub struct Workers<T> {
    pool: rayon::ThreadPool,
    scratch: Mutex<Vec<Scratch<T>>>,
}

impl<T: Element> Workers<T> {
    /// Starts `threads` workers.
    pub fn new(threads: usize) -> Result<Self, Error> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
        Ok(Self { pool, scratch: Mutex::new(Vec::new()) })
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

    /// `out <- scale * (sum of the lanes' outputs, in order) + shift * x`
    pub fn reduce(&self, lanes: &[Lane<T>], scale: f64, shift: f64, x: &[T], out: &mut [T]) {
        const BLOCK: usize = 8192;
        let (scale, shift) = (T::from_f64(scale), T::from_f64(shift));
        self.pool.install(|| {
            out.par_chunks_mut(BLOCK).enumerate().for_each(|(i, out)| {
                let range = i * BLOCK..i * BLOCK + out.len();
                out.copy_from_slice(&lanes[0].output[range.clone()]);
                for lane in &lanes[1..] {
                    for (out, part) in out.iter_mut().zip(&lane.output[range.clone()]) {
                        *out += *part;
                    }
                }
                for (out, x) in out.iter_mut().zip(&x[range]) {
                    *out = scale * *out + shift * *x;
                }
            });
        });
    }
}
