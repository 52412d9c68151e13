use crate::table::{TableEncoding, TableSummary};
use crate::{Dataset, Error, ExamplesError, Scaling, Targets};

/// What to train on, and what to test on if the set has such a part.
#[derive(Debug, Clone, PartialEq)]
pub struct Split {
    /// The training examples.
    pub train: Dataset,
    /// The test examples; the same shape and kind of target.
    pub test: Option<Dataset>,
    /// How the examples were made of the cells of a table, if they were.
    pub encoding: Option<TableEncoding>,
    /// What the columns of a table were taken as, if the examples are from one.
    pub table: Option<TableSummary>,
    /// What may have been taken for something else, each a sentence.
    pub remarks: Vec<String>,
    /// How the inputs of both were scaled after they were read; those of a table are by its encoding.
    pub scaling: Scaling,
}

impl Split {
    /// A split whose parts fit each other.
    ///
    /// # Errors
    /// [`ExamplesError::Mismatch`] if shapes, kinds of target or classes differ.
    pub fn new(train: Dataset, test: Option<Dataset>) -> Result<Self, Error> {
        if let Some(test) = &test {
            let (expected, got) = (describe(&train), describe(test));
            if expected != got {
                let what = "test set differs from the training set".to_owned();
                return Err(Error::Examples(ExamplesError::Mismatch {
                    origin: test.origin().to_owned(),
                    what,
                    expected,
                    got,
                }));
            }
        }
        Ok(Self { train, test, encoding: None, table: None, remarks: Vec::new(), scaling: Scaling::None })
    }

    /// The same examples scaled as others were: what was done to their inputs is undone, in double precision, and `scaling` done
    /// instead. What inputs were before is known to single precision alone.
    ///
    /// # Errors
    /// A number that overflows.
    pub fn rescaled(&self, scaling: &Scaling) -> Result<Self, Error> {
        if self.scaling == *scaling {
            return Ok(self.clone());
        }
        let mut split = self.clone().try_map(|set| self.scaling.change(scaling, set))?;
        split.scaling = scaling.clone();
        Ok(split)
    }

    /// The split with `change` applied to both parts.
    pub(crate) fn try_map(self, mut change: impl FnMut(Dataset) -> Result<Dataset, Error>) -> Result<Self, Error> {
        let train = change(self.train)?;
        let test = self.test.map(change).transpose()?;
        Ok(Self { train, test, ..self })
    }
}

fn describe(set: &Dataset) -> String {
    let kind = match set.targets() {
        Targets::Classes { .. } => "classes",
        Targets::Tokens { .. } => "tokens",
        Targets::Values { .. } => "values",
    };
    format!("inputs {:?} and {} {kind}", set.input_shape(), set.targets().outputs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_must_fit() {
        let set = |classes, shape: &[usize]| {
            let targets = Targets::Classes { labels: vec![0], classes, names: Vec::new() };
            Dataset::new("set", vec![0.5; shape.iter().product()], shape.to_vec(), targets).unwrap()
        };
        assert!(Split::new(set(3, &[2]), Some(set(3, &[2]))).is_ok());
        assert_eq!(
            Split::new(set(3, &[1, 2, 2]), Some(set(4, &[4]))).unwrap_err().to_string(),
            "set: test set differs from the training set, expected inputs [1, 2, 2] and 3 classes, \
             got inputs [4] and 4 classes; try files that belong together"
        );
    }
}
