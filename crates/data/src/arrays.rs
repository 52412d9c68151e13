//! Data sets from arrays in memory.

use crate::{ArrayError, Dataset, Error, Targets};

/// Numbers that a data set can be made of: slices, arrays and vectors of `f32` or `f64`. A `Vec<f32>` is taken over without a copy.
pub trait Numbers {
    /// In single precision, checked in rows of `width` numbers; `what` names them in errors.
    ///
    /// # Errors
    /// A number that is not finite in single precision; a column that differs in double precision alone.
    fn into_single(self, what: &'static str, width: usize) -> Result<Vec<f32>, ArrayError>;
}

/// A label of a class: any whole number, also as a float.
pub trait Label: Copy + std::fmt::Display {
    /// The class, if the label names one.
    fn class(self) -> Option<u32>;
}

impl Dataset {
    /// A data set of `inputs`, row-major of shape `[examples, ..]`: `[n, 2]` for a table of two columns, `[n, 3, 32, 32]` for images, channels first, `[n]`
    /// for a single column.
    ///
    /// # Errors
    /// [`ArrayError`] for numbers or shapes that cannot be used; as for [`Dataset::new`].
    ///
    /// # Example
    /// ```
    /// use onedge_data::{Dataset, Targets};
    ///
    /// let x = [0.5, 1.0, -0.5, 2.0, 1.5, -1.0];
    /// let data = Dataset::from_arrays(&x, &[3, 2], Targets::values(&[1.0, 2.0, 3.0], 1)?)?;
    /// assert_eq!((data.examples(), data.features()), (3, 2));
    ///
    /// let classes = Dataset::from_arrays(&x, &[3, 2], Targets::classes(&[0, 2, 1])?)?;
    /// assert_eq!(classes.targets().outputs(), 3);
    /// # Ok::<(), onedge_data::Error>(())
    /// ```
    pub fn from_arrays(inputs: impl Numbers, shape: &[usize], targets: Targets) -> Result<Self, Error> {
        let width = shape.iter().skip(1).try_fold(1usize, |product, &extent| product.checked_mul(extent));
        let inputs = inputs.into_single("inputs", width.unwrap_or(0))?;
        let fits = |(&examples, width): (&usize, usize)| examples.checked_mul(width) == Some(inputs.len());
        if !shape.first().zip(width).is_some_and(fits) {
            return Err(ArrayError::Shape { shape: shape.to_vec(), got: inputs.len() }.into());
        }
        // A shape of one axis is a column.
        let input_shape = if shape.len() == 1 { vec![1] } else { shape[1..].to_vec() };
        Self::new("arrays", inputs, input_shape, targets)
    }
}

impl Targets {
    /// Real numbers, `width` for each example.
    ///
    /// # Errors
    /// [`ArrayError::NotFinite`], [`ArrayError::Indistinct`].
    pub fn values(values: impl Numbers, width: usize) -> Result<Self, Error> {
        let values = values.into_single("targets", width)?.into_iter().map(f64::from).collect();
        Ok(Self::Values { values, width })
    }

    /// A class for each example; as many classes as the largest label says.
    ///
    /// # Errors
    /// [`ArrayError::Label`] for a label that is negative, fractional or not a number.
    pub fn classes(labels: &[impl Label]) -> Result<Self, Error> {
        let labels = whole(labels)?;
        let classes = labels.iter().max().map_or(0, |&label| label as usize + 1);
        Ok(Self::Classes { labels, classes, names: Vec::new() })
    }

    /// A class for each example, of so many. Labels out of range are found by [`Dataset::from_arrays`].
    ///
    /// # Errors
    /// As for [`classes`](Self::classes).
    pub fn classes_of(labels: &[impl Label], classes: usize) -> Result<Self, Error> {
        Ok(Self::Classes { labels: whole(labels)?, classes, names: Vec::new() })
    }
}

fn whole<L: Label>(labels: &[L]) -> Result<Vec<u32>, ArrayError> {
    let class =
        |(row, label): (usize, &L)| label.class().ok_or_else(|| ArrayError::Label { row, got: label.to_string() });
    labels.iter().enumerate().map(class).collect()
}

impl Numbers for Vec<f32> {
    fn into_single(self, what: &'static str, width: usize) -> Result<Vec<f32>, ArrayError> {
        match self.iter().position(|number| !number.is_finite()) {
            Some(at) => Err(not_finite(what, width, at, f64::from(self[at]))),
            None => Ok(self),
        }
    }
}

impl Numbers for &[f32] {
    fn into_single(self, what: &'static str, width: usize) -> Result<Vec<f32>, ArrayError> {
        self.to_vec().into_single(what, width)
    }
}

impl Numbers for &[f64] {
    fn into_single(self, what: &'static str, width: usize) -> Result<Vec<f32>, ArrayError> {
        let single: Vec<f32> = self.iter().map(|&number| number as f32).collect();
        if let Some(at) = single.iter().position(|number| !number.is_finite()) {
            return Err(not_finite(what, width, at, self[at]));
        }
        for column in 0..width.min(self.len()) {
            let numbers = self.iter().skip(column).step_by(width);
            let (low, high) =
                numbers.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &x| (low.min(x), high.max(x)));
            if low < high && low as f32 == high as f32 {
                return Err(ArrayError::Indistinct { what, column, low, high });
            }
        }
        Ok(single)
    }
}

impl Numbers for Vec<f64> {
    fn into_single(self, what: &'static str, width: usize) -> Result<Vec<f32>, ArrayError> {
        self.as_slice().into_single(what, width)
    }
}

impl<'a, T> Numbers for &'a Vec<T>
where
    &'a [T]: Numbers,
{
    fn into_single(self, what: &'static str, width: usize) -> Result<Vec<f32>, ArrayError> {
        self.as_slice().into_single(what, width)
    }
}

impl<'a, T, const N: usize> Numbers for &'a [T; N]
where
    &'a [T]: Numbers,
{
    fn into_single(self, what: &'static str, width: usize) -> Result<Vec<f32>, ArrayError> {
        self.as_slice().into_single(what, width)
    }
}

fn not_finite(what: &'static str, width: usize, at: usize, got: f64) -> ArrayError {
    ArrayError::NotFinite { what, row: at / width.max(1), column: at % width.max(1), got }
}

impl Label for u8 {
    fn class(self) -> Option<u32> {
        Some(u32::from(self))
    }
}

impl Label for u32 {
    fn class(self) -> Option<u32> {
        // One more must be a number of classes.
        (self < u32::MAX).then_some(self)
    }
}

impl Label for usize {
    fn class(self) -> Option<u32> {
        u32::try_from(self).ok().and_then(Label::class)
    }
}

impl Label for i32 {
    fn class(self) -> Option<u32> {
        u32::try_from(self).ok()
    }
}

impl Label for i64 {
    fn class(self) -> Option<u32> {
        u32::try_from(self).ok().and_then(Label::class)
    }
}

impl Label for f32 {
    fn class(self) -> Option<u32> {
        f64::from(self).class()
    }
}

impl Label for f64 {
    fn class(self) -> Option<u32> {
        (self >= 0.0 && self < f64::from(u32::MAX) && self.fract() == 0.0).then_some(self as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message<T>(result: Result<T, Error>) -> String {
        result.err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn arrays_become_examples() {
        let x: Vec<f32> = (0..12).map(|i| i as f32 / 4.0).collect();
        let address = x.as_ptr();
        let set = Dataset::from_arrays(x, &[2, 3, 1, 2], Targets::classes_of(&[1.0f32, 0.0], 4).unwrap()).unwrap();
        assert_eq!((set.examples(), set.input_shape(), set.input(1)[0]), (2, &[3, 1, 2][..], 1.5));
        assert_eq!(set.inputs().single().as_ptr(), address, "owned numbers are taken over");
        assert_eq!(set.inputs().shared(|x| x as f32).as_ptr(), address, "whoever trains on them has them once");
        let expected = Targets::Classes { labels: vec![1, 0], classes: 4, names: Vec::new() };
        assert_eq!(set.targets(), &expected);
        let column = Dataset::from_arrays(vec![0.5, 0.25], &[2], Targets::values(&[1.0f32, 3.0], 1).unwrap()).unwrap();
        assert_eq!((column.input_shape(), &*column.inputs().single()), (&[1][..], &[0.5f32, 0.25][..]));
        assert_eq!(column.targets(), &Targets::Values { values: vec![1.0, 3.0], width: 1 });
        for targets in [Targets::classes(&[0u8, 4]), Targets::classes(&[4usize, 1]), Targets::classes(&[4i64, 0])] {
            assert_eq!(targets.unwrap().outputs(), 5);
        }
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        let y = || Targets::values(&[1.0, 2.0], 1).unwrap();
        assert_eq!(
            message(Dataset::from_arrays(&[1.0, f64::NAN, 2.0, 3.0], &[2, 2], y())),
            "inputs, row 0, column 1: expected a finite number of single precision, got NaN; try removing or scaling it"
        );
        assert_eq!(
            message(Targets::values(&[1.0, 2.0, 3.0, 1e60], 2)),
            "targets, row 1, column 1: expected a finite number of single precision, got \
             1000000000000000000000000000000000000000000000000000000000000; try removing or scaling it"
        );
        assert_eq!(
            message(Dataset::from_arrays(&[5.0, 1.7e9, 6.0, 1.7e9 + 9.0], &[2, 2], y())),
            "inputs, column 1: expected numbers that single precision tells apart, got 1700000000 to 1700000009; \
             try subtracting the mean"
        );
        for (shape, text) in [(&[2, 3][..], "[2, 3]"), (&[], "[]"), (&[usize::MAX, 2], "[18446744073709551615, 2]")] {
            let expected =
                format!("inputs: expected the shape [examples, ..] of 4 numbers, got {text}; try another shape");
            assert_eq!(message(Dataset::from_arrays(&[1.0f32, 2.0, 3.0, 4.0], shape, y())), expected);
        }
        let label = |got: &str| {
            format!("labels, row 1: expected a whole number from 0, got {got}; try numbering the classes from 0")
        };
        assert_eq!(message(Targets::classes(&[0, -1])), label("-1"));
        assert_eq!(message(Targets::classes(&[0.0, 1.5])), label("1.5"));
        assert_eq!(message(Targets::classes(&[0.0, f64::NAN])), label("NaN"));
        assert_eq!(message(Targets::classes(&[0, u32::MAX])), label("4294967295"));
        let beyond = Dataset::from_arrays(&[1.0, 2.0], &[2, 1], Targets::classes_of(&[0, 3], 3).unwrap());
        assert_eq!(message(beyond), "arrays: label of example 1 out of range, expected 0..3, got 3; try correcting it");
        assert!(message(Dataset::from_arrays(&[1.0, 2.0, 3.0], &[3, 1], y())).contains("differ in length"));
        assert!(
            message(Targets::values(&[1.0], 0).and_then(|y| Dataset::from_arrays(&[1.0], &[1], y))).contains("width 0")
        );
    }
}
