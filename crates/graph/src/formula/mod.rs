//! Graphs written as one writes formulas: `(x.matmul(w) + b).tanh()`.
//!
//! A [`Formula`] is a graph that grows; a [`Value`] is one of its nodes, small enough to be copied. Shapes are broadcast as in NumPy: aligned at
//! their last axes, and axes of extent 1 are repeated. Nothing needs a `?`: the first mistake is kept with the line of the expression that
//! made it, whatever is made from it afterwards is skipped, and [`Formula::finish`] tells.

mod broadcast;
mod elementwise;
mod moves;
mod operators;
#[cfg(test)]
mod tests;
mod value;

use std::cell::RefCell;
use std::panic::Location;

use crate::{Error, Graph, NodeId, Shape};

/// A graph while it is written.
///
/// # Example
/// ```
/// use onedge_graph::{Formula, Shape};
///
/// let formula = Formula::new();
/// let (x, w) = (formula.input(&[8, 3]), formula.input(&[3, 4]));
/// let y = (x.matmul(w) + 1.0).tanh() * 0.5;
/// assert_eq!(y.shape(), Shape::new(&[8, 4]));
/// let (graph, [y]) = formula.finish([y])?;
/// assert_eq!(graph.shape(y)[..], [8, 4]);
/// # Ok::<(), onedge_graph::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct Formula {
    graph: RefCell<Graph>,
    fault: RefCell<Option<Error>>,
}

/// A value in a [`Formula`].
#[derive(Debug, Clone, Copy)]
pub struct Value<'g> {
    formula: &'g Formula,
    /// `None` after a mistake.
    id: Option<NodeId>,
}

impl Formula {
    /// Without a value.
    pub fn new() -> Self {
        Self::default()
    }

    /// To be added to `graph`.
    pub fn on(graph: Graph) -> Self {
        Self { graph: RefCell::new(graph), fault: RefCell::default() }
    }

    /// A new input.
    #[track_caller]
    pub fn input(&self, shape: &[usize]) -> Value<'_> {
        self.make(Location::caller(), |g| g.try_input(Shape::new(shape)))
    }

    /// The value at `id`, which must be a node of this graph.
    #[track_caller]
    pub fn value(&self, id: NodeId) -> Value<'_> {
        self.make(Location::caller(), |g| g.require("value", [id]).map(|()| id))
    }

    /// A tensor filled with `value`.
    #[track_caller]
    pub fn filled(&self, value: f64, shape: &[usize]) -> Value<'_> {
        self.make(Location::caller(), |g| g.filled(value, Shape::new(shape)))
    }

    /// Any number of tensors joined along `axis`, in order: at least one.
    #[track_caller]
    pub fn concat<'g>(&'g self, values: &[Value<'g>], axis: usize) -> Value<'g> {
        let location = Location::caller();
        if values.iter().any(|value| !std::ptr::eq(value.formula, self)) {
            return self.make(location, |_| Err(Error::OtherGraph { op: "concat" }));
        }
        match values.iter().map(|value| value.id).collect::<Option<Vec<NodeId>>>() {
            Some(ids) => self.make(location, |g| g.concat_all(&ids, axis)),
            None => Value { formula: self, id: None },
        }
    }

    /// Whatever `build` adds to the graph: layers and other parts that are written on [`Graph`] itself.
    ///
    /// # Panics
    /// If `build` uses a value of this formula other than by its node.
    #[track_caller]
    pub fn with(&self, build: impl FnOnce(&mut Graph) -> Result<NodeId, Error>) -> Value<'_> {
        self.make(Location::caller(), build)
    }

    /// The graph and the nodes of `values`; the formula stays as it is.
    ///
    /// # Errors
    /// [`Error::At`]: the first mistake, with the line of the expression that made it.
    pub fn finish<const N: usize>(&self, values: [Value<'_>; N]) -> Result<(Graph, [NodeId; N]), Error> {
        self.fault.borrow().clone().map_or(Ok(()), Err)?;
        let ids: Vec<NodeId> = values.into_iter().map(|value| self.node(value)).collect::<Result<_, _>>()?;
        Ok((self.graph.borrow().clone(), ids.try_into().expect("as many as values")))
    }

    /// The node of `value`.
    ///
    /// # Errors
    /// As [`finish`](Self::finish).
    pub fn node(&self, value: Value<'_>) -> Result<NodeId, Error> {
        match (self.fault.borrow().clone(), value.id) {
            (None, Some(id)) if std::ptr::eq(value.formula, self) => Ok(id),
            (Some(fault), _) => Err(fault),
            (None, _) => Err(Error::OtherGraph { op: "finish" }),
        }
    }

    /// The graph with all that was added, also after a mistake.
    pub fn into_graph(self) -> Graph {
        self.graph.into_inner()
    }

    /// The node that `build` adds, unless there was a mistake before.
    fn make(
        &self,
        location: &'static Location<'static>,
        build: impl FnOnce(&mut Graph) -> Result<NodeId, Error>,
    ) -> Value<'_> {
        if self.fault.borrow().is_some() {
            return Value { formula: self, id: None };
        }
        let made = build(&mut self.graph.borrow_mut());
        let id = made.map_err(|source| self.keep(location, source)).ok();
        Value { formula: self, id }
    }

    fn keep(&self, location: &'static Location<'static>, source: Error) {
        let place = location.to_string();
        *self.fault.borrow_mut() = Some(Error::At { place, source: Box::new(source) });
    }
}
