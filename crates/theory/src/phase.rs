//! What becomes of the sharpness under CDAT, for every sigma and a/b: our own map of the papers' model.

use std::fmt::{self, Write};

use crate::stochastic::Noise;
use crate::tuners::{Cdat, Lag};
use crate::{Parameters, Start, Stop, Study, Time, walk};

/// The runs of a map.
#[derive(Debug, Clone, PartialEq)]
pub struct Grid {
    /// From left to right.
    pub sigmas: Vec<f64>,
    /// `a/b`, from bottom to top.
    pub ratios: Vec<f64>,
    /// `b` and `nu` of all; `a` is `b` times the ratio.
    pub parameters: Parameters,
    /// The beginning of all.
    pub start: Start,
    /// The convention of equation (4).
    pub time: Time,
    /// That of equation (10).
    pub lag: Lag,
    /// The same in all cells, with the same draws.
    pub noise: Noise,
    /// Of each run; 20 or more.
    pub steps: usize,
}

/// What became of one run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cell {
    /// Its sigma.
    pub sigma: f64,
    /// Its a/b.
    pub ratio: f64,
    /// In a word.
    pub fate: Fate,
    /// The mean sharpness over the last tenth of the steps; none of a run that diverged.
    pub lambda: Option<f64>,
    /// The median y over the last tenth: with noise a few steps are far off.
    pub y: Option<f64>,
    /// The mean sharpness over the last tenth, over that of the tenth before the middle.
    pub growth: Option<f64>,
}

/// What can become of a run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fate {
    /// It did not come to its end.
    Diverged(Stop),
    /// The sharpness rose by more than 5 % over the second half, and nothing holds it.
    Grows,
    /// It fell by more than 5 %.
    Falls,
    /// Neither.
    Settles,
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Diverged(_) => "diverged",
            Self::Grows => "grows",
            Self::Falls => "falls",
            Self::Settles => "settles",
        })
    }
}

/// A map that was made.
#[derive(Debug, Clone, PartialEq)]
pub struct Map {
    /// Of what.
    pub grid: Grid,
    /// Row by row from the smallest ratio, each from the smallest sigma.
    pub cells: Vec<Cell>,
}

/// Makes all runs. Cost: some twenty operations a step and cell.
pub fn map(grid: &Grid) -> Map {
    let row = |&ratio: &f64| grid.sigmas.iter().map(move |&sigma| cell(grid, sigma, ratio));
    Map { grid: grid.clone(), cells: grid.ratios.iter().flat_map(row).collect() }
}

fn cell(grid: &Grid, sigma: f64, ratio: f64) -> Cell {
    let parameters = Parameters { a: ratio * grid.parameters.b, ..grid.parameters };
    let tuner = Cdat::new(sigma, grid.lag, parameters.nu);
    let Grid { time, start, noise, steps, .. } = *grid;
    let study = Study { parameters, time, start, tuner: &tuner, noise, steps };
    let (middle, end) = (steps * 4 / 10..steps / 2, steps * 9 / 10..steps + 1);
    let (mut early, mut late, mut ys) = (0.0, 0.0, Vec::with_capacity(end.len()));
    let stop = walk(&study, |point| {
        if middle.contains(&point.step) {
            early += point.lambda / middle.len() as f64;
        } else if end.contains(&point.step) {
            late += point.lambda / end.len() as f64;
            ys.push(point.y);
        }
    });
    if !stop.is_success() {
        return Cell { sigma, ratio, fate: Fate::Diverged(stop), lambda: None, y: None, growth: None };
    }
    ys.sort_by(f64::total_cmp);
    let growth = late / early;
    let fate = match growth {
        growth if growth > 1.05 => Fate::Grows,
        growth if growth < 1.0 / 1.05 => Fate::Falls,
        _ => Fate::Settles,
    };
    Cell { sigma, ratio, fate, lambda: Some(late), y: ys.get(ys.len() / 2).copied(), growth: Some(growth) }
}

impl Map {
    /// As CSV, with the heading `sigma,ratio,fate,lambda,y,growth,stopped_at`; empty where there is nothing.
    pub fn csv(&self) -> String {
        let mut text = String::from("sigma,ratio,fate,lambda,y,growth,stopped_at\n");
        let number = |value: Option<f64>| value.map_or(String::new(), |value| format!("{value:e}"));
        for Cell { sigma, ratio, fate, lambda, y, growth } in &self.cells {
            let stopped = match fate {
                Fate::Diverged(Stop::Diverged { step, .. } | Stop::NoRate { step, .. }) => step.to_string(),
                _ => String::new(),
            };
            let (lambda, y, growth) = (number(*lambda), number(*y), number(*growth));
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{sigma},{ratio},{fate},{lambda},{y},{growth},{stopped}");
        }
        text
    }
}
