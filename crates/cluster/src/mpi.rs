use std::thread;

use mpi::Threading;
use mpi::environment::Universe;
use mpi::topology::{Communicator as _, SimpleCommunicator};
use mpi::traits::{Destination, Equivalence, Source};

use crate::{Communicator, Error, Network};

/// Ranks that `mpirun`, `srun` or the like has started. MPI itself ends the job when one of them is lost.
pub struct Mpi {
    rank: usize,
    size: usize,
}

/// What launchers tell the processes that they start.
const LAUNCHED: [&str; 4] = ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "PMIX_RANK", "PMI_RANK"];

/// Whether a launcher of MPI has started this process, by what `variable` says of its environment.
pub fn is_launched(variable: impl Fn(&str) -> bool) -> bool {
    LAUNCHED.iter().any(|name| variable(name))
}

impl Mpi {
    /// Joins the job. MPI is left when what is given beside is dropped. `None` if it was joined before, or the library lets threads other
    /// than the first make no calls.
    pub fn join() -> Option<(Universe, Self)> {
        let (universe, threading) = mpi::initialize_with_threading(Threading::Serialized)?;
        let world = universe.world();
        let (rank, size) = (usize::try_from(world.rank()).ok()?, usize::try_from(world.size()).ok()?);
        (threading >= Threading::Serialized).then_some((universe, Self { rank, size }))
    }

    /// Ends all ranks at once.
    pub fn abort(code: i32) -> ! {
        SimpleCommunicator::world().abort(code)
    }
}

impl Communicator for Mpi {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.size
    }

    fn host(&self) -> String {
        mpi::environment::processor_name().unwrap_or_else(|_| "an unknown machine".to_owned())
    }

    fn send(&self, to: usize, message: &[u8]) -> Result<(), Error> {
        SimpleCommunicator::world().process_at_rank(to as i32).send(message);
        Ok(())
    }

    /// Looks again and again, soon at first and less often the longer nothing comes, so that a rank with nothing to do leaves the
    /// processor to others.
    fn receive(&self, from: usize) -> Result<Vec<u8>, Error> {
        const LOOKS: u32 = 2000;
        let world = SimpleCommunicator::world();
        let source = world.process_at_rank(from as i32);
        let mut looks = 0;
        loop {
            if let Some((message, status)) = source.immediate_matched_probe() {
                let mut bytes = vec![0; status.count(u8::equivalent_datatype()) as usize];
                message.matched_receive_into(&mut bytes[..]);
                return Ok(bytes);
            }
            looks += 1;
            if looks < LOOKS { thread::yield_now() } else { thread::sleep(Network::PAUSE) }
        }
    }
}
