use onedge_registry::Entry;

use super::figure_8::{MUST_SHOW, comparison, draw, judge};
use crate::problems::batches;
use crate::{Exhibit, Kind};

pub(super) static ENTRY: Entry<Exhibit> = Entry {
    name: "figure-20",
    summary: "CDAT by momentum against tuned constant rates and schedules at three batch sizes",
    doc: "As figure 8, by momentum, at a small, a medium and a large batch size.",
    settings: &[],
    build: Exhibit {
        kind: Kind::Figure { number: 20, must_show: MUST_SHOW },
        comparison: |scope| comparison(scope, batches(scope).into_iter().map(|batch| ("momentum", batch))),
        judge,
        draw: |results, x| Ok(draw(results, x, "CDAT by momentum in mini-batches")),
    },
};
