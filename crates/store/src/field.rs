use std::borrow::Cow;
use std::fmt;

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use serde_json::json;

/// One thing known of a run.
#[derive(Debug, Clone, PartialEq)]
pub enum FieldValue {
    /// A whole number.
    Integer(i64),
    /// A number.
    Number(f64),
    /// Text.
    Text(String),
    /// `true` or `false`.
    Flag(bool),
    /// `[64, 64]`
    List(Vec<FieldValue>),
    /// Tags, names of files.
    Words(Vec<String>),
}

impl FieldValue {
    /// Its value, if it is a number.
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Integer(integer) => Some(*integer as f64),
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// As what it is compared, if it is no number.
    pub(super) fn text(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Integer(_) | Self::Number(_) => None,
            Self::Text(text) => Some(Cow::Borrowed(text)),
            Self::Flag(_) | Self::List(_) | Self::Words(_) => Some(Cow::Owned(self.to_string())),
        }
    }

    /// As JSON, which has no infinities and no NaN: they become the text `inf`, `-inf` and `NaN`.
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Integer(integer) => (*integer).into(),
            Self::Number(number) if number.is_finite() => (*number).into(),
            Self::Number(number) => number.to_string().into(),
            Self::Text(text) => text.as_str().into(),
            Self::Flag(flag) => (*flag).into(),
            Self::List(items) => items.iter().map(Self::to_json).collect(),
            Self::Words(words) => words.as_slice().into(),
        }
    }

    /// What a spec says; nothing for tables and dates, which no setting is.
    pub(super) fn from_toml(value: &toml::Value) -> Option<Self> {
        Some(match value {
            toml::Value::String(text) => Self::Text(text.clone()),
            toml::Value::Integer(integer) => Self::Integer(*integer),
            toml::Value::Float(number) => Self::Number(*number),
            toml::Value::Boolean(flag) => Self::Flag(*flag),
            toml::Value::Array(items) => {
                Self::List(items.iter().filter_map(Self::from_toml).map(Self::in_a_list).collect())
            }
            toml::Value::Datetime(_) | toml::Value::Table(_) => return None,
        })
    }

    /// What a summary says; nothing for `null`, objects and lists.
    pub(super) fn from_json(value: &serde_json::Value) -> Option<Self> {
        match value {
            serde_json::Value::Number(number) => match number.as_i64() {
                Some(integer) => Some(Self::Integer(integer)),
                None => number.as_f64().map(Self::Number),
            },
            serde_json::Value::String(text) => Some(Self::Text(text.clone())),
            serde_json::Value::Bool(flag) => Some(Self::Flag(*flag)),
            _ => None,
        }
    }

    /// In lists 2 and 2.0 are the same.
    fn in_a_list(self) -> Self {
        match self {
            Self::Number(number) if number.fract() == 0.0 && number.abs() < 1e15 => Self::Integer(number as i64),
            other => other,
        }
    }
}

/// A list as facts hold it, from `[64,64]` as people write it; `None` for what is no list.
pub(super) fn written_list(text: &str) -> Option<String> {
    let inner = text.strip_prefix('[')?.strip_suffix(']')?;
    let items = inner.split(',').map(str::trim).filter(|item| !item.is_empty());
    let item = |item: &str| item.parse().map_or_else(|_| item.to_owned(), |number: f64| number.to_string());
    Some(list(&items.map(item).collect::<Vec<_>>()))
}

fn list(items: &[String]) -> String {
    format!("[{}]", items.join(", "))
}

impl fmt::Display for FieldValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(integer) => write!(f, "{integer}"),
            Self::Number(number) => write!(f, "{number:?}"),
            Self::Text(text) => f.write_str(text),
            Self::Flag(flag) => write!(f, "{flag}"),
            Self::List(items) => f.write_str(&list(&items.iter().map(Self::to_string).collect::<Vec<_>>())),
            Self::Words(words) => f.write_str(&words.join(" ")),
        }
    }
}

impl From<&str> for FieldValue {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for FieldValue {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl ToSql for FieldValue {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        match self {
            Self::Integer(integer) => integer.to_sql(),
            Self::Number(number) => number.to_sql(),
            Self::Text(text) => text.to_sql(),
            Self::Flag(_) | Self::List(_) => Ok(self.to_json().to_string().into_bytes().into()),
            Self::Words(words) => Ok(json!({ WORDS: words }).to_string().into_bytes().into()),
        }
    }
}

/// Marks words among what is kept as JSON.
const WORDS: &str = "words";

/// What was kept as JSON.
fn kept(value: &serde_json::Value) -> Option<FieldValue> {
    match value {
        serde_json::Value::Array(items) => items.iter().map(kept).collect::<Option<_>>().map(FieldValue::List),
        serde_json::Value::Object(object) => {
            let words = object.get(WORDS)?.as_array()?.iter().map(|word| word.as_str().map(str::to_owned));
            words.collect::<Option<_>>().map(FieldValue::Words)
        }
        other => FieldValue::from_json(other),
    }
}

impl FromSql for FieldValue {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value {
            ValueRef::Integer(integer) => Ok(Self::Integer(integer)),
            ValueRef::Real(number) => Ok(Self::Number(number)),
            ValueRef::Text(_) => value.as_str().map(Self::from),
            ValueRef::Null => Ok(Self::Number(f64::NAN)),
            ValueRef::Blob(json) => {
                let value = serde_json::from_slice(json).map_err(|_| FromSqlError::InvalidType)?;
                kept(&value).ok_or(FromSqlError::InvalidType)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_alike_however_they_are_written() {
        let table: toml::Table = "a = [64, 64]\nb = [0.5, 2.0]\nc = []\nd = [\"x\"]".parse().unwrap();
        let stored = |key: &str| FieldValue::from_toml(&table[key]).unwrap().to_string();
        for (key, written) in [("a", "[64,64]"), ("b", "[.5, 2]"), ("c", "[ ]"), ("d", "[x]")] {
            assert_eq!(stored(key), written_list(written).unwrap());
        }
        assert_eq!(written_list("64"), None);
    }

    #[test]
    fn facts_are_kept_and_become_json() {
        let (text, words) = (|text: &str| FieldValue::Text(text.to_owned()), ["a".to_owned(), "b.c".to_owned()]);
        for (fact, expected) in [
            (FieldValue::Flag(true), json!(true)),
            (text("true"), json!("true")),
            (text("[1]"), json!("[1]")),
            (
                FieldValue::List(vec![
                    FieldValue::Integer(64),
                    FieldValue::Number(0.5),
                    text("x"),
                    FieldValue::Flag(false),
                ]),
                json!([64, 0.5, "x", false]),
            ),
            (FieldValue::List(Vec::new()), json!([])),
            (FieldValue::Words(words.to_vec()), json!(["a", "b.c"])),
            (FieldValue::Number(f64::NEG_INFINITY), json!("-inf")),
            (FieldValue::Integer(i64::MAX), json!(i64::MAX)),
        ] {
            assert_eq!(fact.to_json(), expected);
            let again = match fact.to_sql().unwrap() {
                ToSqlOutput::Borrowed(value) => FieldValue::column_result(value),
                ToSqlOutput::Owned(value) => FieldValue::column_result((&value).into()),
                other => panic!("{other:?}"),
            };
            assert_eq!(again.unwrap(), fact);
        }
    }
}
