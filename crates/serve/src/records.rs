//! Records of the runs that are looked at, kept as long as there is room.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::app::locked;
use crate::series::Series;

/// Records of runs take so many bytes together; then those go that were looked at longest ago.
const ROOM: usize = 128 << 20;
/// So much of a file is read before a first answer; the rest is read on the side.
const AT_ONCE: u64 = 2 << 20;
/// So much is read of every file, so that it is known which quantities it has.
const FIRST: u64 = 1 << 16;
/// Files are read on the side after so long: the first picture of many runs, from samples, comes first.
const AFTER: Duration = Duration::from_millis(1000);
/// So much is read at a time while others wait for the same run.
const PIECE: u64 = 4 << 20;

/// Of one run.
pub type OfRun = Arc<Mutex<Series>>;

/// Of all of them.
#[derive(Default)]
pub struct Records {
    kept: Mutex<HashMap<String, Kept>>,
    /// Who reads files on the side, one at a time.
    reading: Arc<Mutex<()>>,
}

struct Kept {
    series: OfRun,
    used: Instant,
    /// Whether somebody reads on.
    read_on: bool,
}

impl Records {
    /// The records of the run of this name, whose file is at `path`: all of a short file; of a long one what was read so far, while the rest is
    /// being read.
    ///
    /// # Errors
    /// [`onedge_record::Error::Read`].
    pub fn of(self: &Arc<Self>, name: &str, path: &Path) -> Result<OfRun, onedge_record::Error> {
        let series = self.kept_for(name, path);
        let complete = {
            let mut series = locked(&series);
            series.look()?;
            if series.left() <= AT_ONCE {
                series.advance(AT_ONCE)?;
            } else if series.records == 0 {
                series.advance(FIRST)?;
            }
            series.is_complete()
        };
        if !complete {
            self.read_on(name);
        }
        Ok(series)
    }

    fn kept_for(&self, name: &str, path: &Path) -> OfRun {
        let mut kept = locked(&self.kept);
        if !kept.contains_key(name) {
            make_room(&mut kept);
        }
        let new = || Kept { series: Arc::new(Mutex::new(Series::new(path))), used: Instant::now(), read_on: false };
        let known = kept.entry(name.to_owned()).or_insert_with(new);
        known.used = Instant::now();
        Arc::clone(&known.series)
    }

    /// Reads the rest of a file on a thread of its own, once.
    fn read_on(self: &Arc<Self>, name: &str) {
        let series = {
            let mut kept = locked(&self.kept);
            let Some(known) = kept.get_mut(name) else { return };
            if std::mem::replace(&mut known.read_on, true) {
                return;
            }
            Arc::clone(&known.series)
        };
        let (all, own) = (Arc::clone(self), name.to_owned());
        let work = move || {
            let turn = Arc::clone(&all.reading);
            std::thread::sleep(AFTER);
            // Whoever gave up the run meanwhile has taken it out: then nobody else holds it.
            while Arc::strong_count(&series) > 1 {
                {
                    let _turn = locked(&turn);
                    let mut series = locked(&series);
                    if series.is_complete() || series.advance(PIECE).is_err() {
                        break;
                    }
                }
                // Locks are not fair: whoever waits for this one is let in.
                std::thread::sleep(Duration::from_millis(1));
            }
            if let Some(known) = locked(&all.kept).get_mut(&own) {
                known.read_on = false;
            }
        };
        // Without a thread the rest is read when the run is asked for again.
        if std::thread::Builder::new().name("records".to_owned()).spawn(work).is_err()
            && let Some(known) = locked(&self.kept).get_mut(name)
        {
            known.read_on = false;
        }
    }
}

/// Lets go of what was looked at longest ago.
fn make_room(kept: &mut HashMap<String, Kept>) {
    let weight = |kept: &Kept| kept.series.try_lock().map_or(0, |series| series.weight());
    let mut all: usize = kept.values().map(weight).sum();
    while all > ROOM || kept.len() > 4096 {
        let Some(oldest) = kept.iter().min_by_key(|(_, kept)| kept.used).map(|(name, _)| name.clone()) else { return };
        all = all.saturating_sub(kept.remove(&oldest).map_or(0, |kept| weight(&kept)));
    }
}
