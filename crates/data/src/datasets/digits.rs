use onedge_registry::{Entry, Setting, Settings};

use super::build::{Build, Context};
use super::common;
use crate::readers::{Source, read_csv};
use crate::table::{Column, Format, Rules};
use crate::{Dataset, Error, Split, Task};

const GROUPS: &[&[Setting]] = &[common::SUBSET, common::IMAGE, common::SCALE_UNIT];
static SETTINGS: [Setting; common::count(GROUPS)] = common::concat(GROUPS);

/// 1797 handwritten digits, embedded.
pub static ENTRY: Entry<Build> = Entry {
    name: "digits",
    summary: "1797 handwritten digits, 8 x 8 grey, 10 classes; built in",
    doc: "Each pixel counts the dark pixels of a 4 x 4 block, 0 to 16; `scale = unit` divides by 16. The test part of \
          Optical Recognition of Handwritten Digits, E. Alpaydin, C. Kaynak (1998), UCI Machine Learning Repository, \
          doi 10.24432/C50P49, licence CC BY 4.0, as scikit-learn carries it.",
    settings: &SETTINGS,
    build,
};

static BYTES: &[u8] = include_bytes!("../../embedded/digits.csv.gz");

fn build(settings: &Settings, _: &Context<'_>) -> Result<Split, Error> {
    common::apply(Split::new(digits()?, None)?, settings)
}

fn digits() -> Result<Dataset, Error> {
    let rules = Rules::plain(Column::Last, Task::Classes);
    let format = Format { header: false, delimiter: b',' };
    let (inputs, _, targets) = read_csv(Source::embedded("digits", BYTES)?, format, &rules)?.into_parts();
    Ok(Dataset::of_reals("digits", inputs, vec![1, 8, 8], targets)?.with_full_scale(16.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Targets;

    #[test]
    fn holds_what_its_source_states() {
        let set = digits().unwrap();
        assert_eq!((set.examples(), set.input_shape()), (1797, &[1, 8, 8][..]));
        assert!(set.inputs().single().iter().all(|&level| (0.0..=16.0).contains(&level) && level.fract() == 0.0));
        // The first row of the published file.
        assert_eq!(set.input(0)[..16], [0., 0., 5., 13., 9., 1., 0., 0., 0., 0., 13., 15., 10., 15., 5., 0.]);
        let Targets::Classes { labels, classes: 10, names } = set.targets() else { panic!("expected ten classes") };
        assert_eq!(names.concat(), "0123456789");
        // Examples per class, as the documentation of the UCI set's test part states them.
        let counts: Vec<usize> = (0..10).map(|digit| labels.iter().filter(|&&label| label == digit).count()).collect();
        assert_eq!(counts, [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]);
    }
}
