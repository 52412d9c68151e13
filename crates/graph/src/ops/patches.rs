//! `patches(x; window)`: what a sliding window sees at each place; pooling is a reduction of it.

use super::elementwise::{no_flops, no_simpler};
use crate::{Argument, Attributes, Case, Class, Domain, Error, Graph, Misfit, NodeId, Op, Shape, Window};

/// The pixels under a sliding window; zeros outside of the image.
///
/// Shapes: `x: [n, height, width, c]`, result `[n, .., .., kernel height * kernel width, c]`.
pub static PATCHES: Op = Op {
    name: "patches",
    source: include_str!("patches.rs"),
    class: Class::Movement,
    arguments: &[Argument::Linear(|g, y, ct| {
        let window = g.node(y).attributes.window();
        g.fold(ct, window)
    })],
    simplify: no_simpler,
    shape: |attributes, inputs| {
        let (window, x) = (attributes.window(), inputs[0]);
        match (window.output(), window.kernel[0].checked_mul(window.kernel[1])) {
            (Some([height, width]), Some(taps)) if x.rank() == 4 && x[1..3] == window.image => {
                Ok(Shape::new(&[x[0], height, width, taps, x[3]]))
            }
            (output, _) => Err(misfit(format!("[n, {}, {}, c], output {output:?}", window.image[0], window.image[1]))),
        }
    },
    evaluate: |attributes, inputs, shape| {
        let mut out = vec![0.0; shape.size()];
        each_pixel(&attributes.window(), &inputs[0].shape, |x, patch| out[patch] = inputs[0].data[x]);
        out
    },
    flops: no_flops,
    cases: || windows().into_iter().map(|window| case(window, Shape::new(&[2, 4, 5, 3]))).collect(),
};

impl Graph {
    /// What `window` sees of the images `x`.
    pub fn patches(&mut self, x: NodeId, window: Window) -> Result<NodeId, Error> {
        self.apply(&PATCHES, Attributes::Window(window), &[x])
    }
}

/// Calls `visit` with the place in the image and in the patches of every pixel seen.
pub(super) fn each_pixel(window: &Window, x: &Shape, mut visit: impl FnMut(usize, usize)) {
    let Some([height, width]) = window.output() else { return };
    let [kernel_height, kernel_width] = window.kernel;
    let (mut patch, c) = (0, x[3]);
    for n in 0..x[0] {
        for (i, j) in (0..height).flat_map(|i| (0..width).map(move |j| (i, j))) {
            for (a, b) in (0..kernel_height).flat_map(|a| (0..kernel_width).map(move |b| (a, b))) {
                if let (Some(row), Some(column)) = (window.source(0, i, a), window.source(1, j, b)) {
                    let pixel = ((n * x[1] + row) * x[2] + column) * c;
                    (0..c).for_each(|channel| visit(pixel + channel, patch + channel));
                }
                patch += c;
            }
        }
    }
}

/// Shapes that do not fit the window.
pub(super) fn misfit(expected: String) -> Misfit {
    Misfit::new(expected, "a window made for these images")
}

/// Windows for tests.
pub(super) fn windows() -> [Window; 4] {
    let plain = Window::new([4, 5], 2);
    [plain, plain.padding(1).stride(2), Window { stride: [2, 5], kernel: [2, 5], ..plain }, plain.stride(3)]
}

/// A case of this op or its transpose.
pub(super) fn case(window: Window, input: Shape) -> Case {
    Case { attributes: Attributes::Window(window), inputs: vec![(input, Domain::Real)] }
}
