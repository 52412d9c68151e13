//! The cells: a problem, an optimizer and a batch size each, with what a run may cost.

use std::collections::BTreeMap;

use serde::Deserialize;

/// One cell of the suite.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cell {
    /// What is trained: a key of [`Suite::problems`].
    pub problem: String,
    /// Examples per step; 0 for all.
    pub batch: usize,
    /// The optimizer, which rivals that are optimizers of their own replace.
    pub optimizer: String,
    /// What a run may cost, in gradients.
    pub gradients: u64,
}

/// All cells, and what they train.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Suite {
    /// Sections of a spec, by name.
    pub problems: BTreeMap<String, toml::Table>,
    cells: Halves,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Halves {
    choose: Vec<Cell>,
    judge: Vec<Cell>,
}

/// The half of the suite that a cell is in, fixed before any run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Half {
    /// On these cells settings were chosen.
    Choose,
    /// These judge.
    Judge,
    /// Both.
    All,
}

impl Suite {
    /// The suite of this folder.
    pub fn new() -> Self {
        toml::from_str(include_str!("../cells.toml")).expect("cells.toml is part of the program")
    }

    /// The cells of a half.
    pub fn cells(&self, half: Half) -> Vec<&Cell> {
        let Halves { choose, judge } = &self.cells;
        match half {
            Half::Choose => choose.iter().collect(),
            Half::Judge => judge.iter().collect(),
            Half::All => choose.iter().chain(judge).collect(),
        }
    }
}

impl Cell {
    /// As in results: problem, batch, optimizer.
    pub fn name(&self) -> String {
        let batch = if self.batch == 0 { "full".to_owned() } else { self.batch.to_string() };
        format!("{} {batch} {}", self.problem, self.optimizer)
    }
}
