use std::any::Any;
use std::borrow::Cow;
use std::sync::Arc;

/// In which precision numbers are held.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Precision {
    /// `f32`.
    #[default]
    Single,
    /// `f64`. Bytes, levels and what is drawn are exact in single precision, and held so all the same.
    Double,
}

/// Numbers in the precision that they are held in. A copy shares them until one of both is changed.
#[derive(Debug, Clone, PartialEq)]
pub enum Reals {
    /// In single precision.
    Single(Arc<Vec<f32>>),
    /// In double precision.
    Double(Arc<Vec<f64>>),
}

impl Reals {
    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Single(numbers) => numbers.len(),
            Self::Double(numbers) => numbers.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// One of them.
    ///
    /// # Panics
    /// Here and below: out of range.
    pub fn get(&self, place: usize) -> f64 {
        match self {
            Self::Single(numbers) => f64::from(numbers[place]),
            Self::Double(numbers) => numbers[place],
        }
    }

    /// All of them, rounded to single precision where they are held in double.
    pub fn single(&self) -> Cow<'_, [f32]> {
        self.single_in(0..self.len())
    }

    /// The same of some.
    pub fn single_in(&self, range: std::ops::Range<usize>) -> Cow<'_, [f32]> {
        match self {
            Self::Single(numbers) => Cow::Borrowed(&numbers[range]),
            Self::Double(numbers) => numbers[range].iter().map(|&x| x as f32).collect(),
        }
    }

    /// What `make` makes of those in a range.
    pub fn map_in<T>(&self, range: std::ops::Range<usize>, make: impl Fn(f64) -> T) -> Vec<T> {
        match self {
            Self::Single(numbers) => numbers[range].iter().map(|&x| make(f64::from(x))).collect(),
            Self::Double(numbers) => numbers[range].iter().map(|&x| make(x)).collect(),
        }
    }

    /// All of them as another kind of number: the same memory where that is the kind they are held in, else what `make` makes of each.
    pub fn shared<T: 'static>(&self, make: impl Fn(f64) -> T) -> Arc<Vec<T>> {
        let held: &dyn Any = match self {
            Self::Single(numbers) => numbers,
            Self::Double(numbers) => numbers,
        };
        held.downcast_ref::<Arc<Vec<T>>>().map_or_else(|| self.map_in(0..self.len(), make).into(), Arc::clone)
    }

    /// The rows of `width` numbers at `indices`, in that order.
    pub(crate) fn rows(&self, width: usize, indices: &[usize]) -> Self {
        fn rows<T: Copy>(numbers: &[T], width: usize, indices: &[usize]) -> Vec<T> {
            let mut rows = Vec::with_capacity(indices.len() * width);
            indices.iter().for_each(|&index| rows.extend_from_slice(&numbers[index * width..][..width]));
            rows
        }
        match self {
            Self::Single(numbers) => rows(numbers, width, indices).into(),
            Self::Double(numbers) => rows(numbers, width, indices).into(),
        }
    }

    /// Changes each number, told its place in its row of `width`, in place.
    pub(crate) fn change(&mut self, width: usize, change: impl Fn(usize, f64) -> f64) {
        match self {
            Self::Single(numbers) => Arc::make_mut(numbers).chunks_exact_mut(width).for_each(|row| {
                row.iter_mut().enumerate().for_each(|(place, x)| *x = change(place, f64::from(*x)) as f32);
            }),
            Self::Double(numbers) => Arc::make_mut(numbers).chunks_exact_mut(width).for_each(|row| {
                row.iter_mut().enumerate().for_each(|(place, x)| *x = change(place, *x));
            }),
        }
    }

    /// The place of the first that is not finite.
    pub(crate) fn first_not_finite(&self) -> Option<usize> {
        match self {
            Self::Single(numbers) => first_not_finite(numbers),
            Self::Double(numbers) => first_not_finite(numbers),
        }
    }
}

/// The place of the first number that is not finite.
fn first_not_finite<T: Copy + Into<f64>>(numbers: &[T]) -> Option<usize> {
    let finite = |x: &T| (*x).into().is_finite();
    // Without a branch per number the common case, nothing found, runs at memory speed.
    let suspect = numbers.chunks(4096).any(|chunk| chunk.iter().fold(false, |bad, x| bad | !finite(x)));
    suspect.then(|| numbers.iter().position(|x| !finite(x))).flatten()
}

impl From<Vec<f32>> for Reals {
    fn from(numbers: Vec<f32>) -> Self {
        Self::Single(numbers.into())
    }
}

impl From<Vec<f64>> for Reals {
    fn from(numbers: Vec<f64>) -> Self {
        Self::Double(numbers.into())
    }
}

/// Equal in single precision.
impl PartialEq<[f32]> for Reals {
    fn eq(&self, other: &[f32]) -> bool {
        *self.single() == *other
    }
}

/// Equal in single precision.
impl<const N: usize> PartialEq<[f32; N]> for Reals {
    fn eq(&self, other: &[f32; N]) -> bool {
        *self == other[..]
    }
}

/// Equal in single precision.
impl PartialEq<Vec<f32>> for Reals {
    fn eq(&self, other: &Vec<f32>) -> bool {
        *self == other[..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_kept_in_double_and_rounded_in_single() {
        let double = Reals::from(vec![0.1f64, 1e60, -2.5, 4.0]);
        assert_eq!((double.get(0), double.get(1)), (0.1, 1e60));
        assert_eq!(double.single()[..], [0.1f32, f32::INFINITY, -2.5, 4.0]);
        assert_eq!(double.rows(2, &[1, 0, 1]), Reals::from(vec![-2.5, 4.0, 0.1, 1e60, -2.5, 4.0]));
        assert_eq!(double.map_in(2..4, |x| x as i32), [-2, 4]);
        let mut scaled = double.clone();
        scaled.change(2, |place, x| x / [10.0, 2.0][place]);
        assert_eq!(scaled, Reals::from(vec![0.01, 5e59, -0.25, 2.0]));
        let mut single = Reals::from(vec![0.1f32, 3.0]);
        single.change(1, |_, x| x / 3.0);
        assert_eq!(single, [0.1f32 / 3.0, 1.0]);
        // Shared where nothing is to be made of them.
        let (Reals::Double(held), as_double) = (&double, double.shared(|x| x)) else { panic!() };
        assert!(Arc::ptr_eq(held, &as_double) && double.shared(|x| x as i8)[2..] == [-2, 4]);
        assert_eq!(double.first_not_finite(), None);
        assert_eq!(Reals::from(vec![0.0, f64::NAN, f64::INFINITY]).first_not_finite(), Some(1));
        assert_eq!(Reals::from(vec![0.0; 9000]).first_not_finite(), None);
    }
}
