//! The figures of the simplified model, which need no runs.

use std::collections::BTreeMap;

use onedge_registry::Value;
use onedge_theory::presets::{Curves, Outcome, build};

use super::Picture;
use crate::Error;
use crate::plot::{Drawing, simplified};

/// The curves of a preset of the simplified model, with its claims.
///
/// # Errors
/// None for the settings that figures have.
pub fn curves(name: &str, settings: &[(&str, &str)]) -> Result<Curves, Error> {
    let given = settings.iter().map(|(key, value)| ((*key).to_owned(), Value::parse(value)));
    match build(name, given.collect::<BTreeMap<_, _>>()).map_err(Error::spec(name))?.0 {
        Outcome::Curves(curves) => Ok(curves),
        Outcome::Grid(_) => unreachable!("{name} has curves"),
    }
}

/// Their picture.
///
/// # Errors
/// Those of [`curves`].
pub fn picture(name: &str, settings: &[(&str, &str)]) -> Result<Picture, Error> {
    let curves = curves(name, settings)?;
    Ok(Picture { drawing: Drawing::Curves(simplified::chart(&curves)), csv: curves.csv() })
}
