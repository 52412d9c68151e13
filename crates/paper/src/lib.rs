//! The figures of the paper (Roulet et al. 2024, arXiv 2407.06183): what each of them compares, what it must show, judged by
//! numbers, and how it is drawn. One file each in `figures/`, one line in [`FIGURES`]. And studies of our own that go beyond it, in the same
//! form: a question, runs, a verdict, a picture; in `studies/` and [`STUDIES`].
//!
//! Both are made of stored runs only. Figures that need the same run share it: it lies in a folder that follows from its
//! spec, and is done once. Pictures of the simplified model are here, too.
//!
//! Knows nothing of the terminal.
#![forbid(unsafe_code)]

mod claim;
mod comparison;
mod draw;
mod error;
mod estimate;
mod exhibit;
mod figures;
mod gain;
mod judge;
pub mod kept;
mod make;
mod problems;
pub mod report;
mod results;
mod rules;
pub mod runs;
mod scope;
mod simplified;
mod studies;
pub mod theory_pictures;

pub use claim::{Claim, Spread};
pub use error::Error;
pub use estimate::estimate;
pub use figures::FIGURES;
pub use studies::STUDIES;

pub use comparison::{Candidate, Comparison, Series, Wanted};
pub use make::{Described, EXTENSIONS, Ended, Judged, Made, make};
pub use results::{Grids, Measured, Results};
pub use scope::{Preset, Scope};

pub use exhibit::{Exhibit, Kind};

use onedge_plot::Drawing;

/// What is drawn, and its numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    /// The picture.
    pub drawing: Drawing,
    /// Its numbers, with a heading.
    pub csv: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_figure_is_there_and_documented() {
        let numbers: Vec<u32> = FIGURES.iter().filter_map(|entry| entry.build.number()).collect();
        assert_eq!(numbers, (1..=21).collect::<Vec<_>>());
        for (number, entry) in numbers.iter().zip(FIGURES) {
            assert_eq!(entry.name, format!("figure-{number}"));
        }
        for entry in STUDIES {
            assert!(entry.build.number().is_none() && entry.build.about().ends_with('?'), "{}", entry.name);
        }
        for entry in FIGURES.iter().chain(STUDIES) {
            assert!(entry.doc.ends_with('.') && !entry.summary.ends_with('.') && !entry.build.about().ends_with('.'));
            for text in [entry.doc, entry.summary, entry.build.about()] {
                assert!(!text.is_empty() && !text.contains("  "), "{}: {text}", entry.name);
            }
        }
    }

    #[test]
    fn every_study_resolves_to_runs_that_can_start() {
        let data = Some(std::path::PathBuf::from("data"));
        let tiny = Scope { preset: Preset::Tiny, ..Scope::small() };
        let medium = Scope { data: data.clone(), ..Scope::medium() };
        let trial = Scope { preset: Preset::Trial, ..Scope::paper() };
        let small = Scope { data, ..Scope::small() };
        for scope in [tiny, Scope::small(), small, medium, Scope::medium(), trial, Scope::paper()] {
            for entry in FIGURES.iter().chain(STUDIES) {
                let comparison =
                    (entry.build.comparison)(&scope).unwrap_or_else(|error| panic!("{}: {error}", entry.name));
                let simplified = [4, 9, 10, 11].map(Some).contains(&entry.build.number());
                assert_eq!(comparison.series.is_empty(), simplified, "{}", entry.name);
                for spec in comparison.runs().map(|run| &run.spec) {
                    onedge_run::plan(spec).unwrap_or_else(|error| panic!("{}: {}: {error}", entry.name, spec.name));
                    assert!(spec.steps > 1 && spec.loss.settings.number("l2") < 0.1);
                }
                for series in &comparison.series {
                    let mut labels: Vec<&str> = series.candidates.iter().map(|point| point.label.as_str()).collect();
                    labels.sort_unstable();
                    labels.dedup();
                    assert_eq!(labels.len(), series.candidates.len(), "{}: {}", entry.name, series.name);
                    assert!(!labels.is_empty());
                }
            }
        }
    }

    #[test]
    fn a_trial_has_the_networks_and_rates_of_the_paper_on_few_examples() {
        let of = |preset: Preset| {
            let scope = Scope { preset, ..Scope::paper() };
            let constants = |comparison: Comparison| {
                let series = comparison.series.into_iter().filter(|series| series.name == "constant");
                series.flat_map(|series| series.candidates).map(|point| point.runs[0].spec.clone()).collect::<Vec<_>>()
            };
            FIGURES.iter().flat_map(|entry| constants((entry.build.comparison)(&scope).unwrap())).collect::<Vec<_>>()
        };
        let (trial, paper) = (of(Preset::Trial), of(Preset::Paper));
        assert_eq!(trial.len(), paper.len());
        for (trial, paper) in trial.iter().zip(&paper) {
            assert_eq!((&trial.model, &trial.optimizer, &trial.tuner), (&paper.model, &paper.optimizer, &paper.tuner));
            assert_eq!(trial.steps, 20);
            let settings = &trial.data.settings;
            let count = |key: &str| settings.optional_count(key).unwrap();
            assert_eq!(count("random").or(count("first")), Some(8), "{}", trial.name);
            assert!(trial.batch.is_none_or(|batch| batch <= 4));
        }
    }

    #[test]
    fn the_small_studies_need_no_files() {
        let mut data_sets = onedge_run::DataSets::new(None);
        let mut known = Vec::new();
        for entry in FIGURES.iter().chain(STUDIES) {
            for spec in (entry.build.comparison)(&Scope::small()).unwrap().runs().map(|run| &run.spec) {
                let same = (spec.data.clone(), spec.model.clone(), spec.batch);
                if !known.contains(&same) {
                    onedge_run::check(spec, &mut data_sets).unwrap_or_else(|error| panic!("{}: {error}", spec.name));
                    known.push(same);
                }
            }
        }
        assert!(known.len() > 10);
    }

    #[test]
    fn figures_share_their_runs() {
        let folders = |number: usize| {
            let comparison = (FIGURES[number - 1].build.comparison)(&Scope::small()).unwrap();
            comparison
                .runs()
                .map(|run| onedge_sweep::folder(std::path::Path::new(""), &run.spec))
                .collect::<std::collections::BTreeSet<_>>()
        };
        for (all, part) in [(1, 3), (3, 1), (3, 12), (5, 6), (6, 17), (17, 6)] {
            assert!(folders(part).is_subset(&folders(all)), "{part} of {all}");
        }
        let both: std::collections::BTreeSet<_> = folders(20).union(&folders(21)).cloned().collect();
        assert!(folders(8).is_subset(&both) && !folders(8).is_empty());
    }
}
