//! What is printed.

use onedge_text::table::{Table, number};
use onedge_theory::batches::BatchMap;
use onedge_theory::phase::{Cell, Fate, Map};
use onedge_theory::presets::{Claim, Curve, Curves, Verdict};
use onedge_theory::stochastic::Noise;

/// Where each run ended, and what it must show against what it shows, in lines of so many characters.
pub fn curves(curves: &Curves, width: usize) -> String {
    let end = |Curve { label, trajectory, .. }: &Curve| {
        let last = trajectory.points.last();
        let of = |read: fn(&onedge_theory::Point) -> f64| number(last.map(read));
        let ended = trajectory.stop.to_string();
        vec![label.clone(), of(|p| p.eta), of(|p| p.lambda), of(|p| p.y), of(|p| p.p), of(|p| p.q), ended]
    };
    let rows: Vec<Vec<String>> = curves.curves.iter().map(end).collect();
    let mut text = format!("{}\n{}\n", curves.title, noise(&curves.noise));
    let ends = Table::new(&["run", "last eta", "lambda", "y", "p", "q", "ended"], &rows);
    text += &ends.ranked(&[0, 3, 2, 0, 4, 5, 1]).fitted(width);
    if curves.claims.is_empty() {
        return text + "\n";
    }
    let row = |claim: &Claim| {
        vec![claim.curve.clone(), claim.says.to_owned(), claim.verdict.to_string(), claim.measured.clone()]
    };
    let rows: Vec<Vec<String>> = curves.claims.iter().map(row).collect();
    text += "\n";
    let claims = Table::new(&["run", "must show", "is", "measured"], &rows).to_string();
    let fits = claims.lines().all(|line| line.chars().count() <= width);
    // A sentence of each, where there is no room for columns of words.
    let sentence = |claim: &Claim| format!("{} {}: {}; {}\n", claim.verdict, claim.curve, claim.says, claim.measured);
    text += &if fits { claims } else { curves.claims.iter().map(sentence).collect() };
    let count = |verdict| curves.claims.iter().filter(|claim| claim.verdict == verdict).count();
    let [shown, partly, not] = [Verdict::Shown, Verdict::Partly, Verdict::NotShown].map(count);
    text + &format!("\nof {} claims {shown} are shown, {partly} partly, {not} not\n", curves.claims.len())
}

/// How many cells have which fate, and where, in lines of so many characters.
pub fn map(map: &Map, width: usize) -> String {
    let is = |fate: &Fate, other: &Fate| std::mem::discriminant(fate) == std::mem::discriminant(other);
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut seen: Vec<Fate> = Vec::new();
    for cell in &map.cells {
        if !seen.iter().any(|fate| is(fate, &cell.fate)) {
            seen.push(cell.fate);
        }
    }
    for fate in &seen {
        let cells: Vec<&Cell> = map.cells.iter().filter(|cell| is(fate, &cell.fate)).collect();
        let range = |read: fn(&Cell) -> Option<f64>| {
            let values = cells.iter().filter_map(|cell| read(cell));
            let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
            match (low, high) {
                (low, high) if low > high => "-".to_owned(),
                (low, high) if low == high => number(Some(low)),
                (low, high) => format!("{} to {}", number(Some(low)), number(Some(high))),
            }
        };
        let count = cells.len().to_string();
        rows.push(vec![
            fate.to_string(),
            count,
            range(|cell| Some(cell.sigma)),
            range(|cell| Some(cell.ratio)),
            range(|cell| cell.lambda),
            range(|cell| cell.y),
        ]);
    }
    let steps = map.grid.steps;
    format!(
        "CDAT in the simplified model, {steps} steps a cell: what becomes of the sharpness lambda\n{}\n{}\n",
        noise(&map.grid.noise),
        Table::new(&["lambda", "cells", "sigma", "a/b", "last lambda", "last y"], &rows)
            .ranked(&[0, 0, 1, 2, 3, 4])
            .fitted(width)
    )
}

/// The sigma that ends lowest at each batch size, in lines of so many characters.
pub fn batches(map: &BatchMap, width: usize) -> String {
    let best = map.best();
    let rows: Vec<Vec<String>> = best
        .iter()
        .zip(&map.of.batches)
        .map(|((batch, best), (_, steps))| {
            let (sigma, end) = best.map_or((None, None), |(sigma, end)| (Some(sigma), Some(end)));
            vec![batch.to_string(), steps.to_string(), number(sigma), number(end)]
        })
        .collect();
    let table = Table::new(&["batch", "steps", "best sigma", "last over first loss"], &rows);
    format!(
        "CDAT in batches, in the simplified model: an addition of ours that is not in the paper; {} runs a cell\n{}\n",
        map.of.seeds,
        table.ranked(&[0, 2, 0, 1]).fitted(width)
    )
}

/// A line, if there is noise.
fn noise(noise: &Noise) -> String {
    if noise.is_none() {
        return String::new();
    }
    format!(
        "noise, an addition of ours that is not in the paper: gradient {}, displacement {}, seed {}\n",
        noise.gradient, noise.displacement, noise.seed
    )
}
