use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use super::ImageFault;
use crate::excerpt::list as names;
use crate::{Error, ExamplesError, FileError, ImageError};

/// The images under a folder with one folder for each class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// The names of the folders, sorted.
    pub classes: Vec<String>,
    /// Every image, and which of the classes it belongs to: the first of each class, then the second of each, and so on,
    /// so that the first so many are spread evenly over the classes.
    pub images: Vec<(PathBuf, u32)>,
}

/// Lists the images under `root`, sorted by name within each class. With `known` classes, those of the training set,
/// no folder may have another name, and labels are theirs.
///
/// Hidden files and folders (`.DS_Store`) are passed over, and what systems and archives leave among files (`Thumbs.db`, `desktop.ini`,
/// `__MACOSX`); anything else that is out of place is an error, as it may well be data that was meant to be used.
///
/// # Errors
/// [`FileError::Missing`], [`ImageError::File`] for what is out of place, an empty class, too few classes, an unknown one.
pub fn list(root: &Path, known: Option<&[String]>) -> Result<Listing, Error> {
    let mut folders = Vec::new();
    for (name, path) in visible(root, FOLDER)? {
        match path.is_dir() {
            true => folders.push((name.to_string_lossy().into_owned(), path)),
            false => return Err(Error::Image(ImageError::File { path, fault: ImageFault::Stray })),
        }
    }
    if known.is_none() && folders.len() < 2 {
        return Err(Error::Image(ImageError::File {
            path: root.to_owned(),
            fault: ImageFault::FewClasses { got: folders.len() },
        }));
    }
    if folders.is_empty() {
        return Err(Error::Examples(ExamplesError::NoExamples { origin: root.display().to_string() }));
    }
    let classes = match known {
        Some(known) => known.to_vec(),
        None => folders.iter().map(|(name, _)| name.clone()).collect(),
    };
    let mut by_class = Vec::with_capacity(folders.len());
    for (name, folder) in folders {
        let Some(label) = classes.iter().position(|class| *class == name) else {
            let known = names(classes.iter().map(String::as_str));
            return Err(Error::Image(ImageError::File { path: folder, fault: ImageFault::UnknownClass { known } }));
        };
        by_class.push((label as u32, images(&folder)?));
    }
    let longest = by_class.iter().map(|(_, images)| images.len()).max().unwrap_or_default();
    let nth = |n: usize| by_class.iter().filter_map(move |(label, images)| Some((images.get(n)?.clone(), *label)));
    Ok(Listing { images: (0..longest).flat_map(nth).collect(), classes })
}

/// What should be at the path of a set.
pub(super) const FOLDER: &str = "a folder with one folder of images for each class";

/// The images right in a folder, sorted by name, whatever they show.
///
/// # Errors
/// As [`list`].
pub fn flat(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    images(folder)
}

/// The images of one class.
fn images(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut images = Vec::new();
    for (name, path) in visible(folder, FOLDER)? {
        let known = Path::new(&name)
            .extension()
            .is_some_and(|ending| ["png", "jpg", "jpeg"].iter().any(|known| ending.eq_ignore_ascii_case(known)));
        let fault = match fs::metadata(&path) {
            Ok(data) if data.is_dir() => Some(ImageFault::Nested),
            Ok(data) if data.is_file() => (!known).then_some(ImageFault::Name),
            Ok(_) | Err(_) => Some(ImageFault::Special),
        };
        match fault {
            None => images.push(path),
            Some(fault) => return Err(Error::Image(ImageError::File { path, fault })),
        }
    }
    match images.is_empty() {
        true => Err(Error::Image(ImageError::File { path: folder.to_owned(), fault: ImageFault::Empty })),
        false => Ok(images),
    }
}

/// What is in `folder` and not hidden, sorted by name.
fn visible(folder: &Path, expected: &str) -> Result<Vec<(std::ffi::OsString, PathBuf)>, Error> {
    if !folder.exists() {
        let (expected, advice) = (expected.to_owned(), "the path of such a folder".to_owned());
        return Err(Error::File(FileError::Missing { path: folder.to_owned(), expected, advice }));
    }
    if !folder.is_dir() {
        let (origin, expected) = (folder.display().to_string(), expected.to_owned());
        return Err(Error::File(FileError::Format { origin, what: "path", expected, got: "a file".to_owned() }));
    }
    let failed = |e| Error::io(folder, "read", e);
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if !passed_over(&entry.file_name()) {
            found.push((entry.file_name(), entry.path()));
        }
    }
    found.sort();
    Ok(found)
}

/// What Windows, macOS, storage servers and file systems leave in folders, in lower case.
const LEFT_BEHIND: [&str; 10] = [
    "thumbs.db",
    "ehthumbs.db",
    "ehthumbs_vista.db",
    "desktop.ini",
    "icon\r",
    "__macosx",
    "@eadir",
    "$recycle.bin",
    "system volume information",
    "lost+found",
];

/// Whether a name is no matter of ours: hidden, or one that systems give.
pub fn passed_over(name: &OsStr) -> bool {
    let lower = name.to_string_lossy().to_lowercase();
    lower.starts_with('.') || LEFT_BEHIND.contains(&lower.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[&str]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for file in files {
            let path = root.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            match file.ends_with('/') {
                true => fs::create_dir_all(path).unwrap(),
                false => fs::write(path, "").unwrap(),
            }
        }
        root
    }

    fn message(files: &[&str], known: Option<&[String]>) -> String {
        let root = tree(files);
        let message = list(root.path(), known).unwrap_err().to_string();
        message.replace(&root.path().display().to_string(), "ROOT")
    }

    #[test]
    fn classes_take_turns_and_all_is_sorted() {
        let root =
            tree(&["b/z.JPEG", "a/2.png", "a/10.jpg", ".hidden", "c/x.PNG", "b/.DS_Store", "b/a.jpeg", "a/3.png"]);
        let listing = list(root.path(), None).unwrap();
        assert_eq!(listing.classes, ["a", "b", "c"]);
        let seen: Vec<(String, u32)> = listing
            .images
            .iter()
            .map(|(path, label)| (path.strip_prefix(root.path()).unwrap().display().to_string(), *label))
            .collect();
        let expected =
            [("a/10.jpg", 0), ("b/a.jpeg", 1), ("c/x.PNG", 2), ("a/2.png", 0), ("b/z.JPEG", 1), ("a/3.png", 0)];
        assert_eq!(seen, expected.map(|(path, label)| (path.to_owned(), label)));
        let known = ["0", "a", "b", "c"].map(str::to_owned);
        let listing = list(root.path(), Some(&known)).unwrap();
        assert_eq!((listing.classes.len(), listing.images[0].1), (4, 1));
    }

    #[test]
    fn what_systems_leave_is_passed_over() {
        let root = tree(&[
            "a/1.png",
            "a/Thumbs.db",
            "a/._1.png",
            "a/@eaDir/1.png",
            "b/2.png",
            "b/Desktop.ini",
            "b/Icon\r",
            "__MACOSX/a/._1.png",
            "lost+found/",
            "ehthumbs.db",
            ".ipynb_checkpoints/3.png",
        ]);
        let listing = list(root.path(), None).unwrap();
        assert_eq!((&listing.classes[..], listing.images.len()), (&["a", "b"].map(str::to_owned)[..], 2));
        assert_eq!(flat(&root.path().join("a")).unwrap(), [root.path().join("a/1.png")]);
        // Nothing else is.
        assert!(message(&["a/1.png", "b/2.png", "b/thumbs.txt"], None).contains("no name of an image"));
    }

    #[test]
    fn what_is_out_of_place_is_named() {
        assert_eq!(
            message(&["a/1.png", "b/1.png", "labels.csv"], None),
            "ROOT/labels.csv: a file, expected only folders here, one for each class; try moving it elsewhere"
        );
        assert_eq!(
            message(&["a/1.png", "b/deep/1.png"], None),
            "ROOT/b/deep: a folder, expected only images here, in the folder of a class; try moving it elsewhere"
        );
        assert_eq!(
            message(&["a/1.png", "b/labels.db"], None),
            "ROOT/b/labels.db: no name of an image, expected one that ends in .png, .jpg or .jpeg; try moving it \
             elsewhere, or converting it"
        );
        assert_eq!(
            message(&["a/1.png", "b/"], None),
            "ROOT/b: no images in the folder of this class, expected one or more; try adding some, or removing the folder"
        );
        assert_eq!(
            message(&["a/1.png"], None),
            "ROOT: too few classes, expected two folders or more, got 1; try the folder that holds one folder for each \
             class"
        );
        assert_eq!(
            message(&["a/1.png", "zebra/1.png"], Some(&["a".to_owned(), "b".to_owned()])),
            "ROOT/zebra: no class of the training set, expected one of `a`, `b`; try renaming or removing it"
        );
        assert_eq!(
            list(Path::new("no/such"), None).unwrap_err().to_string(),
            "no/such: not found, expected a folder with one folder of images for each class; try the path of such a folder"
        );
        let file = tempfile::NamedTempFile::new().unwrap();
        let message = list(file.path(), None).unwrap_err().to_string();
        assert!(message.ends_with(
            ": wrong path, expected a folder with one folder of images for each class, got a file; try another file or \
             data set name"
        ));
    }
}
