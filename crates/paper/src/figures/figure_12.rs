use onedge_registry::Entry;

use super::figure_1::{NAMES, comparison};
use super::figure_3::dynamics;
use crate::Error;
use crate::draw::{ALIGNMENT, PRODUCT, RATE, SHARPNESS, Style, csv, curves};
use crate::judge::Judge;
use crate::{Exhibit, Kind, Picture, Results};
use onedge_plot::Abscissa;

pub(super) static ENTRY: Entry<Exhibit> = Entry {
    name: "figure-12",
    summary: "rate, sharpness, their product and the alignment of figure 1's runs",
    doc: "Figure 3 with the alignment of the update and the top eigenvector, (u.v)^2 / |u|^2, in the place of the gradient \
          norm.",
    settings: &[],
    build: Exhibit {
        kind: Kind::Figure {
            number: 12,
            must_show: "tuners: the rate falls by orders of magnitude, the sharpness keeps rising, their product is steady just \
                    under 2; constant: the product reaches about 2",
        },
        comparison,
        judge: |results| {
            let mut judge = Judge::default();
            results.problems().into_iter().for_each(|problem| dynamics(&mut judge, results, problem));
            judge.claims()
        },
        draw,
    },
};

fn draw(results: &Results, x: Abscissa) -> Result<Picture, Error> {
    let (columns, style) = ([RATE, SHARPNESS, PRODUCT, ALIGNMENT], Style { x, groups: None });
    let title = "Classical tuners: rate, sharpness, their product, alignment";
    Ok(Picture { drawing: curves(title, results, &NAMES, &columns, style), csv: csv(results, &NAMES, &columns) })
}
