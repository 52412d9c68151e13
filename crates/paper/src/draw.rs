//! Curves of runs in small multiples, a row for each problem, a column for each quantity; and their numbers as CSV.

use std::fmt::Write;

use super::results::{Results, mean, median};
use onedge_plot::{Abscissa, Chart, ChartPanel, Drawing, Look, Quantity, Readings, Scale, Trace, what_is_drawn};
use onedge_record::Record;
use onedge_run::Finished;
use onedge_sweep::compare::{Point, has_diverged};

/// A column of panels.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// What it is called in the picture.
    pub title: &'static str,
    /// What it is called in the CSV.
    pub key: &'static str,
    /// Its vertical axes.
    pub scale: Scale,
    /// What it shows.
    pub quantity: Quantity,
    /// What is drawn across it.
    pub across: Across,
}

/// A line across a panel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Across {
    /// None.
    Nothing,
    /// The edge of stability of the problem's optimizer.
    Edge,
    /// At this height, which is called so.
    At(f64, &'static str),
}

const fn column(title: &'static str, key: &'static str, scale: Scale, quantity: Quantity) -> Column {
    Column { title, key, scale, quantity, across: Across::Nothing }
}

pub const LOSS: Column = column("training loss", "loss", Scale::Log, |r| Some(r.loss));
pub const RATE: Column = column("learning rate η", "learning_rate", Scale::Log, |r| Some(r.learning_rate));
pub const SHARPNESS: Column =
    column("sharpness λ", "sharpness", Scale::Log, |r| r.preconditioned_sharpness.or(r.sharpness));
pub const PRODUCT: Column =
    Column { across: Across::Edge, ..column("η × λ", "product", Scale::Linear, |r| r.edge()) };
pub const GRADIENT: Column = column("gradient norm", "gradient_norm", Scale::Log, |r| r.gradient_norm);
pub const ALIGNMENT: Column = column("alignment with top", "alignment", Scale::Linear, |r| r.alignment);
pub const TURN: Column = Column {
    across: Across::At(0.0, "right angle"),
    ..column("cosine of updates", "update_cosine", Scale::Linear, |r| r.update_cosine)
};

/// How curves are drawn.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    /// The horizontal axis.
    pub x: Abscissa,
    /// Curves of single steps; or of medians of so many groups of steps, where steps are noisy.
    pub groups: Option<usize>,
}

/// Every rule has the same look in all figures. Those that are never seen together share one.
fn look(name: &str, index: usize) -> Look {
    match name {
        "constant" => Look::solid(6),
        "on edge, σ 2" | "on edge" => Look::solid(0),
        "greedy, σ 1" | "greedy" => Look::solid(1),
        "linesearch" | "schedule" => Look::solid(2),
        "σ 2.0625" => Look::solid(3),
        "σ 1.9375" => Look::solid(4),
        "σ 2.5" => Look::solid(5),
        "CDAT" => Look::solid(0),
        "Polyak" => Look::solid(5),
        "hypergradient" => Look::solid(2),
        _ => Look::solid(index),
    }
}

/// The points that stand for the series of these names, over their seeds, with a row of panels for each problem.
pub fn curves(title: &str, results: &Results, names: &[&str], columns: &[Column], style: Style) -> Drawing {
    let problems = results.problems();
    let mut panels = Vec::new();
    let mut seeds = Vec::new();
    for problem in &problems {
        let points: Vec<Option<&Point>> = names.iter().map(|name| results.shown(problem, name)).collect();
        seeds.extend(points.iter().flatten().map(|point| point.runs.len()));
        for column in columns {
            let trace =
                |point: &Option<&Point>| point.map_or_else(Trace::default, |p| trace(p, column.quantity, style));
            let edge = || points.iter().flatten().flat_map(|point| &point.runs).find_map(|run| run.edge);
            let across = match column.across {
                Across::Nothing => None,
                Across::At(height, what) => Some((height, what)),
                Across::Edge => edge().map(|edge| (edge, "edge of stability")),
            };
            panels.push(ChartPanel {
                title: column.title.to_owned(),
                scale: column.scale,
                curves: points.iter().map(trace).collect(),
                across,
                legend: Vec::new(),
            });
        }
    }
    let label = |name: &&str| (*name).to_owned();
    let note = what_is_drawn(seeds.into_iter(), panels.iter().flat_map(|panel| &panel.curves));
    Drawing::Curves(Chart {
        title: title.to_owned(),
        x_label: match style.groups {
            None => style.x.label().to_owned(),
            Some(_) => format!("{} (medians of neighbouring steps)", style.x.label()),
        },
        curves: names.iter().enumerate().map(|(index, name)| (label(name), look(name, index))).collect(),
        panels,
        rows: problems.iter().map(|problem| (*problem).to_owned()).collect(),
        note,
    })
}

/// A point over its seeds.
fn trace(point: &Point, quantity: Quantity, style: Style) -> Trace {
    let longest = point.runs.iter().map(|run| run.records.len()).max().unwrap_or(0);
    let readings = point.runs.iter().map(|run| readings(run, quantity, style, longest));
    Trace::over_seeds(&readings.collect::<Vec<_>>())
}

/// What a run shows: every record, or medians of groups, which are as long for all seeds, of whose runs the longest has so many records.
fn readings(run: &Finished, quantity: Quantity, style: Style, longest: usize) -> Readings {
    let (x, diverged) = (style.x.quantity(), has_diverged(&run.summary.stop));
    let read = |record: &Record| Some((record.step, x(record)?, quantity(record)?));
    let all: Vec<(u64, f64, f64)> = run.records.iter().filter_map(read).collect();
    let Some(groups) = style.groups.filter(|groups| all.len() > 2 * groups) else {
        return Readings { of: all, diverged };
    };
    let group = |readings: &[(u64, f64, f64)]| {
        let (x, y): (Vec<f64>, Vec<f64>) = readings.iter().map(|&(_, x, y)| (x, y)).unzip();
        Some((readings.first()?.0, mean(&x)?, median(&y)?))
    };
    Readings { of: all.chunks(longest.div_ceil(groups)).filter_map(group).collect(), diverged }
}

/// So many lines of each run at most.
const LINES: usize = 1000;

/// The runs of the best points of the series of these names, all seeds.
pub fn csv(results: &Results, names: &[&str], columns: &[Column]) -> String {
    let mut text = String::from("problem,rule,setting,seed,step,cost,seconds");
    columns.iter().for_each(|column| text += &format!(",{}", column.key));
    text.push('\n');
    for series in results.series.iter().filter(|series| names.contains(&series.group.name.as_str())) {
        let Some(point) = series.group.best().map(|best| &series.group.points[best]) else { continue };
        let head = [&series.problem, &series.group.name, &point.label].map(|text| quoted(text)).join(",");
        for (seed, run) in point.runs.iter().enumerate() {
            let stride = run.records.len().div_ceil(LINES).max(1);
            let last = run.records.len().saturating_sub(1);
            let kept = run.records.iter().enumerate().filter(|(i, _)| i.is_multiple_of(stride) || *i == last);
            kept.for_each(|(_, record)| line(&mut text, &head, seed, record, columns));
        }
    }
    text
}

fn line(text: &mut String, head: &str, seed: usize, record: &Record, columns: &[Column]) {
    // Writing to a string cannot fail.
    let _ = write!(text, "{head},{seed},{},{},{:.4}", record.step, record.cost, record.seconds);
    for column in columns {
        let _ = match (column.quantity)(record).filter(|value| value.is_finite()) {
            Some(value) => write!(text, ",{value:e}"),
            None => write!(text, ","),
        };
    }
    text.push('\n');
}

/// A cell of text.
pub fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::super::results::samples::{falling, series};
    use super::*;

    fn results() -> Results {
        let both = |problem: &str| {
            [
                series(problem, "constant", vec![falling(0.5), falling(0.4)]),
                series(problem, "greedy", vec![falling(0.9)]),
            ]
        };
        Results { series: [both("first"), both("second \"net\"")].concat() }
    }

    #[test]
    fn a_row_of_panels_for_each_problem() {
        let style = Style { x: Abscissa::Cost, groups: None };
        let Drawing::Curves(chart) = curves("t", &results(), &["constant", "greedy"], &[LOSS, PRODUCT], style) else {
            panic!("expected curves")
        };
        assert_eq!((chart.rows.len(), chart.panels.len(), chart.x_label.as_str()), (2, 4, "cost in forward passes"));
        assert_eq!(chart.curves[0], ("constant".to_owned(), Look::solid(6)));
        let trace = &chart.panels[0].curves[0];
        assert_eq!((trace.points.len(), trace.points[99].1, trace.band[99].1), (100, 0.45, 0.4));
        assert_eq!(chart.note, "lines in bands: means over 2 seeds, bands: lowest to highest of them");
        assert_eq!(chart.panels[1].across, Some((2.0, "edge of stability")));
        let Drawing::Curves(chart) =
            curves("t", &results(), &["greedy"], &[LOSS], Style { x: Abscissa::Step, groups: Some(10) })
        else {
            panic!("expected curves")
        };
        let heights: Vec<f64> = chart.panels[0].curves[0].points.iter().map(|point| point.1).collect();
        assert_eq!(heights, [[2.0; 9].as_slice(), &[0.9]].concat());
    }

    #[test]
    fn the_numbers_of_all_seeds_are_kept() {
        let text = csv(&results(), &["constant"], &[LOSS, SHARPNESS]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "problem,rule,setting,seed,step,cost,seconds,loss,sharpness");
        assert_eq!(lines.len(), 1 + 2 * 2 * 100);
        assert_eq!(lines[1], "\"first\",\"constant\",\"\",0,0,0,0.0000,2e0,");
        assert!(lines[400].starts_with("\"second \"\"net\"\"\",\"constant\",\"\",1,99,"));
    }
}
