//! Where sets that are not built in lie: in a folder of the user's, or in the cache after a download.

use std::path::{Path, PathBuf};

use onedge_registry::{Default, Kind, Setting, Settings, setting};

use super::build::Context;
use super::common;
use crate::download::{Remote, fetch};
use crate::readers::idx_split;
use crate::{Error, FileError, Split};

/// Where to look, and whether to fetch.
pub const SETTINGS: &[Setting] = &[
    setting("path", Kind::Path, Default::Absent, "the folder of the files; the cache folder if not given"),
    setting("download", Kind::Flag, Default::Is("false"), "fetch files that are not there yet, some 10 to 170 MB"),
    setting("mirror", Kind::Text, Default::Absent, "fetch from this address instead of the published one"),
    common::UNPACKED[0],
];

/// What to do if the files are not there.
pub const ADVICE: &str = "`download = true`, or `path` set to the folder that holds them";

/// The place of the set called `name`: its `path`, else its folder in the cache. With `download = true` the `files`
/// that are not there are fetched first; never otherwise.
///
/// # Errors
/// No place to look, downloads not allowed, and whatever [`fetch`] reports.
pub fn locate(name: &str, files: &[Remote<'_>], settings: &Settings, context: &Context<'_>) -> Result<PathBuf, Error> {
    let folder = match (settings.optional_text("path"), context.cache_dir) {
        (Some(path), _) => PathBuf::from(path),
        (None, Some(cache)) => cache.join(name),
        (None, None) => {
            let (expected, advice) = ("its files, or a cache folder".to_owned(), ADVICE.to_owned());
            return Err(Error::File(FileError::Missing { path: PathBuf::from(name), expected, advice }));
        }
    };
    if settings.flag("download") && !folder.is_file() {
        if !context.allow_download {
            return Err(settings.out_of_range("download", "false, as downloads are not allowed here").into());
        }
        for file in files {
            let url =
                settings.optional_text("mirror").map(|base| format!("{}/{}", base.trim_end_matches('/'), file.name));
            fetch(&Remote { url: url.as_deref().unwrap_or(file.url), ..*file }, &folder, &context.watch)?;
        }
    }
    Ok(folder)
}

/// A set of four IDX files under their published names, packed or unpacked, read and made ready.
pub fn idx_set(
    name: &str,
    files: &[Remote<'_>; 4],
    names: &[&str],
    settings: &Settings,
    context: &Context<'_>,
) -> Result<Split, Error> {
    let folder = locate(name, files, settings, context)?;
    let paths = files.each_ref().map(|file| packed_or_not(&folder, file.name));
    for (path, file) in paths.iter().zip(files) {
        if !path.exists() {
            let (expected, advice) = (format!("{} of {name}", file.name), ADVICE.to_owned());
            return Err(Error::File(FileError::Missing { path: path.clone(), expected, advice }));
        }
    }
    let [train_x, train_y, test_x, test_y] = &paths;
    let unpacked = common::unpacked(settings)?;
    common::apply(idx_split((train_x, train_y), Some((test_x, test_y)), Some(names.len()), names, unpacked)?, settings)
}

/// `folder/name`, or the same without `.gz` if only that is there.
fn packed_or_not(folder: &Path, name: &str) -> PathBuf {
    let (packed, plain) = (folder.join(name), folder.join(name.trim_end_matches(".gz")));
    if !packed.exists() && plain.exists() { plain } else { packed }
}
