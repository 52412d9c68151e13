use onedge_registry::{Entry, Setting, Settings};

use super::build::{Build, Context};
use super::{common, stored};
use crate::download::Remote;
use crate::{Error, Split};

const GROUPS: &[&[Setting]] = &[stored::SETTINGS, common::SUBSET, common::IMAGE, common::SCALE_UNIT];
static SETTINGS: [Setting; common::count(GROUPS)] = common::concat(GROUPS);

/// Pictures of clothing.
pub static ENTRY: Entry<Build> = Entry {
    name: "fashion-mnist",
    summary: "pictures of clothing, 28 x 28 grey, 10 classes, 60000 + 10000",
    doc: "H. Xiao, K. Rasul, R. Vollgraf, Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning Algorithms, arXiv 1708.07747 (2017), licence MIT. Four IDX files, 31 MB.",
    settings: &SETTINGS,
    build,
};

const FILES: [Remote<'_>; 4] = [
    Remote {
        name: "train-images-idx3-ubyte.gz",
        url: "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/train-images-idx3-ubyte.gz",
        bytes: 26_421_880,
        sha256: "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
    },
    Remote {
        name: "train-labels-idx1-ubyte.gz",
        url: "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/train-labels-idx1-ubyte.gz",
        bytes: 29_515,
        sha256: "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
    },
    Remote {
        name: "t10k-images-idx3-ubyte.gz",
        url: "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/t10k-images-idx3-ubyte.gz",
        bytes: 4_422_102,
        sha256: "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
    },
    Remote {
        name: "t10k-labels-idx1-ubyte.gz",
        url: "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/t10k-labels-idx1-ubyte.gz",
        bytes: 5_148,
        sha256: "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
    },
];

const NAMES: [&str; 10] =
    ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"];

fn build(settings: &Settings, context: &Context<'_>) -> Result<Split, Error> {
    stored::idx_set(ENTRY.name, &FILES, &NAMES, settings, context)
}
