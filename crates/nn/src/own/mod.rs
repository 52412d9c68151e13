//! Models written as formulas by whoever uses the library.

mod apart;
mod layers;
#[cfg(test)]
mod tests;

use onedge_graph::{Formula, Graph, Value};

use crate::{Error, Io, Model, Parameters};

use apart::keeps_examples_apart;
pub use layers::Layers;
use layers::{Listing, Source, changed};

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
            let (got, hint) = (shape.to_string(), "a last layer of that width");
            return Err(onedge_graph::Error::Argument { op: "model", expected, got, hint }.into());
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
            let outputs = formula.node(outputs);
            let fault = layers.listing.into_inner().fault;
            *graph = formula.into_graph();
            fault.map_or(outputs, |fault| Err(changed(fault.to_string())))
        }))
    }
}
