use std::borrow::Cow;

use crate::{Error, ExamplesError, Reals, Vocabulary};

/// Examples as rows of numbers, each with its target. Checked when made, so that whoever reads one may rely on it.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    origin: String,
    inputs: Reals,
    input_shape: Vec<usize>,
    targets: Targets,
    full_scale: Option<f32>,
}

/// What is to be predicted.
#[derive(Debug, Clone, PartialEq)]
pub enum Targets {
    /// One class per example.
    Classes {
        /// The class of each example, below `classes`.
        labels: Vec<u32>,
        /// The number of classes.
        classes: usize,
        /// One name per class, or none at all.
        names: Vec<String>,
    },
    /// At each of `length` places of an example the token that comes next. Inputs are tokens too: whole numbers.
    Tokens {
        /// Row-major `[examples, length]`, each an index into the vocabulary.
        tokens: Vec<u32>,
        /// The places of one example.
        length: usize,
        /// What each token stands for.
        vocabulary: Vocabulary,
    },
    /// Real numbers, `width` per example.
    Values {
        /// Row-major `[examples, width]`.
        values: Vec<f64>,
        /// The outputs per example.
        width: usize,
    },
}

/// Which kind of [`Targets`] is wanted, where there is a choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// One class per example.
    Classes,
    /// Real numbers.
    Values,
}

impl Dataset {
    /// A data set of `inputs`, row-major `[examples, features]` with `features` the product of `input_shape`
    /// (`[3, 32, 32]` channels first, `[1, 28, 28]` grey, `[11]` a table). `origin` names it in errors.
    ///
    /// # Errors
    /// No examples, lengths that do not agree, a label out of range, a NaN or infinity in inputs or targets.
    pub fn new(
        origin: impl Into<String>,
        inputs: Vec<f32>,
        input_shape: Vec<usize>,
        targets: Targets,
    ) -> Result<Self, Error> {
        Self::of_reals(origin, inputs.into(), input_shape, targets)
    }

    /// The same, of inputs in either precision.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn of_reals(
        origin: impl Into<String>,
        inputs: Reals,
        input_shape: Vec<usize>,
        targets: Targets,
    ) -> Result<Self, Error> {
        let origin = origin.into();
        let features = product(&origin, &input_shape)?;
        if features == 0 {
            return Err(Error::Examples(ExamplesError::Size {
                origin,
                what: "input shape",
                got: format!("{input_shape:?}"),
            }));
        }
        let examples = targets.check(&origin)?;
        if examples == 0 || inputs.is_empty() {
            return Err(Error::Examples(ExamplesError::NoExamples { origin }));
        }
        let expected = product(&origin, &[examples, features])?;
        if inputs.len() != expected {
            let what = format!("inputs and targets differ in length ({examples} targets, {features} features)");
            let (expected, got) = (format!("{expected} numbers"), inputs.len().to_string());
            return Err(Error::Examples(ExamplesError::Mismatch { origin, what, expected, got }));
        }
        require_finite(&origin, "inputs", &inputs, features)?;
        Ok(Self { origin, inputs, input_shape, targets, full_scale: None })
    }

    /// The same, with inputs known to lie in `0..=full_scale` (255 for bytes): what scaling to the unit interval needs.
    pub fn with_full_scale(mut self, full_scale: f32) -> Self {
        self.full_scale = Some(full_scale);
        self
    }

    /// What it is called in errors: a path or a name.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The number of examples, at least one.
    pub fn examples(&self) -> usize {
        self.inputs.len() / self.features()
    }

    /// The numbers per example, the product of [`input_shape`](Self::input_shape).
    pub fn features(&self) -> usize {
        self.input_shape.iter().product()
    }

    /// The shape of one example: `[channels, height, width]` for images.
    pub fn input_shape(&self) -> &[usize] {
        &self.input_shape
    }

    /// All inputs, row-major `[examples, features]`.
    pub fn inputs(&self) -> &Reals {
        &self.inputs
    }

    /// The inputs of one example, in single precision.
    ///
    /// # Panics
    /// If `example` is out of range.
    pub fn input(&self, example: usize) -> Cow<'_, [f32]> {
        let features = self.features();
        self.inputs.single_in(example * features..(example + 1) * features)
    }

    /// What is to be predicted.
    pub fn targets(&self) -> &Targets {
        &self.targets
    }

    /// The value that means one, if inputs lie in `0..=full_scale`.
    pub fn full_scale(&self) -> Option<f32> {
        self.full_scale
    }

    /// The inputs and targets, without a copy.
    pub fn into_parts(self) -> (Reals, Vec<usize>, Targets) {
        (self.inputs, self.input_shape, self.targets)
    }

    /// The examples at `indices`, in that order.
    ///
    /// # Errors
    /// [`ExamplesError::NoExamples`] if there are no indices.
    ///
    /// # Panics
    /// If an index is out of range.
    pub fn select(&self, indices: &[usize]) -> Result<Self, Error> {
        if indices.is_empty() {
            return Err(Error::Examples(ExamplesError::NoExamples { origin: self.origin.clone() }));
        }
        let inputs = self.inputs.rows(self.features(), indices);
        Ok(Self { inputs, targets: self.targets.select(indices), ..self.without_rows() })
    }

    /// The same inputs with other targets.
    pub(crate) fn with_targets(&self, targets: Targets) -> Result<Self, Error> {
        let set = Self::of_reals(self.origin.clone(), self.inputs.clone(), self.input_shape.clone(), targets)?;
        Ok(Self { full_scale: self.full_scale, ..set })
    }

    /// The same examples with each input changed, told which of an example it is; `full_scale` says what range they now have.
    pub(crate) fn map_inputs(
        mut self,
        full_scale: Option<f32>,
        change: impl Fn(usize, f64) -> f64,
    ) -> Result<Self, Error> {
        let features = self.features();
        self.inputs.change(features, change);
        require_finite(&self.origin, "inputs", &self.inputs, features)?;
        Ok(Self { full_scale, ..self })
    }

    /// The same examples with inputs replaced; `full_scale` says what range they now have.
    pub(crate) fn with_inputs(
        self,
        inputs: impl Into<Reals>,
        input_shape: Vec<usize>,
        full_scale: Option<f32>,
    ) -> Result<Self, Error> {
        Ok(Self { full_scale, ..Self::of_reals(self.origin, inputs.into(), input_shape, self.targets)? })
    }

    fn without_rows(&self) -> Self {
        Self {
            origin: self.origin.clone(),
            inputs: Vec::<f32>::new().into(),
            input_shape: self.input_shape.clone(),
            targets: Targets::Values { values: Vec::new(), width: 1 },
            full_scale: self.full_scale,
        }
    }
}

impl Targets {
    /// What a network must output per example: the number of classes, the size of the vocabulary (at each place), or the
    /// width of the values.
    pub fn outputs(&self) -> usize {
        match self {
            Self::Classes { classes, .. } => *classes,
            Self::Tokens { vocabulary, .. } => vocabulary.len(),
            Self::Values { width, .. } => *width,
        }
    }

    /// All targets as numbers, row-major: labels, tokens or values.
    pub fn numbers(&self) -> Vec<f64> {
        match self {
            Self::Classes { labels: whole, .. } | Self::Tokens { tokens: whole, .. } => {
                whole.iter().map(|&number| f64::from(number)).collect()
            }
            Self::Values { values, .. } => values.clone(),
        }
    }

    /// The targets of the examples at `indices`, in that order.
    fn select(&self, indices: &[usize]) -> Self {
        match self {
            Self::Classes { labels, classes, names } => Self::Classes {
                labels: indices.iter().map(|&i| labels[i]).collect(),
                classes: *classes,
                names: names.clone(),
            },
            Self::Tokens { tokens, length, vocabulary } => Self::Tokens {
                tokens: indices.iter().flat_map(|&i| &tokens[i * length..][..*length]).copied().collect(),
                length: *length,
                vocabulary: vocabulary.clone(),
            },
            Self::Values { values, width } => Self::Values {
                values: indices.iter().flat_map(|&i| &values[i * width..][..*width]).copied().collect(),
                width: *width,
            },
        }
    }

    /// Checks every target; returns how many examples there are.
    fn check(&self, origin: &str) -> Result<usize, Error> {
        match self {
            Self::Classes { labels, classes, names } => {
                if !names.is_empty() && names.len() != *classes {
                    let what = "class names and classes differ in number".to_owned();
                    let (expected, got) = (classes.to_string(), names.len().to_string());
                    return Err(Error::Examples(ExamplesError::Mismatch {
                        origin: origin.to_owned(),
                        what,
                        expected,
                        got,
                    }));
                }
                match labels.iter().position(|&label| label as usize >= *classes) {
                    Some(example) => {
                        let (origin, label) = (origin.to_owned(), labels[example]);
                        Err(Error::Examples(ExamplesError::Label { origin, example, label, classes: *classes }))
                    }
                    None => Ok(labels.len()),
                }
            }
            Self::Tokens { tokens, length, vocabulary } => {
                if *length == 0 || tokens.len() % length != 0 {
                    let what = format!("{} tokens do not fill rows", tokens.len());
                    let (expected, got) = ("a multiple of the length".to_owned(), format!("length {length}"));
                    return Err(Error::Examples(ExamplesError::Mismatch {
                        origin: origin.to_owned(),
                        what,
                        expected,
                        got,
                    }));
                }
                let classes = vocabulary.len();
                match tokens.iter().position(|&token| token as usize >= classes) {
                    Some(place) => {
                        let (origin, example, label) = (origin.to_owned(), place / length, tokens[place]);
                        Err(Error::Examples(ExamplesError::Label { origin, example, label, classes }))
                    }
                    None => Ok(tokens.len() / length),
                }
            }
            Self::Values { values, width } => {
                if *width == 0 || values.len() % width != 0 {
                    let what = format!("{} target values do not fill rows", values.len());
                    let (expected, got) = ("a multiple of the width".to_owned(), format!("width {width}"));
                    return Err(Error::Examples(ExamplesError::Mismatch {
                        origin: origin.to_owned(),
                        what,
                        expected,
                        got,
                    }));
                }
                match values.iter().position(|value| !value.is_finite()) {
                    Some(at) => Err(not_finite(origin, "targets", values[at], at, *width)),
                    None => Ok(values.len() / width),
                }
            }
        }
    }
}

/// The product of `sizes`, or the error that names them.
pub(crate) fn product(origin: &str, sizes: &[usize]) -> Result<usize, Error> {
    let product = sizes.iter().try_fold(1usize, |product, &size| product.checked_mul(size));
    // A slice is at most isize::MAX bytes long.
    product.filter(|&n| n <= isize::MAX as usize / size_of::<f64>()).ok_or_else(|| {
        let sizes: Vec<u64> = sizes.iter().map(|&size| size as u64).collect();
        Error::too_large(origin, &sizes)
    })
}

/// An empty vector with room for the product of `sizes`, or the error that names them if memory does not suffice.
pub(crate) fn allocate<T>(origin: &str, sizes: &[usize]) -> Result<Vec<T>, Error> {
    let mut room = Vec::new();
    match room.try_reserve_exact(product(origin, sizes)?) {
        Ok(()) => Ok(room),
        Err(_) => Err(Error::too_large(origin, &sizes.iter().map(|&size| size as u64).collect::<Vec<_>>())),
    }
}

fn require_finite(origin: &str, what: &'static str, numbers: &Reals, width: usize) -> Result<(), Error> {
    match numbers.first_not_finite() {
        None => Ok(()),
        Some(at) => Err(not_finite(origin, what, numbers.get(at), at, width)),
    }
}

fn not_finite(origin: &str, what: &'static str, value: f64, at: usize, width: usize) -> Error {
    let (origin, row, column) = (origin.to_owned(), at / width, at % width);
    Error::Examples(ExamplesError::NonFinite { origin, what, row, column, value })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classes(labels: &[u32], classes: usize) -> Targets {
        Targets::Classes { labels: labels.to_vec(), classes, names: Vec::new() }
    }

    fn message(inputs: &[f32], shape: &[usize], targets: Targets) -> String {
        Dataset::new("set", inputs.to_vec(), shape.to_vec(), targets).unwrap_err().to_string()
    }

    #[test]
    fn selects_rows_with_their_targets() {
        let targets = Targets::Values { values: vec![0.1, 0.2, 0.3, 0.4, 0.5, 0.6], width: 2 };
        let set = Dataset::new("set", vec![1.0, 2.0, 3.0], vec![1], targets).unwrap().with_full_scale(16.0);
        let selected = set.select(&[2, 0]).unwrap();
        assert_eq!(
            (selected.examples(), selected.features(), selected.inputs()),
            (2, 1, &Reals::from(vec![3.0f32, 1.0]))
        );
        assert_eq!(selected.targets(), &Targets::Values { values: vec![0.5, 0.6, 0.1, 0.2], width: 2 });
        assert_eq!(selected.full_scale(), Some(16.0));
        assert_eq!(selected.targets().numbers(), [0.5, 0.6, 0.1, 0.2]);
        assert_eq!(classes(&[1, 3], 4).numbers(), [1.0, 3.0]);
        assert_eq!(set.select(&[]).unwrap_err().to_string(), message(&[], &[1], classes(&[], 2)));
    }

    #[test]
    fn bad_data_is_named() {
        assert_eq!(
            message(&[1.0, 2.0, 3.0, 4.0], &[2], classes(&[1, 3], 3)),
            "set: label of example 1 out of range, expected 0..3, got 3; try correcting it"
        );
        assert_eq!(
            message(&[1.0, 2.0, 3.0, f32::NAN], &[2], classes(&[1, 2], 3)),
            "set: inputs row 1, column 1: expected a finite number, got NaN; try removing that row"
        );
        assert_eq!(
            message(&[1.0, 2.0], &[1], Targets::Values { values: vec![0.5, f64::INFINITY], width: 1 }),
            "set: targets row 1, column 0: expected a finite number, got inf; try removing that row"
        );
        assert_eq!(
            message(&[], &[3], classes(&[], 3)),
            "set: expected at least one example, got none; try another file or a larger subset"
        );
        assert_eq!(
            message(&[1.0, 2.0, 3.0], &[2], classes(&[1, 2], 3)),
            "set: inputs and targets differ in length (2 targets, 2 features), expected 4 numbers, got 3; \
             try files that belong together"
        );
        assert_eq!(
            message(&[1.0], &[usize::MAX, 3], classes(&[0], 3)),
            format!(
                "set: sizes {} x 3 are too large, expected a product that fits memory; try fewer examples",
                usize::MAX
            )
        );
        assert_eq!(
            message(&[1.0], &[0], classes(&[0], 3)),
            "set: input shape, expected sizes of one or more, got [0]; try a positive number"
        );
    }
}
