//! Models written as formulas by whoever uses the library.

use std::cell::RefCell;
use std::collections::HashMap;

use onedge_graph::check::sample;
use onedge_graph::reference::{Tensor, evaluate};
use onedge_graph::{Domain, Formula, Graph, NodeId, Value};

use crate::{Error, Init, Io, Model, Parameters, inits};

/// What a model is made of while it is described: parameters and layers, beside the operations of a [`Value`].
pub struct Layers<'g> {
    formula: &'g Formula,
    listing: RefCell<Listing<'g>>,
}

/// The parameters so far.
struct Listing<'g> {
    source: Source<'g>,
    /// Dense layers so far.
    layers: usize,
    fault: Option<Error>,
}

/// Where parameters come from.
enum Source<'g> {
    /// They are listed for the first time.
    New(Parameters),
    /// They are there, in the order in which they were listed; so many were used.
    Listed { nodes: &'g [NodeId], used: usize },
}

impl Model {
    /// A model described by `describe`: from layers and the inputs `x: [batch, ..]` it makes the outputs `[batch, outputs]`.
    ///
    /// It is called once for the list of parameters and then once for every size of a chunk, so it must do the same each time, whatever the first axis of
    /// x is. No example may look at another: every operation must leave the first axis alone. Models of up to 10^8 operations an example are tried
    /// for that: each of three random examples is changed in its turn, and the outputs of the others must be finite and keep every bit. Larger ones are
    /// not tried.
    ///
    /// # Errors
    /// The first mistake in a formula, with its line; a parameter whose name is taken or which is too large; outputs of another number; outputs of
    /// an example that change with another.
    ///
    /// # Example
    /// ```
    /// use onedge_nn::{Init, Io, Model};
    ///
    /// let model = Model::build(&Io::new(&[2], 1)?, |layers, x| {
    ///     let scale = layers.parameter("scale", &[], Init::Constant(0.5));
    ///     let h = layers.dense(x, 16).tanh();
    ///     let h = h + scale * layers.dense(h, 16).tanh();
    ///     layers.dense(h, 1)
    /// })?;
    /// let names: Vec<&str> = model.parameters().iter().map(|parameter| parameter.name.as_str()).collect();
    /// assert_eq!(names[..3], ["scale", "layers.0.weight", "layers.0.bias"]);
    /// assert_eq!(model.dim(), 1 + (2 * 16 + 16) + (16 * 16 + 16) + (16 + 1));
    /// # Ok::<(), onedge_nn::Error>(())
    /// ```
    pub fn build(
        io: &Io,
        describe: impl for<'g> Fn(&Layers<'g>, Value<'g>) -> Value<'g> + Send + Sync + 'static,
    ) -> Result<Self, Error> {
        /// Examples of the first call, of which only the list of parameters is kept.
        const EXAMPLES: usize = 3;
        let formula = Formula::new();
        let layers = Layers::new(&formula, Source::New(Parameters::new()));
        let x = formula.input(&[&[EXAMPLES], io.input_shape()].concat());
        let outputs = describe(&layers, x);
        let Listing { source, fault, .. } = layers.listing.into_inner();
        fault.map_or(Ok(()), Err)?;
        let (graph, [x, outputs]) = formula.finish([x, outputs])?;
        let shape = graph.shape(outputs);
        if shape.rank() < 2 || shape[0] != EXAMPLES || shape[shape.rank() - 1] != io.outputs() {
            let expected = format!("outputs [{EXAMPLES}, .., {}] of {EXAMPLES} examples", io.outputs());
            return Err(onedge_graph::Error::Argument { op: "model", expected, got: shape.to_string() }.into());
        }
        keeps_examples_apart(&graph, x, outputs)?;
        let parameters = match source {
            Source::New(parameters) => parameters,
            Source::Listed { .. } => unreachable!("nothing was listed before"),
        };
        Ok(Self::new(io, parameters, move |graph: &mut Graph, nodes, x| {
            let formula = Formula::on(std::mem::take(graph));
            let layers = Layers::new(&formula, Source::Listed { nodes, used: 0 });
            let outputs = describe(&layers, formula.value(x));
            layers.require_all_used();
            let (made, [outputs]) = formula.finish([outputs])?;
            *graph = made;
            Ok(outputs)
        }))
    }
}

impl<'g> Layers<'g> {
    fn new(formula: &'g Formula, source: Source<'g>) -> Self {
        Self { formula, listing: RefCell::new(Listing { source, layers: 0, fault: None }) }
    }

    fn require_all_used(&self) {
        if let Source::Listed { nodes, used } = &self.listing.borrow().source
            && *used < nodes.len()
        {
            self.formula.with(|_| Err(changed(format!("{used} of {}", nodes.len()))));
        }
    }

    /// A parameter of its own, trained from values that `init` draws. A shape without axes is a single number.
    pub fn parameter(&self, name: &str, shape: &[usize], init: Init) -> Value<'g> {
        let listing = &mut *self.listing.borrow_mut();
        match &mut listing.source {
            Source::New(parameters) => {
                if let Err(error) = parameters.add(name.to_owned(), shape, init) {
                    listing.fault.get_or_insert(error);
                }
                self.formula.input(shape)
            }
            Source::Listed { nodes, used } => {
                let node = nodes.get(*used).copied();
                *used += 1;
                self.formula.with(|graph| match node {
                    Some(node) if graph.shape(node)[..] == *shape => Ok(node),
                    _ => Err(changed(format!("`{name}` of shape {shape:?}"))),
                })
            }
        }
    }

    /// `x W + b` for `x: [.., in]` and W of `width` columns. Its parameters are `layers.N.weight` `[in, width]`, drawn by the scheme `he`, and
    /// `layers.N.bias` `[width]`, zero at first, N counted from 0.
    #[track_caller]
    pub fn dense(&self, x: Value<'g>, width: usize) -> Value<'g> {
        let number = {
            let listing = &mut *self.listing.borrow_mut();
            listing.layers += 1;
            listing.layers - 1
        };
        let inputs = x.shape().last().copied().unwrap_or(1);
        let he = inits::find("he").map_or(Init::Zeros, |scheme| scheme(inputs, width));
        let weight = self.parameter(&format!("layers.{number}.weight"), &[inputs, width], he);
        let bias = self.parameter(&format!("layers.{number}.bias"), &[width], Init::Zeros);
        x.matmul(weight) + bias
    }
}

/// A description that asks for other parameters than at first.
fn changed(got: String) -> onedge_graph::Error {
    onedge_graph::Error::Argument { op: "parameter", expected: "the parameters of the first call".to_owned(), got }
}

/// That the outputs of no example change with the inputs of another: each is changed in its turn, at inputs and parameters where all outputs are finite,
/// as a NaN hides what it was made of.
fn keeps_examples_apart(graph: &Graph, x: NodeId, outputs: NodeId) -> Result<(), Error> {
    const MOST_OPERATIONS: f64 = 3e8;
    let shapes = |inputs: &[NodeId]| inputs.iter().map(|&id| graph.shape(id)).collect::<Vec<_>>();
    let operations = |node: &onedge_graph::Node| {
        (node.op.flops)(&node.attributes, &shapes(&node.inputs), &node.shape) + node.shape.size() as f64
    };
    if graph.nodes().iter().map(operations).sum::<f64>() > MOST_OPERATIONS {
        return Ok(());
    }
    let wrong = |expected: &str, got: String| {
        Err(onedge_graph::Error::Argument { op: "model", expected: expected.to_owned(), got }.into())
    };
    let reads_indices = graph.nodes().iter().any(|node| ["take", "pick", "one_hot"].contains(&node.op.name));
    let domains: &[Domain] = if reads_indices { &[Domain::Index(2)] } else { &[Domain::Real, Domain::Positive] };
    let tries =
        domains.iter().flat_map(|&inputs| [Domain::Real, Domain::Positive].map(|parameters| (inputs, parameters)));
    let values_in = |(inputs, parameters): (Domain, Domain)| -> HashMap<NodeId, Tensor> {
        let sources = graph.ids().filter(|&id| graph.node(id).op.name == "input").enumerate();
        sources.map(|(i, id)| (id, sample(graph.shape(id), if id == x { inputs } else { parameters }, i))).collect()
    };
    let outputs_at = |values: &HashMap<NodeId, Tensor>| evaluate(graph, values, &[outputs]).remove(0).data;
    let finite = tries.map(values_in).map(|values| (outputs_at(&values), values));
    let Some((before, values)) = finite.into_iter().find(|(outputs, _)| outputs.iter().all(|z| z.is_finite())) else {
        return wrong("finite outputs of random inputs and parameters", "NaN or an infinity each time".to_owned());
    };
    let examples = graph.shape(x)[0];
    let (features, width) = (values[&x].data.len() / examples, before.len() / examples);
    for changed in 0..examples {
        let mut values = values.clone();
        let inputs = values.get_mut(&x).expect("x is an input");
        for value in &mut inputs.data[changed * features..(changed + 1) * features] {
            *value = if reads_indices { 1.0 - *value } else { 0.5 * *value + 0.1 };
        }
        let after = outputs_at(&values);
        let same = |example: usize| {
            let range = example * width..(example + 1) * width;
            before[range.clone()].iter().zip(&after[range]).all(|(a, b)| a.to_bits() == b.to_bits())
        };
        if let Some(example) = (0..examples).find(|&example| example != changed && !same(example)) {
            let got = format!("outputs of example {example} that change with example {changed}");
            return wrong("outputs of each example that depend on its own inputs alone", got);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Target, loss_graph, losses};

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
        let given =
            [("hidden", value("[5]")), ("activation", value("tanh"))].map(|(key, value)| (key.to_owned(), value));
        let built_in = crate::models::build("mlp", given.into(), &io).unwrap();
        let names =
            |model: &Model| model.parameters().iter().map(|p| (p.name.clone(), p.shape.clone())).collect::<Vec<_>>();
        assert_eq!(names(&own), names(&built_in));
        let loss = losses::build("squared", Default::default()).unwrap();
        let losses = |model: &Model| {
            let chunk = loss_graph(model, &loss, Target::Values { width: 2 }, 7).unwrap();
            let inputs = chunk.parameters.iter().chain(&chunk.fields);
            let values =
                inputs.enumerate().map(|(i, &id)| (id, sample(chunk.graph.shape(id), Domain::Real, i))).collect();
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
             change with example 0"
        );
        assert!(
            message(|layers, x| layers.dense(x, 3)).contains("expected outputs [3, .., 2] of 3 examples, got [3, 3]")
        );
        let twice = message(|layers, x| {
            let a = layers.parameter("a", &[4, 2], Init::Zeros) + layers.parameter("a", &[4, 2], Init::Zeros);
            x.matmul(a)
        });
        assert_eq!(twice, "a: expected another name, got one that an earlier parameter has; try numbering them");
        let line = message(|layers, x| layers.dense(x, 2) + layers.parameter("b", &[3, 5], Init::Zeros));
        assert!(line.contains("own.rs:") && line.contains("add: expected shapes that broadcast"), "{line}");
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
}
