use std::fmt;

/// The type of a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `true` or `false`.
    Flag,
    /// A whole number.
    Integer,
    /// A number; a whole number is accepted too. `inf` is a number.
    Number,
    /// Text.
    Text,
    /// The path of a file or folder, as text.
    Path,
    /// A list of whole numbers.
    Integers,
    /// A list of numbers.
    Numbers,
    /// A list of numbers, or this word.
    NumbersOr(&'static str),
    /// A list of texts.
    Texts,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NumbersOr(word) => return write!(f, "a list of numbers or `{word}`"),
            Self::Flag => "true or false",
            Self::Integer => "a whole number",
            Self::Number => "a number",
            Self::Text => "text",
            Self::Path => "a path",
            Self::Integers => "a list of whole numbers",
            Self::Numbers => "a list of numbers",
            Self::Texts => "a list of texts",
        })
    }
}

/// A value as a spec gives it.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `true` or `false`.
    Flag(bool),
    /// A whole number.
    Integer(i64),
    /// A number.
    Number(f64),
    /// Text.
    Text(String),
    /// A list.
    List(Vec<Value>),
}

impl Value {
    /// This value as a value of `kind`: whole numbers become numbers where a number is wanted. `None` if it does not fit.
    pub fn into_kind(self, kind: Kind) -> Option<Value> {
        match (kind, self) {
            (Kind::Flag, v @ Value::Flag(_)) | (Kind::Text | Kind::Path, v @ Value::Text(_)) => Some(v),
            (Kind::Integer, v @ Value::Integer(_)) | (Kind::Number, v @ Value::Number(_)) => Some(v),
            (Kind::Number, Value::Integer(i)) => Some(Value::Number(i as f64)),
            (Kind::Integers, Value::List(items)) => each(items, Kind::Integer),
            (Kind::Texts, Value::List(items)) => each(items, Kind::Text),
            (Kind::Numbers | Kind::NumbersOr(_), Value::List(items)) => each(items, Kind::Number),
            (Kind::NumbersOr(word), Value::Text(text)) if text == word => Some(Value::Text(text)),
            _ => None,
        }
    }

    /// Reads `text` as written in a spec, without quotes needed for text: `0.9`, `true`, `relu`, `[256, 256]`. Quotes,
    /// double or single, make text of anything: `"0.9"`, `'true'`.
    pub fn parse(text: &str) -> Value {
        let text = text.trim();
        if let Some(inner) = unquoted(text) {
            return Value::Text(inner.to_owned());
        }
        if let Some(inner) = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')) {
            let items = items(inner);
            return Value::List(items.filter(|item| !item.trim().is_empty()).map(Value::parse).collect());
        }
        match text {
            "true" => Value::Flag(true),
            "false" => Value::Flag(false),
            _ => {
                if let Ok(integer) = text.parse() {
                    Value::Integer(integer)
                } else if let Ok(number) = text.parse() {
                    Value::Number(number)
                } else {
                    Value::Text(text.to_owned())
                }
            }
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => write!(f, "{flag}"),
            Self::Integer(integer) => write!(f, "{integer}"),
            Self::Number(number) => write!(f, "{number:?}"),
            Self::Text(text) => write!(f, "\"{text}\""),
            Self::List(items) => {
                let items: Vec<String> = items.iter().map(ToString::to_string).collect();
                write!(f, "[{}]", items.join(", "))
            }
        }
    }
}

/// What stands between quotes of one kind.
fn unquoted(text: &str) -> Option<&str> {
    let quote = text.chars().next().filter(|first| matches!(first, '"' | '\''))?;
    let inner = text.strip_prefix(quote)?.strip_suffix(quote)?;
    (!inner.contains(quote)).then_some(inner)
}

/// The items of a list: commas within quotes and inner lists part nothing.
fn items(text: &str) -> impl Iterator<Item = &str> {
    let (mut depth, mut quote) = (0_usize, None);
    text.split(move |c: char| {
        match (quote, c) {
            (Some(open), _) if open == c => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '[') => depth += 1,
            (None, ']') => depth = depth.saturating_sub(1),
            (None, _) => {}
        }
        c == ',' && depth == 0 && quote.is_none()
    })
}

fn each(items: Vec<Value>, kind: Kind) -> Option<Value> {
    items.into_iter().map(|item| item.into_kind(kind)).collect::<Option<Vec<_>>>().map(Value::List)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_what_it_prints() {
        for text in ["true", "17", "0.25", "inf", "[256, 128]", "[0.5, 2.0]"] {
            assert_eq!(Value::parse(text).to_string(), text);
        }
        assert_eq!(Value::parse("relu"), Value::Text("relu".to_owned()));
    }

    #[test]
    fn quotes_of_both_kinds_make_text() {
        let text = |text: &str| Value::Text(text.to_owned());
        assert_eq!(Value::parse("'my data/x.csv'"), text("my data/x.csv"));
        assert_eq!(Value::parse(" \"7\" "), text("7"));
        assert_eq!(Value::parse("''"), text(""));
        // An apostrophe is no quote.
        assert_eq!([Value::parse("anna's"), Value::parse("'t is 't")], [text("anna's"), text("'t is 't")]);
        assert_eq!(Value::parse("['a, b', c]"), Value::List(vec![text("a, b"), text("c")]));
    }

    #[test]
    fn lists_may_hold_lists() {
        assert_eq!(Value::parse("[[8], [8, 4]]").to_string(), "[[8], [8, 4]]");
        assert_eq!(Value::parse("[[], 3]").to_string(), "[[], 3]");
    }

    #[test]
    fn whole_numbers_serve_as_numbers_but_not_the_reverse() {
        assert_eq!(Value::Integer(2).into_kind(Kind::Number), Some(Value::Number(2.0)));
        assert_eq!(Value::Number(2.0).into_kind(Kind::Integer), None);
    }

    #[test]
    fn a_list_of_texts_holds_nothing_else() {
        let listed = |text: &str| Value::parse(text).into_kind(Kind::Texts).map(|value| value.to_string());
        assert_eq!(listed("[id, \"0\"]").unwrap(), "[\"id\", \"0\"]");
        assert_eq!(listed("[]").unwrap(), "[]");
        assert_eq!((listed("[id, 0]"), listed("id")), (None, None));
    }

    #[test]
    fn a_word_stands_for_a_list_where_it_may() {
        let kind = Kind::NumbersOr("balanced");
        assert_eq!(Value::parse("balanced").into_kind(kind), Some(Value::Text("balanced".to_owned())));
        assert_eq!(Value::parse("[1, 0.5]").into_kind(kind), Some(Value::parse("[1.0, 0.5]")));
        assert_eq!(Value::parse("even").into_kind(kind), None);
        assert_eq!(kind.to_string(), "a list of numbers or `balanced`");
    }
}
