/// Which of two values of a metric is the better one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The smaller one.
    Lower,
    /// The larger one.
    Higher,
}

/// The metrics of which it is known, `loss` among them.
const KNOWN: [(&str, Direction); 5] = [
    ("loss", Direction::Lower),
    ("accuracy", Direction::Higher),
    ("top-5-accuracy", Direction::Higher),
    ("absolute-error", Direction::Lower),
    ("r-squared", Direction::Higher),
];

impl Direction {
    /// That of the metric `name`, as losses call it; `None` for a metric of a loss of one's own.
    pub fn of(name: &str) -> Option<Self> {
        KNOWN.iter().find(|(known, _)| *known == name).map(|(_, direction)| *direction)
    }

    /// Whether `value` is better than `other`, neither of them NaN.
    pub fn is_better(self, value: f64, other: f64) -> bool {
        match self {
            Self::Lower => value < other,
            Self::Higher => value > other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Target, losses};
    use onedge_graph::{Graph, Shape};

    #[test]
    fn it_is_known_of_every_metric_of_every_loss() {
        for entry in losses::ALL {
            let loss = losses::build(entry.name, Default::default()).unwrap();
            for target in [Target::Classes { count: 7 }, Target::Values { width: 2 }] {
                let Ok(loss) = loss.on(target, &[0.0, 1.0, 1.0, 0.0]) else { continue };
                let mut g = Graph::new();
                let outputs = g.input(Shape::new(&[2, target.outputs()]));
                let targets = g.input(target.shape(2));
                let Ok(nodes) = loss.nodes(&mut g, outputs, targets, target) else { continue };
                for (name, _) in nodes.metrics {
                    assert!(Direction::of(name).is_some(), "{name} of {}", entry.name);
                }
            }
        }
        assert_eq!(Direction::of("f1"), None);
    }

    #[test]
    fn equal_is_not_better() {
        assert!(Direction::Lower.is_better(0.5, 1.0) && !Direction::Lower.is_better(1.0, 1.0));
        assert!(Direction::Higher.is_better(1.0, 0.5) && !Direction::Higher.is_better(0.5, 0.5));
    }
}
