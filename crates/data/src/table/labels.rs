//! Whether texts can be the labels of classes, or are numbers, names or marks that were meant for something else.

use std::collections::HashMap;

use crate::excerpt::excerpt;

/// What is wrong with a column as one of labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubt {
    /// What it must be.
    pub expected: &'static str,
    /// What it is.
    pub got: String,
    /// What to do about it.
    pub advice: &'static str,
}

const VALUES: &str = "`target = \"values\"`, or `any_label = true` if each is a class";
const SPELLINGS: &str = "writing it in one way, or `any_label = true` if they are two classes";
const OTHER_COLUMN: &str = "another `column`, or `any_label = true` if each is a class";
const OTHER_OR_VALUES: &str = "`target = \"values\"` or another `column`, or `any_label = true` if each is a class";

/// Why the distinct `labels` of so many rows are no classes, if they are none: numbers with fractions, one number in several
/// spellings, labels that hardly any two rows share.
pub fn doubt(labels: &[String], rows: usize) -> Option<Doubt> {
    let numbers: Vec<Option<f64>> = labels.iter().map(|label| finite(label)).collect();
    let are_numbers = numbers.iter().all(Option::is_some);
    let fraction = numbers.iter().position(|number| number.is_some_and(|number| number.fract() != 0.0));
    if let (true, Some(place)) = (are_numbers, fraction) {
        let got = format!("numbers with fractions, as {}", excerpt(&labels[place]));
        return Some(Doubt { expected: "labels of classes", got, advice: VALUES });
    }
    if let Some((one, other)) = spelled_twice(labels) {
        let got = format!("`{}` and `{}`", excerpt(one), excerpt(other));
        return Some(Doubt { expected: "labels that are each one number in one spelling", got, advice: SPELLINGS });
    }
    if shared_by_few(labels.len(), rows) {
        let got = format!("{} different ones in {rows} rows", labels.len());
        let advice = if are_numbers { OTHER_OR_VALUES } else { OTHER_COLUMN };
        return Some(Doubt { expected: "labels that rows share", got, advice });
    }
    None
}

/// Whether a text is a number in a notation that is not read: `$1.99`, `3,5`, `5 kg`, `2024-01-31`.
fn is_written_amount(label: &str) -> bool {
    let begins = label.trim_start_matches(|c: char| !c.is_alphanumeric()).starts_with(|c: char| c.is_ascii_digit());
    let letters = label.chars().filter(|c| c.is_alphabetic()).count();
    begins && finite(label).is_none() && letters <= 3
}

/// What is to be said of labels that are taken as classes.
pub fn remarks(labels: &[String], rows: usize) -> Vec<String> {
    let mut remarks = Vec::new();
    if let [only] = labels {
        remarks.push(format!("`{}` is the only class, so there is nothing to tell apart", excerpt(only)));
    }
    if let Some(amount) = labels.iter().find(|label| is_written_amount(label)).filter(|_| labels.len() > MANY) {
        remarks.push(format!(
            "{} different texts as `{}` are taken as classes; try writing them as plain numbers, with `target = \"values\"`, if they are amounts",
            labels.len(),
            excerpt(amount)
        ));
    }
    let number = |label: &String| finite(label).filter(|number| number.fract() == 0.0).map(|number| number as i64);
    let whole: Option<Vec<i64>> = labels.iter().map(number).collect();
    let in_a_row = |numbers: &[i64]| {
        numbers
            .last()
            .zip(numbers.first())
            .is_some_and(|(last, first)| last.wrapping_sub(*first) + 1 == numbers.len() as i64)
    };
    if whole.is_some_and(|numbers| !in_a_row(&numbers)) && labels.len() > MANY && labels.len() * FEW > rows {
        remarks.push(format!(
            "{} different numbers in {rows} rows are taken as classes; try `target = \"values\"` if they are amounts",
            labels.len()
        ));
    }
    for label in labels.iter().filter(|label| UNUSUAL_MARKS.contains(&label.to_lowercase().as_str())) {
        remarks.push(format!(
            "`{}` is taken as a class; if it stands for no label, name it in `missing_marks`",
            excerpt(label)
        ));
    }
    let mut seen: HashMap<String, &str> = HashMap::new();
    for label in labels {
        let folded = label.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ");
        if let Some(other) = seen.insert(folded, label) {
            remarks.push(format!("`{}` and `{}` are taken as two classes", excerpt(other), excerpt(label)));
        }
    }
    remarks
}

/// Two texts that are one number, if there are such.
pub fn spelled_twice(texts: &[String]) -> Option<(&str, &str)> {
    let mut seen = HashMap::new();
    texts.iter().find_map(|text| Some((seen.insert(number(text)?, text.as_str())?, text.as_str())))
}

/// Numbers of so many classes are amounts more often than not, where a class has fewer than [`FEW`] rows. Ours.
const MANY: usize = 20;
const FEW: usize = 10;

/// What else stands for a missing value in tables, in lower case; but it may well be a label.
const UNUSUAL_MARKS: [&str; 12] = ["na", "n/a", "nan", "none", "null", "<na>", "#na", "nat", "-", "--", ".", "missing"];

/// Whether classes have fewer than two rows on average, or in a table of a few rows each but one. scikit-learn warns from there on, too.
fn shared_by_few(labels: usize, rows: usize) -> bool {
    rows >= 4 && labels == rows || rows >= 8 && 2 * labels > rows
}

fn finite(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

/// A number that texts may spell in several ways.
#[derive(PartialEq, Eq, Hash)]
enum Number {
    Whole(i128),
    /// Its bits.
    Real(u64),
}

fn number(text: &str) -> Option<Number> {
    /// Whole numbers up to here are themselves in double precision.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match (text.parse(), finite(text)?) {
        (Ok(whole), _) => Some(Number::Whole(whole)),
        (Err(_), real) if real.fract() == 0.0 && real.abs() <= EXACT => Some(Number::Whole(real as i128)),
        (Err(_), real) => Some(Number::Real(real.to_bits())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(labels: &str) -> Vec<String> {
        labels.split(' ').map(str::to_owned).collect()
    }

    fn got(labels: &str, rows: usize) -> Option<String> {
        doubt(&texts(labels), rows).map(|doubt| doubt.got)
    }

    #[test]
    fn amounts_ids_and_names_are_no_classes() {
        assert_eq!(got("0.5 1 2", 900).unwrap(), "numbers with fractions, as 0.5");
        assert_eq!(got("10 20 35 40", 4).unwrap(), "4 different ones in 4 rows");
        let ids: String = (100..150).map(|id| format!("{id} ")).collect();
        assert_eq!(got(ids.trim(), 99).unwrap(), "50 different ones in 99 rows");
        let advice = |labels: &str| doubt(&texts(labels), 4).unwrap().advice;
        assert!(advice("1 2 3 4").starts_with("`target = \"values\"` or another `column`"));
        assert!(advice("ann bob cid dora").starts_with("another `column`"));
        // Classes that rows share, few rows, codes among texts.
        for (labels, rows) in
            [(ids.trim(), 100), ("1 2 3", 3), ("no yes", 2), ("1.5 big", 20), ("0 1 2 3 4", 10), ("1.0 2.0", 9)]
        {
            assert_eq!(got(labels, rows), None, "{labels}");
        }
    }

    #[test]
    fn one_number_in_two_spellings_is_one_class() {
        for (labels, two) in [
            ("0 1 1.0", "`1` and `1.0`"),
            ("+1 1 -1", "`+1` and `1`"),
            ("01 1 2", "`01` and `1`"),
            ("1e1 10 a", "`1e1` and `10`"),
            ("-0 0 1", "`-0` and `0`"),
        ] {
            assert_eq!(got(labels, 30).unwrap(), two);
        }
        // Numbers that double precision does not tell apart are two all the same.
        for labels in ["9007199254740992 9007199254740993", "1.0 2.0", "a A", "1 1a"] {
            assert_eq!(got(labels, 30), None, "{labels}");
        }
    }

    #[test]
    fn what_may_be_meant_otherwise_is_remarked() {
        assert_eq!(
            remarks(&texts("None no yes"), 30),
            ["`None` is taken as a class; if it stands for no label, name it in `missing_marks`"]
        );
        assert_eq!(remarks(&texts("No no yes"), 30), ["`No` and `no` are taken as two classes"]);
        let prices: Vec<String> = (0..30).map(|i| (i * 50).to_string()).collect();
        assert!(remarks(&prices, 290)[0].starts_with("30 different numbers in 290 rows are taken as classes"));
        let in_a_row: Vec<String> = (5..35).map(|i| i.to_string()).collect();
        for (labels, rows) in [(prices, 300), (in_a_row, 290), (texts("0 1 2"), 30)] {
            assert!(remarks(&labels, rows).is_empty());
        }
    }
}
