use std::fmt::Write;

use onedge_plot::{Abscissa, Chart, ChartPanel, Drawing, Look, Scale, Trace};
use onedge_registry::Entry;
use onedge_run::Finished;
use onedge_sweep::compare::Point;
use onedge_text::table::number;

use super::ranks::correlation;
use crate::claim::{Claim, Seen};
use crate::draw::quoted;
use crate::judge::{Judge, graded, limits, unknown};
use crate::problems::{NOISY, noisy};
use crate::results::{Grids, mean, median};
use crate::rules::sigma;
use crate::{Comparison, Error, Exhibit, Kind, Picture, Results, Scope, rules};

const CDAT: &str = "CDAT";
const SIGMAS: [f64; 6] = [0.25, 0.5, 1.0, 1.5, 2.0, 2.5];
/// Of the averages, the same for all.
const BETA: f64 = 0.9;

pub(super) static ENTRY: Entry<Exhibit> = Entry {
    name: "stochastic",
    summary: "one rule for sigma by batch size and noise scale, on three networks by three optimizers",
    doc: "CDAT in mini-batches of 16, 64 and 256 examples, sigma 0.25 to 2.5, averages with beta 0.9. A rule gives a sigma by batch size, \
          momentum and noise scale (the median of its measurements along the run with sigma 0.5). It is judged by the loss at the sigma of the grid \
          that is nearest to it, over the loss at the best: its regret. Losses are means over the last tenth of a run; a run that diverges counts with its first loss.",
    settings: &[],
    build: Exhibit {
        kind: Kind::Study {
            question: "Does one rule say which sigma is best by batch size and noise, whatever the network and the optimizer?",
        },
        comparison,
        judge,
        draw: |results, _: Abscissa| Ok(draw(results)),
    },
};

fn comparison(scope: &Scope) -> Result<Comparison, Error> {
    let mut comparison = Comparison { grids: Grids::Whole, ..Comparison::none() };
    for (optimizer, method, _) in NOISY {
        for problem in noisy(scope, (optimizer, method)) {
            comparison.add(&problem, CDAT, &SIGMAS.map(|sigma| rules::cdat(sigma, BETA)))?;
        }
    }
    Ok(comparison)
}

/// A problem as its name has it, "NanoLM, Adam, batch 16", with what was measured on it.
struct Measured {
    network: String,
    method: String,
    batch: f64,
    momentum: f64,
    /// The simple noise scale, in examples.
    noise: f64,
    /// The final loss by sigma.
    losses: Vec<(f64, f64)>,
}

impl Measured {
    fn of(results: &Results, problem: &str) -> Option<Self> {
        let parts: Vec<&str> = problem.split(", ").collect();
        let [network, method, batch] = parts[..] else { return None };
        let (_, _, momentum) = NOISY.into_iter().find(|(_, name, _)| *name == method)?;
        let points = &results.group(problem, CDAT)?.points;
        let losses = points.iter().filter_map(|point| Some((sigma(point)?, loss(point)?))).collect();
        let gentle = points.iter().find(|point| sigma(point) == Some(SIGMAS[1]))?;
        let noise = mean(&gentle.runs.iter().filter_map(noise).collect::<Vec<_>>())?;
        let (network, method) = (network.to_owned(), method.to_owned());
        Some(Self { network, method, batch: batch.strip_prefix("batch ")?.parse().ok()?, momentum, noise, losses })
    }

    fn best(&self) -> (f64, f64) {
        self.losses.iter().copied().min_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or((f64::NAN, f64::NAN))
    }

    /// The share of the slope that is signal: `m / (m + (1 - mu) B)`.
    fn signal(&self) -> f64 {
        self.batch / (self.batch + (1.0 - self.momentum) * self.noise)
    }

    /// The loss at the sigma of the grid next to this one over that at the best.
    fn regret(&self, sigma: f64) -> f64 {
        let distance = |own: &f64| (own / sigma).ln().abs();
        let next = self.losses.iter().min_by(|a, b| distance(&a.0).total_cmp(&distance(&b.0)));
        next.map_or(f64::NAN, |(_, loss)| loss / self.best().1)
    }
}

/// The mean over seeds of the final loss; of one that diverged, the first.
fn loss(point: &Point) -> Option<f64> {
    let of = |run: &Finished| {
        let first = run.summary.first_loss?;
        let failed = matches!(run.summary.stop, onedge_record::StopReason::Diverged { .. });
        Some(run.summary.final_loss.filter(|end| !failed && end.is_finite()).map_or(first, |end| end.min(first)))
    };
    mean(&point.runs.iter().filter_map(of).collect::<Vec<_>>())
}

fn noise(run: &Finished) -> Option<f64> {
    let values = run.records.iter().filter_map(|record| record.measured.get("noise_scale").copied());
    median(&values.filter(|value| value.is_finite()).map(|value| value.max(0.0)).collect::<Vec<_>>())
}

/// The rules that are compared: their names, and the sigma of each.
type Law = (&'static str, fn(&Measured) -> f64);
const LAWS: [Law; 4] = [
    ("σ 2", |_| 2.0),
    ("σ 1", |_| 1.0),
    ("2 m / (m + (1 − μ) B)", |measured| 2.0 * measured.signal()),
    ("2 √(m / (m + (1 − μ) B))", |measured| 2.0 * measured.signal().sqrt()),
];

/// The geometric mean of a law's regrets.
fn regret(all: &[&Measured], of: fn(&Measured) -> f64) -> Option<f64> {
    let logs: Vec<f64> = all.iter().map(|one| one.regret(of(one)).ln()).filter(|log| log.is_finite()).collect();
    mean(&logs).map(f64::exp)
}

fn judge(results: &Results) -> Vec<Claim> {
    let mut judge = Judge::default();
    let all: Vec<Measured> =
        results.problems().into_iter().filter_map(|problem| Measured::of(results, problem)).collect();
    let failed = || unknown("no run came to its end");
    for measured in &all {
        let says = "the formula's sigma ends at 1.5 times the best sigma's loss or less (partly: 3 times)";
        let [most, partly] = limits(says);
        let (own, (best, _)) = (LAWS[2].1(measured), measured.best());
        let ratio = measured.regret(own);
        let text = format!(
            "σ {} by a noise scale of {}, best {best}: {} times",
            number(Some(own)),
            number(Some(measured.noise)),
            number(Some(ratio))
        );
        let what = format!("{}, {}, batch {}", measured.network, measured.method, measured.batch);
        judge.claim(&what, says, Seen::of(graded(ratio <= most, ratio <= partly), text, ratio));
    }
    for (_, method, _) in NOISY {
        let own: Vec<&Measured> = all.iter().filter(|measured| measured.method == method).collect();
        let says = "over networks and batch sizes the best sigma goes with the share of the slope that is signal: the rank correlation is 0.6 or more \
                    (partly: 0.3)";
        let [most, partly] = limits(says);
        let pairs: Vec<(f64, f64)> = own.iter().map(|one| (one.signal(), one.best().0)).collect();
        let seen = correlation(&pairs, 5).map_or_else(
            || unknown("all best sigmas are the same, or there are too few"),
            |rho| Seen::of(graded(rho >= most, rho >= partly), format!("{rho:.2}, of {} problems", pairs.len()), rho),
        );
        judge.claim(method, says, seen);
        let says = "the formula's regret, the geometric mean over problems, is at most 0.9 times that of sigma 2 (partly: at most that of sigma 2)";
        let [most, _, _] = limits(says);
        judge.claim(method, says, against(&own, LAWS[2], LAWS[0], most).unwrap_or_else(failed));
    }
    let every: Vec<&Measured> = all.iter().collect();
    for (law, other) in [(LAWS[2], LAWS[0]), (LAWS[2], LAWS[1]), (LAWS[3], LAWS[2])] {
        let says = "the first's regret, the geometric mean over all problems, is at most 0.9 times the second's (partly: at most the second's)";
        let [most] = limits(says);
        let what = format!("{} against {}", law.0, other.0);
        judge.claim(&what, says, against(&every, law, other, most).unwrap_or_else(failed));
    }
    judge.claims()
}

fn against(all: &[&Measured], law: Law, other: Law, most: f64) -> Option<Seen> {
    let (own, its) = (regret(all, law.1)?, regret(all, other.1)?);
    let text = format!("{} against {}", number(Some(own)), number(Some(its)));
    Some(Seen::of(graded(own <= most * its, own <= its), text, own / its))
}

fn draw(results: &Results) -> Picture {
    let all: Vec<Measured> =
        results.problems().into_iter().filter_map(|problem| Measured::of(results, problem)).collect();
    let mut networks: Vec<&str> = Vec::new();
    for measured in &all {
        if !networks.contains(&measured.network.as_str()) {
            networks.push(&measured.network);
        }
    }
    let lowest = all.iter().map(|one| one.signal().log10()).fold(-1.0, f64::min);
    let along: Vec<f64> = (0..=60).map(|part| lowest * (1.0 - f64::from(part) / 60.0)).collect();
    let panel = |(_, method, _): &(&str, &str, f64)| {
        let of = |network: &&str| {
            let own = all.iter().filter(|one| one.method == *method && one.network == **network);
            Trace { dots: own.map(|one| (one.signal().log10(), one.best().0)).collect(), ..Trace::default() }
        };
        let law = |power: f64| along.iter().map(move |log| (*log, 2.0 * 10f64.powf(power * log))).collect::<Trace>();
        ChartPanel {
            title: format!("{method}: the best σ"),
            scale: Scale::Linear,
            curves: networks.iter().map(of).chain([law(1.0), law(0.5)]).collect(),
            across: None,
            legend: Vec::new(),
        }
    };
    let dots = networks.iter().zip([0, 1, 2]).map(|(name, color)| ((*name).to_owned(), Look::solid(color)));
    let laws = [(LAWS[2].0, Look::dashed(6)), (LAWS[3].0, Look::dashed(4))].map(|(name, look)| (name.to_owned(), look));
    let chart = Chart {
        title: "The best σ by the share of the slope that is signal".to_owned(),
        x_label: "log10 of m / (m + (1 − μ) B): batch size m, momentum μ, noise scale B".to_owned(),
        curves: dots.chain(laws).collect(),
        panels: NOISY.iter().map(panel).collect(),
        rows: Vec::new(),
        note: format!("a dot is a network at a batch size; {} seeds", results.seeds()),
    };
    let mut csv = String::from("network,optimizer,batch,noise_scale,signal,sigma,loss,regret\n");
    for one in &all {
        for (sigma, loss) in &one.losses {
            let [network, method] = [&one.network, &one.method].map(|text| quoted(text));
            let (signal, regret) = (one.signal(), loss / one.best().1);
            let _ = writeln!(
                csv,
                "{network},{method},{},{:.4e},{signal:.4e},{sigma},{loss:.5e},{regret:.4e}",
                one.batch, one.noise
            );
        }
    }
    Picture { drawing: Drawing::Curves(chart), csv }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use onedge_record::{Record, StopReason};
    use onedge_theory::presets::Verdict::{self, NotShown, Shown};

    use super::*;
    use crate::results::samples::{grid, run};

    /// Losses are least at `best(signal)`, and grow by the factor that sigma is off.
    fn results(best: impl Fn(f64) -> f64) -> Results {
        let mut series = Vec::new();
        for (_, method, momentum) in NOISY {
            for (network, batch) in
                ["ConvNet", "MLP", "NanoLM"].into_iter().flat_map(|n| [16.0, 64.0, 256.0].map(|b| (n, b)))
            {
                let noise = 100.0 / (1.0 - momentum);
                let least = best(batch / (batch + 100.0));
                let end = |sigma: f64| {
                    run(50, |step| Record {
                        loss: if step < 5 { 9.0 } else { 0.1 * (sigma / least).ln().abs().exp().powi(3) },
                        measured: BTreeMap::from([("noise_scale".to_owned(), noise)]),
                        ..Record::default()
                    })
                };
                let labels = SIGMAS.map(|sigma| format!("sigma={sigma} beta=0.9"));
                let points =
                    labels.iter().zip(SIGMAS).map(|(label, sigma)| (label.as_str(), vec![end(sigma)])).collect();
                series.push(grid(&format!("{network}, {method}, batch {batch}"), CDAT, points));
            }
        }
        Results { series }
    }

    #[test]
    fn both_outcomes() {
        let verdicts =
            |results: &Results| judge(results).into_iter().map(|claim| claim.verdict).collect::<Vec<Verdict>>();
        let lawful = verdicts(&results(|signal| 2.0 * signal));
        assert_eq!(lawful.len(), 27 + 6 + 3);
        assert_eq!((&lawful[..35], lawful[35]), (&[Shown; 35][..], NotShown));
        let steady = verdicts(&results(|_| 2.0));
        assert_eq!((&steady[27..33], &steady[33..35]), (&[NotShown; 6][..], &[NotShown; 2][..]));
    }

    #[test]
    fn what_diverges_counts_with_its_first_loss() {
        let mut lost = run(50, |_| Record { loss: 3.0, ..Record::default() });
        lost.summary.stop = StopReason::Diverged { step: 49, loss: 1e9, limit: 1e3 };
        lost.summary.final_loss = Some(1e9);
        let point =
            Point { label: String::new(), runs: vec![lost, run(50, |_| Record { loss: 1.0, ..Record::default() })] };
        assert_eq!(loss(&point), Some(2.0));
    }

    #[test]
    fn the_picture_has_a_dot_for_each_problem() {
        let Picture { drawing: Drawing::Curves(chart), csv } = draw(&results(|signal| 2.0 * signal)) else {
            panic!("expected curves")
        };
        assert_eq!((chart.panels.len(), chart.panels[0].curves.len(), chart.panels[0].curves[0].dots.len()), (3, 5, 3));
        assert_eq!(csv.lines().count(), 1 + 27 * SIGMAS.len());
    }
}
