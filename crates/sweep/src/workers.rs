use std::collections::HashMap;
use std::path::Path;

use super::claims::Owner;
use super::give_up::GiveUp;
use super::status::Hopeless;
use onedge_record::{Record, Summary};
use onedge_spec::Spec;

/// Who does the runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Workers {
    /// How many runs this process does at a time, each with the threads that its spec asks for.
    pub jobs: usize,
    /// The part of the runs that this process does, if not all that nobody else does.
    pub share: Option<Share>,
    /// How hopeless runs are given up, if they are. Only then is a run at its end that was given up.
    pub give_up: Option<GiveUp>,
}

/// The i-th of n disjoint shares of the runs: every n-th one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// i, from 1.
    pub index: usize,
    /// n
    pub of: usize,
}

/// What there is to see while a sweep runs. Runs are counted as their specs are, jobs from 0.
pub enum Event<'a> {
    /// A run was at its end before this process could do it.
    Found {
        /// The run.
        run: usize,
    },
    /// A run begins.
    Started {
        /// The run.
        run: usize,
        /// The job that does it.
        job: usize,
        /// The worker that had it before and is gone.
        after: Option<&'a Owner>,
        /// How many folders of earlier attempts were set aside.
        aside: usize,
    },
    /// What is to be known of how a run goes on from where an earlier worker left it.
    Told {
        /// The run.
        run: usize,
        /// A sentence without its full stop.
        sentence: &'a str,
    },
    /// A step was taken.
    Step {
        /// The run.
        run: usize,
        /// The job that does it.
        job: usize,
        /// What was recorded.
        record: &'a Record,
    },
    /// A run came to an end.
    Ended {
        /// The run.
        run: usize,
        /// The job that did it.
        job: usize,
        /// How it went.
        summary: &'a Summary,
    },
    /// Another worker has taken the run over.
    Lost {
        /// The run.
        run: usize,
        /// The job that did it.
        job: usize,
    },
    /// The file system of the runs gives no locks, so that those in progress look like ones that were killed.
    Unlocked {
        /// The folder that they are in.
        root: &'a Path,
        /// What the system says.
        error: &'a std::io::Error,
    },
    /// Nothing is left but what other workers do.
    Waiting {
        /// How many runs.
        runs: usize,
    },
}

impl Workers {
    /// So many jobs for all runs; none are given up.
    pub fn new(jobs: usize) -> Self {
        Self { jobs, share: None, give_up: None }
    }

    /// What a run is that was given up.
    pub fn hopeless(&self) -> Hopeless {
        if self.give_up.is_some() { Hopeless::Ended } else { Hopeless::Unwanted }
    }
}

/// The runs of a share, or all, each once: of specs that differ in their names only, the first.
pub fn runs_of(specs: &[Spec], share: Option<Share>) -> Vec<usize> {
    let mut seen = HashMap::new();
    for (run, spec) in specs.iter().enumerate() {
        seen.entry(spec.digest()).or_insert(run);
    }
    let mut runs: Vec<usize> = seen.into_values().collect();
    runs.sort_unstable();
    let Some(Share { index, of }) = share else { return runs };
    runs.into_iter().enumerate().filter(|(place, _)| place % of + 1 == index).map(|(_, run)| run).collect()
}
