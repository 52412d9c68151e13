use onedge_registry::{Default, Entry, Kind, Setting, Settings, setting};

use super::build::{Build, Context};
use super::{common, stored};
use crate::download::Remote;
use crate::readers::{Cifar, cifar};
use crate::{Error, Split};

const GROUPS: &[&[Setting]] = &[
    &[setting("labels", Kind::Text, Default::Is("fine"), "`fine`, 100 classes, or `coarse`, 20 superclasses")],
    stored::SETTINGS,
    common::SUBSET,
    common::IMAGE,
    common::SCALE_UNIT,
];
static SETTINGS: [Setting; common::count(GROUPS)] = common::concat(GROUPS);

/// Small colour photographs of a hundred kinds of thing.
pub static ENTRY: Entry<Build> = Entry {
    name: "cifar-100",
    summary: "small photographs, 3 x 32 x 32 colour, 100 or 20 classes, 50000 + 10000",
    doc: "A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images (2009). The binary version: `path` may be \
          the archive, a folder with train.bin and test.bin, or one of these. Archive 169 MB.",
    settings: &SETTINGS,
    build,
};

const FILES: [Remote<'_>; 1] = [Remote {
    name: "cifar-100-binary.tar.gz",
    url: "https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz",
    bytes: 168_513_733,
    sha256: "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
}];

fn build(settings: &Settings, context: &Context<'_>) -> Result<Split, Error> {
    let which = match settings.text("labels") {
        "fine" => Cifar::HundredFine,
        "coarse" => Cifar::HundredCoarse,
        _ => return Err(settings.out_of_range("labels", "`fine` or `coarse`").into()),
    };
    let path = stored::locate(ENTRY.name, &FILES, settings, context)?;
    common::apply(cifar(&path, which, stored::ADVICE, common::unpacked(settings)?)?, settings)
}
