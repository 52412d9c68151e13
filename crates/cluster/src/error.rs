/// What can go wrong between ranks.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A rank went away.
    #[error("rank {rank}: expected a message, got its end; resume the run from its last checkpoint")]
    Lost {
        /// Which.
        rank: usize,
    },
    /// Ranks that would compute other bits.
    #[error(
        "rank {rank} on {host}: expected {expected} as on rank 0, got {got}; try machines of one kind with the same build of the program"
    )]
    Differs {
        /// Which.
        rank: usize,
        /// Its machine.
        host: String,
        /// The program and the processor of rank 0.
        expected: String,
        /// Those of the rank.
        got: String,
    },
    /// A message that makes no sense where it came.
    #[error("rank {rank}: expected {expected}, got something else; try the same build of the program on every rank")]
    Message {
        /// Who got it.
        rank: usize,
        /// What it should have been.
        expected: &'static str,
    },
    /// A rank that cannot do its share.
    #[error("rank {rank} on {host}: {source}; the job ends, and the last checkpoint of its run can be resumed")]
    Share {
        /// Which.
        rank: usize,
        /// Its machine.
        host: String,
        /// Why not.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl From<Error> for onedge_objective::Error {
    fn from(error: Error) -> Self {
        Self::Other(Box::new(error))
    }
}
