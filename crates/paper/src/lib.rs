//! The figures of the paper (Roulet et al. 2024, arXiv 2407.06183): what each of them compares, what it must show, judged by
//! numbers, and how it is drawn. One file each in `figures/`, one line in [`ALL`].
//!
//! A figure is made of stored runs only. Figures that need the same run share it: it lies in a folder that follows from its
//! spec, and is done once. Pictures of the simplified model are here, too.
//!
//! Knows nothing of the terminal.
#![forbid(unsafe_code)]

mod claim;
mod draw;
mod error;
mod estimate;
mod figures;
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
mod study;
pub mod theory_pictures;

pub use claim::{Claim, Spread};
pub use error::Error;
pub use estimate::estimate;
pub use figures::ALL;

pub use make::{Described, EXTENSIONS, Ended, Judged, MadeFigure, make};
pub use results::{Grids, Measured, Results};
pub use scope::{Preset, Scope};
pub use study::{Candidate, Series, Study, Wanted};

use onedge_plot::{Abscissa, Drawing};

/// A figure: its runs, its verdict, its picture.
#[derive(Debug)]
pub struct Figure {
    /// Its number in the paper.
    pub number: u32,
    /// What it must show, in words.
    pub must_show: &'static str,
    /// The runs that it needs.
    ///
    /// # Errors
    /// A setting that no spec takes.
    pub study: fn(&Scope) -> Result<Study, Error>,
    /// What it must show, against what it shows.
    pub judge: fn(&Results) -> Vec<Claim>,
    /// Its picture, over this horizontal axis where it shows runs.
    ///
    /// # Errors
    /// Runs that cannot be drawn.
    pub draw: fn(&Results, Abscissa) -> Result<Picture, Error>,
}

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
        let numbers: Vec<u32> = ALL.iter().map(|entry| entry.build.number).collect();
        assert_eq!(numbers, (1..=21).collect::<Vec<_>>());
        for entry in ALL {
            assert_eq!(entry.name, format!("figure-{}", entry.build.number));
            assert!(entry.doc.ends_with('.') && !entry.summary.ends_with('.') && !entry.build.must_show.ends_with('.'));
            for text in [entry.doc, entry.summary, entry.build.must_show] {
                assert!(!text.is_empty() && !text.contains("  "), "{}: {text}", entry.name);
            }
        }
    }

    #[test]
    fn every_study_resolves_to_runs_that_can_start() {
        let data = Some(std::path::PathBuf::from("data"));
        let tiny = Scope { preset: Preset::Tiny, ..Scope::small() };
        let medium = Scope { data: data.clone(), ..Scope::medium() };
        for scope in [tiny, Scope::small(), Scope { data, ..Scope::small() }, medium, Scope::medium(), Scope::paper()] {
            for entry in ALL {
                let study = (entry.build.study)(&scope).unwrap_or_else(|error| panic!("{}: {error}", entry.name));
                let simplified = [4, 9, 10, 11].contains(&entry.build.number);
                assert_eq!(study.series.is_empty(), simplified, "{}", entry.name);
                for spec in study.runs().map(|run| &run.spec) {
                    onedge_run::plan(spec).unwrap_or_else(|error| panic!("{}: {}: {error}", entry.name, spec.name));
                    assert!(spec.steps > 1 && spec.loss.settings.number("l2") < 0.1);
                }
                for series in &study.series {
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
    fn the_small_studies_need_no_files() {
        let mut data_sets = onedge_run::DataSets::new(None);
        let mut known = Vec::new();
        for entry in ALL {
            for spec in (entry.build.study)(&Scope::small()).unwrap().runs().map(|run| &run.spec) {
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
            let study = (ALL[number - 1].build.study)(&Scope::small()).unwrap();
            study
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
