//! The figures of the paper (Roulet et al. 2024, arXiv 2407.06183): what each of them compares, what it must show, judged by
//! numbers, and how it is drawn. One file each, one line in [`ALL`].
//!
//! A figure is made of stored runs only. Figures that need the same run share it: it lies in a folder that follows from its
//! spec, and is done once.

mod draw;
mod estimate;
mod judge;
mod make;
mod problems;
mod results;
mod rules;
pub mod runs;
mod scope;
mod simplified;
mod study;

mod figure_1;
mod figure_10;
mod figure_11;
mod figure_12;
mod figure_2;
mod figure_3;
mod figure_4;
mod figure_5;
mod figure_6;
mod figure_9;

use onedge_registry::Entry;
use onedge_theory::presets::Claim;

pub use estimate::estimate;
pub use make::{Described, Ended, Judged, Made, make};
pub use results::{Measured, Results};
pub use scope::{Preset, Scope};
pub use study::{Candidate, Series, Study};

use crate::Error;
use crate::plot::{Abscissa, Drawing};

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

/// Every figure, by its number.
pub static ALL: &[&Entry<Figure>] = &[
    &figure_1::ENTRY,
    &figure_2::ENTRY,
    &figure_3::ENTRY,
    &figure_4::ENTRY,
    &figure_5::ENTRY,
    &figure_6::ENTRY,
    &figure_9::ENTRY,
    &figure_10::ENTRY,
    &figure_11::ENTRY,
    &figure_12::ENTRY,
];
