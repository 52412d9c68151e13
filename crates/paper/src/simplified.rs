//! The figures of the simplified model, which need no runs.

use std::collections::BTreeMap;

use onedge_registry::Value;
use onedge_theory::presets::{Curves, Outcome, Verdict, build};

use super::Picture;
use crate::claim::{Claim, Seen};
use crate::judge::{Judge, graded};
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
        Outcome::Grid(_) | Outcome::Batches(_) => unreachable!("{name} has curves"),
    }
}

/// The claims of a preset as the figure has it.
///
/// # Errors
/// Those of [`curves`].
pub fn claims(name: &str, settings: &[(&str, &str)]) -> Result<Vec<Claim>, Error> {
    Ok(curves(name, settings)?.claims.into_iter().map(Claim::from).collect())
}

/// The claims of a preset in both time conventions, as the paper does not print which its figures have; and that they hold with the
/// equations as printed, which is a claim of its own.
///
/// # Errors
/// Those of [`curves`].
pub fn in_both_conventions(name: &str) -> Result<Vec<Claim>, Error> {
    let printed = claims(name, &[("time", "printed")])?;
    let other = claims(name, &[("time", "semi-implicit")])?;
    let count = |claims: &[Claim]| claims.iter().filter(|claim| claim.verdict == Verdict::Shown).count();
    let (holds, of) = (count(&printed), printed.len());
    let measured = format!(
        "{holds} of {of} statements are shown as printed, where lambda reads the old x, and {} of {} with lambda reading the new x",
        count(&other),
        other.len()
    );
    let mut judge = Judge::default();
    judge.claim(
        "time convention",
        "the statements hold for the equations as printed (partly: with lambda reading the new x)",
        Seen::bare(graded(holds == of, count(&other) == other.len()), measured),
    );
    Ok([printed, other, judge.claims()].concat())
}

/// Their picture.
///
/// # Errors
/// Those of [`curves`].
pub fn picture(name: &str, settings: &[(&str, &str)]) -> Result<Picture, Error> {
    let curves = curves(name, settings)?;
    Ok(Picture { drawing: Drawing::Curves(theory_pictures::chart(&curves)), csv: curves.csv() })
}
