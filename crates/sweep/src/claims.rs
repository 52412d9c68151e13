use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::host::{self, Host};
use super::watch::Watch;
use crate::Error;
use onedge_record::{RUN_LOCK, RunLock, Taken};

/// In the root.
const FOLDER: &str = ".claims";
/// A file of more bytes is no claim.
const LONGEST: u64 = 1 << 16;
/// A claim is renewed this often.
const BEAT: Duration = Duration::from_secs(5);
/// A claim that was seen unchanged for so long is a dead worker's.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);
/// How often it is tried to take what others take and leave at the same time.
const TRIES: usize = 4;

/// The folder in which workers claim runs: processes of one machine, or of several that share it.
///
/// A claim is a file named by the run's digest and made with `create_new`, so that one worker gets it, on network file
/// systems too. It holds who made it, and is written anew every five seconds. The claim of a worker that is gone (a
/// process of this machine that does not exist, or any whose claim was seen unchanged for a minute) is removed by one of
/// those who find it so. See [`Watch`]: clocks need not agree.
#[derive(Debug)]
pub(crate) struct Claims {
    folder: PathBuf,
    host: Host,
    watch: Watch,
}

/// Who claims a run: the content of a claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The machine.
    #[serde(flatten)]
    pub(crate) host: Host,
    /// The process.
    pub pid: u32,
    /// When the claim was made, in seconds since 1970 by the clock of the machine.
    pub started: u64,
    /// Of this claim alone.
    pub(crate) token: String,
}

impl Owner {
    /// The name of the machine.
    pub fn machine(&self) -> &str {
        &self.host.name
    }
}

/// A run that is ours until this is dropped, or lost.
pub(crate) struct Claim {
    /// The worker that left it, if one did.
    pub(crate) after: Option<Owner>,
    path: PathBuf,
    owner: Owner,
    content: Vec<u8>,
    lost: Arc<AtomicBool>,
    renewed: Arc<Mutex<Renewed>>,
    beat: Option<(Sender<()>, JoinHandle<()>)>,
}

/// When a claim was renewed last, by two clocks of its own machine: the first stands still while the machine sleeps, the other may be set.
#[derive(Clone, Copy)]
struct Renewed(Instant, SystemTime);

impl Renewed {
    fn now() -> Self {
        Self(Instant::now(), SystemTime::now())
    }

    /// Whether others may be about to take the run for a dead worker's.
    fn is_late(&self) -> bool {
        self.0.elapsed() > LIMIT / 2 || self.1.elapsed().is_ok_and(|since| since > LIMIT / 2)
    }
}

impl Claims {
    /// Those in `root/.claims`, which is made if it is not there.
    ///
    /// # Errors
    /// [`Error::Record`].
    pub(crate) fn open(root: &Path) -> Result<Self, Error> {
        let folder = root.join(FOLDER);
        fs::create_dir_all(&folder).map_err(Error::write(&folder))?;
        Ok(Self { folder, host: host::this(), watch: Watch::default() })
    }

    /// Why files of this folder cannot be locked, where that is so. Claims need no locks; who lists runs goes by them.
    pub(crate) fn without_locks(&self) -> Option<std::io::Error> {
        let taken = RunLock::take(&self.folder);
        let _ = fs::remove_file(self.folder.join(RUN_LOCK));
        match taken {
            Ok(Taken::Without(error)) => Some(error),
            _ => None,
        }
    }

    /// Claims the run of this digest; `None` if it is another worker's.
    ///
    /// # Errors
    /// [`Error::Record`], [`Error::Read`].
    pub(crate) fn take(&self, digest: &str) -> Result<Option<Claim>, Error> {
        self.take_at(digest, Instant::now())
    }

    fn take_at(&self, digest: &str, now: Instant) -> Result<Option<Claim>, Error> {
        let path = self.folder.join(digest);
        let mut after = None;
        for _ in 0..TRIES {
            match self.make(&path) {
                Ok(mut claim) => {
                    claim.after = after;
                    return Ok(Some(claim));
                }
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(Error::write(&path)(error)),
            }
            // Gone again: its worker is done with it.
            let Some(found) = look(&path)? else { continue };
            let owner: Option<Owner> = serde_json::from_slice(&found.0).ok();
            let is_dead = self.host.has_ended(owner.as_ref()) || self.watch.unchanged(&path, &found, now) > LIMIT;
            if !is_dead || !self.remove_dead(&path, &found, now)? {
                return Ok(None);
            }
            after = owner;
        }
        Ok(None)
    }

    fn make(&self, path: &Path) -> std::io::Result<Claim> {
        let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
        let started = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let owner = Owner { host: self.host.clone(), pid: std::process::id(), started, token: self.token() };
        let content = serde_json::to_vec(&owner)?;
        file.write_all(&content)?;
        file.sync_data()?;
        let lost = Arc::new(AtomicBool::new(false));
        let renewed = Arc::new(Mutex::new(Renewed::now()));
        let beat = beat(file, path.to_owned(), content.clone(), Arc::clone(&lost), Arc::clone(&renewed));
        Ok(Claim { after: None, path: path.to_owned(), owner, content, lost, renewed, beat: Some(beat) })
    }

    /// Removes a dead worker's claim, found like this. Of several workers one does: whoever makes the file beside it,
    /// and finds the claim unchanged then. If that one dies in between, its file counts for nothing after a minute.
    fn remove_dead(&self, path: &Path, found: &(Vec<u8>, SystemTime), now: Instant) -> Result<bool, Error> {
        let lock = path.with_extension("taking");
        match File::create_new(&lock) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                if let Some(made) = look(&lock)?
                    && self.watch.unchanged(&lock, &made, now) > LIMIT
                {
                    let _ = fs::remove_file(&lock);
                }
                return Ok(false);
            }
            Err(error) => return Err(Error::write(&lock)(error)),
        }
        let removed = remove_if(path, |there| there == found);
        let _ = fs::remove_file(&lock);
        removed
    }

    /// 16 hexadecimal digits that no other worker has.
    fn token(&self) -> String {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let (count, now) = (COUNT.fetch_add(1, Ordering::Relaxed), SystemTime::now());
        let all = format!("{:?} {} {count} {now:?}", self.host, std::process::id());
        Sha256::digest(all).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }
}

impl Claim {
    /// Of this claim alone: 16 hexadecimal digits.
    pub(crate) fn token(&self) -> &str {
        &self.owner.token
    }

    /// Whether it is known that another worker has taken it over, as it was not renewed in time: by a machine asleep, a
    /// network gone. If the own heartbeat is late, this is the moment to look.
    pub(crate) fn is_lost(&self) -> bool {
        let is_late = || self.renewed.lock().unwrap_or_else(PoisonError::into_inner).is_late();
        self.lost.load(Ordering::Relaxed) || is_late() && self.has_been_lost()
    }

    /// The same, found out now.
    pub(crate) fn has_been_lost(&self) -> bool {
        let ours = look(&self.path).map_or(true, |there| there.is_some_and(|(content, _)| content == self.content));
        if !ours {
            self.lost.store(true, Ordering::Relaxed);
        }
        !ours
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.beat.take() {
            drop(stop);
            // A heartbeat that panicked has ended, which is all that is wanted of it.
            let _ = thread.join();
        }
        // Where this fails, others find the claim old in a minute.
        let _ = remove_if(&self.path, |(there, _)| *there == self.content);
    }
}

/// Renews a claim until the sender is dropped or the claim is another's. It is written through the file that was made,
/// so that what lies at `path` by then is never touched.
fn beat(
    mut file: File,
    path: PathBuf,
    content: Vec<u8>,
    lost: Arc<AtomicBool>,
    renewed: Arc<Mutex<Renewed>>,
) -> (Sender<()>, JoinHandle<()>) {
    let (stop, stopped) = channel::<()>();
    let thread = std::thread::spawn(move || {
        while stopped.recv_timeout(BEAT) == Err(RecvTimeoutError::Timeout) {
            let now = Renewed::now();
            // Where this fails, the next beat may not; if none succeeds, others take the run over.
            let written =
                file.seek(SeekFrom::Start(0)).and_then(|_| file.write_all(&content)).and_then(|()| file.sync_data());
            match look(&path) {
                Ok(Some((there, _))) if there == content => {
                    if written.is_ok() {
                        *renewed.lock().unwrap_or_else(PoisonError::into_inner) = now;
                    }
                }
                Ok(_) => {
                    lost.store(true, Ordering::Relaxed);
                    return;
                }
                Err(_) => {}
            }
        }
    });
    (stop, thread)
}

/// The claims of the runs below `root`, by digest. What is no file, or called otherwise, is none.
pub(crate) fn list(root: &Path) -> Result<Vec<(String, PathBuf)>, Error> {
    let folder = root.join(FOLDER);
    if !folder.symlink_metadata().is_ok_and(|there| there.is_dir()) {
        return Ok(Vec::new());
    }
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if is_gone(&error) => return Ok(Vec::new()),
        Err(error) => return Err(Error::read(&folder)(error)),
    };
    let is_digest = |name: &str| name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    let claim = |entry: fs::DirEntry| {
        let name = entry.file_name().into_string().ok().filter(|name| is_digest(name))?;
        entry.metadata().is_ok_and(|file| file.is_file() && file.len() < LONGEST).then(|| (name, entry.path()))
    };
    Ok(entries.flatten().filter_map(claim).collect())
}

/// What a claim holds and when it was renewed last; `None` if there is none. Opening the file has network file systems
/// ask the server.
pub(crate) fn look(path: &Path) -> Result<Option<(Vec<u8>, SystemTime)>, Error> {
    let read = || {
        let mut file = File::open(path)?;
        let mut content = Vec::new();
        file.read_to_end(&mut content)?;
        Ok((content, file.metadata()?.modified()?))
    };
    match read() {
        Ok(found) => Ok(Some(found)),
        Err(error) if is_gone(&error) => Ok(None),
        Err(error) => Err(Error::read(path)(error)),
    }
}

fn is_gone(error: &std::io::Error) -> bool {
    // On a network file system, a file that another machine removed while it was open here.
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::StaleNetworkFileHandle)
}

/// Removes the claim if it is `the_one`, and no other.
fn remove_if(path: &Path, the_one: impl Fn(&(Vec<u8>, SystemTime)) -> bool) -> Result<bool, Error> {
    match look(path)? {
        Some(there) if the_one(&there) => fs::remove_file(path).map(|()| true).or_else(|error| match error {
            error if is_gone(&error) => Ok(false),
            error => Err(Error::write(path)(error)),
        }),
        _ => Ok(false),
    }
}

#[cfg(test)]
#[path = "claims_tests.rs"]
mod tests;
