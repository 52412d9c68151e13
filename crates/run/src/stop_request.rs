use std::time::{Duration, Instant};

use onedge_record::RunDirectory;

/// The folder is looked at so often at most: on a file system of another machine that may take a while.
const EVERY: Duration = Duration::from_millis(500);

/// Whether somebody asked, by a file in the folder of a run, for its end. Whoever sits elsewhere has no other way to the process.
pub(crate) struct StopRequest {
    directory: RunDirectory,
    /// When to look again; `None` if what is there is of an earlier session, and cannot be taken away.
    next: Option<Instant>,
}

impl StopRequest {
    /// From now on. What was asked of an earlier session is taken back.
    pub(crate) fn heed(directory: RunDirectory) -> Self {
        let next = directory.forget_stop_request().then(Instant::now);
        Self { directory, next }
    }

    /// Whether it was asked for. A request that is honoured is taken away.
    pub(crate) fn is_made(&mut self) -> bool {
        let now = Instant::now();
        if self.next.is_none_or(|next| now < next) {
            return false;
        }
        self.next = Some(now + EVERY);
        let is_made = self.directory.stop_request().is_file();
        if is_made {
            self.directory.forget_stop_request();
        }
        is_made
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_asked_of_an_earlier_session_counts_for_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let directory = || RunDirectory::at(folder.path());
        directory().ask_to_stop().unwrap();
        let mut request = StopRequest::heed(directory());
        assert!(!request.is_made() && !directory().stop_request().exists());
        // One that cannot be taken away is not heeded, and no later one either.
        std::fs::create_dir(directory().stop_request()).unwrap();
        let mut request = StopRequest::heed(directory());
        std::fs::remove_dir(directory().stop_request()).unwrap();
        directory().ask_to_stop().unwrap();
        assert!(!request.is_made());
    }

    #[test]
    fn it_is_honoured_once() {
        let folder = tempfile::tempdir().unwrap();
        let directory = RunDirectory::at(folder.path());
        let mut request = StopRequest::heed(directory.clone());
        directory.ask_to_stop().unwrap();
        assert!(request.is_made() && !directory.stop_request().exists());
        assert!(!request.is_made());
    }
}
