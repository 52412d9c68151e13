use onedge_plot::Abscissa;

use crate::{Claim, Comparison, Error, Picture, Results, Scope};

/// What runs are to show: a figure of the paper, or a study of our own. Its runs, its verdict, its picture.
#[derive(Debug)]
pub struct Exhibit {
    /// Which of both.
    pub kind: Kind,
    /// The runs that it needs.
    ///
    /// # Errors
    /// A setting that no spec takes.
    pub comparison: fn(&Scope) -> Result<Comparison, Error>,
    /// What is claimed, against what the runs show.
    pub judge: fn(&Results) -> Vec<Claim>,
    /// Its picture, over this horizontal axis where it shows runs.
    ///
    /// # Errors
    /// Runs that cannot be drawn.
    pub draw: fn(&Results, Abscissa) -> Result<Picture, Error>,
}

/// A figure of the paper or a study.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A figure of the paper.
    Figure {
        /// Its number there.
        number: u32,
        /// What it must show, in words.
        must_show: &'static str,
    },
    /// A study of our own.
    Study {
        /// What is asked.
        question: &'static str,
    },
}

impl Exhibit {
    /// Its number in the paper, if it is a figure of it.
    pub fn number(&self) -> Option<u32> {
        match self.kind {
            Kind::Figure { number, .. } => Some(number),
            Kind::Study { .. } => None,
        }
    }

    /// What it must show, or what is asked.
    pub fn about(&self) -> &'static str {
        match self.kind {
            Kind::Figure { must_show, .. } => must_show,
            Kind::Study { question } => question,
        }
    }
}
