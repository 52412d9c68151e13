use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::foreign::TAR;
use super::{Content, Source, Unpacked, cifar_names};
use crate::{Dataset, Error, ExamplesError, FileError, Split, Targets, dataset};

/// Which set and which of its labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cifar {
    /// CIFAR-10: one label byte per record.
    Ten,
    /// CIFAR-100 with its 100 classes: the second label byte.
    HundredFine,
    /// CIFAR-100 with its 20 superclasses: the first label byte.
    HundredCoarse,
}

/// CIFAR in its binary form: 1 label byte (CIFAR-100: coarse, fine), then 1024 red, 1024 green and 1024 blue bytes,
/// each plane row-major 32 x 32. Inputs have shape `[3, 32, 32]`.
///
/// `path` is a single `.bin` file (all of it trained on), a folder that holds any of the official `.bin` files or the
/// archive, or a `.tar.gz` or `.tar` archive. `advice` completes the sentence if nothing is there. The versions for Python and
/// Matlab are told from the binary one and refused.
///
/// Source: Krizhevsky, "Learning Multiple Layers of Features from Tiny Images" (2009).
///
/// # Errors
/// Missing, truncated or damaged files, a label out of range.
pub fn cifar(path: &Path, which: Cifar, advice: &str, unpacked: Unpacked) -> Result<Split, Error> {
    let layout = which.layout();
    let expected = layout.expected();
    let open = |path: &Path| Source::open(path, &expected, advice, unpacked);
    if path.is_dir() {
        return folder(path, &layout, &open, advice);
    }
    if let Some(version) = path.file_name().and_then(|name| layout.version_of(&name.to_string_lossy())) {
        return Err(layout.other_version(&path.display().to_string(), version));
    }
    let mut file = open(path)?;
    if path.extension().is_some_and(|extension| extension == "bin") {
        file.require(Content::Binary, &expected)?;
        let part = (file.origin().to_owned(), file.rest()?);
        return Split::new(records(&[part], &layout)?, None);
    }
    archive(file, &layout)
}

struct Layout {
    title: &'static str,
    folder: &'static str,
    archive: &'static str,
    train: &'static [&'static str],
    test: &'static str,
    label_bytes: usize,
    label_at: usize,
    names: &'static str,
}

/// The bytes of one file, with what to call it.
type Part = (String, Vec<u8>);

const PIXELS: usize = 3 * 32 * 32;

/// What files of the other two versions end in; the Python version has no ending at all.
const PYTHON: &str = "Python";
const MATLAB: &str = "Matlab";

impl Layout {
    fn expected(&self) -> String {
        format!("{} as .bin files or an archive of them", self.title)
    }

    /// Of which other version a file or folder of this name is, if it is of one.
    fn version_of(&self, name: &str) -> Option<&'static str> {
        let is_of = |ending: &str| {
            let plain = |name: &str| name.trim_end_matches(".bin").to_owned();
            self.train.iter().chain([&self.test]).any(|known| name == plain(known) + ending)
        };
        let set = self.folder.trim_end_matches("-batches-bin").trim_end_matches("-binary");
        let of = |version: &str| name.strip_prefix(set).is_some_and(|rest| rest.starts_with(version));
        match name {
            "batches.meta" | "meta" => Some(PYTHON),
            "batches.meta.mat" | "meta.mat" => Some(MATLAB),
            _ if is_of("") || of("-python") || of("-batches-py") => Some(PYTHON),
            _ if is_of(".mat") || of("-matlab") || of("-batches-mat") => Some(MATLAB),
            _ => None,
        }
    }

    fn other_version(&self, origin: &str, version: &str) -> Error {
        Error::File(FileError::Foreign {
            origin: origin.to_owned(),
            got: format!("the {version} version of {}", self.title),
            expected: format!("the binary version, {}", self.expected()),
            advice: format!("{}, from the same page", self.archive),
        })
    }
}

impl Cifar {
    fn layout(self) -> Layout {
        let hundred = Layout {
            title: "CIFAR-100",
            folder: "cifar-100-binary",
            archive: "cifar-100-binary.tar.gz",
            train: &["train.bin"],
            test: "test.bin",
            label_bytes: 2,
            label_at: 1,
            names: cifar_names::FINE,
        };
        match self {
            Self::Ten => Layout {
                title: "CIFAR-10",
                folder: "cifar-10-batches-bin",
                archive: "cifar-10-binary.tar.gz",
                train: &[
                    "data_batch_1.bin",
                    "data_batch_2.bin",
                    "data_batch_3.bin",
                    "data_batch_4.bin",
                    "data_batch_5.bin",
                ],
                test: "test_batch.bin",
                label_bytes: 1,
                label_at: 0,
                names: cifar_names::TEN,
            },
            Self::HundredFine => hundred,
            Self::HundredCoarse => Layout { label_at: 0, names: cifar_names::COARSE, ..hundred },
        }
    }
}

fn folder(
    path: &Path,
    layout: &Layout,
    open: &dyn Fn(&Path) -> Result<Source, Error>,
    advice: &str,
) -> Result<Split, Error> {
    let found = |name: &str| -> Option<PathBuf> {
        [path.join(name), path.join(layout.folder).join(name)].into_iter().find(|file| file.is_file())
    };
    let mut parts = BTreeMap::new();
    for &name in layout.train.iter().chain([&layout.test]) {
        if let Some(file) = found(name) {
            let mut source = open(&file)?;
            source.require(Content::Binary, &layout.expected())?;
            parts.insert(name.to_owned(), (source.origin().to_owned(), source.rest()?));
        }
    }
    if !parts.is_empty() {
        return split(parts, layout, path);
    }
    if let Some(file) = found(layout.archive) {
        return archive(open(&file)?, layout);
    }
    // What is there instead says most; a folder that cannot be read has nothing.
    let mut names: Vec<PathBuf> =
        fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    names.sort();
    for there in names {
        let name = there.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if let Some(version) = layout.version_of(&name) {
            return Err(layout.other_version(&there.display().to_string(), version));
        }
        // The archive, packed by somebody else in another way.
        let plain = layout.archive.trim_end_matches(".tar.gz");
        if name.starts_with(plain) && !name.ends_with(".part") && there.is_file() {
            return archive(open(&there)?, layout);
        }
    }
    let (expected, advice) = (layout.expected(), advice.to_owned());
    Err(Error::File(FileError::Missing { path: path.to_owned(), expected, advice }))
}

fn archive(mut file: Source, layout: &Layout) -> Result<Split, Error> {
    let (origin, failures) = (file.origin().to_owned(), file.failures());
    let damaged = |e: std::io::Error| failures.of_archive("tar archive", e);
    // Of all that is known the one that is read here.
    match file.require(Content::Binary, &layout.expected()) {
        Err(Error::File(FileError::Foreign { got, .. })) if got == TAR => {}
        other => other?,
    }
    let mut tar = tar::Archive::new(file);
    let mut parts = BTreeMap::new();
    let mut other_version = None;
    for entry in tar.entries().map_err(damaged)? {
        let mut entry = entry.map_err(damaged)?;
        let path = entry.path().map_err(damaged)?.into_owned();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        // A sparse entry may claim any size without having it; links have no bytes of their own.
        let plain = matches!(entry.header().entry_type(), tar::EntryType::Regular | tar::EntryType::Continuous);
        if plain {
            other_version = other_version.or_else(|| layout.version_of(&name));
        }
        if !plain || (name != layout.test && !layout.train.contains(&name.as_str())) {
            continue;
        }
        let (mut bytes, expected) = (Vec::new(), entry.size());
        entry.read_to_end(&mut bytes).map_err(damaged)?;
        if (bytes.len() as u64) < expected {
            return Err(Error::File(FileError::Truncated { origin, what: name, expected, got: bytes.len() as u64 }));
        }
        parts.insert(name.clone(), (format!("{origin}/{name}"), bytes));
    }
    // The end of the archive comes before the end of the file, where the checksum is.
    tar.into_inner().verify()?;
    match other_version {
        Some(version) if parts.is_empty() => Err(layout.other_version(&origin, version)),
        _ => split(parts, layout, Path::new(&origin)),
    }
}

/// Puts the files together that were found, training batches in their official order.
fn split(mut parts: BTreeMap<String, Part>, layout: &Layout, path: &Path) -> Result<Split, Error> {
    let test = parts.remove(layout.test);
    let train: Vec<Part> = layout.train.iter().filter_map(|&name| parts.remove(name)).collect();
    if train.is_empty() {
        return Err(Error::File(FileError::Missing {
            path: path.join(layout.train[0]),
            expected: format!("at least one training file of {}", layout.title),
            advice: "the complete archive".to_owned(),
        }));
    }
    let test = test.map(|part| records(&[part], layout)).transpose()?;
    Split::new(records(&train, layout)?, test)
}

fn records(parts: &[Part], layout: &Layout) -> Result<Dataset, Error> {
    let size = layout.label_bytes + PIXELS;
    let names: Vec<String> = layout.names.split(' ').map(str::to_owned).collect();
    let examples = parts.iter().map(|(_, bytes)| bytes.len() / size).sum();
    let mut inputs = dataset::allocate(&parts[0].0, &[examples, PIXELS])?;
    let mut labels = Vec::with_capacity(examples);
    for (origin, bytes) in parts {
        let (origin, left) = (origin.clone(), bytes.len() % size);
        if left != 0 {
            let what = format!("record {}", bytes.len() / size);
            return Err(Error::File(FileError::Truncated { origin, what, expected: size as u64, got: left as u64 }));
        }
        for (example, record) in bytes.chunks_exact(size).enumerate() {
            let label = u32::from(record[layout.label_at]);
            if label as usize >= names.len() {
                return Err(Error::Examples(ExamplesError::Label { origin, example, label, classes: names.len() }));
            }
            labels.push(label);
            inputs.extend(record[layout.label_bytes..].iter().map(|&byte| f32::from(byte)));
        }
    }
    let targets = Targets::Classes { labels, classes: names.len(), names };
    Ok(Dataset::new(parts[0].0.clone(), inputs, vec![3, 32, 32], targets)?.with_full_scale(255.0))
}

#[cfg(test)]
#[path = "cifar_tests.rs"]
mod tests;
