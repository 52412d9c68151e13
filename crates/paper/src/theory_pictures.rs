//! Pictures of the simplified model.

use onedge_theory::Point;
use onedge_theory::batches::BatchMap;
use onedge_theory::phase::{Cell, Fate, Map};
use onedge_theory::presets::{Convention, Curves, Quantity};

use onedge_plot::{Chart, ChartPanel, Colors, HeatCell, HeatMap, HeatPanel, Look, Mark, Scale, Trace};

/// Of noisy runs the medians of so many groups of steps are drawn: single steps would fill the panels.
const GROUPS: usize = 400;

/// A panel for each quantity. Runs that are not as printed are dashed, as they may lie on those that are.
pub fn chart(curves: &Curves) -> Chart {
    let steps = curves.curves.iter().map(|curve| curve.trajectory.points.len()).max().unwrap_or(0);
    let group = if curves.noise.is_none() { 1 } else { (steps / GROUPS).max(1) };
    let panel = |&quantity: &Quantity| ChartPanel {
        title: quantity.title().to_owned(),
        scale: match quantity {
            Quantity::Eta | Quantity::Lambda => Scale::Log,
            Quantity::Y | Quantity::P => Scale::Linear,
        },
        curves: curves
            .curves
            .iter()
            .map(|curve| {
                let points = curve.trajectory.points.chunks(group).map(|points| median(points, quantity));
                let trace: Trace = points.collect();
                // How far it came is to be seen from its end: it is no run that was cut off.
                let last = trace.points.iter().rev().find(|point| point.1.is_finite()).copied();
                let crosses = last.filter(|_| !curve.trajectory.stop.is_success()).into_iter().collect();
                Trace { crosses, ..trace }
            })
            .collect(),
        across: (quantity == Quantity::Y).then_some((0.0, "edge")),
        legend: Vec::new(),
    };
    Chart {
        title: curves.title.clone(),
        x_label: if group > 1 { format!("step (medians of {group} steps)") } else { "step".to_owned() },
        curves: curves
            .curves
            .iter()
            .enumerate()
            .map(|(index, curve)| match curve.convention {
                Convention::Printed => (curve.label.clone(), Look::solid(index)),
                Convention::Other => (curve.label.clone(), Look::dashed(index)),
            })
            .collect(),
        panels: curves.quantities.iter().map(panel).collect(),
        rows: Vec::new(),
        note: String::new(),
    }
}

fn median(points: &[Point], quantity: Quantity) -> (f64, f64) {
    let mut values: Vec<f64> = points.iter().map(|point| quantity.of(point)).collect();
    values.sort_by(f64::total_cmp);
    (points[0].step as f64, values[values.len() / 2])
}

/// The sharpness and y at the end of the runs, with their fates as marks.
pub fn heatmap(map: &Map) -> HeatMap {
    let panel = |title: &str, scale, read: fn(&Cell) -> Option<f64>| HeatPanel {
        title: title.to_owned(),
        scale,
        cells: map.cells.iter().map(|cell| HeatCell { value: read(cell), mark: mark(cell.fate) }).collect(),
    };
    let noisy = if map.grid.noise.is_none() { "" } else { ", with noise (our addition)" };
    HeatMap {
        title: format!("CDAT in the simplified model{noisy}"),
        x_label: "σ".to_owned(),
        columns: map.grid.sigmas.clone(),
        y_label: "a / b".to_owned(),
        rows: map.grid.ratios.clone(),
        panels: vec![
            panel("λ at the end, mean of the last tenth", Scale::Log, |cell| cell.lambda),
            panel("y at the end, median of the last tenth", Scale::Linear, |cell| cell.y),
        ],
        colors: Colors::OfEach,
        marks: vec![
            (Mark::Nothing, "no mark: λ grows".to_owned()),
            (Mark::Dot, "λ settles".to_owned()),
            (Mark::Down, "λ falls".to_owned()),
            (Mark::Cross, "diverged".to_owned()),
        ],
    }
}

/// The last over the first loss by sigma and batch size, of each map a panel under its title. All are of the same sigmas and batch sizes.
pub fn batch_heatmap(title: &str, maps: &[(String, &BatchMap)]) -> HeatMap {
    let (columns, rows) = maps.first().map_or((Vec::new(), Vec::new()), |(_, map)| {
        let sizes = map.of.batches.iter().map(|(batch, _)| *batch as f64).collect();
        (map.of.sigmas.clone(), sizes)
    });
    let panel = |(title, map): &(String, &BatchMap)| HeatPanel {
        title: title.clone(),
        scale: Scale::Log,
        cells: map
            .best()
            .iter()
            .zip(map.rows())
            .flat_map(|((_, best), (_, cells))| best_marked(cells, &map.of.sigmas, *best))
            .collect(),
    };
    HeatMap {
        title: title.to_owned(),
        x_label: "σ".to_owned(),
        columns,
        y_label: "batch size".to_owned(),
        rows,
        panels: maps.iter().map(panel).collect(),
        colors: Colors::OfEach,
        marks: BEST_MARKS.map(|(mark, what)| (mark, what.to_owned())).to_vec(),
    }
}

/// What the marks of a map of sigmas by batch size mean.
pub(crate) const BEST_MARKS: [(Mark, &str); 3] =
    [(Mark::Dot, "best of its row"), (Mark::Ring, "best, where the grid ends"), (Mark::Cross, "diverged, or no lower")];

/// A row of such a map: the cell of the best sigma has its mark, which is another where the grid ends.
pub(crate) fn best_marked(cells: &[Option<f64>], sigmas: &[f64], best: Option<(f64, f64)>) -> Vec<HeatCell> {
    let ends = [sigmas.first(), sigmas.last()];
    let cell = |(&value, sigma): (&Option<f64>, &f64)| {
        let is_best = best.is_some_and(|(best, _)| best == *sigma);
        let mark = match value {
            None => Mark::Cross,
            Some(_) if is_best && ends.contains(&Some(sigma)) => Mark::Ring,
            Some(_) if is_best => Mark::Dot,
            Some(_) => Mark::Nothing,
        };
        HeatCell { value, mark }
    };
    cells.iter().zip(sigmas).map(cell).collect()
}

fn mark(fate: Fate) -> Mark {
    match fate {
        Fate::Diverged(_) => Mark::Cross,
        Fate::Grows => Mark::Nothing,
        Fate::Falls => Mark::Down,
        Fate::Settles => Mark::Dot,
    }
}
