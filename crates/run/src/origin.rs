use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use onedge_record::checkpoint::{About, Checkpoints};
use onedge_record::{Expected, RunDirectory, Survey, params, write_whole};
use onedge_registry::Value;
use onedge_spec::{CONTENT, Catalogue, Document, Machine, PROVENANCE, Spec};
use onedge_train::{Element, Layout, Problem};

use crate::fingerprint::{of_content, of_file, of_problem};
use crate::session::of_its_data;
use crate::{DataSets, Error, Onward, ResumeError};

/// A run as its folder states it: what was to be done, where it came from and what it recorded.
#[derive(Debug)]
pub(crate) struct Origin {
    pub(crate) directory: RunDirectory,
    /// What was to be done, with the steps that it was last given.
    pub(crate) spec: Spec,
    /// The spec as it was written.
    pub(crate) document: Document,
    /// What its records are.
    pub(crate) survey: Survey,
    /// The checkpoint whose spec stands in for the one that is lost.
    pub(crate) restored_from: Option<PathBuf>,
}

impl Origin {
    /// Reads the folder `path`. A run that was killed before its first step has no records. Of one whose spec is lost, the last
    /// checkpoint that can be used has it, too.
    ///
    /// # Errors
    /// [`Error::NoRun`] where no run was begun; [`Error::NoSpec`] without the spec that the run wrote; files that cannot be
    /// read.
    pub(crate) fn read(path: &Path, catalogue: &Catalogue) -> Result<Self, Error> {
        let directory = RunDirectory::at(path);
        let no_spec = |got| Error::NoSpec { path: directory.spec(), got };
        let (document, restored_from) = document(&directory, catalogue)?;
        // The section is the last: without it the file was cut off, or is another one.
        if restored_from.is_none() && !document.sections.contains_key(PROVENANCE) {
            return Err(no_spec("none of that"));
        }
        let mut spec = Spec::resolve(&document)?;
        if let Some(last) = directory.resumptions()?.last() {
            spec.steps = last.steps;
        }
        // What a fork has of the run that it was forked from was kept as that one does it.
        let expected = Expected { from: forked_at(&document), every: spec.record_every };
        let survey = directory.survey(expected)?;
        Ok(Self { directory, spec, document, survey, restored_from })
    }

    /// How many steps were taken, as records and checkpoints have it.
    pub(crate) fn reached(&self) -> u64 {
        let checkpoints = Checkpoints::in_folder(&self.directory.checkpoints()).steps().unwrap_or_default();
        checkpoints.into_iter().max().unwrap_or(0).max(self.survey.reached())
    }

    /// Writes the spec that is lost, and says so. Whoever calls it holds the lock.
    ///
    /// # Errors
    /// [`Write`](onedge_record::Error::Write); data that cannot be read.
    pub(crate) fn restore_spec(&self, data_sets: &mut DataSets, tell: &mut dyn FnMut(&str)) -> Result<(), Error> {
        let Some(file) = &self.restored_from else { return Ok(()) };
        let (path, file) = (self.directory.spec(), file.display().to_string());
        tell(&format!("{}: lost; written anew, with the settings that {file} has", path.display()));
        let spec = Spec::resolve(&self.document)?;
        let mut sources = vec![("restored_from".to_owned(), Value::Text(file))];
        sources.extend(of_its_data(&spec, self.directory.path(), data_sets)?);
        let text = spec.to_toml_from(&sources);
        Ok(write_whole(&path, text.as_bytes())?)
    }

    /// Says which records are lost of a run that goes on from the checkpoint at `step`, which knows how many are `lost` of those before, unless an
    /// earlier version wrote it.
    pub(crate) fn tell_of_lost(&self, step: u64, lost: Option<u64>, tell: &mut dyn FnMut(&str)) {
        let (survey, path) = (&self.survey, self.directory.steps());
        let path = path.display();
        let mut damaged = survey.damaged();
        if let Some(line) = damaged.next() {
            let more = if damaged.len() == 0 { String::new() } else { format!(", nor are {} more", damaged.len()) };
            tell(&format!("{path}:{line}: no step record{more}; kept in superseded.jsonl"));
        }
        let missing = survey.missing(step);
        let lost = lost.unwrap_or(missing.len() as u64);
        if lost > 0 && missing.is_empty() {
            let records = if lost == 1 { "a record".to_owned() } else { format!("{lost} records") };
            tell(&format!("{path}: {records} of steps before {step} lost; the run goes on without"));
        }
        if lost > 0 && !missing.is_empty() {
            tell(&format!("{path}: no records of {}; the run goes on without them", steps_of(&missing)));
        }
        let again = survey.missing(self.reached());
        let again: Vec<Range<u64>> = again.into_iter().filter(|gap| gap.end > step).collect();
        if !again.is_empty() {
            tell(&format!("{path}: no records of {}, which are taken again", steps_of(&again)));
        }
    }

    /// What begins it again, for somebody who cannot go on with it.
    pub(crate) fn again(&self) -> String {
        match self.directory.is_attempt() {
            true => "start its sweep again, which begins it anew".to_owned(),
            false => format!("try its spec, {}, in a new folder", self.directory.spec().display()),
        }
    }

    /// Whether it began in the middle of another run.
    pub(crate) fn is_fork(&self) -> bool {
        self.provenance("forked_from").is_some()
    }

    /// The first step that is its own: 0, or where it left the run that it was forked from.
    pub(crate) fn forked_at(&self) -> u64 {
        forked_at(&self.document)
    }

    /// Whether it began with random parameters.
    pub(crate) fn is_fresh(&self) -> bool {
        !self.is_fork()
            && self.provenance("start").is_none()
            && self.provenance("restored_from").is_none()
            && self.restored_from.is_none()
    }

    /// The parameters that it began with.
    ///
    /// # Errors
    /// [`ResumeError::OtherStart`] if the file that held them has changed; what is wrong with it.
    pub(crate) fn first_parameters<T: Element>(&self, problem: &Problem<T>) -> Result<Vec<T>, Error> {
        match self.start()? {
            Some(path) => Ok(params::load(&path, &problem.layouts)?),
            None => Ok(problem.initial(self.spec.seed)),
        }
    }

    /// The same for a run that may be a fork, without a problem at hand: `random` gives what the seed does.
    ///
    /// # Errors
    /// Those of [`first_parameters`](Self::first_parameters); [`Error::Option`] for a fork, which began in the middle of another run.
    pub(crate) fn initial_parameters<T: Element>(
        &self,
        layouts: &[Layout],
        random: impl FnOnce() -> Vec<T>,
    ) -> Result<Vec<T>, Error> {
        let run = self.directory.path().display();
        if let Some(origin) = self.provenance("forked_from") {
            let expected = format!("a run that began at step 0; try the run that it was forked from, {origin}");
            return Err(Error::Option { option: "initial", expected, got: format!("{run}, a fork") });
        }
        match self.start()? {
            Some(path) => Ok(params::load(&path, layouts)?),
            None => Ok(random()),
        }
    }

    /// The file of parameters that it began with, if there is one.
    ///
    /// # Errors
    /// [`ResumeError::OtherStart`] if it has changed.
    fn start(&self) -> Result<Option<PathBuf>, Error> {
        let Some(path) = self.provenance("start").map(PathBuf::from) else { return Ok(None) };
        let expected = self.provenance("start_sha256").unwrap_or_default().to_owned();
        if of_file(&path)? != expected {
            return Err(ResumeError::OtherStart { path, expected }.into());
        }
        Ok(Some(path))
    }

    /// What its data held, if it noted that.
    pub(crate) fn content(&self) -> Option<&str> {
        self.provenance(CONTENT)
    }

    /// Whether data that were read again hold what they held.
    ///
    /// # Errors
    /// [`ResumeError::OtherData`].
    pub(crate) fn check_data<T>(&self, problem: &Problem<T>) -> Result<(), Error> {
        match (self.content(), &problem.data) {
            (Some(content), Some(data)) if content != of_content(data) => Err(self.other_data()),
            _ => Ok(()),
        }
    }

    fn other_data(&self) -> Error {
        let steps = Checkpoints::in_folder(&self.directory.checkpoints()).steps().unwrap_or_default();
        let origin = self.directory.spec().display().to_string();
        let onward = steps.first().map_or(Onward::Anew, |step| Onward::Fork(*step));
        ResumeError::OtherData { origin, place: place_of_data(&self.spec), onward }.into()
    }

    /// Whether the settings in a checkpoint are those of this run as they are now.
    ///
    /// # Errors
    /// [`ResumeError::OtherSetting`].
    pub(crate) fn check_settings(&self, about: &About) -> Result<(), Error> {
        let origin = self.directory.spec().display().to_string();
        let before = Document::parse("the spec in a checkpoint", &about.spec)?;
        let before = Spec::resolve(&before.with_catalogue(&self.spec.catalogue))?;
        if let Some(difference) = before.difference(&self.spec) {
            let (key, before, now) = (difference.key, difference.one, difference.other);
            return Err(ResumeError::OtherSetting { origin, key, before, now }.into());
        }
        Ok(())
    }

    /// Whether a checkpoint is of this run as it is now.
    ///
    /// # Errors
    /// [`ResumeError::OtherSetting`], [`ResumeError::OtherData`].
    pub(crate) fn check<T>(&self, about: &About, problem: &Problem<T>) -> Result<(), Error> {
        self.check_settings(about)?;
        if about.data != of_problem(problem) { Err(self.other_data()) } else { Ok(()) }
    }

    /// A sentence on what may change bits if the run goes on here, if there is anything.
    pub(crate) fn machine_note(&self) -> Option<String> {
        let Machine { version, system, processor, .. } = Machine::this();
        let was = |key, now: &str| {
            self.provenance(key).filter(|was| *was != now).map(|was| format!("{key} {was}, now {now}"))
        };
        let other = was("processor", &processor).or(was("system", &system)).or(was("version", &version))?;
        Some(format!("the run began with {other}: from here on it may differ in the last bits"))
    }

    fn provenance(&self, key: &str) -> Option<&str> {
        match self.document.sections.get("provenance")?.get(key)? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// The step at which the run of a spec left another one; 0 if it is no fork.
fn forked_at(document: &Document) -> u64 {
    match document.sections.get(PROVENANCE).and_then(|section| section.get("forked_at")) {
        Some(Value::Integer(at)) => u64::try_from(*at).unwrap_or(0),
        _ => 0,
    }
}

/// The setting that says where the data of a spec are: `data.path`, or the first of several.
pub(crate) fn place_of_data(spec: &Spec) -> String {
    format!("data.{}", spec.paths_of_data().first().unwrap_or(&"path"))
}

/// The spec of the run in a folder as it was written, with files of its data where they are by now. Of one that is lost, the last
/// checkpoint that can be used has the settings: then its file is returned, too.
///
/// # Errors
/// [`Error::NoRun`] where no run was begun; [`Error::NoSpec`] without a spec; a run on a model or loss that only its program has; a file that
/// cannot be read.
pub(crate) fn document(directory: &RunDirectory, catalogue: &Catalogue) -> Result<(Document, Option<PathBuf>), Error> {
    let (document, restored_from) = if is_there(&directory.spec()) {
        (Document::read(&directory.spec())?, None)
    } else {
        match Checkpoints::in_folder(&directory.checkpoints()).last_about()? {
            Some((file, about)) => (Document::parse(&file.display().to_string(), &about.spec)?, Some(file)),
            None if directory.spec().is_file() => {
                return Err(Error::NoSpec { path: directory.spec(), got: "nothing in it" });
            }
            None if directory.steps().is_file() => {
                return Err(Error::NoSpec { path: directory.spec(), got: "no such file" });
            }
            None => return Err(onedge_record::Error::NoRun(directory.path().to_owned()).into()),
        }
    };
    let mut document = document.with_catalogue(catalogue).in_run();
    require_known(&document, directory.path())?;
    for (key, places) in directory.resumptions()?.into_iter().flat_map(|resumption| resumption.files) {
        let absolute = places.iter().find(|place| place.is_absolute()).and_then(|place| place.to_str());
        if let Some(absolute) = absolute {
            document.place(&key, Value::Text(absolute.to_owned()));
        }
        let seen = places.iter().map(|place| directory.path().join(place)).collect();
        document.look_first(&key, seen);
    }
    Ok((document, restored_from))
}

/// Whether a spec can say all of a run. Of one on an own model or loss it cannot.
fn require_known(document: &Document, path: &Path) -> Result<(), Error> {
    let name = |section: &str| match document.sections.get(section).and_then(|section| section.get("name")) {
        Some(Value::Text(name)) => name.as_str(),
        _ => "",
    };
    if name("model") != "own" || document.catalogue().names("model").contains(&"own") {
        return Ok(());
    }
    let path = path.display();
    let got = if name("data") == "python" {
        format!(
            "{path}, whose loss is in Python; there, with its objective o, measure by o.linearize(onedge.run(\"{path}\").parameters(o)) and \
             o.diagnostics(...), and go on by onedge.train(o, ..., run=\"{path}\", resume=True)"
        )
    } else {
        format!("{path}, whose model and data only the program has that trained it; call that again to go on")
    };
    Err(Error::Option { option: "run", expected: "one of a spec".to_owned(), got })
}

/// What the run in the folder `run` was to do, with files of its data where they are by now.
///
/// # Errors
/// A folder without a run, or whose spec cannot be read.
pub fn document_of(run: &Path, catalogue: &Catalogue) -> Result<Document, Error> {
    Ok(document(&RunDirectory::open(run)?, catalogue)?.0)
}

/// Whether a file is there and has something in it: a loss of power may leave it empty, or full of zeros.
fn is_there(path: &Path) -> bool {
    path.is_file()
        && !fs::read(path).is_ok_and(|bytes| bytes.iter().all(|byte| *byte == 0 || byte.is_ascii_whitespace()))
}

/// `steps 3 to 7 and 9`
pub(crate) fn steps_of(gaps: &[Range<u64>]) -> String {
    let one = |gap: &Range<u64>| match gap.end - gap.start {
        1 => gap.start.to_string(),
        _ => format!("{} to {}", gap.start, gap.end - 1),
    };
    match gaps {
        [gap] if gap.end - gap.start == 1 => format!("step {}", gap.start),
        [gap] => format!("steps {}", one(gap)),
        [first, second] => format!("steps {} and {}", one(first), one(second)),
        [first, second, rest @ ..] => {
            format!("steps {}, {} and {} more stretches", one(first), one(second), rest.len())
        }
        [] => "no steps".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_told_in_words() {
        let one = |from, to| steps_of(std::slice::from_ref(&(from..to)));
        assert_eq!(one(3, 4), "step 3");
        assert_eq!(one(0, 20), "steps 0 to 19");
        assert_eq!(steps_of(&[0..2, 4..5]), "steps 0 to 1 and 4");
        assert_eq!(steps_of(&[0..2, 4..5, 7..9, 11..12]), "steps 0 to 1, 4 and 2 more stretches");
    }
}
