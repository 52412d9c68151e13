use onedge_registry::Entry;

use super::figure_8::{MUST_SHOW, draw, judge, study};
use crate::Figure;
use crate::problems::batches;

pub(super) static ENTRY: Entry<Figure> = Entry {
    name: "figure-20",
    summary: "CDAT by momentum against tuned constant rates and schedules at three batch sizes",
    doc: "As figure 8, by momentum, at a small, a medium and a large batch size.",
    settings: &[],
    build: Figure {
        number: 20,
        must_show: MUST_SHOW,
        study: |scope| study(scope, batches(scope).into_iter().map(|batch| ("momentum", batch))),
        judge,
        draw: |results, x| Ok(draw(results, x, "CDAT by momentum in mini-batches")),
    },
};
