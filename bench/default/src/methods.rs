//! What is compared: assignments laid over a cell.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::cells::Cell;

/// One method: how a cell is trained.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Method {
    /// Names it in results.
    pub name: String,
    /// Assignments to a spec.
    pub set: Vec<String>,
    /// Those for cells with an adaptive optimizer.
    #[serde(default)]
    pub adaptive: Vec<String>,
    /// Those for all others.
    #[serde(default)]
    pub plain: Vec<String>,
    /// Curvatures that a step measures in the mean, as far as that is known before the first: so many steps can be afforded.
    #[serde(default)]
    pub curvature: f64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    grid: Vec<Method>,
    rates: BTreeMap<String, Vec<f64>>,
    method: Vec<Method>,
}

const ADAPTIVE: &[&str] = &["adam", "adamw", "rmsprop"];

/// Every method of a cell, grids spread out: `constant 0.1`.
pub fn methods(cell: &Cell) -> Vec<Method> {
    let file: File = toml::from_str(include_str!("../methods.toml")).expect("methods.toml is part of the program");
    let rates = &file.rates[&cell.optimizer];
    let at = |grid: &Method, rate: &f64| Method {
        name: format!("{} {rate}", grid.name),
        set: grid.set.iter().map(|set| set.replace("{rate}", &rate.to_string())).collect(),
        ..grid.clone()
    };
    let grids = file.grid.iter().flat_map(|grid| rates.iter().map(move |rate| at(grid, rate)));
    grids.chain(file.method).collect()
}

impl Method {
    /// The assignments for `cell`, with a run of `steps` steps and so many batches an epoch.
    pub fn assignments(&self, cell: &Cell, steps: u64, batches: usize) -> Vec<String> {
        let more = if ADAPTIVE.contains(&cell.optimizer.as_str()) { &self.adaptive } else { &self.plain };
        let fill = |set: &String| {
            let set = set.replace("{horizon}", &steps.to_string()).replace("{batches}", &batches.to_string());
            set.replace("{optimizer}", &cell.optimizer)
        };
        more.iter().chain(&self.set).map(fill).collect()
    }
}
