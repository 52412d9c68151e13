use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::claims::{Claim, Claims};
use super::give_up::Judge;
use super::place::{self, Folders, Room};
use super::status::{Hopeless, Status};
use super::workers::{Event, Workers, runs_of};
use crate::Error;
use onedge_record::{Record, RunDirectory, StepWriter, StopReason, Summary};
use onedge_run::{
    DataSets, Error as RunError, Interrupt, Outputs, Place, Request, SharedData, Unfinished, execute_until,
    resume_until,
};
use onedge_spec::Spec;

/// How long it takes at most until it is noticed that another worker is done, or gone.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long it takes at most until an interruption is noticed while waiting.
const WAKE_EVERY: Duration = Duration::from_millis(100);

/// Does all runs of `specs` that are not at their end under `root` (see [`folder`](super::folder)), together with
/// whichever other processes do the same, on this machine or on others that share the folder. Specs that differ in
/// their names only are one run. Comes back when all are done, the others' too; data that `data_sets` has read is not
/// read again. A run on data that are read from files is known by what these hold: when a file has changed, its runs are done anew,
/// and the earlier ones stay where they are.
///
/// An interruption ends the runs in progress before their next step. The next time, whoever does them, they go on from their last
/// checkpoint, if they have one, to the same bits; without one they are begun anew.
///
/// # Errors
/// Data that cannot be read; the first that a run met; other jobs bring their run to its end. What is wrong with specs or data is better found
/// before, by [`check_all`](onedge_run::check_all).
///
/// # Panics
/// If there are no jobs, or the groups of the rule to give up runs are not as many as the specs.
pub fn run(
    specs: &[Spec],
    root: &Path,
    workers: &Workers,
    data_sets: &DataSets,
    observe: &(dyn Fn(Event<'_>) + Sync),
    interrupt: &dyn Interrupt,
) -> Result<Vec<Status>, Error> {
    assert!(workers.jobs > 0, "sweep: no jobs");
    let specs = &identified(specs, data_sets)?[..];
    let groups = workers.give_up.as_ref().map_or(specs.len(), |rule| rule.groups.len());
    assert_eq!(groups, specs.len(), "sweep: groups and specs differ");
    let queue = runs_of(specs, workers.share);
    let (claims, count) = (Claims::open(root)?, queue.len());
    if let Some(error) = claims.without_locks().filter(|_| count > 0) {
        observe(Event::Unlocked { root, error: &error });
    }
    let states =
        Mutex::new(States { of: vec![State::Open; count], asked: Instant::now(), waiting: false, error: None });
    let sweep = Sweep { specs, root, workers, claims, queue, observe, interrupt, states, changed: Condvar::new() };
    std::thread::scope(|scope| {
        for job in 0..workers.jobs.min(count) {
            let shared = data_sets.share();
            let sweep = &sweep;
            scope.spawn(move || sweep.work(job, shared));
        }
    });
    let states = sweep.states.into_inner().unwrap_or_else(PoisonError::into_inner);
    if let Some(error) = states.error {
        return Err(error);
    }
    let broken = sweep.queue.iter().zip(states.of).filter_map(|(run, state)| match state {
        State::Broken(stop) => Some((specs[*run].digest(), stop)),
        _ => None,
    });
    let broken: HashMap<String, StopReason> = broken.collect();
    let mut all = survey(specs, root, workers.hopeless())?;
    for (status, spec) in all.iter_mut().zip(specs) {
        if let (Status::Open, Some(stop)) = (&*status, broken.get(&spec.digest())) {
            *status = Status::Broken(stop.clone());
        }
    }
    Ok(all)
}

/// The specs with what their data hold, where these are read from files.
fn identified(specs: &[Spec], data_sets: &DataSets) -> Result<Vec<Spec>, Error> {
    let mut specs = specs.to_vec();
    DataSets::from(data_sets.share()).identify(&mut specs)?;
    Ok(specs)
}

/// What is there of the runs of `specs` under `root`: those at their end, and those that were; all others are open.
///
/// # Errors
/// [`Error::Record`] for the root.
pub fn survey(specs: &[Spec], root: &Path, hopeless: Hopeless) -> Result<Vec<Status>, Error> {
    let folders = Folders::list(root)?;
    Ok(specs.iter().map(|spec| folders.status(spec, hopeless)).collect())
}

struct Sweep<'a> {
    specs: &'a [Spec],
    root: &'a Path,
    workers: &'a Workers,
    claims: Claims,
    /// The runs to be done.
    queue: Vec<usize>,
    observe: &'a (dyn Fn(Event<'_>) + Sync),
    interrupt: &'a dyn Interrupt,
    states: Mutex<States>,
    /// Told when one of the states has changed.
    changed: Condvar,
}

struct States {
    /// Of each run in the queue.
    of: Vec<State>,
    /// When it was looked last whether others are done.
    asked: Instant,
    waiting: bool,
    error: Option<Error>,
}

#[derive(Debug, Clone, PartialEq)]
enum State {
    /// To be tried.
    Open,
    /// Being tried or done by a job of this process.
    Here,
    /// Done by another process.
    Elsewhere,
    Done,
    Broken(StopReason),
}

impl Sweep<'_> {
    fn work(&self, job: usize, shared: SharedData) {
        let mut data_sets = DataSets::from(shared);
        while let Some(place) = self.next() {
            let state = self.attempt(self.queue[place], job, &mut data_sets);
            let mut states = self.lock();
            states.of[place] = state.unwrap_or_else(|error| {
                states.error.get_or_insert(error);
                State::Open
            });
            self.changed.notify_all();
        }
    }

    /// The next run to try, as its place in the queue. Waits while others do what is left; `None` once all is done, or
    /// nothing more is to be begun.
    fn next(&self) -> Option<usize> {
        let mut states = self.lock();
        loop {
            if self.interrupt.is_set() || states.error.is_some() {
                return None;
            }
            if let Some(place) = states.of.iter().position(|state| *state == State::Open) {
                states.of[place] = State::Here;
                return Some(place);
            }
            let runs = states.of.iter().filter(|state| **state == State::Elsewhere).count();
            if runs == 0 {
                return None;
            }
            if states.asked.elapsed() >= LOOK_EVERY {
                states.asked = Instant::now();
                states.of.iter_mut().filter(|state| **state == State::Elsewhere).for_each(|state| *state = State::Open);
                continue;
            }
            if !std::mem::replace(&mut states.waiting, true) {
                (self.observe)(Event::Waiting { runs });
            }
            states = self.changed.wait_timeout(states, WAKE_EVERY).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn attempt(&self, run: usize, job: usize, data_sets: &mut DataSets) -> Result<State, Error> {
        if self.found(run)? {
            return Ok(State::Done);
        }
        let spec = &self.specs[run];
        let Some(claim) = self.claims.take(&spec.digest())? else { return Ok(State::Elsewhere) };
        // Whoever had it may have brought it to its end just now.
        if self.found(run)? {
            return Ok(State::Done);
        }
        let folder = place::unfinished(self.root, spec, claim.token());
        let Room { begun, aside } = place::make_room(self.root, &folder, spec, self.workers.hopeless())?;
        if self.found(run)? {
            return Ok(State::Done);
        }
        (self.observe)(Event::Started { run, job, after: claim.after.as_ref(), aside });
        self.execute((run, job), data_sets, &claim, (&folder, begun))
    }

    fn found(&self, run: usize) -> Result<bool, Error> {
        let done = place::find(self.root, &self.specs[run], self.workers.hopeless())?;
        if done.is_some() {
            (self.observe)(Event::Found { run });
        }
        Ok(done.is_some())
    }

    fn execute(
        &self,
        (run, job): (usize, usize),
        data_sets: &mut DataSets,
        claim: &Claim,
        (folder, begun): (&Path, bool),
    ) -> Result<State, Error> {
        let spec = &self.specs[run];
        let stop = OfRun { stop: AtomicBool::new(false), sweep: self.interrupt };
        let mut judge = self.workers.give_up.as_ref().map(|rule| Judge::new(rule, self.root, self.specs, run, folder));
        let mut see = |record: &Record| {
            (self.observe)(Event::Step { run, job, record });
            stop.stop.store(self.interrupt.is_set() || claim.is_lost(), Ordering::Relaxed);
            judge.as_mut().and_then(|judge| judge.see(record))
        };
        let mut tell = |sentence: &str| (self.observe)(Event::Told { run, sentence });
        let resumed = if begun { self.go_on(spec, folder, data_sets, &mut see, &stop, &mut tell)? } else { None };
        let result = match resumed {
            Some(summary) => Ok(summary),
            None => {
                let request = Request { spec, place: Place::At(folder), register: None, start: None, save: None };
                execute_until(&request, data_sets, &mut see, &stop).map(|finished| finished.summary)
            }
        };
        if claim.has_been_lost() {
            // The folder was set aside by the worker that has the run now, and what could not be written is of no use.
            (self.observe)(Event::Lost { run, job });
            return Ok(State::Elsewhere);
        }
        let summary = match result {
            // That is between this run and whoever removed it.
            Err(RunError::Incomplete { finished, source }) if source.is_gone() => finished.summary,
            result => result?,
        };
        (self.observe)(Event::Ended { run, job, summary: &summary });
        match summary.stop {
            stop @ (StopReason::Interrupted { .. } | StopReason::Failed { .. }) => Ok(State::Broken(stop)),
            _ => place::publish(folder, self.root, spec).map(|()| State::Done),
        }
    }

    /// Goes on with a run from its last checkpoint, or leaves one as it is that lacks but its records. If none can be used, or something else of the folder cannot, says why,
    /// sets the folder aside and returns nothing.
    fn go_on(
        &self,
        spec: &Spec,
        folder: &Path,
        data_sets: &mut DataSets,
        see: &mut dyn FnMut(&Record) -> Option<StopReason>,
        stop: &dyn Interrupt,
        tell: &mut dyn FnMut(&str),
    ) -> Result<Option<Summary>, Error> {
        let unusable = match Unfinished::open(folder, None, &spec.catalogue) {
            Ok(unfinished) => {
                if let Some(summary) = unfinished.ended().and_then(|_| without_records(folder, tell)) {
                    return Ok(Some(summary));
                }
                match resume_until(unfinished, Outputs::default(), data_sets, see, stop, tell) {
                    Err(error) if is_of_the_folder(&error) => error,
                    resumed => return Ok(Some(resumed?.summary)),
                }
            }
            Err(error @ RunError::Record(onedge_record::Error::Write { .. })) => return Err(error.into()),
            // Whatever else it is, it is in the folder.
            Err(error) => error,
        };
        // The advice at its end is for somebody who would go on with it by hand.
        let why = unusable.to_string();
        tell(&format!("begins anew: {}", why.rsplit_once("; ").map_or(&why[..], |(why, _)| why)));
        place::abandon(folder, &place::folder(self.root, spec))?;
        Ok(None)
    }

    fn lock(&self) -> MutexGuard<'_, States> {
        self.states.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a run of a sweep is asked for: to end with the sweep, or once it has lost its claim.
struct OfRun<'a> {
    stop: AtomicBool,
    sweep: &'a dyn Interrupt,
}

impl Interrupt for OfRun<'_> {
    fn is_set(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn checkpoints_asked(&self) -> u64 {
        self.sweep.checkpoints_asked()
    }
}

/// How a run went that came to its end and has lost its records since; nothing more can be done about that, so it gets a file without any.
fn without_records(folder: &Path, tell: &mut dyn FnMut(&str)) -> Option<Summary> {
    let directory = RunDirectory::at(folder);
    let summary = directory.read_summary().ok().flatten().filter(|_| directory.params().is_file())?;
    StepWriter::at_end(&directory.steps()).ok()?;
    tell(&format!(
        "{}: no records of its {} steps; all else of the run is there",
        directory.steps().display(),
        summary.steps
    ));
    Some(summary)
}

/// Whether a run cannot go on for what its folder holds, so that it is begun anew.
fn is_of_the_folder(error: &RunError) -> bool {
    matches!(
        error,
        RunError::Resume(_)
            | RunError::Record(onedge_record::Error::Checkpoint(_))
            | RunError::Train(onedge_train::Error::State(_))
    )
}
