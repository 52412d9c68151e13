use onedge_registry::Entry;

use super::figure_8::{MUST_SHOW, draw, judge, study};
use crate::Figure;
use crate::problems::batches;

pub(super) static ENTRY: Entry<Figure> = Entry {
    name: "figure-21",
    summary: "CDAT by Adam against tuned constant rates and schedules at three batch sizes",
    doc: "As figure 8, by Adam, at a small, a medium and a large batch size.",
    settings: &[],
    build: Figure {
        number: 21,
        must_show: MUST_SHOW,
        study: |scope| study(scope, batches(scope).into_iter().map(|batch| ("adam", batch))),
        judge,
        draw: |results, x| Ok(draw(results, x, "CDAT by Adam in mini-batches")),
    },
};
