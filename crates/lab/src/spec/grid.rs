use onedge_registry::{Kind, Value};

use crate::Error;
use crate::spec::{Document, Spec, resolved, sections};

/// One run of a grid.
#[derive(Debug, Clone, PartialEq)]
pub struct Variant {
    /// The dotted keys that vary over the grid, seeds apart, with their values here: `rate=0.1`. Empty if none vary.
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

/// All runs that a document describes: one, or one for every combination of the lists in it. A list counts as
/// such where the setting holds one value: `rate = [0.1, 0.2]`, `seed = [0, 1, 2]`.
///
/// # Errors
/// Those of [`Spec::resolve`]; an empty list.
pub fn expand(document: &Document) -> Result<Vec<Variant>, Error> {
    let mut points = vec![(Vec::new(), document.clone())];
    for axis in axes(document)? {
        if axis.values.is_empty() {
            let message = format!("{}: expected one value or more, got an empty list", axis.dotted());
            return Err(Error::Toml { origin: document.origin_of(&axis.section, &axis.key), message });
        }
        points = points.iter().flat_map(|point| axis.values.iter().map(|value| place(point, &axis, value))).collect();
    }
    points
        .into_iter()
        .map(|(labels, document)| Ok(Variant { label: labels.join(" "), spec: Spec::resolve(&document)? }))
        .collect()
}

fn place((labels, document): &(Vec<String>, Document), axis: &Axis, value: &Value) -> (Vec<String>, Document) {
    let (mut labels, mut document) = (labels.clone(), document.clone());
    if axis.key != "seed" || !axis.section.is_empty() {
        labels.push(format!("{}={}", axis.key, value.to_string().trim_matches('"')));
    }
    let values = match axis.section.as_str() {
        "" => &mut document.root,
        section => document.sections.entry(section.to_owned()).or_default(),
    };
    values.insert(axis.key.clone(), value.clone());
    (labels, document)
}

/// The settings given as lists that hold one value. Unknown keys are left for [`Spec::resolve`] to report.
pub(super) fn axes(document: &Document) -> Result<Vec<Axis>, Error> {
    let mut axes = Vec::new();
    let root = std::iter::once(("", sections::ROOT.to_vec(), Some(&document.root)));
    let mut tables: Vec<_> = root.collect();
    for section in sections::ALL {
        let given = document.sections.get(section.key);
        let name = given.and_then(|given| given.get("name"));
        let name = resolved::entry_name(document, section.key, name)?;
        let settings = (section.settings)(&name).map_err(|source| document.error(section.key, source))?;
        tables.push((section.key, settings, given));
    }
    for (section, settings, given) in tables {
        for setting in settings {
            let one = !matches!(setting.kind, Kind::Integers | Kind::Numbers);
            if let Some(Value::List(values)) = given.and_then(|given| given.get(setting.key)).filter(|_| one) {
                let (section, key) = (section.to_owned(), setting.key.to_owned());
                axes.push(Axis { section, key, values: values.clone() });
            }
        }
    }
    Ok(axes)
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
    fn lists_that_belong_to_a_setting_are_no_grid() {
        let text = "[tuner]\nname = \"constant\"\nrate = 0.1\n[data]\nname = \"teacher\"\nhidden = [8, 4]\n";
        let all = variants(text).unwrap();
        assert_eq!((all.len(), all[0].label.as_str()), (1, ""));
        let message = variants(&text.replace("0.1", "[]")).unwrap_err().to_string();
        assert_eq!(message, "a.toml: tuner.rate: expected one value or more, got an empty list");
    }
}
