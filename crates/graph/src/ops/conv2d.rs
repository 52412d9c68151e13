//! `conv2d(x, w; window)`: cross-correlation of images with a kernel, in groups.

use super::convolution::{cases, channels, counted, each_product, misfit};
use super::elementwise::no_simpler;
use crate::{Argument, Attributes, Class, Error, Graph, NodeId, Op, Shape, Window};

/// Convolution: `y[n, i, j, o] = sum over a, b, c of x[n, i s + a d - p, j s + b d - p, c] w[a, b, c, o]`.
///
/// Shapes: `x: [n, height, width, c]`, `w: [kernel height, kernel width, c / groups, o]`, result `[n, .., .., o]`.
pub static CONV2D: Op = Op {
    name: "conv2d",
    source: include_str!("conv2d.rs"),
    class: Class::Product,
    arguments: &[
        Argument::Linear(|g, y, ct| {
            let window = g.node(y).attributes.window();
            g.conv2d_input(ct, g.operand(y, 1), window)
        }),
        Argument::Linear(|g, y, ct| {
            let window = g.node(y).attributes.window();
            g.conv2d_weight(g.operand(y, 0), ct, window)
        }),
    ],
    simplify: no_simpler,
    shape: |attributes, inputs| {
        let window = attributes.window();
        let expected = || {
            let ([h, w], [a, b], groups) = (window.image, window.kernel, window.groups);
            format!("[n, {h}, {w}, c] and [{a}, {b}, c / {groups}, o] with channels that {groups} divides, {window:?}")
        };
        let (x, k) = (inputs[0], inputs[1]);
        match (window.output(), channels(&window, k)) {
            (Some([height, width]), Some((c, o)))
                if x.rank() == 4 && x[1..3] == window.image && x[3] == c && k[..2] == window.kernel =>
            {
                Ok(Shape::new(&[x[0], height, width, o]))
            }
            _ => Err(misfit(expected())),
        }
    },
    evaluate: |attributes, inputs, shape| {
        let mut out = vec![0.0; shape.size()];
        each_product(&attributes.window(), &inputs[0].shape, &inputs[1].shape, |x, w, y| {
            out[y] += inputs[0].data[x] * inputs[1].data[w];
        });
        out
    },
    flops: |attributes, inputs, _| counted(&attributes.window(), inputs[0], inputs[1]),
    cases: || cases(|x, w, _| [x, w]),
};

impl Graph {
    /// The convolution of images `x` with the kernel `w`.
    pub fn conv2d(&mut self, x: NodeId, w: NodeId, window: Window) -> Result<NodeId, Error> {
        self.apply(&CONV2D, Attributes::Window(window), &[x, w])
    }
}
