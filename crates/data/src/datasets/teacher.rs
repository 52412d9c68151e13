use onedge_registry::{Default, Entry, Kind, Setting, Settings, setting};

use super::build::{Build, Context};
use super::common;
use crate::generators::{Teacher, teacher};
use crate::{Error, Split};

const GROUPS: &[&[Setting]] = &[
    &[
        setting("examples", Kind::Integer, Default::Is("4096"), "how many examples to draw"),
        setting("features", Kind::Integer, Default::Is("64"), "inputs per example"),
        setting("hidden", Kind::Integers, Default::Is("[64]"), "widths of the teacher's hidden layers"),
        setting("outputs", Kind::Integer, Default::Is("10"), "classes, or values per example"),
        setting("target", Kind::Text, Default::Is("classes"), "`classes` (the largest output) or `values`"),
        setting("noise", Kind::Number, Default::Is("0.0"), "deviation of the noise on the outputs, 0 to 1e6"),
    ],
    common::SUBSET,
    common::SCALE_NONE,
];
static SETTINGS: [Setting; common::count(GROUPS)] = common::concat(GROUPS);

/// A random network labels random inputs.
pub static ENTRY: Entry<Build> = Entry {
    name: "teacher",
    summary: "random inputs labelled by a random network, any size",
    doc: "Inputs x ~ N(0, I). The teacher is a random dense network with tanh hidden layers: h_0 = x, \
          h_l = tanh(W_l h_(l-1)), z = W_L h_(L-1) + noise e, entries of W_l ~ N(0, 1 / fan-in), e ~ N(0, I). \
          Targets are argmax z (`classes`) or z itself (`values`). Source: the student-teacher setting, Gardner and \
          Derrida, J. Phys. A 22 (1989) 1983.",
    settings: &SETTINGS,
    build,
};

fn build(settings: &Settings, _: &Context<'_>) -> Result<Split, Error> {
    let set = teacher(&Teacher {
        examples: settings.count("examples")?,
        features: settings.count("features")?,
        hidden: settings.counts("hidden")?,
        outputs: settings.count("outputs")?,
        task: common::task(settings)?,
        noise: settings.number("noise"),
        seed: common::seed(settings)?,
    })?;
    common::apply(Split::new(set, None)?, settings)
}
