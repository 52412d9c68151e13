use onedge_objective::State;
use onedge_record::checkpoint::{Checkpoint, Checkpoints};
use onedge_record::{Error as RecordError, Record, RunDirectory, RunLock, StopReason, Survey, check_writable};
use onedge_registry::Value;
use onedge_spec::{Catalogue, Precision, Spec};
use onedge_train::{Element, Layout, Prepared};
use std::error::Error as _;
use std::path::Path;

use crate::meaning::read_as_told;
use crate::origin::Origin;
use crate::prepare::prepare;
use crate::recorded::Kept;
use crate::registration::Registration;
use crate::session::{Described, Left, Moved, Opening, Session};
use crate::{DataSets, Error, Finished, Interrupt, Outputs, ResumeError};

/// A run that was begun, held so that no other process goes on with it.
#[derive(Debug)]
pub struct Unfinished {
    origin: Origin,
    lock: Option<RunLock>,
    ended: Option<StopReason>,
    moved: Moved,
    /// Why it could not be locked, where that is so.
    unlocked: Option<String>,
    /// What is to be said of its folder.
    notes: Vec<String>,
}

impl Unfinished {
    /// The run in the folder `path`, to take so many steps in all if `steps` says; names
    /// in its spec are looked up in `catalogue`.
    ///
    /// # Errors
    /// [`Error::Record`] for a folder without a run, or one that another process does; [`Error::Option`] if it has taken as many steps
    /// already; files that cannot be read.
    pub fn open(path: &Path, steps: Option<u64>, catalogue: &Catalogue) -> Result<Self, Error> {
        Self::open_with(path, steps, &[], catalogue)
    }

    /// The same with settings changed by `changes`, as [`Document::set`](onedge_spec::Document::set) does: where files of its data are by now, which the run
    /// keeps from then on, and `engine.threads` and `engine.memory_mib` for this time. All others are those of the run.
    ///
    /// # Errors
    /// Those of [`open`](Self::open); [`Error::Option`] for a setting that makes another run, or a file that is not there.
    pub fn open_with(
        path: &Path,
        steps: Option<u64>,
        changes: &[String],
        catalogue: &Catalogue,
    ) -> Result<Self, Error> {
        // Read once before anything is written, the lock included, into what may be no run.
        let (mut unlocked, mut notes) = (None, Vec::new());
        let lock = Origin::read(path, catalogue)?.directory.lock(&mut |why| unlocked = Some(why.to_owned()))?;
        let mut origin = Origin::read(path, catalogue)?;
        // One that cannot be read tells nothing, and is written anew.
        let summary = origin.directory.read_summary().unwrap_or_else(|error| {
            let (path, why) = (origin.directory.summary(), error.source().map_or(String::new(), ToString::to_string));
            notes.push(format!("{}: damaged ({why}); a new one is written at the end", path.display()));
            None
        });
        let end_at = |steps| {
            summary.as_ref().and_then(|summary| match &summary.stop {
                StopReason::StepsDone => (summary.steps >= steps).then_some(StopReason::StepsDone),
                StopReason::Interrupted { .. } | StopReason::Failed { .. } => None,
                stop => Some(stop.clone()),
            })
        };
        if let Some(steps) = steps {
            let taken = summary.as_ref().map_or(0, |summary| summary.steps).max(origin.reached());
            if steps <= taken {
                let further = match origin.spec.steps {
                    whole if whole > taken && end_at(whole).is_none() => {
                        format!(" (without it the run goes on to {whole})")
                    }
                    _ => String::new(),
                };
                let expected = format!("more than {taken}, the steps that {} has recorded{further}", path.display());
                return Err(Error::Option { option: "steps", expected, got: steps.to_string() });
            }
            origin.spec.steps = steps;
        }
        let moved = change(&mut origin, changes)?;
        let ended = end_at(origin.spec.steps);
        Ok(Self { origin, lock, ended, moved, unlocked, notes })
    }

    /// What is to be done, with the steps that it is to take in all.
    pub fn spec(&self) -> &Spec {
        &self.origin.spec
    }

    /// How it ended, if there is nothing left to do.
    pub fn ended(&self) -> Option<&StopReason> {
        self.ended.as_ref()
    }
}

/// Changes what may change while a run goes on. Returns where files are by now.
fn change(origin: &mut Origin, changes: &[String]) -> Result<Moved, Error> {
    const HARMLESS: [&str; 2] = ["engine.threads", "engine.memory_mib"];
    let mut moved = Moved::new();
    if changes.is_empty() {
        return Ok(moved);
    }
    let known: Vec<String> = origin.spec.paths_of_data().iter().map(|key| format!("data.{key}")).collect();
    for change in changes {
        origin.document.set(change)?;
        let key = change.split('=').next().unwrap_or_default().trim();
        let is_path = key.strip_prefix("data.").is_some_and(|key| origin.spec.paths_of_data().contains(&key));
        if !is_path && !HARMLESS.contains(&key) {
            let free: Vec<&str> = known.iter().map(String::as_str).chain(HARMLESS).collect();
            let expected =
                format!("one of {}, as a run goes on with its settings; try a fork to change others", free.join(", "));
            return Err(Error::Option { option: "set", expected, got: change.clone() });
        }
        let Some(Value::Text(place)) = origin.document.get(key).filter(|_| is_path) else { continue };
        let place = Path::new(place);
        if !place.exists() {
            let expected = format!("the place of a file or folder for {key}, as seen from the current folder");
            return Err(Error::Option {
                option: "set",
                expected,
                got: format!("{}, where there is none", place.display()),
            });
        }
        moved.insert(key.to_owned(), onedge_spec::places_from(place, origin.directory.path()));
    }
    let steps = origin.spec.steps;
    origin.spec = Spec { steps, ..Spec::resolve(&origin.document)? };
    Ok(moved)
}

/// Goes on with a run from its last checkpoint, in its own folder, to the same bits as though it had never stopped. A run
/// that was stopped before its first checkpoint begins again. `tell` gets a sentence on where it goes on, on each checkpoint that could not be used
/// and on what else is lost of the folder.
///
/// Where records are lost, the run goes on from the last checkpoint before the first of them, which takes their steps again, or, if there is none,
/// from the last one of all, without them. Records of steps that are taken again are kept in
/// [`superseded.jsonl`](onedge_record::RunDirectory::superseded). A spec that is lost is written anew from the last checkpoint.
///
/// # Errors
/// [`ResumeError`]: a run that has ended, checkpoints that cannot be used, settings or data that have changed. Beyond that as
/// [`execute`](super::execute).
pub fn resume(
    unfinished: Unfinished,
    outputs: Outputs<'_>,
    data_sets: &mut DataSets,
    observe: &mut dyn FnMut(&Record),
    interrupt: &dyn Interrupt,
    tell: &mut dyn FnMut(&str),
) -> Result<Finished, Error> {
    let mut judge = |record: &Record| {
        observe(record);
        None
    };
    resume_until(unfinished, outputs, data_sets, &mut judge, interrupt, tell)
}

/// The same, with the run ended where `judge`, which sees every record from there on, gives a reason to.
///
/// # Errors
/// Those of [`resume`].
pub fn resume_until(
    unfinished: Unfinished,
    outputs: Outputs<'_>,
    data_sets: &mut DataSets,
    judge: &mut dyn FnMut(&Record) -> Option<StopReason>,
    interrupt: &dyn Interrupt,
    tell: &mut dyn FnMut(&str),
) -> Result<Finished, Error> {
    match unfinished.spec().precision {
        Precision::F32 => resume_in::<f32>(unfinished, outputs, data_sets, judge, interrupt, tell),
        Precision::F64 => resume_in::<f64>(unfinished, outputs, data_sets, judge, interrupt, tell),
    }
}

fn resume_in<T: Element>(
    unfinished: Unfinished,
    outputs: Outputs<'_>,
    data_sets: &mut DataSets,
    judge: &mut dyn FnMut(&Record) -> Option<StopReason>,
    interrupt: &dyn Interrupt,
    tell: &mut dyn FnMut(&str),
) -> Result<Finished, Error> {
    let Unfinished { origin, lock, ended, moved, unlocked, notes } = unfinished;
    if let Some(stop) = ended {
        return Err(ResumeError::Ended { run: origin.directory.path().to_owned(), stop }.into());
    }
    unlocked.iter().for_each(|why| data_sets.warn(why));
    read_as_told(&origin, data_sets)?;
    let prepared = prepare::<T>(&origin.spec, data_sets)?;
    origin.check_data(&prepared.problem)?;
    if let Some(path) = outputs.save {
        check_writable(path)?;
    }
    let layouts = &prepared.problem.layouts;
    let checkpoint = last_with_records::<T>(&origin.directory, &origin.survey, layouts, &origin.again(), tell)?;
    let (checkpoint, w) = or_beginning(checkpoint, &origin, &prepared)?;
    let step = checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.about.step);
    let lost = checkpoint.as_ref().map(|checkpoint| lost(&origin.directory, &origin.survey, &checkpoint.records));
    let lost = lost.transpose()?.flatten();
    tell(&match step {
        0 => "there is no checkpoint to go on from: begins again at step 0".to_owned(),
        step => format!("goes on from the checkpoint at step {step} of {}", origin.spec.steps),
    });
    notes.iter().for_each(|note| tell(note));
    origin.tell_of_lost(step, lost, tell);
    if let Some(note) = origin.machine_note() {
        tell(&note);
    }
    origin.restore_spec(data_sets, tell)?;
    let (first, is_fresh) = (origin.forked_at(), origin.is_fresh());
    let Origin { directory, spec, .. } = origin;
    let opening = Opening::Resumed(checkpoint.map(Left::of), moved);
    let registration = Registration::of(outputs.register, directory.path(), lock);
    let save = outputs.save;
    Session { described: Described::by(&spec), prepared, directory, registration, opening, w, first, is_fresh, save }
        .run(data_sets, judge, interrupt)
}

/// The checkpoint from which a run goes on: the last one before which no record is lost or, if there is none, the last one.
///
/// # Errors
/// [`CheckpointError`](onedge_record::checkpoint::CheckpointError); records that cannot be read.
pub(crate) fn last_with_records<T: Element>(
    directory: &RunDirectory,
    survey: &Survey,
    layouts: &[Layout],
    again: &str,
    tell: &mut dyn FnMut(&str),
) -> Result<Option<Checkpoint<T>>, RecordError> {
    let has_records = &mut |checkpoint: &Checkpoint<T>| match lost(directory, survey, &checkpoint.records)? {
        Some(lost) => Ok(lost == 0),
        None => Ok(checkpoint.about.step <= survey.gapless()),
    };
    Checkpoints::in_folder(&directory.checkpoints()).last_for(layouts, again, tell, has_records)
}

/// How many records that a checkpoint knows of are lost; `None` where it knows of none, being of an earlier version.
fn lost(directory: &RunDirectory, survey: &Survey, known: &State<f64>) -> Result<Option<u64>, RecordError> {
    let Some(Kept { records, reached }) = Kept::of_state(known) else { return Ok(None) };
    Ok(Some(records.saturating_sub(survey.count_below(&directory.steps(), reached)?)))
}

/// The last checkpoint of a run up to the step `most`, if there is one, and the parameters to start from without.
///
/// # Errors
/// [`ResumeError`].
pub(crate) fn state_at<T: Element>(
    origin: &Origin,
    most: u64,
    prepared: &Prepared<T>,
    tell: &mut dyn FnMut(&str),
) -> Result<(Option<Checkpoint<T>>, Vec<T>), Error> {
    let folder = origin.directory.checkpoints();
    let layouts = &prepared.problem.layouts;
    let checkpoint = Checkpoints::in_folder(&folder).last::<T>(most, layouts, &origin.again(), tell)?;
    or_beginning(checkpoint, origin, prepared)
}

/// A checkpoint, if there is one, and the parameters to start from without.
fn or_beginning<T: Element>(
    checkpoint: Option<Checkpoint<T>>,
    origin: &Origin,
    prepared: &Prepared<T>,
) -> Result<(Option<Checkpoint<T>>, Vec<T>), Error> {
    let problem = &prepared.problem;
    match checkpoint {
        Some(checkpoint) => {
            origin.check(&checkpoint.about, problem)?;
            Ok((Some(checkpoint), vec![T::ZERO; problem.layouts.iter().map(Layout::size).sum()]))
        }
        None if origin.is_fork() => Err(ResumeError::NoBeginning(origin.directory.checkpoints()).into()),
        None => Ok((None, origin.first_parameters(problem)?)),
    }
}
