//! Filters: which runs to list.

mod parser;

use super::FieldValue;
use super::field::written_list;
use crate::Error;

/// A condition on a run: comparisons with `and`, `or`, `not` and parentheses, as [`Filter::parse`] reads them.
///
/// A comparison with something that a run does not have is false, and so it fits `!=` and `not`. Text is compared by its letters,
/// so that times can be compared: `started >= 2025-11-20`.
#[derive(Debug, Clone, PartialEq)]
pub enum Filter {
    /// One comparison.
    Compare(Comparison),
    /// The contrary.
    Not(Box<Filter>),
    /// All of these.
    And(Vec<Filter>),
    /// One of these.
    Or(Vec<Filter>),
}

/// `key operator value`
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// As the index has it.
    key: String,
    /// Where the key stands in the text, counted from 1.
    column: usize,
    operator: Operator,
    /// As written, without quotes.
    value: String,
    /// Where it stands.
    value_column: usize,
    /// The same as a number, if it is one and has no quotes.
    number: Option<f64>,
}

/// How to compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Contains,
}

impl Operator {
    /// As written, the longer ones first.
    const ALL: [(&'static str, Self); 8] = [
        ("==", Self::Equal),
        ("!=", Self::Unequal),
        ("<=", Self::LessOrEqual),
        (">=", Self::GreaterOrEqual),
        ("=", Self::Equal),
        ("<", Self::Less),
        (">", Self::Greater),
        ("~", Self::Contains),
    ];
}

impl Filter {
    /// Whether it fits what `fact` says of a run.
    pub fn fits<'a>(&self, fact: &dyn Fn(&str) -> Option<&'a FieldValue>) -> bool {
        match self {
            Self::Compare(comparison) => comparison.fits(fact(&comparison.key)),
            Self::Not(inner) => !inner.fits(fact),
            Self::And(parts) => parts.iter().all(|part| part.fits(fact)),
            Self::Or(parts) => parts.iter().any(|part| part.fits(fact)),
        }
    }

    /// Every key that it asks for, with its place in the text.
    pub fn keys(&self) -> Vec<(&str, usize)> {
        self.comparisons().into_iter().map(|comparison| (&comparison.key[..], comparison.column)).collect()
    }

    /// Whether what is text in it is compared with numbers.
    ///
    /// # Errors
    /// [`Error::Filter`], where `is_number` knows of a key that it is a number in all runs that have it.
    pub(super) fn check_kinds(&self, is_number: impl Fn(&str) -> bool) -> Result<(), Error> {
        let by_size = |one: &&Comparison| one.number.is_none() && one.operator != Operator::Contains;
        match self.comparisons().into_iter().filter(by_size).find(|one| is_number(&one.key)) {
            None => Ok(()),
            Some(Comparison { key, value, value_column, .. }) => {
                let (expected, got) = (format!("a number to compare `{key}` with"), format!("text, `{value}`"));
                Err(Error::Filter { column: *value_column, expected, got })
            }
        }
    }

    fn comparisons(&self) -> Vec<&Comparison> {
        match self {
            Self::Compare(comparison) => vec![comparison],
            Self::Not(inner) => inner.comparisons(),
            Self::And(parts) | Self::Or(parts) => parts.iter().flat_map(Self::comparisons).collect(),
        }
    }
}

impl Comparison {
    fn fits(&self, fact: Option<&FieldValue>) -> bool {
        match (self.operator, fact) {
            (Operator::Unequal, fact) => !self.equals(fact),
            (_, None) => false,
            (Operator::Equal, fact) => self.equals(fact),
            (Operator::Contains, Some(fact)) => fact.to_string().contains(&self.value),
            (operator, Some(fact)) => {
                use std::cmp::Ordering::{Equal, Greater, Less};
                let order = match (fact.text(), self.number) {
                    (Some(text), _) => Some((*text).cmp(&self.value)),
                    (None, Some(value)) => fact.number().and_then(|number| number.partial_cmp(&value)),
                    (None, None) => None,
                };
                match operator {
                    Operator::Less => order == Some(Less),
                    Operator::Greater => order == Some(Greater),
                    Operator::LessOrEqual => matches!(order, Some(Less | Equal)),
                    _ => matches!(order, Some(Greater | Equal)),
                }
            }
        }
    }

    fn equals(&self, fact: Option<&FieldValue>) -> bool {
        match fact {
            None => false,
            Some(FieldValue::Text(text)) => *text == self.value,
            Some(FieldValue::Flag(flag)) => flag.to_string() == self.value,
            Some(list @ FieldValue::List(_)) => written_list(&self.value) == Some(list.to_string()),
            Some(all @ FieldValue::Words(words)) => words.contains(&self.value) || all.to_string() == self.value,
            Some(FieldValue::Integer(integer)) => match self.value.parse::<i64>() {
                // Seeds have more digits than a float.
                Ok(value) => *integer == value,
                Err(_) => self.number == Some(*integer as f64),
            },
            Some(FieldValue::Number(number)) => self.number == Some(*number),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn fits(filter: &str) -> bool {
        let run: BTreeMap<&str, FieldValue> = BTreeMap::from([
            ("tuner", "cdat".into()),
            ("tuner.sigma", FieldValue::Number(2.0625)),
            ("seed", FieldValue::Integer(9_007_199_254_740_993)),
            ("model.hidden", FieldValue::List(vec![FieldValue::Integer(64); 2])),
            ("name", "rate = 0.1 (old)".into()),
            ("drop_last", FieldValue::Flag(true)),
            ("started", "2025-11-26T17:53:07Z".into()),
            ("tags", FieldValue::Words(vec!["baseline".to_owned(), "good".to_owned()])),
            ("diverge_factor", FieldValue::Number(f64::INFINITY)),
            ("final_loss", FieldValue::Number(f64::NAN)),
        ]);
        Filter::parse(filter).unwrap().fits(&|key| run.get(key))
    }

    #[test]
    fn compares_by_kind() {
        for (filter, expected) in [
            ("tuner=cdat", true),
            ("tuner.name == cdat", true),
            ("tuner=\"cdat\"", true),
            ("tuner!=cdat", false),
            ("tuner~da", true),
            ("tuner<d", true),
            ("tuner.sigma>2", true),
            ("tuner.sigma>=2.0625", true),
            ("tuner.sigma=20625e-4", true),
            ("tuner.sigma=\"2.0625\"", false),
            ("tuner.sigma<2.0625", false),
            ("tuner.sigma>cdat", false),
            ("tuner.sigma~06", true),
            ("seed=9007199254740993", true),
            ("seed=9007199254740992", false),
            ("spec.seed>1e15", true),
            ("model.hidden=[64,64]", true),
            ("model.hidden = [64, 64.0]", true),
            ("model.hidden=[64]", false),
            ("model.hidden~64", true),
            ("name='rate = 0.1 (old)'", true),
            ("drop_last=true", true),
            ("started>2025-11-26", true),
            ("started<2025-11-26T17", false),
            ("tag=good", true),
            ("tag=goo", false),
            ("tags~goo", true),
            ("tag!=bad", true),
            ("diverge_factor>1e300", true),
            ("diverge_factor=inf", true),
            ("final_loss<1", false),
            ("final_loss>=1", false),
            ("batch=1", false),
            ("batch!=1", true),
            ("not batch=1", true),
        ] {
            assert_eq!(fits(filter), expected, "{filter}");
        }
    }

    #[test]
    fn numbers_are_compared_with_numbers() {
        let check = |filter: &str| Filter::parse(filter).unwrap().check_kinds(|key| key == "final_loss");
        for fine in ["final_loss<1", "final_loss=-inf", "final_loss~abc", "tuner<abc and final_loss!=1"] {
            check(fine).unwrap();
        }
        for (filter, column, got) in [
            ("final_loss < abc", 14, "abc"),
            ("tuner=a or not final_loss='1'", 27, "1"),
            ("final_loss!=nan", 13, "nan"),
        ] {
            let message = check(filter).unwrap_err().to_string();
            let expected =
                format!("where: column {column}: expected a number to compare `final_loss` with, got text, `{got}`;");
            assert!(message.starts_with(&expected), "{message}");
        }
    }

    #[test]
    fn and_binds_closer_than_or() {
        let (yes, no) = ("tuner=cdat", "tuner=gd");
        for (filter, expected) in [
            (format!("{yes} or {no} and {no}"), true),
            (format!("({yes} or {no}) and {no}"), false),
            (format!("not {no} and {yes}"), true),
            (format!("not ({no} or {yes})"), false),
            (format!("NOT NOT {yes} AND {yes}"), true),
            (format!("{no} or not({no})and {yes}"), true),
        ] {
            assert_eq!(fits(&filter), expected, "{filter}");
        }
    }
}
