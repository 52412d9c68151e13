use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use onedge_engine::share;
use onedge_objective::{Error as Failure, Real, Shelf, Slot};
use onedge_spectrum::pieces::{self, PIECE, Sweep, Team};

use crate::call::{Call, Work};
use crate::{Error, Ranks};

/// What one rank has of stored vectors: the same whole pieces of each.
pub(crate) struct Pieces<T> {
    team: Team,
    stored: HashMap<u64, Vec<T>>,
    /// The part of the vector that is worked on.
    part: Vec<T>,
}

/// What work gave on one rank.
pub(crate) struct Given<T> {
    /// Of every piece, piece after piece.
    pub(crate) numbers: Vec<f64>,
    pub(crate) part: Vec<T>,
}

impl<T: Real> Pieces<T> {
    /// Nothing stored yet; `threads` work on vectors of which this rank has about `len` elements.
    pub(crate) fn new(threads: usize, len: usize) -> Result<Self, Failure> {
        let team = Team::new(threads, len).map_err(|error| Failure::Other(Box::new(error)))?;
        Ok(Self { team, stored: HashMap::new(), part: Vec::new() })
    }

    /// Takes the own part of the vector that comes with the work.
    pub(crate) fn load(&mut self, part: Vec<T>) {
        self.part = part;
    }

    /// Does the own part of some work with the vectors `slots`.
    pub(crate) fn work(&mut self, work: Work, slots: &[u64], numbers: &[f64]) -> Result<Given<T>, Failure> {
        let Self { team, stored, part } = self;
        let missing = || Failure::Other("a stored vector that is not there".into());
        let nothing = Given { numbers: Vec::new(), part: Vec::new() };
        match (work, slots) {
            (Work::Put, &[slot, ..]) => {
                stored.insert(slot, std::mem::take(part));
                return Ok(nothing);
            }
            (Work::Free, _) => {
                slots.iter().for_each(|slot| drop(stored.remove(slot)));
                return Ok(nothing);
            }
            (Work::Rotate, _) => {
                let taken: Option<Vec<Vec<T>>> = slots.iter().map(|slot| stored.remove(slot)).collect();
                let mut vectors = taken.ok_or_else(missing)?;
                let columns: Vec<Vec<f64>> = numbers.chunks(slots.len().max(1)).map(<[f64]>::to_vec).collect();
                pieces::rotate(team, &mut vectors, &columns);
                stored.extend(slots.iter().copied().zip(vectors));
                return Ok(nothing);
            }
            _ => {}
        }
        let vectors: Option<Vec<&[T]>> = slots.iter().map(|slot| stored.get(slot).map(Vec::as_slice)).collect();
        let vectors = vectors.ok_or_else(missing)?;
        let mut sweep = |sweep: Sweep| sweep.run(team, &vectors, part);
        let numbers = match work {
            Work::Get | Work::Combine => {
                let part = if work == Work::Get { vectors[0].to_vec() } else { pieces::combine(numbers, &vectors) };
                return Ok(Given { numbers: Vec::new(), part });
            }
            Work::Dots => pieces::dots(team, &vectors, part),
            Work::Project => sweep(Sweep::Project),
            Work::ProjectAgain => sweep(Sweep::ProjectAgain(numbers)),
            Work::Finish => sweep(Sweep::Finish(numbers)),
            Work::Put | Work::Free | Work::Rotate => return Err(missing()),
        };
        let part = if work == Work::Finish { std::mem::take(part) } else { Vec::new() };
        Ok(Given { numbers, part })
    }
}

/// The elements of a vector of `len` that a rank stores.
pub(crate) fn range(ranks: &Ranks, rank: usize, len: usize) -> Range<usize> {
    let own = share(len.div_ceil(PIECE), rank, ranks.size());
    (own.start * PIECE).min(len)..(own.end * PIECE).min(len)
}

/// The numbers that a rank with these elements of a vector gives.
pub(crate) fn numbers(work: Work, range: &Range<usize>, slots: usize) -> usize {
    let each = match work {
        Work::Dots | Work::Project | Work::ProjectAgain => slots,
        Work::Finish => 1,
        Work::Put | Work::Get | Work::Free | Work::Combine | Work::Rotate => 0,
    };
    each * range.len().div_ceil(PIECE)
}

/// Vectors that are stored in pieces on all ranks, as rank 0 sees them.
pub(crate) struct Shared<T> {
    ranks: Arc<Ranks>,
    /// The objective that they belong to.
    id: u64,
    threads: usize,
    own: Option<Pieces<T>>,
    slots: u64,
    free: Arc<Mutex<Vec<u64>>>,
}

impl<T: Real> Shared<T> {
    pub(crate) fn new(ranks: &Arc<Ranks>, id: u64, threads: usize) -> Self {
        Self { ranks: Arc::clone(ranks), id, threads, own: None, slots: 0, free: Arc::default() }
    }

    /// Frees on all ranks what is not needed any more.
    pub(crate) fn sweep_up(&mut self) -> Result<(), Failure> {
        let freed = std::mem::take(&mut *self.free.lock().unwrap_or_else(PoisonError::into_inner));
        if freed.is_empty() {
            return Ok(());
        }
        self.tell(Work::Free, 0, &freed, &[])?;
        let own = self.own.as_mut().map(|own| own.work(Work::Free, &freed, &[]));
        own.transpose().map(drop)
    }

    fn tell(&self, work: Work, len: usize, slots: &[u64], numbers: &[f64]) -> Result<(), Error> {
        let (count, also) = (slots.len() as u64, numbers.len() as u64);
        self.ranks.tell(Call::Store { id: self.id, work, len: len as u64, slots: count, numbers: also })?;
        let mut bytes: Vec<u8> = slots.iter().flat_map(|slot| slot.to_le_bytes()).collect();
        f64::to_bytes(numbers, &mut bytes);
        self.ranks.tell_bytes(&bytes)
    }

    /// Has all ranks work on vectors of `len` elements: their numbers, in the order of the pieces, and their parts, in order.
    fn ask(
        &mut self,
        work: Work,
        (slots, len): (&[u64], usize),
        numbers_: &[f64],
        vector: Option<&[T]>,
    ) -> Result<Given<T>, Failure> {
        self.sweep_up()?;
        let ranks = Arc::clone(&self.ranks);
        let of_rank = |rank: usize| range(&ranks, rank, len);
        // What can fail here does so before the others wait for it.
        if self.own.is_none() {
            self.own = Some(Pieces::new(self.threads, of_rank(0).len())?);
        }
        self.tell(work, len, slots, numbers_)?;
        let own = self.own.as_mut().ok_or_else(|| Failure::Other("no place for stored vectors".into()))?;
        if let Some(vector) = vector {
            (1..ranks.size()).try_for_each(|rank| ranks.send_vector(rank, &vector[of_rank(rank)]))?;
            own.load(vector[of_rank(0)].to_vec());
        }
        let mut all = own.work(work, slots, numbers_)?;
        for rank in 1..ranks.size() {
            let range = of_rank(rank);
            all.numbers.extend(ranks.receive_vector::<f64>(rank, numbers(work, &range, slots.len()))?);
            if work.gives_part() {
                all.part.extend(ranks.receive_vector::<T>(rank, range.len())?);
            }
        }
        Ok(all)
    }

    /// The length that all vectors have, and their numbers.
    fn named(slots: &[&Slot], len: usize) -> Result<Vec<u64>, Failure> {
        slots.iter().try_for_each(|slot| Failure::require_length("stored vector", len, slot.len()))?;
        Ok(slots.iter().map(|slot| slot.number()).collect())
    }
}

impl<T: Real> Shelf<T> for Shared<T> {
    fn put(&mut self, v: &[T]) -> Result<Slot, Failure> {
        let slot = Slot::new(self.slots, v.len(), &self.free);
        self.slots += 1;
        self.ask(Work::Put, (&[slot.number()], v.len()), &[], Some(v))?;
        Ok(slot)
    }

    fn get(&mut self, slot: &Slot) -> Result<Vec<T>, Failure> {
        Ok(self.ask(Work::Get, (&[slot.number()], slot.len()), &[], None)?.part)
    }

    fn dots(&mut self, slots: &[&Slot], v: &[T]) -> Result<Vec<f64>, Failure> {
        let named = Self::named(slots, v.len())?;
        let given = self.ask(Work::Dots, (&named, v.len()), &[], Some(v))?;
        Ok(pieces::total(slots.len(), &given.numbers))
    }

    fn combine(&mut self, coefficients: &[f64], slots: &[&Slot]) -> Result<Vec<T>, Failure> {
        Failure::require_length("coefficients", slots.len(), coefficients.len())?;
        let len = slots.first().map_or(0, |slot| slot.len());
        let named = Self::named(slots, len)?;
        Ok(self.ask(Work::Combine, (&named, len), coefficients, None)?.part)
    }

    fn orthogonalize(&mut self, slots: &[&Slot], v: &mut [T]) -> Result<(Vec<f64>, f64), Failure> {
        let (named, len) = (Self::named(slots, v.len())?, v.len());
        pieces::gram_schmidt(|sweep| {
            let given = match sweep {
                Sweep::Project => self.ask(Work::Project, (&named, len), &[], Some(v))?,
                Sweep::ProjectAgain(coefficients) => self.ask(Work::ProjectAgain, (&named, len), coefficients, None)?,
                Sweep::Finish(coefficients) => self.ask(Work::Finish, (&named, len), coefficients, None)?,
            };
            if let Sweep::Finish(_) = sweep {
                v.copy_from_slice(&given.part);
            }
            Ok(pieces::total(sweep.numbers(named.len()), &given.numbers))
        })
    }

    fn rotate(&mut self, slots: &mut Vec<Slot>, columns: &[Vec<f64>]) -> Result<(), Failure> {
        let len = slots.first().map_or(0, Slot::len);
        let named = Self::named(&slots.iter().collect::<Vec<_>>(), len)?;
        columns.iter().try_for_each(|column| Failure::require_length("column", slots.len(), column.len()))?;
        self.ask(Work::Rotate, (&named, len), &columns.concat(), None)?;
        slots.truncate(columns.len());
        Ok(())
    }
}
