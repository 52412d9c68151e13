use onedge_registry::Entry;

use crate::{Comparison, Exhibit, Kind, simplified};

/// As printed; `onedge theory figure-11` also has the runs without the lag.
const SETTINGS: &[(&str, &str)] = &[("lag", "printed")];

pub(super) static ENTRY: Entry<Exhibit> = Entry {
    name: "figure-11",
    summary: "the runs of figure 9 with p, the squared displacement",
    doc: "Figure 9 with the squared displacement p along the top eigenvector. Needs no runs; the preset `figure-11` of the simplified model takes other settings.",
    settings: &[],
    build: Exhibit {
        kind: Kind::Figure { number: 11, must_show: "as figure 9; at sigma 2 p stabilises too" },
        comparison: |_| Ok(Comparison::none()),
        judge: |_| simplified::claims("figure-11", SETTINGS).unwrap_or_default(),
        draw: |_, _| simplified::picture("figure-11", SETTINGS),
    },
};
