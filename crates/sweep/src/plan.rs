//! What a sweep is to do, as a file that others can read while it goes: those who show how far it is.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::claims::{self, LIMIT, Owner};
use super::host;
use super::trials::Trial;
use super::watch::Watch;
use crate::{Error, Metric};
use onedge_record::{UNFINISHED, write_whole};
use onedge_run::file_name;

/// What the name of its folder ends with.
pub const SWEEP_FOLDER: &str = ".sweep";
/// Its file there.
pub const PLAN: &str = "plan.json";
/// So many digits of a digest are in the names of folders.
const DIGITS: usize = 12;

/// The runs of a sweep, as they were asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The name of its file.
    pub sweep: String,
    /// By which the best of each group is chosen.
    pub metric: String,
    /// Whether the smaller is the better one.
    pub smaller_is_better: bool,
    /// Whether runs that are given up as hopeless are at their end.
    pub gives_up: bool,
    /// All of them.
    pub runs: Vec<Planned>,
}

/// One of its runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Planned {
    /// The runs of which one is the best.
    pub group: String,
    /// Where in its group, seeds apart.
    pub label: String,
    /// The settings that vary, seeds apart, each with its value.
    pub coordinates: BTreeMap<String, serde_json::Value>,
    /// The seed.
    pub seed: u64,
    /// Steps that it is to take.
    pub steps: u64,
    /// What the name of its folder begins with.
    pub name: String,
    /// The first digits of its digest, which the name of its folder ends with.
    pub digest: String,
}

/// A worker that has a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Worker {
    /// Who it is; unknown if its claim cannot be read.
    pub owner: Option<Owner>,
    /// For how many seconds it is known to have given no sign of life.
    pub silent: f64,
    /// Whether it is gone: its process on this machine does not exist, or it gave no sign for a minute in which it was watched.
    pub is_gone: bool,
}

impl Plan {
    /// Of these trials.
    pub fn new(sweep: &str, trials: &[Trial], metric: &Metric, gives_up: bool) -> Self {
        let planned = |trial: &Trial| Planned {
            group: trial.group.clone(),
            label: trial.label.clone(),
            coordinates: trial.coordinates.iter().map(|(key, value)| (key.clone(), json(value))).collect(),
            seed: trial.spec.seed,
            steps: trial.spec.steps,
            name: file_name(&trial.spec.name),
            digest: trial.spec.digest()[..DIGITS].to_owned(),
        };
        let smaller_is_better = metric.rank(1.0) > 0.0;
        let runs = trials.iter().map(planned).collect();
        Self { sweep: sweep.to_owned(), metric: metric.name().to_owned(), smaller_is_better, gives_up, runs }
    }

    /// Writes it into `folder`, which must be there.
    ///
    /// # Errors
    /// [`Error::Record`].
    pub fn write(&self, folder: &Path) -> Result<(), Error> {
        let text = serde_json::to_vec(self).map_err(|error| Error::write(folder)(error.into()))?;
        Ok(write_whole(&folder.join(PLAN), &text)?)
    }

    /// Which run of the plan a folder is of, and whether that came to its end there: by the name of the folder.
    pub fn place(folder: &str) -> Option<(&str, bool)> {
        let (base, ended) = folder.split_once(UNFINISHED).map_or((folder, true), |(base, _)| (base, false));
        let (_, digest) = base.rsplit_once('-')?;
        (digest.len() == DIGITS && digest.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some((digest, ended))
    }
}

/// Who has which run below `root`, by the digits of digests in the names of folders. Nothing is written; claims that cannot be read are
/// those of somebody unknown. Whoever asks again and again, with the same watch, learns who is gone.
///
/// # Errors
/// [`Error::Record`] for a folder that cannot be read.
pub fn workers(root: &Path, watch: &Watch) -> Result<HashMap<String, Worker>, Error> {
    workers_at(root, watch, Instant::now())
}

fn workers_at(root: &Path, watch: &Watch, now: Instant) -> Result<HashMap<String, Worker>, Error> {
    let (this, mut found) = (host::this(), HashMap::new());
    watch.retain(|path| path.exists());
    for (digest, path) in claims::list(root)? {
        let Some(there) = claims::look(&path)? else { continue };
        let owner: Option<Owner> = serde_json::from_slice(&there.0).ok();
        let silent = watch.unchanged(&path, &there, now);
        let is_gone = silent > LIMIT || this.has_ended(owner.as_ref());
        found.insert(digest[..DIGITS].to_owned(), Worker { owner, silent: silent.as_secs_f64(), is_gone });
    }
    Ok(found)
}

/// A value of a setting.
fn json(value: &onedge_registry::Value) -> serde_json::Value {
    use onedge_registry::Value;
    match value {
        Value::Integer(integer) => (*integer).into(),
        Value::Number(number) => (*number).into(),
        Value::Flag(flag) => (*flag).into(),
        Value::Text(text) => text.clone().into(),
        other => other.to_string().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Sweep;
    use onedge_run::DataSets;
    use onedge_spec::Catalogue;

    #[test]
    fn a_plan_says_what_varies_and_is_read_back() {
        let text = "seed = [0, 1]\nsteps = 7\n[tuner]\nname = \"cdat\"\nsigma = [1.0, 2]\n[sweep]\nmetric = \"test.accuracy\"\n";
        let sweep = Sweep::parse("a.toml", text, &[], &Catalogue::standard()).unwrap();
        let trials = sweep.trials(&mut DataSets::new(None)).unwrap();
        let plan = Plan::new("a.toml", &trials, &sweep.metric(), false);
        assert_eq!((plan.runs.len(), plan.metric.as_str(), plan.smaller_is_better), (4, "test.accuracy", false));
        assert_eq!(plan.runs[0].coordinates, BTreeMap::from([("tuner.sigma".to_owned(), 1.0.into())]));
        assert_eq!((plan.runs[3].seed, plan.runs[3].steps), (1, 7));
        let root = tempfile::tempdir().unwrap();
        plan.write(root.path()).unwrap();
        let text = std::fs::read_to_string(root.path().join(PLAN)).unwrap();
        assert_eq!(serde_json::from_str::<Plan>(&text).unwrap(), plan);
        let folder = crate::folder(root.path(), &trials[2].spec);
        let name = folder.file_name().unwrap().to_str().unwrap();
        assert_eq!(Plan::place(name), Some((&plan.runs[2].digest[..], true)));
    }

    #[test]
    fn folders_say_which_run_they_are_of() {
        assert_eq!(Plan::place("a-b-0123456789ab"), Some(("0123456789ab", true)));
        assert_eq!(Plan::place("a-0123456789ab.unfinished-77"), Some(("0123456789ab", false)));
        for other in ["a", "a-0123456789ab.abandoned-1", "a-0123456789a", "a-0123456789xy", "0123456789ab"] {
            assert_eq!(Plan::place(other), None, "{other}");
        }
    }

    #[test]
    fn workers_are_told_by_their_claims() {
        let root = tempfile::tempdir().unwrap();
        let watch = Watch::default();
        assert!(workers(root.path(), &watch).unwrap().is_empty());
        let digest = "0123456789ab".repeat(6)[..64].to_owned();
        let claims = claims::Claims::open(root.path()).unwrap();
        let claim = claims.take(&digest).unwrap().unwrap();
        let path = root.path().join(".claims").join(&digest);
        let worker = || workers(root.path(), &watch).unwrap()["0123456789ab"].clone();
        assert!(!worker().is_gone && worker().owner.unwrap().pid == std::process::id());
        let text = std::fs::read_to_string(&path).unwrap();
        drop(claim);
        assert!(workers(root.path(), &watch).unwrap().is_empty());
        // A process that does not exist, and one of another machine, which is not heard of for long.
        let pid = format!("\"pid\":{}", std::process::id());
        std::fs::write(&path, text.replace(&pid, "\"pid\":999999999")).unwrap();
        assert_eq!(worker().is_gone, cfg!(unix));
        std::fs::write(&path, text.replace("\"host\":\"", "\"host\":\"other-")).unwrap();
        assert!(!worker().is_gone);
        // Its clock may be hours behind.
        let long_ago = std::time::SystemTime::now() - 100 * LIMIT;
        std::fs::File::options().write(true).open(&path).unwrap().set_modified(long_ago).unwrap();
        assert!(!worker().is_gone && worker().silent < 60.0);
        let later = workers_at(root.path(), &watch, Instant::now() + 2 * LIMIT).unwrap()["0123456789ab"].clone();
        assert!(later.is_gone && later.silent > 100.0);
        std::fs::write(&path, "{").unwrap();
        assert_eq!(worker().owner, None);
    }
}
