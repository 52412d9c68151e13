use std::borrow::Cow;

use onedge_record::{COLUMNS, Row};

/// The column of the learning rate times the sharpness, as [`onedge_record::Record::edge`] has it.
pub const PRODUCT: &str = "rate_x_sharpness";
/// The columns of the largest eigenvalues: this, and the place from 1.
pub const EIGENVALUE: &str = "eigenvalue_";

/// Which quantity it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key<'a> {
    /// One of [`COLUMNS`], or the product after them.
    Fixed(usize),
    /// An eigenvalue, or what another diagnostic read.
    Named(Cow<'a, str>),
}

/// The number of fixed ones.
pub const FIXED: usize = COLUMNS.len() + 1;

/// The name of a fixed one.
pub fn fixed_name(index: usize) -> &'static str {
    COLUMNS.get(index).map_or(PRODUCT, |column| column.name)
}

/// The place of a fixed one by its name.
pub fn fixed(name: &str) -> Option<usize> {
    (0..FIXED).find(|index| fixed_name(*index) == name)
}

/// What a record reads, one after the other: its columns, the product of rate and sharpness, eigenvalues, and what other diagnostics read.
pub fn each<'a>(row: &Row<'a>, mut see: impl FnMut(Key<'a>, f64)) {
    let number = |text: &str| text.parse::<f64>().unwrap_or(f64::NAN);
    let (mut rate, mut sharpness, mut preconditioned) = (None, None, None);
    for (index, column) in COLUMNS.iter().enumerate() {
        let Some(text) = row.cell(index) else { continue };
        let value = number(text);
        match column.name {
            "learning_rate" => rate = Some(value),
            "sharpness" => sharpness = Some(value),
            "preconditioned_sharpness" => preconditioned = Some(value),
            _ => {}
        }
        see(Key::Fixed(index), value);
    }
    if let (Some(rate), Some(sharpness)) = (rate, preconditioned.or(sharpness)) {
        see(Key::Fixed(FIXED - 1), rate * sharpness);
    }
    for (place, text) in row.eigenvalues.iter().enumerate() {
        see(Key::Named(Cow::Owned(format!("{EIGENVALUE}{}", place + 1))), number(text));
    }
    for (name, text) in &row.measured {
        see(Key::Named(name.clone()), number(text));
    }
}

/// The one called `name`.
pub fn of(row: &Row<'_>, name: &str) -> Option<f64> {
    let number = |text: &&str| text.parse::<f64>().unwrap_or(f64::NAN);
    if COLUMNS.iter().any(|column| column.name == name) {
        return row.value(name);
    }
    if name == PRODUCT {
        let sharpness = row.value("preconditioned_sharpness").or_else(|| row.value("sharpness"))?;
        return Some(row.value("learning_rate")? * sharpness);
    }
    if let Some(place) = name.strip_prefix(EIGENVALUE).and_then(|place| place.parse::<usize>().ok()) {
        return row.eigenvalues.get(place.checked_sub(1)?).map(number);
    }
    row.measured.get(name).map(number)
}

/// What a record tells of its step that the tuner's rule has no plain answer for, by the names that events of tuners have.
pub fn event(row: &Row<'_>) -> Option<&'static str> {
    if row.value("slope").is_some_and(|slope| slope >= 0.0) {
        Some("non_descent")
    } else if row.value("curvature").is_some_and(|curvature| curvature < 0.0) {
        Some("negative_curvature")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"step":3,"loss":null,"learning_rate":0.5,"slope":0.25,"sharpness":4.0,"cost":9.0,"seconds":1.0,"eigenvalues":[4.0,1.5],"measured":{"trace":7.5}}"#;

    #[test]
    fn all_that_is_recorded_is_read_under_its_name() {
        let row = Row::read(LINE.as_bytes()).unwrap();
        let mut seen = Vec::new();
        each(&row, |key, value| match key {
            Key::Fixed(index) => seen.push((fixed_name(index).to_owned(), value)),
            Key::Named(name) => seen.push((name.into_owned(), value)),
        });
        let find = |name: &str| seen.iter().find(|(known, _)| known == name).map(|(_, value)| *value);
        assert!(find("loss").unwrap().is_nan());
        for (name, value) in
            [("step", 3.0), ("rate_x_sharpness", 2.0), ("eigenvalue_1", 4.0), ("eigenvalue_2", 1.5), ("trace", 7.5)]
        {
            assert_eq!((find(name), of(&row, name)), (Some(value), Some(value)), "{name}");
        }
        assert_eq!(seen.len(), 11);
        for absent in ["curvature", "eigenvalue_3", "eigenvalue_0", "magnitude", "layers"] {
            assert_eq!(of(&row, absent), None, "{absent}");
        }
        assert_eq!(event(&row), Some("non_descent"));
    }
}
