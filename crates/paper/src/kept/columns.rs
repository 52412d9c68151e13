//! The columns that are kept of a run's records, and how exactly.

use onedge_record::Record;

/// A column of numbers that a record has or has not.
pub struct Kept {
    /// Its name, that of [`onedge_record::COLUMNS`].
    pub name: &'static str,
    /// So many significant digits are kept.
    pub digits: usize,
    /// Reads it.
    pub get: fn(&Record) -> Option<f64>,
    /// Writes it.
    pub set: fn(&mut Record, f64),
}

/// What figures read of records, but for their step and what other diagnostics measured.
pub const KEPT: &[Kept] = &[
    Kept { name: "loss", digits: 5, get: |r| Some(r.loss), set: |r, value| r.loss = value },
    Kept { name: "learning_rate", digits: 5, get: |r| Some(r.learning_rate), set: |r, value| r.learning_rate = value },
    Kept { name: "gradient_norm", digits: 4, get: |r| r.gradient_norm, set: |r, value| r.gradient_norm = Some(value) },
    Kept { name: "update_cosine", digits: 4, get: |r| r.update_cosine, set: |r, value| r.update_cosine = Some(value) },
    Kept { name: "sharpness", digits: 5, get: |r| r.sharpness, set: |r, value| r.sharpness = Some(value) },
    Kept {
        name: "preconditioned_sharpness",
        digits: 5,
        get: |r| r.preconditioned_sharpness,
        set: |r, value| r.preconditioned_sharpness = Some(value),
    },
    Kept { name: "alignment", digits: 4, get: |r| r.alignment, set: |r, value| r.alignment = Some(value) },
    Kept { name: "cost", digits: 6, get: |r| Some(r.cost), set: |r, value| r.cost = value },
    Kept { name: "seconds", digits: 4, get: |r| Some(r.seconds), set: |r, value| r.seconds = value },
];

/// Digits kept of what other diagnostics measured.
pub const MEASURED_DIGITS: usize = 5;

/// A number with so many significant digits.
pub fn rounded(value: f64, digits: usize) -> f64 {
    if value.is_finite() { format!("{value:.*e}", digits - 1).parse().unwrap_or(value) } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_records() {
        for kept in KEPT {
            let column = onedge_record::COLUMNS.iter().find(|column| column.name == kept.name).expect(kept.name);
            let mut record = Record::default();
            (kept.set)(&mut record, 0.75);
            assert_eq!(((kept.get)(&record), (column.get)(&record)), (Some(0.75), Some(0.75)), "{}", kept.name);
        }
    }

    #[test]
    fn digits_are_significant() {
        assert_eq!([rounded(123_456.0, 3), rounded(-0.001_234_56, 4), rounded(0.0, 4)], [123_000.0, -0.001_235, 0.0]);
        assert!(rounded(f64::NAN, 4).is_nan() && rounded(f64::INFINITY, 4).is_infinite());
    }
}
