//! Where the runs of a sweep live, and how far they are.
//!
//! A run that came to its end lies in `NAME-DIGEST`, with 12 digits of the digest. Until then a worker has it in a
//! folder of its own, `NAME-DIGEST.unfinished-TOKEN`, and renames that at the end: so two workers never write into one
//! folder, and a run is never half there.

use std::collections::{HashMap, HashSet};
use std::error::Error as _;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::Error;
use crate::status::{Damaged, Done, Hopeless, Status};
use onedge_record::checkpoint::Checkpoints;
use onedge_record::{RunDirectory, StopReason, Summary, UNFINISHED};
use onedge_registry::Value;
use onedge_run::file_name;
use onedge_spec::{CONTENT, Document, NamedFile, PROVENANCE, Spec};

const DIGITS: usize = 12;
const ABANDONED: &str = ".abandoned-";

/// The folder of a run under `root`: its name and the first 12 digits of its digest. It is there once the run has come
/// to its end.
pub fn folder(root: &Path, spec: &Spec) -> PathBuf {
    root.join(format!("{}-{}", file_name(&spec.name), short(&spec.digest())))
}

/// The run of a spec, if it came to its end: under its name, or under another one, as the name is not in the digest.
/// A run that was interrupted or failed did not, nor did one whose folder is damaged; one that was given up as hopeless did
/// where such runs are wanted.
///
/// # Errors
/// [`Error::Record`] for the root.
pub fn find(root: &Path, spec: &Spec, hopeless: Hopeless) -> Result<Option<Done>, Error> {
    match done(&folder(root, spec), spec, hopeless) {
        Ok(Some(done)) => Ok(Some(done)),
        _ => Ok(Folders::list(root)?.find(spec, hopeless)),
    }
}

/// Whether the run of a spec lies in its own folder, at its end and readable as far as its summary is.
pub fn is_at_end(root: &Path, spec: &Spec) -> bool {
    matches!(done(&folder(root, spec), spec, Hopeless::Unwanted), Ok(Some(_)))
}

/// The finished folders under a root, by digest.
pub(crate) struct Folders(HashMap<String, Vec<PathBuf>>);

impl Folders {
    /// Lists a root once, for many specs.
    pub(crate) fn list(root: &Path) -> Result<Self, Error> {
        let mut folders: HashMap<String, Vec<PathBuf>> = HashMap::new();
        for name in names(root)? {
            if let Some((_, digest)) = name.rsplit_once('-').filter(|(_, digest)| digest.len() == DIGITS) {
                folders.entry(digest.to_owned()).or_default().push(root.join(&name));
            }
        }
        Ok(Self(folders))
    }

    /// The run of a spec, if it came to its end.
    pub(crate) fn find(&self, spec: &Spec, hopeless: Hopeless) -> Option<Done> {
        match self.status(spec, hopeless) {
            Status::Done(done) => Some(*done),
            _ => None,
        }
    }

    /// How far the run of a spec is.
    pub(crate) fn status(&self, spec: &Spec, hopeless: Hopeless) -> Status {
        let mut status = Status::Open;
        for path in self.0.get(short(&spec.digest())).into_iter().flatten() {
            match done(path, spec, hopeless) {
                Ok(Some(done)) => return Status::Done(Box::new(done)),
                Ok(None) => {}
                Err(damaged) => status = Status::Damaged(damaged),
            }
        }
        status
    }
}

/// Lets specs whose data cannot be read know what these held when their runs were done, as the folders under `root` say. Returns how many of
/// them have runs on several contents there, and stay without.
///
/// Cost: reads the spec of every run under the root.
///
/// # Errors
/// [`Error::Record`] for the root.
pub fn recall<'a>(root: &Path, specs: impl IntoIterator<Item = &'a mut Spec>) -> Result<usize, Error> {
    let settings = |spec: &Spec| Spec { content: Some(String::new()), ..spec.clone() }.digest();
    let (mut known, mut several): (Option<HashMap<String, HashSet<String>>>, _) = (None, 0);
    for spec in specs {
        if !spec.reads_files() || spec.content.is_some() {
            continue;
        }
        let known = match &mut known {
            Some(known) => known,
            none => none.insert(contents(root, spec, &settings)?),
        };
        match known.get(&settings(spec)) {
            Some(contents) if contents.len() == 1 => spec.content = contents.iter().next().cloned(),
            Some(_) => several += 1,
            None => {}
        }
    }
    Ok(several)
}

/// What the data of the runs under a root held, by the digests of their other settings.
fn contents(
    root: &Path,
    like: &Spec,
    settings: &dyn Fn(&Spec) -> String,
) -> Result<HashMap<String, HashSet<String>>, Error> {
    let mut contents: HashMap<String, HashSet<String>> = HashMap::new();
    for name in names(root)? {
        let path = RunDirectory::at(&root.join(name)).spec();
        // What cannot be read is no run that could be shown.
        let Ok(document) = Document::read(&path) else { continue };
        let document = document.with_catalogue(&like.catalogue);
        let (Some(Value::Text(content)), Ok(spec)) =
            (document.get(&format!("{PROVENANCE}.{CONTENT}")), Spec::resolve(&document))
        else {
            continue;
        };
        // Data that are still where the run had them are others than those that cannot be read here.
        let there = |file: &NamedFile| matches!(file.find(), Ok(Some(_)));
        if !spec.files.is_empty() && spec.files.iter().all(there) {
            continue;
        }
        contents.entry(settings(&spec)).or_default().insert(content.clone());
    }
    Ok(contents)
}

/// The folder in which the holder of a claim does a run.
pub(crate) fn unfinished(root: &Path, spec: &Spec, token: &str) -> PathBuf {
    with_suffix(&folder(root, spec), &format!("{UNFINISHED}{}", short(token)))
}

/// Gives a run that came to its end its folder. If the run is there already, as another worker took this one for dead,
/// the second is set aside.
///
/// # Errors
/// [`Error::Record`].
pub(crate) fn publish(from: &Path, root: &Path, spec: &Spec) -> Result<(), Error> {
    let to = folder(root, spec);
    match fs::rename(from, &to) {
        Ok(()) => Ok(()),
        Err(_) if matches!(done(&to, spec, Hopeless::Ended), Ok(Some(_))) => abandon(from, &to),
        Err(error) => Err(Error::write(&to)(error)),
    }
}

/// What was there of a run before its new worker began.
pub(crate) struct Room {
    /// Whether the worker's folder has a checkpoint to go on from.
    pub(crate) begun: bool,
    /// How many folders were set aside.
    pub(crate) aside: usize,
}

/// Makes room for a run, for whoever holds its claim and is to do it in the folder `own`. What earlier workers began and left with
/// checkpoints, or came to its end and was damaged since, the farthest of it, is moved there, to go on from; all else that did
/// not come to its end is set aside as `NAME-DIGEST.abandoned-N`. A run that ended but for its folder's name gets it.
///
/// # Errors
/// [`Error::Record`].
pub(crate) fn make_room(root: &Path, own: &Path, spec: &Spec, hopeless: Hopeless) -> Result<Room, Error> {
    let ending = format!("-{}", short(&spec.digest()));
    let (mut aside, mut usable) = (0, Vec::new());
    for name in names(root)? {
        let (base, begun) = name.split_once(UNFINISHED).map_or((name.as_str(), false), |(base, _)| (base, true));
        if !base.ends_with(&ending) {
            continue;
        }
        let (from, base) = (root.join(&name), root.join(base));
        let state = done(&from, spec, hopeless);
        let (ended, damaged) = (matches!(state, Ok(Some(_))), state.is_err());
        // The parameters are written before the summary; where a disk was full, they are missing.
        let whole = ended && RunDirectory::at(&from).params().is_file();
        if whole && begun && !base.exists() && fs::rename(&from, &base).is_ok() {
            continue;
        }
        match checkpoint(&from, spec).filter(|_| damaged || begun && !ended) {
            Some(step) => usable.push((step, from)),
            None if !ended || begun => {
                abandon(&from, &base)?;
                aside += 1;
            }
            None => {}
        }
    }
    usable.sort();
    let begun = match usable.pop() {
        Some((_, from)) => fs::rename(&from, own).map(|()| true).map_err(Error::write(own))?,
        None => false,
    };
    for (_, from) in &usable {
        abandon(from, &folder(root, spec))?;
        aside += 1;
    }
    Ok(Room { begun, aside })
}

/// The step of the last checkpoint in a folder that a run can go on in: nobody does, it was not given up, nor is it to
/// take other steps by now.
fn checkpoint(path: &Path, spec: &Spec) -> Option<u64> {
    let directory = RunDirectory::at(path);
    let given_up = || {
        let summary = directory.read_summary().ok().flatten();
        summary.is_some_and(|summary| matches!(summary.stop, StopReason::Hopeless { .. }))
    };
    let step = Checkpoints::in_folder(&directory.checkpoints()).steps().ok()?.into_iter().max();
    let same_steps = || {
        let resumptions = directory.resumptions().unwrap_or_default();
        resumptions.last().is_none_or(|last| last.steps == spec.steps)
    };
    step.filter(|_| !directory.is_running() && !given_up() && same_steps())
}

/// Sets a folder of the run `base` aside.
///
/// # Errors
/// [`Error::Record`].
pub(crate) fn abandon(from: &Path, base: &Path) -> Result<(), Error> {
    let mut number = 1;
    loop {
        let to = with_suffix(base, &format!("{ABANDONED}{number}"));
        if !to.exists() {
            return fs::rename(from, &to).map_err(Error::write(&to));
        }
        number += 1;
    }
}

/// The run in a folder, if it came to its end, and not beyond: it may have been taken further afterwards.
///
/// # Errors
/// [`Damaged`]: a summary that cannot be read, or records that cannot be had although there is one.
fn done(path: &Path, spec: &Spec, hopeless: Hopeless) -> Result<Option<Done>, Damaged> {
    let directory = RunDirectory::at(path);
    let summary = directory.read_summary().map_err(|error| {
        let what = error.source().map_or_else(|| error.to_string(), ToString::to_string);
        Damaged { path: directory.summary(), what }
    })?;
    let ended = |summary: &Summary| match summary.stop {
        StopReason::Interrupted { .. } | StopReason::Failed { .. } => false,
        StopReason::Hopeless { .. } => hopeless == Hopeless::Ended,
        StopReason::StepsDone => summary.steps == spec.steps,
        StopReason::TargetReached { .. }
        | StopReason::NoImprovement { .. }
        | StopReason::Diverged { .. }
        | StopReason::NonFinite { .. } => summary.steps <= spec.steps,
    };
    let Some(summary) = summary.filter(ended) else { return Ok(None) };
    let steps = directory.steps();
    File::open(&steps).map_err(|error| Damaged { path: steps, what: error.to_string() })?;
    Ok(Some(Done { folder: path.to_owned(), summary }))
}

/// The names in a folder, in order; none where there is no folder.
fn names(root: &Path) -> Result<Vec<String>, Error> {
    let entries = match fs::read_dir(root) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::read(root)(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        // A name that is no text is none of ours.
        names.extend(entry.map_err(Error::read(root))?.file_name().into_string());
    }
    names.sort();
    Ok(names)
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn short(digest: &str) -> &str {
    &digest[..DIGITS]
}
