use onedge_registry::Entry;

use super::figure_5::{EDGE, GREEDY};
use super::figure_6::{NAMES, comparison};
use crate::Error;
use crate::claim::{Claim, Seen};
use crate::draw::{ALIGNMENT, PRODUCT, SHARPNESS, Style, TURN, csv, curves};
use crate::judge::{Judge, graded, limits, over_seeds, unknown, whether};
use crate::results::middle;
use crate::{Exhibit, Kind, Picture, Results};
use onedge_plot::Abscissa;
use onedge_text::table::number;

pub(super) static ENTRY: Entry<Exhibit> = Entry {
    name: "figure-17",
    summary: "alignment and angle between updates on edge and greedily",
    doc: "Figure 6 with the alignment of the update and the top eigenvector, (u.v)^2 / |u|^2, and the cosine of the angle \
          between successive updates, in the place of the gradient norm.",
    settings: &[],
    build: Exhibit {
        kind: Kind::Figure { number: 17, must_show: "on edge successive updates turn opposed; greedily they do not" },
        comparison,
        judge,
        draw,
    },
};

fn judge(results: &Results) -> Vec<Claim> {
    let mut judge = Judge::default();
    for problem in results.problems() {
        let cosine = |name| over_seeds(results.best(problem, name)?, |run| middle(run, TURN.quantity, (0.5, 1.0)));
        let seen = |verdict, cosine| Seen::of(verdict, number(Some(cosine)), cosine);
        let nothing = || unknown("not measured, or no run came to its end");
        let says = "the median cosine of successive updates over the second half is under -0.5 (partly: under 0)";
        let [most, partly] = limits(says);
        judge.claim(
            &format!("{problem}: {EDGE}"),
            says,
            cosine(EDGE).map_or_else(nothing, |cosine| seen(graded(cosine < most, cosine < partly), cosine)),
        );
        let says = "the same is above -0.5";
        let [least] = limits(says);
        judge.claim(
            &format!("{problem}: {GREEDY}"),
            says,
            cosine(GREEDY).map_or_else(nothing, |cosine| seen(whether(cosine > least), cosine)),
        );
    }
    judge.claims()
}

fn draw(results: &Results, x: Abscissa) -> Result<Picture, Error> {
    let (columns, style) = ([SHARPNESS, PRODUCT, ALIGNMENT, TURN], Style { x, groups: None });
    let title = "On edge and greedily: sharpness, product, alignment, angle of updates";
    Ok(Picture { drawing: curves(title, results, &NAMES, &columns, style), csv: csv(results, &NAMES, &columns) })
}

#[cfg(test)]
mod tests {
    use onedge_theory::presets::Verdict::{self, NotShown, Partly, Shown};

    use super::*;
    use crate::results::samples::{run, series};
    use onedge_record::Record;

    #[test]
    fn both_outcomes() {
        let verdicts = |edge: f64, greedy: f64| -> Vec<Verdict> {
            let turning =
                |cosine: f64| run(50, |_| Record { loss: 1.0, update_cosine: Some(cosine), ..Record::default() });
            let all = vec![series("a", EDGE, vec![turning(edge)]), series("a", GREEDY, vec![turning(greedy)])];
            judge(&Results { series: all }).into_iter().map(|claim| claim.verdict).collect()
        };
        assert_eq!(verdicts(-0.9, -0.1), [Shown; 2]);
        assert_eq!(verdicts(-0.2, -0.1), [Partly, Shown]);
        assert_eq!(verdicts(0.9, -0.8), [NotShown; 2]);
    }
}
