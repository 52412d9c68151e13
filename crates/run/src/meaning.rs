//! What the data of a run mean, as the run left it.

use std::path::Path;

use onedge_data::{Meaning, Split};
use onedge_record::RunDirectory;

use crate::{Error, Point};

/// Leaves it in the folder of a run that begins.
pub(crate) fn leave(directory: &RunDirectory, data: &Split) -> Result<(), Error> {
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

/// Whether data that were read again mean what they meant when the run at `point`, if it is one, was trained. One that did not
/// leave what they meant is believed.
///
/// # Errors
/// [`Error::OtherMeaning`] with the first difference.
pub(crate) fn require_same(point: &Point, data: &Split) -> Result<(), Error> {
    let Point::Of(path, _) = point else { return Ok(()) };
    let directory = RunDirectory::open(path)?;
    let now = Meaning::of(data);
    let before: Option<Meaning> = directory.read_meaning()?;
    let other = |difference| Err(Error::OtherMeaning { run: path.clone(), difference });
    if let Some(difference) = before.and_then(|before| before.difference(&now)) {
        return other(difference);
    }
    let encoding: Option<onedge_data::table::TableEncoding> = directory.read_encoding()?;
    match (&encoding, &data.encoding) {
        (Some(before), Some(now)) => match differing_column(before, now) {
            Some(difference) => other(difference),
            None => Ok(()),
        },
        _ => Ok(()),
    }
}

/// The first column that is encoded otherwise, in words.
fn differing_column(
    before: &onedge_data::table::TableEncoding,
    now: &onedge_data::table::TableEncoding,
) -> Option<String> {
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
