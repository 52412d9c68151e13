//! Convolutions, their transposes, and what windows see of images.

use std::ops::Range;

use super::gemm::{Gemm, gemm_strided};
use super::pieces::{PRODUCT, Piece, Pieces, parts};
use super::turn::turn;
use super::{Element, Product};

mod depthwise;
mod direct;
mod spec;

use spec::{Band, LEAST_ROWS, Run};
pub use spec::{Conv2d, Role};

impl<T: Element> Product<T> for Conv2d {
    fn run(&self, [a, b]: [&[T]; 2], out: &mut [T], add: bool, scratch: &mut [T]) {
        conv2d(self, a, b, out, add, scratch);
    }

    fn pieces(&self, threads: usize) -> Pieces<T> {
        /// Multiplications and additions for each element of a kernel that pay for adding up its cotangents from pieces.
        const FOR_EACH: f64 = 1e3;
        let [height, width] = self.window.image;
        let image = height * width * self.channels;
        let output = self.pixels() / self.images.max(1) * self.filters;
        let kernel = self.columns() * self.filters;
        let work = Product::<T>::flops(self);
        // Straight from the images, every image is by itself. Products of many rows are added up in an order that may depend on their number.
        let direct = match self.role {
            Role::Output => self.by_image::<T>(),
            Role::Image => self.is_depthwise() || self.turned().is_some_and(|turned| turned.by_image::<T>()),
            Role::Kernel => false,
        };
        let least = match self.role {
            Role::Kernel => PRODUCT.max(FOR_EACH * kernel as f64),
            _ if direct => PRODUCT,
            _ => PRODUCT.max(work * LEAST_ROWS as f64 / self.pixels().max(1) as f64),
        };
        let some = |Range { start, end }: Range<usize>| {
            let (x, y) = (start * image..end * image, start * output..end * output);
            let len = match self.role {
                Role::Output => y.len(),
                Role::Image => x.len(),
                Role::Kernel => kernel,
            };
            let operands = match self.role {
                Role::Output => [x, 0..kernel],
                Role::Image => [y, 0..kernel],
                Role::Kernel => [x, y],
            };
            Piece { kernel: Box::new(Self { images: end - start, ..*self }), operands, len }
        };
        let threads = if direct { threads } else { usize::MAX };
        let pieces = parts(self.images, 1, work, least, threads).into_iter().map(some).collect();
        if self.role == Role::Kernel { Pieces::Sums(pieces) } else { Pieces::Parts(pieces) }
    }

    fn scratch_len(&self) -> usize {
        Conv2d::scratch_len::<T>(self)
    }

    fn kind(&self) -> &'static str {
        "conv2d"
    }

    fn detail(&self) -> String {
        let ([h, w], [kh, kw]) = (self.window.image, self.window.kernel);
        format!("{:?} of {} x [{h}, {w}, {}] by [{kh}, {kw}, {}]", self.role, self.images, self.channels, self.filters)
    }

    fn rows(&self) -> usize {
        self.pixels()
    }

    fn flops(&self) -> f64 {
        2.0 * self.pixels() as f64 * self.columns() as f64 * self.filters as f64
    }
}

impl Conv2d {
    /// Elements of scratch memory that [`conv2d()`] needs.
    pub fn scratch_len<T: Element>(&self) -> usize {
        if self.is_dense() {
            return if self.role == Role::Image { Product::<T>::scratch_len(&self.dense_image()) } else { 0 };
        }
        if self.is_depthwise() {
            return 0;
        }
        match (self.role, self.turned()) {
            (Role::Image, Some(turned)) => turned.own_len::<T>() + self.columns() * self.filters,
            (Role::Image, None) if self.window.groups == 1 => self.tile_len() + self.columns() * self.filters,
            (Role::Image, None) => self.tile_len(),
            _ => self.own_len::<T>(),
        }
    }

    /// The product that gives the cotangents of the images of a kernel of one pixel.
    fn dense_image(&self) -> Gemm {
        Gemm::plain(self.pixels(), self.channels, self.filters).right()
    }

    /// Whether the output of each image is computed by itself.
    fn by_image<T: Element>(&self) -> bool {
        !self.is_dense() && (self.is_depthwise() || self.is_direct::<T>())
    }

    fn own_len<T: Element>(&self) -> usize {
        match self.role {
            _ if !self.is_direct::<T>() => self.tile_len(),
            Role::Kernel => self.kernel_len(),
            _ => self.direct_len(),
        }
    }
}

/// `out <- conv2d(a, b)` or one of its transposes, or `out <- out +` that if `add`. Operands as in the graph's ops:
/// `(x, w)`, `(y, w)` or `(x, y)`.
///
/// Where the filters fill vectors the products are taken straight from the images ([`direct`]); else each image is
/// unfolded a tile at a time into memory that stays in the cache, and multiplied there.
///
/// # Panics
/// If a slice does not have the size that `spec` says.
pub fn conv2d<T: Element>(spec: &Conv2d, a: &[T], b: &[T], out: &mut [T], add: bool, scratch: &mut [T]) {
    let [height, width] = spec.window.image;
    let x_len = spec.images * height * width * spec.channels;
    let (y_len, w_len) = (spec.pixels() * spec.filters, spec.columns() * spec.filters);
    let expected = match spec.role {
        Role::Output => (x_len, w_len, y_len),
        Role::Image => (y_len, w_len, x_len),
        Role::Kernel => (x_len, y_len, w_len),
    };
    assert_eq!((a.len(), b.len(), out.len()), expected, "operands of {spec:?}");
    if spec.is_dense() {
        return dense(spec, a, b, out, add, scratch);
    }
    if spec.is_depthwise() {
        return depthwise::run(spec, a, b, out, add);
    }
    match spec.role {
        Role::Output => forward(spec, a, b, out, add, scratch),
        Role::Kernel if spec.is_direct::<T>() => direct::kernel(spec, a, b, out, add, scratch),
        Role::Kernel => kernel(spec, a, b, out, add, scratch),
        Role::Image => match spec.turned() {
            Some(turned) => {
                let (flipped, scratch) = scratch.split_at_mut(b.len());
                turned_kernel(spec, b, flipped);
                forward(&turned, a, flipped, out, add, scratch);
            }
            None => scatter(spec, a, b, out, add, scratch),
        },
    }
}

/// A kernel of one pixel: a plain product.
fn dense<T: Element>(spec: &Conv2d, a: &[T], b: &[T], out: &mut [T], add: bool, scratch: &mut [T]) {
    let (pixels, c, o) = (spec.pixels(), spec.channels, spec.filters);
    match spec.role {
        Role::Output => gemm_strided(&Gemm::plain(pixels, o, c), [a, b], out, [c, o, o], add),
        Role::Image => spec.dense_image().run([a, b], out, add, scratch),
        Role::Kernel => kernel_product(spec, 0, pixels, [a, b], c, out, add),
    }
}

fn forward<T: Element>(spec: &Conv2d, x: &[T], w: &[T], y: &mut [T], add: bool, scratch: &mut [T]) {
    if spec.is_direct::<T>() {
        return direct::forward(spec, x, w, y, add, scratch);
    }
    let (columns, o, groups) = (spec.columns(), spec.filters, spec.window.groups);
    let each = o / groups;
    for band in spec.bands() {
        let tile = &mut scratch[..band.rows * columns];
        let y = &mut y[band.first * o..(band.first + band.rows) * o];
        for group in 0..groups {
            unfold(spec, group, band, x, tile);
            let spec = Gemm::plain(band.rows, each, columns);
            gemm_strided(&spec, [tile, &w[group * each..]], &mut y[group * each..], [columns, o, o], add);
        }
    }
}

fn kernel<T: Element>(spec: &Conv2d, x: &[T], y: &[T], w: &mut [T], add: bool, scratch: &mut [T]) {
    let (columns, o) = (spec.columns(), spec.filters);
    for band in spec.bands() {
        let tile = &mut scratch[..band.rows * columns];
        for group in 0..spec.window.groups {
            unfold(spec, group, band, x, tile);
            let y = &y[band.first * o..(band.first + band.rows) * o];
            kernel_product(spec, group, band.rows, [tile, y], columns, w, add || band.first > 0);
        }
    }
}

/// `w (+)= tile^T y` for one group of channels.
fn kernel_product<T: Element>(
    spec: &Conv2d,
    group: usize,
    rows: usize,
    [tile, y]: [&[T]; 2],
    columns: usize,
    w: &mut [T],
    add: bool,
) {
    let o = spec.filters;
    let each = o / spec.window.groups;
    let product = Gemm::plain(columns, each, rows).left();
    gemm_strided(&product, [tile, &y[group * each..]], &mut w[group * each..], [columns, o, o], add);
}

/// Cotangents of images where the stride leaves gaps: products first, then each is added where it belongs.
fn scatter<T: Element>(spec: &Conv2d, y: &[T], w: &[T], x: &mut [T], add: bool, scratch: &mut [T]) {
    if !add {
        x.fill(T::ZERO);
    }
    let (columns, o, groups) = (spec.columns(), spec.filters, spec.window.groups);
    let (each, (tile, turned)) = (o / groups, scratch.split_at_mut(spec.tile_len()));
    if groups == 1 {
        turn(&[(o, 1), (columns, o)], w, &mut turned[..o * columns]);
    }
    for band in spec.bands() {
        let tile = &mut tile[..band.rows * columns];
        let y = &y[band.first * o..(band.first + band.rows) * o];
        if groups == 1 {
            let product = Gemm::plain(band.rows, columns, o);
            gemm_strided(&product, [y, &turned[..o * columns]], tile, [o, columns, columns], false);
            fold(spec, 0, band, tile, x);
            continue;
        }
        for group in 0..groups {
            let product = Gemm::plain(band.rows, columns, each).right();
            gemm_strided(&product, [&y[group * each..], &w[group * each..]], tile, [o, o, columns], false);
            fold(spec, group, band, tile, x);
        }
    }
}

/// The kernel of the turned convolution: taps in reverse, channels and filters exchanged within each group.
fn turned_kernel<T: Element>(spec: &Conv2d, w: &[T], turned: &mut [T]) {
    let (depth, o, groups) = (spec.depth(), spec.filters, spec.window.groups);
    let (taps, each, c) = (spec.window.kernel[0] * spec.window.kernel[1], spec.filters / groups, spec.channels);
    for tap in 0..taps {
        let from = &w[(taps - 1 - tap) * depth * o..][..depth * o];
        let to = &mut turned[tap * each * c..][..each * c];
        if groups == 1 {
            turn(&[(o, 1), (c, o)], from, to);
            continue;
        }
        for group in 0..groups {
            for (filter, to) in to.chunks_exact_mut(c).enumerate() {
                let from = from[group * each + filter..].iter().step_by(o);
                to[group * depth..(group + 1) * depth].iter_mut().zip(from).for_each(|(to, from)| *to = *from);
            }
        }
    }
}

/// `out <- the pixels under the window at each place`: the unfolded images. Only window, images and channels count.
pub fn patches<T: Element>(spec: &Conv2d, x: &[T], out: &mut [T]) {
    unfold(spec, 0, Band { first: 0, rows: spec.pixels() }, x, out);
}

/// `out <- the sum of patches where they were seen`: the transpose of [`patches()`].
pub fn fold_patches<T: Element>(spec: &Conv2d, patches: &[T], out: &mut [T]) {
    out.fill(T::ZERO);
    fold(spec, 0, Band { first: 0, rows: spec.pixels() }, patches, out);
}

/// The rows `band` of the unfolded images, for one group of channels.
fn unfold<T: Element>(spec: &Conv2d, group: usize, band: Band, x: &[T], tile: &mut [T]) {
    let (depth, columns) = (spec.depth(), spec.columns());
    let mut rows = tile.chunks_exact_mut(columns);
    spec.each_row(band, |image, i, j| {
        let row = rows.next().expect("one for each output pixel");
        for (a, taps) in row.chunks_exact_mut(spec.window.kernel[1] * depth).enumerate() {
            let Some(source) = spec.window.source(0, i, a) else {
                taps.fill(T::ZERO);
                continue;
            };
            let line = (image * spec.window.image[0] + source) * spec.window.image[1];
            spec.each_run(j, |run| match run {
                Run::Outside { first, len } => taps[first * depth..(first + len) * depth].fill(T::ZERO),
                Run::Inside { first, len, column } => {
                    let from = (line + column) * spec.channels + group * depth;
                    taps[first * depth..(first + len) * depth].copy_from_slice(&x[from..from + len * depth]);
                }
            });
        }
    });
}

/// Adds unfolded rows to the pixels that they were seen at.
fn fold<T: Element>(spec: &Conv2d, group: usize, band: Band, tile: &[T], x: &mut [T]) {
    let (depth, columns) = (spec.depth(), spec.columns());
    let mut rows = tile.chunks_exact(columns);
    spec.each_row(band, |image, i, j| {
        let row = rows.next().expect("one for each output pixel");
        for (a, taps) in row.chunks_exact(spec.window.kernel[1] * depth).enumerate() {
            let Some(source) = spec.window.source(0, i, a) else { continue };
            let line = (image * spec.window.image[0] + source) * spec.window.image[1];
            spec.each_run(j, |run| {
                if let Run::Inside { first, len, column } = run {
                    let to = (line + column) * spec.channels + group * depth;
                    let to = &mut x[to..to + len * depth];
                    to.iter_mut().zip(&taps[first * depth..]).for_each(|(to, from)| *to += *from);
                }
            });
        }
    });
}
