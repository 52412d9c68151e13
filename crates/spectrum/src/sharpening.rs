/// The rate of progressive sharpening: the change of the sharpness over that of the time of gradient flow,
/// `(lambda_t - lambda_s) / sum of the learning rates between`. Positive while sharpness grows.
///
/// `None` at the first measurement and where no time has passed.
///
/// Source: progressive sharpening is that of Cohen et al. 2021, arXiv 2103.00065; as a rate in flow time Damian, Nichani, Lee 2023,
/// arXiv 2209.15594 (their alpha).
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Sharpening {
    time: f64,
    last: Option<(f64, f64)>,
}

impl Sharpening {
    /// Nothing measured yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// After so much time, with the last measurement at a time, if there was one: what [`time`](Self::time) and
    /// [`last`](Self::last) tell.
    pub fn at(time: f64, last: Option<(f64, f64)>) -> Self {
        Self { time, last }
    }

    /// The time of gradient flow: the sum of all learning rates so far.
    pub fn time(&self) -> f64 {
        self.time
    }

    /// The time of the last measurement and the sharpness then.
    pub fn last(&self) -> Option<(f64, f64)> {
        self.last
    }

    /// A step with this learning rate was taken.
    pub fn advance(&mut self, learning_rate: f64) {
        self.time += learning_rate;
    }

    /// The rate since the last measurement, given the sharpness now.
    pub fn measure(&mut self, sharpness: f64) -> Option<f64> {
        let last = self.last.replace((self.time, sharpness));
        last.filter(|(time, _)| *time != self.time).map(|(time, before)| (sharpness - before) / (self.time - time))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        let mut sharpening = Sharpening::new();
        assert_eq!(sharpening.measure(3.0), None);
        assert_eq!(sharpening.measure(4.0), None);
        sharpening.advance(0.25);
        sharpening.advance(0.25);
        assert_eq!(sharpening.measure(5.0), Some(2.0));
    }
}
