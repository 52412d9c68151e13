//! Every activation with every loss on a small network, against differences and identities.

mod common;

use std::collections::{BTreeMap, HashMap};

use common::SMALL;
use onedge_graph::check::{Subject, sample};
use onedge_graph::{Domain, LossGraph};
use onedge_nn::{Error, Io, Range, Target, activations, initial_parameters, loss_graph, losses, models};
use onedge_registry::Value;

const BATCH: usize = 4;

/// A network 6-5-7-3 on examples of shape `[2, 3]`, or the linear model.
fn chunk(
    model: &str,
    activation: &str,
    loss: &str,
    setting: Option<(&str, &str)>,
    target: Target,
) -> Result<LossGraph, Error> {
    let mut given = BTreeMap::new();
    if model == "mlp" {
        given.insert("hidden".to_owned(), Value::parse("[5, 7]"));
        given.insert("activation".to_owned(), Value::parse(activation));
    }
    let model = models::build(model, given, &Io::new(&[2, 3], 3)?)?;
    let setting = setting.map(|(key, value)| (key.to_owned(), Value::parse(value)));
    loss_graph(&model, &losses::build(loss, setting.into_iter().collect())?, target, BATCH)
}

/// Checks `chunk` near `start`, at sample parameters if that is empty.
fn check(chunk: LossGraph, target: Target, range: Range, start: &[f64], what: &str) {
    let mut values = HashMap::new();
    let (scale, factor) = if start.is_empty() { (1.0, 1.0) } else { (0.1, 0.2) };
    let mut start = start.iter();
    for (i, id) in chunk.parameters.iter().enumerate() {
        let mut value = sample(chunk.graph.shape(*id), Domain::Real, i);
        value.data.iter_mut().for_each(|x| *x = *x * scale + start.next().unwrap_or(&0.0));
        values.insert(*id, value);
    }
    values.insert(chunk.fields[0], sample(chunk.graph.shape(chunk.fields[0]), Domain::Real, chunk.parameters.len()));
    if let Target::Tokens { count, .. } = target {
        values.insert(chunk.fields[0], sample(chunk.graph.shape(chunk.fields[0]), Domain::Index(count), 5));
    }
    let domain = match target {
        Target::Classes { count } | Target::Tokens { count, .. } => Domain::Index(count),
        Target::Values { .. } => match range {
            Range::Any => Domain::Real,
            Range::NonNegative => Domain::Positive,
            Range::Unit | Range::Binary => Domain::Mask,
        },
    };
    let targets = chunk.fields[1];
    values.insert(targets, sample(chunk.graph.shape(targets), domain, 8));
    Subject::new(chunk.graph, chunk.losses, chunk.parameters, values, 2).along(factor).check(what);
}

/// A loss, one of its settings, and a kind of target that it takes.
type Case = (&'static str, Option<(&'static str, &'static str)>, Target);

/// Every loss with every kind of target that it takes.
fn cases() -> Vec<Case> {
    let (classes, values) = (Target::Classes { count: 3 }, Target::Values { width: 3 });
    let mut list = vec![
        ("cross-entropy", Some(("label_smoothing", "0.2")), classes),
        ("cross-entropy", Some(("class_weights", "[0.5, 2, 1]")), classes),
        ("binary-cross-entropy", Some(("positive_weights", "[0.5, 2, 1]")), values),
        ("hinge", Some(("multiclass", "sum")), classes),
        ("poisson", Some(("constant", "true")), values),
    ];
    // Differences are of no use where the second derivative jumps: all distances are well below the first and above the second.
    list.extend(["1e3", "1e-4"].map(|delta| ("huber", Some(("delta", delta)), values)));
    for entry in losses::ALL.iter().filter(|entry| entry.name != "huber") {
        let takes = |target: &Target| chunk("linear", "", entry.name, None, *target).is_ok();
        list.extend([classes, values].into_iter().filter(takes).map(|target| (entry.name, None, target)));
    }
    list
}

#[test]
fn every_activation_with_every_loss() {
    let list = cases();
    assert_eq!(list.len(), 15);
    for activation in activations::ALL {
        for &(loss, setting, target) in &list {
            let what = format!("{} with {loss} on {target}, {setting:?}", activation.name);
            let range = losses::build(loss, BTreeMap::new()).unwrap().range();
            check(chunk("mlp", activation.name, loss, setting, target).unwrap(), target, range, &[], &what);
        }
    }
}

#[test]
fn every_model() {
    for small in SMALL {
        let target = small.target(3);
        let loss = losses::build("cross-entropy", BTreeMap::new()).unwrap();
        let model = small.build(3);
        let start = initial_parameters(model.parameters(), 1);
        check(loss_graph(&model, &loss, target, 2).unwrap(), target, loss.range(), &start, &small.describe());
    }
}
