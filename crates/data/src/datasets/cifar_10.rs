use onedge_registry::{Entry, Setting, Settings};

use super::build::{Build, Context};
use super::{common, stored};
use crate::download::Remote;
use crate::readers::{Cifar, cifar};
use crate::{Error, Split};

const GROUPS: &[&[Setting]] = &[stored::SETTINGS, common::SUBSET, common::IMAGE, common::SCALE_UNIT];
static SETTINGS: [Setting; common::count(GROUPS)] = common::concat(GROUPS);

/// Small colour photographs of ten kinds of thing.
pub static ENTRY: Entry<Build> = Entry {
    name: "cifar-10",
    summary: "small photographs, 3 x 32 x 32 colour, 10 classes, 50000 + 10000",
    doc: "A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images (2009). The binary version: `path` may be \
          the archive, a folder with any of its batches, or a single batch. Archive 170 MB.",
    settings: &SETTINGS,
    build,
};

const FILES: [Remote<'_>; 1] = [Remote {
    name: "cifar-10-binary.tar.gz",
    url: "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
    bytes: 170_052_171,
    sha256: "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
}];

fn build(settings: &Settings, context: &Context<'_>) -> Result<Split, Error> {
    let path = stored::locate(ENTRY.name, &FILES, settings, context)?;
    common::apply(cifar(&path, Cifar::Ten, stored::ADVICE, common::unpacked(settings)?)?, settings)
}
