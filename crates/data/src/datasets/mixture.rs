use onedge_registry::{Default, Entry, Kind, Setting, Settings, setting};

use super::build::{Build, Context};
use super::common;
use crate::generators::{Mixture, mixture};
use crate::{Error, Split};

const GROUPS: &[&[Setting]] = &[
    &[
        setting("examples", Kind::Integer, Default::Is("4096"), "how many examples to draw"),
        setting("features", Kind::Integer, Default::Is("64"), "inputs per example"),
        setting("classes", Kind::Integer, Default::Is("10"), "one Gaussian each"),
        setting("separation", Kind::Number, Default::Is("3.0"), "length of every class mean, in deviations, 0 to 1e6"),
    ],
    common::SUBSET,
    common::SCALE_NONE,
];
static SETTINGS: [Setting; common::count(GROUPS)] = common::concat(GROUPS);

/// One Gaussian per class.
pub static ENTRY: Entry<Build> = Entry {
    name: "mixture",
    summary: "one Gaussian cloud per class, any size",
    doc: "Class means m_k are drawn uniformly on the sphere of radius `separation`; example i has class y = i mod K and \
          x = m_y + e, e ~ N(0, I). Classes are balanced, and stay so in any first n that K divides.",
    settings: &SETTINGS,
    build,
};

fn build(settings: &Settings, _: &Context<'_>) -> Result<Split, Error> {
    let set = mixture(&Mixture {
        examples: settings.count("examples")?,
        features: settings.count("features")?,
        classes: settings.count("classes")?,
        separation: settings.number("separation"),
        seed: common::seed(settings)?,
    })?;
    common::apply(Split::new(set, None)?, settings)
}
