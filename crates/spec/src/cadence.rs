use std::time::Duration;

/// When checkpoints are written, and how many of them are kept.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cadence {
    /// Every so many steps; 0: not by steps.
    pub every: u64,
    /// After so many minutes since the last one; 0: not by time.
    pub minutes: f64,
    /// How many of the last ones are kept; 0: all.
    pub keep: usize,
}

impl Cadence {
    /// Whether none is ever written.
    pub fn is_off(&self) -> bool {
        self.every == 0 && self.minutes == 0.0
    }

    /// Whether one is due before this step, so long after the last one.
    pub fn is_due(&self, step: u64, since: Duration) -> bool {
        let by_steps = self.every > 0 && step.is_multiple_of(self.every);
        by_steps || self.minutes > 0.0 && since.as_secs_f64() >= 60.0 * self.minutes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_steps_by_time_or_never() {
        let due = |every, minutes, step, secs| {
            Cadence { every, minutes, keep: 2 }.is_due(step, Duration::from_secs_f64(secs))
        };
        assert!(due(10, 0.0, 20, 0.0) && !due(10, 0.0, 21, 1e9));
        assert!(due(0, 0.5, 7, 30.0) && !due(0, 0.5, 7, 29.0));
        assert!(due(10, 0.5, 7, 30.0) && due(10, 0.5, 20, 0.0));
        assert!(!due(0, 0.0, 20, 1e9) && Cadence { every: 0, minutes: 0.0, keep: 2 }.is_off());
    }
}
