//! The settings that data sets share, and what they do.

use onedge_registry::{Default, Kind, Setting, Settings, setting};

use crate::readers::Unpacked;
use crate::transforms::{self, Pick, Scale};
use crate::{Dataset, Error, Split, Task};

/// Subsets and a test part: for every set.
pub const SUBSET: &[Setting] = &[
    setting("skip", Kind::Integer, Default::Is("0"), "leave the first so many examples out"),
    setting("first", Kind::Integer, Default::Absent, "train on the first so many examples"),
    setting("random", Kind::Integer, Default::Absent, "train on so many examples, chosen by `seed`"),
    setting("balanced", Kind::Flag, Default::Is("false"), "the same number of `first` or `random` of every class"),
    setting("seed", Kind::Integer, Default::Is("0"), "of every random choice made for this set"),
    setting(
        "test_fraction",
        Kind::Number,
        Default::Absent,
        "set this share aside for testing, in whole examples and at least one, if none is shipped",
    ),
    setting("test_first", Kind::Integer, Default::Absent, "test on the first so many test examples"),
    setting(
        "label_noise",
        Kind::Number,
        Default::Is("0.0"),
        "give this share of the training labels, rounded to whole labels, anew at random",
    ),
];

/// Downsampling: for images.
pub const IMAGE: &[Setting] =
    &[setting("side", Kind::Integer, Default::Absent, "shrink images to this side by area averaging")];

/// The limit on what compressed files may hold: for all that is read from files.
pub const UNPACKED: &[Setting] = &[setting("unpacked_mib", Kind::Integer, Default::Absent, UNPACKED_HELP)];

const UNPACKED_HELP: &str =
    "the most MiB that a gzip'd file may unpack to; 32, or 48 times its size if that is more, if not given";

/// Scaling, with bytes or levels mapped to the unit interval unless told otherwise.
pub const SCALE_UNIT: &[Setting] = &[setting("scale", Kind::Text, Default::Is("unit"), SCALE_HELP)];

/// Scaling, with features standardised unless told otherwise.
pub const SCALE_STANDARD: &[Setting] = &[setting("scale", Kind::Text, Default::Is("standard"), SCALE_HELP)];

/// Scaling, with features left alone unless told otherwise.
pub const SCALE_NONE: &[Setting] = &[setting("scale", Kind::Text, Default::Is("none"), SCALE_HELP)];

const SCALE_HELP: &str = "`none`, `unit` (bytes to [0, 1]) or `standard` (mean 0, variance 1 on the training set)";

/// How many settings `groups` hold together.
pub const fn count(groups: &[&[Setting]]) -> usize {
    let (mut total, mut i) = (0, 0);
    while i < groups.len() {
        total += groups[i].len();
        i += 1;
    }
    total
}

/// The settings of all `groups` in one array, of the length that [`count`] gives.
pub const fn concat<const N: usize>(groups: &[&[Setting]]) -> [Setting; N] {
    let mut all = [setting("", Kind::Flag, Default::Absent, ""); N];
    let (mut at, mut i) = (0, 0);
    while i < groups.len() {
        let mut j = 0;
        while j < groups[i].len() {
            all[at] = groups[i][j];
            at += 1;
            j += 1;
        }
        i += 1;
    }
    all
}

/// Does to `split` what the shared settings ask for: test part, subset, labels, downsampling, scaling, in that order.
///
/// # Errors
/// Whatever the transforms report; a setting out of range, or two that exclude each other.
pub fn apply(split: Split, settings: &Settings) -> Result<Split, Error> {
    finish(take(split, settings)?, settings)
}

/// The first half of [`apply`]: the test part, the subset and its labels, which ask for classes but never for inputs.
pub fn take(split: Split, settings: &Settings) -> Result<Split, Error> {
    let mut split = set_aside(split, settings)?;
    split.train = skip(split.train, settings)?;
    let picked = pick(settings)?;
    if picked.is_none() && settings.flag("balanced") {
        return Err(settings.out_of_range("balanced", "`first` or `random` to be set with it").into());
    }
    if let Some((n, pick)) = picked {
        split.train = transforms::subset(&split.train, n, pick, settings.flag("balanced"))?;
    }
    let noise = settings.number("label_noise");
    if noise != 0.0 {
        split.train = transforms::relabel(&split.train, noise, seed(settings)?)?;
    }
    test_first(split, settings)
}

/// The other half: downsampling and scaling.
pub fn finish(mut split: Split, settings: &Settings) -> Result<Split, Error> {
    if let Some(side) = settings.optional_count("side")? {
        split = split.try_map(|set| transforms::downsample(set, side, side))?;
    }
    transforms::scale(split, scale(settings)?)
}

/// Subsets alone, for sets that come with their test part and have nothing to scale or to balance.
///
/// # Errors
/// A subset larger than the set, settings that contradict each other.
pub fn choose(mut split: Split, settings: &Settings) -> Result<Split, Error> {
    if let Some((n, pick)) = pick(settings)? {
        split.train = transforms::subset(&split.train, n, pick, false)?;
    }
    test_first(split, settings)
}

fn test_first(mut split: Split, settings: &Settings) -> Result<Split, Error> {
    if let Some(n) = settings.optional_count("test_first")? {
        let Some(test) = &split.test else {
            return Err(settings
                .out_of_range("test_first", "a test set to take from; try `test_fraction = 0.2`")
                .into());
        };
        split.test = Some(transforms::subset(test, n, Pick::First, false)?);
    }
    Ok(split)
}

/// What the setting `unpacked_mib` asks for.
pub fn unpacked(settings: &Settings) -> Result<Unpacked, Error> {
    Ok(settings.optional_count("unpacked_mib")?.map_or(Unpacked::Usual, |mib| Unpacked::Mib(mib as u64)))
}

/// What the setting `target` asks for.
pub fn task(settings: &Settings) -> Result<Task, Error> {
    match settings.text("target") {
        "classes" => Ok(Task::Classes),
        "values" => Ok(Task::Values),
        _ => Err(settings.out_of_range("target", "`classes` or `values`").into()),
    }
}

/// The seed of the set.
pub fn seed(settings: &Settings) -> Result<u64, Error> {
    Ok(settings.count("seed")? as u64)
}

fn skip(set: Dataset, settings: &Settings) -> Result<Dataset, Error> {
    match settings.count("skip")? {
        0 => Ok(set),
        skip if skip < set.examples() => set.select(&(skip..set.examples()).collect::<Vec<_>>()),
        _ => Err(settings.out_of_range("skip", &format!("less than the {} examples", set.examples())).into()),
    }
}

fn set_aside(split: Split, settings: &Settings) -> Result<Split, Error> {
    match settings.optional_number("test_fraction") {
        None => Ok(split),
        Some(_) if split.test.is_some() => {
            Err(settings.out_of_range("test_fraction", "no value, as this set has a test part of its own").into())
        }
        Some(fraction) => transforms::train_test(&split.train, fraction, seed(settings)?),
    }
}

fn pick(settings: &Settings) -> Result<Option<(usize, Pick)>, Error> {
    match (settings.optional_count("first")?, settings.optional_count("random")?) {
        (Some(_), Some(_)) => Err(settings.out_of_range("random", "no value, as `first` is set").into()),
        (Some(n), None) => Ok(Some((n, Pick::First))),
        (None, Some(n)) => Ok(Some((n, Pick::Random(seed(settings)?)))),
        (None, None) => Ok(None),
    }
}

/// What the setting `scale` asks for.
pub fn scale(settings: &Settings) -> Result<Scale, Error> {
    match settings.text("scale") {
        "none" => Ok(Scale::None),
        "unit" => Ok(Scale::Unit),
        "standard" => Ok(Scale::Standard),
        _ => Err(settings.out_of_range("scale", "`none`, `unit` or `standard`").into()),
    }
}
