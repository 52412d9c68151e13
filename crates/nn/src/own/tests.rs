use std::collections::HashMap;

use onedge_graph::check::sample;
use onedge_graph::reference::evaluate;
use onedge_graph::{Domain, Graph, NodeId, Shape, Value};

use crate::layers::{Attention, Bias, Conv, Norm, Over, Sight};
use crate::{Error, Init, Io, Layers, Model, Parameters, Target, activations, inits, loss_graph, losses};

fn message(describe: impl for<'g> Fn(&Layers<'g>, Value<'g>) -> Value<'g> + Send + Sync + 'static) -> String {
    Model::build(&Io::new(&[4], 2).unwrap(), describe).unwrap_err().to_string()
}

/// Checked against the built-in model of the same layers, node by node as numbers.
#[test]
fn an_own_mlp_is_the_built_in_one() {
    let io = Io::new(&[4], 2).unwrap();
    let own = Model::build(&io, |layers, x| {
        let h = layers.dense(x, 5).tanh();
        layers.dense(h, 2)
    })
    .unwrap();
    let value = onedge_registry::Value::parse;
    let given = [("hidden", value("[5]")), ("activation", value("tanh"))].map(|(key, value)| (key.to_owned(), value));
    let built_in = crate::models::build("mlp", given.into(), &io).unwrap();
    let names =
        |model: &Model| model.parameters().iter().map(|p| (p.name.clone(), p.shape.clone())).collect::<Vec<_>>();
    assert_eq!(names(&own), names(&built_in));
    let loss = losses::build("squared", Default::default()).unwrap();
    let losses = |model: &Model| {
        let chunk = loss_graph(model, &loss, Target::Values { width: 2 }, 7).unwrap();
        let inputs = chunk.parameters.iter().chain(&chunk.fields);
        let values = inputs.enumerate().map(|(i, &id)| (id, sample(chunk.graph.shape(id), Domain::Real, i))).collect();
        evaluate(&chunk.graph, &values, &[chunk.losses]).remove(0).data
    };
    assert_eq!(losses(&own), losses(&built_in));
}

#[test]
fn what_is_wrong_with_a_description_is_told() {
    let apart = message(|layers, x| layers.dense(x - x.mean(&[0]), 2));
    assert_eq!(
        apart,
        "model: expected outputs of each example that depend on its own inputs alone, got outputs of example 1 that \
         change with example 0; try leaving the first axis as it is"
    );
    assert!(message(|layers, x| layers.dense(x, 3)).contains("expected outputs [3, .., 2] of 3 examples, got [3, 3]"));
    let twice = message(|layers, x| {
        let a = layers.parameter("a", &[4, 2], Init::Zeros) + layers.parameter("a", &[4, 2], Init::Zeros);
        x.matmul(a)
    });
    let told = "a: expected another name, got one that an earlier parameter has; try numbering them";
    assert!(twice.contains("tests.rs:") && twice.ends_with(told), "{twice}");
    let line = message(|layers, x| layers.dense(x, 2) + layers.parameter("b", &[3, 5], Init::Zeros));
    assert!(line.contains("tests.rs:") && line.contains("add: expected shapes that broadcast"), "{line}");
}

/// One parameter more, or less, at each call.
#[test]
fn a_description_that_changes_is_refused() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    for start in [0, 1] {
        let calls = AtomicUsize::new(start);
        let model = Model::build(&Io::new(&[4], 2).unwrap(), move |layers, x| {
            let y = layers.dense(x, 2);
            let more = calls.fetch_add(1, Ordering::Relaxed) % 2 == 1;
            if more { y + layers.parameter("more", &[2], Init::Zeros) } else { y }
        })
        .unwrap();
        let loss = losses::build("squared", Default::default()).unwrap();
        let message = loss_graph(&model, &loss, Target::Values { width: 2 }, 5).unwrap_err().to_string();
        assert!(message.contains("parameter: expected the parameters of the first call, got"), "{message}");
    }
}

/// The outputs for two examples of `domain`, at sample parameters, and the names of these.
fn outputs(model: &Model, domain: Domain) -> (Vec<f64>, Vec<String>) {
    let mut g = Graph::new();
    let parameters: Vec<NodeId> = model.parameters().iter().map(|p| g.input(p.shape.clone())).collect();
    let x = g.input(Shape::from([&[2], model.io().input_shape()].concat()));
    let y = model.outputs(&mut g, &parameters, x).unwrap();
    let mut values: HashMap<_, _> =
        parameters.iter().enumerate().map(|(i, &id)| (id, sample(g.shape(id), Domain::Real, i))).collect();
    values.insert(x, sample(g.shape(x), domain, 9));
    let names = model.parameters().iter().map(|p| p.name.clone()).collect();
    (evaluate(&g, &values, &[y]).remove(0).data, names)
}

/// An own model of the `shape` of an example is the one whose nodes the built-in layer makes.
fn assert_built_in<L: Send + Sync + 'static>(
    shape: &[usize],
    width: usize,
    describe: impl for<'g> Fn(&Layers<'g>, Value<'g>) -> Value<'g> + Send + Sync + 'static,
    make: impl FnOnce(&mut Parameters) -> Result<L, Error>,
    apply: impl Fn(&L, &mut Graph, &[NodeId], NodeId) -> Result<NodeId, onedge_graph::Error> + Send + Sync + 'static,
) {
    let io = Io::new(shape, width).unwrap();
    let own = Model::build(&io, describe).unwrap();
    let mut parameters = Parameters::new();
    let layer = make(&mut parameters).unwrap();
    let built_in = Model::new(&io, parameters, move |g, parameters, x| apply(&layer, g, parameters, x));
    assert_eq!(own.parameters(), built_in.parameters());
    assert_eq!(outputs(&own, Domain::Real), outputs(&built_in, Domain::Real));
}

#[test]
fn norms_are_the_built_in_ones() {
    let norm = |over| move |parameters: &mut Parameters| Norm::new(parameters, "norms.0", 6, over);
    assert_built_in(&[3, 6], 6, |layers, x| layers.layer_norm(x), norm(Over::Last), Norm::apply);
    assert_built_in(&[3, 6], 6, |layers, x| layers.rms_norm(x), norm(Over::RootMeanSquare), Norm::apply);
    assert_built_in(&[4, 3, 6], 6, |layers, x| layers.group_norm(x, 2), norm(Over::Groups(2)), Norm::apply);
}

#[test]
fn a_convolution_is_the_built_in_one() {
    let window = onedge_graph::Window::new([5, 4], 3).stride(2).padding(1);
    let make = move |parameters: &mut Parameters| {
        Conv::new(parameters, "convolutions.0", [2, 6], window, inits::find("he").unwrap(), Bias::Zeros)
    };
    assert_built_in(
        &[5, 4, 2],
        6,
        |layers, x| layers.conv2d(x, 6, 3, |window| window.stride(2).padding(1)),
        make,
        Conv::apply,
    );
}

#[test]
fn attention_is_the_built_in_one() {
    for sight in [Sight::Full, Sight::Causal] {
        let make = move |parameters: &mut Parameters| {
            Attention::new(parameters, "attentions.0", [6, 6], 3, sight, inits::find("lecun").unwrap())
        };
        assert_built_in(&[5, 6], 6, move |layers, x| layers.attention(x, 3, sight), make, Attention::apply);
    }
}

#[test]
fn activations_are_the_built_in_ones() {
    for entry in activations::ALL {
        let make = |_: &mut Parameters| Ok(entry.build);
        assert_built_in(&[4], 4, |layers, x| layers.activation(x, entry.name), make, |f, g, _, x| f(g, x));
    }
}

/// Tokens 0 and 1 of a table of three, as `nanolm` reads them.
#[test]
fn an_embedding_takes_rows() {
    let io = Io::new(&[5], 4).unwrap();
    let own = Model::build(&io, |layers, x| layers.embedding(x, 3, 4)).unwrap();
    let mut parameters = Parameters::new();
    parameters.add("embeddings.0.table".to_owned(), &[3, 4], Init::Normal { std: 0.02 }).unwrap();
    let built_in = Model::new(&io, parameters, |g, parameters, x| g.take(parameters[0], x));
    assert_eq!(own.parameters(), built_in.parameters());
    assert_eq!(outputs(&own, Domain::Index(3)), outputs(&built_in, Domain::Index(3)));
}

#[test]
fn layers_of_a_kind_are_numbered() {
    let own = Model::build(&Io::new(&[4], 4).unwrap(), |layers, x| {
        let h = layers.activation(layers.layer_norm(layers.dense(x, 4)), "gelu");
        layers.rms_norm(layers.dense(h, 4))
    })
    .unwrap();
    let names: Vec<&str> = own.parameters().iter().map(|p| p.name.as_str()).collect();
    let expected = [
        "layers.0.weight",
        "layers.0.bias",
        "norms.0.scale",
        "norms.0.bias",
        "layers.1.weight",
        "layers.1.bias",
        "norms.1.scale",
    ];
    assert_eq!(names, expected);
}

#[test]
fn a_layer_that_cannot_be_is_told_with_its_line() {
    let told =
        |message: String, what: &str| assert!(message.contains("tests.rs:") && message.ends_with(what), "{message}");
    told(
        message(|layers, x| layers.activation(x, "rellu")),
        "unknown activation `rellu`, expected one of the known names; try `relu` or `gelu` or `elu`",
    );
    told(
        message(|layers, x| layers.group_norm(x, 3)),
        "norms.0: expected a number of groups that divides 4 channels, got 3; try another width or norm",
    );
    told(
        message(|layers, x| layers.attention(x, 2, Sight::Full)),
        "attentions: expected sequences [n, positions, width], got [3, 4]; try reshaping it first",
    );
    told(
        message(|layers, x| layers.embedding(x, 1, 2)),
        "embedding: expected a table of 2 rows or more, got 1; try as many as there are tokens",
    );
    told(
        message(|layers, x| layers.attention(x.reshape(&[3, 2, 2]), 3, Sight::Full)),
        "attentions.0: expected a number of heads that divides the width 2, got 3; try another number of heads",
    );
    let window = message(|layers, x| layers.conv2d(x.reshape(&[3, 2, 2, 1]), 2, 3, |window| window));
    assert!(
        window.contains("tests.rs:") && window.contains("convolutions.0: expected a window that fits images of 2 x 2")
    );
}

/// What is there before a model is applied stays, whether that succeeds or not.
#[test]
fn a_later_call_that_fails_leaves_the_graph() {
    use std::sync::atomic::{AtomicBool, Ordering};
    let first = AtomicBool::new(true);
    let model = Model::build(&Io::new(&[4], 4).unwrap(), move |_, x| {
        if first.swap(false, Ordering::Relaxed) { x } else { x.matmul(x.reshape(&[1])) }
    })
    .unwrap();
    let mut g = Graph::new();
    let x = g.input(Shape::new(&[2, 4]));
    assert!(model.outputs(&mut g, &[], x).is_err());
    assert_eq!(g.shape(x)[..], [2, 4]);
}
