//! Copies whose neighbours lie apart in the source: in blocks that are whole cache lines on either side.

use super::Element;
use super::dispatch::vectorised;

/// Rows and columns of a block.
const BLOCK: usize = 16;

/// Rows whose blocks follow one another before the next columns do: about what the L2 cache has pages for.
const BAND: usize = 256;

/// An axis: its extent, how far apart its elements lie in the source, and in the result.
#[derive(Debug, Clone, Copy)]
struct Axis {
    extent: usize,
    source: usize,
    result: usize,
}

/// `out <- x` by the `axes` of `out`, outermost first: each with its extent and how far apart its elements lie in `x`.
pub fn turn<T: Element>(axes: &[(usize, usize)], x: &[T], out: &mut [T]) {
    let mut result = 1;
    let mut all: Vec<Axis> = Vec::with_capacity(axes.len());
    for &(extent, source) in axes.iter().rev() {
        all.push(Axis { extent, source, result });
        result *= extent;
    }
    assert_eq!(result, out.len(), "the result of axes {axes:?}");
    if result == 0 {
        return;
    }
    let last: usize = all.iter().map(|axis| (axis.extent - 1) * axis.source).sum();
    assert!(last < x.len(), "axes {axes:?} of {} elements", x.len());
    let Some((columns, rest)) = all.split_first() else { return out.copy_from_slice(&x[..1]) };
    // The rows of blocks: axes that follow one another in the source.
    let mut outer = rest.to_vec();
    outer.sort_by_key(|axis| axis.source);
    let mut count = 1;
    let next = |count: usize, axis: &Axis| (axis.source == count).then_some(count * axis.extent);
    let rows = outer.iter().take_while(|axis| next(count, axis).map(|next| count = next).is_some()).count();
    let rows: Vec<Axis> = outer.drain(..rows).collect();
    let firsts: Vec<usize> = places(&rows, |axis| axis.result).collect();
    let starts = places(&outer, |axis| axis.source).zip(places(&outer, |axis| axis.result));
    for (source, result) in starts {
        let (x, out) = (&x[source..], &mut out[result..]);
        vectorised(
            #[inline(always)]
            || blocks(*columns, &firsts, x, out),
        );
    }
}

/// All places along `axes`, the first axis fastest.
fn places(axes: &[Axis], stride: impl Fn(&Axis) -> usize) -> impl Iterator<Item = usize> {
    let count: usize = axes.iter().map(|axis| axis.extent).product();
    (0..count).map(move |mut index| {
        let along = |axis: &Axis| {
            let i = index % axis.extent;
            index /= axis.extent;
            i * stride(axis)
        };
        axes.iter().map(along).sum()
    })
}

/// `out[firsts[row] + column] <- x[row + column * columns.source]`
#[inline(always)]
fn blocks<T: Element>(columns: Axis, firsts: &[usize], x: &[T], out: &mut [T]) {
    for (band, firsts) in (0..).step_by(BAND).zip(firsts.chunks(BAND)) {
        for column in (0..columns.extent).step_by(BLOCK) {
            let width = BLOCK.min(columns.extent - column);
            for (row, firsts) in (band..).step_by(BLOCK).zip(firsts.chunks(BLOCK)) {
                let x = &x[row + column * columns.source..];
                match <&[usize; BLOCK]>::try_from(firsts) {
                    Ok(firsts) if width == BLOCK => block(columns.source, firsts, x, &mut out[column..]),
                    _ => {
                        for (row, first) in firsts.iter().enumerate() {
                            let to = &mut out[first + column..first + column + width];
                            to.iter_mut().enumerate().for_each(|(i, to)| *to = x[row + i * columns.source]);
                        }
                    }
                }
            }
        }
    }
}

/// One block: read line by line before any of it is written, so that lines of one place in the cache do not drive one another out.
#[inline(always)]
fn block<T: Element>(stride: usize, firsts: &[usize; BLOCK], x: &[T], out: &mut [T]) {
    let mut lines = [[T::ZERO; BLOCK]; BLOCK];
    for (i, line) in lines.iter_mut().enumerate() {
        line.copy_from_slice(&x[i * stride..i * stride + BLOCK]);
    }
    for (row, first) in firsts.iter().enumerate() {
        let turned: [T; BLOCK] = std::array::from_fn(|i| lines[i][row]);
        out[*first..first + BLOCK].copy_from_slice(&turned);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_order_of_axes() {
        let orders: [&[usize]; 7] =
            [&[1, 0], &[0, 2, 1], &[2, 1, 0], &[1, 2, 0], &[2, 3, 1, 0], &[3, 1, 0, 2], &[0, 3, 1, 2]];
        for order in orders {
            for extents in [[37, 21, 16, 18], [16, 32, 3, 3], [5, 1, 40, 2], [2, 17, 1, 33]] {
                let extents = &extents[..order.len()];
                let strides: Vec<usize> = (0..extents.len()).map(|axis| extents[axis + 1..].iter().product()).collect();
                let axes: Vec<(usize, usize)> = order.iter().map(|&axis| (extents[axis], strides[axis])).collect();
                let x: Vec<f64> = (0..extents.iter().product()).map(|i| i as f64).collect();
                let mut out = vec![-1.0; x.len()];
                turn(&axes, &x, &mut out);
                for (i, got) in out.iter().enumerate() {
                    let (mut rest, mut from) = (i, 0);
                    for (extent, stride) in axes.iter().rev() {
                        from += rest % extent * stride;
                        rest /= extent;
                    }
                    assert_eq!(*got, x[from], "element {i} of {order:?} of {extents:?}");
                }
            }
        }
    }
}
