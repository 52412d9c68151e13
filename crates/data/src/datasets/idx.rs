use std::path::Path;

use onedge_registry::{Default, Entry, Kind, Setting, Settings, setting};

use super::build::{Build, Context};
use super::common;
use crate::readers::idx_split;
use crate::{Error, Split};

const GROUPS: &[&[Setting]] = &[
    &[
        setting("images", Kind::Path, Default::Required, "the IDX file of images to train on, plain or gzip'd"),
        setting("labels", Kind::Path, Default::Required, "the IDX file of their labels"),
        setting("test_images", Kind::Path, Default::Absent, "the IDX file of images to test on"),
        setting("test_labels", Kind::Path, Default::Absent, "the IDX file of their labels"),
        setting("classes", Kind::Integer, Default::Absent, "their number; the largest label plus one if not given"),
    ],
    common::UNPACKED,
    common::SUBSET,
    common::IMAGE,
    common::SCALE_UNIT,
];
static SETTINGS: [Setting; common::count(GROUPS)] = common::concat(GROUPS);

/// Any images in the format of MNIST.
pub static ENTRY: Entry<Build> = Entry {
    name: "idx",
    summary: "images of your own in the IDX format of MNIST",
    doc: "Unsigned bytes: images [n, h, w], [n, c, h, w] or [n, d], labels [n]. Sets such as KMNIST and EMNIST come in \
          this form.",
    settings: &SETTINGS,
    build,
};

fn build(settings: &Settings, _: &Context<'_>) -> Result<Split, Error> {
    let train = (Path::new(settings.text("images")), Path::new(settings.text("labels")));
    let test = match (settings.optional_text("test_images"), settings.optional_text("test_labels")) {
        (Some(images), Some(labels)) => Some((Path::new(images), Path::new(labels))),
        (None, None) => None,
        (Some(_), None) => return Err(settings.out_of_range("test_labels", "a path, as `test_images` is set").into()),
        (None, Some(_)) => return Err(settings.out_of_range("test_images", "a path, as `test_labels` is set").into()),
    };
    let classes = settings.optional_count("classes")?;
    if classes.is_some_and(|classes| !(1..=256).contains(&classes)) {
        return Err(settings.out_of_range("classes", "1 to 256, as labels are bytes").into());
    }
    common::apply(idx_split(train, test, classes, &[], common::unpacked(settings)?)?, settings)
}
