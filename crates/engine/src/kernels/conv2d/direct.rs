//! Convolution straight from the images: no unfolded copy, one read of each pixel from the cache for each tap.
//!
//! Images are copied once with their padding, so every tap of every output pixel is there and, without dilation and in
//! one group, the taps of one line of the window lie side by side. Sums are taken tap by tap in order, with fused
//! multiply-adds, so their bits do not depend on the width of the vectors.

use pulp::{Simd, WithSimd};

use super::spec::Conv2d;
use crate::kernels::Element;
use crate::kernels::dispatch::on_this_machine;

/// Output pixels (or rows of the kernel's cotangent) of a block: with two vectors of filters it fills the registers.
const HEIGHT: usize = 6;

/// Output pixels that share what the cache holds of the kernel, about.
const BAND: usize = 96;

/// Output pixels of an image that are too few to read the kernel for.
const FEW: usize = 16;

/// Which channels or filters a call works on, and where the padded images have their taps.
struct Geometry {
    /// Extents of a padded image, channels included.
    padded: [usize; 3],
    /// Neighbouring taps and channels in a padded image: the first, and how many.
    runs: Vec<(usize, usize)>,
    /// Filters of a group.
    each: usize,
    /// Vectors of filters of a block.
    vectors: usize,
    /// Filters of a block.
    width: usize,
}

impl Conv2d {
    /// Whether the filters fill vectors, so that [`forward()`] and [`kernel()`] can run, and images have pixels enough to pay for reading the kernel once
    /// for each.
    pub(super) fn is_direct<T: Element>(&self) -> bool {
        let few = self.window.groups == 1 && self.pixels() <= FEW * self.images;
        !few && (self.filters / self.window.groups).is_multiple_of(T::machine_lanes())
    }

    fn geometry<T: Element>(&self) -> Geometry {
        let (window, c, depth) = (&self.window, self.channels, self.depth());
        let [height, width] = [0, 1].map(|axis| window.image[axis] + 2 * window.padding[axis]);
        let mut runs = Vec::new();
        for a in 0..window.kernel[0] {
            let line = a * window.dilation[0] * width * c;
            if window.dilation[1] == 1 && window.groups == 1 {
                runs.push((line, window.kernel[1] * c));
            } else {
                runs.extend((0..window.kernel[1]).map(|b| (line + b * window.dilation[1] * c, depth)));
            }
        }
        let each = self.filters / window.groups;
        let vectors = if each.is_multiple_of(2 * T::machine_lanes()) { 2 } else { 1 };
        Geometry { padded: [height, width, c], runs, each, vectors, width: vectors * T::machine_lanes() }
    }

    /// Elements of one padded image, and what a block may read beyond its end.
    fn padded_len(&self) -> usize {
        let [height, width] = [0, 1].map(|axis| self.window.image[axis] + 2 * self.window.padding[axis]);
        height * width * self.channels + HEIGHT
    }

    /// Elements of scratch memory that [`forward()`] needs: a padded image and the kernel by blocks of filters.
    pub(super) fn direct_len(&self) -> usize {
        self.padded_len() + self.columns() * self.filters
    }

    /// Images of which [`kernel()`] sums the cotangents before it writes them.
    fn images_at_once(&self) -> usize {
        let [height, width] = self.output();
        (KERNEL_BAND / (height * width)).clamp(1, self.images.max(1))
    }

    /// Elements of scratch memory that [`kernel()`] needs: some padded images, their cotangents by blocks of filters.
    pub(super) fn kernel_len(&self) -> usize {
        let [height, width] = self.output();
        self.images_at_once() * (self.padded_len() - HEIGHT + height * width * self.filters) + HEIGHT
    }
}

/// `y <- conv2d(x, w)`, or `y <- y +` that if `add`; `w` as in the graph.
pub(super) fn forward<T: Element>(spec: &Conv2d, x: &[T], w: &[T], y: &mut [T], add: bool, scratch: &mut [T]) {
    let geometry = spec.geometry::<T>();
    let (padded, blocks) = scratch[..spec.direct_len()].split_at_mut(spec.padded_len());
    by_blocks(w, spec.filters, geometry.width, blocks);
    padded.fill(T::ZERO);
    let image_len = x.len() / spec.images.max(1);
    let pixels = spec.pixels() / spec.images.max(1);
    for (x, y) in x.chunks_exact(image_len.max(1)).zip(y.chunks_exact_mut((pixels * spec.filters).max(1))) {
        spec.pad(x, padded, &geometry);
        on_this_machine(Forward { spec, geometry: &geometry, image: padded, blocks, y, add });
    }
}

/// Output pixels over which the cotangent of the kernel is summed before it is written, about.
const KERNEL_BAND: usize = 128;

/// `w <- the cotangent of the kernel`, or `w <- w +` that if `add`, from images and cotangents of the output.
pub(super) fn kernel<T: Element>(spec: &Conv2d, x: &[T], y: &[T], w: &mut [T], add: bool, scratch: &mut [T]) {
    let geometry = spec.geometry::<T>();
    let at_once = spec.images_at_once();
    let image_len = spec.padded_len() - HEIGHT;
    let (images, blocks) = scratch[..spec.kernel_len()].split_at_mut(at_once * image_len + HEIGHT);
    if !add {
        w.fill(T::ZERO);
    }
    images.fill(T::ZERO);
    let x_len = at_once * (x.len() / spec.images.max(1)).max(1);
    let y_len = at_once * (y.len() / spec.images.max(1)).max(1);
    for (x, y) in x.chunks(x_len).zip(y.chunks(y_len)) {
        for (x, padded) in x.chunks_exact(x_len / at_once).zip(images.chunks_exact_mut(image_len)) {
            spec.pad(x, padded, &geometry);
        }
        // At the distance of a pixel, cache lines drive one another out.
        by_blocks(y, spec.filters, geometry.width, blocks);
        on_this_machine(Kernel { spec, geometry: &geometry, images, blocks: &blocks[..y.len()], w });
    }
}

/// Copies rows of `filters` elements to one block after the other of `width` neighbouring filters, each with all rows.
fn by_blocks<T: Element>(rows: &[T], filters: usize, width: usize, blocks: &mut [T]) {
    let len = rows.len() / filters * width;
    for (block, first) in blocks.chunks_exact_mut(len).zip((0..filters).step_by(width)) {
        for (to, from) in block.chunks_exact_mut(width).zip(rows.chunks_exact(filters)) {
            to.copy_from_slice(&from[first..first + width]);
        }
    }
}

impl Conv2d {
    /// Copies an image into the middle of its padding.
    fn pad<T: Element>(&self, x: &[T], padded: &mut [T], geometry: &Geometry) {
        let line = self.window.image[1] * self.channels;
        let [_, width, c] = geometry.padded;
        for (i, x) in x.chunks_exact(line).enumerate() {
            let start = ((i + self.window.padding[0]) * width + self.window.padding[1]) * c;
            padded[start..start + line].copy_from_slice(x);
        }
    }
}

/// One image of [`forward()`].
struct Forward<'a, T> {
    spec: &'a Conv2d,
    geometry: &'a Geometry,
    image: &'a [T],
    blocks: &'a [T],
    y: &'a mut [T],
    add: bool,
}

impl<T: Element> WithSimd for Forward<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match self.geometry.vectors {
            1 => self.run::<S, 1>(simd),
            _ => self.run::<S, 2>(simd),
        }
    }
}

impl<T: Element> Forward<'_, T> {
    #[inline(always)]
    fn run<S: Simd, const V: usize>(mut self, simd: S) {
        let [_, width] = self.spec.output();
        let (pixels, filters) = (self.y.len() / self.spec.filters, self.geometry.width);
        let block_len = self.spec.columns() * filters;
        for band in (0..pixels).step_by(BAND) {
            for (block, weights) in self.blocks.chunks_exact(block_len).enumerate() {
                let first_filter = block * filters;
                let group = first_filter / self.geometry.each * self.spec.depth();
                for first in (band..(band + BAND).min(pixels)).step_by(HEIGHT) {
                    let rows = HEIGHT.min(pixels - first);
                    // Pixels beyond the last repeat it; what is summed for them is dropped.
                    let starts: [usize; HEIGHT] = std::array::from_fn(|m| {
                        let pixel = first + m.min(rows - 1);
                        self.start(pixel / width, pixel % width) + group
                    });
                    self.block::<S, V>(simd, &starts, weights, first, rows, first_filter);
                }
            }
        }
    }

    /// The first element under the window at an output pixel.
    #[inline(always)]
    fn start(&self, i: usize, j: usize) -> usize {
        let [_, width, c] = self.geometry.padded;
        (i * self.spec.window.stride[0] * width + j * self.spec.window.stride[1]) * c
    }

    /// `rows` pixels from `first` on, filters from `filter` on.
    #[inline(always)]
    fn block<S: Simd, const V: usize>(
        &mut self,
        simd: S,
        starts: &[usize; HEIGHT],
        weights: &[T],
        first: usize,
        rows: usize,
        filter: usize,
    ) {
        let lanes = T::lanes::<S>();
        let mut sums = [[T::splat(simd, T::ZERO); V]; HEIGHT];
        let mut at = 0;
        for &(offset, len) in &self.geometry.runs {
            let lines: [&[T]; HEIGHT] = starts.map(|start| &self.image[start + offset..start + offset + len]);
            let weights = &weights[at * V * lanes..(at + len) * V * lanes];
            for k in 0..len {
                // SAFETY: `k < len`, the length of every line, and `weights` has `V` vectors for each of `len`.
                unsafe {
                    let from = weights.as_ptr().add(k * V * lanes);
                    let vectors: [T::Vector<S>; V] = std::array::from_fn(|v| T::load(simd, from.add(v * lanes)));
                    for m in 0..HEIGHT {
                        let x = T::splat(simd, *lines[m].get_unchecked(k));
                        for v in 0..V {
                            sums[m][v] = T::mul_add(simd, x, vectors[v], sums[m][v]);
                        }
                    }
                }
            }
            at += len;
        }
        for (m, sums) in sums.iter().take(rows).enumerate() {
            let place = (first + m) * self.spec.filters + filter;
            write(simd, sums, &mut self.y[place..place + V * lanes], self.add);
        }
    }
}

/// Some images of [`kernel()`].
struct Kernel<'a, T> {
    spec: &'a Conv2d,
    geometry: &'a Geometry,
    images: &'a [T],
    blocks: &'a [T],
    w: &'a mut [T],
}

impl<T: Element> WithSimd for Kernel<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match self.geometry.vectors {
            1 => self.run::<S, 1>(simd),
            _ => self.run::<S, 2>(simd),
        }
    }
}

impl<T: Element> Kernel<'_, T> {
    #[inline(always)]
    fn run<S: Simd, const V: usize>(mut self, simd: S) {
        let [_, width] = self.spec.output();
        let (all, lines) = (self.blocks.len() / (width * self.spec.filters), (KERNEL_BAND / width).max(1));
        for band in (0..all).step_by(lines) {
            let band = band..(band + lines).min(all);
            for filter in (0..self.spec.filters).step_by(self.geometry.width) {
                let group = filter / self.geometry.each * self.spec.depth();
                let mut row = 0;
                for &(offset, len) in &self.geometry.runs {
                    for first in (0..len).step_by(HEIGHT) {
                        let rows = HEIGHT.min(len - first);
                        self.block::<S, V>(simd, band.clone(), group + offset + first, row + first, rows, filter);
                    }
                    row += len;
                }
            }
        }
    }

    /// `rows` rows of the cotangent from `row` on, filters from `filter` on, over the output lines `band` of all images; `offset`
    /// is where the row's pixel lies under the window.
    #[inline(always)]
    fn block<S: Simd, const V: usize>(
        &mut self,
        simd: S,
        band: std::ops::Range<usize>,
        offset: usize,
        row: usize,
        rows: usize,
        filter: usize,
    ) {
        let lanes = T::lanes::<S>();
        let ([_, padded, c], [height, width], o) = (self.geometry.padded, self.spec.output(), self.spec.filters);
        let image_len = self.spec.padded_len() - HEIGHT;
        let block_len = self.blocks.len() / o * V * lanes;
        let block = &self.blocks[filter / (V * lanes) * block_len..][..block_len];
        let [down, across] = self.spec.window.stride;
        let mut sums = [[T::splat(simd, T::ZERO); V]; HEIGHT];
        for i in band {
            let start = i / height * image_len + i % height * down * padded * c + offset;
            let image = &self.images[start..start + (width - 1) * across * c + HEIGHT];
            let y = &block[i * width * V * lanes..(i + 1) * width * V * lanes];
            for j in 0..width {
                // SAFETY: `j < width`, and both slices reach as far as the last pixel of the line needs.
                unsafe {
                    let from = y.as_ptr().add(j * V * lanes);
                    let vectors: [T::Vector<S>; V] = std::array::from_fn(|v| T::load(simd, from.add(v * lanes)));
                    let pixel = image.as_ptr().add(j * across * c);
                    for (m, sums) in sums.iter_mut().enumerate() {
                        let x = T::splat(simd, *pixel.add(m));
                        for v in 0..V {
                            sums[v] = T::mul_add(simd, x, vectors[v], sums[v]);
                        }
                    }
                }
            }
        }
        for (m, sums) in sums.iter().take(rows).enumerate() {
            let place = (row + m) * o + filter;
            write(simd, sums, &mut self.w[place..place + V * lanes], true);
        }
    }
}

/// `out <- sums`, or `out <- out + sums` if `add`.
#[inline(always)]
fn write<T: Element, S: Simd, const V: usize>(simd: S, sums: &[T::Vector<S>; V], out: &mut [T], add: bool) {
    let lanes = T::lanes::<S>();
    assert_eq!(out.len(), V * lanes);
    for (v, &sum) in sums.iter().enumerate() {
        // SAFETY: `out` has `V` vectors, by the assertion.
        unsafe {
            let to = out.as_mut_ptr().add(v * lanes);
            let sum = if add { T::add_vectors(simd, T::load(simd, to), sum) } else { sum };
            T::store(simd, to, sum);
        }
    }
}
