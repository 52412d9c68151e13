use onedge_registry::Entry;

use super::figure_9::{SETTINGS, make};
use super::{Make, Quantity};

pub(super) static ENTRY: Entry<Make> = Entry {
    name: "figure-11",
    summary: "the runs of figure 9 with p, the squared displacement",
    doc: "On the edge, as printed, p settles at a/b, where it holds the sharpness. Roulet et al. 2024, arXiv \
          2407.06183, figure 11. Cost: some twenty operations a step.",
    settings: SETTINGS,
    build: |settings| make(settings, "figure 11", &[Quantity::Eta, Quantity::Lambda, Quantity::Y, Quantity::P]),
};
