//! `conv2d_weight(x, ct; window)`: the transpose of [`conv2d`](super::conv2d) in its kernel.

use super::convolution::{cases, counted, each_product, misfit};
use super::elementwise::no_simpler;
use crate::{Argument, Attributes, Class, Error, Graph, NodeId, Op, Shape, Window};

/// From images and cotangents of the outputs the cotangent of the kernel.
///
/// Shapes: `x: [n, height, width, c]`, `ct: [n, .., .., o]`, result `[kernel height, kernel width, c / groups, o]`.
pub static CONV2D_WEIGHT: Op = Op {
    name: "conv2d_weight",
    source: include_str!("conv2d_weight.rs"),
    class: Class::Product,
    arguments: &[
        Argument::Linear(|g, y, ct| {
            let window = g.node(y).attributes.window();
            g.conv2d_input(g.operand(y, 1), ct, window)
        }),
        Argument::Linear(|g, y, ct| {
            let window = g.node(y).attributes.window();
            g.conv2d(g.operand(y, 0), ct, window)
        }),
    ],
    simplify: no_simpler,
    shape: |attributes, inputs| {
        let (window, x, ct) = (attributes.window(), inputs[0], inputs[1]);
        let groups = window.groups.max(1);
        match window.output() {
            Some(output)
                if x.rank() == 4
                    && ct.rank() == 4
                    && x[0] == ct[0]
                    && x[1..3] == window.image
                    && ct[1..3] == output
                    && x[3].is_multiple_of(groups)
                    && ct[3].is_multiple_of(groups) =>
            {
                Ok(Shape::new(&[window.kernel[0], window.kernel[1], x[3] / groups, ct[3]]))
            }
            output => Err(misfit(format!("images and cotangents of height and width {output:?}, {window:?}"))),
        }
    },
    evaluate: |attributes, inputs, shape| {
        let mut out = vec![0.0; shape.size()];
        each_product(&attributes.window(), &inputs[0].shape, shape, |x, w, y| {
            out[w] += inputs[0].data[x] * inputs[1].data[y];
        });
        out
    },
    flops: |attributes, inputs, shape| counted(&attributes.window(), inputs[0], shape),
    cases: || cases(|x, _, y| [x, y]),
};

impl Graph {
    /// The cotangent of the kernel of a convolution of `x`, from that of its result.
    pub fn conv2d_weight(&mut self, x: NodeId, ct: NodeId, window: Window) -> Result<NodeId, Error> {
        self.apply(&CONV2D_WEIGHT, Attributes::Window(window), &[x, ct])
    }
}
