use onedge_registry::{Default, Entry, Kind, Setting, Settings, setting};

use super::build::{Build, Context};
use super::common;
use crate::readers::{Source, read_csv};
use crate::table::{Column, Format, Rules};
use crate::{Error, Split};

const GROUPS: &[&[Setting]] = &[
    &[setting("target", Kind::Text, Default::Is("values"), "quality as a number (`values`) or as one of 6 `classes`")],
    common::SUBSET,
    common::SCALE_STANDARD,
];
static SETTINGS: [Setting; common::count(GROUPS)] = common::concat(GROUPS);

/// 1599 red wines, embedded.
pub static ENTRY: Entry<Build> = Entry {
    name: "red-wine",
    summary: "1599 red wines, 11 measurements, quality 3 to 8; built in",
    doc: "Physico-chemical measurements and the median grade of at least three tasters. P. Cortez, A. Cerdeira, \
          F. Almeida, T. Matos, J. Reis, Modeling wine preferences by data mining from physicochemical properties, \
          Decision Support Systems 47 (2009) 547; UCI Machine Learning Repository, doi 10.24432/C56S3T, licence \
          CC BY 4.0, as the crate linfa-datasets carries it. Numbers are held in single precision.",
    settings: &SETTINGS,
    build,
};

static BYTES: &[u8] = include_bytes!("../../embedded/winequality-red.csv.gz");

fn build(settings: &Settings, _: &Context<'_>) -> Result<Split, Error> {
    let task = common::task(settings)?;
    let rules = Rules::plain(Column::Name("quality".to_owned()), task);
    let format = Format { header: true, delimiter: b',' };
    let set = read_csv(Source::embedded("red-wine", BYTES)?, format, &rules)?;
    common::apply(Split::new(set, None)?, settings)
}

#[cfg(test)]
mod tests {
    use super::super::load_text;
    use crate::Targets;

    #[test]
    fn holds_what_its_source_states() {
        let set = load_text("red-wine", &[("scale", "none")]).unwrap().train;
        assert_eq!((set.examples(), set.input_shape()), (1599, &[11][..]));
        // The first row of the published file.
        assert_eq!(*set.input(0), [7.4, 0.7, 0.0, 1.9, 0.076, 11.0, 34.0, 0.9978, 3.51, 0.56, 9.4]);
        let Targets::Values { values, width: 1 } = set.targets() else { panic!("expected one value per wine") };
        assert_eq!(values[0], 5.0);
    }

    #[test]
    fn quality_can_be_classes() {
        let set = load_text("red-wine", &[("target", "classes")]).unwrap().train;
        let Targets::Classes { labels, classes: 6, names } = set.targets() else { panic!("expected six classes") };
        assert_eq!(names.concat(), "345678");
        // Wines per grade, as the paper's figure and the repository's page give them.
        let counts: Vec<usize> = (0..6).map(|grade| labels.iter().filter(|&&label| label == grade).count()).collect();
        assert_eq!(counts, [10, 53, 681, 638, 199, 18]);
    }
}
