use crate::Error;

/// What ranks need of whatever lies between them: messages from one to another, which arrive in the order in which they were sent.
pub trait Communicator: Send + Sync {
    /// Which rank this is, from 0.
    fn rank(&self) -> usize;

    /// How many there are.
    fn size(&self) -> usize;

    /// The machine that this rank is on, by name.
    fn host(&self) -> String;

    /// Sends a message; it may wait until the other receives it.
    ///
    /// # Errors
    /// [`Error::Lost`], where such a thing is told.
    fn send(&self, to: usize, message: &[u8]) -> Result<(), Error>;

    /// Waits for the next message of a rank.
    ///
    /// # Errors
    /// [`Error::Lost`], where such a thing is told.
    fn receive(&self, from: usize) -> Result<Vec<u8>, Error>;
}
