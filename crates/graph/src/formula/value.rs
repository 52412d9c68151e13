use std::panic::Location;

use super::broadcast::{common, stretched};
use super::{Formula, Value};
use crate::{Error, Graph, NodeId, Shape};

impl<'g> Value<'g> {
    /// Its shape; that of a scalar after a mistake.
    pub fn shape(self) -> Shape {
        self.id.map_or_else(|| Shape::new(&[]), |id| self.formula.graph.borrow().shape(id).clone())
    }

    /// Its node; `None` after a mistake.
    pub fn id(self) -> Option<NodeId> {
        self.id
    }

    /// The formula that it is a value of.
    pub fn formula(self) -> &'g Formula {
        self.formula
    }

    pub(super) fn nothing(self) -> Self {
        Self { id: None, ..self }
    }

    pub(super) fn one(
        self,
        location: &'static Location<'static>,
        build: impl FnOnce(&mut Graph, NodeId) -> Result<NodeId, Error>,
    ) -> Self {
        self.id.map_or(self.nothing(), |id| self.formula.make(location, |g| build(g, id)))
    }

    /// Of axes that must be there, each once.
    pub(super) fn over(
        self,
        location: &'static Location<'static>,
        op: &'static str,
        axes: &[usize],
        build: impl FnOnce(&mut Graph, NodeId, &[usize]) -> Result<NodeId, Error>,
    ) -> Self {
        self.one(location, |g, x| {
            let (shape, mut axes) = (g.shape(x).clone(), axes.to_vec());
            axes.sort_unstable();
            let twice = axes.windows(2).any(|pair| pair[0] == pair[1]);
            if twice || axes.last().is_some_and(|&axis| axis >= shape.rank()) {
                let expected = format!("different axes of shape {shape}");
                let got = format!("{axes:?}");
                return Err(Error::Argument { op, expected, got, hint: "each axis once, counted from 0" });
            }
            build(g, x, &axes)
        })
    }

    /// Of two values as they are.
    pub(super) fn exact(
        self,
        location: &'static Location<'static>,
        op: &'static str,
        other: Self,
        build: impl FnOnce(&mut Graph, NodeId, NodeId) -> Result<NodeId, Error>,
    ) -> Self {
        match self.joined(location, op, [other]) {
            Some((a, [b])) => self.formula.make(location, |g| build(g, a, b)),
            None => self.nothing(),
        }
    }

    /// Of two values that are broadcast to one shape.
    pub(super) fn two(
        self,
        location: &'static Location<'static>,
        op: &'static str,
        other: Self,
        build: impl FnOnce(&mut Graph, NodeId, NodeId) -> Result<NodeId, Error>,
    ) -> Self {
        self.all(location, op, [other], |g, a, [b]| build(g, a, b))
    }

    /// Of several values that are broadcast to one shape.
    pub(super) fn all<const N: usize>(
        self,
        location: &'static Location<'static>,
        op: &'static str,
        others: [Self; N],
        build: impl FnOnce(&mut Graph, NodeId, [NodeId; N]) -> Result<NodeId, Error>,
    ) -> Self {
        let Some((first, mut rest)) = self.joined(location, op, others) else { return self.nothing() };
        self.formula.make(location, |g| {
            let mut shape = Some(g.shape(first).clone());
            for &id in &rest {
                shape = shape.and_then(|shape| common(&shape, g.shape(id)));
            }
            let Some(shape) = shape else {
                let got = [first].iter().chain(&rest).map(|&id| g.shape(id).clone()).collect();
                let expected = "shapes that broadcast".to_owned();
                return Err(Error::Shape { op, expected, got, hint: "reshaping one: axes are aligned at the last" });
            };
            let first = stretched(g, first, &shape)?;
            for id in &mut rest {
                *id = stretched(g, *id, &shape)?;
            }
            build(g, first, rest)
        })
    }

    /// The nodes of values of one formula.
    pub(super) fn joined<const N: usize>(
        self,
        location: &'static Location<'static>,
        op: &'static str,
        others: [Self; N],
    ) -> Option<(NodeId, [NodeId; N])> {
        if others.iter().any(|other| !std::ptr::eq(self.formula, other.formula)) {
            if self.formula.fault.borrow().is_none() {
                self.formula.keep(location, Error::OtherGraph { op });
            }
            return None;
        }
        let ids: Vec<NodeId> = others.iter().filter_map(|other| other.id).collect();
        self.id.zip(ids.try_into().ok())
    }
}
