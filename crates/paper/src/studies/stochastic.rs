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
    doc: "CDAT in mini-batches of 16, 64 and 256 examples, sigma 0.25 to 2.5, averages with beta 0.9. A rule gives a sigma by batch size m, \
          momentum mu and noise scale B (the median of its measurements along the run with sigma 0.5): that of the setting `noise`, \
          2 m / (m + (1 - mu) B), the same without the momentum, 2 m / (m + B), and its root. It is judged by the loss at the sigma of the grid \
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

    /// The share of a batch's squared gradient that is signal: `m / (m + B)`.
    fn signal(&self) -> f64 {
        self.batch / (self.batch + self.noise)
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

/// `m / (m + (1 - mu) B)`, of `m / (m + B)`.
fn with_momentum(signal: f64, momentum: f64) -> f64 {
    1.0 / (1.0 + (1.0 - momentum) * (1.0 / signal - 1.0))
}

/// A rule: its name, and its sigma by signal and momentum.
type Law = (&'static str, fn(f64, f64) -> f64);
const TWO: Law = ("σ 2", |_, _| 2.0);
const ONE: Law = ("σ 1", |_, _| 1.0);
const FORMULA: Law = ("2 m / (m + (1 − μ) B)", |signal, momentum| 2.0 * with_momentum(signal, momentum));
const PLAIN: Law = ("2 m / (m + B)", |signal, _| 2.0 * signal);
const ROOT: Law = ("2 √(m / (m + B))", |signal, _| 2.0 * signal.sqrt());

impl Measured {
    fn by(&self, (_, of): Law) -> f64 {
        of(self.signal(), self.momentum)
    }
}

/// The geometric mean of a law's regrets.
fn regret(all: &[&Measured], law: Law) -> Option<f64> {
    let logs: Vec<f64> = all.iter().map(|one| one.regret(one.by(law)).ln()).filter(|log| log.is_finite()).collect();
    mean(&logs).map(f64::exp)
}

fn judge(results: &Results) -> Vec<Claim> {
    let mut judge = Judge::default();
    let all: Vec<Measured> =
        results.problems().into_iter().filter_map(|problem| Measured::of(results, problem)).collect();
    let failed = || unknown("no run came to its end");
    for measured in &all {
        let what = format!("{}, {}, batch {}", measured.network, measured.method, measured.batch);
        for (law, says) in [
            (
                FORMULA,
                "the sigma of the formula with momentum ends at 1.5 times the best sigma's loss or less (partly: 3 times)",
            ),
            (
                PLAIN,
                "the sigma of the formula without momentum ends at 1.5 times the best sigma's loss or less (partly: 3 times)",
            ),
        ] {
            let [most, partly] = limits(says);
            let (own, (best, _)) = (measured.by(law), measured.best());
            let ratio = measured.regret(own);
            let text = format!(
                "σ {} by a noise scale of {}, best {best}: {} times",
                number(Some(own)),
                number(Some(measured.noise)),
                number(Some(ratio))
            );
            judge.claim(&what, says, Seen::of(graded(ratio <= most, ratio <= partly), text, ratio));
        }
    }
    for (_, method, _) in NOISY {
        let own: Vec<&Measured> = all.iter().filter(|measured| measured.method == method).collect();
        let says = "over networks and batch sizes the best sigma goes with m / (m + B): the rank correlation is 0.6 or more (partly: 0.3)";
        let [most, partly] = limits(says);
        let pairs: Vec<(f64, f64)> = own.iter().map(|one| (one.signal(), one.best().0)).collect();
        let seen = correlation(&pairs, 5).map_or_else(
            || unknown("all best sigmas are the same, or there are too few"),
            |rho| Seen::of(graded(rho >= most, rho >= partly), format!("{rho:.2}, of {} problems", pairs.len()), rho),
        );
        judge.claim(method, says, seen);
        for (law, other) in [(FORMULA, TWO), (PLAIN, TWO), (PLAIN, FORMULA)] {
            let what = format!("{method}: {} against {}", law.0, other.0);
            judge.claim(&what, REGRETS, against(&own, law, other).unwrap_or_else(failed));
        }
    }
    let every: Vec<&Measured> = all.iter().collect();
    for (law, other) in [(FORMULA, TWO), (PLAIN, TWO), (PLAIN, ONE), (PLAIN, FORMULA), (ROOT, PLAIN)] {
        let what = format!("all: {} against {}", law.0, other.0);
        judge.claim(&what, REGRETS, against(&every, law, other).unwrap_or_else(failed));
    }
    judge.claims()
}

/// What is said of two rules.
const REGRETS: &str = "the first's regret, the geometric mean over the problems, is at most 0.9 times the second's (partly: at most the second's)";

fn against(all: &[&Measured], law: Law, other: Law) -> Option<Seen> {
    let [most] = limits(REGRETS);
    let (own, its) = (regret(all, law)?, regret(all, other)?);
    let text = format!("{} against {}", number(Some(own)), number(Some(its)));
    Some(Seen::of(graded(own <= most * its, own <= its), text, own / its))
}

/// The rules that are drawn, with their colours.
const LINES: [(Law, usize); 3] = [(PLAIN, 6), (FORMULA, 4), (ROOT, 5)];

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
    let panel = |(_, method, momentum): &(&str, &str, f64)| {
        let of = |network: &&str| {
            let own = all.iter().filter(|one| one.method == *method && one.network == **network);
            Trace { dots: own.map(|one| (one.signal().log10(), one.best().0)).collect(), ..Trace::default() }
        };
        let law = |(_, of): Law| along.iter().map(|log| (*log, of(10f64.powf(*log), *momentum))).collect::<Trace>();
        ChartPanel {
            title: format!("{method}: the best σ"),
            scale: Scale::Linear,
            curves: networks.iter().map(of).chain(LINES.map(|(drawn, _)| law(drawn))).collect(),
            across: None,
            legend: Vec::new(),
        }
    };
    let dots = networks.iter().zip([0, 1, 2]).map(|(name, color)| ((*name).to_owned(), Look::solid(color)));
    let laws = LINES.map(|((name, _), color)| (name.to_owned(), Look::dashed(color)));
    let chart = Chart {
        title: "The best σ by the share of a batch's squared gradient that is signal".to_owned(),
        x_label: "log10 of m / (m + B): batch size m, noise scale B".to_owned(),
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
    fn results(best: impl Fn(f64, f64) -> f64) -> Results {
        let mut series = Vec::new();
        for (_, method, momentum) in NOISY {
            for (network, batch) in
                ["ConvNet", "MLP", "NanoLM"].into_iter().flat_map(|n| [16.0, 64.0, 256.0].map(|b| (n, b)))
            {
                let noise = 100.0;
                let least = best(batch / (batch + noise), momentum);
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
        let verdicts = |results: &Results| -> Vec<(String, Verdict)> {
            judge(results).into_iter().map(|claim| (claim.curve, claim.verdict)).collect()
        };
        // By m / (m + B), whatever the momentum.
        let plain = verdicts(&results(|signal, _| 2.0 * signal));
        assert_eq!(plain.len(), 2 * 27 + 3 * 4 + 5);
        let of = |all: &[(String, Verdict)], what: &str| {
            all.iter().filter(|(curve, _)| curve.contains(what)).map(|(_, verdict)| *verdict).collect::<Vec<_>>()
        };
        assert_eq!(of(&plain, "all: 2 m / (m + B) against"), [Shown; 3]);
        assert_eq!(of(&plain, "all: 2 √"), [NotShown]);
        assert_eq!(of(&plain, "momentum: 2 m / (m + B) against 2 m / (m + (1 − μ) B)"), [Shown]);
        // With the momentum in it.
        let momentum = verdicts(&results(|signal, momentum| 2.0 * with_momentum(signal, momentum)));
        assert_eq!(of(&momentum, "momentum: 2 m / (m + B) against 2 m / (m + (1 − μ) B)"), [NotShown]);
        assert_eq!(of(&momentum, "all: 2 m / (m + (1 − μ) B) against"), [Shown]);
        // By none.
        let steady = verdicts(&results(|_, _| 2.0));
        assert_eq!(of(&steady, "all: 2 m / (m + B) against σ 2"), [NotShown]);
        assert!(
            steady[2 * 27..].iter().filter(|(curve, _)| !curve.contains(':')).all(|(_, verdict)| *verdict == NotShown)
        );
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
        let Picture { drawing: Drawing::Curves(chart), csv } = draw(&results(|signal, _| 2.0 * signal)) else {
            panic!("expected curves")
        };
        assert_eq!((chart.panels.len(), chart.panels[0].curves.len(), chart.panels[0].curves[0].dots.len()), (3, 6, 3));
        assert_eq!(csv.lines().count(), 1 + 27 * SIGMAS.len());
    }
}
