use std::borrow::Cow;

use crate::axis::{Axis, Scale};
use crate::curve::{Curve, Quantity};
use crate::trace::Trace;
use onedge_record::Record;

/// One panel of a picture.
#[derive(Debug, Clone)]
pub struct Panel {
    /// Its name on the command line.
    pub name: Cow<'static, str>,
    /// Its heading.
    pub title: Cow<'static, str>,
    /// The scale of its vertical axis.
    pub scale: Scale,
    /// What it shows; `None` for what a diagnostic read under its name.
    pub quantity: Option<Quantity>,
    /// What is drawn across it.
    pub reference: Reference,
}

/// A line across a panel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reference {
    /// None.
    Nothing,
    /// The edge of stability of each curve.
    Edge,
}

const fn panel(name: &'static str, title: &'static str, scale: Scale, quantity: Quantity) -> Panel {
    let (name, title) = (Cow::Borrowed(name), Cow::Borrowed(title));
    Panel { name, title, scale, quantity: Some(quantity), reference: Reference::Nothing }
}

const EDGE: Panel = Panel {
    name: Cow::Borrowed("edge"),
    title: Cow::Borrowed("learning rate × sharpness"),
    scale: Scale::Linear,
    quantity: Some(|r| r.edge()),
    reference: Reference::Edge,
};

/// Every panel, in the order of a picture.
pub static ALL: &[Panel] = &[
    panel("loss", "training loss", Scale::Log, |r| Some(r.loss)),
    panel("rate", "learning rate", Scale::Log, |r| Some(r.learning_rate)),
    panel("sharpness", "sharpness", Scale::Log, |r| r.preconditioned_sharpness.or(r.sharpness)),
    EDGE,
    panel("hessian", "sharpness without preconditioner", Scale::Log, |r| r.sharpness),
    panel("gradient", "gradient norm", Scale::Log, |r| r.gradient_norm),
    panel("alignment", "alignment of update and top eigenvector", Scale::Linear, |r| r.alignment),
    panel("turn", "cosine between successive updates", Scale::Linear, |r| r.update_cosine),
];

/// The panels of what is measured with the spectrum.
pub(super) const OF_SPECTRUM: [&str; 4] = ["sharpness", "edge", "hessian", "alignment"];

/// The names of the four panels that a picture has if none are asked for.
pub const USUAL: [&str; 4] = ["loss", "rate", "sharpness", "edge"];

/// What the edge panel shows at most, in multiples of the edge: early spikes are cut off, so that the rest can be read.
const MOST_EDGES: f64 = 2.5;

impl Panel {
    /// A panel of what a diagnostic read, if it is in any of the curves. On a log scale where all of it is positive and it spans more
    /// than a decade.
    pub fn measured(name: &str, curves: &[Curve]) -> Option<Self> {
        let values = || curves.iter().flat_map(Curve::records).filter_map(|record| record.measured.get(name).copied());
        let (low, high) = values().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
        values().next()?;
        let scale = if low > 0.0 && high > 10.0 * low { Scale::Log } else { Scale::Linear };
        let (title, name) = (name.replace('_', " ").into(), name.to_owned().into());
        Some(Self { name, title, scale, quantity: None, reference: Reference::Nothing })
    }

    /// What it shows of a record.
    pub fn value(&self, record: &Record) -> Option<f64> {
        match self.quantity {
            Some(quantity) => quantity(record),
            None => record.measured.get(&*self.name).copied(),
        }
    }

    /// Whether any curve has something to show here.
    pub fn has_data(&self, curves: &[Curve]) -> bool {
        let values = || curves.iter().flat_map(Curve::records).filter_map(|record| self.value(record));
        values().any(|value| self.has_place(value))
    }

    fn has_place(&self, value: f64) -> bool {
        value.is_finite() && (self.scale == Scale::Linear || value > 0.0)
    }

    /// The vertical axis that shows all curves, and whether some of them leave it.
    pub fn axis(&self, traces: &[Trace], edges: &[(f64, usize)]) -> (Axis, Clipping) {
        let values = traces.iter().flat_map(Trace::values).filter(|value| self.has_place(*value));
        let (mut low, mut high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
        let mut clipping = Clipping::Whole;
        if self.reference == Reference::Edge {
            let top = edges.iter().map(|edge| edge.0).fold(0.0, f64::max);
            (low, high) = (low.min(0.0), high.max(1.2 * top));
            if top > 0.0 && high > MOST_EDGES * top {
                (high, clipping) = (MOST_EDGES * top, Clipping::CutOff);
            }
            if top > 0.0 && low < -top {
                (low, clipping) = (-top, Clipping::CutOff);
            }
        }
        if low > high {
            (low, high) = (0.1, 1.0);
        }
        // A constant is drawn as one: its rounding is nothing to look at.
        let size = low.abs().max(high.abs());
        if self.scale == Scale::Linear && high - low < 1e-6 * size {
            (low, high) = (low - 0.05 * size, high + 0.05 * size);
        }
        (Axis::new(self.scale, low, high).padded(0.04), clipping)
    }

    /// The heights of the lines across the panel, each with the number of the first curve that it belongs to.
    pub fn references(&self, curves: &[Curve]) -> Vec<(f64, usize)> {
        let mut found: Vec<(f64, usize)> = Vec::new();
        if self.reference == Reference::Edge {
            for (index, edge) in curves.iter().enumerate().filter_map(|(index, curve)| Some((index, curve.edge?))) {
                if !found.iter().any(|(known, _)| *known == edge) {
                    found.push((edge, index));
                }
            }
        }
        found
    }

    /// What the heading adds to the title: of which matrix the eigenvalue is.
    pub fn note(&self, curves: &[Curve]) -> Option<&'static str> {
        let scaled = |curve: &Curve| curve.records().any(|r| r.preconditioned_sharpness.is_some());
        match &*self.name {
            "sharpness" if curves.iter().all(scaled) => Some("largest eigenvalue of P^-1/2 H P^-1/2"),
            "sharpness" if curves.iter().any(scaled) => Some("largest eigenvalue, preconditioned where P is"),
            "sharpness" => Some("largest Hessian eigenvalue"),
            _ => None,
        }
    }
}

/// Whether a panel shows its curves whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clipping {
    /// Everything is inside.
    Whole,
    /// Some of it is beyond the border.
    CutOff,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(products: &[f64]) -> Curve {
        let records = products.iter().enumerate().map(|(step, &product)| Record {
            step: step as u64,
            loss: 1.0,
            learning_rate: 0.5,
            sharpness: Some(2.0 * product),
            ..Record::default()
        });
        Curve::of("a", records.collect(), Some(2.0))
    }

    fn drawn(panel: &Panel, products: &[f64]) -> (Axis, Clipping) {
        let trace = products.iter().enumerate().map(|(step, &product)| (step as f64, product)).collect();
        panel.axis(&[trace], &panel.references(&[curve(products)]))
    }

    #[test]
    fn spikes_far_over_the_edge_are_cut_off() {
        let edge = &ALL[3];
        let (axis, clipping) = drawn(edge, &[1.0, 3.0]);
        assert_eq!(clipping, Clipping::Whole);
        assert!(axis.place(3.0).unwrap() < 1.0);
        let (axis, clipping) = drawn(edge, &[1.0, 300.0]);
        assert_eq!(clipping, Clipping::CutOff);
        assert!(axis.place(5.0).unwrap() < 1.0 && axis.place(2.0).unwrap() > 0.3);
    }

    #[test]
    fn panels_without_data_are_known() {
        let mut bare = curve(&[1.0]);
        bare.runs[0].records[0].sharpness = None;
        let shown: Vec<&str> =
            ALL.iter().filter(|p| p.has_data(std::slice::from_ref(&bare))).map(|p| &*p.name).collect();
        assert_eq!(shown, ["loss", "rate"]);
    }

    #[test]
    fn edges_are_told_apart_and_eigenvalues_named() {
        let (plain, mut scaled) = (curve(&[1.0]), curve(&[1.0]));
        scaled.edge = Some(38.0);
        scaled.runs[0].records[0].preconditioned_sharpness = Some(3.0);
        let both = [plain.clone(), scaled.clone(), plain.clone()];
        assert_eq!(ALL[3].references(&both), [(2.0, 0), (38.0, 1)]);
        assert_eq!(ALL[2].note(&[plain]), Some("largest Hessian eigenvalue"));
        assert_eq!(ALL[2].note(&[scaled]), Some("largest eigenvalue of P^-1/2 H P^-1/2"));
        assert_eq!(ALL[2].note(&both), Some("largest eigenvalue, preconditioned where P is"));
    }
}
