//! Where the files that a spec names are looked for.

use std::path::{Component, Path, PathBuf};

use onedge_registry::{Kind, Setting, Settings, Value};

use crate::sections::PROVENANCE;
use crate::{Document, Error, Part};

/// A file or folder that the data of a spec are read from, and where it is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedFile {
    /// The key in the section `data`: `path`, `test_path`, ...
    pub key: String,
    /// As it is written in the spec.
    pub given: PathBuf,
    origin: String,
    places: Vec<PathBuf>,
    /// Whether two files at two of the places are a mistake, rather than the first one meant.
    is_one_of: bool,
}

/// What of [`NamedFile`]s the folder of a run keeps, so that they are found from anywhere, and after the run and its data were
/// moved together.
const FROM_RUN: &str = "_from_run";

impl NamedFile {
    /// Those that the section `data` of a document names.
    pub(crate) fn of(document: &Document, known: &[Setting], data: &Settings) -> Vec<Self> {
        let paths = known.iter().filter(|setting| setting.kind == Kind::Path);
        let given = paths.filter_map(|setting| Some((setting.key, data.optional_text(setting.key)?)));
        given.map(|(key, given)| Self::new(document, key, Path::new(given))).collect()
    }

    fn new(document: &Document, key: &str, given: &Path) -> Self {
        let dotted = format!("data.{key}");
        let origin = document.origin_of("data", key);
        let mut file = Self {
            key: key.to_owned(),
            given: given.to_owned(),
            origin,
            places: vec![given.to_owned()],
            is_one_of: false,
        };
        if document.is_overridden(&dotted) {
            return file;
        }
        let earlier = document.moved_to(&dotted);
        if let (Some(folder), Some(recorded)) = (document.folder(), recorded(document, key, given)) {
            file.places = earlier.iter().cloned().chain(recorded.map(|place| folder.join(place))).collect();
            file.places.push(given.to_owned());
        } else if !earlier.is_empty() {
            file.places = earlier.iter().cloned().chain([given.to_owned()]).collect();
        } else if let (Some(folder), true) = (document.folder(), given.is_relative()) {
            file.places.push(folder.join(given));
            file.is_one_of = true;
        }
        file
    }

    /// Where it is: the first of its places that there is; `None` if it is at none of them.
    ///
    /// # Errors
    /// [`Error::TwoFiles`] if a path that is written in a spec means one file seen from the current folder, and another one seen from
    /// that of the spec.
    pub fn find(&self) -> Result<Option<&Path>, Error> {
        let there: Vec<&PathBuf> = self.places.iter().filter(|place| place.exists()).collect();
        if let (true, [one, other, ..]) = (self.is_one_of, &there[..])
            && one.canonicalize().ok() != other.canonicalize().ok()
        {
            let (origin, key) = (self.origin.clone(), format!("data.{}", self.key));
            let (one, other) = (absolute(one), absolute(other));
            return Err(Error::TwoFiles { origin, key, one, other });
        }
        Ok(there.first().map(|place| place.as_path()))
    }

    /// Whether it is looked for anywhere but where it is written to be.
    pub fn is_sought(&self) -> bool {
        self.places.len() > 1
    }

    /// All places at which it is looked for, from the root of the file system on.
    pub fn places(&self) -> Vec<PathBuf> {
        let mut places: Vec<PathBuf> = Vec::new();
        for place in &self.places {
            let place = plain(&absolute(place));
            if !places.contains(&place) {
                places.push(place);
            }
        }
        places
    }

    /// What a run in `folder` that reads the file at `place` notes of it in its section `provenance`.
    pub fn note(&self, place: &Path, folder: &Path) -> Vec<(String, Value)> {
        let key = |place: &Path| match place.is_absolute() {
            true => format!("data_{}", self.key),
            false => format!("data_{}{FROM_RUN}", self.key),
        };
        // What is no text cannot be written.
        let noted = |place: PathBuf| Some((key(&place), Value::Text(place.to_str()?.to_owned())));
        places_from(place, folder).into_iter().filter_map(noted).collect()
    }
}

/// The data of a spec with every path replaced by where the file was found, and those that were found nowhere.
pub(crate) fn locate<'a>(data: &Part, files: &'a [NamedFile]) -> Result<(Part, Vec<&'a NamedFile>), Error> {
    let (mut data, mut lost) = (data.clone(), Vec::new());
    for file in files {
        match file.find()?.map(|place| (place, place.to_str())) {
            Some((place, Some(text))) if place != file.given => {
                data.settings = data.settings.with(&file.key, Value::Text(text.to_owned()));
            }
            Some(_) => {}
            None => lost.push(file),
        }
    }
    Ok((data, lost))
}

/// The places that a run has noted of a file, its folder being where relative ones begin; none if it noted those of another file.
fn recorded(document: &Document, key: &str, given: &Path) -> Option<impl Iterator<Item = PathBuf>> {
    let section = document.sections.get(PROVENANCE)?;
    let text = |key: &str| match section.get(key) {
        Some(Value::Text(text)) => Some(PathBuf::from(text)),
        _ => None,
    };
    let at = text(&format!("data_{key}"))?;
    let named: PathBuf = given.components().filter(|part| matches!(part, Component::Normal(_))).collect();
    if !at.ends_with(&named) {
        return None;
    }
    // A copy of the spec of a run, elsewhere, sees other files from there.
    let from_run = text(&format!("data_{key}{FROM_RUN}")).filter(|_| document.is_in_run());
    Some(from_run.into_iter().chain([at]))
}

/// The place of a file in two ways, to find it again: as seen from `folder`, if both are there, and from the root of the file system
/// on.
pub fn places_from(file: &Path, folder: &Path) -> Vec<PathBuf> {
    let at = absolute(file);
    seen_from(folder, &at).into_iter().chain([at]).collect()
}

/// From the root of the file system on.
pub(crate) fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// Without `..`, for reading: where folders are links, it may be another place.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(plain.pop()),
            part => plain.push(part),
        }
    }
    plain
}

/// `file` as seen from `folder`: `../../data.csv`. `None` if one of them is not there.
fn seen_from(folder: &Path, file: &Path) -> Option<PathBuf> {
    let folder = folder.canonicalize().ok()?;
    // A link is kept as the file that it is seen as.
    let file = file.parent()?.canonicalize().ok()?.join(file.file_name()?);
    let common = folder.components().zip(file.components()).take_while(|(one, other)| one == other).count();
    let up = folder.components().skip(common).map(|_| Component::ParentDir);
    Some(up.chain(file.components().skip(common)).collect())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::Spec;

    fn document(folder: &Path, text: &str) -> Document {
        let path = folder.join("spec.toml");
        fs::write(&path, text).unwrap();
        Document::read(&path).unwrap()
    }

    const TABLE: &str = "[data]\nname = \"csv\"\npath = \"tables/a.csv\"\n";

    #[test]
    fn a_file_is_looked_for_beside_the_spec_too() {
        let folder = tempfile::tempdir().unwrap();
        let spec = Spec::resolve(&document(folder.path(), TABLE)).unwrap();
        let [file] = &spec.files[..] else { panic!("{:?}", spec.files) };
        assert_eq!((file.key.as_str(), file.find().unwrap()), ("path", None));
        let here = std::env::current_dir().unwrap();
        assert_eq!(file.places(), [here.join("tables/a.csv"), folder.path().join("tables/a.csv")]);
        fs::create_dir(folder.path().join("tables")).unwrap();
        fs::write(folder.path().join("tables/a.csv"), "1,2\n").unwrap();
        assert_eq!(file.find().unwrap().unwrap(), folder.path().join("tables/a.csv"));
        let (located, lost) = spec.locate_data().unwrap();
        assert_eq!(located.settings.text("path"), folder.path().join("tables/a.csv").to_str().unwrap());
        assert!(lost.is_empty() && spec.data.settings.text("path") == "tables/a.csv");
        // What was set is meant as it was typed.
        let mut set = document(folder.path(), TABLE);
        set.set("data.path=tables/a.csv").unwrap();
        assert_eq!(Spec::resolve(&set).unwrap().files[0].find().unwrap(), None);
    }

    #[test]
    fn two_files_of_one_name_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        // There is such a file in the folder of this crate, in which tests run.
        fs::write(folder.path().join("Cargo.toml"), "1,2\n").unwrap();
        let spec = Spec::resolve(&document(folder.path(), "[data]\nname = \"csv\"\npath = \"Cargo.toml\"\n")).unwrap();
        let text = spec.locate_data().unwrap_err().to_string();
        assert!(text.contains("data.path: expected one file, got two of that name: "), "{text}");
        assert!(text.ends_with("; try the whole path of the one that is meant"), "{text}");
    }

    #[test]
    fn the_folder_of_a_run_says_where_its_data_are() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        fs::create_dir_all(at("project/runs/one")).unwrap();
        fs::create_dir_all(at("project/tables")).unwrap();
        fs::write(at("project/tables/a.csv"), "1,2\n").unwrap();
        let mut first = document(&at("project"), TABLE);
        let spec = Spec::resolve(&first).unwrap();
        let note = spec.files[0].note(&at("project/tables/a.csv"), &at("project/runs/one"));
        let text = |key: &str| note.iter().find(|(noted, _)| noted == key).map(|(_, value)| value.to_string());
        assert_eq!(text("data_path_from_run").unwrap(), "\"../../tables/a.csv\"");
        assert_eq!(text("data_path").unwrap(), format!("\"{}\"", at("project/tables/a.csv").display()));
        fs::write(at("project/runs/one/spec.toml"), spec.to_toml_from(&note)).unwrap();
        let read = |folder: &Path| {
            let spec = Spec::resolve(&Document::read(&folder.join("spec.toml")).unwrap().in_run()).unwrap();
            spec.files[0].find().unwrap().map(|place| place.canonicalize().unwrap())
        };
        let data = |name: &str| Some(at(name).canonicalize().unwrap());
        assert_eq!(read(&at("project/runs/one")), data("project/tables/a.csv"));
        // The run alone, then both together.
        fs::rename(at("project/runs/one"), at("moved")).unwrap();
        assert_eq!(read(&at("moved")), data("project/tables/a.csv"));
        fs::rename(at("moved"), at("project/runs/one")).unwrap();
        fs::rename(at("project"), at("elsewhere")).unwrap();
        assert_eq!(read(&at("elsewhere/runs/one")), data("elsewhere/tables/a.csv"));
        // A copy of the spec, where another file lies as that of the run does seen from its folder.
        fs::create_dir_all(at("copies/runs/one")).unwrap();
        fs::create_dir_all(at("copies/tables")).unwrap();
        fs::write(at("copies/tables/a.csv"), "3,4\n").unwrap();
        fs::copy(at("elsewhere/runs/one/spec.toml"), at("copies/runs/one/spec.toml")).unwrap();
        let copied = Document::read(&at("copies/runs/one/spec.toml")).unwrap();
        assert_eq!(Spec::resolve(&copied).unwrap().files[0].find().unwrap(), None, "the project is not there any more");
        // Somebody has named another file in the spec since.
        let edited = fs::read_to_string(at("elsewhere/runs/one/spec.toml")).unwrap();
        fs::write(at("elsewhere/runs/one/spec.toml"), edited.replace("\"tables/a.csv\"", "\"b.csv\"")).unwrap();
        assert_eq!(read(&at("elsewhere/runs/one")), None);
        first.look_first("data.path", vec![at("elsewhere/tables/a.csv")]);
        assert_eq!(Spec::resolve(&first).unwrap().files[0].find().unwrap().unwrap(), at("elsewhere/tables/a.csv"));
    }
}
