use super::problems::Problem;
use super::results::Grids;
use super::rules::Rule;
use crate::Error;
use onedge_spec::Spec;

/// The runs that a figure is made of.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Comparison {
    /// What is compared.
    pub series: Vec<Series>,
    /// What of its grids each seed is judged by.
    pub grids: Grids,
}

/// A rule on a problem: a grid of its settings, of which the best is shown.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// What is trained.
    pub problem: String,
    /// What the legend calls it.
    pub name: String,
    /// The grid.
    pub candidates: Vec<Candidate>,
}

/// A point of the grid.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// What tells it apart from the others: `rate=0.1`; empty if there are none.
    pub label: String,
    /// One run a seed.
    pub runs: Vec<Wanted>,
}

/// A run that a figure needs.
#[derive(Debug, Clone, PartialEq)]
pub struct Wanted {
    /// All of its settings.
    pub spec: Spec,
    /// Those that it is asked for with, whatever later versions add to a spec: `data.first=256 data.name=digits ...`. Neither its
    /// name nor where its data lie are among them.
    pub asks: String,
}

impl Comparison {
    /// Nothing: for figures of the simplified model.
    pub fn none() -> Self {
        Self::default()
    }

    /// Adds a series: these rules on that problem, with all its seeds.
    ///
    /// # Errors
    /// A setting that no spec takes.
    pub(super) fn add(&mut self, problem: &Problem, name: &str, rules: &[Rule]) -> Result<(), Error> {
        let candidate = |rule: &Rule| {
            let runs = (0..problem.seeds).map(|seed| problem.wanted(rule, seed)).collect::<Result<_, _>>()?;
            Ok(Candidate { label: rule.label.clone(), runs })
        };
        let candidates = rules.iter().map(candidate).collect::<Result<_, Error>>()?;
        self.series.push(Series { problem: problem.name.clone(), name: name.to_owned(), candidates });
        Ok(())
    }

    /// Every run, some of them twice if series share them.
    pub fn runs(&self) -> impl Iterator<Item = &Wanted> {
        self.series.iter().flat_map(|series| &series.candidates).flat_map(|candidate| &candidate.runs)
    }

    /// Their specs, to be changed.
    pub fn specs_mut(&mut self) -> impl Iterator<Item = &mut Spec> {
        let candidates = self.series.iter_mut().flat_map(|series| &mut series.candidates);
        candidates.flat_map(|candidate| &mut candidate.runs).map(|run| &mut run.spec)
    }

    /// The most seeds that a candidate has.
    pub fn seeds(&self) -> usize {
        let candidates = self.series.iter().flat_map(|series| &series.candidates);
        candidates.map(|candidate| candidate.runs.len()).max().unwrap_or(0)
    }
}
