use onedge_registry::Entry;

use crate::{Comparison, Exhibit, Kind, simplified};

/// Both conventions: as printed a constant rate blows up, which the paper's figure does not.
const SETTINGS: &[(&str, &str)] = &[("time", "both")];

pub(super) static ENTRY: Entry<Exhibit> = Entry {
    name: "figure-10",
    summary: "the runs of figure 4 with p, the squared displacement",
    doc: "Figure 4 with the squared displacement p along the top eigenvector. Needs no runs; the preset `figure-10` of the simplified model takes other settings.",
    settings: &[],
    build: Exhibit {
        kind: Kind::Figure {
            number: 10,
            must_show: "as figure 4; p goes to 0 with the tuner, and stays near a/b at a constant rate",
        },
        comparison: |_| Ok(Comparison::none()),
        judge: |_| simplified::in_both_conventions("figure-10").unwrap_or_default(),
        draw: |_, _| simplified::picture("figure-10", SETTINGS),
    },
};
