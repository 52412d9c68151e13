use onedge_registry::{Default, Entry, Error, Kind, Setting, Settings, setting};

use super::conditions::{P0, STEPS, TIME, positive, steps, times};
use super::verdict::{Judge, Verdict, below, digits, growth, whether};
use super::{Claim, Convention, Curve, Curves, Make, Outcome, Quantity};
use crate::spiral::period;
use crate::stochastic::Noise;
use crate::tuners::{Classical, Constant, Lag, Tuner};
use crate::{Parameters, Point, Start, Stop, Study, Time, Trajectory, simulate};

pub(super) const SETTINGS: &[Setting] = &[
    setting("a", Kind::Number, Default::Is("0.03"), "progressive sharpening, at the constant rate"),
    setting("b", Kind::Number, Default::Is("0.3"), "self-stabilisation, at the constant rate"),
    setting("eta", Kind::Number, Default::Is("1.0"), "the constant rate, and the tuner's first"),
    setting("lambda0", Kind::Number, Default::Is("1.9"), "sharpness at the start of the constant rate (not printed)"),
    setting("tuner_a", Kind::Number, Default::Is("1.0"), "a, of the tuner"),
    setting("tuner_b", Kind::Number, Default::Is("0.5"), "b, of the tuner"),
    setting("e", Kind::Number, Default::Is("0.05"), "the tuner's rate is 2 (1 - e) / lambda"),
    Setting { default: Default::Is("0.05"), help: "squared displacement at the start (not printed)", ..P0 },
    Setting { default: Default::Is("both"), help: "which x (4) reads: printed, semi-implicit or both", ..TIME },
    Setting { default: Default::Is("300"), ..STEPS },
];

pub(super) static ENTRY: Entry<Make> = Entry {
    name: "figure-4",
    summary: "a constant rate against eta = 1.9 / lambda: rate, sharpness, y",
    doc: "Equation (4) at a constant rate and with the classical tuner (6). The paper does not print where the \
          constant rate starts, nor p at the start. Roulet et al. 2024, arXiv 2407.06183, figure 4; after Damian, \
          Nichani, Lee 2023, arXiv 2209.15594. Cost: some twenty operations a step.",
    settings: SETTINGS,
    build: |settings| make(settings, "figure 4", &[Quantity::Eta, Quantity::Lambda, Quantity::Y]),
};

/// Figures 4 and 10 are of the same runs; the second shows p, and what is said of it.
pub(super) fn make(settings: &Settings, figure: &str, quantities: &'static [Quantity]) -> Result<Outcome, Error> {
    let (eta, p) = (positive(settings, "eta")?, positive(settings, "p0")?);
    let e = settings.number_where("e", "a number from 0.001 to 0.999", |e| (0.001..=0.999).contains(&e))?;
    let constant = (
        Parameters { a: positive(settings, "a")?, b: positive(settings, "b")?, nu: 0.0 },
        Start { eta, lambda: positive(settings, "lambda0")?, p, q: 0.0 },
    );
    let tuned = (
        Parameters { a: positive(settings, "tuner_a")?, b: positive(settings, "tuner_b")?, nu: 0.0 },
        Start { eta, lambda: 2.0 * (1.0 - e) / eta, p, q: 0.0 },
    );
    let (times, steps) = (times(settings)?, steps(settings)?);
    let run = |tuner: &dyn Tuner, (parameters, start): (Parameters, Start), time| {
        simulate(&Study { parameters, time, start, tuner, noise: Noise::NONE, steps })
    };
    let with_p = quantities.contains(&Quantity::P);
    let (mut curves, mut claims) = (Vec::new(), Vec::new());
    for &time in &times {
        let label = format!("constant rate{}", called(time));
        let trajectory = run(&Constant, constant, time);
        claims.extend(of_constant(&label, &trajectory, (constant.0, eta, time), with_p));
        curves.push(Curve { label, convention: Convention::of(time, Lag::Printed), trajectory });
    }
    for &time in &times {
        let label = format!("rate {} / lambda{}", ((2.0 - 2.0 * e) * 1e6).round() / 1e6, called(time));
        let trajectory = run(&Classical::new(e), tuned, time);
        claims.extend(of_tuner(&label, &trajectory, e, with_p));
        curves.push(Curve { label, convention: Convention::of(time, Lag::Printed), trajectory });
    }
    let title = format!("simplified model, {figure}: a constant rate and a classical tuner");
    Ok(Outcome::Curves(Curves { title, curves, noise: Noise::NONE, quantities, claims }))
}

fn called(time: Time) -> &'static str {
    match time {
        Time::Printed => "",
        Time::SemiImplicit => ", semi-implicit",
    }
}

fn of_constant(
    label: &str,
    run: &Trajectory,
    (parameters, eta, time): (Parameters, f64, Time),
    with_p: bool,
) -> Vec<Claim> {
    let mut judge = Judge::new(label, run);
    let resting = parameters.a / parameters.b;
    judge.must_on_the_way("y oscillates round 0", |points, _| {
        let turns = turns(points, |point| point.y);
        let measured = match steps_per_turn(&turns) {
            Some(steps) => format!(
                "turns {} times, in {} steps a round ({} near rest)",
                turns.len(),
                digits(steps),
                digits(period(parameters.a, eta, time))
            ),
            None => format!("turns {} times", turns.len()),
        };
        (whether(turns.len() >= 4), measured)
    });
    judge.must_on_the_way("lambda stabilises", |points, stop| settles(points, stop, |point| point.lambda, 2.0 / eta));
    if with_p {
        judge.must_on_the_way("p stays near a/b", |points, stop| settles(points, stop, |point| point.p, resting));
    }
    judge.claims()
}

fn of_tuner(label: &str, run: &Trajectory, e: f64, with_p: bool) -> Vec<Claim> {
    let mut judge = Judge::new(label, run);
    judge.must("y is fixed under 0", |points| {
        let away = points.iter().map(|point| (point.y + 2.0 * e).abs()).fold(0.0, f64::max);
        (below(away, (1e-9, 1e-3)), format!("y = -2e = {} at every step, within {away:.0e}", digits(-2.0 * e)))
    });
    judge.must("lambda grows", |points| {
        let growth = growth(points, |point| point.lambda);
        (
            whether(growth > 1.05),
            format!("from {}, times {} over the second half", ends(points, |p| p.lambda), digits(growth)),
        )
    });
    judge.must("eta falls", |points| {
        let growth = growth(points, |point| point.eta);
        (
            whether(growth < 1.0 / 1.05),
            format!("from {}, times {} over the second half", ends(points, |p| p.eta), digits(growth)),
        )
    });
    if with_p {
        judge.must("p -> 0", |points| {
            let share = points[points.len() - 1].p / points[0].p;
            (below(share, (1e-6, 1e-1)), format!("from {}", ends(points, |point| point.p)))
        });
    }
    judge.claims()
}

/// From where to where.
fn ends(points: &[Point], of: impl Fn(&Point) -> f64) -> String {
    format!("{} to {}", digits(of(&points[0])), digits(of(&points[points.len() - 1])))
}

/// The steps at which a quantity changed its sign.
fn turns(points: &[Point], of: impl Fn(&Point) -> f64) -> Vec<usize> {
    points.windows(2).filter(|pair| (of(&pair[0]) > 0.0) != (of(&pair[1]) > 0.0)).map(|pair| pair[1].step).collect()
}

fn steps_per_turn(turns: &[usize]) -> Option<f64> {
    let (first, last) = (turns.first()?, turns.last()?);
    (turns.len() > 2).then(|| 2.0 * (last - first) as f64 / (turns.len() - 1) as f64)
}

/// Whether a quantity stays where it would rest. At a constant rate lambda swings just as y does, so that it has settled if
/// the swings do not grow and go round the resting value: shown if the last is at most 1.05 times the first and its mean is
/// within 5 % of that value, partly at 1.25 times and 25 %.
fn settles(points: &[Point], stop: Stop, of: impl Fn(&Point) -> f64, resting: f64) -> (Verdict, String) {
    let turns = turns(points, |point| point.y);
    // One turn is three changes of sign, from the first to the third.
    let (Some(first), Some(last)) = (turns.windows(3).next(), turns.windows(3).last()) else {
        return (Verdict::NotShown, "not one turn".to_owned());
    };
    let values = |turn: &[usize]| -> Vec<f64> {
        points.iter().filter(|point| (turn[0]..turn[2]).contains(&point.step)).map(&of).collect()
    };
    let range = |turn: &[usize]| {
        values(turn).into_iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)))
    };
    let ((low, high), (last_low, last_high)) = (range(first), range(last));
    let grown = (last_high - last_low) / (high - low);
    let last_values = values(last);
    let mean = last_values.iter().sum::<f64>() / last_values.len() as f64;
    let away = (mean / resting - 1.0).abs();
    let verdict = if stop.is_success() { below((grown - 1.0).max(away), (0.05, 0.25)) } else { Verdict::NotShown };
    let (first, last) =
        (format!("{}..{}", digits(low), digits(high)), format!("{}..{}", digits(last_low), digits(last_high)));
    let ended = if stop.is_success() { String::new() } else { format!(", then {stop}") };
    let rests = format!("round {}, would rest at {}", digits(mean), digits(resting));
    (verdict, format!("first turn {first}, last {last} {rests}{ended}"))
}
