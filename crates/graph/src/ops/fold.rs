//! `fold(p; window)`: the transpose of [`patches`](super::patches): adds each patch to the pixels it was seen at.

use super::elementwise::{no_flops, no_simpler};
use super::patches::{case, each_pixel, misfit, windows};
use crate::{Argument, Attributes, Class, Error, Graph, NodeId, Op, Shape, Window};

/// The sum of overlapping patches.
///
/// Shapes: `p: [n, .., .., kernel height * kernel width, c]`, result `[n, height, width, c]`.
pub static FOLD: Op = Op {
    name: "fold",
    source: include_str!("fold.rs"),
    class: Class::Movement,
    arguments: &[Argument::Linear(|g, y, ct| {
        let window = g.node(y).attributes.window();
        g.patches(ct, window)
    })],
    simplify: no_simpler,
    shape: |attributes, inputs| {
        let (window, p) = (attributes.window(), inputs[0]);
        let taps = window.kernel[0].saturating_mul(window.kernel[1]);
        match window.output() {
            Some(output) if p.rank() == 5 && p[1..3] == output && p[3] == taps => {
                Ok(Shape::new(&[p[0], window.image[0], window.image[1], p[4]]))
            }
            output => Err(misfit(format!("[n, .., .., {taps}, c], height and width {output:?}"))),
        }
    },
    evaluate: |attributes, inputs, shape| {
        let mut out = vec![0.0; shape.size()];
        each_pixel(&attributes.window(), shape, |x, patch| out[x] += inputs[0].data[patch]);
        out
    },
    flops: no_flops,
    cases: || {
        let patches = |window: &Window| {
            let [height, width] = window.output().expect("the window fits");
            Shape::new(&[2, height, width, window.kernel[0] * window.kernel[1], 3])
        };
        windows().into_iter().map(|window| case(window, patches(&window))).collect()
    },
};

impl Graph {
    /// The images whose pixels are the sums of the patches that `window` saw them in.
    pub fn fold(&mut self, patches: NodeId, window: Window) -> Result<NodeId, Error> {
        self.apply(&FOLD, Attributes::Window(window), &[patches])
    }
}
