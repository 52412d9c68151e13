use onedge_registry::{Entry, Error as SettingError};

use super::make::Make;
use super::schedule::Schedule;
use super::warmup::{Phase, SETTINGS, Warmup};

/// Linear warm-up, then a linear fall to zero.
///
/// `eta = rate t / W` for the first W steps, then `rate (1 - s)` with `s = (t - W) / (N - W)`; zero beyond the horizon
/// N.
///
/// Source: Roulet et al. 2024, arXiv 2407.06183, figure 19, warm-up 5, 10 or 20 % of the horizon.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WarmupLinear(Warmup);

impl WarmupLinear {
    /// After this warm-up.
    pub fn new(warmup: Warmup) -> Self {
        Self(warmup)
    }

    /// Peak `rate` and a horizon in steps, the first tenth of it warm-up.
    ///
    /// # Errors
    /// An argument out of its range.
    pub fn paper(rate: f64, horizon: u64) -> Result<Self, SettingError> {
        Ok(Self(Warmup::tenth(Self::NAME, rate, horizon)?))
    }
}

pub(super) static ENTRY: Entry<Make> = Entry {
    name: "warmup-linear",
    summary: "linear warm-up, then linear decay to zero",
    doc: "eta = rate t / W for t < W = warmup * horizon, then rate (1 - (t - W)/(N - W)), zero beyond the horizon N.",
    settings: SETTINGS,
    build: |settings| Ok(Box::new(WarmupLinear(Warmup::from_settings(WarmupLinear::NAME, settings)?))),
};

impl Schedule for WarmupLinear {
    const NAME: &'static str = "warmup-linear";

    fn rate_at(&self, step: u64) -> f64 {
        match self.0.phase(step) {
            Phase::Rising(rate) => rate,
            Phase::After(over) => self.0.peak() * (1.0 - over),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        let schedule = WarmupLinear::new(Warmup::new(8.0, 20, 0.2).unwrap());
        let rates: Vec<f64> = [0, 1, 4, 8, 12, 20, 99].map(|step| schedule.rate_at(step)).to_vec();
        let expected = [0.0, 2.0, 8.0, 6.0, 4.0, 0.0, 0.0];
        assert!(rates.iter().zip(expected).all(|(rate, expected)| (rate - expected).abs() < 1e-12), "{rates:?}");
        assert_eq!(WarmupLinear::paper(8.0, 20).unwrap(), WarmupLinear::new(Warmup::new(8.0, 20, 0.1).unwrap()));
    }
}
