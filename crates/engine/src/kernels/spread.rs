use onedge_graph::Shape;

use super::Element;

/// How the elements of a larger tensor are found in a smaller one: `(extent, stride in the source)`, outermost first,
/// with neighbouring axes merged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spread {
    runs: Vec<(usize, usize)>,
}

impl Spread {
    /// The broadcast of a tensor that lacks `axes` to `shape`.
    pub fn new(shape: &Shape, axes: &[usize]) -> Self {
        let source = shape.without(axes);
        let mut strides = source.strides().into_iter();
        let stride = |axis: usize| if axes.contains(&axis) { 0 } else { strides.next().unwrap_or(1) };
        let strides: Vec<usize> = (0..shape.rank()).map(stride).collect();
        Self::merged(shape.iter().copied().zip(strides))
    }

    /// The tensor whose axis `i` has extent and stride of axis `order[i]` of a tensor of shape `source`.
    pub fn permuted(source: &Shape, order: &[usize]) -> Self {
        let strides = source.strides();
        Self::merged(order.iter().map(|&axis| (source[axis], strides[axis])))
    }

    fn merged(axes: impl Iterator<Item = (usize, usize)>) -> Self {
        let mut runs: Vec<(usize, usize)> = Vec::new();
        for (extent, stride) in axes.filter(|&(extent, _)| extent != 1) {
            match runs.last_mut() {
                Some((merged, outer)) if *outer == extent * stride => {
                    *merged *= extent;
                    *outer = stride;
                }
                _ => runs.push((extent, stride)),
            }
        }
        Self { runs }
    }

    /// Writes elements `start ..` of the larger tensor to `out`.
    pub fn load<T: Element>(&self, x: &[T], start: usize, out: &mut [T]) {
        let Some((&(extent, stride), outer)) = self.runs.split_last() else {
            return out.fill(x[0]);
        };
        let (mut row, mut within) = (start / extent, start % extent);
        let mut done = 0;
        while done < out.len() {
            let run = (extent - within).min(out.len() - done);
            let to = &mut out[done..done + run];
            let from = place(outer, row) + within * stride;
            match stride {
                0 => to.fill(x[from]),
                1 => to.copy_from_slice(&x[from..from + run]),
                _ => to.iter_mut().zip(x[from..].iter().step_by(stride)).for_each(|(to, x)| *to = *x),
            }
            done += run;
            within = 0;
            row += 1;
        }
    }
}

/// `out <- x` in another order of axes.
pub fn permute<T: Element>(spec: &Spread, x: &[T], out: &mut [T]) {
    spec.load(x, 0, out);
}

/// The place in the source of the `row`-th index along the outer runs.
fn place(outer: &[(usize, usize)], mut row: usize) -> usize {
    let mut from = 0;
    for &(extent, stride) in outer.iter().rev() {
        from += row % extent * stride;
        row /= extent;
    }
    from
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loads_any_window_of_a_broadcast() {
        let (shape, axes) = (Shape::new(&[2, 3, 4]), [0, 2]);
        let spread = Spread::new(&shape, &axes);
        let x = [10.0, 20.0, 30.0];
        let whole: Vec<f64> = (0..24).map(|i| x[i / 4 % 3]).collect();
        for start in 0..24 {
            let mut out = vec![0.0; 24 - start];
            spread.load(&x, start, &mut out);
            assert_eq!(out, whole[start..]);
        }
    }

    #[test]
    fn merges_neighbouring_axes() {
        assert_eq!(Spread::new(&Shape::new(&[7, 3, 4]), &[0]).runs, [(7, 0), (12, 1)]);
        assert_eq!(Spread::new(&Shape::new(&[7, 3, 4]), &[2]).runs, [(21, 1), (4, 0)]);
    }
}
