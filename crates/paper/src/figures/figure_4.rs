use onedge_registry::Entry;

use crate::{Comparison, Exhibit, Kind, simplified};

/// Both conventions: as printed a constant rate blows up, which the paper's figure does not.
const SETTINGS: &[(&str, &str)] = &[("time", "both")];

pub(super) static ENTRY: Entry<Exhibit> = Entry {
    name: "figure-4",
    summary: "the simplified model: a constant rate against eta = 1.9 / lambda",
    doc: "Rate, sharpness and y = eta lambda - 2 of equation (4), at a constant rate and with the classical tuner (6), in both time conventions. Needs no runs; the preset `figure-4` of the simplified model takes other settings.",
    settings: &[],
    build: Exhibit {
        kind: Kind::Figure {
            number: 4,
            must_show: "constant rate: y oscillates round 0 and the sharpness stabilises; tuner: y is fixed under 0, the sharpness grows, the rate falls",
        },
        comparison: |_| Ok(Comparison::none()),
        judge: |_| simplified::in_both_conventions("figure-4").unwrap_or_default(),
        draw: |_, _| simplified::picture("figure-4", SETTINGS),
    },
};
