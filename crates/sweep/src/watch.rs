use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// Claims as they were seen last. A worker of another machine is known to live by nothing but changes of its claim, and to be gone by
/// their absence for a minute of the watcher's own clock: clocks of two machines are never compared, nor a stamp with a clock.
#[derive(Debug, Default)]
pub struct Watch(Mutex<HashMap<PathBuf, Seen>>);

#[derive(Debug)]
struct Seen {
    content: Vec<u8>,
    stamp: SystemTime,
    since: Instant,
}

impl Watch {
    /// For how long the file at `path` is known to have had this content and stamp, which it has at `now`.
    pub(crate) fn unchanged(&self, path: &Path, (content, stamp): &(Vec<u8>, SystemTime), now: Instant) -> Duration {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match seen.get(path) {
            Some(known) if known.content == *content && known.stamp == *stamp => {
                now.saturating_duration_since(known.since)
            }
            _ => {
                seen.insert(path.to_owned(), Seen { content: content.clone(), stamp: *stamp, since: now });
                Duration::ZERO
            }
        }
    }

    /// Keeps only what `is_there`.
    pub(crate) fn retain(&self, is_there: impl Fn(&Path) -> bool) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|path, _| is_there(path));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_change_ages_by_the_own_clock_alone() {
        let (watch, path, start) = (Watch::default(), Path::new("claim"), Instant::now());
        let after = |secs| start + Duration::from_secs(secs);
        let at = |stamp| (b"worker".to_vec(), SystemTime::UNIX_EPOCH + Duration::from_secs(stamp));
        // Stamps of a clock that is decades behind, and one that was set back.
        assert_eq!(watch.unchanged(path, &at(100), after(0)), Duration::ZERO);
        assert_eq!(watch.unchanged(path, &at(100), after(50)), Duration::from_secs(50));
        assert_eq!(watch.unchanged(path, &at(40), after(59)), Duration::ZERO);
        assert_eq!(watch.unchanged(path, &at(40), after(60)), Duration::from_secs(1));
        assert_eq!(watch.unchanged(path, &(b"another".to_vec(), at(40).1), after(61)), Duration::ZERO);
        watch.retain(|_| false);
        assert_eq!(watch.unchanged(path, &(b"another".to_vec(), at(40).1), after(99)), Duration::ZERO);
    }
}
