use std::fmt;
use std::ops::Deref;

/// The extent of each axis, outermost first; values are stored in row-major order. A scalar has no axes.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Shape(Box<[usize]>);

impl Shape {
    /// The shape with these extents.
    pub fn new(extents: &[usize]) -> Self {
        Self(extents.into())
    }

    /// The number of elements.
    pub fn size(&self) -> usize {
        self.0.iter().product()
    }

    /// The number of elements; `None` if an array of f64 cannot have as many.
    pub fn checked_size(&self) -> Option<usize> {
        const MOST: usize = isize::MAX as usize / size_of::<f64>();
        // Empty axes count as one, so that strides fit too.
        let size = self.0.iter().try_fold(1_usize, |size, &extent| size.checked_mul(extent.max(1)))?;
        (size <= MOST).then(|| self.size())
    }

    /// The number of axes.
    pub fn rank(&self) -> usize {
        self.0.len()
    }

    /// For each axis, how far apart its neighbours are in row-major order.
    pub fn strides(&self) -> Vec<usize> {
        let mut strides = vec![1; self.rank()];
        for axis in (1..self.rank()).rev() {
            strides[axis - 1] = strides[axis] * self[axis];
        }
        strides
    }

    /// The shape without `axes`.
    pub fn without(&self, axes: &[usize]) -> Self {
        Self((0..self.rank()).filter(|axis| !axes.contains(axis)).map(|axis| self[axis]).collect())
    }
}

/// Why shapes do not fit an op.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// What was expected, in words.
    pub expected: String,
    /// What to try.
    pub hint: &'static str,
}

impl Misfit {
    /// Inputs other than the `expected` ones; `hint` says what to try.
    pub fn new(expected: impl Into<String>, hint: &'static str) -> Self {
        Self { expected: expected.into(), hint }
    }
}

impl From<Vec<usize>> for Shape {
    fn from(extents: Vec<usize>) -> Self {
        Self(extents.into())
    }
}

impl Deref for Shape {
    type Target = [usize];

    fn deref(&self) -> &[usize] {
        &self.0
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_that_no_array_has() {
        let half = usize::MAX / 2 + 1;
        for (extents, size) in [
            (&[][..], Some(1)),
            (&[3, 0, 5], Some(0)),
            (&[1 << 30, 1 << 29], Some(1 << 59)),
            (&[1 << 30, 1 << 30], None),
            (&[half, 2], None),
            (&[half, 2, 0], None),
            (&[usize::MAX], None),
        ] {
            assert_eq!(Shape::new(extents).checked_size(), size, "{extents:?}");
        }
    }
}
