use std::collections::BTreeMap;
use std::fs;

use onedge_registry::{Value, find};

use super::*;
use crate::Split;
use crate::datasets::ALL;
use crate::readers::images::samples::png;

/// A data set as it was trained on, and the folder of its files.
struct Trained {
    folder: tempfile::TempDir,
    name: &'static str,
    settings: Settings,
    split: Split,
    meaning: Meaning,
}

impl Trained {
    fn on(name: &'static str, given: &[(&str, &str)], write: impl Fn(&Path)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path());
        let value = |value: &str| Value::parse(&value.replace("DIR", &folder.path().display().to_string()));
        let given: BTreeMap<String, Value> = given.iter().map(|(key, text)| ((*key).to_owned(), value(text))).collect();
        let entry = find("data set", ALL, name).unwrap();
        let settings = Settings::resolve(entry, given).unwrap();
        let split = (entry.build)(&settings, &Context::default()).unwrap();
        let meaning = Meaning::of(&split);
        Self { folder, name, settings, split, meaning }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn read(&self, data: &str, labels: Option<&str>, wanted: Wanted) -> Result<Fresh, String> {
        let Self { name, settings, split, meaning, .. } = self;
        let known = Known { name, settings, meaning, encoding: split.encoding.as_ref() };
        let labels = labels.map(|labels| self.path(labels));
        let read = known.read(&self.path(data), labels.as_deref(), wanted, &Context::default());
        read.map_err(|error| error.to_string().replace(&format!("{}/", self.folder.path().display()), ""))
    }
}

fn table() -> Trained {
    let given = [("path", "DIR/a.csv"), ("column", "kind")];
    Trained::on("csv", &given, |dir| fs::write(dir.join("a.csv"), "x,town,kind\n1,Ulm,red\n3,Bonn,blue\n").unwrap())
}

/// x had mean 2 and deviation 1 where it was trained on, and is not standardised anew.
#[test]
fn a_table_is_encoded_as_the_first_one_was() {
    let trained = table();
    fs::write(trained.path("b.csv"), "kind,x,town\nred,7,Bonn\nred,7,Bonn\nblue,2,Ulm\n").unwrap();
    let fresh = trained.read("b.csv", None, Wanted::Answered).unwrap();
    assert_eq!(fresh.inputs, [5.0, 1.0, 0.0, 5.0, 1.0, 0.0, 0.0, 0.0, 1.0]);
    let names = ["blue", "red"].map(str::to_owned).to_vec();
    assert_eq!(fresh.targets, Some(Targets::Classes { labels: vec![1, 1, 0], classes: 2, names }));
    assert_eq!((fresh.called, &fresh.names[..]), ("row", &["1", "2", "3"].map(str::to_owned)[..]));
    fs::write(trained.path("c.csv"), "x,town\n2,Ulm\n").unwrap();
    assert_eq!(trained.read("c.csv", None, Wanted::Inputs).unwrap().targets, None);
    assert_eq!(
        trained.read("c.csv", None, Wanted::Answered).unwrap_err(),
        "c.csv: answers are missing, expected a column `kind` to compare with, got none of that name; try files that \
         belong together"
    );
    assert_eq!(
        trained.read("b.csv", Some("c.csv"), Wanted::Answered).unwrap_err(),
        "c.csv: labels in a file of their own, expected a run on idx, mnist or fashion-mnist, got one on csv; try files that \
         belong together"
    );
    for (text, named) in [
        ("x,town,kind\n1,Kiel,red\n", "`Kiel`"),
        ("x,town,kind\n1,Ulm,green\n", "`green`"),
        ("x,kind\n1,red\n", "`town`"),
    ] {
        fs::write(trained.path("d.csv"), text).unwrap();
        let message = trained.read("d.csv", None, Wanted::Answered).unwrap_err();
        assert!(message.starts_with("d.csv") && message.contains(named), "{message}");
    }
}

fn idx_file(sizes: &[u32], bytes: &[u8]) -> Vec<u8> {
    let head = sizes.iter().flat_map(|size| size.to_be_bytes());
    [0, 0, 8, sizes.len() as u8].into_iter().chain(head).chain(bytes.iter().copied()).collect()
}

/// Levels 0 and 4 have mean 2 and deviation 2, in each of two pixels.
#[test]
fn idx_images_are_scaled_by_the_moments_of_the_first() {
    let given = [("images", "DIR/x"), ("labels", "DIR/y"), ("scale", "standard")];
    let trained = Trained::on("idx", &given, |dir| {
        fs::write(dir.join("x"), idx_file(&[2, 1, 2], &[0, 4, 4, 0])).unwrap();
        fs::write(dir.join("y"), idx_file(&[2], &[0, 1])).unwrap();
        fs::write(dir.join("new"), idx_file(&[1, 1, 2], &[8, 6])).unwrap();
        fs::write(dir.join("label"), idx_file(&[1], &[1])).unwrap();
        fs::write(dir.join("other"), idx_file(&[1], &[2])).unwrap();
        fs::write(dir.join("wide"), idx_file(&[1, 1, 3], &[8, 6, 1])).unwrap();
    });
    let fresh = trained.read("new", Some("label"), Wanted::Answered).unwrap();
    assert_eq!(fresh.inputs, [3.0, 2.0]);
    assert_eq!(fresh.targets, Some(Targets::Classes { labels: vec![1], classes: 2, names: Vec::new() }));
    assert_eq!(trained.read("new", None, Wanted::Inputs).unwrap().inputs, [3.0, 2.0]);
    let message = |data: &str, labels: Option<&str>| trained.read(data, labels, Wanted::Answered).unwrap_err();
    assert_eq!(
        message("new", None),
        "new: answers are missing, expected an IDX file of labels beside that of images, got none; try files that belong \
         together"
    );
    assert_eq!(
        message("new", Some("other")),
        "other: label of example 0 out of range, expected 0..2, got 2; try correcting it"
    );
    assert_eq!(
        message("wide", Some("label")),
        "wide: inputs of another shape than those trained on, expected [1, 1, 2], got [1, 1, 3]; try files that belong \
         together"
    );
}

#[test]
fn images_belong_to_the_classes_that_were_there() {
    let folders = |dir: &Path, root: &str, classes: &[&str]| {
        for (level, class) in classes.iter().enumerate() {
            fs::create_dir_all(dir.join(root).join(class)).unwrap();
            fs::write(dir.join(root).join(class).join("1.png"), png(2, 2, &[51 * (level as u8 + 1); 12])).unwrap();
        }
    };
    let given = [("path", "DIR/train"), ("size", "2")];
    let trained = Trained::on("image-folder", &given, |dir| {
        folders(dir, "train", &["ant", "bee"]);
        folders(dir, "new", &["bee"]);
        folders(dir, "odd", &["bee", "cat"]);
    });
    let fresh = trained.read("new", None, Wanted::Answered).unwrap();
    assert!(fresh.inputs.single().iter().all(|x| (x - 0.2).abs() < 1e-6), "{:?}", fresh.inputs);
    let names = ["ant", "bee"].map(str::to_owned).to_vec();
    assert_eq!(fresh.targets, Some(Targets::Classes { labels: vec![1], classes: 2, names }));
    let message = trained.read("odd", None, Wanted::Answered).unwrap_err();
    assert!(message.starts_with("odd/cat: ") && message.contains("ant"), "{message}");
    for data in ["new/bee", "new/bee/1.png"] {
        let fresh = trained.read(data, None, Wanted::Inputs).unwrap();
        assert_eq!((fresh.called, fresh.targets.is_none()), ("file", true));
        assert!(fresh.names[0].ends_with("new/bee/1.png") && fresh.names.len() == 1, "{:?}", fresh.names);
    }
}

#[test]
fn a_text_has_the_characters_that_were_there() {
    let trained = Trained::on("text", &[("path", "DIR/a.txt"), ("context", "2")], |dir| {
        fs::write(dir.join("a.txt"), "abcabcabcabcabcabcabcabcabcabc").unwrap();
        fs::write(dir.join("b.txt"), "cabba").unwrap();
        fs::write(dir.join("c.txt"), "cabxa").unwrap();
    });
    assert_eq!(trained.read("b.txt", None, Wanted::Answered).unwrap().inputs, [2.0, 0.0, 1.0, 1.0]);
    assert_eq!(
        trained.read("c.txt", None, Wanted::Answered).unwrap_err(),
        "c.txt: expected characters that the model was trained on, got `x`, which it never saw; try leaving it out"
    );
}

#[test]
fn what_is_not_made_of_files_is_told() {
    let trained = Trained::on("mixture", &[("examples", "20")], |_| {});
    let message = trained.read("a.csv", None, Wanted::Inputs).unwrap_err();
    assert!(
        message.starts_with("a.csv: data `mixture` is not read from files, expected a run on csv, idx"),
        "{message}"
    );
}
