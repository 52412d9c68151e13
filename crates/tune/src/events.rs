use onedge_objective::{Reader, State};

use crate::Error;

/// How often a tuner met what its formula does not provide for. What it then does is stated in its file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Events {
    /// The slope was zero or positive: the update is no descent direction.
    pub non_descent: u64,
    /// The curvature, or the sharpness, was negative.
    pub negative_curvature: u64,
    /// A denominator was zero, or so small that the rate was not finite.
    pub vanishing_denominator: u64,
    /// A trial value was NaN or infinite.
    pub non_finite: u64,
    /// A linesearch found no rate that meets its condition.
    pub gave_up: u64,
    /// The rate was cut at the cap, or its growth at the most that a step may grow it.
    pub capped: u64,
    /// The rate was raised to the smallest allowed, or its fall held to the most that a step may shrink it.
    pub floored: u64,
    /// The loss was below the smallest loss that the tuner was told to expect.
    pub below_floor: u64,
    /// A safeguard held a step back: at the start, in its growth, at the edge of its batch.
    pub held_back: u64,
    /// The loss did not fall, and steps were made shorter for it.
    pub backed_off: u64,
    /// The curvature was predicted and not measured.
    pub predicted: u64,
    /// A sharpness was used that had not converged when its products ran out.
    pub unconverged: u64,
}

impl Events {
    /// Every count with its name, in a fixed order.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let Self {
            non_descent,
            negative_curvature,
            vanishing_denominator,
            non_finite,
            gave_up,
            capped,
            floored,
            below_floor,
            held_back,
            backed_off,
            predicted,
            unconverged,
        } = *self;
        [
            ("non_descent", non_descent),
            ("negative_curvature", negative_curvature),
            ("vanishing_denominator", vanishing_denominator),
            ("non_finite", non_finite),
            ("gave_up", gave_up),
            ("capped", capped),
            ("floored", floored),
            ("below_floor", below_floor),
            ("held_back", held_back),
            ("backed_off", backed_off),
            ("predicted", predicted),
            ("unconverged", unconverged),
        ]
        .into_iter()
    }

    /// A state that holds the counts, for a tuner to add to.
    pub fn state(&self) -> State<f64> {
        self.iter().fold(State::new(), |state, (name, count)| state.with_scalar(name, count as f64))
    }

    /// The counts that [`state`](Self::state) put there.
    ///
    /// # Errors
    /// A state without them.
    pub fn read(reader: &mut Reader<f64>) -> Result<Self, Error> {
        Ok(Self {
            non_descent: reader.count("non_descent")?,
            negative_curvature: reader.count("negative_curvature")?,
            vanishing_denominator: reader.count("vanishing_denominator")?,
            non_finite: reader.count("non_finite")?,
            gave_up: reader.count("gave_up")?,
            capped: reader.count("capped")?,
            floored: reader.count("floored")?,
            below_floor: reader.count("below_floor")?,
            // Checkpoints of before there were these counts lack them.
            held_back: reader.optional_scalar("held_back").unwrap_or_default() as u64,
            backed_off: reader.optional_scalar("backed_off").unwrap_or_default() as u64,
            predicted: reader.optional_scalar("predicted").unwrap_or_default() as u64,
            unconverged: reader.count("unconverged")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_holds_every_count() {
        let events = Events {
            non_descent: 1,
            negative_curvature: 2,
            vanishing_denominator: 3,
            non_finite: 4,
            gave_up: 5,
            capped: 6,
            floored: 7,
            below_floor: 8,
            held_back: 9,
            backed_off: 10,
            predicted: 11,
            unconverged: 12,
        };
        assert_eq!(events.iter().map(|(_, count)| count).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
        let mut reader = events.state().reader("test");
        assert_eq!(Events::read(&mut reader).unwrap(), events);
        reader.finish().unwrap();
    }
}
