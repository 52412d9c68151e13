use onedge_graph::Shape;

use super::Element;
use super::dispatch::TILE;
use super::turn::turn;

/// How the elements of a larger tensor are found in a smaller one: `(extent, stride in the source)`, outermost first,
/// with neighbouring axes merged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spread {
    runs: Vec<(usize, usize)>,
    repeat: Option<Repeat>,
}

/// A short pattern that is repeated: how often, and the place in the source of each of its elements.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Repeat {
    times: usize,
    pattern: Vec<usize>,
}

/// Elements of a pattern, at most, unless tiles hold whole patterns.
const PATTERN: usize = 256;

/// Elements that are worth a copy in blocks.
const BLOCKS: usize = 256;

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
        let repeat = Self::repeat(&mut runs);
        Self { runs, repeat }
    }

    /// Takes the innermost runs away if they are a short pattern and its repetition.
    fn repeat(runs: &mut Vec<(usize, usize)>) -> Option<Repeat> {
        let at = runs.iter().rposition(|&(_, stride)| stride == 0)?;
        let at = if at + 1 == runs.len() { runs[..at].iter().rposition(|&(_, stride)| stride == 0)? } else { at };
        let inner = runs.split_off(at);
        let (times, inner) = (inner[0].0, &inner[1..]);
        let len: usize = inner.iter().map(|(extent, _)| extent).product();
        if len > PATTERN && !TILE.is_multiple_of(len) {
            runs.push((times, 0));
            runs.extend(inner);
            return None;
        }
        Some(Repeat { times, pattern: (0..len).map(|i| place(inner, i)).collect() })
    }

    /// How many elements have tiles that all begin alike: those that start within the same multiple of this number. `None`
    /// where that is so of no two tiles.
    pub fn steady(&self) -> Option<usize> {
        let (outer, block) = match (&self.repeat, self.runs.split_last()) {
            (Some(repeat), _) if TILE.is_multiple_of(repeat.pattern.len()) => {
                (&self.runs[..], repeat.pattern.len() * repeat.times)
            }
            (None, Some((&(extent, 0), outer))) => (outer, extent),
            (None, None) => return Some(usize::MAX),
            _ => return None,
        };
        if outer.is_empty() { Some(usize::MAX) } else { Some(block).filter(|block| block.is_multiple_of(TILE)) }
    }

    /// How often each element comes, if one comes after the other, all of them equally often.
    pub fn times_each(&self) -> Option<usize> {
        match (&self.repeat, &self.runs[..]) {
            (None, [(_, 1)]) => Some(1),
            (None, [(_, 1), (times, 0)]) => Some(*times),
            _ => None,
        }
    }

    /// Parts of the larger tensor are loaded fastest if they are multiples of so many elements.
    pub fn unit(&self) -> usize {
        match self.runs.last() {
            Some(&(_, stride)) if stride > 1 => self.runs[1..].iter().map(|(extent, _)| extent).product(),
            _ => 1,
        }
    }

    /// Writes elements `start ..` of the larger tensor to `out`.
    pub fn load<T: Element>(&self, x: &[T], start: usize, out: &mut [T]) {
        if let Some(repeat) = &self.repeat {
            return self.load_repeated(repeat, x, start, out);
        }
        let Some((&(extent, stride), outer)) = self.runs.split_last() else {
            return out.fill(x[0]);
        };
        let unit = self.unit();
        if stride > 1 && out.len() >= BLOCKS && start.is_multiple_of(unit) && out.len().is_multiple_of(unit) {
            let mut axes = self.runs.clone();
            axes[0].0 = out.len() / unit;
            return turn(&axes, &x[start / unit * axes[0].1..], out);
        }
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

    fn load_repeated<T: Element>(&self, repeat: &Repeat, x: &[T], start: usize, out: &mut [T]) {
        let (period, block) = (repeat.pattern.len(), repeat.pattern.len() * repeat.times);
        let mut done = 0;
        while done < out.len() {
            let (row, within) = ((start + done) / block, (start + done) % block);
            let run = (block - within).min(out.len() - done);
            let to = &mut out[done..done + run];
            let x = &x[place(&self.runs, row)..];
            let pattern = repeat.pattern.iter().cycle().skip(within % period);
            to.iter_mut().zip(pattern).take(period).for_each(|(to, from)| *to = x[*from]);
            let mut filled = period;
            while filled < run {
                let more = filled.min(run - filled);
                to.copy_within(..more, filled);
                filled += more;
            }
            done += run;
        }
    }
}

/// The place in the source of the `row`-th index along the outer runs.
pub fn place(outer: &[(usize, usize)], mut row: usize) -> usize {
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
        let shape = Shape::new(&[2, 3, 5, 4]);
        for axes in [&[0, 2, 3][..], &[1, 3], &[0, 2], &[1], &[3], &[0, 1, 2], &[]] {
            let spread = Spread::new(&shape, axes);
            let source = shape.without(axes);
            let x: Vec<f64> = (0..source.size()).map(|i| i as f64 + 10.0).collect();
            let whole: Vec<f64> = (0..shape.size())
                .map(|i| {
                    let index = |axis: usize| i / shape.strides()[axis] % shape[axis];
                    let places = (0..shape.rank()).filter(|axis| !axes.contains(axis)).map(index);
                    x[places.zip(source.strides()).map(|(i, stride)| i * stride).sum::<usize>()]
                })
                .collect();
            for start in 0..shape.size() {
                let mut out = vec![0.0; shape.size() - start];
                spread.load(&x, start, &mut out);
                assert_eq!(out, whole[start..], "over {axes:?}");
            }
        }
    }

    #[test]
    fn tiles_are_alike_where_they_are_steady() {
        let mut steady_ones = 0;
        let shapes = [&[3, 64, 32, 8][..], &[2, 4, 2048], &[5000, 4], &[2, 3, 4096], &[7, 900]];
        for (shape, axes) in
            shapes.into_iter().flat_map(|shape| [&[0][..], &[1], &[2], &[1, 2], &[0, 1]].map(|axes| (shape, axes)))
        {
            if axes.iter().any(|&axis| axis >= shape.len()) {
                continue;
            }
            let shape = Shape::new(shape);
            let spread = Spread::new(&shape, axes);
            let x: Vec<f64> = (0..shape.without(axes).size()).map(|i| i as f64).collect();
            let mut whole = vec![0.0; shape.size()];
            spread.load(&x, 0, &mut whole);
            let tiles: Vec<&[f64]> = whole.chunks(TILE).collect();
            for (i, tile) in tiles.iter().enumerate() {
                if spread.steady().is_some_and(|steady| !(i * TILE).is_multiple_of(steady)) {
                    assert_eq!(tiles[i - 1][..tile.len()], **tile, "{shape:?} over {axes:?}");
                    steady_ones += 1;
                }
            }
        }
        assert!(steady_ones > 50);
    }

    #[test]
    fn merges_neighbouring_axes() {
        let repeated = Spread::new(&Shape::new(&[7, 3, 4]), &[0]);
        assert_eq!(repeated.repeat, Some(Repeat { times: 7, pattern: (0..12).collect() }));
        assert_eq!(Spread::new(&Shape::new(&[7, 3, 4]), &[2]).runs, [(21, 1), (4, 0)]);
    }
}
