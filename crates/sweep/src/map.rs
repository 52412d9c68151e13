use onedge_registry::nearest;

use super::axes::{Axes, number, value};
use super::report::{Report, line, summary_number};
use super::status::Status;
use super::trials::Trial;
use crate::{Error, Metric};
use onedge_plot::{Colors, HeatCell, HeatMap, HeatPanel, Mark, Scale};
use onedge_record::{StopReason, Summary};
use onedge_run::{DataSets, Metrics, metrics};
use onedge_spec::Spec;

/// The final loss over the first one: what is shown if nothing else is asked for.
pub const RELATIVE_LOSS: &str = "final_loss / first_loss";

/// Whether the summaries of all `specs` will have a number of this name, before any of them is done.
///
/// # Errors
/// [`Error::Option`] for a name that none will have; what is wrong with data or model.
pub fn check_value<'a>(
    name: &str,
    specs: impl IntoIterator<Item = &'a Spec>,
    data_sets: &mut DataSets,
) -> Result<(), Error> {
    if name == RELATIVE_LOSS || NUMBERS.contains(&name) || name.starts_with("events.") {
        return Ok(());
    }
    if let Ok(metric) = Metric::named(name) {
        return metric.check(specs, data_sets).map_err(|error| match error {
            Error::Option { expected, got, .. } => Error::Option { option: "value", expected, got },
            other => other,
        });
    }
    // Metrics of which nobody knows whether more is better.
    let (part, metric) = name.split_once('.').unwrap_or((name, ""));
    if let ("train" | "test", Some(spec)) = (part, specs.into_iter().next()) {
        let Metrics { train, test, .. } = metrics(spec, data_sets)?;
        if if part == "train" { train } else { test }.iter().any(|known| known == metric) {
            return Ok(());
        }
    }
    let near = nearest(name, &NUMBERS);
    let near: Vec<String> = near.iter().map(|name| format!("`{name}`")).collect();
    let expected = format!("a number of the summaries, like test.accuracy or {}", near.join(" or "));
    Err(Error::Option { option: "value", expected, got: format!("`{name}`") })
}

/// The numbers that every summary has, or may have.
const NUMBERS: [&str; 11] = [
    "first_loss",
    "final_loss",
    "best_loss",
    "cost",
    "seconds",
    "spectrum_seconds",
    "checkpoint_seconds",
    "steps",
    "parameters",
    "best.step",
    "best.value",
];

/// A value for every pair of two settings.
#[derive(Debug, Clone, PartialEq)]
pub struct Map {
    axes: Axes,
    value: String,
    /// By which the best of each group is chosen, where that is not the value.
    metric: Option<Metric>,
    columns: Vec<f64>,
    rows: Vec<f64>,
    panels: Vec<(String, Vec<Cell>)>,
}

/// What there is of one pair: of the best point, where other settings vary, too.
#[derive(Debug, Clone, Default, PartialEq)]
struct Cell {
    /// The mean over the seeds that did what they were asked to.
    value: Option<f64>,
    error: Option<f64>,
    /// Where in its group the point is.
    label: String,
    runs: usize,
    diverged: usize,
    given_up: usize,
    is_best: bool,
}

/// One point of a group: a run for each seed.
struct Spot<'a> {
    trial: &'a Trial,
    summaries: Vec<&'a Summary>,
    /// The smaller the better.
    rank: Option<f64>,
    is_best: bool,
}

impl Report<'_> {
    /// The map over `axes` of [`RELATIVE_LOSS`] or a number of the summaries, like `test.accuracy`. `None` while no run
    /// is at its end.
    ///
    /// # Errors
    /// [`Error::Option`] for axes that are no numbers of any run, or a value that no summary has.
    pub fn map(&self, axes: &Axes, value_name: &str) -> Result<Option<Map>, Error> {
        // A map of a metric shows the best by it; of other numbers nobody knows which are better.
        let shown = Metric::named(value_name).ok();
        let metric = shown.clone().unwrap_or_else(|| self.metric.clone());
        let spots = self.spots(axes, &metric);
        let columns = self.numbers(&axes.x)?;
        let rows = self.numbers(&axes.y)?;
        if let Some(key) = &axes.panels {
            self.known(key)?;
        }
        let Some(first) = spots.iter().find_map(|spot| spot.summaries.first()) else { return Ok(None) };
        if spots.iter().flat_map(|spot| &spot.summaries).all(|summary| read(summary, value_name).is_none()) {
            let known = std::iter::once(RELATIVE_LOSS.to_owned()).chain(names(first)).collect::<Vec<_>>().join(", ");
            let expected = format!("a number of the summaries, one of {known}");
            return Err(Error::Option { option: "value", expected, got: format!("`{value_name}`") });
        }
        let mut titles: Vec<String> = Vec::new();
        for title in spots.iter().filter_map(|spot| title(spot.trial, axes)) {
            if !titles.contains(&title) {
                titles.push(title);
            }
        }
        let panel = |panel_title: String| {
            let at = |(row, column): (&f64, &f64)| {
                let here = |spot: &&Spot<'_>| {
                    let is = |key: &str, place: &f64| value(spot.trial, key).as_ref().and_then(number) == Some(*place);
                    is(&axes.x, column) && is(&axes.y, row) && title(spot.trial, axes).as_ref() == Some(&panel_title)
                };
                let score = |spot: &&Spot<'_>| spot.rank.unwrap_or(f64::INFINITY);
                let best = spots.iter().filter(here).min_by(|a, b| score(a).total_cmp(&score(b)));
                best.map_or_else(Cell::default, |spot| cell(spot, value_name))
            };
            let cells = rows.iter().flat_map(|row| columns.iter().map(move |column| (row, column))).map(at).collect();
            (panel_title.clone(), cells)
        };
        let panels = titles.into_iter().map(panel).collect();
        Ok(Some(Map {
            axes: axes.clone(),
            value: value_name.to_owned(),
            metric: shown.is_none().then_some(metric),
            columns: columns.clone(),
            rows: rows.clone(),
            panels,
        }))
    }

    /// The points that have a place on the map.
    fn spots(&self, axes: &Axes, metric: &Metric) -> Vec<Spot<'_>> {
        let mut spots: Vec<Spot<'_>> = Vec::new();
        let trials = self.trials.iter().zip(self.statuses);
        for (trial, status) in trials.filter(|(t, _)| axes.variant.as_ref().is_none_or(|variant| *variant == t.variant))
        {
            // Seeds apart, but for a map over them.
            let same = |spot: &Spot<'_>| {
                let at = |trial: &Trial| (value(trial, &axes.x), value(trial, &axes.y), title(trial, axes));
                (&spot.trial.group, &spot.trial.label) == (&trial.group, &trial.label) && at(spot.trial) == at(trial)
            };
            let place = spots.iter().position(same);
            let place = place.unwrap_or_else(|| {
                let group = self.groups.iter().find(|group| group.name == trial.group);
                let index = group.and_then(|group| group.points.iter().position(|point| point.label == trial.label));
                let score = group.zip(index).and_then(|(group, index)| group.points[index].score(metric));
                let rank = score.map(|score| metric.rank(score));
                let is_best = index.is_some() && group.and_then(|group| group.best_by(metric)) == index;
                spots.push(Spot { trial, summaries: Vec::new(), rank, is_best });
                spots.len() - 1
            });
            if let Status::Done(done) = status {
                spots[place].summaries.push(&done.summary);
            }
        }
        spots
    }

    /// All values of a key, in order.
    fn numbers(&self, key: &str) -> Result<Vec<f64>, Error> {
        self.known(key)?;
        let values = self.trials.iter().filter_map(|trial| value(trial, key));
        let numbers: Option<Vec<f64>> = values.map(|value| number(&value)).collect();
        let Some(mut numbers) = numbers else {
            let expected = "settings of numbers along the axes; others have panels: x,y,other".to_owned();
            return Err(Error::Option { option: "map", expected, got: format!("`{key}`") });
        };
        numbers.sort_by(f64::total_cmp);
        numbers.dedup();
        Ok(numbers)
    }

    fn known(&self, key: &str) -> Result<(), Error> {
        if self.trials.iter().any(|trial| value(trial, key).is_some()) {
            return Ok(());
        }
        let keys: Vec<&str> = self.trials.iter().flat_map(|t| &t.coordinates).map(|(key, _)| key.as_str()).collect();
        let near = nearest(key, &keys).first().map_or(String::new(), |near| format!(", like `{near}`"));
        Err(Error::Option { option: "map", expected: format!("settings of some run{near}"), got: format!("`{key}`") })
    }
}

impl Map {
    /// As a picture: crosses where runs diverged, arrow heads where they were given up, a dot on the best of each
    /// group.
    pub fn picture(&self) -> HeatMap {
        let cells = || self.panels.iter().flat_map(|(_, cells)| cells);
        let values: Vec<f64> = cells().filter_map(|cell| cell.value).collect();
        let (low, high) = values.iter().fold((f64::INFINITY, 0.0), |(low, high), &v| (v.min(low), v.max(high)));
        let scale = if low > 0.0 && high > 10.0 * low { Scale::Log } else { Scale::Linear };
        let mark = |cell: &Cell| match cell {
            Cell { diverged: 1.., .. } => Mark::Cross,
            Cell { given_up: 1.., .. } => Mark::Down,
            Cell { is_best: true, .. } => Mark::Dot,
            _ => Mark::Nothing,
        };
        let panel = |(title, cells): &(String, Vec<Cell>)| HeatPanel {
            title: title.clone(),
            scale,
            cells: cells.iter().map(|cell| HeatCell { value: cell.value, mark: mark(cell) }).collect(),
        };
        let best = match &self.metric {
            Some(metric) => format!("best {metric} of its group"),
            None => "best of its group".to_owned(),
        };
        let marks = [(Mark::Dot, &best[..]), (Mark::Cross, "diverged"), (Mark::Down, "given up")];
        let shown = marks.into_iter().filter(|(shown, _)| cells().any(|cell| mark(cell) == *shown));
        let variant = self.axes.variant.as_ref().map_or(String::new(), |variant| format!("{variant}: "));
        HeatMap {
            title: format!("{variant}{}", self.value.replace('_', " ")),
            x_label: self.axes.x.clone(),
            columns: self.columns.clone(),
            y_label: self.axes.y.clone(),
            rows: self.rows.clone(),
            panels: self.panels.iter().map(panel).collect(),
            colors: Colors::Shared,
            marks: shown.map(|(mark, what)| (mark, what.to_owned())).collect(),
        }
    }

    /// A row for each cell.
    pub fn csv(&self) -> String {
        let Axes { x, y, .. } = &self.axes;
        let heading = ["panel", x, y, "point", &self.value, "standard_error", "runs", "diverged", "given_up", "best"];
        let mut out = line(heading.map(str::to_owned));
        for (title, cells) in &self.panels {
            for (index, cell) in cells.iter().enumerate() {
                let (column, row) = (self.columns[index % self.columns.len()], self.rows[index / self.columns.len()]);
                let show = |value: Option<f64>| value.map_or(String::new(), |value| value.to_string());
                let counts = [cell.runs, cell.diverged, cell.given_up, usize::from(cell.is_best)];
                let cells = [title.clone(), column.to_string(), row.to_string(), cell.label.clone()].into_iter();
                let cells = cells.chain([show(cell.value), show(cell.error)]);
                out += &line(cells.chain(counts.map(|count| count.to_string())));
            }
        }
        out
    }
}

fn cell(spot: &Spot<'_>, value_name: &str) -> Cell {
    let ended = |is: fn(&StopReason) -> bool| spot.summaries.iter().filter(|summary| is(&summary.stop)).count();
    let successes = spot.summaries.iter().filter(|summary| summary.stop.is_success());
    let values: Vec<f64> =
        successes.filter_map(|summary| read(summary, value_name)).filter(|value| value.is_finite()).collect();
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0);
    Cell {
        value: (n > 0.0).then_some(mean),
        error: (n > 1.0).then(|| (variance / n).sqrt()),
        label: spot.trial.label.clone(),
        runs: spot.summaries.len(),
        diverged: ended(|stop| matches!(stop, StopReason::Diverged { .. } | StopReason::NonFinite { .. })),
        given_up: ended(|stop| matches!(stop, StopReason::Hopeless { .. })),
        is_best: spot.is_best,
    }
}

/// The panel of a run; `None` if it has no place on the map.
fn title(trial: &Trial, axes: &Axes) -> Option<String> {
    let (_, _) = (value(trial, &axes.x)?, value(trial, &axes.y)?);
    match &axes.panels {
        None => Some(String::new()),
        Some(key) => Some(format!("{key} = {}", value(trial, key)?.to_string().trim_matches('"'))),
    }
}

fn read(summary: &Summary, name: &str) -> Option<f64> {
    match name {
        RELATIVE_LOSS => Some(summary.final_loss? / summary.first_loss?),
        name => summary_number(summary, name),
    }
}

/// The names of all numbers in a summary.
fn names(summary: &Summary) -> Vec<String> {
    let mut names = Vec::new();
    if let Ok(serde_json::Value::Object(fields)) = serde_json::to_value(summary) {
        for (name, value) in &fields {
            match value {
                serde_json::Value::Number(_) => names.push(name.clone()),
                serde_json::Value::Object(inner) if name != "stop" => {
                    names.extend(inner.keys().map(|key| format!("{name}.{key}")));
                }
                _ => {}
            }
        }
    }
    names
}

#[cfg(test)]
#[path = "map_tests.rs"]
mod tests;
