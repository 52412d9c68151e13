use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crate::{Communicator, Error, Ranks, serve};

/// Ranks that are threads of one process.
struct Threads {
    rank: usize,
    /// To each rank.
    to: Vec<Sender<Vec<u8>>>,
    /// From each rank.
    from: Vec<Mutex<Receiver<Vec<u8>>>>,
}

impl Communicator for Threads {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.to.len()
    }

    fn host(&self) -> String {
        "this machine".to_owned()
    }

    fn send(&self, to: usize, message: &[u8]) -> Result<(), Error> {
        self.to[to].send(message.to_vec()).map_err(|_| Error::Lost { rank: to })
    }

    fn receive(&self, from: usize) -> Result<Vec<u8>, Error> {
        self.from[from].lock().unwrap_or_else(PoisonError::into_inner).recv().map_err(|_| Error::Lost { rank: from })
    }
}

/// Does `lead` as rank 0 of `size` ranks that are threads of this process: for tests, and to see how a problem is shared.
///
/// # Errors
/// What went wrong between the ranks, or on another than rank 0.
pub fn in_threads<R>(size: usize, lead: impl FnOnce(&Arc<Ranks>) -> R) -> Result<R, Error> {
    let mut all = connected(size).into_iter();
    let first = all.next().ok_or(Error::Lost { rank: 0 })?;
    thread::scope(|scope| {
        let others: Vec<_> = all.map(|other| scope.spawn(|| serve(&Arc::new(Ranks::new(Box::new(other))?)))).collect();
        let ranks = Arc::new(Ranks::new(Box::new(first))?);
        let result = lead(&ranks);
        let ended = ranks.end();
        // Whoever waits for this one now learns that it is gone.
        drop(ranks);
        for (rank, other) in others.into_iter().enumerate() {
            other.join().unwrap_or(Err(Error::Lost { rank: rank + 1 }))?;
        }
        ended.map(|()| result)
    })
}

fn connected(size: usize) -> Vec<Threads> {
    let mut to: Vec<Vec<Sender<Vec<u8>>>> = (0..size).map(|_| Vec::new()).collect();
    let receivers = |_: usize| -> Vec<Mutex<Receiver<Vec<u8>>>> {
        let pair = |to: &mut Vec<Sender<Vec<u8>>>| {
            let (sender, receiver) = channel();
            to.push(sender);
            Mutex::new(receiver)
        };
        to.iter_mut().map(pair).collect()
    };
    let from: Vec<_> = (0..size).map(receivers).collect();
    to.into_iter().zip(from).enumerate().map(|(rank, (to, from))| Threads { rank, to, from }).collect()
}
