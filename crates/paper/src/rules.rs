//! Learning-rate rules as settings of a spec, each with the name that it has in tables.

use onedge_registry::Value;
use onedge_sweep::compare::Point;

/// A learning-rate rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// What tells it apart from the others of its grid: `rate=0.1`.
    pub label: String,
    /// The dotted keys that it sets.
    pub(super) settings: Vec<(&'static str, Value)>,
}

impl Rule {
    fn new(label: String, tuner: &str, settings: &[(&'static str, f64)]) -> Self {
        let name = ("tuner.name", Value::Text(tuner.to_owned()));
        let numbers = settings.iter().map(|&(key, number)| (key, Value::Number(number)));
        Self { label, settings: std::iter::once(name).chain(numbers).collect() }
    }

    /// The same with one key more.
    fn with(mut self, key: &'static str, value: Value) -> Self {
        self.settings.push((key, value));
        self
    }

    /// The name of its tuner.
    pub(super) fn tuner(&self) -> &str {
        match self.settings.first() {
            Some((_, Value::Text(name))) => name,
            _ => "",
        }
    }
}

/// A constant rate.
pub(super) fn constant(rate: f64) -> Rule {
    Rule::new(format!("rate={}", short(rate)), "constant", &[("tuner.rate", rate)])
}

/// CDAT: sigma 1 is the greedy rule, 2 the edge.
pub(super) fn cdat(sigma: f64, beta: f64) -> Rule {
    let average = if beta == 0.0 { String::new() } else { format!(" beta={beta}") };
    let settings = [("tuner.sigma", sigma), ("tuner.beta", beta)];
    // The paper's rule: what runs without asking for it is another.
    Rule::new(format!("sigma={sigma}{average}"), "cdat", &settings)
        .with("tuner.preset", Value::Text("paper".to_owned()))
}

/// The sigma of a point of CDAT, from its label, which starts `sigma=2`.
pub(super) fn sigma(point: &Point) -> Option<f64> {
    point.label.strip_prefix("sigma=")?.split(' ').next()?.parse().ok()
}

/// The Armijo linesearch.
pub(super) fn linesearch(c: f64, c_plus: f64, c_minus: f64, delta: f64) -> Rule {
    let slack = if delta == 0.0 { String::new() } else { format!(" delta={delta}") };
    let settings = [("tuner.c", c), ("tuner.c_plus", c_plus), ("tuner.c_minus", c_minus), ("tuner.delta", delta)];
    Rule::new(format!("c={c} c_plus={c_plus} c_minus={c_minus}{slack}"), "armijo", &settings)
}

/// The paper's grid of linesearches, all sixteen.
pub(super) fn linesearches() -> Vec<Rule> {
    let mut rules = Vec::new();
    for (c, delta) in [(0.0, 0.0), (0.0, 1e-3), (1e-4, 0.0), (0.5, 0.0)] {
        for c_plus in [4.0, f64::INFINITY] {
            rules.extend([0.8, 0.9].map(|c_minus| linesearch(c, c_plus, c_minus, delta)));
        }
    }
    rules
}

/// A schedule by its name, with this peak, share of warm-up and horizon.
pub(super) fn schedule(name: &'static str, rate: f64, warmup: f64, horizon: u64) -> Rule {
    let label =
        format!("{} rate={} warmup={warmup} horizon={horizon}", name.trim_start_matches("warmup-"), short(rate));
    let settings = [("tuner.rate", rate), ("tuner.warmup", warmup)];
    Rule::new(label, name, &settings).with("tuner.horizon", Value::Integer(horizon as i64))
}

/// Polyak's rate with this cap.
pub(super) fn polyak(cap: f64) -> Rule {
    Rule::new(format!("cap={cap}"), "polyak", &[("tuner.cap", cap)])
}

/// The multiplicative hypergradient rule.
pub(super) fn hypergradient(rate: f64, beta: f64) -> Rule {
    let settings = [("tuner.rate", rate), ("tuner.beta", beta)];
    Rule::new(format!("rate={} beta={beta}", short(rate)), "hypergradient", &settings)
}

/// sigma over the exact sharpness.
pub(super) fn sharpness(sigma: f64) -> Rule {
    Rule::new(format!("sigma={sigma}"), "sharpness", &[("tuner.sigma", sigma)])
}

/// sigma over another measure of sharpness, by the tuner of its name.
pub(super) fn by_measure(tuner: &str, sigma: f64) -> Rule {
    Rule::new(format!("sigma={sigma}"), tuner, &[("tuner.sigma", sigma)])
}

/// sigma over the sharpness that so many parts of the batch feel along their own gradients.
pub(super) fn batch_sharpness(sigma: f64, parts: i64) -> Rule {
    by_measure("batch-sharpness", sigma).with("tuner.parts", Value::Integer(parts))
}

/// `base * 2^i` for i of the range.
pub(super) fn powers(base: f64, exponents: std::ops::RangeInclusive<i32>) -> Vec<f64> {
    exponents.map(|i| base * 2f64.powi(i)).collect()
}

/// Four digits at most.
fn short(value: f64) -> String {
    let rounded: f64 = format!("{value:.3e}").parse().unwrap_or(value);
    if (1e-3..1e4).contains(&rounded) { rounded.to_string() } else { format!("{rounded:e}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_tell_the_rules_of_a_grid_apart() {
        let mut labels: Vec<String> = linesearches().into_iter().map(|rule| rule.label).collect();
        assert_eq!((labels.len(), labels[3].as_str()), (16, "c=0 c_plus=inf c_minus=0.9"));
        labels.sort();
        labels.dedup();
        assert_eq!(labels.len(), 16);
        assert_eq!(powers(1e-3, -1..=1), [5e-4, 1e-3, 2e-3]);
        assert_eq!([5e-4, 0.1, 1.0 / 3.0].map(|rate| constant(rate).label), ["rate=5e-4", "rate=0.1", "rate=0.3333"]);
        assert_eq!(cdat(2.0, 0.9).label, "sigma=2 beta=0.9");
        let cosine = schedule("warmup-cosine", 0.1, 0.1, 500);
        assert_eq!(cosine.label, "cosine rate=0.1 warmup=0.1 horizon=500");
    }
}
