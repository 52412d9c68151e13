//! Pictures as SVG, PNG or PDF: runs in panels of curves with one legend ([`Picture`], from step records), curves of anything
//! else ([`Chart`]) and heat maps ([`HeatMap`]), all of one look.
//!
//! Knows nothing of how runs are done or found.
#![forbid(unsafe_code)]

mod axis;
mod chart;
mod curve;
mod dashes;
mod density;
mod draw;
mod error;
mod file;
mod font;
mod heatmap;
mod ink;
mod layout;
mod palette;
mod panel;
mod pdf;
mod picture;
mod theme;
mod trace;

use std::path::Path;

pub use axis::Scale;
pub use axis::tick_label;
pub use chart::{Chart, ChartPanel, Line, Look};
pub use curve::{Course, Curve, Quantity};
pub use density::density;
pub use error::Error;
pub use heatmap::{Colors, HeatCell, HeatMap, HeatPanel, Mark};
pub use palette::{Stroke, stroke};
pub use panel::{ALL, Panel, Reference, USUAL};
pub use picture::{Picture, what_is_drawn};
pub use theme::Theme;
pub use trace::{Readings, Smoothing, Trace};

/// What lies along the horizontal axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Abscissa {
    /// Steps.
    Step,
    /// Forward-equivalents: multiples of one evaluation of the loss.
    Cost,
    /// Seconds of training.
    Seconds,
}

impl Abscissa {
    /// What it reads off a record.
    pub fn quantity(self) -> Quantity {
        match self {
            Self::Step => |r| Some(r.step as f64),
            Self::Cost => |r| Some(r.cost),
            Self::Seconds => |r| Some(r.seconds),
        }
    }

    /// What it is called.
    pub fn label(self) -> &'static str {
        match self {
            Self::Step => "step",
            Self::Cost => "cost in forward passes",
            Self::Seconds => "seconds",
        }
    }
}

/// A picture of anything but runs.
#[derive(Debug, Clone, PartialEq)]
pub enum Drawing {
    /// Curves.
    Curves(Chart),
    /// A map over two settings.
    Map(HeatMap),
}

impl Drawing {
    /// Draws to `path`, as SVG, PNG or PDF by its extension.
    ///
    /// # Errors
    /// Those of [`Chart::save`] and [`HeatMap::save`].
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        self.save_as(path, &Theme::default())
    }

    /// The same with other sizes and letters.
    ///
    /// # Errors
    /// Those of [`Chart::save_as`] and [`HeatMap::save_as`].
    pub fn save_as(&self, path: &Path, theme: &Theme) -> Result<(), Error> {
        match self {
            Self::Curves(chart) => chart.save_as(path, theme),
            Self::Map(map) => map.save_as(path, theme),
        }
    }
}
