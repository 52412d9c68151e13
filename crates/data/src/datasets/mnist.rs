use onedge_registry::{Entry, Setting, Settings};

use super::build::{Build, Context};
use super::{common, stored};
use crate::download::Remote;
use crate::{Error, Split};

const GROUPS: &[&[Setting]] = &[stored::SETTINGS, common::SUBSET, common::IMAGE, common::SCALE_UNIT];
static SETTINGS: [Setting; common::count(GROUPS)] = common::concat(GROUPS);

/// Handwritten digits.
pub static ENTRY: Entry<Build> = Entry {
    name: "mnist",
    summary: "handwritten digits, 28 x 28 grey, 10 classes, 60000 + 10000",
    doc: "Y. LeCun, C. Cortes, C. Burges, The MNIST database of handwritten digits (1998). Four IDX files, 12 MB.",
    settings: &SETTINGS,
    build,
};

const FILES: [Remote<'_>; 4] = [
    Remote {
        name: "train-images-idx3-ubyte.gz",
        url: "https://storage.googleapis.com/cvdf-datasets/mnist/train-images-idx3-ubyte.gz",
        bytes: 9_912_422,
        sha256: "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    },
    Remote {
        name: "train-labels-idx1-ubyte.gz",
        url: "https://storage.googleapis.com/cvdf-datasets/mnist/train-labels-idx1-ubyte.gz",
        bytes: 28_881,
        sha256: "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    },
    Remote {
        name: "t10k-images-idx3-ubyte.gz",
        url: "https://storage.googleapis.com/cvdf-datasets/mnist/t10k-images-idx3-ubyte.gz",
        bytes: 1_648_877,
        sha256: "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    },
    Remote {
        name: "t10k-labels-idx1-ubyte.gz",
        url: "https://storage.googleapis.com/cvdf-datasets/mnist/t10k-labels-idx1-ubyte.gz",
        bytes: 4_542,
        sha256: "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    },
];

const NAMES: [&str; 10] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];

fn build(settings: &Settings, context: &Context<'_>) -> Result<Split, Error> {
    stored::idx_set(ENTRY.name, &FILES, &NAMES, settings, context)
}
