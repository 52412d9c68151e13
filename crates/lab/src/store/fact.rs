use std::fmt;

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};

/// One thing known of a run.
#[derive(Debug, Clone, PartialEq)]
pub enum Fact {
    /// A whole number.
    Integer(i64),
    /// A number.
    Number(f64),
    /// Text; a flag is `true` or `false`, a list `[64, 64]`.
    Text(String),
}

impl Fact {
    /// Its value, if it is a number.
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Integer(integer) => Some(*integer as f64),
            Self::Number(number) => Some(*number),
            Self::Text(_) => None,
        }
    }

    /// As JSON, which has no infinities: they become text.
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Integer(integer) => (*integer).into(),
            Self::Number(number) if number.is_finite() => (*number).into(),
            Self::Number(number) => number.to_string().into(),
            Self::Text(text) => text.as_str().into(),
        }
    }

    /// What a spec says; nothing for tables and dates, which no setting is.
    pub(super) fn from_toml(value: &toml::Value) -> Option<Self> {
        Some(match value {
            toml::Value::String(text) => Self::Text(text.clone()),
            toml::Value::Integer(integer) => Self::Integer(*integer),
            toml::Value::Float(number) => Self::Number(*number),
            toml::Value::Boolean(flag) => Self::Text(flag.to_string()),
            toml::Value::Array(items) => {
                let items: Vec<String> =
                    items.iter().filter_map(Self::from_toml).map(|fact| fact.in_a_list()).collect();
                Self::Text(list(&items))
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
            serde_json::Value::Bool(flag) => Some(Self::Text(flag.to_string())),
            _ => None,
        }
    }

    /// In lists 2 and 2.0 are the same.
    fn in_a_list(&self) -> String {
        match self {
            Self::Integer(integer) => integer.to_string(),
            Self::Number(number) => number.to_string(),
            Self::Text(text) => text.clone(),
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

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(integer) => write!(f, "{integer}"),
            Self::Number(number) => write!(f, "{number:?}"),
            Self::Text(text) => f.write_str(text),
        }
    }
}

impl From<&str> for Fact {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Fact {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl ToSql for Fact {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        match self {
            Self::Integer(integer) => integer.to_sql(),
            Self::Number(number) => number.to_sql(),
            Self::Text(text) => text.to_sql(),
        }
    }
}

impl FromSql for Fact {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value {
            ValueRef::Integer(integer) => Ok(Self::Integer(integer)),
            ValueRef::Real(number) => Ok(Self::Number(number)),
            ValueRef::Text(_) => value.as_str().map(Self::from),
            ValueRef::Null => Ok(Self::Number(f64::NAN)),
            ValueRef::Blob(_) => Err(FromSqlError::InvalidType),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_alike_however_they_are_written() {
        let table: toml::Table = "a = [64, 64]\nb = [0.5, 2.0]\nc = []\nd = [\"x\"]".parse().unwrap();
        let stored = |key: &str| Fact::from_toml(&table[key]).unwrap().to_string();
        for (key, written) in [("a", "[64,64]"), ("b", "[.5, 2]"), ("c", "[ ]"), ("d", "[x]")] {
            assert_eq!(stored(key), written_list(written).unwrap());
        }
        assert_eq!(written_list("64"), None);
    }
}
