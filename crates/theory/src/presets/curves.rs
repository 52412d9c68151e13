use std::fmt::Write;

use crate::presets::Claim;
use crate::stochastic::Noise;
use crate::tuners::Lag;
use crate::{Point, Time, Trajectory};

/// Runs side by side, with what they must show.
#[derive(Debug, Clone, PartialEq)]
pub struct Curves {
    /// A heading.
    pub title: String,
    /// The runs.
    pub curves: Vec<Curve>,
    /// Ours, not the paper's; none in its figures.
    pub noise: Noise,
    /// What a picture of them shows.
    pub quantities: &'static [Quantity],
    /// What the paper says of them, each against the numbers. Empty for runs that the paper does not have.
    pub claims: Vec<Claim>,
}

/// A run with its name.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// What the legend calls it.
    pub label: String,
    /// Whether it is the paper's model as printed, or a variant of it.
    pub convention: Convention,
    /// What happened.
    pub trajectory: Trajectory,
}

/// How a run's equations are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Convention {
    /// As the paper prints them.
    Printed,
    /// Otherwise: equation (4) semi-implicit, or (10) without its lag.
    Other,
}

/// What can be read off a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantity {
    /// The learning rate.
    Eta,
    /// The sharpness.
    Lambda,
    /// `eta lambda - 2`
    Y,
    /// `x^2`
    P,
}

impl Convention {
    /// Of a run.
    pub fn of(time: Time, lag: Lag) -> Self {
        if (time, lag) == (Time::Printed, Lag::Printed) { Self::Printed } else { Self::Other }
    }
}

impl Quantity {
    /// The value at a point.
    pub fn of(self, point: &Point) -> f64 {
        match self {
            Self::Eta => point.eta,
            Self::Lambda => point.lambda,
            Self::Y => point.y,
            Self::P => point.p,
        }
    }

    /// Its symbol and name.
    pub fn title(self) -> &'static str {
        match self {
            Self::Eta => "η, learning rate",
            Self::Lambda => "λ, sharpness",
            Self::Y => "y = ηλ − 2",
            Self::P => "p = x², squared displacement",
        }
    }
}

impl Curves {
    /// All points of all runs as CSV, with the heading `run,step,eta,lambda,y,x,p,q`; of long runs the first hundred
    /// steps and then so many evenly spaced ones that each run has about a thousand lines. The last is always there.
    pub fn csv(&self) -> String {
        let mut text = String::from("run,step,eta,lambda,y,x,p,q\n");
        for Curve { label, trajectory, .. } in &self.curves {
            let count = trajectory.points.len();
            let stride = (count / 1000).max(1);
            let label = label.replace('"', "\"\"");
            for (index, point) in trajectory.points.iter().enumerate() {
                if index <= 100 || index.is_multiple_of(stride) || index + 1 == count {
                    let Point { step, eta, lambda, y, p, x, q } = point;
                    // Writing to a string cannot fail.
                    let _ = writeln!(text, "\"{label}\",{step},{eta:e},{lambda:e},{y:e},{x:e},{p:e},{q:e}");
                }
            }
        }
        text
    }
}
