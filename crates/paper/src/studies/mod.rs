//! Studies of our own beyond the paper, one file each.

mod generalisation;
mod measures;
mod noise;
mod optimizers;
mod ranks;
mod scale;
mod stochastic;

use onedge_registry::Entry;
use onedge_sweep::compare::Point;

use crate::Exhibit;
use crate::judge::over_seeds;
use crate::results::mean;

/// Every study.
pub static STUDIES: &[&Entry<Exhibit>] =
    &[&optimizers::ENTRY, &measures::ENTRY, &stochastic::ENTRY, &noise::ENTRY, &scale::ENTRY, &generalisation::ENTRY];

/// The loss of a point where it has cost as much as the runs of another in all, the mean over its seeds.
fn at_cost(point: &Point, other: &Point) -> Option<f64> {
    let budget = mean(&other.runs.iter().map(|run| run.summary.cost).collect::<Vec<_>>())?;
    over_seeds(point, |run| run.records.iter().rev().find(|record| record.cost <= budget).map(|record| record.loss))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::samples::run;
    use onedge_record::Record;

    #[test]
    fn losses_are_compared_at_equal_cost() {
        let falling = |cost: f64| {
            let mut run = run(10, |step| Record {
                loss: 10.0 - step as f64,
                cost: cost * (step + 1) as f64,
                ..Record::default()
            });
            run.summary.cost = 10.0 * cost;
            Point { label: String::new(), runs: vec![run] }
        };
        assert_eq!(at_cost(&falling(5.0), &falling(3.0)), Some(5.0));
        assert_eq!((at_cost(&falling(3.0), &falling(3.0)), at_cost(&falling(99.0), &falling(3.0))), (Some(1.0), None));
    }
}
