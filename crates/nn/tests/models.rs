//! The contract of every model, and what each makes of its settings.

mod common;

use std::collections::{BTreeMap, HashMap, HashSet};

use common::SMALL;
use onedge_graph::reference::{Tensor, evaluate};
use onedge_graph::{Graph, NodeId, Shape};
use onedge_nn::{Error, Init, Io, Model, Target, activations, initial_parameters, inits, loss_graph, losses, models};
use onedge_registry::Value;

fn build(name: &str, given: &[(&str, &str)], io: &Io) -> Result<Model, Error> {
    let given = given.iter().map(|(key, value)| ((*key).to_owned(), Value::parse(value))).collect();
    models::build(name, given, io)
}

fn names(model: &Model) -> Vec<(&str, &[usize])> {
    model.parameters().iter().map(|parameter| (parameter.name.as_str(), &parameter.shape[..])).collect()
}

/// The outputs for one flat vector of parameters and one of inputs.
fn run(model: &Model, w: &[f64], x: &[f64]) -> Vec<f64> {
    let mut g = Graph::new();
    let mut values = HashMap::new();
    let mut place = 0;
    let mut nodes: Vec<NodeId> = Vec::new();
    for parameter in model.parameters() {
        let (id, end) = (g.input(parameter.shape.clone()), place + parameter.shape.size());
        values.insert(id, Tensor::new(parameter.shape.clone(), w[place..end].to_vec()));
        nodes.push(id);
        place = end;
    }
    let batch = x.len() / model.io().features();
    let input = g.input(Shape::from([&[batch], model.io().input_shape()].concat()));
    values.insert(input, Tensor::new(g.shape(input).clone(), x.to_vec()));
    let outputs = model.outputs(&mut g, &nodes, input).unwrap();
    evaluate(&g, &values, &[outputs]).remove(0).data
}

#[test]
fn every_model_keeps_the_contract() {
    for entry in models::ALL {
        assert!(SMALL.iter().any(|small| small.model == entry.name), "{} has no small instance", entry.name);
    }
    for small in SMALL {
        let (model, what) = (small.build(5), small.describe());
        let unique: HashSet<&str> = model.parameters().iter().map(|parameter| parameter.name.as_str()).collect();
        assert_eq!(unique.len(), model.parameters().len(), "{what}");
        let loss = losses::build("cross-entropy", BTreeMap::new()).unwrap();
        let chunk = loss_graph(&model, &loss, small.target(5), 7).unwrap();
        assert_eq!(&chunk.graph.shape(chunk.losses)[..], [7], "{what}");
        assert_eq!(&chunk.graph.shape(chunk.fields[0])[..], [&[7], small.input_shape].concat(), "{what}");
        assert_eq!(*chunk.graph.shape(chunk.fields[1]), small.target(5).shape(7), "{what}");
        let shapes = chunk.parameters.iter().map(|id| chunk.graph.shape(*id).clone());
        assert!(shapes.eq(model.parameters().iter().map(|parameter| parameter.shape.clone())), "{what}");
        let w: Vec<f64> = initial_parameters(model.parameters(), 1);
        assert_eq!(w.len(), model.dim());
        let features = model.io().features();
        let x: Vec<f64> =
            (0..2 * features).map(|i| if small.reads_tokens() { (i * 3 % 5) as f64 } else { 0.3 }).collect();
        assert!(run(&model, &w, &x).iter().all(|y| y.is_finite()), "{what}");
    }
}

#[test]
fn registries_have_unique_names_and_words_for_each() {
    let rows = activations::ALL.iter().map(|e| (e.name, e.summary, e.doc));
    let rows = rows.chain(models::ALL.iter().map(|e| (e.name, e.summary, e.doc)));
    let rows = rows.chain(losses::ALL.iter().map(|e| (e.name, e.summary, e.doc)));
    let rows: Vec<_> = rows.chain(inits::ALL.iter().map(|e| (e.name, e.summary, e.doc))).collect();
    let unique: HashSet<&str> = rows.iter().map(|row| row.0).collect();
    assert_eq!(unique.len(), rows.len());
    for (name, summary, doc) in rows {
        assert!(!summary.is_empty() && !summary.ends_with('.') && !doc.is_empty(), "{name}");
    }
}

#[test]
fn mlp_names_and_draws_its_parameters_layer_by_layer() {
    let model = build("mlp", &[("hidden", "[4, 8]")], &Io::new(&[3, 2], 5).unwrap()).unwrap();
    let expected: [(&str, &[usize]); 6] = [
        ("layers.0.weight", &[6, 4]),
        ("layers.0.bias", &[4]),
        ("layers.1.weight", &[4, 8]),
        ("layers.1.bias", &[8]),
        ("layers.2.weight", &[8, 5]),
        ("layers.2.bias", &[5]),
    ];
    assert_eq!(names(&model), expected);
    let variance = |init: Init| match init {
        Init::Normal { std } | Init::Truncated { std } => std * std,
        Init::Zeros => 0.0,
        other => panic!("{other:?}"),
    };
    let variances: Vec<f64> = model.parameters().iter().map(|parameter| variance(parameter.init)).collect();
    for (got, expected) in variances.iter().zip([2.0 / 6.0, 0.0, 2.0 / 4.0, 0.0, 1.0 / 8.0, 0.0]) {
        assert!((got - expected).abs() < 1e-15, "{variances:?}");
    }
    let bare = build("mlp", &[("hidden", "[4]"), ("bias", "false")], &Io::new(&[6], 5).unwrap()).unwrap();
    assert_eq!(names(&bare), [("layers.0.weight", &[6, 4][..]), ("layers.1.weight", &[4, 5])]);
    let flat = build("mlp", &[("hidden", "[]")], &Io::new(&[6], 5).unwrap()).unwrap();
    assert_eq!(names(&flat), [("layers.0.weight", &[6, 5][..]), ("layers.0.bias", &[5])]);
}

/// Two inputs, two hidden units, one output; worked out by hand.
#[test]
fn mlp_computes_what_its_formula_says() {
    let model = build("mlp", &[("hidden", "[2]")], &Io::new(&[2, 1], 1).unwrap()).unwrap();
    // W0 = [[1, 2], [3, -4]], b0 = [0.5, -0.5], W1 = [[2], [-3]], b1 = [0.25].
    let w = [1.0, 2.0, 3.0, -4.0, 0.5, -0.5, 2.0, -3.0, 0.25];
    // x = (1, 2): before relu (7.5, -6.5), output 15.25. x = (2, 0.5): (4, 1.5), output 3.75.
    assert_eq!(run(&model, &w, &[1.0, 2.0, 2.0, 0.5]), [15.25, 3.75]);
}

#[test]
fn linear_computes_what_its_formula_says() {
    let model = build("linear", &[("init", "zeros")], &Io::new(&[2], 2).unwrap()).unwrap();
    assert_eq!(names(&model), [("layers.0.weight", &[2, 2][..]), ("layers.0.bias", &[2])]);
    assert!(initial_parameters::<f32>(model.parameters(), 3).iter().all(|w| *w == 0.0));
    let w = [1.0, 2.0, 3.0, -4.0, 0.5, -0.5];
    assert_eq!(run(&model, &w, &[1.0, 2.0]), [7.5, -6.5]);
    let bare = build("linear", &[("bias", "false")], &Io::new(&[2], 2).unwrap()).unwrap();
    assert_eq!(names(&bare), [("layers.0.weight", &[2, 2][..])]);
}

#[test]
fn what_cannot_be_built_is_named() {
    let io = Io::new(&[3], 2).unwrap();
    let message = |name: &str, given: &[(&str, &str)]| build(name, given, &io).unwrap_err().to_string();
    assert_eq!(message("mlp", &[("hidden", "[4, 0]")]), "mlp.hidden: expected widths of at least 1, got [4, 0]");
    assert_eq!(
        message("mlp", &[("hidden", "[4000000000, 4000000000]")]),
        "layers.0.weight: too large, expected at most 2147483648 parameters in all, got shape [3, 4000000000]; \
         try smaller widths"
    );
    assert_eq!(
        message("mlp", &[("activation", "relo")]),
        "unknown activation `relo`, expected one of the known names; try `relu` or `gelu` or `elu`"
    );
    assert_eq!(
        message("linear", &[("init", "lecum")]),
        "unknown initialisation `lecum`, expected one of the known names; try `lecun`"
    );
    assert_eq!(message("lineal", &[]), "unknown model `lineal`, expected one of the known names; try `linear`");
}

#[test]
fn a_model_that_does_not_fit_its_targets_is_named() {
    let model = build("linear", &[], &Io::new(&[3], 2).unwrap()).unwrap();
    let loss = losses::build("squared", BTreeMap::new()).unwrap();
    let message = |target, batch| loss_graph(&model, &loss, target, batch).unwrap_err().to_string();
    assert_eq!(
        message(Target::Classes { count: 10 }, 4),
        "loss graph: expected one output of the model for each of 10 classes, got shape [4, 2]; \
         try a model with 10 outputs"
    );
    let limit = (isize::MAX as usize) / 8 / 13;
    for batch in [0, usize::MAX] {
        assert_eq!(
            message(Target::Classes { count: 2 }, batch),
            format!(
                "loss graph: unusable chunk, expected between 1 and {limit} examples, got {batch}; try another batch size"
            )
        );
    }
}
