//! A data set: points around a spiral, whose height is to be told.

use onedge::data::{Dataset, Split, Targets, datasets};
use onedge::registry::{Default, Entry, Kind, setting};

pub static ENTRY: Entry<datasets::Build> = Entry {
    name: "spiral",
    summary: "points of a spiral, with their height",
    doc: "x = (a cos 4a, a sin 4a) / 2 and the height sin(3a) for angles a spread over 0 to 2. No noise.",
    settings: &[setting("examples", Kind::Integer, Default::Is("256"), "how many points, 2 or more")],
    build: |settings, _| {
        let examples = settings.count("examples")?;
        if examples < 2 {
            return Err(settings.out_of_range("examples", "2 or more").into());
        }
        let angles: Vec<f64> = (0..examples).map(|i| 2.0 * i as f64 / (examples - 1) as f64).collect();
        let points: Vec<f64> =
            angles.iter().flat_map(|a| [a * (4.0 * a).cos() / 2.0, a * (4.0 * a).sin() / 2.0]).collect();
        let heights: Vec<f64> = angles.iter().map(|a| (3.0 * a).sin()).collect();
        let set = Dataset::from_arrays(&points, &[examples, 2], Targets::values(&heights, 1)?)?;
        Split::new(set, None)
    },
};
