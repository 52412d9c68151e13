//! One channel, one filter, no products over channels: straight from memory, some channels at a time in registers.

use std::ops::Range;

use super::super::Element;
use super::super::dispatch::vectorised;
use super::{Conv2d, Role};

/// Channels whose sums stay in registers.
const WIDE: usize = 64;

/// The same for what is left of them.
const NARROW: usize = 16;

/// A depthwise convolution or one of its transposes, see [`conv2d()`](super::conv2d()).
pub(super) fn run<T: Element>(spec: &Conv2d, a: &[T], b: &[T], out: &mut [T], add: bool) {
    if !add {
        out.fill(T::ZERO);
    }
    vectorised(
        #[inline(always)]
        || match (spec.role, spec.turned()) {
            (Role::Output, _) => gather(spec, false, a, b, out),
            (Role::Image, Some(turned)) => gather(&turned, true, a, b, out),
            (Role::Image, None) => scatter(spec, a, b, out),
            (Role::Kernel, _) => kernel(spec, a, b, out),
        },
    );
}

/// The whole numbers below `extent` that are `wanted`, which are neighbours.
fn range(extent: usize, wanted: impl Fn(usize) -> bool) -> Range<usize> {
    let start = (0..extent).find(|&i| wanted(i)).unwrap_or(extent);
    start..(start..extent).find(|&i| !wanted(i)).unwrap_or(extent)
}

/// Calls `$f::<T, CHANNELS>(first channel, ..)` until all `$channels` are done.
macro_rules! by_channels {
    ($channels:expr, $f:ident($($argument:expr),*)) => {
        let mut first = 0;
        while first + WIDE <= $channels {
            $f::<T, WIDE>(first, $($argument),*);
            first += WIDE;
        }
        while first + NARROW <= $channels {
            $f::<T, NARROW>(first, $($argument),*);
            first += NARROW;
        }
        while first < $channels {
            $f::<T, 1>(first, $($argument),*);
            first += 1;
        }
    };
}

/// Some neighbouring channels of a pixel or tap.
#[inline(always)]
fn channels<T, const N: usize>(x: &[T], start: usize) -> &[T; N] {
    x[start..start + N].try_into().expect("so many elements")
}

/// `out <- out + conv2d(x, w)`, the taps of `w` from the last to the first if `reversed`.
#[inline(always)]
fn gather<T: Element>(spec: &Conv2d, reversed: bool, x: &[T], w: &[T], out: &mut [T]) {
    let (c, window) = (spec.channels, &spec.window);
    let [height, width] = spec.output();
    let [rows, columns] = [(0, height), (1, width)].map(|(axis, extent)| {
        let seen = |place: usize| range(window.kernel[axis], |tap| window.source(axis, place, tap).is_some());
        (0..extent).map(seen).collect::<Vec<_>>()
    });
    let image = (window.image[0] * window.image[1] * c).max(1);
    for (x, out) in x.chunks_exact(image).zip(out.chunks_exact_mut((height * width * c).max(1))) {
        for (i, rows) in rows.iter().enumerate() {
            for (j, columns) in columns.iter().enumerate() {
                let place = (i * width + j) * c;
                let taps = [rows.clone(), columns.clone()];
                by_channels!(c, pixel(spec, reversed, [i, j], &taps, x, w, &mut out[place..place + c]));
            }
        }
    }
}

/// One output pixel, of the taps that see the image.
#[inline(always)]
#[expect(clippy::too_many_arguments, reason = "inlined")]
fn pixel<T: Element, const N: usize>(
    first: usize,
    spec: &Conv2d,
    reversed: bool,
    at: [usize; 2],
    [rows, columns]: &[Range<usize>; 2],
    x: &[T],
    w: &[T],
    out: &mut [T],
) {
    let (c, window) = (spec.channels, &spec.window);
    let mut sums: [T; N] = *channels(out, first);
    for a in rows.clone() {
        let line = at[0] * window.stride[0] + a * window.dilation[0] - window.padding[0];
        for b in columns.clone() {
            let column = at[1] * window.stride[1] + b * window.dilation[1] - window.padding[1];
            let tap = a * window.kernel[1] + b;
            let tap = if reversed { window.kernel[0] * window.kernel[1] - 1 - tap } else { tap };
            let x: &[T; N] = channels(x, (line * window.image[1] + column) * c + first);
            let w: &[T; N] = channels(w, tap * c + first);
            for k in 0..N {
                sums[k] += x[k] * w[k];
            }
        }
    }
    out[first..first + N].copy_from_slice(&sums);
}

/// `w <- w + the cotangent of the kernel`, from images and cotangents of the output.
#[inline(always)]
fn kernel<T: Element>(spec: &Conv2d, x: &[T], y: &[T], w: &mut [T]) {
    let (c, window) = (spec.channels, &spec.window);
    let [height, width] = spec.output();
    let places = |axis: usize, extent: usize, tap: usize| range(extent, |at| window.source(axis, at, tap).is_some());
    let columns: Vec<Range<usize>> = (0..window.kernel[1]).map(|tap| places(1, width, tap)).collect();
    let image = (window.image[0] * window.image[1] * c).max(1);
    for (x, y) in x.chunks_exact(image).zip(y.chunks_exact((height * width * c).max(1))) {
        for (i, y) in y.chunks_exact((width * c).max(1)).enumerate() {
            for a in 0..window.kernel[0] {
                let Some(line) = window.source(0, i, a) else { continue };
                let x = &x[line * window.image[1] * c..][..window.image[1] * c];
                for (b, columns) in columns.iter().enumerate() {
                    let w = &mut w[(a * window.kernel[1] + b) * c..][..c];
                    by_channels!(c, tap(spec, b, columns, x, y, w));
                }
            }
        }
    }
}

/// One tap, over the output pixels of a line of which it sees the image.
#[inline(always)]
fn tap<T: Element, const N: usize>(
    first: usize,
    spec: &Conv2d,
    b: usize,
    columns: &Range<usize>,
    x: &[T],
    y: &[T],
    w: &mut [T],
) {
    let (c, window) = (spec.channels, &spec.window);
    let mut sums: [T; N] = *channels(w, first);
    for j in columns.clone() {
        let column = j * window.stride[1] + b * window.dilation[1] - window.padding[1];
        let (x, y): (&[T; N], &[T; N]) = (channels(x, column * c + first), channels(y, j * c + first));
        for k in 0..N {
            sums[k] += x[k] * y[k];
        }
    }
    w[first..first + N].copy_from_slice(&sums);
}

/// `x <- x + the cotangents of the images` where strides leave gaps between the pixels that a tap sees.
#[inline(always)]
fn scatter<T: Element>(spec: &Conv2d, y: &[T], w: &[T], x: &mut [T]) {
    let (c, window) = (spec.channels, &spec.window);
    let [height, width] = spec.output();
    let image = (window.image[0] * window.image[1] * c).max(1);
    for (y, x) in y.chunks_exact((height * width * c).max(1)).zip(x.chunks_exact_mut(image)) {
        for (place, y) in y.chunks_exact(c).enumerate() {
            for (tap, w) in w.chunks_exact(c).enumerate() {
                let line = window.source(0, place / width, tap / window.kernel[1]);
                let column = window.source(1, place % width, tap % window.kernel[1]);
                let (Some(line), Some(column)) = (line, column) else { continue };
                let x = &mut x[(line * window.image[1] + column) * c..][..c];
                x.iter_mut().zip(y.iter().zip(w)).for_each(|(x, (y, w))| *x += *y * *w);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use onedge_graph::Window;

    use super::*;

    /// Tap by tap of each output pixel.
    fn plain(spec: &Conv2d, a: &[f32], b: &[f32], out: &mut [f32]) {
        let (c, window, [height, width]) = (spec.channels, &spec.window, spec.output());
        for pixel in 0..spec.images * height * width {
            let (image, place) = (pixel / (height * width), pixel % (height * width));
            for tap in 0..window.kernel[0] * window.kernel[1] {
                let line = window.source(0, place / width, tap / window.kernel[1]);
                let column = window.source(1, place % width, tap % window.kernel[1]);
                let (Some(line), Some(column)) = (line, column) else { continue };
                let x = (image * window.image[0] + line) * window.image[1] + column;
                for k in 0..c {
                    let (to, left, right) = match spec.role {
                        Role::Output => (pixel, x, tap),
                        Role::Image => (x, pixel, tap),
                        Role::Kernel => (tap, x, pixel),
                    };
                    out[to * c + k] += a[left * c + k] * b[right * c + k];
                }
            }
        }
    }

    #[test]
    fn sums_have_the_bits_of_plain_loops() {
        let window = Window { padding: [2, 1], ..Window::new([9, 7], 3) };
        let windows = [
            window,
            Window { kernel: [5, 2], ..window },
            Window { stride: [2, 3], ..window },
            Window { dilation: [2, 1], ..window },
            Window { padding: [4, 0], dilation: [2, 2], stride: [1, 2], ..window },
        ];
        for (window, channels) in windows.into_iter().flat_map(|window| [1, 5, 16, 83].map(|c| (window, c))) {
            for role in [Role::Output, Role::Image, Role::Kernel] {
                let window = Window { groups: channels, ..window };
                let spec = Conv2d { role, window, images: 2, channels, filters: channels };
                let numbers = |len: usize, step: f32| (0..len).map(|i| (i as f32 * step).sin()).collect::<Vec<f32>>();
                let (x, w) = (2 * 63 * channels, window.kernel[0] * window.kernel[1] * channels);
                let y = spec.pixels() * channels;
                let [a, b, out] = match role {
                    Role::Output => [x, w, y],
                    Role::Image => [y, w, x],
                    Role::Kernel => [x, y, w],
                };
                let (a, b) = (numbers(a, 0.7), numbers(b, 1.3));
                for add in [false, true] {
                    let (mut expected, mut got) = (numbers(out, 0.3), numbers(out, 0.3));
                    if !add {
                        expected.fill(0.0);
                    }
                    plain(&spec, &a, &b, &mut expected);
                    run(&spec, &a, &b, &mut got, add);
                    assert!(expected == got, "{spec:?}");
                }
            }
        }
    }
}
