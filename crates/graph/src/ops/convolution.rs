//! What convolution and its two transposes share: the products that each sums up, and the cases they are tested on.

use crate::{Attributes, Case, Domain, Misfit, Shape, Window};

/// Input and output channels of a kernel `[height, width, c / groups, o]`; `None` if it is none for `window`.
pub fn channels(window: &Window, kernel: &Shape) -> Option<(usize, usize)> {
    let fits = kernel.rank() == 4 && window.groups > 0 && kernel[3].is_multiple_of(window.groups);
    kernel.get(2)?.checked_mul(window.groups).filter(|_| fits).map(|channels| (channels, kernel[3]))
}

/// Shapes that do not fit the window.
pub fn misfit(expected: String) -> Misfit {
    Misfit::new(expected, "a window made for these images, channels last")
}

/// Calls `visit` with the places in x, w and y of every product `x w` that goes into `y`.
pub fn each_product(window: &Window, x: &Shape, w: &Shape, mut visit: impl FnMut(usize, usize, usize)) {
    let Some([height, width]) = window.output() else { return };
    let (c, o) = (w[2], w[3]);
    for n in 0..x[0] {
        for (i, j) in (0..height).flat_map(|i| (0..width).map(move |j| (i, j))) {
            for (a, b) in (0..w[0]).flat_map(|a| (0..w[1]).map(move |b| (a, b))) {
                let (Some(row), Some(column)) = (window.source(0, i, a), window.source(1, j, b)) else { continue };
                let pixel = ((n * x[1] + row) * x[2] + column) * x[3];
                let out = ((n * height + i) * width + j) * o;
                for to in 0..o {
                    let group = to / (o / window.groups);
                    for from in 0..c {
                        visit(pixel + group * c + from, ((a * w[1] + b) * c + from) * o + to, out + to);
                    }
                }
            }
        }
    }
}

/// Multiplications and additions, those with the zeros of the padding included.
pub fn counted(window: &Window, x: &Shape, kernel: &Shape) -> f64 {
    let [height, width] = window.output().unwrap_or([0; 2]);
    2.0 * (x[0] * height * width) as f64 * kernel.size() as f64
}

/// Cases for all three: `choose` picks two of the shapes of x, w and y.
pub fn cases(choose: fn(Shape, Shape, Shape) -> [Shape; 2]) -> Vec<Case> {
    let make = |window: Window, n: usize, c: usize, o: usize| {
        let [height, width] = window.output().expect("the window fits");
        let x = Shape::new(&[n, window.image[0], window.image[1], c * window.groups]);
        let w = Shape::new(&[window.kernel[0], window.kernel[1], c, o]);
        let inputs = choose(x, w, Shape::new(&[n, height, width, o])).map(|shape| (shape, Domain::Real));
        Case { attributes: Attributes::Window(window), inputs: inputs.into() }
    };
    let plain = Window::new([4, 5], 3);
    vec![
        make(plain, 2, 2, 3),
        make(plain.padding(1), 1, 2, 3),
        make(plain.padding(1).stride(2), 2, 1, 2),
        make(Window { dilation: [1, 2], padding: [0, 1], kernel: [2, 3], ..plain }, 1, 3, 2),
        make(Window { groups: 2, stride: [2, 1], padding: [1, 0], ..plain }, 1, 2, 4),
        make(plain.padding(1).groups(3), 2, 1, 3),
        make(Window::new([4, 6], 2).stride(2), 2, 3, 2),
        make(Window::new([3, 4], 1), 2, 3, 2),
        make(Window::new([5, 5], 1).stride(2), 1, 2, 3),
    ]
}
