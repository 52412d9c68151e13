use onedge_registry::Entry;

use super::figure_5::EDGE;
use crate::Error;
use crate::claim::{Claim, Seen};
use crate::draw::{LOSS, RATE, Style, csv, curves};
use crate::judge::{Judge, ends, limits, unknown, whether};
use crate::problems::five;
use crate::{Comparison, Exhibit, Kind, Picture, Results, Scope};
use onedge_plot::Abscissa;
use onedge_text::table::number;

const OVER: &str = "σ 2.0625";
const NAMES: [&str; 4] = ["constant", EDGE, OVER, "schedule"];

pub(super) static ENTRY: Entry<Exhibit> = Entry {
    name: "figure-19",
    summary: "tuned schedules against CDAT, full batch",
    doc: "Linear warm-up, then a constant rate, a linear or a cosine decay, of several peaks, lengths of warm-up and horizons (the \
          small preset has cosines alone), against CDAT at sigma 2 and 2.0625 and the tuned constant rate.",
    settings: &[],
    build: Exhibit {
        kind: Kind::Figure { number: 19, must_show: "tuned schedules can still win" },
        comparison,
        judge,
        draw,
    },
};

fn comparison(scope: &Scope) -> Result<Comparison, Error> {
    let mut comparison = Comparison::none();
    for problem in five(scope) {
        comparison.add(&problem, "constant", &problem.constants())?;
        comparison.add(&problem, EDGE, &problem.cdat(2.0))?;
        comparison.add(&problem, OVER, &problem.cdat(2.0625))?;
        comparison.add(&problem, "schedule", &problem.schedules(scope))?;
    }
    Ok(comparison)
}

fn judge(results: &Results) -> Vec<Claim> {
    let mut judge = Judge::default();
    // The loss of the schedule over the smaller one of CDAT.
    let over = |problem: &str| {
        let ratios = [EDGE, OVER].map(|name| ends(results, problem, "schedule", name).map(|ends| ends.ratio));
        ratios.into_iter().flatten().reduce(f64::max)
    };
    let all: Vec<(&str, f64)> =
        results.problems().into_iter().filter_map(|problem| Some((problem, over(problem)?))).collect();
    let text: Vec<String> = all.iter().map(|(problem, ratio)| format!("{problem} {}", number(Some(*ratio)))).collect();
    let least = all.iter().map(|(_, ratio)| *ratio).reduce(f64::min);
    let says = "on one problem at least the best schedule ends under 0.9 times the better of CDAT's losses";
    let [most] = limits(says);
    judge.claim(
        "all problems",
        says,
        least.map_or(unknown("no run came to its end"), |least| {
            Seen::of(whether(least < most), format!("schedule over CDAT: {}", text.join("; ")), least)
        }),
    );
    judge.claims()
}

fn draw(results: &Results, x: Abscissa) -> Result<Picture, Error> {
    let (columns, style) = ([LOSS, RATE], Style { x, groups: None });
    let title = "Tuned schedules and CDAT in full batch";
    Ok(Picture { drawing: curves(title, results, &NAMES, &columns, style), csv: csv(results, &NAMES, &columns) })
}

#[cfg(test)]
mod tests {
    use onedge_theory::presets::Verdict::{NotShown, Shown};

    use super::*;
    use crate::results::samples::{falling, series};

    #[test]
    fn both_outcomes() {
        for (end, expected) in [(0.05, Shown), (0.15, NotShown)] {
            let of = |problem: &str, schedule: f64| {
                let ends = [(EDGE, 0.2), (OVER, 0.1), ("schedule", schedule)];
                ends.map(|(name, end)| series(problem, name, vec![falling(end)])).to_vec()
            };
            let claims = judge(&Results { series: [of("a", 0.5), of("b", end)].concat() });
            assert_eq!((claims.len(), claims[0].verdict), (1, expected), "{}", claims[0].measured);
        }
    }
}
