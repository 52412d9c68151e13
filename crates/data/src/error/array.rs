/// What can be wrong with an array.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ArrayError {
    /// A number that is not finite, as it is or in single precision.
    #[error(
        "{what}, row {row}, column {column}: expected a finite number of single precision, got {got}; try removing or scaling it"
    )]
    NotFinite {
        /// `inputs` or `targets`.
        what: &'static str,
        /// The example, from 0.
        row: usize,
        /// The feature or output, from 0.
        column: usize,
        /// The number.
        got: f64,
    },
    /// A column whose numbers differ, but not in single precision.
    #[error(
        "{what}, column {column}: expected numbers that single precision tells apart, got {low} to {high}; try subtracting the mean"
    )]
    Indistinct {
        /// `inputs` or `targets`.
        what: &'static str,
        /// The feature or output, from 0.
        column: usize,
        /// The smallest.
        low: f64,
        /// The largest.
        high: f64,
    },
    /// A label that names no class.
    #[error("labels, row {row}: expected a whole number from 0, got {got}; try numbering the classes from 0")]
    Label {
        /// The example, from 0.
        row: usize,
        /// The label.
        got: String,
    },
    /// A shape that does not begin with the number of examples.
    #[error("inputs: expected the shape [examples, ..] of {got} numbers, got {shape:?}; try another shape")]
    Shape {
        /// The shape that was given.
        shape: Vec<usize>,
        /// How many numbers there are.
        got: usize,
    },
}
