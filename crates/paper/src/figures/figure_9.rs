use onedge_registry::Entry;

use crate::{Comparison, Exhibit, Kind, simplified};

/// As printed; `onedge theory figure-9` also has the runs without the lag.
const SETTINGS: &[(&str, &str)] = &[("lag", "printed")];

pub(super) static ENTRY: Entry<Exhibit> = Entry {
    name: "figure-9",
    summary: "the simplified model of CDAT, sigma 2 and 1.9",
    doc: "Rate, sharpness and y = eta lambda - 2 of equation (4) with CDAT's rate (10), as printed. Needs no runs; the preset `figure-9` of the simplified model takes other settings.",
    settings: &[],
    build: Exhibit {
        kind: Kind::Figure {
            number: 9,
            must_show: "sigma 2: y goes to 0 and the sharpness stabilises; sigma 1.9: the sharpness grows slowly and y settles at a small negative value",
        },
        comparison: |_| Ok(Comparison::none()),
        judge: |_| simplified::claims("figure-9", SETTINGS).unwrap_or_default(),
        draw: |_, _| simplified::picture("figure-9", SETTINGS),
    },
};
