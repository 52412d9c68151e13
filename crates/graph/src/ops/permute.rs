//! `permute(x; order)`: axis `i` of the result is axis `order[i]` of `x`.

use super::elementwise::no_flops;
use crate::reference::{indices, offset};
use crate::{Argument, Attributes, Case, Class, Domain, Error, Graph, Misfit, NodeId, Op, Shape};

/// The axes in another order.
pub static PERMUTE: Op = Op {
    name: "permute",
    source: include_str!("permute.rs"),
    class: Class::Movement,
    arguments: &[Argument::Linear(|g, y, ct| {
        let order = inverse(g.node(y).attributes.axes());
        g.permute(ct, &order)
    })],
    simplify,
    shape: |attributes, inputs| {
        let order = attributes.axes();
        let mut sorted = order.to_vec();
        sorted.sort_unstable();
        if !sorted.iter().copied().eq(0..inputs[0].rank()) {
            return Err(Misfit::new(
                format!("an order of {} axes, here {order:?}", inputs[0].rank()),
                "each axis once",
            ));
        }
        Ok(order.iter().map(|&axis| inputs[0][axis]).collect::<Vec<_>>().into())
    },
    evaluate: |attributes, inputs, shape| {
        let order = attributes.axes();
        let source = |index: Vec<usize>| {
            let mut moved = vec![0; index.len()];
            for (to, &from) in order.iter().enumerate() {
                moved[from] = index[to];
            }
            inputs[0].data[offset(&inputs[0].shape, &moved)]
        };
        indices(shape).map(source).collect()
    },
    flops: no_flops,
    cases: || {
        let attributes = Attributes::Axes(vec![2, 0, 1]);
        vec![Case { attributes, inputs: vec![(Shape::new(&[2, 3, 5]), Domain::Real)] }]
    },
};

impl Graph {
    /// `x` with its axes in `order`.
    pub fn permute(&mut self, x: NodeId, order: &[usize]) -> Result<NodeId, Error> {
        self.apply(&PERMUTE, Attributes::Axes(order.to_vec()), &[x])
    }
}

fn inverse(order: &[usize]) -> Vec<usize> {
    let mut inverse = vec![0; order.len()];
    for (to, &from) in order.iter().enumerate() {
        inverse[from] = to;
    }
    inverse
}

fn simplify(g: &mut Graph, attributes: &Attributes, inputs: &[NodeId]) -> Result<Option<NodeId>, Error> {
    let (x, order) = (inputs[0], attributes.axes());
    if order.is_sorted() {
        return Ok(Some(x));
    }
    let undone = g.node(x).op == &PERMUTE && inverse(g.node(x).attributes.axes()) == order;
    Ok(undone.then(|| g.operand(x, 0)))
}
