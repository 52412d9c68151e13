use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use onedge_engine::{Element, Peers, share};
use onedge_objective::{Error as Failure, Real};

use crate::call::Call;
use crate::{Communicator, Error};

/// Elements in a message: a vector is passed on piece by piece, so that no rank waits for the whole of it.
pub(crate) const PIECE: usize = 1 << 16;

/// The ranks of a job as a tree: halves of halves, as the lanes are, each led by its first rank. What rank 0 says goes down the tree, sums
/// go up.
pub struct Ranks {
    between: Box<dyn Communicator>,
    /// Whom this rank listens to; none for rank 0.
    parent: Option<usize>,
    /// Who listens to this rank, with the largest subtree first.
    children: Vec<usize>,
    objectives: AtomicU64,
    nanos: AtomicU64,
    /// The rank with which a message is exchanged at the moment, and since when.
    busy: Mutex<Option<(usize, Instant)>>,
    has_ended: AtomicBool,
    /// The machines of all ranks, on rank 0; of this rank alone on the others.
    hosts: Vec<String>,
}

impl Ranks {
    /// The ranks that `between` connects, once it is sure that all compute the same bits.
    ///
    /// # Errors
    /// [`Error::Differs`] on rank 0 if another build or kind of processor is among them; what goes wrong between them.
    pub fn new(between: Box<dyn Communicator>) -> Result<Self, Error> {
        let (rank, size) = (between.rank(), between.size());
        let (parent, children) = relatives(rank, size);
        let (here, mut hosts) = (arithmetic(), vec![between.host()]);
        if rank > 0 {
            between.send(0, format!("{here}\n{}", hosts[0]).as_bytes())?;
        } else {
            for rank in 1..size {
                let told = String::from_utf8_lossy(&between.receive(rank)?).into_owned();
                let (got, host) = told.split_once('\n').unwrap_or((&told, "an unknown machine"));
                if got != here {
                    return Err(Error::Differs { rank, host: host.to_owned(), expected: here, got: got.to_owned() });
                }
                hosts.push(host.to_owned());
            }
        }
        let (objectives, nanos, has_ended) = (AtomicU64::new(0), AtomicU64::new(0), AtomicBool::new(false));
        Ok(Self { between, parent, children, objectives, nanos, busy: Mutex::new(None), has_ended, hosts })
    }

    /// Which rank this is, from 0.
    pub fn rank(&self) -> usize {
        self.between.rank()
    }

    /// How many there are.
    pub fn size(&self) -> usize {
        self.between.size()
    }

    /// The seconds that this rank has sent, received and waited for the others.
    pub fn seconds_between(&self) -> f64 {
        self.nanos.load(Ordering::Relaxed) as f64 * 1e-9
    }

    /// The machine of this rank, by name.
    pub fn host(&self) -> &str {
        &self.hosts[0]
    }

    /// The rank, with its machine, with which this one, rank 0, exchanges a message at the moment, and for how long it has waited for it: long
    /// if that rank computes, or is lost, or waits for another.
    pub fn awaited(&self) -> Option<(usize, &str, Duration)> {
        let busy = *self.busy();
        busy.map(|(rank, since)| {
            (rank, self.hosts.get(rank).map_or("an unknown machine", |host| host), since.elapsed())
        })
    }

    /// Says on rank 0 that nothing more will be asked, so that the others come to their end.
    ///
    /// # Errors
    /// What goes wrong between the ranks.
    pub fn end(&self) -> Result<(), Error> {
        let told = self.tell(Call::End);
        self.has_ended.store(true, Ordering::Relaxed);
        told
    }

    /// A number for a new objective.
    pub(crate) fn next_objective(&self) -> u64 {
        self.objectives.fetch_add(1, Ordering::Relaxed)
    }

    /// The lanes, of so many, that a rank computes.
    pub(crate) fn lanes_of(&self, rank: usize, lanes: usize) -> Range<usize> {
        share(lanes, rank, self.size())
    }

    /// Asks all other ranks, from rank 0; nothing, once they were told the end.
    pub(crate) fn tell(&self, call: Call) -> Result<(), Error> {
        if self.has_ended.load(Ordering::Relaxed) { Ok(()) } else { self.pass_on(&call.to_bytes()) }
    }

    /// The next call, which goes on to the ranks below.
    pub(crate) fn hear(&self) -> Result<Call, Error> {
        Call::from_bytes(&self.passed()?).ok_or(Error::Message { rank: self.rank(), expected: "a call" })
    }

    /// Sends bytes that follow a call to all other ranks, from rank 0.
    pub(crate) fn tell_bytes(&self, bytes: &[u8]) -> Result<(), Error> {
        bytes.chunks(PIECE).try_for_each(|piece| self.pass_on(piece))
    }

    /// So many bytes that follow a call.
    pub(crate) fn hear_bytes(&self, len: usize) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::with_capacity(len);
        while bytes.len() < len {
            bytes.extend(self.passed()?);
        }
        Ok(bytes)
    }

    /// Sends words that follow a call to all other ranks, from rank 0.
    pub(crate) fn tell_words(&self, words: &[u64]) -> Result<(), Error> {
        self.tell_bytes(&words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>())
    }

    /// So many words that follow a call.
    pub(crate) fn hear_words(&self, len: u64) -> Result<Vec<u64>, Error> {
        Ok(self.hear_bytes(8 * len as usize)?.as_chunks().0.iter().map(|word| u64::from_le_bytes(*word)).collect())
    }

    /// Sends a vector that follows a call to all other ranks, from rank 0.
    pub(crate) fn tell_vector<T: Real>(&self, vector: &[T]) -> Result<(), Error> {
        let mut bytes = Vec::new();
        for piece in vector.chunks(PIECE) {
            bytes.clear();
            T::to_bytes(piece, &mut bytes);
            self.pass_on(&bytes)?;
        }
        Ok(())
    }

    /// A vector of so many elements that follows a call.
    pub(crate) fn hear_vector<T: Real>(&self, len: usize, vector: &mut Vec<T>) -> Result<(), Error> {
        vector.clear();
        while vector.len() < len {
            vector.extend(T::from_bytes(&self.passed()?));
        }
        Ok(())
    }

    /// Sends a vector to one rank.
    pub(crate) fn send_vector<T: Real>(&self, to: usize, vector: &[T]) -> Result<(), Error> {
        let mut bytes = Vec::new();
        for piece in vector.chunks(PIECE) {
            bytes.clear();
            T::to_bytes(piece, &mut bytes);
            self.send(to, &bytes)?;
        }
        Ok(())
    }

    /// A vector of so many elements from one rank.
    pub(crate) fn receive_vector<T: Real>(&self, from: usize, len: usize) -> Result<Vec<T>, Error> {
        let mut vector = Vec::with_capacity(len);
        while vector.len() < len {
            vector.extend(T::from_bytes(&self.receive(from)?));
        }
        Ok(vector)
    }

    pub(crate) fn send(&self, to: usize, message: &[u8]) -> Result<(), Error> {
        self.timed(to, || self.between.send(to, message))
    }

    pub(crate) fn receive(&self, from: usize) -> Result<Vec<u8>, Error> {
        self.timed(from, || self.between.receive(from))
    }

    fn pass_on(&self, message: &[u8]) -> Result<(), Error> {
        self.children.iter().try_for_each(|&child| self.send(child, message))
    }

    fn passed(&self) -> Result<Vec<u8>, Error> {
        let message = self.receive(self.parent.unwrap_or(0))?;
        self.pass_on(&message)?;
        Ok(message)
    }

    fn busy(&self) -> MutexGuard<'_, Option<(usize, Instant)>> {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn timed<R>(&self, with: usize, work: impl FnOnce() -> R) -> R {
        let start = Instant::now();
        *self.busy() = Some((with, start));
        let result = work();
        *self.busy() = None;
        self.nanos.fetch_add(start.elapsed().as_nanos() as u64, Ordering::Relaxed);
        result
    }

    /// Adds what those below have of a piece, in the order of the tree, and sends it up.
    fn join_piece<T: Real>(&self, below: &[usize], piece: &mut [T], bytes: &mut Vec<u8>) -> Result<(), Error> {
        for &child in below {
            for (sum, part) in piece.iter_mut().zip(T::from_bytes(&self.receive(child)?)) {
                *sum += part;
            }
        }
        if let Some(parent) = self.parent {
            bytes.clear();
            T::to_bytes(piece, bytes);
            self.send(parent, bytes)?;
        }
        Ok(())
    }
}

impl<T: Element> Peers<T> for Ranks {
    fn lanes(&self, lanes: usize) -> Range<usize> {
        self.lanes_of(self.rank(), lanes)
    }

    fn join(&self, lanes: usize, vector: &mut [T], totals: &mut [f64]) -> Result<(), Failure> {
        // The smallest subtree is the one that this rank's own lanes are joined with first.
        let has_lanes = |child: &usize| !self.lanes_of(*child, lanes).is_empty();
        let below: Vec<usize> = self.children.iter().rev().copied().filter(has_lanes).collect();
        let mut bytes = Vec::new();
        if !totals.is_empty() {
            self.join_piece(&below, totals, &mut bytes)?;
        }
        for piece in vector.chunks_mut(PIECE) {
            self.join_piece(&below, piece, &mut bytes)?;
        }
        Ok(())
    }
}

/// Whom a rank listens to, and who listens to it, the largest subtree first.
pub(crate) fn relatives(rank: usize, size: usize) -> (Option<usize>, Vec<usize>) {
    let (mut parent, mut children) = (None, Vec::new());
    let (mut first, mut len) = (0, size);
    while len > 1 {
        let near = len.div_ceil(2);
        let middle = first + near;
        if rank == first {
            children.push(middle);
        } else if rank == middle {
            parent = Some(first);
        }
        (first, len) = if rank < middle { (first, near) } else { (middle, len - near) };
    }
    (parent, children)
}

/// The build of the program and what of the processor decides bits.
fn arithmetic() -> String {
    let features = |names: &[(&str, bool)]| {
        names.iter().filter(|(_, has)| *has).map(|(name, _)| format!(" {name}")).collect::<String>()
    };
    #[cfg(target_arch = "x86_64")]
    let features = features(&[
        ("avx2", std::arch::is_x86_feature_detected!("avx2")),
        ("fma", std::arch::is_x86_feature_detected!("fma")),
        ("avx512f", std::arch::is_x86_feature_detected!("avx512f")),
    ]);
    #[cfg(not(target_arch = "x86_64"))]
    let features = features(&[]);
    format!("onedge {} on {}{features}", env!("CARGO_PKG_VERSION"), std::env::consts::ARCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rank 0 of two, where the other one says this and no more.
    struct Beside(AtomicBool, String);

    impl Communicator for Beside {
        fn rank(&self) -> usize {
            0
        }

        fn size(&self) -> usize {
            2
        }

        fn host(&self) -> String {
            "here".to_owned()
        }

        fn send(&self, _: usize, _: &[u8]) -> Result<(), Error> {
            Ok(())
        }

        fn receive(&self, from: usize) -> Result<Vec<u8>, Error> {
            match self.0.swap(true, Ordering::Relaxed) {
                false => Ok(self.1.clone().into_bytes()),
                true => Err(Error::Lost { rank: from }),
            }
        }
    }

    fn beside(says: &str) -> Result<Ranks, Error> {
        Ranks::new(Box::new(Beside(AtomicBool::new(false), says.to_owned())))
    }

    #[test]
    fn another_build_is_refused() {
        let error = beside("onedge 0.0.9 on a toaster\nkitchen").err().unwrap().to_string();
        assert!(
            error.starts_with("rank 1 on kitchen: expected onedge ") && error.contains("got onedge 0.0.9 on a toaster"),
            "{error}"
        );
    }

    #[test]
    fn a_rank_that_is_gone_is_named() {
        let ranks = beside(&arithmetic()).unwrap();
        let error = Peers::<f32>::join(&ranks, 4, &mut [1.0; 3], &mut [2.0]).unwrap_err().to_string();
        assert!(error.starts_with("rank 1: expected a message, got its end"), "{error}");
        // Where the others have no lane nobody is waited for.
        assert!(Peers::<f32>::join(&ranks, 1, &mut [1.0; 3], &mut [2.0]).is_ok());
    }

    #[test]
    fn it_is_known_who_is_awaited() {
        let ranks = beside(&format!("{}\nkitchen", arithmetic())).unwrap();
        assert!(ranks.host() == "here" && ranks.awaited().is_none());
        let awaited = ranks.timed(1, || ranks.awaited().map(|(rank, host, _)| (rank, host.to_owned())));
        assert_eq!(awaited, Some((1, "kitchen".to_owned())));
        assert!(ranks.awaited().is_none());
    }

    #[test]
    fn every_rank_has_one_parent() {
        assert_eq!(relatives(0, 1), (None, vec![]));
        assert_eq!(relatives(0, 8), (None, vec![4, 2, 1]));
        assert_eq!(relatives(4, 8), (Some(0), vec![6, 5]));
        assert_eq!(relatives(2, 3), (Some(0), vec![]));
        for size in 1..40 {
            for rank in 0..size {
                let (parent, children) = relatives(rank, size);
                assert_eq!(parent.is_none(), rank == 0);
                assert!(children.iter().all(|&child| relatives(child, size).0 == Some(rank)));
            }
        }
    }
}
