use onedge_registry::{Kind, Setting, Value};

use crate::Error;
use crate::spec::{Document, Spec, resolved, sections};

/// One run of a grid.
#[derive(Debug, Clone, PartialEq)]
pub struct Variant {
    /// The keys that vary over the grid, seeds apart, with their values here: `rate=0.1`. Empty if none vary.
    pub label: String,
    /// The spec of this run.
    pub spec: Spec,
}

/// A setting that was given as a list although it holds one value.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Axis {
    /// Empty for a key outside of any section.
    pub(super) section: String,
    pub(super) key: String,
    pub(super) values: Vec<Value>,
}

impl Axis {
    pub(super) fn dotted(&self) -> String {
        if self.section.is_empty() { self.key.clone() } else { format!("{}.{}", self.section, self.key) }
    }
}

/// A point of a grid before it is checked.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Placed {
    /// The dotted keys that vary over the grid, seeds apart, with their values here.
    pub(crate) coordinates: Vec<(String, Value)>,
    pub(crate) document: Document,
}

/// All runs that a document describes: one, or one for every combination of the lists in it. A list counts as
/// such where the setting holds one value, and a list of lists where it holds a list: `rate = [0.1, 0.2]`,
/// `seed = [0, 1, 2]`, `hidden = [[64], [64, 64]]`.
///
/// # Errors
/// Those of [`Spec::resolve`]; an empty list.
pub fn expand(document: &Document) -> Result<Vec<Variant>, Error> {
    let resolve = |point: Placed| {
        let spec = Spec::resolve(&point.document)?;
        Ok(Variant { label: label(&point.coordinates), spec })
    };
    points(document)?.into_iter().map(resolve).collect()
}

/// The points of the grid that the lists in a document span.
///
/// # Errors
/// An unknown name; an empty list.
pub(crate) fn points(document: &Document) -> Result<Vec<Placed>, Error> {
    let mut points = vec![Placed { coordinates: Vec::new(), document: document.clone() }];
    for axis in axes(document)? {
        if axis.values.is_empty() {
            let message = format!("{}: expected one value or more, got an empty list", axis.dotted());
            return Err(Error::Toml { origin: document.origin_of(&axis.section, &axis.key), message });
        }
        points = points.iter().flat_map(|point| axis.values.iter().map(|value| place(point, &axis, value))).collect();
    }
    Ok(points)
}

/// Where in the grid, in short: `rate=0.1 sigma=2.0`.
pub(crate) fn label(coordinates: &[(String, Value)]) -> String {
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

/// The settings given as lists that hold one value. Unknown keys are left for [`Spec::resolve`] to report.
pub(super) fn axes(document: &Document) -> Result<Vec<Axis>, Error> {
    let mut axes = Vec::new();
    for (section, settings) in settings(document)? {
        for setting in settings {
            let axis = Axis { section: section.to_owned(), key: setting.key.to_owned(), values: Vec::new() };
            let Some(Value::List(values)) = document.get(&axis.dotted()) else { continue };
            let one = match setting.kind {
                Kind::Integers | Kind::Numbers | Kind::NumbersOr(_) => {
                    values.iter().any(|value| matches!(value, Value::List(_)))
                }
                _ => true,
            };
            if one {
                axes.push(Axis { values: values.clone(), ..axis });
            }
        }
    }
    Ok(axes)
}

/// The type of a setting, by its dotted key; `None` for an unknown one.
///
/// # Errors
/// An unknown name of a tuner, a model, ...
pub(crate) fn kind(document: &Document, dotted: &str) -> Result<Option<Kind>, Error> {
    let (section, key) = dotted.split_once('.').unwrap_or(("", dotted));
    let tables = settings(document)?;
    let table = tables.iter().find(|(known, _)| *known == section);
    Ok(table.and_then(|(_, settings)| settings.iter().find(|setting| setting.key == key)).map(|setting| setting.kind))
}

/// The settings of each section, that outside of sections under the empty name first.
fn settings(document: &Document) -> Result<Vec<(&'static str, Vec<Setting>)>, Error> {
    let mut tables = vec![("", sections::ROOT.to_vec())];
    for section in sections::ALL {
        let name = document.sections.get(section.key).and_then(|given| given.get("name"));
        let name = resolved::entry_name(document, section.key, name)?;
        tables.push((section.key, (section.settings)(&name).map_err(|source| document.error(section.key, source))?));
    }
    Ok(tables)
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

    #[test]
    fn lists_that_belong_to_a_setting_are_no_grid() {
        let text = "[tuner]\nname = \"constant\"\nrate = 0.1\n[data]\nname = \"teacher\"\nhidden = [8, 4]\n";
        let all = variants(text).unwrap();
        assert_eq!((all.len(), all[0].label.as_str()), (1, ""));
        let message = variants(&text.replace("0.1", "[]")).unwrap_err().to_string();
        assert_eq!(message, "a.toml: tuner.rate: expected one value or more, got an empty list");
    }
}
