//! Losses against numbers worked out by hand.

use std::collections::{BTreeMap, HashMap};

use onedge_graph::check::Subject;
use onedge_graph::reference::{Tensor, evaluate};
use onedge_graph::{Graph, NodeId, Shape};
use onedge_nn::{LossNodes, Target, losses};
use onedge_registry::Value;

/// A loss on two examples with given outputs.
struct Applied {
    graph: Graph,
    outputs: NodeId,
    values: HashMap<NodeId, Tensor>,
    nodes: LossNodes,
}

fn apply(name: &str, given: &[(&str, &str)], target: Target, outputs: [[f64; 3]; 2], targets: &[f64]) -> Applied {
    let given: BTreeMap<_, _> = given.iter().map(|(key, value)| ((*key).to_owned(), Value::parse(value))).collect();
    let mut graph = Graph::new();
    let (z, t) = (graph.input(Shape::new(&[2, 3])), graph.input(target.shape(2)));
    let nodes = losses::build(name, given).unwrap().nodes(&mut graph, z, t, target).unwrap();
    let values = HashMap::from([
        (z, Tensor::new(Shape::new(&[2, 3]), outputs.concat())),
        (t, Tensor::new(target.shape(2), targets.to_vec())),
    ]);
    Applied { graph, outputs: z, values, nodes }
}

impl Applied {
    fn losses(&self) -> Vec<f64> {
        evaluate(&self.graph, &self.values, &[self.nodes.losses]).remove(0).data
    }

    fn metric(&self) -> (&'static str, Vec<f64>) {
        let (name, node) = self.nodes.metrics[0];
        (name, evaluate(&self.graph, &self.values, &[node]).remove(0).data)
    }

    /// Curvature along the direction that the check chooses, and that direction.
    fn curvature(self) -> (f64, Vec<f64>) {
        let subject = Subject::new(self.graph, self.nodes.losses, vec![self.outputs], self.values, 3);
        (subject.curvature(), subject.direction().remove(0).data)
    }
}

fn assert_close(got: &[f64], expected: &[f64]) {
    assert_eq!(got.len(), expected.len());
    for (x, y) in got.iter().zip(expected) {
        assert!((x - y).abs() < 1e-14, "{got:?}, not {expected:?}");
    }
}

const CLASSES: Target = Target::Classes { count: 3 };

/// Logits `ln 1, ln 2, ln 5` have probabilities 1/8, 2/8, 5/8; `ln 3, ln 6, ln 1` have 3/10, 6/10, 1/10.
fn logits() -> [[f64; 3]; 2] {
    [[1f64, 2.0, 5.0].map(f64::ln), [3f64, 6.0, 1.0].map(f64::ln)]
}

#[test]
fn cross_entropy_is_minus_the_log_of_the_probability() {
    let applied = apply("cross-entropy", &[], CLASSES, logits(), &[2.0, 0.0]);
    assert_close(&applied.losses(), &[(8.0f64 / 5.0).ln(), (10.0f64 / 3.0).ln()]);
    assert_eq!(applied.metric(), ("accuracy", vec![1.0, 0.0]));
    // Per example: sum p t^2 - (sum p t)^2.
    let (curvature, t) = applied.curvature();
    let variance = |p: [f64; 3], t: &[f64]| {
        let mean: f64 = p.iter().zip(t).map(|(p, t)| p * t).sum();
        p.iter().zip(t).map(|(p, t)| p * t * t).sum::<f64>() - mean * mean
    };
    let expected = variance([0.125, 0.25, 0.625], &t[..3]) + variance([0.3, 0.6, 0.1], &t[3..]);
    assert_close(&[curvature], &[expected]);
}

#[test]
fn label_smoothing_mixes_in_the_uniform_distribution() {
    let applied = apply("cross-entropy", &[("label_smoothing", "0.3")], CLASSES, logits(), &[2.0, 0.0]);
    // 0.8 on the label, 0.1 on each other class.
    let first = 0.8 * (8f64 / 5.0).ln() + 0.1 * 8f64.ln() + 0.1 * 4f64.ln();
    let second = 0.8 * (10f64 / 3.0).ln() + 0.1 * (10f64 / 6.0).ln() + 0.1 * 10f64.ln();
    assert_close(&applied.losses(), &[first, second]);
}

#[test]
fn cross_entropy_stands_large_logits() {
    let applied = apply("cross-entropy", &[], CLASSES, [[1e4, -1e4, 0.0], [0.0, 0.0, -1e5]], &[1.0, 0.0]);
    assert_close(&applied.losses(), &[2e4, 2f64.ln()]);
    assert_eq!(applied.metric().1, [0.0, 0.5]);
}

#[test]
fn squared_loss_is_half_the_squared_distance() {
    let outputs = [[0.5, -1.0, 2.0], [0.25, 0.0, 1.5]];
    let applied = apply("squared", &[], CLASSES, outputs, &[2.0, 0.0]);
    // (0.25 + 1 + 1) / 2 and (0.5625 + 0 + 2.25) / 2.
    assert_close(&applied.losses(), &[1.125, 1.40625]);
    assert_eq!(applied.metric(), ("accuracy", vec![1.0, 0.0]));
    let (curvature, t) = applied.curvature();
    assert_close(&[curvature], &[t.iter().map(|t| t * t).sum()]);

    let targets = [0.0, 0.0, 1.0, 1.25, 0.5, 1.0];
    let applied = apply("squared", &[], Target::Values { width: 3 }, outputs, &targets);
    // (0.25 + 1 + 1) / 2 and (1 + 0.25 + 0.25) / 2; absolute errors 2.5 / 3 and 2 / 3.
    assert_close(&applied.losses(), &[1.125, 0.75]);
    let (name, errors) = applied.metric();
    assert_eq!(name, "absolute-error");
    assert_close(&errors, &[2.5 / 3.0, 2.0 / 3.0]);
}

#[test]
fn huber_is_squared_near_the_target_and_linear_beyond() {
    let outputs = [[0.5, -1.0, 2.0], [0.25, 0.0, 1.5]];
    let targets = [0.0, 0.5, 1.0, 1.25, 0.5, -2.5];
    let applied = apply("huber", &[("delta", "0.75")], Target::Values { width: 3 }, outputs, &targets);
    // Distances 0.5, -1.5, 1 and -1, -0.5, 4; beyond 0.75: 0.75 (|r| - 0.375).
    let beyond = |r: f64| 0.75 * (r - 0.375);
    assert_close(&applied.losses(), &[0.125 + beyond(1.5) + beyond(1.0), beyond(1.0) + 0.125 + beyond(4.0)]);
    assert_eq!(applied.metric(), ("absolute-error", vec![1.0, 5.5 / 3.0]));
    // Only what is near bends: the first of the first example and the second of the second.
    let (curvature, t) = applied.curvature();
    assert_close(&[curvature], &[t[0] * t[0] + t[4] * t[4]]);
}

#[test]
fn class_weights_multiply_the_loss_of_their_label() {
    let applied = apply("cross-entropy", &[("class_weights", "[0.5, 1, 3]")], CLASSES, logits(), &[2.0, 0.0]);
    assert_close(&applied.losses(), &[3.0 * (8f64 / 5.0).ln(), 0.5 * (10f64 / 3.0).ln()]);
}

const VALUES: Target = Target::Values { width: 3 };

/// With z = ln(q / (1 - q)) the loss is -t ln q - (1 - t) ln(1 - q), its second derivative q (1 - q).
#[test]
fn binary_cross_entropy_is_minus_the_log_of_each_probability() {
    let q = [[0.75, 0.2, 0.5], [0.9, 0.4, 0.25]];
    let z = q.map(|row| row.map(|q: f64| (q / (1.0 - q)).ln()));
    let targets = [1.0, 0.0, 1.0, 0.0, 0.25, 1.0];
    let applied = apply("binary-cross-entropy", &[], VALUES, z, &targets);
    let first = -(0.75f64.ln() + 0.8f64.ln() + 0.5f64.ln());
    let soft = -(0.25 * 0.4f64.ln() + 0.75 * 0.6f64.ln());
    assert_close(&applied.losses(), &[first, -(0.1f64.ln() + 0.25f64.ln()) + soft]);
    assert_eq!(applied.metric().0, "accuracy");
    assert_close(&applied.metric().1, &[2.5 / 3.0, 1.0 / 3.0]);
    let (curvature, u) = applied.curvature();
    let expected = q.concat().iter().zip(u).map(|(q, u)| q * (1.0 - q) * u * u).sum();
    assert_close(&[curvature], &[expected]);

    let settings = &[("positive_weights", "[2, 1, 0.5]")];
    let weighted = apply("binary-cross-entropy", settings, VALUES, z, &targets);
    let first = -(2.0 * 0.75f64.ln() + 0.8f64.ln() + 0.5 * 0.5f64.ln());
    assert_close(&weighted.losses(), &[first, -(0.1f64.ln() + 0.5 * 0.25f64.ln()) + soft]);

    let classes = apply("binary-cross-entropy", &[], CLASSES, z, &[0.0, 1.0]);
    let second = -(0.1f64.ln() + 0.4f64.ln() + 0.75f64.ln());
    assert_close(&classes.losses(), &[-(0.75f64.ln() + 0.8f64.ln() + 0.5f64.ln()), second]);
    assert_eq!(classes.metric(), ("accuracy", vec![1.0, 0.0]));
}

/// Both branches meet at a logit of 0: the slope is 1/2 - t, the second derivative 1/4.
#[test]
fn binary_cross_entropy_is_smooth_at_zero() {
    for target in [0.0, 1.0, 0.25] {
        let mut graph = Graph::new();
        let (z, t) = (graph.input(Shape::new(&[1, 1])), graph.input(Shape::new(&[1, 1])));
        let loss = losses::build("binary-cross-entropy", BTreeMap::new()).unwrap();
        let nodes = loss.nodes(&mut graph, z, t, Target::Values { width: 1 }).unwrap();
        let number = |x: f64| Tensor::new(Shape::new(&[1, 1]), vec![x]);
        let values = HashMap::from([(z, number(0.0)), (t, number(target))]);
        let subject = Subject::new(graph, nodes.losses, vec![z], values, 1);
        let u = subject.direction()[0].data[0];
        assert_close(&[subject.loss(0.0), subject.reverse_slope(0.0)], &[2f64.ln(), (0.5 - target) * u]);
        assert_close(&[subject.curvature()], &[0.25 * u * u]);
    }
}

#[test]
fn hinge_is_what_margins_lack() {
    let z = [[0.5, -2.0, 1.5], [-0.25, 1.0, 3.0]];
    let applied = apply("hinge", &[], VALUES, z, &[1.0, 0.0, 0.0, 1.0, 1.0, 1.0]);
    // Margins 0.5, 2, -1.5 and -0.25, 1, 3.
    assert_close(&applied.losses(), &[0.5 + 2.5, 1.25]);
    assert_eq!(applied.metric(), ("accuracy", vec![2.0 / 3.0, 2.0 / 3.0]));
    // Of the label 0: the others come to -1.5 and 2; of the label 2: -2.25 and -1.
    let worst = apply("hinge", &[], CLASSES, z, &[0.0, 2.0]);
    assert_close(&worst.losses(), &[2.0, 0.0]);
    assert_eq!(worst.metric(), ("accuracy", vec![0.0, 1.0]));
    let all = apply("hinge", &[("multiclass", "sum")], CLASSES, z, &[1.0, 0.0]);
    assert_close(&all.losses(), &[3.5 + 4.5, 2.25 + 4.25]);
}

#[test]
fn poisson_is_minus_the_log_of_the_probability_of_the_counts() {
    let z = [[2f64, 0.5, 3.0], [1f64, 4.0, 20.0]].map(|row| row.map(f64::ln));
    let targets = [3.0, 0.0, 1.0, 0.5, 10.0, 170.0];
    let bare = |rate: f64, t: f64| rate - t * rate.ln();
    let expected = [bare(2.0, 3.0) + 0.5 + bare(3.0, 1.0), bare(1.0, 0.5) + bare(4.0, 10.0) + bare(20.0, 170.0)];
    let applied = apply("poisson", &[], VALUES, z, &targets);
    for (got, expected) in applied.losses().iter().zip(expected) {
        assert!((got - expected).abs() < 1e-12, "{got}, not {expected}");
    }
    let (name, errors) = applied.metric();
    assert_eq!(name, "absolute-error");
    assert!((errors[0] - 3.5 / 3.0).abs() < 1e-14 && (errors[1] - 156.5 / 3.0).abs() < 1e-13, "{errors:?}");
    // ln 3! + ln 0! + ln 1!, and ln Gamma(1.5) = ln(sqrt(pi) / 2), ln 10!, and ln 170! as the sum of logarithms.
    let root = (std::f64::consts::PI.sqrt() / 2.0).ln();
    let factorial = |n: u32| (1..=n).map(|i| f64::from(i).ln()).sum::<f64>();
    let constants = [6f64.ln(), root + factorial(10) + factorial(170)];
    let full = apply("poisson", &[("constant", "true")], VALUES, z, &targets).losses();
    for ((got, bare), constant) in full.iter().zip(expected).zip(constants) {
        assert!((got - bare - constant).abs() < 1e-10, "{got}, not {}", bare + constant);
    }
    let (curvature, u) = applied.curvature();
    let expected: f64 = z.concat().iter().zip(u).map(|(z, u)| z.exp() * u * u).sum();
    assert!((curvature - expected).abs() < 1e-12);
}

#[test]
fn settings_and_targets_out_of_range_are_named() {
    let build = |s: f64| losses::build("cross-entropy", BTreeMap::from([("label_smoothing".into(), Value::Number(s))]));
    for s in [1.0, -0.1, f64::NAN] {
        let message = build(s).unwrap_err().to_string();
        let expected = "cross-entropy.label_smoothing: expected a number from 0 up to, not including, 1, got ";
        assert!(message.starts_with(expected), "{message}");
    }
    let mut g = Graph::new();
    let (z, t) = (g.input(Shape::new(&[2, 3])), g.input(Shape::new(&[2, 3])));
    let error = build(0.0).unwrap().nodes(&mut g, z, t, Target::Values { width: 3 }).unwrap_err();
    assert_eq!(error.to_string(), "cross-entropy: expected classes as targets, got 3 values; try the loss `squared`");
    assert_eq!(
        losses::build("cross-entrop", BTreeMap::new()).unwrap_err().to_string(),
        "unknown loss `cross-entrop`, expected one of the known names; try `cross-entropy`"
    );
}
