//! The figures of the simplified model, which need no runs.

use std::collections::BTreeMap;

use onedge_registry::Value;
use onedge_theory::presets::{Claim, Curves, Outcome, build};

use super::Picture;
use crate::{Error, theory_pictures};
use onedge_plot::Drawing;

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

/// The claims of a preset made in both time conventions: what the paper says of a curve is borne out if it is in one of them,
/// as it does not print which its figures have. Each claim tells of both.
///
/// # Errors
/// Those of [`curves`].
pub fn in_either_convention(name: &str) -> Result<Vec<Claim>, Error> {
    let in_time = |time| curves(name, &[("time", time)]).map(|curves| curves.claims);
    let pair = |(printed, other): (Claim, Claim)| {
        let measured = format!(
            "as printed: {} ({}); semi-implicit: {} ({})",
            printed.measured, printed.verdict, other.measured, other.verdict
        );
        let verdict = printed.verdict.better(other.verdict);
        Claim { measured, verdict, ..printed }
    };
    Ok(in_time("printed")?.into_iter().zip(in_time("semi-implicit")?).map(pair).collect())
}

/// Their picture.
///
/// # Errors
/// Those of [`curves`].
pub fn picture(name: &str, settings: &[(&str, &str)]) -> Result<Picture, Error> {
    let curves = curves(name, settings)?;
    Ok(Picture { drawing: Drawing::Curves(theory_pictures::chart(&curves)), csv: curves.csv() })
}
