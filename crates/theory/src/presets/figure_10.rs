use onedge_registry::Entry;

use super::figure_4::{SETTINGS, make};
use super::{Make, Quantity};

pub(super) static ENTRY: Entry<Make> = Entry {
    name: "figure-10",
    summary: "the runs of figure 4 with p, the squared displacement",
    doc: "With the tuner nothing presses on the sharpness: p -> 0. At a constant rate p goes round a/b. Roulet et al. \
          2024, arXiv 2407.06183, figure 10. Cost: some twenty operations a step.",
    settings: SETTINGS,
    build: |settings| make(settings, "figure 10", &[Quantity::Eta, Quantity::Lambda, Quantity::Y, Quantity::P]),
};
