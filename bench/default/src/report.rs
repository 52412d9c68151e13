//! What the results say: a table of methods, a table of cells, and a performance profile.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write;
use std::path::Path;

use onedge_plot::{Chart, ChartPanel, Look, Scale};

use crate::cells::{Cell, Half, Suite};
use crate::results::{Row, rows};

/// A cell counts as won within this ratio to the best constant rate.
const WITHIN: f64 = 1.3;
/// Ratios are drawn up to this one.
const WIDEST: f64 = 4.0;
/// Grids are bounds, not rivals.
const GRIDS: [&str; 2] = ["constant ", "cosine "];
/// What is judged.
pub const OWN: &str = "cdat";

/// Losses of one cell by method, means over seeds.
struct Line<'a> {
    cell: &'a Cell,
    losses: BTreeMap<String, f64>,
    constant: (f64, String),
    cosine: (f64, String),
}

/// A method over all cells of a half.
struct Standing {
    method: String,
    ratios: Vec<f64>,
    /// Runs that diverged, or ended above where they began.
    failed: usize,
    runs: usize,
}

/// Prints the tables of `half` and, if asked for, draws the profile.
///
/// # Errors
/// Results that cannot be read, a picture that cannot be written.
pub fn report(suite: &Suite, results: &Path, half: Half, picture: Option<&Path>) -> Result<String, Box<dyn Error>> {
    let rows = rows(results)?;
    let lines: Vec<Line<'_>> = suite.cells(half).into_iter().filter_map(|cell| line(cell, &rows)).collect();
    let names: Vec<String> = lines.iter().map(|line| line.cell.name()).collect();
    let methods: Vec<String> = {
        let mut known: Vec<String> = rows.iter().map(|row| row.method.clone()).collect();
        known.sort();
        known.dedup();
        known.into_iter().filter(|method| GRIDS.iter().all(|grid| !method.starts_with(grid))).collect()
    };
    let mut standings: Vec<Standing> = methods
        .iter()
        .map(|method| {
            let of = rows.iter().filter(|row| row.method == *method && names.contains(&row.cell));
            let failed = of.clone().filter(|row| !(row.ending == "budget" && row.loss < row.first)).count();
            let ratios = lines.iter().filter_map(|line| Some(line.losses.get(method)? / line.constant.0)).collect();
            Standing { method: method.clone(), ratios, failed, runs: of.count() }
        })
        .filter(|standing| standing.ratios.len() == lines.len())
        .collect();
    let cosine = lines.iter().map(|line| line.cosine.0 / line.constant.0).collect();
    standings.push(Standing { method: "best cosine of 8".to_owned(), ratios: cosine, failed: 0, runs: 0 });
    standings.sort_by(|a, b| {
        (b.share(), a.median()).partial_cmp(&(a.share(), b.median())).unwrap_or(std::cmp::Ordering::Equal)
    });
    let mut text = String::new();
    writeln!(text, "| method | cells within {WITHIN} x | median ratio | worst ratio | runs that failed |")?;
    writeln!(text, "|---|---|---|---|---|")?;
    for standing in &standings {
        let worst = standing.ratios.iter().copied().fold(0.0, f64::max);
        let failed =
            if standing.runs == 0 { "-".to_owned() } else { format!("{} of {}", standing.failed, standing.runs) };
        let name = if standing.method == OWN { "**cdat**".to_owned() } else { standing.method.clone() };
        let within = standing.ratios.iter().filter(|ratio| **ratio <= WITHIN).count();
        let (cells, median) = (standing.ratios.len(), standing.median());
        writeln!(text, "| {name} | {within} of {cells} | {} | {} | {failed} |", short(median), short(worst))?;
    }
    let score = |row: &&&Row| row.method == OWN || row.method == "adam 1e-3";
    writeln!(
        text,
        "\n| cell | gradients | best constant | at rate | best cosine | cdat | adam 1e-3 | score, cdat | adam 1e-3 |"
    )?;
    writeln!(text, "|---|---|---|---|---|---|---|---|---|")?;
    for line in &lines {
        let name = line.cell.name();
        let scores = |method: &str| {
            let of = rows.iter().filter(|row| row.cell == name).collect::<Vec<_>>();
            let of: Vec<f64> =
                of.iter().filter(score).filter(|row| row.method == method).map(|row| row.score).collect();
            of.iter().sum::<f64>() / of.len() as f64
        };
        let ratio = |method: &str| line.losses.get(method).map_or("-".to_owned(), |loss| short(loss / line.constant.0));
        writeln!(
            text,
            "| {name} | {} | {:.3e} | {} | {} | {} | {} | {:.3} | {:.3} |",
            line.cell.gradients,
            line.constant.0,
            line.constant.1,
            short(line.cosine.0 / line.constant.0),
            ratio(OWN),
            ratio("adam 1e-3"),
            scores(OWN),
            scores("adam 1e-3"),
        )?;
    }
    if let Some(path) = picture {
        profile(&standings).save(path)?;
    }
    Ok(text)
}

fn line<'a>(cell: &'a Cell, rows: &[Row]) -> Option<Line<'a>> {
    let name = cell.name();
    let mut sums: BTreeMap<String, (f64, f64)> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.cell == name) {
        let sum = sums.entry(row.method.clone()).or_default();
        *sum = (sum.0 + row.loss, sum.1 + 1.0);
    }
    let losses: BTreeMap<String, f64> = sums.into_iter().map(|(method, (sum, count))| (method, sum / count)).collect();
    let best = |grid: &str| {
        let of = losses.iter().filter_map(|(method, loss)| Some((*loss, method.strip_prefix(grid)?.to_owned())));
        of.min_by(|a, b| a.0.total_cmp(&b.0))
    };
    Some(Line { cell, constant: best(GRIDS[0])?, cosine: best(GRIDS[1])?, losses })
}

impl Standing {
    fn share(&self) -> f64 {
        self.ratios.iter().filter(|ratio| **ratio <= WITHIN).count() as f64 / self.ratios.len() as f64
    }

    fn median(&self) -> f64 {
        let mut sorted = self.ratios.clone();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        if sorted.len() % 2 == 1 { sorted[middle] } else { 0.5 * (sorted[middle - 1] + sorted[middle]) }
    }
}

/// The share of cells within each ratio: Dolan and Moré 2002, against the best constant rate.
fn profile(standings: &[Standing]) -> Chart {
    let drawn: Vec<&Standing> = standings.iter().filter(|standing| DRAWN.contains(&standing.method.as_str())).collect();
    let places = || (0..=160).map(|i| 0.5 * (WIDEST / 0.5).powf(f64::from(i) / 160.0));
    let curve = |standing: &Standing| {
        let share = |x: f64| standing.ratios.iter().filter(|ratio| **ratio <= x).count() as f64;
        places().map(|x| (x, 100.0 * share(x) / standing.ratios.len() as f64)).collect()
    };
    let look = |(i, standing): (usize, &&Standing)| {
        let color = DRAWN.iter().position(|name| *name == standing.method).unwrap_or(i);
        (standing.method.clone(), Look::solid(color))
    };
    Chart {
        title: "Training loss over that of the best constant rate of eight, at equal cost".to_owned(),
        x_label: "ratio".to_owned(),
        curves: drawn.iter().enumerate().map(look).collect(),
        panels: vec![ChartPanel {
            title: "% of the cells within that ratio".to_owned(),
            scale: Scale::Linear,
            curves: drawn.iter().map(|standing| curve(standing)).collect(),
            across: None,
            legend: Vec::new(),
        }],
        rows: Vec::new(),
        note: String::new(),
    }
}

/// What is in the picture: all methods would hide each other.
const DRAWN: [&str; 7] = ["cdat", "prodigy", "adam 1e-3", "schedule-free", "dog", "sls", "cdat paper"];

fn short(x: f64) -> String {
    match x {
        x if !x.is_finite() => "diverged".to_owned(),
        x if x >= 100.0 => format!("{x:.0}"),
        x if x >= 10.0 => format!("{x:.1}"),
        x => format!("{x:.2}"),
    }
}
