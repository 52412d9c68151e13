//! `conv2d_input(ct, w; window)`: the transpose of [`conv2d`](super::conv2d) in its images.

use super::convolution::{cases, channels, counted, each_product, misfit};
use super::elementwise::no_simpler;
use crate::{Argument, Attributes, Class, Error, Graph, NodeId, Op, Shape, Window};

/// From cotangents of the outputs those of the images: also known as transposed convolution.
///
/// Shapes: `ct: [n, .., .., o]`, `w: [kernel height, kernel width, c / groups, o]`, result `[n, height, width, c]`.
pub static CONV2D_INPUT: Op = Op {
    name: "conv2d_input",
    source: include_str!("conv2d_input.rs"),
    class: Class::Product,
    arguments: &[
        Argument::Linear(|g, y, ct| {
            let window = g.node(y).attributes.window();
            g.conv2d(ct, g.operand(y, 1), window)
        }),
        Argument::Linear(|g, y, ct| {
            let window = g.node(y).attributes.window();
            g.conv2d_weight(ct, g.operand(y, 0), window)
        }),
    ],
    simplify: no_simpler,
    shape: |attributes, inputs| {
        let (window, ct, k) = (attributes.window(), inputs[0], inputs[1]);
        match (window.output(), channels(&window, k)) {
            (Some(output), Some((c, o)))
                if ct.rank() == 4 && ct[1..3] == output && ct[3] == o && k[..2] == window.kernel =>
            {
                Ok(Shape::new(&[ct[0], window.image[0], window.image[1], c]))
            }
            (output, _) => {
                Err(misfit(format!("[n, height, width, o] and a kernel, height and width {output:?}, {window:?}")))
            }
        }
    },
    evaluate: |attributes, inputs, shape| {
        let mut out = vec![0.0; shape.size()];
        each_product(&attributes.window(), shape, &inputs[1].shape, |x, w, y| {
            out[x] += inputs[0].data[y] * inputs[1].data[w];
        });
        out
    },
    flops: |attributes, inputs, shape| counted(&attributes.window(), shape, inputs[1]),
    cases: || cases(|_, w, y| [y, w]),
};

impl Graph {
    /// The cotangent of the images of a convolution with the kernel `w`, from that of its result.
    pub fn conv2d_input(&mut self, ct: NodeId, w: NodeId, window: Window) -> Result<NodeId, Error> {
        self.apply(&CONV2D_INPUT, Attributes::Window(window), &[ct, w])
    }
}
