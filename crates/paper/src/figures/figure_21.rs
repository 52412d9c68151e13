use onedge_registry::Entry;

use super::figure_8::{MUST_SHOW, comparison, draw, judge};
use crate::problems::batches;
use crate::{Exhibit, Kind};

pub(super) static ENTRY: Entry<Exhibit> = Entry {
    name: "figure-21",
    summary: "CDAT by Adam against tuned constant rates and schedules at three batch sizes",
    doc: "As figure 8, by Adam, at a small, a medium and a large batch size.",
    settings: &[],
    build: Exhibit {
        kind: Kind::Figure { number: 21, must_show: MUST_SHOW },
        comparison: |scope| comparison(scope, batches(scope).into_iter().map(|batch| ("adam", batch))),
        judge,
        draw: |results, x| Ok(draw(results, x, "CDAT by Adam in mini-batches")),
    },
};
