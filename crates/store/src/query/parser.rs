use super::{Comparison, Filter, Operator};
use crate::Error;
use crate::canonical;

impl Filter {
    /// Reads a filter:
    ///
    /// ```text
    /// either     = both { "or" both }
    /// both       = one { "and" one }
    /// one        = "not" one | "(" either ")" | key operator value
    /// operator   = "=" | "==" | "!=" | "<" | "<=" | ">" | ">=" | "~"        (~ is: contains)
    /// value      = 'quoted' | "quoted" | [1, 2] | anything without blanks, quotes and parentheses
    /// ```
    ///
    /// # Errors
    /// [`Error::Filter`], with the place.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let mut parser = Parser { text, at: 0, depth: 0, counted: (0, 1) };
        let filter = parser.either()?;
        match parser.word().is_empty() && parser.rest().is_empty() {
            true => Ok(filter),
            false => Err(parser.expected("`and`, `or` or the end")),
        }
    }
}

/// So many characters of what was got are shown.
const SHOWN: usize = 60;
/// Parentheses and negations may be nested so deep.
const DEPTH: usize = 100;

struct Parser<'a> {
    text: &'a str,
    /// In bytes.
    at: usize,
    depth: usize,
    /// A place and its column, from which others are counted on.
    counted: (usize, usize),
}

impl<'a> Parser<'a> {
    fn either(&mut self) -> Result<Filter, Error> {
        let mut parts = vec![self.both()?];
        while self.keyword("or") {
            parts.push(self.both()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Filter::Or(parts) })
    }

    fn both(&mut self) -> Result<Filter, Error> {
        let mut parts = vec![self.one()?];
        while self.keyword("and") {
            parts.push(self.one()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Filter::And(parts) })
    }

    fn one(&mut self) -> Result<Filter, Error> {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err(self.expected("less than a hundred parentheses and `not`"));
        }
        let filter = if self.keyword("not") {
            Filter::Not(Box::new(self.one()?))
        } else if self.symbol("(") {
            let inner = self.either()?;
            if !self.symbol(")") {
                return Err(self.expected("`and`, `or` or `)`"));
            }
            inner
        } else {
            Filter::Compare(self.comparison()?)
        };
        self.depth -= 1;
        Ok(filter)
    }

    fn comparison(&mut self) -> Result<Comparison, Error> {
        let key = self.word();
        if key.is_empty() {
            return Err(self.expected("a comparison like `tuner=cdat`"));
        }
        let column = self.column();
        self.at += key.len();
        let Some((_, operator)) = Operator::ALL.into_iter().find(|(symbol, _)| self.symbol(symbol)) else {
            return Err(self.expected(&format!("=, !=, <, <=, >, >= or ~ after `{key}`")));
        };
        self.rest();
        let value_column = self.column();
        let (value, quoted) = self.value()?;
        let number = if quoted { None } else { value.parse().ok().filter(|number: &f64| !number.is_nan()) };
        let (key, value) = (canonical(key).to_owned(), value.to_owned());
        Ok(Comparison { key, column, operator, value, value_column, number })
    }

    /// A value, and whether it was in quotes.
    fn value(&mut self) -> Result<(&'a str, bool), Error> {
        let rest = self.rest();
        let within = |open: char, close: char| {
            let inner = rest.strip_prefix(open)?;
            Some(inner.find(close).map(|end| &inner[..end]))
        };
        for quote in ['"', '\''] {
            match within(quote, quote) {
                None => {}
                Some(None) => return Err(self.expected(&format!("a closing {quote}"))),
                Some(Some(inner)) => {
                    self.at += inner.len() + 2;
                    return Ok((inner, true));
                }
            }
        }
        let length = match within('[', ']') {
            Some(None) => return Err(self.expected("a closing ]")),
            Some(Some(inner)) => inner.len() + 2,
            None => rest.find(|c: char| c.is_whitespace() || "()\"'".contains(c)).unwrap_or(rest.len()),
        };
        if length == 0 {
            return Err(self.expected("a value"));
        }
        self.at += length;
        Ok((&rest[..length], false))
    }

    /// What is left, without the blanks before it.
    fn rest(&mut self) -> &'a str {
        let rest = &self.text[self.at..];
        let trimmed = rest.trim_start();
        self.at += rest.len() - trimmed.len();
        trimmed
    }

    /// The word that comes next, a key or a keyword; empty if something else does.
    fn word(&mut self) -> &'a str {
        let rest = self.rest();
        &rest[..rest.find(|c: char| !c.is_alphanumeric() && !"_.-".contains(c)).unwrap_or(rest.len())]
    }

    fn keyword(&mut self, keyword: &str) -> bool {
        let word = self.word();
        let found = word.eq_ignore_ascii_case(keyword);
        self.at += if found { word.len() } else { 0 };
        found
    }

    fn symbol(&mut self, symbol: &str) -> bool {
        let found = self.rest().starts_with(symbol);
        self.at += if found { symbol.len() } else { 0 };
        found
    }

    /// Where it is, in characters from 1.
    fn column(&mut self) -> usize {
        let (at, column) = self.counted;
        self.counted = (self.at, column + self.text[at..self.at].chars().count());
        self.counted.1
    }

    fn expected(&mut self, expected: &str) -> Error {
        let rest = self.rest();
        let shown = rest.char_indices().nth(SHOWN).map_or(rest, |(end, _)| &rest[..end]);
        let got = if rest.is_empty() { "the end".to_owned() } else { format!("`{shown}`") };
        Error::Filter { column: self.column(), expected: expected.to_owned(), got }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_point_at_the_place() {
        for (text, expected) in [
            ("", "column 1: expected a comparison like `tuner=cdat`, got the end"),
            ("tuner", "column 6: expected =, !=, <, <=, >, >= or ~ after `tuner`, got the end"),
            ("tuner = ", "column 9: expected a value, got the end"),
            ("tuner=cdat final_loss<1", "column 12: expected `and`, `or` or the end, got `final_loss<1`"),
            ("tuner=cdat and", "column 15: expected a comparison like `tuner=cdat`, got the end"),
            ("(tuner=cdat", "column 12: expected `and`, `or` or `)`, got the end"),
            ("tuner=cdat)", "column 11: expected `and`, `or` or the end, got `)`"),
            ("name='a", "column 6: expected a closing ', got `'a`"),
            ("model.hidden=[64", "column 14: expected a closing ], got `[64`"),
            ("name=σ and & = 1", "column 12: expected a comparison like `tuner=cdat`, got `& = 1`"),
        ] {
            let message = Filter::parse(text).unwrap_err().to_string();
            assert_eq!(message, format!("where: {expected}; try `tuner=cdat and final_loss<0.3`"));
        }
        let deep = format!("{}tuner=cdat", "not ".repeat(100_000));
        assert!(Filter::parse(&deep).unwrap_err().to_string().contains("less than a hundred"));
    }

    #[test]
    fn a_long_filter_is_read_in_one_go() {
        let long = vec!["σ=1"; 100_000].join(" or ");
        let Filter::Or(parts) = Filter::parse(&long).unwrap() else { panic!() };
        assert_eq!(parts.len(), 100_000);
        let message = Filter::parse(&format!("{long} or & {}", "x".repeat(1000))).unwrap_err().to_string();
        let column = long.chars().count() + " or ".len() + 1;
        assert!(message.starts_with(&format!("where: column {column}: expected a comparison")), "{message}");
        assert!(message.len() < 300, "{}", message.len());
    }

    /// Filters put together at random, as a seed decides, are read or refused.
    #[test]
    fn whatever_is_written_is_read_or_refused() {
        let pieces = [
            "tuner",
            "=",
            "cdat",
            " and ",
            " or ",
            "not ",
            "(",
            ")",
            "<",
            ">=",
            "!=",
            "~",
            "'",
            "\"",
            "[",
            "]",
            "[1, 2]",
            "0.3",
            "1e999",
            "NaN",
            "-",
            ".",
            "σ",
            "\u{feff}",
            "\n",
            " ",
            "\0",
            "final_loss",
            "&",
            ",",
        ];
        let (mut bits, mut read) = (7_u64, 0);
        for _ in 0..20_000 {
            let mut text = String::new();
            loop {
                bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let drawn = (bits >> 33) as usize % (pieces.len() + 4);
                let Some(piece) = pieces.get(drawn) else { break };
                text += piece;
            }
            match Filter::parse(&text) {
                Ok(_) => read += 1,
                Err(error) => assert!(error.to_string().starts_with("where: column "), "{text}: {error}"),
            }
        }
        assert!(read > 5, "{read}");
    }

    #[test]
    fn values_may_hold_what_operators_are_made_of() {
        let Filter::Compare(comparison) = Filter::parse("name=rate=0.1~x").unwrap() else { panic!() };
        assert_eq!(comparison.value, "rate=0.1~x");
    }
}
