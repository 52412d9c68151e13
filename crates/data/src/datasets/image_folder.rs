use std::fs;
use std::path::{Path, PathBuf};

use onedge_registry::{Default, Entry, Kind, Setting, Settings, setting};

use super::build::{Build, Context};
use super::common;
use crate::readers::images::{self, Listing};
use crate::{Dataset, Error, Split, Targets};

const GROUPS: &[&[Setting]] = &[
    &[
        setting(
            "path",
            Kind::Path,
            Default::Required,
            "a folder with one folder for each class, or with `train` and `val` or `test` of that kind in it",
        ),
        setting("test_path", Kind::Path, Default::Absent, "a folder of images to test on, of the same classes"),
        setting("size", Kind::Integer, Default::Is("224"), "pixels on a side of what a network sees"),
        setting("cache", Kind::Flag, Default::Is("true"), "keep what was decoded in the cache folder"),
    ],
    common::SUBSET,
    common::SCALE_UNIT,
];
static SETTINGS: [Setting; common::count(GROUPS)] = common::concat(GROUPS);

/// Photographs in one folder for each class.
pub static ENTRY: Entry<Build> = Entry {
    name: "image-folder",
    summary: "PNG and JPEG images of your own, one folder for each class",
    doc: "As ImageNet and Imagenette come: train/CLASS/IMAGE.JPEG and val/CLASS/IMAGE.JPEG. Classes are the names of the \
          folders, sorted; examples are the first image of each class by name, then the second of each, and so on, so \
          that `first` takes evenly of all. Only what a subset takes is decoded. The shorter side becomes size * 256 / 224, \
          enlarged if need be, of which the middle is cut out; [3, size, size], red first. Photographs are put upright by \
          their EXIF data; grey becomes RGB, alpha is left out, colour profiles are ignored. Hidden files are passed \
          over; images of 16 bits, animations and all other files are refused.",
    settings: &SETTINGS,
    build,
};

/// Indices of files are inputs for a while, and those are exact up to here.
const MOST_FILES: usize = 1 << 24;

fn build(settings: &Settings, context: &Context<'_>) -> Result<Split, Error> {
    let size = settings.count("size")?;
    if !(1..=4096).contains(&size) {
        return Err(settings.out_of_range("size", "1 to 4096 pixels").into());
    }
    let (train, test) = parts(Path::new(settings.text("path")), settings.optional_text("test_path").map(Path::new));
    let listed = images::list(&train, None)?;
    let listed_test = test.as_deref().map(|test| images::list(test, Some(&listed.classes))).transpose()?;

    // Test part and subset are chosen while an example is still the index of its file.
    let mut files: Vec<&Path> = Vec::new();
    let chosen = Split::new(
        indices(&train, &listed, &mut files)?,
        match (&test, &listed_test) {
            (Some(test), Some(listed)) => Some(indices(test, listed, &mut files)?),
            _ => None,
        },
    )?;
    let chosen = common::take(chosen, settings)?;
    let context = if settings.flag("cache") { *context } else { Context { cache_dir: None, ..*context } };
    let split = chosen.try_map(|set| {
        let wanted: Vec<&Path> = set.inputs().map_in(0..set.examples(), |index| files[index as usize]);
        let inputs = images::load(set.origin(), &wanted, size, &context)?;
        set.with_inputs(inputs, vec![3, size, size], Some(255.0))
    })?;
    common::finish(split, settings)
}

/// The folders to train and to test on: those within `path` if it is the root of both, else `path` itself.
fn parts(path: &Path, test: Option<&Path>) -> (PathBuf, Option<PathBuf>) {
    let train = path.join("train");
    // A class may be called train, but then it holds images and not folders.
    let is_class = |entry: fs::DirEntry| entry.path().is_dir() && !images::passed_over(&entry.file_name());
    let holds_folders = |folder: &Path| fs::read_dir(folder).is_ok_and(|mut all| all.any(|e| e.is_ok_and(is_class)));
    if !holds_folders(&train) {
        return (path.to_owned(), test.map(Path::to_owned));
    }
    let within = ["val", "test"].map(|name| path.join(name)).into_iter().find(|folder| folder.is_dir());
    (train, test.map(Path::to_owned).or(within))
}

/// A set whose inputs are indices into `files`, to which those of `listed` are added.
fn indices<'a>(folder: &Path, listed: &'a Listing, files: &mut Vec<&'a Path>) -> Result<Dataset, Error> {
    let origin = folder.display().to_string();
    let start = files.len();
    files.extend(listed.images.iter().map(|(path, _)| path.as_path()));
    if files.len() > MOST_FILES {
        return Err(Error::too_large(&origin, &[files.len() as u64]));
    }
    let labels = listed.images.iter().map(|(_, label)| *label).collect();
    let targets = Targets::Classes { labels, classes: listed.classes.len(), names: listed.classes.clone() };
    Dataset::new(origin, (start..files.len()).map(|index| index as f32).collect(), vec![1], targets)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use onedge_registry::Value;

    use super::*;
    use crate::datasets::load_with;
    use crate::readers::images::samples::png;

    /// Images of one colour: its level is 10 times the class plus the number of the file.
    fn tree(counts: &[(&str, usize)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (class, (folder, count)) in counts.iter().enumerate() {
            fs::create_dir_all(root.path().join(folder)).unwrap();
            for i in 0..*count {
                let level = (10 * class + i) as u8;
                fs::write(root.path().join(folder).join(format!("{i}.png")), png(2, 3, &[level; 18])).unwrap();
            }
        }
        root
    }

    fn try_load(path: &Path, given: &[(&str, &str)], context: &Context<'_>) -> Result<Split, Error> {
        let path = path.display().to_string();
        let given = [&[("path", path.as_str()), ("size", "2"), ("scale", "none")], given].concat();
        load_with("image-folder", &given, context)
    }

    fn load(path: &Path, given: &[(&str, &str)]) -> Split {
        try_load(path, given, &Context::default()).unwrap()
    }

    fn levels(set: &Dataset) -> Vec<f32> {
        (0..set.examples()).map(|example| set.input(example)[0]).collect()
    }

    fn labels(set: &Dataset) -> &[u32] {
        let Targets::Classes { labels, .. } = set.targets() else { panic!("expected classes") };
        labels
    }

    #[test]
    fn a_root_has_a_part_to_train_on_and_one_to_test_on() {
        for part in ["val", "test"] {
            let root = tree(&[("train/ant", 3), ("train/bee", 1), (&format!("{part}/bee"), 2)]);
            fs::write(root.path().join("labels.csv"), "beside the parts anything may lie").unwrap();
            let split = load(root.path(), &[]);
            assert_eq!((levels(&split.train), labels(&split.train)), (vec![0.0, 10.0, 1.0, 2.0], &[0, 1, 0, 0][..]));
            assert_eq!((split.train.input_shape(), split.train.full_scale()), (&[3, 2, 2][..], Some(255.0)));
            let test = split.test.unwrap();
            assert_eq!((levels(&test), labels(&test)), (vec![20.0, 21.0], &[1, 1][..]));
            let Targets::Classes { names, .. } = test.targets() else { panic!("expected classes") };
            assert_eq!(names, &["ant", "bee"]);
        }
    }

    #[test]
    fn parts_may_lie_anywhere() {
        let root = tree(&[("a/x", 2), ("a/y", 2), ("b/y", 1)]);
        let (train, test) = (root.path().join("a"), root.path().join("b").display().to_string());
        assert!(load(&train, &[]).test.is_none());
        assert_eq!(levels(&load(&train, &[("test_path", &test)]).test.unwrap()), [20.0]);
        // A class called train is a class.
        let root = tree(&[("train", 1), ("ship", 1), ("train/.ipynb_checkpoints", 1), ("train/@eaDir", 1)]);
        assert_eq!(levels(&load(root.path(), &[]).train), [10.0, 0.0]);
    }

    #[test]
    fn subsets_are_even_and_nothing_else_is_decoded() {
        let root = tree(&[("a", 3), ("b", 3), ("c", 3)]);
        for (i, class) in ["a", "b", "c"].iter().enumerate() {
            fs::write(root.path().join(class).join("2.png"), format!("{i} is no image")).unwrap();
        }
        let split = load(root.path(), &[("first", "6")]);
        assert_eq!(levels(&split.train), [0.0, 10.0, 20.0, 1.0, 11.0, 21.0]);
        assert!(try_load(root.path(), &[("first", "7")], &Context::default()).is_err());
        let message = try_load(root.path(), &[("first", "12")], &Context::default()).unwrap_err().to_string();
        assert!(
            message.ends_with("subset too large, expected at most 9 examples of all, got 12; try fewer"),
            "{message}"
        );
    }

    #[test]
    fn shared_settings_work_as_ever() {
        let root = tree(&[("a", 4), ("b", 4)]);
        let split =
            load(root.path(), &[("test_fraction", "0.25"), ("scale", "unit"), ("random", "4"), ("balanced", "true")]);
        assert_eq!((split.train.examples(), split.test.unwrap().examples()), (4, 2));
        assert!(split.train.inputs().single().iter().all(|&x| x <= 13.0 / 255.0));
        assert_eq!(
            try_load(root.path(), &[("size", "0")], &Context::default()).unwrap_err().to_string(),
            "image-folder.size: expected 1 to 4096 pixels, got 0"
        );
    }

    #[test]
    fn the_cache_is_used_repaired_and_never_needed() {
        let root = tree(&[("a", 2), ("b", 2)]);
        let cache = tempfile::tempdir().unwrap();
        let (decoded, warnings) = (RefCell::new(0), RefCell::new(Vec::new()));
        let (look, warn) = (
            |_: crate::Progress<'_>| *decoded.borrow_mut() += 1,
            |warning: &str| warnings.borrow_mut().push(warning.to_owned()),
        );
        let watch = crate::Watch { progress: Some(&look), ..crate::Watch::default() };
        let kept = cache.path().join("image-folder");
        let run = |given: &[(&str, &str)], folder: &Path| {
            decoded.replace(0);
            let context = Context { cache_dir: Some(folder), watch, warn: Some(&warn), ..Context::default() };
            (levels(&try_load(root.path(), given, &context).unwrap().train), *decoded.borrow())
        };
        let expected = vec![0.0, 10.0, 1.0, 11.0];
        assert_eq!(run(&[("cache", "false")], cache.path()), (expected.clone(), 4));
        assert!(!kept.exists());
        assert_eq!(run(&[], cache.path()), (expected.clone(), 4));
        assert_eq!(run(&[], cache.path()), (expected.clone(), 0));
        let file = fs::read_dir(&kept).unwrap().next().unwrap().unwrap().path();
        fs::write(&file, "damaged").unwrap();
        assert_eq!(run(&[], cache.path()), (expected.clone(), 4));
        assert_eq!(run(&[], cache.path()), (expected.clone(), 0));
        assert!(warnings.borrow().is_empty());
        // A file where the folder should be: nothing can be written, and all goes on.
        assert_eq!(run(&[], &file), (expected, 4));
        let warnings = warnings.borrow();
        assert_eq!(warnings.len(), 1);
        assert!(
            warnings[0].contains("image-folder: could not create, ")
                && warnings[0].ends_with("decoded again next time")
        );
    }

    #[test]
    fn settings_have_their_kinds() {
        assert_eq!(Value::parse("224"), Value::Integer(224));
        let message = load_with("image-folder", &[], &Context::default()).unwrap_err().to_string();
        assert_eq!(message, "image-folder: `path` is not set, expected a path; try `path = ...`");
    }
}
