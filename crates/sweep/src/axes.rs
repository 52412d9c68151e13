use std::collections::BTreeSet;

use onedge_registry::Value;

use super::report::Report;
use super::trials::Trial;

/// Two settings of numbers, and what is shown over them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Axes {
    /// The dotted key along the horizontal axis.
    pub x: String,
    /// That along the vertical one.
    pub y: String,
    /// That of which each value has a panel.
    pub panels: Option<String>,
    /// Of this variant alone.
    pub variant: Option<String>,
}

impl Report<'_> {
    /// The axes of the maps that suit the sweep: one for each variant over which two settings of numbers vary, or three
    /// settings of which two are of numbers; the third has panels. Where not each combination was run, none.
    pub fn usual_axes(&self) -> Vec<Axes> {
        self.variants().into_iter().filter_map(|variant| self.usual_axes_of(variant)).collect()
    }

    pub(crate) fn variants(&self) -> Vec<&str> {
        let mut variants: Vec<&str> = Vec::new();
        for trial in self.trials {
            if !variants.contains(&trial.variant.as_str()) {
                variants.push(&trial.variant);
            }
        }
        variants
    }

    fn usual_axes_of(&self, variant: &str) -> Option<Axes> {
        let trials: Vec<&Trial> = self.trials.iter().filter(|trial| trial.variant == variant).collect();
        let mut varying: Vec<(&str, Vec<String>)> = Vec::new();
        for (key, _) in &trials.first()?.coordinates {
            let mut values: Vec<String> = trials.iter().filter_map(|t| value(t, key)).map(|v| v.to_string()).collect();
            values.sort();
            values.dedup();
            varying.push((key, values));
        }
        varying.retain(|(_, values)| values.len() > 1);
        let points: BTreeSet<_> = trials.iter().map(|trial| (&trial.group, &trial.label)).collect();
        if points.len() != varying.iter().map(|(_, values)| values.len()).product::<usize>() {
            return None;
        }
        let is_number = |key: &str| trials.iter().all(|trial| value(trial, key).as_ref().and_then(number).is_some());
        let panels = match varying.len() {
            2 => None,
            3 => {
                let fewest = (0..3).min_by_key(|index| (is_number(varying[*index].0), varying[*index].1.len()))?;
                Some(varying.remove(fewest).0.to_owned())
            }
            _ => return None,
        };
        let [(y, _), (x, _)] = varying.as_slice() else { return None };
        let variant = Some(variant.to_owned());
        (is_number(x) && is_number(y)).then(|| Axes { x: (*x).to_owned(), y: (*y).to_owned(), panels, variant })
    }
}

/// The value of a key of a run: as it was written or drawn where it varies, before it was scaled.
pub(crate) fn value(trial: &Trial, key: &str) -> Option<Value> {
    let written = trial.coordinates.iter().find(|(known, _)| known == key).map(|(_, value)| value.clone());
    written.or_else(|| trial.spec.get(key))
}

/// A number of either kind.
pub(crate) fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Integer(integer) => Some(*integer as f64),
        Value::Number(number) => Some(*number),
        _ => None,
    }
}
