use onedge_registry::{Kind, Value};

use crate::Error;
use crate::axes::{Axis, axes, settings};
use crate::{Document, Spec};

/// One run of a grid.
#[derive(Debug, Clone, PartialEq)]
pub struct Variant {
    /// The keys that vary over the grid, seeds apart, with their values here: `rate=0.1`. Empty if none vary.
    pub label: String,
    /// The spec of this run.
    pub spec: Spec,
}

/// A point of a grid before it is checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Placed {
    /// The dotted keys that vary over the grid, seeds apart, with their values here.
    pub coordinates: Vec<(String, Value)>,
    /// The document with these values.
    pub document: Document,
}

/// All runs that a document describes: one, or one for every combination of the lists in it. A list counts as
/// such where the setting holds one value, and a list of lists where it holds a list: `rate = [0.1, 0.2]`,
/// `seed = [0, 1, 2]`, `hidden = [[64], [64, 64]]`.
///
/// # Errors
/// Those of [`Spec::resolve`]; an empty list; [`Error::GridSize`] for a grid of more than [`MOST_POINTS`].
pub fn expand(document: &Document) -> Result<Vec<Variant>, Error> {
    let resolve = |point: Placed| {
        let spec = Spec::resolve(&point.document)?;
        Ok(Variant { label: label(&point.coordinates), spec })
    };
    points(document, MOST_POINTS)?.into_iter().map(resolve).collect()
}

/// More points of a grid than these are taken for a mistake, unless more are asked for.
pub const MOST_POINTS: u64 = 10_000;

/// The points of the grid that the lists in a document span.
///
/// # Errors
/// An unknown name; an empty list; [`Error::GridSize`] for more than `most` points, found before there are any.
pub fn points(document: &Document, most: u64) -> Result<Vec<Placed>, Error> {
    let count = count(document)?;
    if count > most {
        return Err(Error::GridSize { origin: document.origin().to_owned(), points: count, most });
    }
    let mut points = vec![Placed { coordinates: Vec::new(), document: document.clone() }];
    for axis in axes(document)? {
        points = points.iter().flat_map(|point| axis.values.iter().map(|value| place(point, &axis, value))).collect();
    }
    Ok(points)
}

/// How many points the grid has that the lists in a document span; the largest number there is, if they are more.
///
/// # Errors
/// An unknown name; an empty list.
pub fn count(document: &Document) -> Result<u64, Error> {
    let mut count = 1_u64;
    for axis in axes(document)? {
        if axis.values.is_empty() {
            let message = format!("{}: expected one value or more, got an empty list", axis.dotted());
            return Err(Error::Toml { origin: document.origin_of(&axis.section, &axis.key), message });
        }
        count = count.saturating_mul(axis.values.len() as u64);
    }
    Ok(count)
}

/// Where in the grid, in short: `rate=0.1 sigma=2.0`.
pub fn label(coordinates: &[(String, Value)]) -> String {
    let short = |(dotted, value): &(String, Value)| {
        let key = dotted.rsplit('.').next().unwrap_or(dotted);
        format!("{key}={}", value.to_string().trim_matches('"'))
    };
    coordinates.iter().map(short).collect::<Vec<_>>().join(" ")
}

fn place(point: &Placed, axis: &Axis, value: &Value) -> Placed {
    let mut point = point.clone();
    if axis.dotted() != "seed" {
        point.coordinates.push((axis.dotted(), value.clone()));
    }
    point.document.place(&axis.dotted(), value.clone());
    point
}

/// The type of a setting, by its dotted key; `None` for an unknown one.
///
/// # Errors
/// An unknown name of a tuner, a model, ...
pub fn kind(document: &Document, dotted: &str) -> Result<Option<Kind>, Error> {
    let (section, key) = dotted.split_once('.').unwrap_or(("", dotted));
    let tables = settings(document)?;
    let table = tables.iter().find(|(known, _)| *known == section);
    Ok(table.and_then(|(_, settings)| settings.iter().find(|setting| setting.key == key)).map(|setting| setting.kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variants(text: &str) -> Result<Vec<Variant>, Error> {
        expand(&Document::parse("a.toml", text).unwrap())
    }

    #[test]
    fn lists_span_a_grid_and_seeds_share_a_label() {
        let all = variants("seed = [3, 4]\n[tuner]\nname = \"constant\"\nrate = [0.1, 0.2, 1]\n").unwrap();
        let seen: Vec<(&str, u64, f64)> =
            all.iter().map(|v| (v.label.as_str(), v.spec.seed, v.spec.tuner.settings.number("rate"))).collect();
        let expected = [
            ("rate=0.1", 3, 0.1),
            ("rate=0.2", 3, 0.2),
            ("rate=1", 3, 1.0),
            ("rate=0.1", 4, 0.1),
            ("rate=0.2", 4, 0.2),
            ("rate=1", 4, 1.0),
        ];
        assert_eq!(seen, expected);
    }

    #[test]
    fn lists_of_lists_span_a_grid_of_lists() {
        let text = "[tuner]\nname = \"constant\"\nrate = 0.1\n[model]\nname = \"mlp\"\nhidden = [[8], [8, 4]]\n";
        let all = variants(text).unwrap();
        let seen: Vec<_> =
            all.iter().map(|v| (v.label.as_str(), v.spec.model.settings.counts("hidden").unwrap())).collect();
        assert_eq!(seen, [("hidden=[8]", vec![8]), ("hidden=[8, 4]", vec![8, 4])]);
        let one = variants(&text.replace("[[8], [8, 4]]", "[[8], 4]")).unwrap_err().to_string();
        assert_eq!(one, "a.toml: model.hidden: expected a list of whole numbers, got 4");
    }

    /// 30 x 40 x 9 = 10,800, and 13 lists of 40 are more than 2^64.
    #[test]
    fn a_grid_is_counted_before_it_is_grown() {
        let list = |n: usize| format!("{:?}", (1..=n).collect::<Vec<_>>());
        let text = format!("seed = {}\nsteps = {}\nbatch = {}\n", list(30), list(40), list(9));
        let message = variants(&text).unwrap_err().to_string();
        assert_eq!(message, "a.toml: the lists span a grid of 10800 runs, expected at most 10000; try shorter lists");
        let document = Document::parse("a.toml", &text).unwrap();
        assert_eq!((count(&document).unwrap(), points(&document, 10_800).unwrap().len()), (10_800, 10_800));
        let many = ["seed", "steps", "batch", "crop", "checkpoint_every", "checkpoint_keep", "target_loss"];
        let mut text: String = many.iter().map(|key| format!("{key} = {}\n", list(40))).collect();
        text += "[diagnostics]\n";
        for key in ["sharpness_every", "top_k", "max_products", "trace_every", "trace_samples", "noise_scale_every"] {
            text += &format!("{key} = {}\n", list(40));
        }
        assert_eq!(count(&Document::parse("a.toml", &text).unwrap()).unwrap(), u64::MAX);
    }

    #[test]
    fn lists_that_belong_to_a_setting_are_no_grid() {
        let text = "[tuner]\nname = \"constant\"\nrate = 0.1\n[data]\nname = \"teacher\"\nhidden = [8, 4]\n";
        let all = variants(text).unwrap();
        assert_eq!((all.len(), all[0].label.as_str()), (1, ""));
        let message = variants(&text.replace("0.1", "[]")).unwrap_err().to_string();
        assert_eq!(message, "a.toml: tuner.rate: expected one value or more, got an empty list");
    }
}
