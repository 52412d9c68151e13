/// Examples that are no data set, or that a transform does not apply to. `origin` is a path or the name of a data set.
#[derive(Debug, thiserror::Error)]
pub enum ExamplesError {
    /// Two parts that belong together have different sizes.
    #[error("{origin}: {what}, expected {expected}, got {got}; try files that belong together")]
    Mismatch {
        /// The second part.
        origin: String,
        /// What differs.
        what: String,
        /// What the first part asks for.
        expected: String,
        /// What the second part has.
        got: String,
    },
    /// A size exceeds what this machine can address or allocate.
    #[error("{origin}: sizes {sizes} are too large, expected a product that fits memory; try fewer examples")]
    TooLarge {
        /// The file or data set.
        origin: String,
        /// The sizes, as `a x b`.
        sizes: String,
    },
    /// A size that must not be zero.
    #[error("{origin}: {what}, expected sizes of one or more, got {got}; try a positive number")]
    Size {
        /// The data set.
        origin: String,
        /// Which sizes: "input shape", "widths".
        what: &'static str,
        /// All of them.
        got: String,
    },
    /// There is nothing to train on.
    #[error("{origin}: expected at least one example, got none; try another file or a larger subset")]
    NoExamples {
        /// The file or data set.
        origin: String,
    },
    /// A label is not below the number of classes.
    #[error("{origin}: label of example {example} out of range, expected 0..{classes}, got {label}; try correcting it")]
    Label {
        /// The file or data set.
        origin: String,
        /// The example, from 0.
        example: usize,
        /// The label.
        label: u32,
        /// The number of classes.
        classes: usize,
    },
    /// A NaN or infinity among inputs or targets.
    #[error(
        "{origin}: {what} row {row}, column {column}: expected a finite number, got {value}; try removing that row"
    )]
    NonFinite {
        /// The file or data set.
        origin: String,
        /// `inputs` or `targets`.
        what: &'static str,
        /// The example, from 0.
        row: usize,
        /// The feature or output, from 0.
        column: usize,
        /// The value.
        value: f64,
    },
    /// A subset larger than what it is taken from.
    #[error("{origin}: subset too large, expected at most {available} examples of {what}, got {wanted}; try fewer")]
    Subset {
        /// The data set.
        origin: String,
        /// Of what: "all classes", "class `dog`".
        what: String,
        /// The examples asked for.
        wanted: usize,
        /// The examples there are.
        available: usize,
    },
    /// A transform that does not apply to this data set.
    #[error("{origin}: {what} does not apply, expected {expected}, got {got}; try {advice}")]
    Inapplicable {
        /// The data set.
        origin: String,
        /// The transform and its setting.
        what: String,
        /// What it needs.
        expected: String,
        /// What the data set is.
        got: String,
        /// What to do about it.
        advice: &'static str,
    },
}
