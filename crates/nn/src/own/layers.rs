use std::cell::RefCell;
use std::collections::HashMap;
use std::panic::Location;

use onedge_graph::{Error as GraphError, Formula, Graph, NodeId, Value, Window};

use crate::layers::{Attention, Bias, Conv, Norm, Over, Sight};
use crate::{Error, Init, Parameters, activations, inits};

/// What a model is made of while it is described: parameters and layers, beside the operations of a [`Value`].
pub struct Layers<'g> {
    formula: &'g Formula,
    pub(super) listing: RefCell<Listing<'g>>,
}

/// The parameters so far.
pub(super) struct Listing<'g> {
    pub source: Source<'g>,
    /// How many layers of each kind there are so far.
    counts: HashMap<&'static str, usize>,
    pub fault: Option<Error>,
}

/// Where parameters come from.
pub(super) enum Source<'g> {
    /// They are listed for the first time.
    New(Parameters),
    /// They are there, in the order in which they were listed; so many were used.
    Listed { nodes: &'g [NodeId], used: usize },
}

impl<'g> Layers<'g> {
    pub(super) fn new(formula: &'g Formula, source: Source<'g>) -> Self {
        Self { formula, listing: RefCell::new(Listing { source, counts: HashMap::new(), fault: None }) }
    }

    pub(super) fn require_all_used(&self) {
        if let Source::Listed { nodes, used } = &self.listing.borrow().source
            && *used < nodes.len()
        {
            self.formula.with(|_| Err(changed(format!("{used} of {}", nodes.len()))));
        }
    }

    /// A parameter of its own, trained from values that `init` draws. A shape without axes is a single number.
    #[track_caller]
    pub fn parameter(&self, name: &str, shape: &[usize], init: Init) -> Value<'g> {
        let listing = &mut *self.listing.borrow_mut();
        match &mut listing.source {
            Source::New(parameters) => {
                if let Err(error) = parameters.add(name.to_owned(), shape, init) {
                    listing.fault.get_or_insert(error.at(Location::caller()));
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
        let name = self.number("layers");
        let inputs = x.shape().last().copied().unwrap_or(1);
        let weight = self.parameter(&format!("{name}.weight"), &[inputs, width], scheme("he")(inputs, width));
        let bias = self.parameter(&format!("{name}.bias"), &[width], Init::Zeros);
        x.matmul(weight) + bias
    }

    /// `(x - mean) / sqrt(variance + 1e-6) scale + bias` over the last axis of `x: [n, .., width]` (see [`Norm`]). Its parameters are `norms.N.scale`
    /// and `norms.N.bias`, both `[width]`, 1 and 0 at first; all norms are counted together.
    #[track_caller]
    pub fn layer_norm(&self, x: Value<'g>) -> Value<'g> {
        self.norm(x, Over::Last)
    }

    /// `x / sqrt(mean(x^2) + 1e-6) scale` over the last axis of `x: [n, .., width]` (see [`Norm`]). Its parameter is `norms.N.scale` `[width]`, 1 at
    /// first; all norms are counted together.
    #[track_caller]
    pub fn rms_norm(&self, x: Value<'g>) -> Value<'g> {
        self.norm(x, Over::RootMeanSquare)
    }

    /// As [`layer_norm`](Self::layer_norm), but the statistics are over all axes between the first and the last, and over each of so many
    /// `groups` of neighbouring channels, for `x: [n, .., channels]` (see [`Norm`]).
    #[track_caller]
    pub fn group_norm(&self, x: Value<'g>, groups: usize) -> Value<'g> {
        self.norm(x, Over::Groups(groups))
    }

    /// A convolution of images with their channels last, `x: [n, height, width, in]`, to `channels` of them (see [`Conv`]). The window is a
    /// square of `kernel` pixels that moves pixel by pixel without padding; `change` may give it a stride, padding, dilation or
    /// groups. Its parameters are `convolutions.N.weight` `[kernel, kernel, in / groups, channels]`, drawn by the scheme `he`, and
    /// `convolutions.N.bias` `[channels]`, zero at first. Images of a data set have their channels first: `x.permute(&[0, 2, 3, 1])` turns them.
    #[track_caller]
    pub fn conv2d(
        &self,
        x: Value<'g>,
        channels: usize,
        kernel: usize,
        change: impl FnOnce(Window) -> Window,
    ) -> Value<'g> {
        let make = |parameters: &mut Parameters, name: &str, shape: &[usize]| {
            let window = change(Window::new([shape[1], shape[2]], kernel));
            Conv::new(parameters, name, [shape[3], channels], window, scheme("he"), Bias::Zeros)
        };
        self.layer("convolutions", x, [4, 4], "images [n, height, width, channels]", make, Conv::apply)
    }

    /// For each of the whole numbers `x: [n, ..]`, below `count`, its row of a table: `[n, .., width]`. Its parameter is `embeddings.N.table`
    /// `[count, width]`, normal with deviation 0.02 at first (as GPT-2: Radford et al. 2019).
    #[track_caller]
    pub fn embedding(&self, x: Value<'g>, count: usize, width: usize) -> Value<'g> {
        let name = self.number("embeddings");
        let table = self.parameter(&format!("{name}.table"), &[count, width], Init::Normal { std: 0.02 });
        let (Some(x), Some(table)) = (x.id(), table.id()) else { return table };
        self.formula.with(|g| {
            if count < 2 {
                let expected = "a table of 2 rows or more".to_owned();
                let (got, hint) = (count.to_string(), "as many as there are tokens");
                return Err(GraphError::Argument { op: "embedding", expected, got, hint });
            }
            g.take(table, x)
        })
    }

    /// Multi-head self-attention over `x: [n, positions, width]`: `sight` says whether each position sees all or those before it (see
    /// [`Attention`]); `heads` must divide the width. Its parameters are `attentions.N.query`, `.key`, `.value` and `.out`, each with `.weight`
    /// `[width, width]`, drawn by the scheme `lecun`, and `.bias` `[width]`, zero at first.
    #[track_caller]
    pub fn attention(&self, x: Value<'g>, heads: usize, sight: Sight) -> Value<'g> {
        let make = |parameters: &mut Parameters, name: &str, shape: &[usize]| {
            Attention::new(parameters, name, [shape[2]; 2], heads, sight, scheme("lecun"))
        };
        self.layer("attentions", x, [3, 3], "sequences [n, positions, width]", make, Attention::apply)
    }

    /// The activation called `name`, one of [`activations::ALL`], of each element.
    #[track_caller]
    pub fn activation(&self, x: Value<'g>, name: &str) -> Value<'g> {
        match (activations::find(name), x.id()) {
            (_, None) => x,
            (Ok(activation), Some(id)) => self.formula.with(|g| activation(g, id)),
            (Err(error), Some(_)) => self.refuse(x, Error::from(error).at(Location::caller())),
        }
    }

    #[track_caller]
    fn norm(&self, x: Value<'g>, over: Over) -> Value<'g> {
        let make = |parameters: &mut Parameters, name: &str, shape: &[usize]| {
            Norm::new(parameters, name, shape[shape.len() - 1], over)
        };
        self.layer("norms", x, [2, usize::MAX], "examples [n, .., width]", make, Norm::apply)
    }

    /// The next layer of its `kind` on `x`, whose number of axes must lie within `ranks`: `make` lists its parameters, `apply` builds its nodes.
    #[track_caller]
    fn layer<L>(
        &self,
        kind: &'static str,
        x: Value<'g>,
        ranks: [usize; 2],
        expected: &str,
        make: impl FnOnce(&mut Parameters, &str, &[usize]) -> Result<L, Error>,
        apply: impl FnOnce(&L, &mut Graph, &[NodeId], NodeId) -> Result<NodeId, GraphError>,
    ) -> Value<'g> {
        let Some(input) = x.id() else { return x };
        let (name, shape) = (self.number(kind), x.shape());
        if !(ranks[0]..=ranks[1]).contains(&shape.rank()) {
            let (expected, got) = (expected.to_owned(), shape.to_string());
            let error = GraphError::Argument { op: kind, expected, got, hint: "reshaping it first" };
            return self.refuse(x, Error::from(error).at(Location::caller()));
        }
        let mut own = Parameters::new();
        let layer = match make(&mut own, &name, &shape) {
            Ok(layer) => layer,
            Err(error) => return self.refuse(x, error.at(Location::caller())),
        };
        let mut nodes = Vec::new();
        for parameter in own.into_list() {
            let value = self.parameter(&parameter.name, &parameter.shape, parameter.init);
            let Some(node) = value.id() else { return value };
            nodes.push(node);
        }
        self.formula.with(|g| apply(&layer, g, &nodes, input))
    }

    /// The name of the next layer of its kind.
    fn number(&self, kind: &'static str) -> String {
        let listing = &mut *self.listing.borrow_mut();
        let count = listing.counts.entry(kind).or_default();
        *count += 1;
        format!("{kind}.{}", *count - 1)
    }

    /// Keeps the error, if it is the first, and goes on.
    fn refuse(&self, x: Value<'g>, error: Error) -> Value<'g> {
        self.listing.borrow_mut().fault.get_or_insert(error);
        x
    }
}

/// The scheme called `name`, one of those that are built in.
fn scheme(name: &'static str) -> inits::Scheme {
    inits::find(name).expect("a scheme that is built in")
}

/// A description that asks for other parameters than at first.
pub(super) fn changed(got: String) -> onedge_graph::Error {
    let (expected, hint) =
        ("the parameters of the first call".to_owned(), "a description that depends on nothing else");
    GraphError::Argument { op: "parameter", expected, got, hint }
}
