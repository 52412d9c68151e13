//! What the data of a run mean, as the run left it, and how other data are read by it.

use std::collections::BTreeMap;
use std::path::Path;

use onedge_data::table::TableEncoding;
use onedge_data::{Meaning, Split, Summary};
use onedge_record::{RunDirectory, params};
use onedge_registry::Value;
use onedge_spec::{CONTENT, PROVENANCE, Precision, Spec};
use onedge_train::engine;
use serde::{Deserialize, Serialize};

use crate::origin::{Origin, place_of_data};
use crate::{DataSets, Error, Onward, ResumeError, document_of};

/// Leaves it in the folder of a run that begins.
/// `name` is that of the data set.
pub(crate) fn leave(directory: &RunDirectory, name: &str, data: &Split) -> Result<(), Error> {
    directory.leave_data(&Summary::of(name, data))?;
    data.encoding.as_ref().map(|encoding| directory.leave_encoding(encoding)).transpose()?;
    Ok(directory.leave_meaning(&Meaning::of(data))?)
}

/// Reads it.
///
/// # Errors
/// [`Error::NoMeaning`] for a run of a version that did not leave it.
pub(crate) fn of_run(path: &Path) -> Result<Meaning, Error> {
    let directory = RunDirectory::open(path)?;
    let meaning = directory.read_meaning()?;
    meaning.ok_or_else(|| Error::NoMeaning { path: directory.meaning() })
}

/// What was learned of data before.
#[derive(Debug, Clone, Default)]
pub(crate) struct Learned {
    /// What its numbers mean.
    pub(crate) meaning: Option<Meaning>,
    /// Of a table: how its cells become numbers.
    encoding: Option<TableEncoding>,
    /// By whom, for errors.
    origin: String,
}

/// The entry of a file of parameters that says what inputs and outputs mean. One for all of it: a file with several has them in any order.
const ENTRY: &str = "onedge";

/// Its value, as JSON.
#[derive(Serialize, Deserialize)]
struct Stated {
    meaning: Meaning,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    encoding: Option<TableEncoding>,
}

impl Learned {
    /// By the run in a folder; nothing if it left nothing.
    ///
    /// # Errors
    /// Files that cannot be read.
    pub(crate) fn of_run(directory: &RunDirectory) -> Result<Self, Error> {
        let (meaning, encoding) = (directory.read_meaning()?, directory.read_encoding()?);
        Ok(Self { meaning, encoding, origin: directory.path().display().to_string() })
    }

    /// By the run that left a file of parameters; nothing if the file does not say.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub(crate) fn of_parameters(path: &Path) -> Result<Self, Error> {
        let metadata = params::metadata(path)?;
        // Of another program, or of a later version, whatever it is.
        let stated: Option<Stated> = metadata.get(ENTRY).and_then(|text| serde_json::from_str(text).ok());
        let (meaning, encoding) = stated.map_or((None, None), |stated| (Some(stated.meaning), stated.encoding));
        Ok(Self { meaning, encoding, origin: path.display().to_string() })
    }

    /// As a file of parameters states it.
    pub(crate) fn metadata(data: &Split) -> BTreeMap<String, String> {
        let stated = Stated { meaning: Meaning::of(data), encoding: data.encoding.clone() };
        serde_json::to_string(&stated).ok().map(|text| (ENTRY.to_owned(), text)).into_iter().collect()
    }

    /// In what data differ from those, in words.
    pub(crate) fn difference(&self, data: &Split) -> Option<String> {
        let difference = self.meaning.as_ref().and_then(|before| before.difference(&Meaning::of(data)));
        difference.or_else(|| differing_column(self.encoding.as_ref()?, data.encoding.as_ref()?))
    }

    /// Whether data mean what those did. What is not known is believed.
    ///
    /// # Errors
    /// [`Error::OtherMeaning`].
    pub(crate) fn require_same(&self, data: &Split) -> Result<(), Error> {
        match self.difference(data) {
            None => Ok(()),
            Some(difference) => Err(Error::OtherMeaning { origin: self.origin.clone(), difference }),
        }
    }

    /// Has the data of `spec` read by this from now on. Returns whether there was anything to read by.
    ///
    /// # Errors
    /// [`Error::OtherMeaning`] for other classes, another vocabulary, inputs of another shape; a column or category that was never
    /// seen; what is wrong with the data.
    pub(crate) fn read(&self, spec: &Spec, data_sets: &mut DataSets) -> Result<bool, Error> {
        let threads = engine::options(&spec.engine).map_err(onedge_spec::Error::spec(&spec.origin))?.threads;
        let split = match (&self.encoding, &self.meaning) {
            (None, None) => return Ok(false),
            // By itself it might have other classes.
            (Some(encoding), _) => data_sets.encoded_by(spec, threads, encoding)?,
            (None, Some(before)) => {
                let split = data_sets.get(spec, threads)?.rescaled(&before.scaling)?;
                if let Some(difference) = before.difference(&Meaning::of(&split)) {
                    return Err(Error::OtherMeaning { origin: self.origin.clone(), difference });
                }
                split
            }
        };
        data_sets.replace(spec, split)?;
        Ok(true)
    }
}

/// Whether two specs read their data in the same way, whichever examples they choose.
pub(crate) fn is_read_alike(one: &Spec, other: &Spec) -> bool {
    let how = |spec: &Spec| -> Vec<(String, Value)> {
        let says_how = |(key, _): &(&str, &Value)| {
            let chooses = onedge_data::datasets::SUBSET.iter().any(|setting| setting.key == *key);
            !chooses && !spec.paths_of_data().contains(key)
        };
        spec.data.settings.iter().filter(says_how).map(|(key, value)| (key.to_owned(), value.clone())).collect()
    };
    one.data.name == other.data.name && how(one) == how(other)
}

/// The mark of a run whose data were read by what another run had learned.
pub(crate) const CARRIED: &str = "data_read_as_before";

/// Has the data of the run in a folder, whose spec is `spec`, read as the run has read them: by what it was told of other data, if it is
/// a fork onto these.
///
/// # Errors
/// Those of [`Learned::read`].
pub(crate) fn read_as_told(origin: &Origin, data_sets: &mut DataSets) -> Result<(), Error> {
    if origin.document.get(&format!("{PROVENANCE}.{CARRIED}")) == Some(&Value::Flag(true)) {
        Learned::of_run(&origin.directory)?.read(&origin.spec, data_sets)?;
    }
    if origin.content().is_none() {
        read_as_once(&origin.spec, data_sets)?;
    }
    Ok(())
}

/// Has the data of a run of a version that did not note what they held read as that version did: in single precision, whatever the run's.
fn read_as_once(spec: &Spec, data_sets: &mut DataSets) -> Result<(), Error> {
    match spec.precision {
        Precision::F32 => Ok(()),
        Precision::F64 => data_sets.hold_single(spec),
    }
}

/// Has the data of `spec`, which is that of the run in the folder `run` with changes, read as the run has read its own. Where the changes
/// choose other examples, of the same files or others, these are read by what the run has learned.
///
/// # Errors
/// [`ResumeError::OtherData`] if nothing was changed, and the data are others by now; those of [`Learned::read`].
pub(crate) fn settle(run: &Path, spec: &Spec, data_sets: &mut DataSets) -> Result<(), Error> {
    let directory = RunDirectory::open(run)?;
    let document = document_of(run, &spec.catalogue)?;
    let own = Spec::resolve(&document)?;
    let learned = Learned::of_run(&directory)?;
    let as_own = (&own.data, &own.files) == (&spec.data, &spec.files);
    let threads = engine::options(&spec.engine).map_err(onedge_spec::Error::spec(&spec.origin))?.threads;
    let was = match document.get(&format!("{PROVENANCE}.{}", CONTENT)) {
        Some(Value::Text(was)) => Some(was.clone()),
        _ => None,
    };
    let carried = document.get(&format!("{PROVENANCE}.{CARRIED}")) == Some(&Value::Flag(true));
    if as_own && carried {
        learned.read(spec, data_sets)?;
    }
    if as_own && was.is_none() {
        read_as_once(spec, data_sets)?;
    }
    match (as_own, was) {
        (true, Some(was)) if data_sets.content(spec)? == was => Ok(()),
        (true, Some(_)) => {
            let origin = directory.spec().display().to_string();
            Err(ResumeError::OtherData { origin, place: place_of_data(spec), onward: Onward::Named }.into())
        }
        // A run of a version that did not note what its data held.
        (true, None) => learned.require_same(&*data_sets.get(spec, threads)?),
        (false, Some(was)) if data_sets.content(spec).is_ok_and(|now| now == was) => Ok(()),
        (false, _) if is_read_alike(&own, spec) => learned.read(spec, data_sets).map(drop),
        (false, _) => learned.require_same(&*data_sets.get(spec, threads)?),
    }
}

/// The first column that is encoded otherwise, in words.
fn differing_column(before: &TableEncoding, now: &TableEncoding) -> Option<String> {
    let (one, other) = (before.columns(), now.columns());
    if one.len() != other.len() {
        return Some(format!("there were {} columns and are {}", one.len(), other.len()));
    }
    let (before, now) = one.iter().zip(other).find(|(before, now)| before != now)?;
    Some(match before.name == now.name {
        true => format!("column `{}` is encoded in another way", before.name),
        false => format!("column `{}` is now `{}`", before.name, now.name),
    })
}
