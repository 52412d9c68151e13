//! Files that a model has not seen, read as those that it was trained on.

use std::path::{Path, PathBuf};

use onedge_registry::Settings;

use crate::readers::{self, Cifar, Unpacked, images};
use crate::table::{Encoded, Table, TableEncoding};
use crate::{Answers, Context, Dataset, Error, ExamplesError, Meaning, Reals, Targets, transforms};

/// Examples that a model has not seen, as it takes them.
#[derive(Debug, Clone, PartialEq)]
pub struct Fresh {
    /// What they are from.
    pub origin: String,
    /// The inputs, row-major.
    pub inputs: Reals,
    /// What is to be predicted; none where only inputs were asked for.
    pub targets: Option<Targets>,
    /// What an example is called by `names`: `row`, counted from 1, or `file`.
    pub called: &'static str,
    /// One for each example.
    pub names: Vec<String>,
}

/// What is wanted of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Inputs and what is to be predicted.
    Answered,
    /// Inputs alone, whatever else there is.
    Inputs,
}

/// How a run reads its data: by which data set, with which settings, and what it has learned of them.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// The data set.
    pub name: &'a str,
    /// Its settings.
    pub settings: &'a Settings,
    /// What its numbers mean.
    pub meaning: &'a Meaning,
    /// How cells become numbers, if it is a table.
    pub encoding: Option<&'a TableEncoding>,
}

impl Known<'_> {
    /// The examples in `data`: a table, an IDX file of images with one of `labels`, a CIFAR batch or folder, a folder of images
    /// (one folder for each class where answers are wanted, else also images themselves), a text. Nothing is learned of them: classes,
    /// categories, scaling and vocabulary are those that are known. Nothing is left out or set aside.
    ///
    /// # Errors
    /// What cannot be read; `labels` beside data of another format than IDX; a class, category, character, column or size of images that is not known, by its name; a data set that is
    /// not made of files.
    pub fn read(
        &self,
        data: &Path,
        labels: Option<&Path>,
        wanted: Wanted,
        context: &Context<'_>,
    ) -> Result<Fresh, Error> {
        const WITH_LABELS: [&str; 3] = ["idx", "mnist", "fashion-mnist"];
        if let Some(labels) = labels.filter(|_| !WITH_LABELS.contains(&self.name)) {
            let expected = "a run on idx, mnist or fashion-mnist".to_owned();
            let what = "labels in a file of their own".to_owned();
            return Err(mismatch(&labels.display().to_string(), what, expected, format!("one on {}", self.name)));
        }
        match self.name {
            "csv" => self.table(data, wanted),
            "idx" | "mnist" | "fashion-mnist" => self.idx(data, labels, wanted),
            "cifar-10" => self.cifar(data, Cifar::Ten, wanted),
            "cifar-100" if self.settings.optional_text("labels") == Some("coarse") => {
                self.cifar(data, Cifar::HundredCoarse, wanted)
            }
            "cifar-100" => self.cifar(data, Cifar::HundredFine, wanted),
            "image-folder" => self.images(data, wanted, context),
            "text" | "cicero" | "tiny-shakespeare" => self.text(data),
            name => Err(mismatch(
                &data.display().to_string(),
                format!("data `{name}` is not read from files"),
                "a run on csv, idx, mnist, fashion-mnist, cifar-10, cifar-100, image-folder or text".to_owned(),
                name.to_owned(),
            )),
        }
    }

    fn table(&self, path: &Path, wanted: Wanted) -> Result<Fresh, Error> {
        let origin = path.display().to_string();
        let Some(encoding) = self.encoding else {
            let expected = "the encoding that the run has learned, encoding.json".to_owned();
            return Err(mismatch(&origin, "columns mean nothing".to_owned(), expected, "none".to_owned()));
        };
        let table = Table::read_up_to(path, encoding.format(), self.unpacked()?)?;
        let Encoded { inputs, rows, targets, .. } = match wanted {
            Wanted::Answered => encoding.apply(&table)?,
            Wanted::Inputs => encoding.apply_inputs(&table)?,
        };
        if let (None, Wanted::Answered, Some(target)) = (&targets, wanted, encoding.target()) {
            let expected = format!("a column `{}` to compare with", target.name);
            return Err(mismatch(&origin, "answers are missing".to_owned(), expected, "none of that name".to_owned()));
        }
        let names = rows.iter().map(|row| (row + 1).to_string()).collect();
        Ok(Fresh { origin, inputs: inputs.into(), targets, called: "row", names })
    }

    fn idx(&self, path: &Path, labels: Option<&Path>, wanted: Wanted) -> Result<Fresh, Error> {
        let set = match (wanted, labels) {
            (Wanted::Inputs, _) => readers::idx_images(path, self.unpacked()?)?,
            (Wanted::Answered, Some(labels)) => {
                let (classes, names) = self.classes();
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                readers::idx(path, labels, Some(classes), &names, self.unpacked()?)?
            }
            (Wanted::Answered, None) => {
                let expected = "an IDX file of labels beside that of images".to_owned();
                let (origin, what) = (path.display().to_string(), "answers are missing".to_owned());
                return Err(mismatch(&origin, what, expected, "none".to_owned()));
            }
        };
        self.numbered(set, wanted)
    }

    fn cifar(&self, path: &Path, which: Cifar, wanted: Wanted) -> Result<Fresh, Error> {
        self.numbered(readers::cifar(path, which, "the path of a batch", self.unpacked()?)?.train, wanted)
    }

    fn images(&self, path: &Path, wanted: Wanted, context: &Context<'_>) -> Result<Fresh, Error> {
        let size = self.settings.count("size")?;
        let (files, targets): (Vec<PathBuf>, _) = match wanted {
            Wanted::Answered => {
                let (classes, names) = self.classes();
                let listing = images::list(path, Some(&names))?;
                let (files, labels) = listing.images.into_iter().unzip();
                (files, Targets::Classes { labels, classes, names })
            }
            Wanted::Inputs => {
                let files = if path.is_dir() { images::flat(path)? } else { vec![path.to_owned()] };
                let values = vec![0.0; files.len()];
                (files, Targets::Values { values, width: 1 })
            }
        };
        let paths: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
        // What is looked at once is not worth a place in the cache.
        let context = Context { cache_dir: None, ..*context };
        let inputs = images::load(&path.display().to_string(), &paths, size, &context)?;
        let set =
            Dataset::new(path.display().to_string(), inputs, vec![3, size, size], targets)?.with_full_scale(255.0);
        let names = files.iter().map(|file| file.display().to_string()).collect();
        Ok(Fresh { called: "file", names, ..self.numbered(set, wanted)? })
    }

    fn text(&self, path: &Path) -> Result<Fresh, Error> {
        let Answers::Tokens { length, vocabulary } = &self.meaning.target else {
            let (origin, what) = (path.display().to_string(), "a text".to_owned());
            return Err(mismatch(&origin, what, "a model of texts".to_owned(), "another one".to_owned()));
        };
        self.numbered(readers::text_with(path, *length, &vocabulary.vocabulary()?, self.unpacked()?)?, Wanted::Answered)
    }

    /// The examples of a set, brought to the size and scale of those that are known.
    fn numbered(&self, mut set: Dataset, wanted: Wanted) -> Result<Fresh, Error> {
        if let Some(side) = self.settings.optional_count("side")? {
            set = transforms::downsample(set, side, side)?;
        }
        if set.input_shape() != self.meaning.input_shape {
            let (expected, got) = (format!("{:?}", self.meaning.input_shape), format!("{:?}", set.input_shape()));
            return Err(mismatch(
                set.origin(),
                "inputs of another shape than those trained on".to_owned(),
                expected,
                got,
            ));
        }
        let origin = set.origin().to_owned();
        let (inputs, _, targets) = self.meaning.scaling.apply(set)?.into_parts();
        let features: usize = self.meaning.input_shape.iter().product();
        let names = (1..=inputs.len() / features).map(|row| row.to_string()).collect();
        let targets = (wanted == Wanted::Answered).then_some(targets);
        Ok(Fresh { origin, inputs, targets, called: "row", names })
    }

    /// How much compressed files may hold, as for those that it was trained on.
    fn unpacked(&self) -> Result<Unpacked, Error> {
        Ok(self.settings.optional_count("unpacked_mib")?.map_or(Unpacked::Usual, |mib| Unpacked::Mib(mib as u64)))
    }

    /// How many classes there are, and their names, if they have any.
    fn classes(&self) -> (usize, Vec<String>) {
        match &self.meaning.target {
            Answers::Classes { counts, names } => (counts.len(), names.clone()),
            Answers::Tokens { .. } | Answers::Values { .. } => (0, Vec::new()),
        }
    }
}

fn mismatch(origin: &str, what: String, expected: String, got: String) -> Error {
    Error::Examples(ExamplesError::Mismatch { origin: origin.to_owned(), what, expected, got })
}

#[cfg(test)]
#[path = "fresh_tests.rs"]
mod tests;
